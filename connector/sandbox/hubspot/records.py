"""Where the records are: a row each, its properties as one JSON text, and what they were before.

`indexed_at` is the moment from which search knows a row as it is now; until then it knows what
`before` holds, or nothing of a record that is new. Zero means that it knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from ..clock import stamp
from ..store import Store
from . import catalogue, follow, settings
from .errors import Refusal
from .kinds import Kind
from .times import iso, now_ms
from .values import added, refused

SCHEMA = """
create table if not exists hs_records (
    type integer not null, id integer not null, archived integer not null default 0,
    created integer not null, updated integer not null, archived_at integer,
    indexed_at integer not null default 0, properties text not null,
    before text, before_updated integer,
    primary key (type, id)
) without rowid;
create index if not exists hs_records_archived on hs_records (type, id) where archived = 1;
create index if not exists hs_records_unindexed on hs_records (indexed_at) where indexed_at > 0;
create table if not exists hs_next (type integer primary key, id integer not null);
create table if not exists hs_unique (
    type integer not null, name text not null, value text not null, id integer not null,
    primary key (type, name, value)
) without rowid;
create table if not exists hs_history (
    number integer primary key, type integer not null, id integer not null, name text not null,
    at integer not null, value text not null, was text, source text not null
);
create index if not exists hs_history_by_record on hs_history (type, id, name);
create table if not exists hs_merges (
    type integer not null, old integer not null, new integer not null, at integer not null,
    primary key (type, old)
) without rowid;
"""
#: Everything that a search by change looks at, so that it can count without reading records.
BY_CHANGE = (
    "create index if not exists hs_records_by_change"
    " on hs_records (type, updated, id, archived, indexed_at)"
)
_NEVER = 1 << 62
COLUMNS = "id, archived, created, updated, archived_at, properties"
_UPDATE = (
    "update hs_records set before = case when ?5 = 0 then null"
    " when indexed_at = 0 then properties else before end,"
    " before_updated = case when indexed_at = 0 then updated else before_updated end,"
    " properties = ?3, updated = ?4, indexed_at = ?5 where type = ?1 and id = ?2"
)
_LOG = "insert into write_log (at, object, id, fields, user) values (?, ?, ?, ?, ?)"


class Row(NamedTuple):
    """One record as it is kept."""

    id: int
    archived: int
    created: int
    updated: int
    archived_at: int | None
    properties: str

    @property
    def values(self) -> dict[str, str]:
        """What its properties hold."""
        held: dict[str, str] = orjson.loads(self.properties)
        return held


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes: the type and id of the source, as the history of a property tells them."""

    type: str
    id: str
    user: str = ""

    @property
    def packed(self) -> str:
        """It as the history keeps it."""
        return orjson.dumps({"type": self.type, "id": self.id, "user": self.user}).decode()


PERSON = Author("CRM_UI", f"userId:{catalogue.USER}", catalogue.USER)


def page(store: Store, kind: Kind, after: int, limit: int, *, archived: bool) -> list[Row]:
    """Rows in the order of their ids, from one id on."""
    # the partial index serves the few that are archived
    rows = store.db.execute(
        f"select {COLUMNS} from hs_records where type = ? and archived = {int(archived)}"
        " and id >= ? order by id limit ?",
        (kind.code, after, limit),
    )
    return [Row(*each) for each in rows]


def fetch(
    store: Store, kind: Kind, ids: Iterable[int], *, archived: bool = False
) -> dict[int, Row]:
    """The rows with these ids; one that is not there, or on the other side, is left out."""
    wanted = tuple(dict.fromkeys(ids))
    rows = store.db.execute(
        f"select {COLUMNS} from hs_records where type = ? and archived = ?"
        f" and id in ({', '.join('?' * len(wanted))})",
        (kind.code, int(archived), *wanted),
    )
    return {each[0]: Row(*each) for each in rows}


