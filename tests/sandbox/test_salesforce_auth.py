"""Signing in, and what a session is good for."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import RSAKey

from connector.sandbox.salesforce.grants import challenge_of
from connector.sandbox.salesforce.setup import new_app

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture
def sign_in(url: str) -> Callable[..., requests.Response]:
    """Posts a form to the token address."""

    def post(**form: str) -> requests.Response:
        return requests.post(f"{url}/services/oauth2/token", data=form, timeout=10)

    return post


@pytest.fixture
def assertion(app: dict[str, Any]) -> Callable[..., str]:
    """Signs the usual claims, some of them changed."""

    def sign(key: str = app["private_key"], **changed: Any) -> str:
        claims = {
            "iss": app["client_id"],
            "sub": app["username"],
            "aud": "https://login.salesforce.com",
            "exp": int(time.time()) + 170,
        }
        return jwt.encode({"alg": "RS256"}, {**claims, **changed}, RSAKey.import_key(key))

    return sign


VERIFIER = "a-secret-of-the-client-that-does-not-travel-with-the-question"
CALLBACK = "http://localhost:1717/callback"


@pytest.fixture
def oauth(url: str) -> Callable[..., dict[str, Any]]:
    """Sets options of the app and the host; options and grants as they are now."""

    def change(**options: Any) -> dict[str, Any]:
        answer = requests.post(f"{url}/_sandbox/oauth", json=options, timeout=10)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    return change


@pytest.fixture
def authorize(url: str, app: dict[str, Any], oauth) -> Callable[..., requests.Response]:
    """Opens the address that asks; nobody is asked unless `consent` says so."""

    def ask(consent: str = "auto", **changed: str) -> requests.Response:
        oauth(consent=consent)
        query = {
            "response_type": "code",
            "client_id": app["client_id"],
            "redirect_uri": CALLBACK,
            "scope": "api id refresh_token",
            "state": "s",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            **changed,
        }
        address = f"{url}/services/oauth2/authorize"
        return requests.get(address, params=query, allow_redirects=False, timeout=10)

    return ask


@pytest.fixture
def trade(sign_in, app: dict[str, Any]) -> Callable[..., requests.Response]:
    """Takes a code to the token address; what is None is left out."""

    def exchange(code: str, **changed: str | None) -> requests.Response:
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "client_id": app["client_id"],
            "client_secret": app["client_secret"],
            "code_verifier": VERIFIER,
            **changed,
        }
        return sign_in(**{name: value for name, value in form.items() if value is not None})

    return exchange


@pytest.fixture
def granted(authorize, trade) -> dict[str, Any]:
    """What a code gave."""
    found: dict[str, Any] = trade(code_of(authorize())).json()
    return found


@pytest.fixture
def again(sign_in, app: dict[str, Any]) -> Callable[[str], requests.Response]:
    """Takes a refresh token to the token address."""
    keys = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    return lambda token: sign_in(grant_type="refresh_token", refresh_token=token, **keys)


@pytest.fixture
def introspect(url: str, app: dict[str, Any]) -> Callable[[str], dict[str, Any]]:
    """Asks about a token."""
    keys = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    address = f"{url}/services/oauth2/introspect"
    return lambda token: requests.post(address, data={**keys, "token": token}, timeout=10).json()


def code_of(answer: requests.Response) -> str:
    """The code in the address that a browser is sent back to."""
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))["code"]


def test_a_signed_assertion_gives_a_session(sign_in, assertion, url, app):
    """The token answer names the instance and the user, and the token works."""
    answer = sign_in(grant_type=JWT_GRANT, assertion=assertion()).json()
    assert answer["instance_url"] == url
    assert answer["id"].split("/")[-2] == app["org_id"]
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    assert requests.get(f"{url}/services/data/v66.0/limits", headers=headers, timeout=10).ok


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"aud": "https://acme.my.salesforce.com"}, "invalid_grant", "audience is invalid"),
        ({"iss": "somebody"}, "invalid_client_id", "client identifier invalid"),
        ({"sub": "nobody@example.com"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"exp": 1_000}, "invalid_grant", "token validity expired"),
        ({"exp": 4_000_000_000}, "invalid_grant", "token validity expired"),
    ],
)
def test_an_assertion_with_a_wrong_claim_is_refused(sign_in, assertion, changed, error, said):
    """The error says which claim it is."""
    answer = sign_in(grant_type=JWT_GRANT, assertion=assertion(**changed))
    assert answer.status_code == 400
    assert answer.json() == {"error": error, "error_description": said}


def test_an_assertion_signed_by_somebody_else_is_refused(sign_in, assertion):
    """The right claims with the wrong key are worth nothing."""
    answer = sign_in(grant_type=JWT_GRANT, assertion=assertion(key=new_app()["private_key"]))
    assert answer.json() == {"error": "invalid_grant", "error_description": "invalid assertion"}


def test_an_assertion_by_the_sandboxs_clock_is_accepted(sign_in, assertion, store):
    """A client that takes its time from the Date header signs with that."""
    expires = int(store.clock.now().timestamp()) + 170
    assert sign_in(grant_type=JWT_GRANT, assertion=assertion(exp=expires)).ok


def test_the_client_may_sign_in_with_a_basic_header(url, app):
    """Client credentials work in the header as they do in the form."""
    answer = requests.post(
        f"{url}/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(app["client_id"], app["client_secret"]),
        timeout=10,
    )
    assert answer.json()["token_type"] == "Bearer"


def test_a_wrong_secret_is_refused(sign_in, app):
    """A bad client is 401, not 400."""
    answer = sign_in(
        grant_type="client_credentials", client_id=app["client_id"], client_secret="guess"
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_there_is_no_password_flow(sign_in):
    """External client apps do not have it."""
    answer = sign_in(grant_type="password", username="a", password="b")
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_a_call_without_a_session_is_refused(url):
    """The body is the one every client looks for."""
    answer = requests.get(f"{url}/services/data/v66.0/limits", timeout=10)
    assert answer.status_code == 401
    assert answer.json() == [
        {"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}
    ]


def test_a_session_that_is_not_used_for_hours_ends(client):
    """Two hours of the sandbox's time, without a call."""
    client.control("POST", "clock", json={"advance": "121m"})
    assert client.call("GET", "/limits").status_code == 401


