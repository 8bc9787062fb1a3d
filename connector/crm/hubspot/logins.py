"""A login by OAuth: renewed before it runs out, once, whoever notices and in whichever process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from ...errors import AuthError
from ...login import kept
from ...secrets import Vault
from .tokens import Token, TokenHost

Kept = kept.Kept[Token]
Client = Callable[[], Mapping[str, str]]

#: A token is renewed so long before its end: a request that waits for a limit must not outlive it.
MARGIN_SECONDS, MARGIN_SHARE = 120.0, 0.2
#: A token that is refused so soon after it was got is refused for another reason than its age.
TOO_SOON = 60.0


class Login:
    """Signs every call with a token that is good, and renews it by its time.

    HubSpot says that a 401 does not mean that a token has run out. So one renewal is tried after a
    401, and no second one for the token that it gave.
    """

    def __init__(self, host: TokenHost, vault: Vault, client: Client, client_id: str) -> None:
        self.host = host
        self.vault = vault
        self.grantor = Grantor(host, client, client_id)
        self._kept: Kept | None = None
        self._refusal: AuthError | None = None
        self._renewed_after_401 = -TOO_SOON
        self._lock = threading.Lock()

    def header(self) -> str:
        return f"Bearer {self.token.access}"

    @property
    def token(self) -> Token:
        """A token that does not run out in the next minutes."""
        with self._lock:
            if self._refusal is not None:
                raise self._refusal
            if self._kept is None:
                self._kept = kept.open_kept(self.vault, self.grantor)
            if not self.grantor.usable(self._kept):
                self._renew(self._kept)
            return self._kept.token

    def renew(self, stale: str) -> None:
        """Get a new token after a 401, unless another thread has already replaced the stale one."""
        with self._lock:
            if self._kept is None or stale != f"Bearer {self._kept.token.access}":
                return
            if monotonic() - self._renewed_after_401 < TOO_SOON:
                raise AuthError(
                    "HubSpot refused a token that it had just issued.",
                    hint="Is the app still installed in the account, and its user active?",
                )
            self._renew(self._kept)
            self._renewed_after_401 = monotonic()

    def _renew(self, old: Kept) -> None:
        """A new token. Who was refused once is not heard again: all that wait are told the same."""
        if self._refusal is not None:
            raise self._refusal
        try:
            new = kept.renew(self.vault, self.grantor, old.token.access)
            if new.token.hub != old.token.hub:
                raise AuthError(
                    f"The login has become one to another account, {new.token.hub}, during this "
                    "run.",
                    hint="Somebody has logged in elsewhere: one configuration for each account.",
                )
        except AuthError as refusal:
            self._refusal = refusal
            raise
        self._kept = new

    @property
    def calls(self) -> int:
        return self.host.calls

    @property
    def scopes(self) -> tuple[str, ...] | None:
        """The scopes that the token was given with."""
        return self.token.scopes or None


@dataclass(frozen=True, slots=True)
class Grantor:
    """The app, and the host that gives it tokens."""

    host: TokenHost
    client: Client
    client_id: str
    name: str = "HubSpot"

    def read(self, told: Mapping[str, Any]) -> Token:
        return Token(**{**told, "scopes": tuple(told["scopes"])})

    def refreshed(self, old: Token) -> Token:
        """The next token; what an answer leaves out is as it was, the refresh token included."""
        form = {"grant_type": "refresh_token", "refresh_token": old.refresh, **self.client()}
        token = self.host.token(form)
        return replace(
            token,
            refresh=token.refresh or old.refresh,
            hub=token.hub or old.hub,
            user=token.user or old.user,
            scopes=token.scopes or old.scopes,
        )

    def lives(self, old: Token) -> bool:
        told = self.host.introspect(old.refresh, "refresh_token", self.client())
        return bool(told.get("active"))

    def without_refresh(self, old: Token) -> Token:
        return replace(old, refresh="")

    def usable(self, kept: Kept) -> bool:
        """Whether a token is good for a while yet; one from the future is not trusted."""
        life = kept.token.seconds
        return 0 <= kept.age < life - min(MARGIN_SECONDS, life * MARGIN_SHARE)
