"""Where tokens come from: asked for, asked about, and taken back, with every secret in the body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from ...errors import InDoubt, Malformed, RemoteError, Throttled, Unreachable
from ...http import Session
from . import refusals
from .paths import Paths

#: HubSpot's own; obeyed only where an answer does not tell.
USUAL_SECONDS = 1_800


@dataclass(frozen=True, slots=True)
class Token:
    """What a login gives. Of an access token nothing is known, not even its length."""

    access: str = field(repr=False)
    refresh: str = field(default="", repr=False)
    #: For how many seconds it was good when it was given.
    seconds: int = USUAL_SECONDS
    hub: str = ""
    user: str = ""
    scopes: tuple[str, ...] = ()


class TokenHost:
    """Gives tokens for codes and refresh tokens. Of OAuth's first version nothing is used."""

    def __init__(self, url: str, version: str) -> None:
        self.session = Session(url, name="HubSpot login")
        self.paths = Paths(version)

    @property
    def calls(self) -> int:
        """How many requests there have been."""
        return sum(self.session.calls.values())

    def token(self, form: Mapping[str, str]) -> Token:
        """A token; the code or refresh token in the form may be used up by it."""
        answer = self._post(self.paths.oauth(), form, repeatable=False)
        if answer.status_code >= 400:
            raise refusals.refused(answer)
        body: Mapping[str, Any] = refusals.body_of(answer)
        if not body.get("access_token"):
            raise Malformed("HubSpot answered a login without a token.", hint=refusals.PAGE)
        return Token(
            access=str(body["access_token"]),
            refresh=str(body.get("refresh_token") or ""),
            seconds=int(body.get("expires_in") or USUAL_SECONDS),
            hub=str(body.get("hub_id") or ""),
            user=str(body.get("user_id") or ""),
            scopes=tuple(map(str, body.get("scopes") or ())),
        )

    def introspect(self, token: str, kind: str, client: Mapping[str, str]) -> dict[str, Any]:
        """What is known of a token, without using it; `active` says whether it is alive."""
        form = {"token": token, "token_type_hint": kind, **client}
        answer = self._post(self.paths.oauth("introspect"), form, repeatable=True)
        if answer.status_code >= 400:
            raise refusals.refused(answer)
        return refusals.body_of(answer)

    def revoke(self, token: str, client: Mapping[str, str]) -> None:
        """Take a refresh token back, and all that came of it."""
        form = {"token": token, "token_type_hint": "refresh_token", **client}
        answer = self._post(self.paths.oauth("revoke"), form, repeatable=True)
        if answer.status_code >= 400:
            raise refusals.refused(answer)

    def _post(self, path: str, form: Mapping[str, str], *, repeatable: bool) -> requests.Response:
        try:
            return self.session.request("POST", path, data=dict(form), idempotent=repeatable)
        except (Throttled, Unreachable):
            raise
        except InDoubt as error:
            hint = "Run again: what became of it is looked up before anything is used twice."
            raise InDoubt(error.message, hint=hint, status=error.status) from error
        except RemoteError as error:
            raise type(error)(error.message, hint=refusals.PAGE, status=error.status) from error
