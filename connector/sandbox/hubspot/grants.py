"""What a person has granted an app: codes, refresh tokens, and the access tokens they gave."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson

from ..store import Store
from . import auth

SCHEMA = """
create table if not exists hubspot_codes (
    code text primary key, redirect text not null, challenge text not null, scopes text not null,
    expires text not null
) without rowid;
create table if not exists hubspot_grants (
    id integer primary key, scopes text not null, redirect text not null, created text not null,
    ended text
);
create table if not exists hubspot_refresh_tokens (
    token text primary key, grant_id integer not null, replaced text
) without rowid;
"""
CODE_LIFE = timedelta(minutes=10)
KEY = "hubspot_oauth"
#: How the app behaves; `POST /_sandbox/hubspot {"oauth": …}` changes it.
OPTIONS: dict[str, Any] = {
    "consent": "ask",  # or auto, deny: nobody is asked
    "rotation": False,  # a refresh token is good for one use, and a second use ends the grant
    "expires_in": 1_800,
    "pkce": False,  # a code is refused that was asked for without a challenge
    "callbacks": ["http://localhost:1717/callback", "http://localhost:3000/oauth-callback"],
}
CONSENTS = ("ask", "auto", "deny")


class Denial(Exception):
    """A sign-in that fails; the newer addresses say so in OAuth's words, too."""

    def __init__(
        self, code: str, message: str, *, error: str = "invalid_grant", status: int = 400
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.error = error
        self.status = status

    def body(self, *, newer: bool) -> dict[str, str]:
        """The answer to whoever tried."""
        told = {"status": self.code, "message": self.message, "correlationId": str(uuid4())}
        if newer:
            told |= {"category": self.code}
            told |= {"error": self.error, "error_description": self.message}
        return told


@dataclass(frozen=True, slots=True)
class Granted:
    """A grant, and the refresh token that is now good for it."""

    id: int
    scopes: tuple[str, ...]
    refresh: str


def prepare(store: Store) -> None:
    """Makes the tables, if they are not there."""
    store.db.executescript(SCHEMA)


def options(store: Store) -> dict[str, Any]:
    """How the app behaves now."""
    return {**OPTIONS, **(store.get(KEY) or {})}


def change(store: Store, wanted: Mapping[str, Any]) -> None:
    """Sets some of the options; `end` uninstalls the app, `expire` ends its access tokens."""
    kept = dict(wanted)
    if kept.pop("expire", False):
        store.db.execute(
            "update hubspot_tokens set ends = ? where grant_id is not null",
            (store.clock.now().isoformat(),),
        )
    if kept.pop("end", False):
        for (number,) in store.db.execute("select id from hubspot_grants").fetchall():
            end(store, number, "uninstalled")
    for name, value in kept.items():
        if name not in OPTIONS:
            raise ValueError(f"there is no {name!r}; there are {', '.join(OPTIONS)}")
        if type(value) is not type(OPTIONS[name]):
            raise ValueError(f"{name} is a {type(OPTIONS[name]).__name__}")
        if name == "consent" and value not in CONSENTS:
            raise ValueError(f"consent is one of: {', '.join(CONSENTS)}")
    store.put(KEY, {**(store.get(KEY) or {}), **kept})


def told(store: Store) -> dict[str, Any]:
    """Options, and every grant: its scopes, how often its token rotated, and why it ended."""
    rows = store.db.execute(
        "select id, scopes, created, ended, (select count(*) from hubspot_refresh_tokens t"
        " where t.grant_id = g.id and replaced is not null) from hubspot_grants g order by id"
    )
    grants = [
        {
            "id": number,
            "scopes": orjson.loads(scopes),
            "created": created,
            "ended": ended,
            "rotations": rotations,
        }
        for number, scopes, created, ended, rotations in rows
    ]
    return {"options": options(store), "grants": grants}


def new_code(store: Store, redirect: str, challenge: str, scopes: list[str]) -> str:
    """A code for one exchange within ten minutes."""
    code = f"na1-{secrets.token_urlsafe(24)}"
    expires = (store.clock.now() + CODE_LIFE).isoformat()
    store.db.execute(
        "insert into hubspot_codes values (?, ?, ?, ?, ?)",
        (code, redirect, challenge, orjson.dumps(scopes).decode(), expires),
    )
    return code


def exchange(store: Store, code: str, redirect: str, verifier: str) -> Granted:
    """Takes a code, which is spent by any attempt, for a new grant."""
    row = store.db.execute(
        "delete from hubspot_codes where code = ? returning redirect, challenge, scopes, expires",
        (code,),
    ).fetchall()
    if not row:
        raise Denial("BAD_AUTH_CODE", "missing or unknown auth code")
    registered, challenge, scopes, expires = row[0]
    if datetime.fromisoformat(expires) < store.clock.now():
        raise Denial("EXPIRED_AUTH_CODE", "auth code is expired")
    if redirect != registered:
        raise Denial("MISMATCH_REDIRECT_URI_AUTH_CODE", "redirect uri does not match auth code")
    if challenge and not hmac.compare_digest(challenge_of(verifier), challenge):
        raise Denial("BAD_CODE_VERIFIER", "missing or invalid code verifier")
    with store.transaction() as db:
        number = db.execute(
            "insert into hubspot_grants (scopes, redirect, created) values (?, ?, ?)",
            (scopes, redirect, store.clock.now().isoformat()),
        ).lastrowid
        assert number is not None
        return Granted(number, tuple(orjson.loads(scopes)), _new_refresh(store, number))


def refresh(store: Store, token: str) -> Granted:
    """Takes a refresh token; one that was replaced before costs the whole grant."""
    found = find(store, token)
    if found is None or found["ended"]:
        raise bad_refresh_token()
    if found["replaced"]:
        end(store, found["id"], "reuse")
        raise bad_refresh_token()
    with store.transaction() as db:
        if options(store)["rotation"]:
            now = store.clock.now().isoformat()
            db.execute(
                "update hubspot_refresh_tokens set replaced = ? where token = ?", (now, token)
            )
            token = _new_refresh(store, found["id"])
    return Granted(found["id"], tuple(found["scopes"]), token)


def find(store: Store, token: str) -> dict[str, Any] | None:
    """A refresh token and its grant."""
    row = store.db.execute(
        "select g.id, g.scopes, g.ended, t.replaced from hubspot_refresh_tokens t"
        " join hubspot_grants g on g.id = t.grant_id where token = ?",
        (token,),
    ).fetchone()
    if row is None:
        return None
    number, scopes, ended, replaced = row
    return {"id": number, "scopes": orjson.loads(scopes), "ended": ended, "replaced": replaced}


def end(store: Store, grant: int, why: str) -> None:
    """Ends a grant and every access token it gave."""
    with store.transaction() as db:
        db.execute(
            "update hubspot_grants set ended = ? where id = ? and ended is null", (why, grant)
        )
        db.execute("delete from hubspot_tokens where grant_id = ?", (grant,))


def open_session(store: Store, granted: Granted) -> tuple[str, int]:
    """An access token of a grant, and for how many seconds it is good."""
    seconds, token = int(options(store)["expires_in"]), auth.access_token()
    ends = store.clock.now() + timedelta(seconds=seconds)
    number, scopes = auth.APPS[auth.OAUTH], granted.scopes
    auth.keep_token(store, token, number, grant=granted.id, scopes=scopes, ends=ends)
    return token, seconds


def bad_refresh_token() -> Denial:
    """The answer to a refresh token that is not good, or not any more."""
    return Denial("BAD_REFRESH_TOKEN", "missing or invalid refresh token")


def challenge_of(verifier: str) -> str:
    """The S256 challenge that belongs to a verifier."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _new_refresh(store: Store, grant: int) -> str:
    token = f"na1-{uuid4()}"
    store.db.execute(
        "insert into hubspot_refresh_tokens values (?, ?, null)",
        (token, grant),
    )
    return token
