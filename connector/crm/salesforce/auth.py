"""Ways into Salesforce that need nobody at the keyboard: JWT bearer and client credentials."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import orjson
import requests

from ...errors import AuthError, ConfigError, Malformed
from ...http import Session
from ...secrets import Secret

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: Salesforce accepts an assertion for at most three minutes.
JWT_SECONDS = 170


@dataclass(frozen=True, slots=True)
class Jwt:
    """JWT bearer: a certificate on the app and a pre-authorised user. The default.

    `audience` is login.salesforce.com (test.salesforce.com for sandboxes) even when the request
    goes to a My Domain host.
    """

    client_id: str
    username: str
    private_key: Secret
    flow: Literal["jwt"] = "jwt"
    audience: str = "https://login.salesforce.com"

    def form(self, now: datetime) -> dict[str, str]:
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import RSAKey

        claims = {
            "iss": self.client_id,
            "sub": self.username,
            "aud": self.audience,
            "exp": int(now.timestamp()) + JWT_SECONDS,
        }
        try:
            key = RSAKey.import_key(self.private_key.reveal())
            assertion = jwt.encode({"alg": "RS256"}, claims, key)
        except (JoseError, ValueError) as error:
            raise ConfigError(
                f"The private key {self.private_key.reference} is not an RSA key in PEM form.",
                hint="It begins with -----BEGIN PRIVATE KEY----- and belongs to the app's "
                "certificate.",
            ) from error
        return {"grant_type": JWT_GRANT, "assertion": assertion}


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Client credentials: runs as the app's execution user. Needs the My Domain host."""

    client_id: str
    client_secret: Secret
    flow: Literal["client_credentials"] = "client_credentials"

    def form(self, now: datetime) -> dict[str, str]:  # noqa: ARG002 (the same shape as Jwt)
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret.reveal(),
        }


#: What can be said for `[crm.auth]`.
Auth = Jwt | ClientCredentials

HINTS = {
    "invalid_grant": "Is the user active, pre-authorised for the app, and the audience "
    "login.salesforce.com (test.salesforce.com for a sandbox)?",
    "invalid_client": "Check client_id and client_secret of the external client app.",
    "invalid_client_id": "Check client_id of the external client app.",
    "unsupported_grant_type": "Enable this flow on the external client app.",
    "inactive_user": "Activate the integration user.",
    "invalid_app_access": "Approve the app for this user through a permission set.",
}


class Login:
    """Logs in when first needed and again when told that the token is stale.

    However many requests fail on one token at once, it is renewed once.
    """

    def __init__(self, host: str, auth: Auth) -> None:
        self._host = Session(host, name="Salesforce login")
        self._auth = auth
        self._token = ""
        self._lock = threading.Lock()
        self.instance_url = ""
        self.user_url = ""

    def header(self) -> str:
        with self._lock:
            if not self._token:
                self._renew()
            return f"Bearer {self._token}"

    def renew(self, stale: str) -> None:
        with self._lock:
            if stale == f"Bearer {self._token}":
                self._renew()

    @property
    def calls(self) -> dict[str, int]:
        return {"login": sum(self._host.calls.values())}

    def _renew(self) -> None:
        """Ask for a token. The assertion is dated by Salesforce's clock, not by ours."""
        self._host.request("GET", "services/data")
        now = self._host.server_now or datetime.now(UTC)
        answer = self._host.request(
            "POST", "services/oauth2/token", data=self._auth.form(now), idempotent=True
        )
        if answer.status_code >= 400:
            raise _refused(answer)
        body = _token_body(answer)
        if self.instance_url and body["instance_url"].rstrip("/") != self.instance_url:
            raise AuthError(
                "The org has moved to another address during this run.",
                hint="Run again: the new address is taken then.",
            )
        self._token = body["access_token"]
        self.instance_url = body["instance_url"].rstrip("/")
        self.user_url = body.get("id", "")


def _token_body(answer: requests.Response) -> dict[str, str]:
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError as error:
        raise Malformed(
            "Salesforce's login host answered with something other than a token.",
            hint="Check `login_url`: it may be a single-sign-on or maintenance page.",
        ) from error
    if not isinstance(body, dict) or not {"access_token", "instance_url"} <= body.keys():
        raise Malformed("Salesforce's login host answered without a token.")
    return body


def _refused(answer: requests.Response) -> AuthError:
    from .answers import code_of

    code, message = code_of(answer)
    return AuthError(
        f"Salesforce refused the login: {code} {message}".strip(),
        hint=HINTS.get(code, "Check [crm.auth] in the configuration."),
    )
