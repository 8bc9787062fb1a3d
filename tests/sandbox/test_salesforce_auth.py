"""Signing in, and what a session is good for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import RSAKey

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


def test_the_password_flow_is_off(sign_in):
    """As in every org of these years."""
    answer = sign_in(grant_type="password", username="a", password="b")
    assert answer.json()["error"] == "invalid_grant"


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


def test_versions_need_no_session(url):
    """A client finds out what it may pin before it signs in."""
    found = requests.get(f"{url}/services/data", timeout=10).json()
    assert found[0]["label"] == "Winter '24"
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
