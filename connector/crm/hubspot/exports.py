"""Reading by export: HubSpot writes all records of a kind into files, which come as a whole.

A million records take a few calls instead of ten thousand. But a portal may make thirty exports a
day, and what a file says is not promised anywhere. So a file is read only if it has every column
that was asked for, moments that say when they are, and no fewer records than a search finds; if
anything else is there, or the portal refuses, the records are read by list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ...errors import ConnectorError, Malformed, RemoteError, Unreachable
from ...protocols import Progress
from ...rest.pooled import Pooled, Reply
from ...rest.unpack import members
from . import jobs, read
from .catalogue import Parts, Properties
from .client import Client
from .export_files import OBJECT_ID, Unfit, columns_of, looked_through, table

LANE = "exports"
#: What can be exported, as exports call it.
KINDS: Mapping[str, str] = {
    "companies": "COMPANY",
    "contacts": "CONTACT",
    "deals": "DEAL",
    "tickets": "TICKET",
}
#: Until a portal has shown its own pace.
ROWS_A_SECOND = 2_000
#: The largest file that is fetched, and how often one is begun again.
LARGEST = 10_000_000_000
DOWNLOADS = 4
#: Answers that mean: not this portal, not this token, not today.
REFUSED = frozenset({400, 403, 404, 429})
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Task:
    """An export that was begun: what it asks, when, how many records there were, its files."""

    asked: str
    begun: str
    count: int
    id: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exported:
    """Records in files: as a table in the shape of listed ones, and what is known of them.

    `several` are the ids of records that belong to more than one other.
    """

    table: str
    rows: int
    merged: int
    several: tuple[str, ...]
    calls: int
    begun: str


def fits(kind: str, parts: Parts) -> bool:
    """Whether all that is asked of these records can be in one export."""
    return (
        kind in KINDS
        and not parts.dated
        and len(parts.belongs) <= 1
        and all(each in KINDS for each in parts.belongs)
    )


def calls(rows: int, pace: float | None) -> dict[str, int]:
    """Lane → the calls of an export: it is begun, looked at, and its records are counted."""
    return {LANE: 1 + jobs.looks(rows / (pace or ROWS_A_SECOND)), "search": 1}


def is_begun(facts: Mapping[str, Any]) -> bool:
    """Whether an earlier run has begun an export."""
    return "id" in facts


def fetched(
    client: Client,
    kind: str,
    parts: Parts,
    known: Properties,
    modified: str,
    count: int,
    into: Path,
    progress: Progress,
) -> Exported | None:
    """All records by export, or None when they have to be read by list.

    An export that an earlier run began is taken up: its files, if they are here, else its address.
    """
    export = _Export(client, kind, parts, modified, into, progress)
    try:
        return export.read(known, count)
    except Unfit as reason:
        client.note(f"{kind} were read by list, not by export: {reason}.")
        for file in into.glob("export*"):
            file.unlink()
        progress.remember({})
        return None


@dataclass(slots=True)
class _Export:
    client: Client
    kind: str
    parts: Parts
    modified: str
    into: Path
    progress: Progress
    calls: int = 0

    def read(self, known: Properties, count: int) -> Exported:
        task = self._taken_up() or self._begun(count)
        if not task.files:
            task = self._with_files(task)
        files = [self.into / name for name in task.files]
        told = looked_through(files, self.modified)
        self._refuse_if_short(told.rows, task.count)
        columns = columns_of(told.head, self.parts, self.modified)
        sql = table(files, len(told.head), columns, self.parts, known, self.modified)
        return Exported(sql, told.rows, told.merged, told.several, self.calls, task.begun)

    def _taken_up(self) -> Task | None:
        facts = self.progress.recall()
        if not is_begun(facts) or facts.get("asked") != self._mark():
            return None
        task = Task(**{**facts, "files": tuple(facts["files"])})
        if task.files and all((self.into / name).exists() for name in task.files):
            return task
        task = replace(task, files=())
        try:
            self._status(task)
        except RemoteError as error:
            if error.status == 404:
                return None
            raise _unfit(error) from error
        return task

    def _begun(self, count: int) -> Task:
        path, begun = self.client.paths.crm(*_PATH), self.client.now.isoformat()
        body = _wanted(self.kind, self.parts, self.modified)
        self.calls += 1
        try:  # a second export that nobody fetches costs one of thirty
            made = self.client.json("POST", path, f"to export {self.kind}", body=body, safe=True)
        except RemoteError as error:
            raise _unfit(error) from error
        task = Task(self._mark(), begun, count, str(made["id"]))
        self.progress.remember(asdict(task))
        return task

    def _with_files(self, task: Task) -> Task:
        """The same with its files on disk, so that HubSpot need not keep them."""
        packed = self._downloaded(task)
        with packed.open("rb") as file:
            is_zip = file.read(len(_ZIP)) == _ZIP
        if is_zip:
            paths = list(members(packed, self.into, most=LARGEST))
            packed.unlink()
        else:
            paths = [packed]
        task = replace(task, files=tuple(path.name for path in paths))
        self.progress.remember(asdict(task))
        return task

    def _downloaded(self, task: Task) -> Path:
        """Fetch the file. An address that has expired is asked for anew."""
        path, link = self.into / "export", self._waited(task)
        broken: RemoteError | None = None
        for _ in range(DOWNLOADS):
            try:
                status = download(link, path)
            except Unreachable as error:
                broken, status = error, 0
            if status == 200:
                return path
            link = self._link(task) or link
        if broken:
            raise broken
        raise Unfit(f"its file could not be fetched in {DOWNLOADS} attempts")

    def _waited(self, task: Task) -> str:
        """Look until the export has ended; the address of its file."""
        for pause in jobs.pauses():
            self.progress.pause(pause)
            if link := self._link(task):
                return link
        raise Unfit("HubSpot took too long for it")

    def _link(self, task: Task) -> str:
        """The address of the file; empty while it is not ready."""
        try:
            told = self._status(task)
        except RemoteError as error:
            raise _unfit(error) from error
        if told.get("status") == "COMPLETE" and told.get("result"):
            return str(told["result"])
        if told.get("status") not in {"PENDING", "PROCESSING"}:
            raise Unfit(f"HubSpot ended it early ({told.get('status')})")
        return ""

    def _status(self, task: Task) -> Mapping[str, Any]:
        path = self.client.paths.crm(*_PATH, "tasks", task.id, "status")
        self.calls += 1
        told: Mapping[str, Any] = self.client.json("GET", path, "to look at an export")
        return told

    def _refuse_if_short(self, rows: int, before: int) -> None:
        """Records come and go meanwhile: there must be as many as there were at either moment."""
        self.calls += 1
        if rows < min(before, read.count(self.client, self.kind, "", None)):
            raise Unfit(f"its file has only {rows} records")

    def _mark(self) -> str:
        told = repr((self.client.paths.version, self.kind, self.parts, self.modified))
        return sha256(told.encode()).hexdigest()[:16]


_PATH = ("exports", "export", "async")


def _unfit(error: RemoteError) -> Exception:
    return Unfit(error.message.rstrip(".")) if error.status in REFUSED else error


def _wanted(kind: str, parts: Parts, modified: str) -> dict[str, Any]:
    """What is asked for: everything, by the names and values that the API uses."""
    names = dict.fromkeys([*parts.properties, modified])
    body: dict[str, Any] = {
        "exportType": "VIEW",
        "format": "CSV",
        "exportName": f"crm-health-connector {kind}",
        "objectType": KINDS[kind],
        "objectProperties": [name for name in names if name != OBJECT_ID],
        "language": "EN",
        "exportInternalValuesOptions": ["NAMES", "VALUES"],
        "overrideAssociatedObjectsPerDefinitionPerRowLimit": False,
    }
    if parts.belongs:
        body["associatedObjectType"] = KINDS[parts.belongs[0]]
    return body


# ── the file ──────────────────────────────────────────────────────────────────────────────────


class _Elsewhere(Pooled):
    """A connection to where a file lies. Its address is a secret; no token goes there."""

    headers: Mapping[str, str] = {"Accept": "*/*", "User-Agent": "crm-health-connector"}

    def judge(self, answer: Reply, method: str, url: str, safe: bool) -> None:
        """A refusal is looked at by whoever asked; the rest is as everywhere."""
        if answer.status_code not in EXPIRED:
            super().judge(answer, method, url, safe)


#: Answers that mean that an address is not good any more.
EXPIRED = frozenset({401, 403, 404, 410})


def download(link: str, into: Path) -> int:
    """Fetch a file from an address that HubSpot gave; the status of the answer.

    The address is signed and itself opens the file: our token is not sent, no redirect is followed,
    http is for this machine alone, and no error tells the address.
    """
    parts = urlsplit(link)
    doing = f"The file of an export at {parts.hostname}"
    try:
        line = _Elsewhere(f"{parts.scheme}://{parts.netloc}", name="HubSpot's file store")
        return line.ask("GET", link, True, {"into": into, "most": LARGEST}).status_code
    except Malformed as error:
        raise Malformed(
            f"{doing} is too large, or lies elsewhere.", hint=error.hint, status=error.status
        ) from None
    except RemoteError as error:
        raise Unreachable(
            f"{doing} could not be fetched ({error.status or 'no answer'}).",
            hint="Run again: the export is taken up where it was.",
            status=error.status,
        ) from None
    except ConnectorError:
        raise Malformed(
            f"{doing} is offered without encryption.",
            hint="It was not fetched. Does a proxy change HubSpot's answers?",
        ) from None
