"""A login that is kept between runs, and its refresh token, which is good for one use.

With rotation every use of the refresh token answers with the next one, and showing an old one again
costs the whole grant. Therefore only one process at a time renews, under a lock; it writes down
that the token is on its way before it is sent, and keeps the answer before the answer is used. A
renewal whose answer was lost is settled by asking what became of the token, never by trying it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from ...errors import AuthError, ConfigError, Throttled, Unreachable
from ...secrets import Vault
from .refusals import LOGIN_AGAIN, LoginRefused
from .tokens import Token, TokenHost

#: A token that another process got within so many seconds is taken for good: the shortest session
#: that Salesforce lets an admin choose is fifteen minutes.
YOUNG = 600.0
DEAD = "expired access/refresh token"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept. `sent` means that the refresh token was shown and the answer not yet kept."""

    client_id: str
    token: Token
    renewed_at: float
    generation: int = 1
    sent: bool = False

    @property
    def young(self) -> bool:
        return _now() - self.renewed_at < YOUNG


def open_kept(vault: Vault, client_id: str) -> Kept:
    """What is kept there for this app; AuthError if nobody has logged in."""
    text = vault.read()
    if not text:
        raise AuthError(f"Nobody is logged in: {vault.reference} is empty.", hint=LOGIN_AGAIN)
    kept = _read(text, vault)
    if kept.client_id != client_id:
        raise AuthError(
            f"The login in {vault.reference} belongs to another app than client_id names.",
            hint=LOGIN_AGAIN,
        )
    return kept


def keep(vault: Vault, kept: Kept) -> None:
    """Write it down, and return when it is safe."""
    vault.write(orjson.dumps(asdict(kept)).decode())


def begin(vault: Vault, client_id: str, token: Token) -> None:
    """Keep a new login; what was there is forgotten."""
    with vault.lock():
        keep(vault, Kept(client_id, token, _now()))


def renew(host: TokenHost, vault: Vault, client: dict[str, str], stale: str) -> Token:
    """A token that is not the stale one: another process's if it has just got one, else a new one.

    The new refresh token is kept before the new access token is given away.
    """
    with vault.lock():
        kept = open_kept(vault, client["client_id"])
        if kept.token.access != stale and kept.young:
            return kept.token
        if not kept.token.refresh:
            raise AuthError("The login has ended.", hint=LOGIN_AGAIN)
        if kept.sent:
            _settle(host, vault, client, kept)
        return _refreshed(host, vault, client, kept)


def _refreshed(host: TokenHost, vault: Vault, client: dict[str, str], kept: Kept) -> Token:
    old = kept.token
    form = {"grant_type": "refresh_token", "refresh_token": old.refresh, **client}
    keep(vault, replace(kept, sent=True))
    try:
        token = host.token(form, repeatable=False)
    except LoginRefused as refused:
        dead = DEAD in refused.description
        keep(vault, _without_refresh(kept) if dead else replace(kept, sent=False))
        raise
    except (Throttled, Unreachable):  # it was not looked at
        keep(vault, replace(kept, sent=False))
        raise
    token = replace(
        token,
        refresh=token.refresh or old.refresh,
        identity=token.identity or old.identity,
        scopes=token.scopes or old.scopes,
    )
    keep(vault, Kept(kept.client_id, token, _now(), kept.generation + 1))
    return token


def _settle(host: TokenHost, vault: Vault, client: dict[str, str], kept: Kept) -> None:
    """Find out what became of a refresh token whose answer was lost; return if it is alive."""
    lost = "The last renewal of the login was interrupted before its answer could be kept"
    try:
        known = host.introspect(kept.token.refresh, "refresh_token", client)
    except LoginRefused as refused:
        raise AuthError(
            f"{lost}, and Salesforce does not say whether the refresh token is used up: "
            f"{refused.code}. Showing it again could cost the whole grant.",
            hint=LOGIN_AGAIN,
        ) from refused
    if not known.get("active"):
        keep(vault, _without_refresh(kept))
        raise AuthError(f"{lost}: the refresh token is used up.", hint=LOGIN_AGAIN)


def _without_refresh(kept: Kept) -> Kept:
    """The same login without the token that must not be shown again."""
    return replace(kept, token=replace(kept.token, refresh=""), sent=False)


def _read(text: str, vault: Vault) -> Kept:
    try:
        raw: dict[str, Any] = orjson.loads(text)
        token = {**raw["token"], "scopes": tuple(raw["token"]["scopes"])}
        return Kept(**{**raw, "token": Token(**token)})
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{vault.reference} holds something else than a login.",
            hint="Name another place as refresh_token, or empty that one; then run "
            "`connector auth login`.",
        ) from error


def _now() -> float:
    return datetime.now(UTC).timestamp()
