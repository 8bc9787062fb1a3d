"""A login that is kept between runs, and its refresh token, which may be good for one use.

With rotation every use of the refresh token answers with the next one, and showing an old one again
costs the whole grant. Therefore only one process at a time renews, under a lock; it writes down
that the token is on its way before it is sent, and keeps the answer before the answer is used. A
renewal whose answer was lost is settled by asking what became of the token, never by trying it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

import orjson

from ..errors import AuthError, ConfigError, Throttled, Unreachable
from ..secrets import Vault
from .refused import LOGIN_AGAIN, Refused


class Renewable(Protocol):
    """An access token and the refresh token that gets the next one."""

    @property
    def access(self) -> str: ...

    @property
    def refresh(self) -> str: ...


T = TypeVar("T", bound=Renewable)


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """What is kept. `sent` means that the refresh token was shown and the answer not yet kept."""

    client_id: str
    token: T
    renewed_at: float
    generation: int = 1
    sent: bool = False

    @property
    def age(self) -> float:
        """Seconds since the token was got, by this machine's clock."""
        return now() - self.renewed_at


class Grantor(Protocol[T]):
    """Whoever gives tokens for refresh tokens: one app at one host."""

    @property
    def name(self) -> str: ...

    @property
    def client_id(self) -> str: ...

    def read(self, told: Mapping[str, Any]) -> T:
        """A token as it was kept; TypeError or KeyError if that is none."""
        ...

    def refreshed(self, old: T) -> T:
        """Show the refresh token and take the next token, complete. Raises Refused."""
        ...

    def lives(self, old: T) -> bool:
        """Whether the refresh token is still good, asked without using it. Raises Refused."""
        ...

    def without_refresh(self, old: T) -> T:
        """The same token without the refresh token, which must not be shown again."""
        ...

    def usable(self, kept: Kept[T]) -> bool:
        """Whether a token that another process got may be taken for good."""
        ...


def open_kept(vault: Vault, grantor: Grantor[T]) -> Kept[T]:
    """What is kept there for this app; AuthError if nobody has logged in."""
    text = vault.read()
    if not text:
        raise AuthError(f"Nobody is logged in: {vault.reference} is empty.", hint=LOGIN_AGAIN)
    kept = _read(text, vault, grantor)
    if kept.client_id != grantor.client_id:
        raise AuthError(
            f"The login in {vault.reference} belongs to another app than client_id names.",
            hint=LOGIN_AGAIN,
        )
    return kept


def keep(vault: Vault, kept: Kept[T]) -> None:
    """Write it down, and return when it is safe."""
    vault.write(orjson.dumps(asdict(kept)).decode())


def begin(vault: Vault, client_id: str, token: T) -> None:
    """Keep a new login; what was there is forgotten."""
    with vault.lock():
        keep(vault, Kept(client_id, token, now()))


def renew(vault: Vault, grantor: Grantor[T], stale: str) -> Kept[T]:
    """A token that is not the stale one: another process's if it has just got one, else a new one.

    The new refresh token is kept before the new access token is given away.
    """
    with vault.lock():
        kept = open_kept(vault, grantor)
        if kept.token.access != stale and grantor.usable(kept):
            return kept
        if not kept.token.refresh:
            raise AuthError("The login has ended.", hint=LOGIN_AGAIN)
        if kept.sent:
            _settle(vault, grantor, kept)
        return _refreshed(vault, grantor, kept)


def _refreshed(vault: Vault, grantor: Grantor[T], kept: Kept[T]) -> Kept[T]:
    keep(vault, replace(kept, sent=True))
    try:
        token = grantor.refreshed(kept.token)
    except Refused as refused:
        dead = refused.is_dead
        keep(vault, _ended(grantor, kept) if dead else replace(kept, sent=False))
        raise
    except (Throttled, Unreachable):  # it was not looked at
        keep(vault, replace(kept, sent=False))
        raise
    new = Kept(kept.client_id, token, now(), kept.generation + 1)
    keep(vault, new)
    return new


def _settle(vault: Vault, grantor: Grantor[T], kept: Kept[T]) -> None:
    """Find out what became of a refresh token whose answer was lost; return if it is alive."""
    lost = "The last renewal of the login was interrupted before its answer could be kept"
    try:
        lives = grantor.lives(kept.token)
    except Refused as refused:
        raise AuthError(
            f"{lost}, and {grantor.name} does not say whether the refresh token is used up: "
            f"{refused.code}. Showing it again could cost the whole grant.",
            hint=LOGIN_AGAIN,
        ) from refused
    if not lives:
        keep(vault, _ended(grantor, kept))
        raise AuthError(f"{lost}: the refresh token is used up.", hint=LOGIN_AGAIN)


def _ended(grantor: Grantor[T], kept: Kept[T]) -> Kept[T]:
    return replace(kept, token=grantor.without_refresh(kept.token), sent=False)


def _read(text: str, vault: Vault, grantor: Grantor[T]) -> Kept[T]:
    try:
        raw: dict[str, Any] = orjson.loads(text)
        return Kept(**{**raw, "token": grantor.read(raw["token"])})
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{vault.reference} holds something else than a login.",
            hint="Name another place as refresh_token, or empty that one; then run "
            "`connector auth login`.",
        ) from error


def now() -> float:
    """Seconds by this machine's clock, which only measures how old a token is."""
    return datetime.now(UTC).timestamp()