def survivor(store: Store, kind: Kind, id_: int) -> int:
    """The id of the record that this one was merged into, or its own."""
    for _ in range(1_000):
        row = store.db.execute(
            "select new from hs_merges where type = ? and old = ?", (kind.code, id_)
        ).fetchone()
        if row is None:
            return id_
        id_ = row[0]
    raise RuntimeError(f"the merges of {kind.name} go round in a circle")


def found_by(store: Store, kind: Kind, name: str, texts: Iterable[str]) -> dict[str, int]:
    """The ids of records by what a unique property of theirs holds."""
    wanted = tuple(dict.fromkeys(key_of(kind, name, each) for each in texts))
    rows = store.db.execute(
        "select value, id from hs_unique where type = ? and name = ?"
        f" and value in ({', '.join('?' * len(wanted))})",
        (kind.code, name, *wanted),
    )
    return dict(rows.fetchall())


def key_of(kind: Kind, name: str, text: str) -> str:
    """A value as records are found by it; addresses know no upper case."""
    return text.lower() if (kind.name, name) == ("contacts", "email") else text


def new_ids(store: Store, kind: Kind, count: int) -> range:
    """Ids that were never used."""
    with store.transaction() as db:
        db.execute("insert or ignore into hs_next values (?, ?)", (kind.code, kind.first_id))
        sql = "update hs_next set id = id + ? where type = ? returning id"
        (after,) = db.execute(sql, (count, kind.code)).fetchall()[0]
    return range(after - count, after)


def create(
    store: Store, kind: Kind, given: Sequence[Mapping[str, str]], author: Author
) -> list[int]:
    """Makes records; the values are those that their properties take."""
    now, known = now_ms(store), catalogue.known(store, kind)
    ids, at, settled = new_ids(store, kind, len(given)), iso(now), _indexed_at(store, now)
    work = Work(kind, author, now)
    with store.transaction() as db:
        for id_, values in zip(ids, given, strict=True):
            _claim(store, kind, known, id_, values, {})
            kept = {
                name: added("", text) if known[name].multiple else text
                for name, text in values.items()
                if text
            }
            held = {
                kind.created: at,
                kind.changed: at,
                "hs_object_id": str(id_),
                "hs_object_source": author.type,
                "hs_object_source_id": author.id,
                "hs_object_source_label": author.type,
                **follow.derived(kind, kept, at, id_),
                **kept,
            }
            work.rows.append((kind.code, id_, now, now, settled, _packed(held)))
            work.note(id_, {}, kept, values)
        db.executemany(
            "insert into hs_records (type, id, created, updated, indexed_at, properties)"
            " values (?, ?, ?, ?, ?, ?)",
            work.rows,
        )
        work.keep(store)
    return list(ids)


def update(
    store: Store,
    kind: Kind,
    changes: Sequence[tuple[Row, Mapping[str, str]]],
    author: Author,
    *,
    moves: bool = True,
) -> dict[int, Row]:
    """Writes to records, all stamped with one moment; without `moves` they keep their own."""
    now, known = now_ms(store), catalogue.known(store, kind)
    at, settled = iso(now), _indexed_at(store, now)
    work, after = Work(kind, author, now), {}
    with store.transaction() as db:
        for row, values in changes:
            before = row.values
            _claim(store, kind, known, row.id, values, before)
            new = {
                name: added(before.get(name, ""), text) if known[name].multiple else text
                for name, text in values.items()
            }
            held = {**before, **new, **follow.followed(kind, new, before, at)}
            if moves:
                held[kind.changed] = at
            moved = now if moves else row.updated
            fresh = row._replace(updated=moved, properties=_packed(held))
            work.rows.append((kind.code, row.id, fresh.properties, moved, settled))
            work.note(row.id, before, new, values)
            after[row.id] = fresh
        db.executemany(_UPDATE, work.rows)
        work.keep(store)
    return after


