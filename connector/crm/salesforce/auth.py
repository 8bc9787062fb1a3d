"""Logging in to Salesforce, once per token, whoever asks."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ...errors import AuthError
from .flows import Auth, Browser, ClientCredentials, Jwt
from .tokens import Token, TokenHost

__all__ = ["Auth", "Browser", "ClientCredentials", "Jwt", "Login"]


class Login:
    """Logs in when first needed and again when told that the token is stale.

    However many requests fail on one token at once, it is renewed once. Where tokens come from
    and where the data is are two addresses; with every token the second is told anew, and
    `moved` hears of it when it has changed.
    """

    def __init__(self, host: str, auth: Auth) -> None:
        self.host = TokenHost(host)
        self.auth = auth
        self.moved: Callable[[str], None] = lambda _: None
        self._token: Token | None = None
        self._refusal: AuthError | None = None
        self._lock = threading.Lock()

    @property
    def token(self) -> Token:
        with self._lock:
            return self._token or self._obtained("")

    @property
    def instance_url(self) -> str:
        return self.token.instance_url

    def header(self) -> str:
        return f"Bearer {self.token.access}"

    def renew(self, stale: str) -> None:
        with self._lock:
            if self._token is not None and stale == f"Bearer {self._token.access}":
                self._obtained(self._token.access)

    def _obtained(self, stale: str) -> Token:
        """A new token. Who was refused once is not heard again: all that wait are told the same."""
        if self._refusal is not None:
            raise self._refusal
        try:
            new = self.auth.token(self.host, stale)
            self._check(new)
        except AuthError as refusal:
            self._refusal = refusal
            raise
        old, self._token = self._token, new
        if old is not None and old.instance_url != new.instance_url:
            self.moved(new.instance_url)
        return new

    def _check(self, new: Token) -> None:
        if self._token is not None and new.org != self._token.org:
            raise AuthError(
                f"The login has become one to another org, {new.org}, during this run.",
                hint="Somebody has logged in elsewhere: one configuration for each org.",
            )

    @property
    def calls(self) -> dict[str, int]:
        return {"login": self.host.calls}
