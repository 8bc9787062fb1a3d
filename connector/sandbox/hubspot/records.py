"""Where the records are: a row each, its properties as one JSON text, and what they were before.

`indexed_at` is the moment from which search knows a row as it is now; until then it knows what
`before` holds, or nothing of a record that is new. Zero means that it knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from ..clock import stamp
from ..store import Store
from . import catalogue, settings
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
create index if not exists hs_records_by_change on hs_records (type, updated, id);
create index if not exists hs_records_archived on hs_records (type, id) where archived = 1;
create index if not exists hs_records_unindexed on hs_records (indexed_at) where indexed_at > 0;
create table if not exists hs_next (type integer primary key, id integer not null);
create table if not exists hs_unique (
    type integer not null, name text not null, value text not null, id integer not null,
    primary key (type, name, value)
) without rowid;
create table if not exists hs_history (
    type integer not null, id integer not null, name text not null, number integer not null,
    at integer not null, value text not null, was text, source text not null,
    primary key (type, id, name, number)
) without rowid;
create table if not exists hs_merges (
    type integer not null, old integer not null, new integer not null, at integer not null,
    primary key (type, old)
) without rowid;
"""
COLUMNS = "id, archived, created, updated, archived_at, properties"
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
    ids, at = new_ids(store, kind, len(given)), iso(now)
    with store.transaction() as db:
        for id_, values in zip(ids, given, strict=True):
            _claim(store, kind, id_, values, {})
            kept = {each: text for each, text in values.items() if text}
            held = {
                kind.created: at,
                kind.changed: at,
                "hs_object_id": str(id_),
                "hs_object_source": author.type,
                "hs_object_source_id": author.id,
                "hs_object_source_label": author.type,
                **_derived(kind, kept, at),
                **{
                    each: added("", text) if known[each].multiple else text
                    for each, text in kept.items()
                },
            }
            if kind.name == "tickets":
                held["hs_ticket_id"] = str(id_)
            db.execute(
                "insert into hs_records (type, id, created, updated, indexed_at, properties)"
                " values (?, ?, ?, ?, ?, ?)",
                (kind.code, id_, now, now, _indexed_at(store, now), _packed(held)),
            )
            _remember(store, kind, id_, {}, kept, now, author)
            log(store, kind, id_, values, author)
    return list(ids)


def update(
    store: Store,
    kind: Kind,
    changes: Sequence[tuple[Row, Mapping[str, str]]],
    author: Author,
    *,
    moves: bool = True,
) -> dict[int, Row]:
    """Writes to records, all stamped with one moment; what `moves` not keeps its own."""
    now, known = now_ms(store), catalogue.known(store, kind)
    at, settle = iso(now), _indexed_at(store, now)
    after: dict[int, Row] = {}
    with store.transaction() as db:
        for row, values in changes:
            before = row.values
            _claim(store, kind, row.id, values, before)
            new = {
                each: added(before.get(each, ""), text) if known[each].multiple else text
                for each, text in values.items()
            }
            held = {**before, **new, **_followed(kind, new, before, at)}
            updated = now if moves else row.updated
            if moves:
                held[kind.changed] = at
            db.execute(
                "update hs_records set before = case when ?5 = 0 then null"
                " when indexed_at = 0 then properties else before end,"
                " before_updated = case when indexed_at = 0 then updated else before_updated end,"
                " properties = ?3, updated = ?4, indexed_at = ?5 where type = ?1 and id = ?2",
                (kind.code, row.id, _packed(held), updated, settle),
            )
            _remember(store, kind, row.id, before, new, now, author)
            log(store, kind, row.id, values, author)
            after[row.id] = row._replace(updated=updated, properties=_packed(held))
    return after


def archive(store: Store, kind: Kind, ids: Iterable[int], *, back: bool = False) -> None:
    """Puts records away, or takes them out again; what is not there is no error."""
    now = now_ms(store)
    with store.transaction() as db:
        for id_ in ids:
            db.execute(
                "update hs_records set archived = ?, archived_at = ?, updated = ?,"
                " properties = json_set(properties, '$.' || ?, ?)"
                " where type = ? and id = ? and archived = ?",
                (
                    int(not back),
                    None if back else now,
                    now,
                    kind.changed,
                    iso(now),
                    kind.code,
                    id_,
                    int(back),
                ),
            )


