"""Tokens that platforms hand out and that end by the sandbox's clock."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from ..store import Store
from .serving import Ask, Refused, key


def issue(ask: Ask, name: str, seconds: int, *, scoped: bool = False) -> dict[str, Any]:
    """A new token for a client that names itself in the form or by HTTP Basic; `scoped`: by HTTP
    Basic alone, and with what the token is for."""
    form = {word: values[0] for word, values in parse_qs(ask.body.decode()).items()}
    if form.get("grant_type") != "client_credentials":
        raise Refused(400, "unsupported_grant_type")
    if scoped and (not form.get("scope") or "client_id" in form):
        raise Refused(400, "invalid_scope")
    if not _knows(ask, name, form.get("client_id", ""), form.get("client_secret", "")):
        raise Refused(401, "invalid_client")
    token = secrets.token_hex(16)
    _known(ask.store, name)[token] = ask.store.clock.now().timestamp() + seconds
    return {"access_token": token, "token_type": "bearer", "expires_in": seconds}


def by_token(name: str) -> Callable[[Ask], bool]:
    """Whether a request brings a token that was issued and has not ended."""

    def admits(ask: Ask) -> bool:
        kind, _, token = ask.header("authorization").partition(" ")
        ends = _known(ask.store, name).get(token, 0.0)
        return kind == "Bearer" and ends > ask.store.clock.now().timestamp()

    return admits


def client(store: Store, name: str) -> dict[str, str]:
    """What a client of the platform is told once: who it is."""
    return {"client_id": f"client-{name}", "secret": key(store, f"{name}_client")}


def _knows(ask: Ask, name: str, id: str, secret: str) -> bool:
    mine = client(ask.store, name)
    pair = f"{mine['client_id']}:{mine['secret']}"
    basic = f"Basic {b64encode(pair.encode()).decode()}"
    return f"{id}:{secret}" == pair or ask.header("authorization") == basic


def _known(store: Store, name: str) -> dict[str, float]:
    tokens: dict[str, float] = store.passing.setdefault(f"tokens:{name}", {})
    return tokens
