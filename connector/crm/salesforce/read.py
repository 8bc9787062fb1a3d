"""Reading by REST query: pages go to disk as they come, DuckDB decodes them by column.

A read that the budget ends is taken up by the next run behind the last record that it has: pages
are in the order of ids. They speak of the moment at which the first run began.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from ...errors import BudgetSpent, Malformed, RemoteError
from ...mapping import casts
from ...protocols import Echo, Progress, Read, Spool
from ...records import TEXT
from .client import Client

PAGE = 2000
#: From so many long texts on Salesforce gives pages of no more records than this.
LONG_TEXTS, SMALL_PAGE = 2, 200
_RECORDS = b'"records":'
#: DuckDB reads one page at a time; a page of 2,000 wide records stays far below this.
_LARGEST_PAGE = 64 * 1024 * 1024
LANE = "query"


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its records as JSON array text, and where the next one is."""

    records: bytes
    total: int
    next: str

    @property
    def rows(self) -> int:
        """How many records a page has: its successor begins behind them. Wide records and long
        texts make fewer than we asked for."""
        behind = self.next.rpartition("-")[2]
        return int(behind) if behind.isdecimal() and int(behind) else PAGE


@dataclass(frozen=True, slots=True)
class Pages:
    """How far a read has come: what it asks and since when, the records that are on disk, in how
    many files, and the last of them."""

    query: str
    at: str
    rows: int = 0
    files: int = 0
    after: str = ""


def taken_up(read: Read, progress: Progress, into: Path) -> Pages | None:
    """The pages that an earlier run left, if they are there and of the same question."""
    facts = progress.recall()
    if "after" not in facts:
        return None
    begun = Pages(**facts)
    if begun.query == soql(read) and len(list(into.glob("*.json"))) == begun.files:
        return begun
    for file in into.glob("*.json"):
        file.unlink()
    progress.remember({})
    return None


def soql(read: Read, *, after: str = "", ordered: bool = True) -> str:
    """The query for one read. Ordered by Id, so that a dead cursor can be taken up again."""
    conditions = []
    if read.modified and read.since:
        conditions.append(f"{read.modified} >= {literal(read.since)}")
    if read.echo:
        of = _only if read.part == "echo" else _without
        conditions.append(of(read.modified, read.echo))
    if read.where:
        conditions.append(f"({read.where})")
    if after:
        conditions.append(f"Id > '{after}'")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    order = " ORDER BY Id" if ordered else ""
    return f"SELECT {', '.join(read.fields)} FROM {read.object}{where}{order}"


def _without(modified: str, echo: Echo) -> str:
    return f"({modified} > {literal(echo.until)} OR LastModifiedById != '{echo.user}')"


def _only(modified: str, echo: Echo) -> str:
    return f"{modified} <= {literal(echo.until)} AND LastModifiedById = '{echo.user}'"


