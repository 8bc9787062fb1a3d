"""Where these platforms keep their records: one table, each record as it is served.

The first time somebody asks, a platform is filled from what the sandbox's org knows: its cases,
its invoices, its usage. `moved` is when a record last changed, in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from ..store import Store

SCHEMA = """
create table if not exists shelf (
    platform text not null, kind text not null, id text not null, moved integer not null,
    body text not null, primary key (platform, kind, id)
);
create index if not exists shelf_by_change on shelf (platform, kind, moved, id);
"""
#: A platform shows no more companies than this.
MOST = 400

Record = dict[str, Any]


def create(store: Store) -> None:
    """Makes the table where it is missing."""
    store.db.executescript(SCHEMA)


def put(store: Store, platform: str, kind: str, moved: float, record: Mapping[str, Any]) -> None:
    """Adds or replaces a record."""
    row = (platform, kind, str(record["id"]), int(moved), orjson.dumps(record).decode())
    with store.transaction() as db:
        db.execute("insert or replace into shelf values (?, ?, ?, ?, ?)", row)


def drop(store: Store, platform: str, kind: str, id: object) -> None:
    """Removes a record without a trace."""
    with store.transaction() as db:
        sql = "delete from shelf where platform = ? and kind = ? and id = ?"
        db.execute(sql, (platform, kind, str(id)))


def get(store: Store, platform: str, kind: str, id: object) -> Record | None:
    """One record; None if there is no such."""
    sql = "select body from shelf where platform = ? and kind = ? and id = ?"
    row = store.db.execute(sql, (platform, kind, str(id))).fetchone()
    return dict(orjson.loads(row[0])) if row else None


def every(
    store: Store, platform: str, kind: str, first: float = 0, last: float = 1e12
) -> list[Record]:
    """Records that changed in a span of time, both ends included, the oldest change first."""
    sql = (
        "select body from shelf where platform = ? and kind = ? and moved between ? and ?"
        " order by moved, id"
    )
    rows = store.db.execute(sql, (platform, kind, int(first), int(last))).fetchall()
    return [orjson.loads(body) for (body,) in rows]


def now(store: Store) -> int:
    """The sandbox's time in seconds."""
    return int(store.clock.now().timestamp())


def seconds(stamp: str) -> int:
    """A moment as the org keeps it, in seconds."""
    return int(datetime.fromisoformat(stamp).timestamp())


def iso(moment: float) -> str:
    """A moment as these platforms write it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def filled(store: Store, platform: str, fill: Callable[[Store], Iterable[tuple[Any, ...]]]) -> None:
    """Fills a platform once; `fill` gives kind, moment of the last change, and record."""
    if store.get(f"{platform}_filled") or "Account" not in store.objects():
        return
    with store.transaction() as db:
        rows = [
            (platform, kind, str(record["id"]), int(moved), orjson.dumps(record).decode())
            for kind, moved, record in fill(store)
        ]
        db.executemany("insert or replace into shelf values (?, ?, ?, ?, ?)", rows)
    store.put(f"{platform}_filled", True)


def table(store: Store, name: str, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
    """Rows of the org, in the order of their ids."""
    sql = f'select {columns} from "{name}" where {where} order by 1'
    return store.db.execute(sql).fetchall()


def companies(store: Store) -> list[tuple[Any, ...]]:
    """Some accounts: id, name, website, customer number."""
    columns = "Id, Name, Website, Customer_Number__c"
    return table(store, "Account", columns, "IsDeleted = 0")[:MOST]
