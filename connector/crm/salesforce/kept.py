"""A login to Salesforce that is kept between runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...login import kept
from ...login.kept import begin, keep
from ...secrets import Vault
from .tokens import Token, TokenHost

__all__ = ["Kept", "begin", "keep", "open_kept", "renew"]

#: A token that another process got within so many seconds is taken for good: the shortest session
#: that Salesforce lets an admin choose is fifteen minutes.
YOUNG = 600.0

Kept = kept.Kept[Token]


def open_kept(vault: Vault, client_id: str) -> Kept:
    """What is kept there for this app; AuthError if nobody has logged in."""
    return kept.open_kept(vault, _Grantor({"client_id": client_id}))


def renew(host: TokenHost, vault: Vault, client: Mapping[str, str], stale: str) -> Token:
    """A token that is not the stale one: another process's if it has just got one, else a new one.

    The new refresh token is kept before the new access token is given away.
    """
    return kept.renew(vault, _Grantor(client, host), stale).token


@dataclass(frozen=True, slots=True)
class _Grantor:
    """The app, and the host that gives it tokens; without a host only what is kept is read."""

    client: Mapping[str, str]
    host: TokenHost | None = None
    name: str = "Salesforce"

    @property
    def client_id(self) -> str:
        return self.client["client_id"]

    def read(self, told: Mapping[str, Any]) -> Token:
        return Token(**{**told, "scopes": tuple(told["scopes"])})

    def refreshed(self, old: Token) -> Token:
        """The next token; what an answer leaves out is as it was."""
        assert self.host is not None
        form = {"grant_type": "refresh_token", "refresh_token": old.refresh, **self.client}
        token = self.host.token(form, repeatable=False)
        return replace(
            token,
            refresh=token.refresh or old.refresh,
            identity=token.identity or old.identity,
            scopes=token.scopes or old.scopes,
        )

    def lives(self, old: Token) -> bool:
        assert self.host is not None
        return bool(self.host.introspect(old.refresh, "refresh_token", self.client).get("active"))

    def without_refresh(self, old: Token) -> Token:
        return replace(old, refresh="")

    def usable(self, kept: Kept) -> bool:
        return kept.age < YOUNG
