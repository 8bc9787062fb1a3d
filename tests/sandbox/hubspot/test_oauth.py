"""Signing in with OAuth: asked on a page, granted by a code, kept by a refresh token."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from connector.sandbox.hubspot.grants import challenge_of

VERIFIER = "a-secret-of-the-client-that-does-not-travel-with-the-question"
SCOPES = "oauth crm.objects.companies.read"
COMPANIES = "/crm/v3/objects/companies"
VERSIONS = ("v1", "v3", "2026-03", "2026-09")


class Client:
    """An app that signs in; what it sends can be changed by name."""

    def __init__(self, account: Any) -> None:
        self.account, self.keys = account, account.keys
        self.version = "v3"
        account.control(oauth={"consent": "auto"})

    def ask(self, **changed: str | None) -> requests.Response:
        """Opens the page that asks."""
        query = {
            "client_id": self.keys["client_id"],
            "redirect_uri": self.keys["redirect_uri"],
            "scope": SCOPES,
            "state": "s",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            **changed,
        }
        address = self.keys["authorize_url"]
        return requests.get(address, params=query, allow_redirects=False, timeout=10)

    def token(self, grant: str, **changed: str) -> requests.Response:
        """Posts a form to the token address."""
        form = {"grant_type": grant, **self.secrets, **changed}
        address = f"{self.account.url}/oauth/{self.version}/token"
        return requests.post(address, data=form, timeout=10)

    def exchange(self, code: str, **changed: str) -> requests.Response:
        """Takes a code to the token address."""
        told = {"redirect_uri": self.keys["redirect_uri"], "code_verifier": VERIFIER, **changed}
        return self.token("authorization_code", code=code, **told)

    def granted(self) -> dict[str, Any]:
        """What a code gave."""
        answer = self.exchange(back(self.ask())["code"])
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def again(self, token: str) -> requests.Response:
        """Takes a refresh token to the token address."""
        return self.token("refresh_token", refresh_token=token)

    def about(self, token: str) -> dict[str, Any]:
        """Asks about a token."""
        address = f"{self.account.url}/oauth/{self.version}/token/introspect"
        answer = requests.post(address, data={**self.secrets, "token": token}, timeout=10)
        found: dict[str, Any] = answer.json()
        return found

    @property
    def secrets(self) -> dict[str, str]:
        """What tells the app from others."""
        return {name: self.keys[name] for name in ("client_id", "client_secret")}


@pytest.fixture
def client(account) -> Client:
    """An app whose users are not asked."""
    return Client(account)


def back(answer: requests.Response) -> dict[str, str]:
    """What is told in the address that a browser is sent back to."""
    assert answer.headers["Location"].startswith("http://localhost:1717/callback?")
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_code_gives_a_token_that_works_for_half_an_hour(client, version):
    """In every spelling of the address; the token is long, and ends by the sandbox's clock."""
    client.version = version
    told = client.granted()
    assert (told["expires_in"], told["token_type"]) == (1_800, "bearer")
    assert len(told["access_token"]) >= 300
    token = told["access_token"]
    assert client.account.call("GET", COMPANIES, token=token).ok
    client.account.advance("31m")
    answer = client.account.call("GET", COMPANIES, token=token)
    assert (answer.status_code, answer.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert answer.json()["context"]["expire time"][0].endswith("Z")


def test_the_newer_addresses_tell_the_account(client):
    """Whose it is, and which scopes were granted; the older one does not."""
    told = client.granted()
    assert told["hub_id"] == client.keys["portal_id"]
    assert told["scopes"] == SCOPES.split()
    client.version = "v1"
    assert "hub_id" not in client.granted()


def test_a_token_has_the_scopes_that_were_granted(client):
    """And no more, whatever the app has."""
    token = client.granted()["access_token"]
    answer = client.account.call("GET", "/crm/v3/objects/contacts", token=token)
    assert answer.json()["category"] == "MISSING_SCOPES"


def test_optional_scopes_are_granted_if_they_can_be_had(client):
    """One that the account's plan has not is left out."""
    client.account.control(portal={"plan": "free"})
    wanted = "tickets crm.objects.custom.read"
    code = back(client.ask(optional_scope=wanted))["code"]
    assert client.exchange(code).json()["scopes"] == [*SCOPES.split(), "tickets"]


def test_the_state_comes_back(client):
    """As it was sent."""
    assert back(client.ask(state="a b&c"))["state"] == "a b&c"


def test_who_says_no_is_told(client):
    """No code, but OAuth's word for it."""
    client.account.control(oauth={"consent": "deny"})
    assert back(client.ask())["error"] == "access_denied"


def test_a_person_is_asked(client):
    """The page names the scopes; what is chosen there is what counts."""
    client.account.control(oauth={"consent": "ask"})
    page = client.ask()
    assert page.status_code == 200
    assert "crm.objects.companies.read" in page.text
    hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    form = {name: unescape(value) for name, value in hidden.items() if name != "answer"}
    answer = requests.post(
        page.url, data={**form, "answer": "allow"}, allow_redirects=False, timeout=10
    )
    assert client.exchange(back(answer)["code"]).ok


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "somebody"},
        {"redirect_uri": "https://elsewhere.example/callback"},
        {"scope": "crm.objects.everything.read"},
        {"scope": ""},
        {"code_challenge": "short"},
        {"code_challenge_method": "plain"},
    ],
)
def test_a_wrong_question_goes_nowhere(client, changed):
    """It is shown on the page: nobody is sent anywhere."""
    answer = client.ask(**changed)
    assert answer.status_code == 400
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"code_verifier": "another"}, "BAD_CODE_VERIFIER"),
        (
            {"redirect_uri": "http://localhost:3000/oauth-callback"},
            "MISMATCH_REDIRECT_URI_AUTH_CODE",
        ),
        ({"client_secret": "guessed"}, "BAD_CLIENT_SECRET"),
        ({"client_id": "somebody"}, "BAD_CLIENT_ID"),
    ],
)
def test_a_code_is_refused_to_whoever_did_not_ask_for_it(client, changed, status):
    """With 400, and the word for it where the vendor writes it."""
    answer = client.exchange(back(client.ask())["code"], **changed)
    assert (answer.status_code, answer.json()["status"]) == (400, status)


