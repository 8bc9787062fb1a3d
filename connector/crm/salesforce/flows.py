"""Ways into Salesforce, as `[crm.auth]` names them, and why others are not offered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator

from ...errors import ConfigError
from ...secrets import Secret, Vault
from . import kept
from .tokens import Token, TokenHost

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: Salesforce accepts an assertion for at most three minutes.
JWT_SECONDS = 170
LOOPBACK = frozenset({"localhost", "127.0.0.1"})


@dataclass(frozen=True, slots=True)
class Jwt:
    """JWT bearer: a certificate on the app and a pre-authorised user. The default.

    `audience` is login.salesforce.com (test.salesforce.com for sandboxes) even when the request
    goes to a My Domain host.
    """

    #: Requests that logging in takes: here a look at the clock, then the assertion.
    calls: ClassVar = 2

    client_id: str
    username: str
    private_key: Secret
    flow: Literal["jwt"] = "jwt"
    audience: str = "https://login.salesforce.com"

    def token(self, host: TokenHost, stale: str) -> Token:  # noqa: ARG002 (a flow's shape)
        """Sign again: there is no refresh token. Dated by Salesforce's clock, not by ours."""
        form = {"grant_type": JWT_GRANT, "assertion": self._assertion(host.now())}
        return host.token(form, repeatable=True)

    @property
    def client(self) -> dict[str, str]:
        """Nothing: the app has a certificate in place of a secret."""
        return {}

    def _assertion(self, now: datetime) -> str:
        from joserfc import jwt
        from joserfc.errors import JoseError

        claims = {
            "iss": self.client_id,
            "sub": self.username,
            "aud": self.audience,
            "exp": int(now.timestamp()) + JWT_SECONDS,
        }
        try:
            return jwt.encode({"alg": "RS256"}, claims, _key(self.private_key.reveal()))
        except (JoseError, ValueError) as error:
            raise ConfigError(
                f"The private key {self.private_key.reference} is not an RSA key in PEM form.",
                hint="It begins with -----BEGIN PRIVATE KEY----- and belongs to the app's "
                "certificate.",
            ) from error


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Client credentials: runs as the app's execution user. Needs the My Domain host."""

    calls: ClassVar = 1

    client_id: str
    client_secret: Secret
    flow: Literal["client_credentials"] = "client_credentials"

    def token(self, host: TokenHost, stale: str) -> Token:  # noqa: ARG002 (a flow's shape)
        """Show the secret again: there is no refresh token."""
        form = {"grant_type": "client_credentials", **self.client}
        return host.token(form, repeatable=True)

    @property
    def client(self) -> dict[str, str]:
        """What proves to be the app."""
        return {"client_id": self.client_id, "client_secret": self.client_secret.reveal()}


@dataclass(frozen=True, slots=True)
class Browser:
    """A person allows it once, in the browser; then a refresh token that may change with each use.

    `refresh_token` is where the login is kept; `callback` is registered at the app, letter for
    letter. Without `client_secret` the app is a public client.
    """

    #: The session that is kept has usually ended by the next run.
    calls: ClassVar = 1

    client_id: str
    refresh_token: Vault
    flow: Literal["browser"] = "browser"
    client_secret: Secret | None = None
    callback: str = "http://localhost:1717/callback"

    def __post_init__(self) -> None:
        parts = urlsplit(self.callback)
        if parts.scheme != "http" or parts.hostname not in LOOPBACK or not parts.port:
            raise ValueError(
                "the callback is an address of this machine with its port, such as "
                "http://localhost:1717/callback"
            )

    def token(self, host: TokenHost, stale: str) -> Token:
        """The token that is kept, or one that is not the stale one."""
        if stale:
            return kept.renew(host, self.refresh_token, self.client, stale)
        return kept.open_kept(self.refresh_token, self.client_id).token

    @property
    def client(self) -> dict[str, str]:
        """What proves to be the app; a public one has no secret and sends none."""
        secret = {"client_secret": self.client_secret.reveal()} if self.client_secret else {}
        return {"client_id": self.client_id, **secret}


INSTEAD = (
    'use flow = "jwt" for a server, "client_credentials" for the simplest set-up, or "browser" '
    "to log in yourself"
)
#: Flows that Salesforce has withdrawn, or is about to.
WITHDRAWN = {
    "password": "Salesforce is withdrawing the username-password flow, and external client apps "
    f"do not have it; {INSTEAD}",
    "soap": "SOAP login() is switched off in new orgs and gone from API version 65.0 on; "
    f"{INSTEAD}",
    "device": f"Salesforce blocks the device flow for apps that are not installed; {INSTEAD}",
}
ALIASES = {"username_password": "password", "username-password": "password", "soap_login": "soap"}
ALIASES |= {"device_flow": "device", "device_code": "device"}
PASSWORD_KEYS = frozenset({"password", "security_token"})


def offered(table: Any) -> Any:
    """The table as it is; ValueError with the reason if it asks for a flow that is withdrawn."""
    if not isinstance(table, Mapping):
        return table
    flow = str(table.get("flow", "")).casefold()
    named = ALIASES.get(flow, flow)
    if named in WITHDRAWN or not PASSWORD_KEYS.isdisjoint(table):
        raise ValueError(WITHDRAWN.get(named, WITHDRAWN["password"]))
    return table


#: What can be said for `[crm.auth]`.
Auth = Annotated[Jwt | ClientCredentials | Browser, BeforeValidator(offered)]


# Checking that a key is one takes a tenth of a second, and many runs of a process share it.
@lru_cache(maxsize=4)
def _key(pem: str) -> Any:
    from joserfc.jwk import RSAKey

    return RSAKey.import_key(pem)
