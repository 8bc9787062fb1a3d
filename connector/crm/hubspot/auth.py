"""Ways into HubSpot, as `[crm.auth]` names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import BeforeValidator

from ...errors import AuthError
from ...login import loopback
from ...secrets import Secret, Vault
from .logins import Login
from .tokens import TokenHost

#: What the shipped mapping cannot do without, and what it does more with.
SCOPES = (
    "oauth",
    "crm.objects.companies.read",
    "crm.objects.companies.write",
    "crm.objects.contacts.read",
    "crm.objects.deals.read",
    "crm.objects.owners.read",
)
OPTIONAL_SCOPES = (
    "tickets",
    "crm.objects.feedback_submissions.read",
    "crm.schemas.companies.write",
    "crm.lists.read",
    "crm.lists.write",
)


class SignedIn(Protocol):
    """What signs the calls of one run, and what logging in took."""

    def header(self) -> str: ...

    def renew(self, stale: str) -> None: ...

    @property
    def calls(self) -> int: ...

    @property
    def scopes(self) -> tuple[str, ...] | None:
        """The scopes of the token; None where it does not tell."""
        ...


@dataclass(frozen=True, slots=True)
class Token:
    """A service key, or the token of a private app: made once in HubSpot, sent with every call.

    It does not expire. A service key is made under Development → Keys → Service keys.
    """

    #: Requests that logging in takes: one asks whose token it is.
    calls: ClassVar = 1

    token: Secret
    flow: Literal["token"] = "token"

    def signed_in(self, url: str, version: str) -> SignedIn:  # noqa: ARG002 (a flow's shape)
        """Nothing has to be done first."""
        return Bearer(self.token)


@dataclass(frozen=True, slots=True)
class OAuth:
    """A person allows the app once, in the browser; then tokens that are good for half an hour.

    `refresh_token` is where the login is kept; `callback` is registered at the app, letter for
    letter, and so are the scopes. `authorize_url` is the page that asks.
    """

    #: The token that is kept has usually run out by the next run.
    calls: ClassVar = 1

    client_id: str
    client_secret: Secret
    refresh_token: Vault
    flow: Literal["oauth"] = "oauth"
    callback: str = "http://localhost:1717/callback"
    scopes: tuple[str, ...] = SCOPES
    optional_scopes: tuple[str, ...] = OPTIONAL_SCOPES
    authorize_url: str = "https://app.hubspot.com/oauth/authorize"

    def __post_init__(self) -> None:
        loopback.checked(self.callback)

    def signed_in(self, url: str, version: str) -> SignedIn:
        """The login that is kept, renewed when it is time."""
        return self.login(url, version)

    def login(self, url: str, version: str) -> Login:
        """The same, and more can be asked of it."""
        host = TokenHost(url, version)
        return Login(host, self.refresh_token, lambda: self.client, self.client_id)

    @property
    def client(self) -> dict[str, str]:
        """What proves to be the app."""
        return {"client_id": self.client_id, "client_secret": self.client_secret.reveal()}


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that is the same in every run."""

    token: Secret
    calls: int = 0
    scopes: None = None

    def header(self) -> str:
        """The value of the Authorization header."""
        return f"Bearer {self.token.reveal()}"

    def renew(self, stale: str) -> None:  # noqa: ARG002 (credentials' shape)
        """There is nothing to renew."""
        raise AuthError(
            f"HubSpot does not accept the token in {self.token.reference}.",
            hint="Was it rotated, revoked, or cut when it was stored? Make or rotate a service key "
            "under Development → Keys → Service keys, and store it again.",
        )


INSTEAD = 'use flow = "token" with a service key, or "oauth" to log in yourself'
#: What HubSpot has withdrawn.
GONE = {"api_key": f"HubSpot has withdrawn API keys (hapikey); {INSTEAD}"}
ALIASES = {"apikey": "api_key", "hapikey": "api_key", "api-key": "api_key"}


def offered(table: Any) -> Any:
    """The table as it is; ValueError with the reason if it asks for a way that is gone."""
    if not isinstance(table, Mapping):
        return table
    flow = str(table.get("flow", "")).casefold()
    if ALIASES.get(flow, flow) in GONE or not {"api_key", "hapikey"}.isdisjoint(table):
        raise ValueError(GONE["api_key"])
    return table


#: What can be said for `[crm.auth]`.
Auth = Annotated[Token | OAuth, BeforeValidator(offered)]
