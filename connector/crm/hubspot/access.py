"""Whose token it is, which account it belongs to and for how long; and the end of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from ...errors import ConfigError
from ...http import body_of
from ...login import kept
from ...signin import Standing
from . import browser
from .auth import OAuth, Token
from .client import Client
from .logins import Login
from .refusals import LoginRefused
from .tokens import TokenHost

if TYPE_CHECKING:
    from .crm import Crm

#: Kinds of accounts, in a person's words.
KINDS: Mapping[str, str] = {
    "STANDARD": "standard account",
    "DEVELOPER_TEST": "developer test account",
    "SANDBOX": "sandbox account",
    "APP_DEVELOPER": "app developer account",
}


#: HubSpot does not tell whose token it is, or does not any more: then trying tells what it may do.
UNTOLD = frozenset({400, 401, 403, 404, 405, 410})


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose token it is, as far as HubSpot tells; `scopes` is None where it does not."""

    hub: str = ""
    user: str = ""
    app: str = ""
    email: str = ""
    domain: str = ""
    scopes: tuple[str, ...] | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """What a login is good for. `expires_at` is None for a token that does not expire."""

    flow: str
    url: str
    hub: str
    hub_domain: str
    account_type: str
    hosting: str
    time_zone: str
    user: str
    email: str
    app: str
    scopes: tuple[str, ...] | None
    expires_at: datetime | None


def holder(client: Client, token: str) -> Holder:
    """Whose service key or private app it is. Where HubSpot does not tell, nobody's."""
    answer = client.raw(
        "POST",
        client.paths.token_info,
        "to ask whose token it is",
        body=orjson.dumps({"tokenKey": token}),
        safe=True,
        refusals=UNTOLD,
    )
    if answer.status_code >= 400:
        return Holder()
    told = body_of(answer, "HubSpot")
    return Holder(
        hub=_text(told.get("hubId")),
        user=_text(told.get("userId")),
        app=_text(told.get("appId")),
        scopes=tuple(told["scopes"]) if isinstance(told.get("scopes"), list) else None,
    )


def account(client: Client) -> Mapping[str, Any]:
    """Which account it is. ConfigError when HubSpot serves no such release of its API."""
    answer = client.raw(
        "GET", client.paths.account, "to look up the account", refusals=frozenset({404})
    )
    if answer.status_code == 404:
        raise ConfigError(
            f"HubSpot does not serve release {client.paths.version} of its API here.",
            hint="Set `api_version` in [crm] to one that it serves, and `url` to its address.",
        )
    return dict(body_of(answer, "HubSpot"))


def owner_of(auth: Token | OAuth, client: Client) -> Holder:
    """Whose token a run has, and what it may do: a token by OAuth has told that with itself."""
    if isinstance(auth, Token):
        return holder(client, auth.token.reveal())
    login = client.line.credentials
    assert isinstance(login, Login)
    token = login.token
    return Holder(token.hub, token.user, scopes=token.scopes or None)


def describe(details: Mapping[str, Any]) -> str:
    """Which kind of account it is, and where its data lies."""
    kind = str(details.get("accountType") or "")
    where = details.get("dataHostingLocation")
    said = KINDS.get(kind, kind.lower().replace("_", " "))
    return f"{said}, data in {where}" if where else said


def status(crm: Crm) -> Access:
    """Log in, or use the login that is kept, and ask who we are."""
    client = crm.connected()
    details = account(client)
    found = _holder(crm, client)
    ends = client.now + timedelta(seconds=found.seconds) if found.seconds is not None else None
    return Access(
        flow=crm.auth.flow,
        url=client.line.base,
        hub=str(details["portalId"]),
        hub_domain=found.domain,
        account_type=str(details.get("accountType") or ""),
        hosting=str(details.get("dataHostingLocation") or ""),
        time_zone=str(details.get("timeZone") or ""),
        user=found.user,
        email=found.email,
        app=found.app,
        scopes=found.scopes,
        expires_at=ends,
    )


def log_in(crm: Crm, show: Callable[[str], None], *, patience: float) -> Access:
    """Have a person log in, with the browser at the address that is shown."""
    auth = _by_browser(
        crm,
        "needs no login; there is nothing to do by hand",
        '`connector auth status` tries it. For a person\'s login set flow = "oauth".',
    )
    browser.log_in(TokenHost(crm.url, crm.api_version), auth, show, patience=patience)
    return status(crm)


def log_out(crm: Crm) -> bool:
    """Take the kept login back and forget it; False if HubSpot had ended it before."""
    auth = _by_browser(
        crm,
        "keeps no login; there is nothing to forget",
        "To lock it out, rotate or delete the service key under Development → Keys.",
    )
    vault, login = auth.refresh_token, auth.login(crm.url, crm.api_version)
    with vault.lock():
        token = kept.open_kept(vault, login.grantor).token
        alive = bool(token.refresh) and login.grantor.lives(token)
        if token.refresh:
            login.host.revoke(token.refresh, auth.client)
        vault.clear()
    return alive


@dataclass(frozen=True, slots=True)
class SignIn:
    """The way into one account, for the command line."""

    crm: Crm

    @property
    def place(self) -> str:
        """Where the login is kept."""
        auth = self.crm.auth
        return auth.refresh_token.reference if isinstance(auth, OAuth) else ""

    def status(self) -> Standing:
        return _standing(status(self.crm))

    def log_in(self, show: Callable[[str], None], *, patience: float) -> Standing:
        return _standing(log_in(self.crm, show, patience=patience))

    def log_out(self) -> bool:
        return log_out(self.crm)


def _by_browser(crm: Crm, why: str, hint: str) -> OAuth:
    if not isinstance(crm.auth, OAuth):
        raise ConfigError(f'flow = "{crm.auth.flow}" {why}.', hint=hint)
    return crm.auth


def _holder(crm: Crm, client: Client) -> Holder:
    """Who it is: of a token by OAuth the app may ask more, and no more than it knows is told."""
    if isinstance(crm.auth, Token):
        return holder(client, crm.auth.token.reveal())
    login = client.line.credentials
    assert isinstance(login, Login)
    token = login.token
    try:
        told = login.host.introspect(token.access, "access_token", crm.auth.client)
    except LoginRefused:  # the app may not ask; that is no fault
        told = {}
    return Holder(
        hub=_text(told.get("hub_id")) or token.hub,
        user=_text(told.get("user_id")) or token.user,
        app=_text(told.get("app_id")),
        email=_text(told.get("user")),
        domain=_text(told.get("hub_domain")),
        scopes=tuple(told.get("scopes") or token.scopes) or None,
        seconds=int(told["expires_in"]) if "expires_in" in told else token.seconds,
    )


def _standing(found: Access) -> Standing:
    return Standing(asdict(found), tuple(_lines(found)))


def _lines(found: Access) -> Iterator[tuple[str, str]]:
    known = {"accountType": found.account_type, "dataHostingLocation": found.hosting}
    where = f"{found.hub_domain} ({found.hub})" if found.hub_domain else found.hub
    who = f"{found.email} ({found.user})" if found.email else found.user
    yield "user", who or "not told"
    yield "account", f"{where}, {describe(known)}, time zone {found.time_zone}"
    yield "app", found.app or "not told"
    yield "address", found.url
    yield "flow", found.flow
    yield "scopes", " ".join(found.scopes) if found.scopes else "not told"
    until = f"{found.expires_at:%Y-%m-%d %H:%M} UTC, then it is renewed" if found.expires_at else ""
    yield "good until", until or "it is rotated or revoked: it does not expire"


def _text(value: Any) -> str:
    return "" if value is None else str(value)