def literal(moment: datetime) -> str:
    """A SOQL dateTime: unquoted, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def first_page(client: Client, read: Read, after: str = "") -> Page:
    """The first page, which tells how many records there are; behind an id if one is given."""
    return _page(client, soql(read, after=after), f"to read {read.object}")


def spool(
    client: Client,
    read: Read,
    types: Mapping[str, str],
    into: Path,
    first: Page | None = None,
    progress: Progress | None = None,
    begun: Pages | None = None,
) -> Spool:
    """Fetch every page into a folder, behind those that are there already. Deleted and archived
    records are included."""
    into.mkdir(parents=True, exist_ok=True)
    first = first or first_page(client, read)
    begun = begun or Pages(soql(read), client.now.isoformat())
    calls, files = 0, begun.files
    try:
        for page in pages(client, read, first):
            calls += 1
            if page.records != b"[]":
                (into / f"{files:06}.json").write_bytes(page.records)
                files += 1
            if progress and page.next:
                progress.pause(0)
    except BudgetSpent:
        if progress:
            progress.remember(asdict(_so_far(begun, into)))
        raise
    return Spool(
        relation(into, types) if files else casts.empty(types),
        begun.rows + first.total,
        LANE,
        calls,
        datetime.fromisoformat(begun.at) if begun.files else None,
    )


def _so_far(begun: Pages, into: Path) -> Pages:
    """What is on disk when a read ends early; only then is it worth looking into."""
    read = [orjson.loads(file.read_bytes()) for file in sorted(into.glob("*.json"))]
    rows = sum(map(len, read))
    return Pages(begun.query, begun.at, rows, len(read), read[-1][-1]["Id"] if read else "")


def pages(client: Client, read: Read, first: Page | None = None) -> Iterator[Page]:
    """Page after page; a cursor that died is taken up behind the last record seen."""
    doing = f"to read {read.object}"
    page = first = first or first_page(client, read)
    last, seen = b"", set[str]()
    while True:
        yield page
        last = page.records if page.records != b"[]" else last
        if not page.next:
            return
        if page.next in seen:
            raise Malformed(f"Salesforce repeats a page while reading {read.object}.")
        seen.add(page.next)
        try:
            page = _decode(client.raw("GET", page.next, doing).content)
        except RemoteError as error:
            if error.code != "INVALID_QUERY_LOCATOR":
                raise
            page = _page(client, soql(read, after=_last_id(last) if last else ""), doing)
        page = Page(page.records, first.total, page.next)


def _page(client: Client, query: str, doing: str) -> Page:
    headers = {"Sforce-Query-Options": f"batchSize={PAGE}"}
    return _decode(
        client.raw("GET", "queryAll", doing, params={"q": query}, headers=headers).content
    )


def _decode(body: bytes) -> Page:
    """Split a page without decoding its records: the head is small, the array goes to disk."""
    cut = body.find(_RECORDS)
    if cut < 0 or not body.endswith(b"]}"):
        return _decode_slowly(body)
    head = orjson.loads(body[:cut] + b'"records":null}')
    return Page(body[cut + len(_RECORDS) : -1], _total(head), head.get("nextRecordsUrl") or "")


def _decode_slowly(body: bytes) -> Page:
    """A page whose keys come in another order, or one that was cut."""
    try:
        whole = orjson.loads(body)
        return Page(
            orjson.dumps(whole["records"]), _total(whole), whole.get("nextRecordsUrl") or ""
        )
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise Malformed(
            "Salesforce sent a page of records that is cut or not JSON.",
            hint="Run again. If it stays, a proxy between here and Salesforce changes answers.",
        ) from error


def _total(head: Mapping[str, Any]) -> int:
    return int(head.get("totalSize") or 0)


def _last_id(records: bytes) -> str:
    """The id of the last record: not of one of its parents, which may have been asked for, too."""
    return str(orjson.loads(records)[-1]["Id"])


def relation(folder: Path, types: Mapping[str, str]) -> str:
    """The pages as one flat table. Values are read as text, then cast: a bad one is NULL."""
    shape: dict[str, Any] = {}
    for path in types:
        *steps, last = path.split(".")
        inside = shape
        for step in steps:
            inside = inside.setdefault(step, {})
        inside[last] = TEXT
    listed = ", ".join(f"'{name}': '{_struct(kind)}'" for name, kind in shape.items())
    raw = {path: ".".join(f'"{step}"' for step in path.split(".")) for path in types}
    return (
        f"(SELECT {casts.picked(raw, types)} FROM read_json({casts.text(f'{folder}/*.json')}, "
        f"columns = {{{listed}}}, format = 'array', maximum_object_size = {_LARGEST_PAGE}))"
    )


def _struct(kind: Any) -> str:
    if isinstance(kind, str):
        return kind
    return "STRUCT(" + ", ".join(f'"{name}" {_struct(inner)}' for name, inner in kind.items()) + ")"
