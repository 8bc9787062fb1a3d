"""HubSpot as the engine sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from ...fieldplan import FieldPlan, FieldsMade
from ...mapping.alike import alike
from ...protocols import Progress, Read, Spool, Stretch
from ...records import CrmField, Org, Outcome
from . import access, as_files, catalogue, imports, lanes, make, paths, provision, read, scopes
from . import load as loading
from . import write as writing
from .auth import Auth
from .catalogue import Properties, Stage
from .client import Client
from .definitions import Language
from .logins import Login
from .values import decoded

URL = "https://api.hubapi.com"
_REMEDY = (
    "A scope that is missing, give to the service key or app; where the product is not licensed, "
    "set `optional = true` at the [[pull]] to go on without. Properties that we write, "
    "`connector fields apply` makes; other names, correct in the mapping."
)


@dataclass(slots=True)
class Crm:
    """A HubSpot account, by its CRM API.

    `api_version` is `v3`, or a release by its date. `searches` is how many searches a second are
    ours: all integrations of the account share five. `threads` send at once. From `bulk_from`
    changes on they go from files and not record by record. A full read of at least `export_from`
    records goes by export, and so many changes as `import_from` by import; 0 is never. An import
    cannot empty a property, and HubSpot works on it in its own time. `language` is that of the
    labels of properties and segments: HubSpot keeps one.
    """

    auth: Auth
    url: str = URL
    api_version: Annotated[str, AfterValidator(paths.known)] = "2026-09"
    searches: Annotated[int, Field(ge=1, le=5)] = 4
    threads: Annotated[int, Field(ge=1, le=16)] = writing.THREADS
    chunk: Annotated[int, Field(ge=1, le=writing.CHUNK)] = writing.CHUNK
    bulk_from: Annotated[int, Field(ge=1)] = 1001
    export_from: Annotated[int, Field(ge=0)] = 500_000
    import_from: Annotated[int, Field(ge=0)] = 0
    language: Language = "en"
    name: str = field(default="hubspot", init=False)
    id_field: str = field(default="id", init=False)
    file_kind: Literal["lines"] = field(default="lines", init=False)
    hides_deleted: bool = field(default=True, init=False)
    names_author: bool = field(default=False, init=False)
    tells_late: bool = field(default=True, init=False)
    most: int = field(default=loading.MOST, init=False)
    remedy: str = field(default=_REMEDY, init=False, repr=False)
    _client: Client = field(init=False, repr=False)
    _known: dict[str, Properties | None] = field(default_factory=dict, init=False, repr=False)
    _stages: dict[str, tuple[Stage, ...]] = field(default_factory=dict, init=False, repr=False)
    _holder: access.Holder = field(default_factory=access.Holder, init=False, repr=False)
    _probes: Counter[str] = field(default_factory=Counter, init=False, repr=False)
    _counts: dict[str, int] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self._client = self.connected()
        self.most = imports.MOST if self.import_from else loading.MOST

    def connected(self) -> Client:
        """A connection of its own, signed in as the configuration says."""
        signed_in = self.auth.signed_in(self.url, self.api_version)
        return Client(self.url, signed_in, self.api_version, self.searches)

    def sign_in(self) -> access.SignIn:
        return access.SignIn(self)

    def check(self) -> Org:
        """Ask which account this is, and whose token; the token is proven by it."""
        client = self._client
        found = access.account(client)
        self._holder = access.owner_of(self.auth, client)
        return Org(
            id=str(found["portalId"]),
            user=self._holder.user or self.auth.flow,
            url=client.line.base,
            now=client.now,
            about=access.describe(found),
        )

    def shut(self, objects: Sequence[str], written: str) -> tuple[Mapping[str, str], str]:
        """Which of these the token may not read and why, and why it may not write."""
        seen = {kind: self.fields(kind) is not None for kind in {*objects, written}}
        before = Counter(self._client.line.calls)
        gate = scopes.Gate(self._client, self._holder.scopes, lambda kind: seen[kind])
        try:
            return gate.shut(objects, written)
        finally:
            self._probes = Counter(self._client.line.calls) - before

    def fields(self, object: str) -> Mapping[str, CrmField] | None:
        if object == catalogue.OWNERS:
            return {name: CrmField(name, "string") for name in catalogue.OWNER}
        found = self._properties(object)
        if found is None:
            return None
        return {name: catalogue.field_of(raw) for name, raw in found.items()}

    def choices(self, object: str) -> Mapping[str, Mapping[str, tuple[str, ...]]]:  # noqa: ARG002
        """Nothing: an option is there for every record or for none."""
        return {}

    def path_types(
        self,
        object: str,
        paths: Sequence[str],
        *,
        exact: bool = True,  # noqa: ARG002 (HubSpot's names have no capitals)
    ) -> dict[str, str]:
        known = {} if object == catalogue.OWNERS else self._properties(object) or {}
        types = {path: catalogue.path_type(path, object, known) for path in paths}
        return {path: kind for path, kind in types.items() if kind}

    def read(
        self, read: Read, types: Mapping[str, str], into: Path, progress: Progress | None = None
    ) -> Spool:
        with self._client.limiter.reading(read.rows):
            return lanes.take(self._client, self._of(read.object), read, types, into, progress)

    def values(
        self, object: str, ids: Sequence[str], fields: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        known = self._properties(object) or {}

        def decode(name: str, value: str | None) -> Any:
            return decoded(value, str(known.get(name, {}).get("type")))

        return writing.values(self._client, object, ids, fields, decode, self.threads)

    def write(
        self, object: str, rows: Sequence[Mapping[str, Any]], chunk: int
    ) -> Iterator[tuple[Outcome, ...]]:
        return writing.write(self._client, object, rows, chunk, self.threads)

    def span(self, chunk: int) -> int:
        return chunk * 2 * self.threads

    def load(
        self,
        object: str,
        file: Path,
        into: Path,
        note: Callable[[str], None],
        rows: int = 0,
        pace: float | None = None,  # noqa: ARG002 (as fast as the limit allows)
        types: Mapping[str, str] | None = None,
    ) -> Spool:
        client, threads = self._client, self.threads
        same = self._alike(object, types) if types else None
        if 0 < self.import_from <= (rows or imports.rows_of(file)):
            steady = loading.steady(client, object, file, same, threads) if same else file
            if sent := imports.load(client, object, steady, into, note):
                client.stamps.blind = True  # whatever happens while HubSpot works through it
                return sent
        return loading.load(client, object, file, into, note, threads, same)

    def _alike(self, object: str, types: Mapping[str, str]) -> writing.Alike:
        known = self._properties(object) or {}
        kinds = {name: str(known.get(name, {}).get("type")) for name in types}

        def same(name: str, now: str | None, before: str) -> bool:
            kind = kinds[name]
            return alike(decoded(now, kind), decoded(before, kind), types[name])

        return same

    def loaded(self, job: str, into: Path) -> Spool | None:
        """Of updates nobody knows but the records themselves; an import is asked."""
        return imports.loaded(self._client, job, into)

    def plan_fields(
        self,
        mapping: Any,
        user: str,
        *,
        adopt: bool,
        assign: bool,  # noqa: ARG002 (whoever sees the records sees their properties)
        segments: bool = False,
    ) -> FieldPlan:
        """What the account needs so that the fields of a mapping can be written."""
        self._known.clear()
        look = provision.Look(self._client, self._properties, self._holder.scopes)
        wish = provision.Wish(adopt, self.language, segments)
        return provision.plan(look, mapping, user, wish)

    def make_fields(self, plan: FieldPlan) -> FieldsMade:
        """Do what a plan says; what is refused costs no other property."""
        try:
            return make.make(self._client, plan)
        finally:
            self._known.clear()

    def export_fields(
        self, mapping: Any, folder: Path, plan: FieldPlan | None = None
    ) -> list[Path]:
        """Write the definitions as files, for the API and to type from."""
        return as_files.export(
            mapping, folder, plan, version=self.api_version, language=self.language
        )

    def sealed(self, since: datetime) -> tuple[Stretch, ...]:
        """What this run wrote when, if nobody came between that time and its own writes."""
        return self._client.stamps.sealed(since)

    def read_calls(
        self,
        rows: int,
        pace: float | None = None,
        asked: Read | None = None,
    ) -> dict[str, int]:
        if asked is None:
            return {"batch_read": ceil(rows / writing.CHUNK)} if rows else {}
        known = self._known.get(asked.object) or {}
        types = dict.fromkeys(asked.fields, "")
        return lanes.calls(asked, rows, types, known, self.export_from, pace)

    def write_calls(self, rows: int, chunk: int | None = None) -> dict[str, int]:
        if not rows:
            return {}
        return {
            "batch_read": ceil(rows / writing.CHUNK),
            "batch_update": ceil(rows / (chunk or self.chunk)),
        }

    def echoes(self, rows: int) -> bool:  # noqa: ARG002
        """Never: HubSpot does not say who changed a record last."""
        return False

    def load_calls(self, rows: int, pace: float | None = None) -> dict[str, int]:
        if not rows:
            return {}
        read = {"batch_read": ceil(rows / writing.CHUNK)}
        if 0 < self.import_from <= rows:
            return {**read, **imports.calls(rows, self.most, pace)}
        return {**read, "batch_update": ceil(rows / writing.CHUNK)}

    def opening_calls(self, objects: int) -> dict[str, int]:
        described = [kind for kind in self._known if kind != catalogue.OWNERS]
        expected = {
            "login": self.auth.calls,
            "other": 1,
            "properties": len(described) or objects,
            "pipelines": len(self._stages),
        }
        return dict(Counter(expected) + self._probes)

    def counts(self, objects: Sequence[str]) -> dict[str, int]:
        kinds = [kind for kind in objects if self._known.get(kind)]
        with ThreadPoolExecutor(self.threads) as pool:
            counted = pool.map(lambda kind: read.count(self._client, kind, "", None), kinds)
            self._counts |= zip(kinds, counted, strict=True)
        return {kind: self._counts[kind] for kind in kinds}

    def changed(self, reads: Sequence[Read]) -> list[int | None]:
        """How many records each read would bring; a filter of ours nobody counts."""
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(self._count, reads))

    def id_sql(self, column: str) -> str:
        """Ids are numbers, and people write them as they are."""
        return column

    def ration(self, left: Callable[[], int | None]) -> None:
        self._client.line.spent = lambda: (calls := left()) is not None and calls <= 0

    def notes(self) -> tuple[str, ...]:
        return self._client.notes

    def now(self) -> datetime:
        return self._client.now

    def skew(self) -> float:
        return self._client.line.skew_seconds

    def allowance(self) -> tuple[int, int]:
        return self._client.allowance

    def calls(self) -> Mapping[str, int]:
        line = self._client.line
        told = line.credentials.calls if isinstance(line.credentials, Login) else 0
        return Counter(line.calls) + Counter({"login": told})

    def _count(self, asked: Read) -> int | None:
        if asked.object == catalogue.OWNERS or not asked.modified:
            return None
        until = asked.echo.until if asked.echo and asked.part == "echo" else None
        return read.count(self._client, asked.object, asked.modified, lanes.begins(asked), until)

    def _properties(self, kind: str) -> Properties | None:
        if kind not in self._known:
            self._known[kind] = catalogue.properties(self._client, kind)
        return self._known[kind]

    def _of(self, kind: str) -> lanes.Known | None:
        found = None if kind == catalogue.OWNERS else self._properties(kind)
        if found is None:
            return None
        return lanes.Known(
            found, lambda: self._stages_of(kind), self.export_from, lambda: self._number_of(kind)
        )

    def _number_of(self, kind: str) -> int:
        return self._counts[kind] if kind in self._counts else self.counts([kind]).get(kind, 0)

    def _stages_of(self, kind: str) -> tuple[Stage, ...]:
        if kind not in self._stages:
            self._stages[kind] = catalogue.stages(self._client, kind)
        return self._stages[kind]
