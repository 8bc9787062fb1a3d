"""Salesforce as the engine sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from ...errors import ConfigError
from ...fieldplan import FieldPlan, FieldsMade
from ...protocols import Progress, Read, Spool, Stretch
from ...records import CrmField, Org, Outcome
from . import access, ids, ingest, lanes, provision, sfdx
from . import fields as catalogue
from . import read as by_page
from . import write as writing
from .auth import Auth, Login
from .client import Client

_REMEDY = (
    "What is hidden, the permission set Health_Connector_Writer shows: run `connector fields "
    "apply`, or ask an admin. What is not there, correct in the mapping; `connector fields plan` "
    "tells which is which."
)


@dataclass(slots=True)
class Crm:
    """A Salesforce org, by REST and Bulk API 2.0.

    `login_url` is where tokens come from: login.salesforce.com, test.salesforce.com or the My
    Domain. `api_version` is pinned; it is never raised silently. `chunk` is how many records are
    written in one transaction, `together` how many such chunks in one call; from `bulk_from`
    changes on they are sent as a file.
    """

    auth: Auth
    login_url: str = "https://login.salesforce.com"
    api_version: str = "66.0"
    chunk: Annotated[int, Field(ge=1, le=writing.CHUNK)] = writing.CHUNK
    together: Annotated[int, Field(ge=1, le=writing.TOGETHER)] = writing.TOGETHER
    bulk_from: Annotated[int, Field(ge=1)] = 2001
    name: str = field(default="salesforce", init=False)
    id_field: str = field(default="Id", init=False)
    file_kind: Literal["csv"] = field(default="csv", init=False)
    hides_deleted: bool = field(default=False, init=False)
    names_author: bool = field(default=True, init=False)
    tells_late: bool = field(default=False, init=False)
    most: int = field(default=ingest.MOST, init=False)
    remedy: str = field(default=_REMEDY, init=False, repr=False)
    _client: Client = field(init=False, repr=False)
    _described: dict[str, catalogue.Describe | None] = field(
        default_factory=dict, init=False, repr=False
    )
    _choices: dict[str, catalogue.ByType] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self._client = Client(Login(self.login_url, self.auth), self.api_version)

    def check(self) -> Org:
        """Log in and ask who and where we are."""
        client = self._client
        found = client.call("GET", "query", "to look up the org", params={"q": _ORG})
        who = client.session.json("GET", "services/oauth2/userinfo")
        client.user = str(who["user_id"])
        return Org(
            id=found["records"][0]["Id"],
            user=who["user_id"],
            url=client.session.base,
            now=client.now,
        )

    def sign_in(self) -> access.SignIn:
        return access.SignIn(self)

    def shut(self, objects: Sequence[str], written: str) -> tuple[Mapping[str, str], str]:  # noqa: ARG002
        """Nothing: who may not see an object or a field is not told that it exists."""
        return {}, ""

    def fields(self, object: str) -> Mapping[str, CrmField] | None:
        found = self._describe(object)
        if found is None:
            return None
        return {raw["name"]: catalogue.field_of(raw) for raw in found["fields"]}

    def choices(self, object: str) -> catalogue.ByType:
        if object not in self._choices:
            found = self._describe(object) or {}
            self._choices[object] = catalogue.choices_by_type(self._client, object, found)
        return self._choices[object]

    def path_types(
        self, object: str, paths: Sequence[str], *, exact: bool = True
    ) -> dict[str, str]:
        look = self._describe
        types = {path: catalogue.path_type(path, object, look, exact=exact) for path in paths}
        return {path: kind for path, kind in types.items() if kind}

    def read(
        self, read: Read, types: Mapping[str, str], into: Path, progress: Progress | None = None
    ) -> Spool:
        return lanes.take(self._client, read, types, into, progress)

    def values(
        self, object: str, ids: Sequence[str], fields: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        return writing.values(self._client, object, ids, fields)

    def write(
        self, object: str, rows: Sequence[Mapping[str, Any]], chunk: int
    ) -> Iterator[tuple[Outcome, ...]]:
        return writing.write(self._client, object, rows, chunk, self.together)

    def span(self, chunk: int) -> int:
        return min(writing.RETRIEVE, chunk * self.together * writing.LOOK)

    def load(
        self,
        object: str,
        file: Path,
        into: Path,
        note: Callable[[str], None],
        rows: int = 0,
        pace: float | None = None,
        types: Mapping[str, str] | None = None,  # noqa: ARG002 (sync asks what has changed)
    ) -> Spool:
        return ingest.load(self._client, object, file, into, note, ingest.expected(rows, pace))

    def loaded(self, job: str, into: Path) -> Spool | None:
        return ingest.loaded(self._client, job, into)

    def echoes(self, rows: int) -> bool:
        return rows >= self.bulk_from

    def sealed(self, since: datetime) -> tuple[Stretch, ...]:  # noqa: ARG002
        """Never: whose a change is, each record says itself."""
        return ()

    def plan_fields(
        self, mapping: Any, user: str, *, adopt: bool, assign: bool, segments: bool = False
    ) -> FieldPlan:
        """What the org needs so that a user can write the fields of a mapping."""
        if segments:
            raise ConfigError(
                "Salesforce has no segments.", hint="Leave --segments; make list views by tier."
            )
        look = self._describe
        return provision.plan(self._client, mapping, look, user, adopt=adopt, assign=assign)

    def make_fields(self, plan: FieldPlan) -> FieldsMade:
        """Do what a plan says; what is refused costs no other field."""
        try:
            return provision.make(self._client, plan)
        finally:
            self._described.clear()

    def export_fields(
        self, mapping: Any, folder: Path, plan: FieldPlan | None = None
    ) -> list[Path]:
        """Write a source folder for `sf project deploy start`."""
        return sfdx.export(mapping, folder, plan, api_version=self.api_version)

    def read_calls(
        self,
        rows: int,
        pace: float | None = None,
        asked: Read | None = None,
    ) -> dict[str, int]:
        asked = asked or Read("", ("Id",), None, "")
        return lanes.calls(rows, pace, asked, self._per_page(asked))

    def write_calls(self, rows: int, chunk: int | None = None) -> dict[str, int]:
        if not rows:
            return {}
        at_once = (chunk or self.chunk) * self.together
        return {
            "retrieve": ceil(rows / self.span(chunk or self.chunk)),
            "collections": ceil(rows / at_once),
        }

    def load_calls(self, rows: int, pace: float | None = None) -> dict[str, int]:
        if not rows:
            return {}
        files = ceil(rows / self.most)
        # Before each file it is asked what others have changed; from the second on, how much of
        # what has changed is ours.
        return {"query": 2 * files - 1, "bulk_ingest": ingest.calls(rows, pace, self.most)}

    def opening_calls(self, objects: int) -> dict[str, int]:
        kinds = sum(len(catalogue.record_types(self._described[o] or {})) for o in self._choices)
        return {"login": self.auth.calls, "other": 2, "query": 1, "describe": objects + kinds}

    def counts(self, objects: Sequence[str]) -> dict[str, int]:
        path = "limits/recordCount"
        query = {"sObjects": ",".join(sorted(set(objects)))}
        found = self._client.call("GET", path, "to count records", params=query)
        return {row["name"]: int(row["count"]) for row in (found or {}).get("sObjects", ())}

    def changed(self, reads: Sequence[Read]) -> list[int | None]:
        return lanes.changed(self._client, list(reads))

    def id_sql(self, column: str) -> str:
        return ids.long_sql(column)

    def now(self) -> datetime:
        return self._client.now

    def notes(self) -> tuple[str, ...]:
        return ()

    def skew(self) -> float:
        return self._client.session.skew_seconds

    def ration(self, left: Callable[[], int | None]) -> None:
        self._client.ration(left)

    def allowance(self) -> tuple[int, int]:
        return self._client.allowance

    def calls(self) -> Mapping[str, int]:
        return self._client.calls

    def _per_page(self, asked: Read) -> int:
        """Records of a page, as far as that can be known before the first one is here."""
        found = self._described.get(asked.object) or {}
        known = {raw["name"]: raw for raw in found.get("fields", ())}
        long = sum(catalogue.is_long(known[name]) for name in asked.fields if name in known)
        return by_page.PAGE if long < by_page.LONG_TEXTS else min(by_page.PAGE, by_page.SMALL_PAGE)

    def _describe(self, object: str) -> catalogue.Describe | None:
        if object not in self._described:
            self._described[object] = catalogue.describe(self._client, object)
        return self._described[object]


_ORG = "SELECT Id FROM Organization"
