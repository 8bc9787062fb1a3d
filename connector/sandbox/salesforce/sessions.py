"""Sessions: what an access token is good for and for how long; and how the org's app is set up."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

from ..clock import stamp
from ..store import Store
from .errors import Refusal

SCHEMA = """
create table if not exists sessions (
    token text primary key, user text not null, grant_id integer, scope text not null,
    issued text not null, used text not null, ends text
) without rowid;
drop table if exists tokens;
"""
SESSION_SECONDS = 7_200
SCOPES = "api refresh_token id"
#: How the app and the host behave; `POST /_sandbox/oauth` changes them.
OPTIONS: dict[str, Any] = {
    "client": "confidential",  # or public: then a secret must not be sent
    "consent": "ask",  # or auto, deny: nobody is asked
    "tokens": "opaque",  # or jwt: longer than 1 kB, of fixed life
    "host": "my_domain",  # or login: as login.salesforce.com and test.salesforce.com answer
    "instance": "",  # where the data is, if not at the address that was asked for a token
    "rotation": True,  # a refresh token is good for one use
    "installed": True,  # an app that is not is blocked
    "idle_days": 30,  # a refresh token that is not used for so long dies
    "callbacks": ["http://localhost:1717/callback", "http://localhost:1717/OauthRedirect"],
    "users": [],  # who may sign in by assertion beside the integration user
}
CHOICES = {
    "client": ("confidential", "public"),
    "consent": ("ask", "auto", "deny"),
    "tokens": ("opaque", "jwt"),
    "host": ("my_domain", "login"),
}


@dataclass(frozen=True, slots=True)
class Session:
    """A token that is alive."""

    user: str
    scope: str
    issued: datetime
    ends: datetime


def options(store: Store) -> dict[str, Any]:
    """How the app and the host behave now."""
    return {**OPTIONS, **(store.get("salesforce_oauth") or {})}


def change_options(store: Store, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Sets some of the options; refuses what there is not."""
    for name, value in wanted.items():
        if name not in OPTIONS:
            raise ValueError(f"there is no {name!r}; there are {', '.join(OPTIONS)}")
        if type(value) is not type(OPTIONS[name]) or value not in CHOICES.get(name, (value,)):
            choices = ", ".join(CHOICES.get(name, (type(OPTIONS[name]).__name__,)))
            raise ValueError(f"{name} is one of: {choices}")
    store.put("salesforce_oauth", {**(store.get("salesforce_oauth") or {}), **wanted})
    return options(store)


def user_of(store: Store, authorization: str) -> str:
    """The user of a session; refuses a token that is unknown, expired or revoked."""
    kind, _, token = authorization.partition(" ")
    session = alive(store, token.strip()) if kind.lower() in ("bearer", "oauth") else None
    if session is None:
        raise Refusal("INVALID_SESSION_ID", "Session expired or invalid", status=401)
    return session.user


def open_session(
    store: Store, user: str, base: str, *, scope: str = SCOPES, grant: int | None = None
) -> str:
    """Opens a session; its access token."""
    now = store.clock.now()
    signed = options(store)["tokens"] == "jwt"
    ends = now + length(store) if signed else None
    org = store.get("salesforce_app")["org_id"]
    opaque = f"{org[:15]}!AQ{secrets.token_urlsafe(60).replace('-', '.')}"
    token = _signed(store, user, base, scope, ends) if ends else opaque
    with store.transaction() as db:
        db.execute(
            "insert into sessions values (?, ?, ?, ?, ?, ?, ?)",
            (token, user, grant, scope, stamp(now), stamp(now), stamp(ends) if ends else None),
        )
    return token


def alive(store: Store, token: str) -> Session | None:
    """The session of a token that was used less than a session's length ago."""
    now = store.clock.now()
    sql = "select user, scope, issued, used, ends from sessions where token = ?"
    row = store.db.execute(sql, (token,)).fetchone()
    if row is None:
        return None
    user, scope, issued, used, fixed = row
    ends = datetime.fromisoformat(fixed or used) + (timedelta() if fixed else length(store))
    if ends < now:
        return None
    if used < stamp(now - timedelta(minutes=1)):
        store.db.execute("update sessions set used = ? where token = ?", (stamp(now), token))
    return Session(user, scope, datetime.fromisoformat(issued), ends)


def length(store: Store) -> timedelta:
    """How long a session lives without being used."""
    return timedelta(seconds=store.get("session_seconds") or SESSION_SECONDS)


def expire_all(store: Store) -> int:
    """Ends every session and tells how many there were."""
    with store.transaction() as db:
        return db.execute("delete from sessions").rowcount


# Checking that a key is one takes a tenth of a second.
@lru_cache(maxsize=8)
def signing_key(pem: str) -> RSAKey:
    """The key pair of the app."""
    return RSAKey.import_key(pem)


def _signed(store: Store, user: str, base: str, scope: str, ends: datetime) -> str:
    """An access token in the form of a JWT, as orgs give that have switched them on."""
    app, now = store.get("salesforce_app"), int(store.clock.now().timestamp())
    key = signing_key(app["private_key"])
    prefix = f"core/prod/{app['org_id']}"
    header = {"alg": "RS256", "typ": "JWT", "tnk": prefix, "ver": "1.0", "tty": "sfdc-core-token"}
    claims = {
        "iss": base,
        "aud": [base, f"{base}/services/data", f"{base}/services/apexrest"],
        "sub": f"uid:{user}",
        "client_id": app["client_id"],
        "scp": scope,
        "mty": "oauth",
        "sfi": hashlib.sha256(app["client_id"].encode()).hexdigest(),
        "jti": secrets.token_hex(32),
        "roles": [],
        "iat": now,
        "nbf": now - 15,
        "exp": int(ends.timestamp()),
    }
    registry = JWSRegistry(algorithms=["RS256"], strict_check_header=False)
    return jwt.encode(header, claims, key, registry=registry)
