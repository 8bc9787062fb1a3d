"""Whose token a call carries, and what that app may do."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from ..store import Store
from .errors import Refusal
from .portal import DEFAULT, PRODUCTS, portal

SCHEMA = """
create table if not exists hubspot_apps (
    id integer primary key, kind text not null, name text not null, scopes text not null,
    creator_gone integer not null default 0, rotations integer not null default 0
);
create table if not exists hubspot_tokens (
    token text primary key, app integer not null, grant_id integer, scopes text,
    issued text not null, ends text
) without rowid;
"""
SERVICE_KEY, PRIVATE_APP, OAUTH = "service_key", "private_app", "oauth"
#: The numbers of the apps that every account of the sandbox has.
APPS = {SERVICE_KEY: 3_100_001, PRIVATE_APP: 3_100_002, OAUTH: 3_100_003}
USER, EMAIL = 52_001, "revops@sandbox.example"
GRACE = timedelta(days=7)
#: What a token looks like; others do not get as far as the API.
SHAPE = re.compile(r"pat-[a-z]{2}\d-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z0-9_.-]{60,}")
SCOPES_PAGE = "https://developers.hubspot.com/scopes"
_KINDS = ("companies", "contacts", "deals", "custom", "feedback_submissions", "owners", "leads")
_ACTIVITIES = ("calls", "emails", "meetings", "notes", "tasks", "communications")
#: Every scope that the seeded apps have.
SCOPES = (
    "oauth",
    *(f"crm.objects.{kind}.read" for kind in (*_KINDS, *_ACTIVITIES)),
    *(
        f"crm.objects.{kind}.write"
        for kind in ("companies", "contacts", "deals", "custom", *_ACTIVITIES)
    ),
    *(
        f"crm.schemas.{kind}.{way}"
        for kind in ("companies", "contacts", "deals")
        for way in ("read", "write")
    ),
    "crm.schemas.custom.read",
    "crm.lists.read",
    "crm.lists.write",
    "crm.import",
    "crm.export",
    "sales-email-read",
    "tickets",
)


@dataclass(frozen=True, slots=True)
class App:
    """One app as the account has it: `scopes` are those that still count."""

    id: int
    kind: str
    portal: int
    scopes: frozenset[str]
    #: Products that the account has no licence for.
    without: frozenset[str] = frozenset()
    creator_gone: bool = False
    user: int = USER


def prepare(store: Store) -> None:
    """Makes the tables and the three apps, if they are not there."""
    store.db.executescript(SCHEMA)
    for kind, number in APPS.items():
        known = store.db.execute("select 1 from hubspot_apps where id = ?", (number,)).fetchone()
        if known:
            continue
        store.db.execute(
            "insert into hubspot_apps (id, kind, name, scopes) values (?, ?, ?, ?)",
            (number, kind, kind.replace("_", " "), orjson.dumps(SCOPES).decode()),
        )
        if kind != OAUTH:
            keep_token(store, lasting_token(number, 0), number)


def app_of(store: Store, authorization: str) -> App:
    """The app whose token it is; refuses one that is unknown, expired or no token at all."""
    kind, _, token = authorization.partition(" ")
    token = token.strip()
    if kind.lower() != "bearer" or not token:
        raise unauthenticated()
    if not SHAPE.fullmatch(token):
        raise Refusal("", "The user cannot be authorized with provided credentials", status=530)
    row = store.db.execute(
        "select app, scopes, ends, grant_id from hubspot_tokens where token = ?", (token,)
    ).fetchone()
    if row is None:
        raise unauthenticated()
    number, granted, ends, grant = row
    if ends and datetime.fromisoformat(ends) <= store.clock.now():
        raise _expired(store, ends) if grant else unauthenticated()
    return app(store, number, orjson.loads(granted) if granted else None)


def app(store: Store, number: int, granted: Iterable[str] | None = None) -> App:
    """An app; a token that was granted fewer scopes has no more than these."""
    kind, scopes, gone = store.db.execute(
        "select kind, scopes, creator_gone from hubspot_apps where id = ?", (number,)
    ).fetchone()
    account, may = portal(store), frozenset(orjson.loads(scopes))
    if granted is not None:
        may &= frozenset(granted)
    return App(number, kind, account.id, may - account.lost, account.without, bool(gone))


def need(app: App, scopes: Iterable[str]) -> None:
    """Refuses an app that has none of these scopes."""
    wanted = frozenset(scopes)
    if app.creator_gone and app.kind == PRIVATE_APP and any("write" in each for each in wanted):
        said = "The user who created this app does not have permission to make this call."
        raise Refusal("USER_DOES_NOT_HAVE_PERMISSIONS", said, status=403)
    if wanted and not app.scopes & wanted:
        raise missing(wanted)


def need_product(app: App, name: str) -> None:
    """Refuses if the account has no licence for the product that these records belong to."""
    if name in app.without:
        # a scope that goes with the product cannot be had, so it is what is told to be missing
        raise missing(PRODUCTS[name][1])


def missing(scopes: Iterable[str]) -> Refusal:
    """The answer to a call for which the app would need one of these scopes."""
    return Refusal(
        "MISSING_SCOPES",
        "This app hasn't been granted all required scopes to make this call."
        f" Read more about required scopes here: {SCOPES_PAGE}.",
        status=403,
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": sorted(scopes)},
            }
        ],
        more={"links": {"scopes": SCOPES_PAGE}},
    )


def unauthenticated() -> Refusal:
    """The answer to a call without a token, or with one that nobody knows."""
    return Refusal(
        "INVALID_AUTHENTICATION",
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you"
        " can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
        status=401,
    )


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in, either way."""
    return {
        "url": base,
        "portal_id": portal(store).id,
        "token": current_token(store, APPS[SERVICE_KEY]),
        "private_app_token": current_token(store, APPS[PRIVATE_APP]),
        **client(),
        "redirect_uri": "http://localhost:1717/callback",
        "authorize_url": f"{base}/oauth/authorize",
    }


