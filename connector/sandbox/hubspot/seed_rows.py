"""How records of the other CRM become rows here: ids, moments, numbers, and bulk inserts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from ..store import Store, quoted
from . import links
from .kinds import BY_NAME, Kind
from .times import iso, ms_of

BUNCH = 10_000
_RECORD = (
    "insert into hs_records (type, id, archived, created, updated, archived_at, properties)"
    " values (?, ?, ?, ?, ?, ?, ?)"
)
_LINK = "insert or ignore into hs_associations values (?, ?, ?, ?, 0, ?)"


@dataclass(slots=True)
class Filling:
    """Rows on their way in, and which record here is which one there."""

    store: Store
    ids: dict[str, int] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    #: The company of a deal or ticket, by the other CRM's id of it.
    company: dict[str, int] = field(default_factory=dict)
    contacts: dict[str, int] = field(default_factory=dict)
    _next: dict[int, int] = field(default_factory=dict)
    _rows: list[tuple[Any, ...]] = field(default_factory=list)
    _links: list[tuple[int, int, int, int, int]] = field(default_factory=list)

    def new_id(self, kind: Kind) -> int:
        """The next id of a type."""
        id_ = self._next.get(kind.code, kind.first_id)
        self._next[kind.code] = id_ + 1
        return id_

    def add(
        self,
        kind: Kind,
        id_: int,
        values: Mapping[str, str | None],
        created: str,
        changed: str,
        *,
        deleted: bool = False,
    ) -> None:
        """Adds a record; moments are as the other CRM writes them."""
        made, moved = moment(created), moment(changed)
        held = {
            kind.created: f"{created[:19]}Z",
            kind.changed: f"{changed[:19]}Z",
            "hs_object_id": str(id_),
            **{name: text for name, text in values.items() if text is not None},
        }
        away = moved if deleted else None
        row = (kind.code, id_, int(deleted), made, moved, away, orjson.dumps(held).decode())
        self._rows.append(row)
        if len(self._rows) >= BUNCH:
            self.flush()

    def link(self, near: Kind, one: int, far: Kind, other: int | None, *types: int) -> None:
        """Associates two records, in one direction for the moment."""
        if other is not None:
            self._links += [(near.code, one, far.code, other, each) for each in types]

    def flush(self) -> None:
        """Writes down what has gathered, and the ids that come next."""
        db = self.store.db
        db.executemany(_RECORD, self._rows)
        db.executemany(_LINK, self._links)
        db.executemany("insert or replace into hs_next values (?, ?)", self._next.items())
        self._rows.clear()
        self._links.clear()


def reverse(store: Store) -> None:
    """Adds the other direction of every association."""
    pairs = {
        (near, far, each.id, each.inverse)
        for (near, far), types in links.STANDARD.items()
        for each in types.values()
    }
    db = store.db
    db.execute("create temp table hs_inverse (near, far, type_id, inverse)")
    db.executemany("insert into hs_inverse values (?, ?, ?, ?)", sorted(pairs))
    db.execute(
        "insert or ignore into hs_associations select a.to_type, a.to_id, a.from_type, a.from_id,"
        " 0, i.inverse from hs_associations a join hs_inverse i on i.near = a.from_type"
        " and i.far = a.to_type and i.type_id = a.type_id order by 1, 2, 3, 4"
    )
    db.execute("drop table hs_inverse")


def rows(store: Store, name: str, *columns: str) -> Iterator[tuple[Any, ...]]:
    """The records of an object by id; a field that it does not have is empty."""
    if name not in store.objects():
        return
    fields = store.fields(name)
    wanted = ", ".join(quoted(each) if each in fields else "null" for each in columns)
    cursor = store.db.cursor()
    cursor.execute(f"select {wanted} from {quoted(name)} order by Id")
    while bunch := cursor.fetchmany(BUNCH):
        yield from bunch


def moment(stamp: str) -> int:
    """A moment of the other CRM in milliseconds."""
    clock = int(stamp[11:13]) * 3600 + int(stamp[14:16]) * 60 + int(stamp[17:19])
    return _midnight(stamp[:10]) + 1000 * clock


@lru_cache(maxsize=8192)
def _midnight(day: str) -> int:
    return ms_of(day)


def at(stamp: str | None) -> str | None:
    """A moment of the other CRM as HubSpot keeps it; a day begins at midnight."""
    if not stamp:
        return None
    return f"{stamp[:19]}Z" if len(stamp) > 10 else f"{stamp}T00:00:00Z"


def number(value: float | None) -> str | None:
    """A number as text."""
    if value is None:
        return None
    return str(int(value)) if value == int(value) else repr(value)


def kind(name: str) -> Kind:
    """A type by its name."""
    return BY_NAME[name]


def told(ms: int) -> str:
    """Milliseconds as HubSpot keeps a moment."""
    return iso(ms)
