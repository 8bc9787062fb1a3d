"""What a person has granted: codes, refresh tokens that rotate, and what reuse of one costs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ..clock import stamp
from ..store import Store
from .sessions import change_options, options

SCHEMA = """
create table if not exists oauth_codes (
    code text primary key, user text not null, redirect text not null, challenge text not null,
    scope text not null, expires text not null
) without rowid;
create table if not exists oauth_grants (
    id integer primary key, user text not null, scope text not null, created text not null,
    used text not null, ended text
);
create table if not exists refresh_tokens (
    token text primary key, grant_id integer not null, issued text not null, replaced text
) without rowid;
"""
CODE_LIFE = timedelta(minutes=15)
REFRESH_SCOPES = frozenset({"refresh_token", "offline_access"})


class Denial(Exception):
    """A sign-in that fails, in OAuth's own words."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status

    def body(self) -> dict[str, str]:
        """The answer to whoever tried."""
        return {"error": self.error, "error_description": self.description}


@dataclass(frozen=True, slots=True)
class Granted:
    """What a code or a refresh token was good for; `refresh` is empty if the old one stays."""

    user: str
    scope: str
    id: int | None
    refresh: str = ""


def new_code(store: Store, user: str, redirect: str, challenge: str, scope: str) -> str:
    """A code for one exchange within a quarter of an hour."""
    code = f"aPrx{secrets.token_urlsafe(48)}"
    expires = stamp(store.clock.now() + CODE_LIFE)
    with store.transaction() as db:
        db.execute(
            "insert into oauth_codes values (?, ?, ?, ?, ?, ?)",
            (code, user, redirect, challenge, scope, expires),
        )
    return code


def exchange(store: Store, code: str, redirect: str, verifier: str) -> Granted:
    """Takes a code, which is spent by any attempt, for a new grant."""
    with store.transaction() as db:
        row = db.execute("select * from oauth_codes where code = ?", (code,)).fetchone()
        db.execute("delete from oauth_codes where code = ?", (code,))
    now = stamp(store.clock.now())
    if row is None or row[5] < now:
        raise Denial("invalid_grant", "expired authorization code")
    _, user, registered, challenge, scope, _ = row
    if redirect != registered:
        raise Denial("redirect_uri_mismatch", "redirect_uri must match configuration")
    if not verifier:
        raise Denial("invalid_grant", "code verifier is missing")
    if not hmac.compare_digest(challenge_of(verifier), challenge):
        raise Denial("invalid_request", "invalid code verifier")
    check_user(store, user)
    with store.transaction() as db:
        grant = db.execute(
            "insert into oauth_grants (user, scope, created, used) values (?, ?, ?, ?)",
            (user, scope, now, now),
        ).lastrowid
        lasting = REFRESH_SCOPES & set(scope.split())
        return Granted(user, scope, grant, _new_refresh(store, grant) if lasting else "")


def refresh(store: Store, token: str) -> Granted:
    """Takes a refresh token; one that was replaced before costs the whole grant."""
    row = find(store, token)
    if row is None or row["ended"]:
        raise Denial("invalid_grant", "expired access/refresh token")
    if row["replaced"] or _idle(store, row["used"]):
        end(store, row["id"], "reuse" if row["replaced"] else "idle")
        raise Denial("invalid_grant", "expired access/refresh token")
    check_user(store, row["user"])
    now, new = stamp(store.clock.now()), ""
    with store.transaction() as db:
        db.execute("update oauth_grants set used = ? where id = ?", (now, row["id"]))
        if options(store)["rotation"]:
            db.execute("update refresh_tokens set replaced = ? where token = ?", (now, token))
            new = _new_refresh(store, row["id"])
    return Granted(row["user"], row["scope"], row["id"], new)


def find(store: Store, token: str) -> dict[str, Any] | None:
    """A refresh token and its grant."""
    names = ("id", "user", "scope", "created", "used", "ended", "issued", "replaced")
    row = store.db.execute(
        "select g.id, user, scope, created, used, ended, issued, replaced"
        " from refresh_tokens t join oauth_grants g on g.id = t.grant_id where token = ?",
        (token,),
    ).fetchone()
    return dict(zip(names, row, strict=True)) if row else None


def usable(store: Store, row: dict[str, Any]) -> bool:
    """Whether a refresh token that was found would be taken."""
    return not row["ended"] and not row["replaced"] and not _idle(store, row["used"])


def end(store: Store, grant: int, why: str) -> None:
    """Ends a grant and every session it gave."""
    with store.transaction() as db:
        db.execute("update oauth_grants set ended = ? where id = ?", (why, grant))
        db.execute("delete from sessions where grant_id = ?", (grant,))


def check_user(store: Store, user: str) -> None:
    """Refuses a user who is not active."""
    active = store.db.execute("select IsActive from User where Id = ?", (user,)).fetchone()
    if not active or not active[0]:
        raise Denial("inactive_user", "user is inactive")


def told(store: Store) -> dict[str, Any]:
    """Options, and every grant: how often its token rotated, its sessions, and why it ended."""
    rows = store.db.execute(
        "select id, user, scope, created, used, ended,"
        " (select count(*) from refresh_tokens t where t.grant_id = g.id and replaced is not null),"
        " (select count(*) from sessions s where s.grant_id = g.id) from oauth_grants g order by id"
    )
    names = ("id", "user", "scope", "created", "used", "ended", "rotations", "sessions")
    return {
        "options": options(store),
        "grants": [dict(zip(names, row, strict=True)) for row in rows],
    }


def change(store: Store, wanted: Any) -> dict[str, Any]:
    """Sets options: `{"rotation": false}`."""
    if not isinstance(wanted, dict):
        raise TypeError('options are an object, for example {"rotation": false}')
    change_options(store, wanted)
    return told(store)


def challenge_of(verifier: str) -> str:
    """The S256 challenge that belongs to a verifier."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _idle(store: Store, used: str) -> bool:
    days = float(options(store)["idle_days"])
    return used < stamp(store.clock.now() - timedelta(days=days))


def _new_refresh(store: Store, grant: int | None) -> str:
    token = f"5Aep861{secrets.token_urlsafe(60).replace('-', '.')}"
    store.db.execute(
        "insert into refresh_tokens values (?, ?, ?, null)",
        (token, grant, stamp(store.clock.now())),
    )
    return token