def test_a_session_in_use_lives_on(client):
    """Every call begins the two hours anew."""
    for _ in range(3):
        client.control("POST", "clock", json={"advance": "90m"})
        assert client.call("GET", "/limits").status_code == 200


def test_all_sessions_can_be_ended_at_once(client):
    """As an administrator does in the middle of a run."""
    assert client.control("POST", "expire-tokens") == {"expired": 1}
    assert client.call("GET", "/limits").status_code == 401


def test_a_revoked_session_is_over(client, url):
    """The token address takes tokens back."""
    form = {"token": client.token}
    assert requests.post(f"{url}/services/oauth2/revoke", data=form, timeout=10).ok
    assert client.call("GET", "/limits").status_code == 401


def test_introspection_tells_whether_a_token_is_alive(client, url, app):
    """Alive with its user, or merely not active."""
    form = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    address = f"{url}/services/oauth2/introspect"
    alive = requests.post(address, data={**form, "token": client.token}, timeout=10).json()
    dead = requests.post(address, data={**form, "token": "x"}, timeout=10).json()
    assert (alive["active"], alive["username"], dead) == (True, app["username"], {"active": False})


def test_the_user_can_ask_who_they_are(client, app):
    """Org and user come from the identity address."""
    answer = client.call("GET", "/services/oauth2/userinfo").json()
    assert (answer["organization_id"], answer["username"]) == (app["org_id"], app["username"])


def test_introspection_tells_when_a_session_ends(client, introspect, store):
    """Two hours from its last use."""
    left = introspect(client.token)["exp"] - store.clock.now().timestamp()
    assert 7_100 < left <= 7_200


def test_the_identity_service_refuses_in_its_own_way(url, client):
    """403 and a word of text, where the data API answers 401 and JSON."""
    address = f"{url}/services/oauth2/userinfo"
    wrong = requests.get(address, headers={"Authorization": "Bearer x"}, timeout=10)
    assert (wrong.status_code, wrong.text) == (403, "Bad_OAuth_Token")
    assert requests.get(address, timeout=10).text == "Missing_OAuth_Token"


# ── the browser: code, challenge, consent ─────────────────────────────────────────────────────


def test_a_person_is_asked_and_their_answer_leads_back(authorize, url):
    """The page names who may sign in; allowing it comes back with a code and the state."""
    page = authorize(consent="ask")
    assert page.status_code == 200
    assert "admin@sandbox.example" in page.text
    hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)">', page.text))
    form = {**{name: unescape(value) for name, value in hidden.items()}, "answer": "allow"}
    form["user"] = "admin@sandbox.example"
    address = f"{url}/services/oauth2/authorize"
    back = requests.post(address, data=form, allow_redirects=False, timeout=10)
    told = dict(parse_qsl(urlsplit(back.headers["Location"]).query))
    assert (told["state"], "code" in told) == ("s", True)


def test_a_code_gives_a_session_of_whoever_allowed_it(authorize, trade, client):
    """`login_hint` chooses the person, for tests of what each may see."""
    code = code_of(authorize(login_hint="admin@sandbox.example"))
    token = trade(code).json()["access_token"]
    who = replace(client, token=token).call("GET", "/services/oauth2/userinfo").json()
    assert who["username"] == "admin@sandbox.example"