def test_a_code_is_good_once_and_for_ten_minutes(client):
    """A second use is refused, and so is a late first one."""
    code = back(client.ask())["code"]
    assert client.exchange(code).ok
    assert client.exchange(code).json()["status"] == "BAD_AUTH_CODE"
    late = back(client.ask())["code"]
    client.account.advance("11m")
    assert client.exchange(late).json()["status"] == "EXPIRED_AUTH_CODE"


def test_without_a_challenge_none_is_needed_unless_the_app_says_so(client):
    """PKCE is the app's choice."""
    plain = {"code_challenge": None, "code_challenge_method": None}
    assert client.exchange(back(client.ask(**plain))["code"], code_verifier="").ok
    client.account.control(oauth={"pkce": True})
    assert client.ask(**plain).status_code == 400


def test_a_refresh_token_stays_the_same(client):
    """It gives token after token until somebody takes it back."""
    first = client.granted()
    second = client.again(first["refresh_token"]).json()
    assert second["refresh_token"] == first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert client.account.call("GET", COMPANIES, token=second["access_token"]).ok


def test_a_refresh_token_that_rotates_is_good_once(client):
    """The second use of one ends the grant, with the token that took its place."""
    client.account.control(oauth={"rotation": True})
    first = client.granted()
    second = client.again(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    answer = client.again(first["refresh_token"])
    assert (answer.status_code, answer.json()["status"]) == (400, "BAD_REFRESH_TOKEN")
    assert client.again(second["refresh_token"]).status_code == 400
    assert client.account.call("GET", COMPANIES, token=second["access_token"]).status_code == 401
    (grant,) = client.account.control()["oauth"]["grants"]
    assert (grant["ended"], grant["rotations"]) == ("reuse", 1)


def test_an_app_that_is_uninstalled_gets_no_more_tokens(client):
    """And those it had are gone."""
    told = client.granted()
    client.account.control(oauth={"end": True})
    assert client.account.call("GET", COMPANIES, token=told["access_token"]).status_code == 401
    assert client.again(told["refresh_token"]).json()["status"] == "BAD_REFRESH_TOKEN"


def test_access_tokens_can_end_early(client):
    """The refresh token gives another one, so that the clock need not be turned."""
    told = client.granted()
    client.account.control(oauth={"expire": True})
    answer = client.account.call("GET", COMPANIES, token=told["access_token"])
    assert answer.json()["category"] == "EXPIRED_AUTHENTICATION"
    new = client.again(told["refresh_token"]).json()["access_token"]
    assert client.account.call("GET", COMPANIES, token=new).ok


def test_the_life_of_access_tokens_can_be_set(client):
    """As the answer says, and as it is."""
    client.account.control(oauth={"expires_in": 60})
    told = client.granted()
    assert told["expires_in"] == 60
    client.account.advance("2m")
    assert client.account.call("GET", COMPANIES, token=told["access_token"]).status_code == 401


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_secrets_in_the_address_are_refused_by_the_newer_addresses(client, version):
    """There they would be written into logs."""
    token = client.granted()["refresh_token"]
    query = {**client.secrets, "grant_type": "refresh_token", "refresh_token": token}
    address = f"{client.account.url}/oauth/{version}/token"
    answer = requests.post(address, params=query, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    old = requests.post(f"{client.account.url}/oauth/v1/token", params=query, timeout=10)
    assert old.ok


def test_a_token_is_described_to_the_app_that_has_it(client):
    """Access and refresh tokens; a minute later there is a minute less."""
    told = client.granted()
    client.account.advance("1m")
    about = client.about(told["access_token"])
    assert (about["active"], about["token_use"]) == (True, "access_token")
    assert about["hub_id"] == client.keys["portal_id"]
    assert 1_730 <= about["expires_in"] <= 1_740
    assert client.about(told["refresh_token"])["token_use"] == "refresh_token"
    assert client.about("na1-nothing") == {"active": False}


def test_the_older_addresses_name_the_token(client):
    """An access token and a refresh token each have one; the latter can be forgotten there."""
    told, url = client.granted(), client.account.url
    about = requests.get(f"{url}/oauth/v1/access-tokens/{told['access_token']}", timeout=10).json()
    assert (about["hub_id"], about["app_id"]) == (client.keys["portal_id"], 3_100_003)
    address = f"{url}/oauth/v1/refresh-tokens/{told['refresh_token']}"
    assert requests.get(address, timeout=10).json()["client_id"] == client.keys["client_id"]
    assert requests.delete(address, timeout=10).status_code == 204
    assert requests.get(address, timeout=10).status_code == 404


def test_a_token_can_be_taken_back(client):
    """The refresh token, and with it what it gave; what is unknown is gone as well."""
    told = client.granted()
    address = f"{client.account.url}/oauth/2026-09/token/revoke"
    for token in (told["refresh_token"], "na1-nothing"):
        answer = requests.post(address, data={**client.secrets, "token": token}, timeout=10)
        assert answer.status_code == 200
    assert client.account.call("GET", COMPANIES, token=told["access_token"]).status_code == 401


def test_a_key_is_described_without_oauth(client):
    """Whose it is and what it may do; of a stranger's nothing is told."""
    address = "/oauth/v2/private-apps/get/access-token-info"
    told = client.account.post(address, {"tokenKey": client.keys["token"]})
    assert (told["hubId"], told["appId"]) == (client.keys["portal_id"], 3_100_001)
    assert "crm.objects.companies.write" in told["scopes"]
    stranger = {"tokenKey": "pat-na1-00000000-0000-4000-8000-000000000000"}
    assert client.account.call("POST", address, json=stranger).status_code == 401


def test_oauth_has_its_own_burst_and_no_day(client):
    """110 in ten seconds for an account; the headers of the day are not there."""
    client.account.control(plan="professional")
    answer = client.account.call("GET", COMPANIES, token=client.granted()["access_token"])
    assert answer.headers["X-HubSpot-RateLimit-Max"] == "110"
    assert "X-HubSpot-RateLimit-Daily" not in answer.headers
