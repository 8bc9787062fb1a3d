"""Where the sandbox keeps everything: one SQLite file, one table per object, and a catalogue.

An object's table has the object's name and a column per field. Values are kept as the API
shows them: text, numbers, booleans as 0 and 1, days as `YYYY-MM-DD`, moments as
`YYYY-MM-DDTHH:MM:SS.000+0000`. A formula is no column but an expression of the view that
`source()` names; it may call `today()` and `now()`, which follow the sandbox's clock.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from .clock import Clock, stamp
from .ids import counting, numbered

NUMBERS = frozenset({"double", "currency", "percent"})
WHOLE = frozenset({"int", "boolean"})
EXACT = frozenset({"id", "reference", "date", "datetime"})
SYSTEM_USER = "005000000000001AAA"
BATCH = 10_000

SCHEMA = """
create table if not exists _settings (key text primary key, value text not null) without rowid;
create table if not exists _objects (
    name text primary key, label text not null, prefix text not null, next integer not null,
    changed text not null
);
create table if not exists _fields (
    object text not null, name text not null, place integer not null, body text not null,
    primary key (object, name)
) without rowid;
"""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object, as describe tells it; `formula` is a SQLite expression."""

    name: str
    type: str
    label: str = ""
    length: int = 255
    precision: int = 18
    scale: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    calculated: bool = False
    restricted: bool = False
    choices: tuple[str, ...] = ()
    refers: tuple[str, ...] = ()
    relationship: str = ""
    external_id: bool = False
    unique: bool = False
    filterable: bool = True
    formula: str = ""
    default: str | float | bool | None = None
    help: str = ""
    description: str = ""
    history: bool = False
    inactive: tuple[str, ...] = ()
    #: What people see in place of a value, where that is something else.
    value_labels: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def custom(self) -> bool:
        """Whether somebody of the org made it."""
        return self.name.endswith("__c")

    @property
    def column(self) -> str:
        """Its column definition: affinity by type, and text compares without regard to case."""
        kind = "REAL" if self.type in NUMBERS else "INTEGER" if self.type in WHOLE else "TEXT"
        case = "" if kind != "TEXT" or self.type in EXACT else " COLLATE NOCASE"
        return f"{quoted(self.name)} {kind}{case}"


def _system(name: str, type_: str, **more: Any) -> Field:
    return Field(name, type_, nillable=False, createable=False, updateable=False, **more)


SYSTEM_FIELDS: tuple[Field, ...] = (
    _system("Id", "id", label="Record ID", length=18),
    _system("IsDeleted", "boolean", label="Deleted", default=False),
    _system("CreatedDate", "datetime", label="Created Date"),
    _system(
        "CreatedById",
        "reference",
        label="Created By ID",
        length=18,
        refers=("User",),
        relationship="CreatedBy",
    ),
    _system("LastModifiedDate", "datetime", label="Last Modified Date"),
    _system(
        "LastModifiedById",
        "reference",
        label="Last Modified By ID",
        length=18,
        refers=("User",),
        relationship="LastModifiedBy",
    ),
    _system("SystemModstamp", "datetime", label="System Modstamp"),
)


@dataclass(frozen=True, slots=True)
class Object:
    """One kind of record: its names, its id prefix and its fields."""

    name: str
    label: str
    prefix: str
    changed: str
    fields: Mapping[str, Field] = field(default_factory=dict)

    @property
    def custom(self) -> bool:
        """Whether somebody of the org made it."""
        return self.name.endswith("__c")