def test_a_code_is_good_for_one_use(authorize, trade):
    """Also when the first use failed."""
    code = code_of(authorize())
    assert trade(code).ok
    assert trade(code).json()["error_description"] == "expired authorization code"


def test_a_code_expires(authorize, trade, client):
    """A quarter of an hour."""
    code = code_of(authorize())
    client.control("POST", "clock", json={"advance": "16m"})
    assert trade(code).json()["error_description"] == "expired authorization code"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": "v" * 43}, "invalid_request"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"redirect_uri": "http://localhost:1717/OauthRedirect"}, "redirect_uri_mismatch"),
        ({"client_secret": ""}, "invalid_client"),
        ({"client_id": "x"}, "invalid_client_id"),
    ],
)
def test_a_code_without_its_proof_is_worth_nothing(authorize, trade, changed, error):
    """Verifier, callback and client are those that asked."""
    assert trade(code_of(authorize()), **changed).json()["error"] == error


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "api everything"}, "invalid_scope"),
        ({"login_hint": "nobody@example.com"}, "access_denied"),
    ],
)
def test_what_is_wrong_with_the_question_is_told_to_the_app(authorize, changed, error):
    """By way of the callback, with the state."""
    told = dict(parse_qsl(urlsplit(authorize(**changed).headers["Location"]).query))
    assert (told["error"], told["state"]) == (error, "s")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_id": "x"}, "invalid_client_id"),
        ({"redirect_uri": "http://localhost:9/elsewhere"}, "redirect_uri_mismatch"),
    ],
)
def test_a_stranger_is_not_sent_anywhere(authorize, changed, error):
    """Where the callback cannot be trusted the error stays in the browser."""
    page = authorize(**changed)
    assert (page.status_code, page.headers.get("Location")) == (400, None)
    assert error in page.text


def test_an_app_that_is_not_installed_is_blocked(authorize, sign_in, assertion, oauth):
    """In the browser and at the token address."""
    oauth(installed=False)
    assert "app must be installed into org" in authorize().text
    answer = sign_in(grant_type=JWT_GRANT, assertion=assertion()).json()
    assert answer["error_description"] == "app must be installed into org"


def test_a_public_client_must_not_show_a_secret(authorize, trade, oauth):
    """It has none."""
    oauth(client="public")
    assert trade(code_of(authorize())).json()["error"] == "invalid_client"
    assert trade(code_of(authorize()), client_secret=None).ok


def test_without_the_scope_there_is_no_refresh_token(authorize, trade):
    """`refresh_token` or `offline_access` has to be asked for."""
    assert "refresh_token" not in trade(code_of(authorize(scope="api id"))).json()
    assert "refresh_token" in trade(code_of(authorize(scope="api offline_access"))).json()


# ── refresh tokens: rotation, reuse, idleness ─────────────────────────────────────────────────


def test_with_rotation_each_use_gives_the_next_token(granted, again):
    """And a session of the same user and scopes."""
    new = again(granted["refresh_token"]).json()
    assert new["refresh_token"] != granted["refresh_token"]
    assert (new["id"], new["scope"]) == (granted["id"], granted["scope"])


def test_showing_a_replaced_token_again_costs_the_whole_grant(granted, again, client, oauth):
    """The new refresh token and every session die with it."""
    new = again(granted["refresh_token"]).json()
    refused = again(granted["refresh_token"])
    said = {"error": "invalid_grant", "error_description": "expired access/refresh token"}
    assert (refused.status_code, refused.json()) == (400, said)
    assert again(new["refresh_token"]).json() == said
    assert replace(client, token=new["access_token"]).call("GET", "/limits").status_code == 401
    assert oauth()["grants"][0]["ended"] == "reuse"


def test_without_rotation_the_token_stays(granted, again, oauth):
    """The answer has no new one, and the old one is good again and again."""
    oauth(rotation=False)
    for _ in range(2):
        assert "refresh_token" not in again(granted["refresh_token"]).json()


def test_a_refresh_token_that_is_not_used_for_30_days_dies(granted, again, client):
    """Every use begins the thirty days anew."""
    token = granted["refresh_token"]
    for _ in range(2):
        client.control("POST", "clock", json={"advance": "29d"})
        token = again(token).json()["refresh_token"]
    client.control("POST", "clock", json={"advance": "31d"})
    assert again(token).json()["error_description"] == "expired access/refresh token"


def test_introspection_of_a_refresh_token_does_not_use_it(granted, again, introspect):
    """Alive until it is replaced, and asking about a dead one ends nothing."""
    old = granted["refresh_token"]
    assert introspect(old)["token_type"] == "refresh_token"
    new = again(old).json()["refresh_token"]
    assert introspect(old) == {"active": False}
    assert introspect(new)["active"] is True


