"""Who is logged in, where and for how long; and the end of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from ...errors import ConfigError, Denied
from ...signin import Standing
from . import browser, kept
from .auth import Login
from .client import Client
from .flows import Auth, Browser
from .refusals import LoginRefused
from .tokens import TokenHost

if TYPE_CHECKING:
    from .crm import Crm

_ORG = "SELECT Id, Name, IsSandbox, OrganizationType FROM Organization"
_USER = "SELECT Username, Name FROM User WHERE Id = '{id}'"


@dataclass(frozen=True, slots=True)
class Access:
    """What a login is good for. `expires_at` is None where Salesforce does not tell."""

    flow: str
    login_url: str
    instance_url: str
    user: str
    username: str
    name: str
    org: str
    org_name: str
    edition: str
    sandbox: bool
    scopes: tuple[str, ...]
    expires_at: datetime | None


def status(crm: Crm) -> Access:
    """Log in, or use the login that is kept, and ask who we are."""
    login = Login(crm.login_url, crm.auth)
    client = Client(login, crm.api_version)
    org = _one(client, _ORG, "to look up the org")
    token = login.token
    user = _one(client, _USER.format(id=token.user), "to look up the user")
    # After the calls: the token may have been renewed by one of them.
    return Access(
        flow=crm.auth.flow,
        login_url=crm.login_url,
        instance_url=token.instance_url,
        user=token.user,
        username=user["Username"],
        name=user["Name"],
        org=org["Id"],
        org_name=org["Name"],
        edition=org["OrganizationType"],
        sandbox=org["IsSandbox"],
        scopes=token.scopes,
        expires_at=_expiry(login.host, crm.auth, token.access),
    )


def log_in(crm: Crm, show: Callable[[str], None], *, patience: float) -> Access:
    """Have a person log in, with the browser at the address that is shown."""
    if not isinstance(crm.auth, Browser):
        raise ConfigError(
            f'flow = "{crm.auth.flow}" logs in by itself; there is nothing to do by hand.',
            hint='`connector auth status` tries it. For a person\'s login set flow = "browser".',
        )
    browser.log_in(TokenHost(crm.login_url), crm.auth, show, patience=patience)
    return status(crm)


def log_out(crm: Crm) -> bool:
    """Take the kept login back and forget it; False if Salesforce had ended it before."""
    if not isinstance(crm.auth, Browser):
        raise ConfigError(
            f'flow = "{crm.auth.flow}" keeps no login; there is nothing to forget.',
            hint="To lock it out, take the app's permission set from the user.",
        )
    vault = crm.auth.refresh_token
    with vault.lock():
        token = kept.open_kept(vault, crm.auth.client_id).token
        alive = TokenHost(crm.login_url).revoke(token.refresh or token.access)
        vault.clear()
    return alive


@dataclass(frozen=True, slots=True)
class SignIn:
    """The way into one org, for the command line."""

    crm: Crm

    @property
    def place(self) -> str:
        """Where the login is kept."""
        auth = self.crm.auth
        return auth.refresh_token.reference if isinstance(auth, Browser) else ""

    def status(self) -> Standing:
        return _standing(status(self.crm))

    def log_in(self, show: Callable[[str], None], *, patience: float) -> Standing:
        return _standing(log_in(self.crm, show, patience=patience))

    def log_out(self) -> bool:
        return log_out(self.crm)


def _standing(found: Access) -> Standing:
    kind = "sandbox" if found.sandbox else "production"
    until = (
        f"{found.expires_at:%Y-%m-%d %H:%M} UTC, later if the org counts from the last use"
        if found.expires_at
        else "not told: as long as the org's session policy lets it, then it is renewed"
    )
    lines = (
        ("user", f"{found.username} ({found.name}, {found.user})"),
        ("org", f"{found.org_name} ({found.org}), {kind}, {found.edition}"),
        ("instance", found.instance_url),
        ("flow", f"{found.flow}, by {found.login_url}"),
        ("scopes", " ".join(found.scopes) or "not told"),
        ("session until", until),
    )
    return Standing(asdict(found), lines)


def _one(client: Client, soql: str, doing: str) -> Mapping[str, Any]:
    records = client.json("GET", "query", doing, params={"q": soql})["records"]
    if not records:
        raise Denied(
            f"Salesforce answered with nothing when asked {doing}.",
            hint="Let the user read users and the organization: “View Setup and Configuration”.",
        )
    found: Mapping[str, Any] = records[0]
    return found


def _expiry(host: TokenHost, auth: Auth, access: str) -> datetime | None:
    """When the token ends: it may say so itself, or Salesforce may tell the app."""
    seconds = _claims(access).get("exp")
    if seconds is None and auth.client:
        try:
            known = host.introspect(access, "access_token", auth.client)
        except LoginRefused:  # the app may not ask; that is no fault
            known = {}
        seconds = known.get("exp") if known.get("active") else None
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None


def _claims(access: str) -> dict[str, Any]:
    """What a token in the form of a JWT says of itself; nothing for any other."""
    parts = access.split(".")
    if len(parts) != 3:
        return {}
    try:
        body = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):  # an opaque token may well have two dots
        return {}
    return body if isinstance(body, dict) else {}