class Store:
    """Opens or creates the file; one connection, one lock, any thread."""

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        #: What lasts until the sandbox stops, whatever is rolled back meanwhile.
        self.passing: dict[str, Any] = {}
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        for pragma in ("journal_mode = wal", "synchronous = normal", "cache_size = -65536"):
            self.db.execute(f"pragma {pragma}")
        self.db.executescript(SCHEMA)
        self.clock = Clock(self)
        self.db.create_function("today", 0, lambda: stamp(self.clock.now())[:10])
        self.db.create_function("now", 0, lambda: stamp(self.clock.now()))
        self._objects: dict[str, Object] = self._read_catalogue()

    def close(self) -> None:
        """Closes the file."""
        with self.lock:
            self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; inside another transaction it is part of that one."""
        with self.lock:
            if self.db.in_transaction:
                yield self.db
                return
            self.db.execute("begin immediate")
            try:
                yield self.db
            except BaseException:
                self.db.execute("rollback")
                self._objects = self._read_catalogue()
                raise
            self.db.execute("commit")

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part of a transaction that may fail by itself: then it is undone, the rest stays."""
        with self.transaction() as db:
            db.execute("savepoint attempt")
            try:
                yield
            except BaseException:
                db.execute("rollback to attempt")
                self._objects = self._read_catalogue()
                raise
            finally:
                db.execute("release attempt")

    # settings

    def get(self, key: str) -> Any:
        """The setting kept under this name, or None."""
        with self.lock:
            row = self.db.execute("select value from _settings where key = ?", (key,)).fetchone()
        return orjson.loads(row[0]) if row else None

    def put(self, key: str, value: Any) -> None:
        """Keeps a small JSON value under this name."""
        with self.lock:
            self.db.execute(
                "insert or replace into _settings values (?, ?)",
                (key, orjson.dumps(value).decode()),
            )

    # catalogue

    def objects(self) -> dict[str, Object]:
        """Every object by name, in order of creation."""
        return dict(self._objects)

    def fields(self, name: str) -> dict[str, Field]:
        """The fields of one object by name; KeyError if there is no such object."""
        return dict(self._objects[name].fields)

    def source(self, name: str) -> str:
        """The quoted table or view to read an object from, formulas included."""
        has_formula = any(each.formula for each in self._objects[name].fields.values())
        return quoted(f"{name}:read" if has_formula else name)

    def create(self, name: str, fields: Sequence[Field], *, prefix: str, label: str = "") -> None:
        """Makes an object; its system fields need not be given."""
        own = {each.name for each in fields}
        every = [each for each in SYSTEM_FIELDS if each.name not in own] + list(fields)
        with self.transaction() as db:
            self._objects[name] = Object(name, label or name, prefix, self._now())
            db.execute(
                "insert into _objects values (?, ?, ?, 1, ?)",
                (name, label or name, prefix, self._now()),
            )
            columns = ", ".join(
                each.column + (" PRIMARY KEY" if each.name == "Id" else "")
                for each in every
                if not each.formula
            )
            db.execute(f"create table {quoted(name)} ({columns}) without rowid")
            db.execute(f"create index {quoted(name + ':moved')} on {quoted(name)} (SystemModstamp)")
            for each in every:
                self._keep_field(name, each)
            self._renew(name)

    def add_field(self, name: str, field: Field) -> None:
        """Adds a field to an object."""
        with self.transaction() as db:
            if not field.formula:
                db.execute(f"alter table {quoted(name)} add column {field.column}")
            if field.default is not None:
                db.execute(f"update {quoted(name)} set {quoted(field.name)} = ?", (field.default,))
            self._keep_field(name, field)
            self._renew(name)

    def change_field(self, name: str, field: Field) -> None:
        """Replaces what the catalogue says of a field; its values stay."""
        with self.transaction():
            self._keep_field(name, field)
            self._renew(name)

    def drop_field(self, name: str, field: str) -> None:
        """Removes a field and its values."""
        gone = self._objects[name].fields[field]
        with self.transaction() as db:
            db.execute(f"drop view if exists {quoted(name + ':read')}")
            if not gone.formula:
                db.execute(f"alter table {quoted(name)} drop column {quoted(field)}")
            db.execute("delete from _fields where object = ? and name = ?", (name, field))
            self._renew(name)

    # records

    def new_id(self, name: str) -> str:
        """The next id of this object."""
        return self.new_ids(name, 1)[0]

    def new_ids(self, name: str, count: int) -> list[str]:
        """The next ids of this object, in ascending order."""
        with self.transaction():
            first = self._count_on(name, count)
        return [numbered(self._objects[name].prefix, first + n) for n in range(count)]

    def insert(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
        """Loads rows in bulk and tells how many; system fields not given are filled in."""
        missing = [each for each in _DEFAULTS if each not in columns]
        names = ", ".join(map(quoted, [*columns, *missing]))
        marks = ", ".join("?" * (len(columns) + len(missing)))
        sql = f"insert into {quoted(name)} ({names}) values ({marks})"
        source, total = iter(rows), 0
        with self.transaction() as db:
            while batch := list(islice(source, BATCH)):
                db.executemany(sql, self._completed(name, columns, missing, batch))
                total += len(batch)
        return total

    def _completed(
        self,
        name: str,
        columns: Sequence[str],
        missing: Sequence[str],
        batch: list[Sequence[object]],
    ) -> Iterator[tuple[object, ...]]:
        first = self._count_on(name, len(batch)) if "Id" in missing else 0
        ids = counting(self._objects[name].prefix, first)
        default = {"IsDeleted": 0, "CreatedById": SYSTEM_USER, "LastModifiedById": SYSTEM_USER}
        now, place = self._now(), {each: n for n, each in enumerate(columns)}
        # a row that tells when it was last changed, or made, keeps that moment everywhere
        known = next((place[each] for each in _MOMENTS if each in place), None)
        for row in batch:
            moment = now if known is None else row[known]
            yield (
                *row,
                *[next(ids) if each == "Id" else default.get(each, moment) for each in missing],
            )

    def _count_on(self, name: str, count: int) -> int:
        sql = "update _objects set next = next + ? where name = ? returning next"
        (after,) = self.db.execute(sql, (count, name)).fetchall()[0]
        return int(after) - count

    # inside

    def _now(self) -> str:
        return stamp(self.clock.now())

    def _keep_field(self, name: str, field: Field) -> None:
        self.db.execute(
            "insert into _fields values (?1, ?2, (select ifnull(max(place), 0) + 1 from _fields"
            " where object = ?1), ?3) on conflict do update set body = excluded.body",
            (name, field.name, orjson.dumps(asdict(field)).decode()),
        )

    def _renew(self, name: str) -> None:
        """Brings catalogue and view in line with the fields just kept."""
        self.db.execute("update _objects set changed = ? where name = ?", (self._now(), name))
        fresh = replace(self._objects[name], changed=self._now(), fields=self._read_fields(name))
        self._objects = {**self._objects, name: fresh}
        self.db.execute(f"drop view if exists {quoted(name + ':read')}")
        formulas = [
            f"({each.formula}) as {quoted(each.name)}"
            for each in fresh.fields.values()
            if each.formula
        ]
        if formulas:
            self.db.execute(
                f"create view {quoted(name + ':read')} as"
                f" select *, {', '.join(formulas)} from {quoted(name)}"
            )

    def _read_catalogue(self) -> dict[str, Object]:
        rows = self.db.execute("select name, label, prefix, changed from _objects order by rowid")
        return {
            name: Object(name, label, prefix, changed, self._read_fields(name))
            for name, label, prefix, changed in rows.fetchall()
        }

    def _read_fields(self, name: str) -> dict[str, Field]:
        rows = self.db.execute("select body from _fields where object = ? order by place", (name,))
        found = [orjson.loads(row[0]) for row in rows.fetchall()]
        return {
            each["name"]: Field(**{**each, **{k: tuple(each.get(k, ())) for k in _LISTS}})
            for each in found
        }


_DEFAULTS = tuple(each.name for each in SYSTEM_FIELDS)
_LISTS = ("choices", "refers", "inactive")
_MOMENTS = ("SystemModstamp", "LastModifiedDate", "CreatedDate")


def quoted(name: str) -> str:
    """A name as SQLite takes it literally."""
    return '"' + name.replace('"', '""') + '"'