def test_revoking_a_refresh_token_ends_its_sessions(granted, again, client, url):
    """Everything that came of it is over."""
    form = {"token": granted["refresh_token"]}
    assert requests.post(f"{url}/services/oauth2/revoke", data=form, timeout=10).ok
    assert replace(client, token=granted["access_token"]).call("GET", "/limits").status_code == 401
    assert again(granted["refresh_token"]).json()["error"] == "invalid_grant"


def test_somebody_who_has_left_gets_no_token(granted, again, store):
    """An inactive user's grant is worth nothing."""
    store.db.execute("update User set IsActive = 0")
    assert again(granted["refresh_token"]).json()["error"] == "inactive_user"


# ── how the org is set up ─────────────────────────────────────────────────────────────────────


def test_an_access_token_can_be_a_jwt(sign_in, assertion, client, oauth):
    """Longer than a kilobyte, with an end of its own that use does not put off."""
    oauth(tokens="jwt")
    token = sign_in(grant_type=JWT_GRANT, assertion=assertion()).json()["access_token"]
    holder = replace(client, token=token)
    assert (len(token) > 1_024, token.count(".")) == (True, 2)
    client.control("POST", "clock", json={"advance": "90m"})
    assert holder.call("GET", "/limits").ok
    client.control("POST", "clock", json={"advance": "90m"})
    assert holder.call("GET", "/limits").status_code == 401


def test_client_credentials_need_the_my_domain(sign_in, app, oauth):
    """login.salesforce.com and test.salesforce.com refuse them."""
    oauth(host="login")
    form = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    answer = sign_in(grant_type="client_credentials", **form).json()
    assert answer["error_description"] == "request not supported on this domain"


def test_the_instance_can_be_elsewhere(sign_in, assertion, oauth):
    """What answers with the token is not where the data is."""
    oauth(instance="http://localhost:9")
    answer = sign_in(grant_type=JWT_GRANT, assertion=assertion()).json()
    assert answer["instance_url"] == "http://localhost:9"


def test_others_sign_in_by_assertion_once_they_are_approved(sign_in, assertion, client, oauth):
    """Each as themselves."""
    admin = "admin@sandbox.example"
    refused = sign_in(grant_type=JWT_GRANT, assertion=assertion(sub=admin)).json()
    assert refused["error_description"] == "user hasn't approved this consumer"
    oauth(users=[admin])
    token = sign_in(grant_type=JWT_GRANT, assertion=assertion(sub=admin)).json()["access_token"]
    who = replace(client, token=token).call("GET", "/services/oauth2/userinfo").json()
    assert who["username"] == admin


@pytest.mark.parametrize("wrong", [{"rotate": True}, {"rotation": 1}, {"client": "secret"}, []])
def test_an_option_that_is_not_there_is_refused(client, wrong):
    """The error names those that are."""
    assert "error" in client.control("POST", "oauth", json=wrong)


@pytest.mark.parametrize(
    ("version", "code", "said"),
    [
        ("59.0", "INVALID_OPERATION", "SOAP API login() is disabled by default in this org"),
        ("64.0", "INVALID_OPERATION", "SOAP API login() is disabled by default in this org"),
        ("65.0", "INVALID_OPERATION", "not available in the API version specified (65.0)"),
        ("30.0", "UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL"),
    ],
)
@pytest.mark.parametrize("api", ["u", "c"])
def test_soap_login_is_over(url, api, version, code, said):
    """A fault with status 500, as SOAP has them."""
    body = "<soapenv:Envelope><soapenv:Body><n1:login/></soapenv:Body></soapenv:Envelope>"
    answer = requests.post(f"{url}/services/Soap/{api}/{version}", data=body, timeout=10)
    fault = ElementTree.fromstring(answer.content)
    assert answer.status_code == 500
    assert fault.findtext(".//{*}exceptionCode") == code
    assert said in (fault.findtext(".//faultstring") or "")


def test_versions_need_no_session(url):
    """A client finds out what it may pin before it signs in."""
    found = requests.get(f"{url}/services/data", timeout=10).json()
    assert {row["version"]: row["label"] for row in found}["59.0"] == "Winter '24"
    assert found[-1] == {
        "label": "Winter '27",
        "url": "/services/data/v68.0",
        "version": "68.0",
    }


def test_a_retired_version_is_gone(client):
    """410, so that a client can tell it from a typing error."""
    assert client.call("GET", "/services/data/v30.0/limits").status_code == 410


def test_every_answer_carries_the_sandboxs_date(client):
    """A client that asks the server for the time gets the sandbox's."""
    client.control("POST", "clock", json={"advance": "40d"})
    dates = client.call("GET", "/services/data").headers
    assert dates["Date"].startswith("Sat, 12 Dec 2026")
    assert dates.get("Server") is None
