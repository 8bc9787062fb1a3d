"""The host that gives tokens: login.salesforce.com, test.salesforce.com or a My Domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import requests

from ...errors import InDoubt, Malformed, RemoteError, Throttled, Unreachable
from ...http import Session
from . import refusals


@dataclass(frozen=True, slots=True)
class Token:
    """What a login gives. Of an access token nothing is known, not even its length."""

    access: str = field(repr=False)
    instance_url: str
    #: `https://…/id/ORG/USER`
    identity: str = ""
    scopes: tuple[str, ...] = ()
    refresh: str = field(default="", repr=False)

    @property
    def org(self) -> str:
        return self._identity[0]

    @property
    def user(self) -> str:
        return self._identity[1]

    @property
    def _identity(self) -> tuple[str, str]:
        parts = self.identity.rstrip("/").split("/")
        return (parts[-2], parts[-1]) if len(parts) > 2 else ("", "")


class TokenHost:
    """Asks for tokens, about tokens, and takes them back."""

    def __init__(self, url: str) -> None:
        self.session = Session(url, name="Salesforce login")

    @property
    def calls(self) -> int:
        return sum(self.session.calls.values())

    def now(self) -> datetime:
        """The time there: what is dated by a clock of ours may be refused."""
        self.session.request("GET", "services/data")
        return self.session.server_now or datetime.now(UTC)

    def token(self, form: Mapping[str, str], *, repeatable: bool) -> Token:
        """A token; `repeatable` if nothing is used up by asking twice."""
        answer = self._post("token", form, repeatable=repeatable)
        if answer.status_code >= 400:
            raise refusals.refused(answer)
        body = refusals.body_of(answer)
        if not {"access_token", "instance_url"} <= body.keys():
            raise Malformed("Salesforce's login host answered without a token.", hint=refusals.PAGE)
        return Token(
            access=body["access_token"],
            instance_url=body["instance_url"].rstrip("/"),
            identity=body.get("id", ""),
            scopes=tuple(body.get("scope", "").split()),
            refresh=body.get("refresh_token", ""),
        )

    def introspect(self, token: str, kind: str, client: Mapping[str, str]) -> dict[str, object]:
        """What is known of a token, without using it; `active` says whether it is alive."""
        form = {"token": token, "token_type_hint": kind, **client}
        answer = self._post("introspect", form, repeatable=True)
        if answer.status_code >= 400:
            raise refusals.refused(answer)
        return dict(refusals.body_of(answer))

    def revoke(self, token: str) -> bool:
        """Take a token back, and all that came of it; False if it was dead already."""
        answer = self._post("revoke", {"token": token}, repeatable=True)
        return answer.status_code < 400

    def _post(self, name: str, form: Mapping[str, str], *, repeatable: bool) -> requests.Response:
        path = f"services/oauth2/{name}"
        try:
            return self.session.request("POST", path, data=dict(form), idempotent=repeatable)
        except (Throttled, Unreachable):
            raise
        except InDoubt as error:
            hint = "Run again: what became of it is looked up before anything is used twice."
            raise InDoubt(error.message, hint=hint, status=error.status) from error
        except RemoteError as error:
            raise type(error)(error.message, hint=refusals.PAGE, status=error.status) from error
