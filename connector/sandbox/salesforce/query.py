"""Running statements: totals, pages and the locators that lead from one page to the next."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson

from ..clock import stamp
from ..ids import numbered
from ..store import NUMBERS, Field, Store
from .errors import Refusal
from .security import Access
from .soql_sql import Branching, Child, Compiled, compile_soql

DEFAULT_BATCH, SMALLEST_BATCH = 2_000, 200
CURSOR_LIFE = timedelta(days=2)
LONG_TEXT = 255

# A cursor keeps the ids it found, page by page; values are read when a page is asked for.
SCHEMA = """
create table if not exists query_cursors (
    locator text primary key, soql text not null, everything integer not null,
    total integer not null, created text not null
) without rowid;
create table if not exists query_pages (
    locator text not null, start integer not null, ids text not null,
    primary key (locator, start)
) without rowid;
"""


@dataclass(slots=True)
class Shape:
    """How a row becomes a record: own fields, then parents, each a shape of its own."""

    object: str | None
    id_at: int
    type_at: int = 0
    own: dict[str, int] = field(default_factory=dict)
    parents: dict[str, Shape] = field(default_factory=dict)
    convert: dict[str, Callable[[Any], Any]] = field(default_factory=dict)


def run(
    soql: str, store: Store, access: Access, *, base: str, batch: int, everything: bool = False
) -> dict[str, Any]:
    """Answers a statement with its first page."""
    compiled = compile_soql(soql, store, access, everything=everything)
    if compiled.aggregate:
        return _aggregated(compiled, store, batch)
    with store.transaction() as db:
        found = db.execute(compiled.ids)
        if not compiled.values:
            total = sum(1 for _ in found)
            return {"totalSize": total, "done": True, "records": []}
        _refuse_if_slow(store, compiled)
        batch = _narrower(batch, compiled)
        first = [row[0] for row in found.fetchmany(batch)]
        second = found.fetchmany(batch) if len(first) == batch else []
        if not second:
            records = read(compiled, first, store, base)
            return {"totalSize": len(first), "done": True, "records": records}
        locator, total = _keep(store, soql, everything, _pages(first, second, found, batch))
    return _page(store, compiled, base, locator, total, 0, first)


def more(locator: str, store: Store, access: Access, *, base: str) -> dict[str, Any]:
    """Answers a locator with the page it stands for."""
    name, _, start = locator.partition("-")
    with store.lock:
        row = store.db.execute(
            "select soql, everything, total, ids from query_cursors join query_pages using"
            " (locator) where locator = ? and start = ? and created >= ?",
            (name, start if start.isdecimal() else -1, stamp(store.clock.now() - CURSOR_LIFE)),
        ).fetchone()
        if row is None:
            raise Refusal("INVALID_QUERY_LOCATOR", "invalid query locator")
        soql, everything, total, ids = row
        compiled = compile_soql(soql, store, access, everything=bool(everything))
        return _page(store, compiled, base, name, total, int(start), orjson.loads(ids))


def _refuse_if_slow(store: Store, compiled: Compiled) -> None:
    """In a large org a query that finds too much takes longer than a call may."""
    most = (store.get("org_options") or {}).get("slow_queries")
    if most is not None and len(store.db.execute(compiled.ids).fetchmany(most + 1)) > most:
        raise Refusal("QUERY_TIMEOUT", "Your query request was running for too long.")


def batch_size(headers: Mapping[str, str]) -> int:
    """The page size that a `Sforce-Query-Options: batchSize=n` header asks for."""
    _, _, size = headers.get("sforce-query-options", "").partition("batchSize=")
    wanted = int(size.strip()) if size.strip().isdecimal() else DEFAULT_BATCH
    return min(max(wanted, SMALLEST_BATCH), DEFAULT_BATCH)


def _narrower(batch: int, compiled: Compiled) -> int:
    """Two long custom texts or more, and a page holds no more than 200 rows."""
    long = [
        each
        for each in compiled.columns
        if each.field.type == "textarea" and each.field.custom and each.field.length > LONG_TEXT
    ]
    return min(batch, SMALLEST_BATCH) if len(long) > 1 else batch


def _pages(
    first: list[str], second: list[Any], found: sqlite3.Cursor, batch: int
) -> Iterator[list[str]]:
    yield first
    while second:
        yield [row[0] for row in second]
        second = found.fetchmany(batch)


def _keep(store: Store, soql: str, everything: bool, pages: Iterator[list[str]]) -> tuple[str, int]:
    """Keeps the ids of a statement for the pages to come, and tells locator and total."""
    number = (store.get("query_cursors") or 0) + 1
    store.put("query_cursors", number)
    locator, total = numbered("0r8", number), 0
    _drop_old(store)
    for ids in pages:
        kept = (locator, total, orjson.dumps(ids).decode())
        store.db.execute("insert into query_pages values (?, ?, ?)", kept)
        total += len(ids)
    store.db.execute(
        "insert into query_cursors values (?, ?, ?, ?, ?)",
        (locator, soql, everything, total, stamp(store.clock.now())),
    )
    return locator, total


def _drop_old(store: Store) -> None:
    store.db.execute(
        "delete from query_cursors where created < ?", (stamp(store.clock.now() - CURSOR_LIFE),)
    )
    store.db.execute(
        "delete from query_pages where locator not in (select locator from query_cursors)"
    )


def _page(
    store: Store,
    compiled: Compiled,
    base: str,
    locator: str,
    total: int,
    start: int,
    ids: Sequence[str],
) -> dict[str, Any]:
    records = read(compiled, ids, store, base)
    end = start + len(ids)
    answer: dict[str, Any] = {"totalSize": total, "done": end >= total}
    if end < total:
        answer["nextRecordsUrl"] = f"{base}/query/{locator}-{end}"
    answer["records"] = records
    return answer


def _aggregated(compiled: Compiled, store: Store, batch: int) -> dict[str, Any]:
    with store.lock:
        rows = store.db.execute(compiled.ids).fetchmany(batch + 1)
    if len(rows) > batch:
        raise Refusal(
            "EXCEEDED_ID_LIMIT",
            "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a"
            " single batch",
        )
    names = [each.names[0] for each in compiled.columns]
    convert = [_conversion(each.field) for each in compiled.columns]
    records = [
        {
            "attributes": {"type": "AggregateResult"},
            **{
                name: to(value) if to and value is not None else value
                for name, to, value in zip(names, convert, row, strict=True)
            },
        }
        for row in rows
    ]
    return {"totalSize": len(records), "done": True, "records": records}


def read(compiled: Compiled, ids: Sequence[str], store: Store, base: str) -> list[dict[str, Any]]:
    """The records of these ids, in their order."""
    shape = _shape(compiled)
    url = f"{base}/sobjects/"
    listed = orjson.dumps(ids).decode()
    with store.lock:
        rows = store.db.execute(compiled.values, (listed,))
        if not compiled.children and not compiled.branchings:
            return [record for row in rows if (record := _record(row, shape, url)) is not None]
        found = {row[0]: record for row in rows if (record := _record(row, shape, url)) is not None}
        for branching in compiled.branchings:
            _branch(branching, list(found.values()), store, base)
        for child in compiled.children:
            below: dict[str, list[str]] = defaultdict(list)
            for parent, id_ in store.db.execute(child.ids, (listed,)).fetchall():
                below[parent].append(id_)
            for parent, record in found.items():
                record[child.name] = _nested(child, below.get(parent, []), store, base)
        return list(found.values())


def _branch(branching: Branching, records: list[Any], store: Store, base: str) -> None:
    """Shows of each parent what its kind shows."""
    parents: dict[str, list[str]] = defaultdict(list)
    for record in records:
        if parent := record[branching.name]:
            parents[parent["attributes"]["type"]].append(_id_of(parent))
    shown = {
        each["attributes"]["url"]: each
        for kind, ids in parents.items()
        if kind in branching.kinds
        for each in read(branching.kinds[kind], list(dict.fromkeys(ids)), store, base)
    }
    for record in records:
        if parent := record[branching.name]:
            other = parent if branching.otherwise else None
            record[branching.name] = shown.get(parent["attributes"]["url"], other)


def _id_of(record: Mapping[str, Any]) -> str:
    return str(record["attributes"]["url"]).rpartition("/")[2]


def _nested(child: Child, ids: Sequence[str], store: Store, base: str) -> dict[str, Any] | None:
    """The children of one record, which page on their own; None if there are none."""
    ids = ids[child.offset :]
    ids = ids if child.limit is None else ids[: child.limit]
    if not ids:
        return None
    first = ids[:DEFAULT_BATCH]
    if len(ids) == len(first):
        records = read(child.inner, ids, store, base)
        return {"totalSize": len(ids), "done": True, "records": records}
    pages = (list(ids[at : at + DEFAULT_BATCH]) for at in range(0, len(ids), DEFAULT_BATCH))
    with store.transaction():
        locator, total = _keep(store, child.soql, child.everything, pages)
    return _page(store, child.inner, base, locator, total, 0, first)


def _shape(compiled: Compiled) -> Shape:
    shape = Shape(compiled.object, 0)
    shapes: dict[tuple[str, ...], Shape] = {(): shape}
    for place, parent in enumerate(compiled.parents):
        at = 1 + len(compiled.columns) + 2 * place
        shapes[parent.names] = Shape(None, at, at + 1)
    for place, each in enumerate(compiled.columns, 1):
        *above, last = each.names
        _connect(shapes, tuple(above))
        holder = shapes[tuple(above)]
        holder.own[last] = place
        if to := _conversion(each.field):
            holder.convert[last] = to
    return shape


def _connect(shapes: dict[tuple[str, ...], Shape], names: tuple[str, ...]) -> None:
    for depth in range(len(names)):
        parents = shapes[names[:depth]].parents
        parents.setdefault(names[depth], shapes[names[: depth + 1]])


def _conversion(field: Field) -> Callable[[Any], Any] | None:
    if field.type == "boolean":
        return bool
    return float if field.type in NUMBERS else None


def _record(row: Sequence[Any], shape: Shape, url: str) -> dict[str, Any] | None:
    """One record; None where there is no parent."""
    if (id_ := row[shape.id_at]) is None:
        return None
    name = shape.object or row[shape.type_at]
    record: dict[str, Any] = {"attributes": {"type": name, "url": f"{url}{name}/{id_}"}}
    for field_name, place in shape.own.items():
        record[field_name] = row[place]
    for field_name, to in shape.convert.items():
        if record[field_name] is not None:
            record[field_name] = to(record[field_name])
    for field_name, parent in shape.parents.items():
        record[field_name] = _record(row, parent, url)
    return record