def client() -> dict[str, str]:
    """The client id and secret of the app that signs in with OAuth."""
    return {
        "client_id": str(UUID(bytes=_digest("client")[:16], version=4)),
        "client_secret": str(UUID(bytes=_digest("secret")[:16], version=4)),
    }


def client_id() -> dict[str, str]:
    """Only its id."""
    return {"client_id": client()["client_id"]}


def lasting_token(number: int, turn: int) -> str:
    """The token of a service key or private app after so many rotations."""
    uuid = UUID(bytes=_digest(f"{number} {turn}")[:16], version=4)
    return f"pat-{DEFAULT['hosting']}-{uuid}"


def current_token(store: Store, number: int) -> str:
    """The newest token of a service key or private app."""
    (turn,) = store.db.execute(
        "select rotations from hubspot_apps where id = ?", (number,)
    ).fetchone()
    return lasting_token(number, turn)


def access_token() -> str:
    """A token of OAuth; their length varies, and clients must not count on any."""
    return f"CK{secrets.token_urlsafe(230 + secrets.randbelow(60))}"


def keep_token(
    store: Store,
    token: str,
    number: int,
    *,
    grant: int | None = None,
    scopes: Iterable[str] | None = None,
    ends: datetime | None = None,
) -> None:
    """Makes a token good for an app, until it ends."""
    store.db.execute(
        "insert or replace into hubspot_tokens values (?, ?, ?, ?, ?, ?)",
        (
            token,
            number,
            grant,
            None if scopes is None else orjson.dumps(list(scopes)).decode(),
            store.clock.now().isoformat(),
            ends.isoformat() if ends else None,
        ),
    )


def change(store: Store, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What an admin does to an app: sets its scopes, rotates or revokes its token."""
    number = _numbered(str(wanted.get("app", SERVICE_KEY)))
    if "scopes" in wanted:
        scopes = orjson.dumps([str(each) for each in wanted["scopes"]]).decode()
        store.db.execute("update hubspot_apps set scopes = ? where id = ?", (scopes, number))
    if "creator_gone" in wanted:
        store.db.execute(
            "update hubspot_apps set creator_gone = ? where id = ?",
            (bool(wanted["creator_gone"]), number),
        )
    if wanted.get("revoke"):
        store.db.execute("delete from hubspot_tokens where app = ?", (number,))
    if how := wanted.get("rotate"):
        _rotate(store, number, str(how))
    return apps_told(store)


def apps_told(store: Store) -> dict[str, Any]:
    """Every app: its number, its scopes, how often it was rotated, how many tokens are good."""
    rows = store.db.execute(
        "select kind, id, scopes, rotations, creator_gone,"
        " (select count(*) from hubspot_tokens where app = id and (ends is null or ends > ?))"
        " from hubspot_apps order by id",
        (store.clock.now().isoformat(),),
    )
    return {
        kind: {
            "app": number,
            "scopes": orjson.loads(scopes),
            "rotations": rotations,
            "creator_gone": bool(gone),
            "tokens": tokens,
        }
        for kind, number, scopes, rotations, gone, tokens in rows
    }


def _rotate(store: Store, number: int, how: str) -> None:
    """A new token; the old one ends now, or in seven days."""
    if how not in ("now", "grace") or number == APPS[OAUTH]:
        raise ValueError("rotate is now or grace, and for a service key or private app")
    old, now = current_token(store, number), store.clock.now()
    ends = now + GRACE if how == "grace" else now
    store.db.execute("update hubspot_tokens set ends = ? where token = ?", (ends.isoformat(), old))
    # whoever rotates the app is its creator from then on
    store.db.execute(
        "update hubspot_apps set rotations = rotations + 1, creator_gone = 0 where id = ?",
        (number,),
    )
    keep_token(store, current_token(store, number), number)


def _numbered(name: str) -> int:
    if name not in APPS:
        raise ValueError(f"there is no app {name!r}; there are {', '.join(APPS)}")
    return APPS[name]


def _expired(store: Store, ends: str) -> Refusal:
    moment = datetime.fromisoformat(ends)
    seconds = int((store.clock.now() - moment).total_seconds())
    since = f"{seconds} second" if seconds < 60 else f"{seconds // 60} minute"
    return Refusal(
        "EXPIRED_AUTHENTICATION",
        f"The OAuth token used to make this call expired {since}(s) ago.",
        status=401,
        context={"expire time": [f"{moment.isoformat(timespec='milliseconds')[:23]}Z"]},
    )


def _digest(what: str) -> bytes:
    return sha256(f"hubspot {DEFAULT['id']} {what}".encode()).digest()