def settle(store: Store) -> None:
    """Lets search know what it should know by now."""
    now = now_ms(store)
    due = "select 1 from hs_records where indexed_at > 0 and indexed_at <= ?"
    if store.db.execute(due, (now,)).fetchone():
        store.db.execute(
            "update hs_records set indexed_at = 0, before = null, before_updated = null"
            " where indexed_at > 0 and indexed_at <= ?",
            (now,),
        )


def history(
    store: Store, kind: Kind, row: Row, names: Iterable[str]
) -> dict[str, list[dict[str, Any]]]:
    """What properties held and hold, the newest first; one that never held anything has none."""
    held = row.values
    return {name: _history(store, kind, row, name, held.get(name)) for name in names}


def _history(
    store: Store, kind: Kind, row: Row, name: str, now_held: str | None
) -> list[dict[str, Any]]:
    rows = store.db.execute(
        "select at, value, was, source from hs_history where type = ? and id = ? and name = ?"
        " order by number desc",
        (kind.code, row.id, name),
    ).fetchall()
    told = [_entry(value, at, orjson.loads(source)) for at, value, _, source in rows]
    # what was there before anybody wrote through this sandbox came when the record did
    first = rows[-1][2] if rows else now_held
    if first is not None:
        told.append(_entry(first, row.created, {"type": "MIGRATION", "id": "", "user": ""}))
    return told


def _entry(value: str, at: int, source: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {"value": value, "timestamp": iso(at), "sourceType": source["type"]}
    if source["id"]:
        told["sourceId"] = source["id"]
    if source["user"]:
        told["updatedByUserId"] = int(source["user"])
    return told


def log(store: Store, kind: Kind, id_: int, values: Mapping[str, Any], author: Author) -> None:
    """Notes what came through the API; what people do is not of interest."""
    if author.type == PERSON.type:
        return
    fields = orjson.dumps({"id": str(id_), **values}).decode()
    row = (stamp(store.clock.now()), kind.name, str(id_), fields, author.id)
    store.db.execute(_LOG, row)


def _remember(
    store: Store,
    kind: Kind,
    id_: int,
    before: Mapping[str, str],
    new: Mapping[str, str],
    at: int,
    author: Author,
) -> None:
    source = orjson.dumps({"type": author.type, "id": author.id, "user": author.user}).decode()
    store.db.executemany(
        "insert into hs_history select ?1, ?2, ?3, ifnull(max(number), 0) + 1, ?4, ?5, ?6, ?7"
        " from hs_history where type = ?1 and id = ?2 and name = ?3",
        [
            (kind.code, id_, name, at, text, before.get(name), source)
            for name, text in new.items()
            if before.get(name, "") != text
        ],
    )


def _claim(
    store: Store, kind: Kind, id_: int, values: Mapping[str, str], before: Mapping[str, str]
) -> None:
    """Takes values that only one record may hold; refuses if another one has them."""
    known = catalogue.known(store, kind)
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


def _derived(kind: Kind, values: Mapping[str, str], at: str) -> dict[str, str]:
    """What HubSpot fills in by itself."""
    filled = dict(_followed(kind, values, {}, at))
    if kind.name == "companies" and values.get("domain"):
        filled["website"] = values["domain"]
    if kind.name == "companies" or kind.name == "contacts":
        filled["lifecyclestage"] = "lead"
    return filled


def _followed(
    kind: Kind, new: Mapping[str, str], before: Mapping[str, str], at: str
) -> dict[str, str]:
    """What changes because something else did."""
    follow: dict[str, str] = {}
    if new.get("hubspot_owner_id", before.get("hubspot_owner_id")) != before.get(
        "hubspot_owner_id"
    ):
        follow = {"hubspot_owner_assigneddate": at, "hs_all_owner_ids": new["hubspot_owner_id"]}
    if kind.name == "tasks" and "hs_task_status" in new:
        done = new["hs_task_status"] == "COMPLETED"
        follow |= {"hs_task_is_completed": str(int(done))}
        follow |= {"hs_task_completion_date": at} if done else {}
    return follow


def _indexed_at(store: Store, now: int) -> int:
    lag = settings.of(store).index_lag
    return now + int(lag * 1000) if lag else 0


def _packed(held: Mapping[str, str]) -> str:
    return orjson.dumps(held).decode()