@dataclass(slots=True)
class Work:
    """Rows of one write on their way to the tables."""

    kind: Kind
    author: Author
    now: int
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    _history: list[tuple[Any, ...]] = field(default_factory=list)
    _log: list[tuple[Any, ...]] = field(default_factory=list)

    def note(
        self,
        id_: int,
        before: Mapping[str, str],
        new: Mapping[str, str],
        sent: Mapping[str, str],
    ) -> None:
        """Notes what changes, for the history, and what was sent, for the log of writes."""
        source = self.author.packed
        self._history += [
            (self.kind.code, id_, name, self.now, text, before.get(name), source)
            for name, text in new.items()
            if before.get(name, "") != text
        ]
        # what people do is not of interest
        if self.author.type != PERSON.type:
            self._log.append((str(id_), orjson.dumps({"id": str(id_), **sent}).decode()))

    def keep(self, store: Store) -> None:
        """Writes history and log down."""
        store.db.executemany(
            "insert into hs_history (type, id, name, at, value, was, source)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            self._history,
        )
        at, user = stamp(store.clock.now()), self.author.id
        store.db.executemany(_LOG, [(at, self.kind.name, *each, user) for each in self._log])


def archive(store: Store, kind: Kind, ids: Iterable[int], *, back: bool = False) -> None:
    """Puts records away, or takes them out again; what is not there is no error.

    What only one record may hold is free for others meanwhile.
    """
    now, known = now_ms(store), catalogue.known(store, kind)
    with store.transaction() as db:
        for row in fetch(store, kind, ids, archived=back).values():
            held = row.values
            unique = {each: text for each, text in held.items() if _unique(known, each)}
            if back:
                _claim(store, kind, known, row.id, unique, {})
            else:
                for name, text in unique.items():
                    release(store, kind, name, text)
            held[kind.changed] = iso(now)
            db.execute(
                "update hs_records set archived = ?, archived_at = ?, updated = ?, properties = ?"
                " where type = ? and id = ?",
                (int(not back), None if back else now, now, _packed(held), kind.code, row.id),
            )


def _unique(known: Mapping[str, catalogue.Property], name: str) -> bool:
    return name in known and known[name].unique


def settle(store: Store) -> None:
    """Lets search know what it should know by now; without a lag that is everything."""
    now = now_ms(store) if settings.of(store).index_lag else _NEVER
    due = "select 1 from hs_records where indexed_at > 0 and indexed_at <= ?"
    if store.db.execute(due, (now,)).fetchone():
        store.db.execute(
            "update hs_records set indexed_at = 0, before = null, before_updated = null"
            " where indexed_at > 0 and indexed_at <= ?",
            (now,),
        )


def _claim(
    store: Store,
    kind: Kind,
    known: Mapping[str, catalogue.Property],
    id_: int,
    values: Mapping[str, str],
    before: Mapping[str, str],
) -> None:
    """Takes values that only one record may hold; refuses if another one has them."""
    for name, text in values.items():
        if not known[name].unique:
            continue
        key, was = key_of(kind, name, text), before.get(name, "")
        holder = found_by(store, kind, name, [text]).get(key) if text else None
        if holder is not None and holder != id_:
            raise _conflict(kind, name, holder)
        if was:
            release(store, kind, name, was)
        if text:
            sql = "insert or replace into hs_unique values (?, ?, ?, ?)"
            store.db.execute(sql, (kind.code, name, key, id_))


def release(store: Store, kind: Kind, name: str, text: str) -> None:
    """Gives a value free that only one record may hold."""
    sql = "delete from hs_unique where type = ? and name = ? and value = ?"
    store.db.execute(sql, (kind.code, name, key_of(kind, name, text)))


def _conflict(kind: Kind, name: str, holder: int) -> Refusal:
    if (kind.name, name) == ("contacts", "email"):
        said = f"Contact already exists. Existing ID: {holder}"
        return Refusal("CONFLICT", said, status=409)
    said = f"Cannot set PropertyValueCoordinates on {holder}. {holder} already has that value."
    wrong = {"isValid": False, "message": said, "error": "CONFLICTING_UNIQUE_VALUE", "name": name}
    return refused([wrong], told=False)


def _indexed_at(store: Store, now: int) -> int:
    lag = settings.of(store).index_lag
    return now + int(lag * 1000) if lag else 0


def _packed(held: Mapping[str, str]) -> str:
    return orjson.dumps(held).decode()
