"""Salesforce as the engine sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any

from ...errors import ConnectorError
from ...protocols import Read, Spool
from ...records import CrmField, Org, Outcome
from . import fields as catalogue
from . import read as reading
from . import write as writing
from .auth import Auth, Login
from .client import Client


@dataclass(slots=True)
class Crm:
    """A Salesforce org, by REST.

    `login_url` is where tokens come from: login.salesforce.com, test.salesforce.com or the My
    Domain. `api_version` is pinned; it is never raised silently.
    """

    auth: Auth
    login_url: str = "https://login.salesforce.com"
    api_version: str = "66.0"
    name: str = field(default="salesforce", init=False)
    _client: Client = field(init=False, repr=False)
    _described: dict[str, catalogue.Describe | None] = field(
        default_factory=dict, init=False, repr=False
    )

    def __post_init__(self) -> None:
        self._client = Client(Login(self.login_url, self.auth), self.api_version)

    def check(self) -> Org:
        """Log in and ask who and where we are."""
        client = self._client
        found = client.call("GET", "query", "to look up the org", params={"q": _ORG})
        who = client.session.json("GET", "services/oauth2/userinfo")
        return Org(
            id=found["records"][0]["Id"],
            user=who["user_id"],
            url=client.session.base,
            now=client.now,
        )

    def fields(self, object: str) -> Mapping[str, CrmField] | None:
        found = self._describe(object)
        if found is None:
            return None
        return {raw["name"]: catalogue.field_of(raw) for raw in found["fields"]}

    def path_types(self, object: str, paths: Sequence[str]) -> dict[str, str]:
        types = {path: catalogue.path_type(path, object, self._describe) for path in paths}
        return {path: kind for path, kind in types.items() if kind}

    def read(self, read: Read, types: Mapping[str, str], into: Path) -> Spool:
        return reading.spool(self._client, read, types, into)

    def values(
        self, object: str, ids: Sequence[str], fields: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        return writing.values(self._client, object, ids, fields)

    def write(
        self, object: str, rows: Sequence[Mapping[str, Any]], chunk: int = writing.CHUNK
    ) -> Iterator[tuple[Outcome, ...]]:
        return writing.write(self._client, object, rows, chunk)

    def hidden_fields(self, object: str, targets: Sequence[str]) -> list[str]:
        """Which of these fields exist without the running user seeing them."""
        return catalogue.hidden(self._client, object, targets)

    def create_fields(self, object: str, wanted: Sequence[Any]) -> list[str]:
        """Create custom fields from the mapping; the names created.

        When one is refused, those made before it are granted: nothing is left that nobody sees.
        """
        made: list[str] = []
        try:
            for name in catalogue.create(self._client, object, wanted):
                made.append(name)
        except ConnectorError:
            # What went wrong first is what is told.
            with suppress(ConnectorError):
                if made:
                    self.grant_fields(object, made, self.check().user)
            raise
        finally:
            self._described.clear()
        return made

    def grant_fields(self, object: str, targets: Sequence[str], user: str) -> list[str]:
        """Make fields visible to a user; the names that were not visible before."""
        granted = catalogue.grant(self._client, object, targets, user)
        self._described.clear()
        return granted

    def read_calls(self, rows: int) -> dict[str, int]:
        return {"query": max(1, ceil(rows / reading.PAGE))}

    def write_calls(self, rows: int) -> dict[str, int]:
        if not rows:
            return {}
        return {
            "retrieve": ceil(rows / writing.RETRIEVE),
            "collections": ceil(rows / writing.CHUNK),
        }

    def opening_calls(self, objects: int) -> dict[str, int]:
        return {"login": 2, "other": 2, "query": 1, "describe": objects}

    def counts(self, objects: Sequence[str]) -> dict[str, int]:
        path = "limits/recordCount"
        query = {"sObjects": ",".join(sorted(set(objects)))}
        found = self._client.call("GET", path, "to count records", params=query)
        return {row["name"]: int(row["count"]) for row in (found or {}).get("sObjects", ())}

    def now(self) -> datetime:
        return self._client.now

    def skew(self) -> float:
        return self._client.session.skew_seconds

    def allowance(self) -> tuple[int, int]:
        return self._client.allowance

    def calls(self) -> Mapping[str, int]:
        return self._client.calls

    def _describe(self, object: str) -> catalogue.Describe | None:
        if object not in self._described:
            self._described[object] = catalogue.describe(self._client, object)
        return self._described[object]


_ORG = "SELECT Id FROM Organization"
