"""The bin: what is deleted with a record comes back with it, until it is gone for good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from ..clock import stamp
from ..store import Store, quoted
from .errors import Refusal

SCHEMA = """
create table if not exists recycle_bin (
    id text primary key, object text not null, root text not null, at text not null
) without rowid;
create index if not exists recycle_bin_by_root on recycle_bin (root);
create index if not exists recycle_bin_by_time on recycle_bin (at);
create table if not exists recycle_links (
    id text not null, link text not null, object text not null, parent text not null,
    primary key (id, link)
) without rowid;
create index if not exists recycle_links_by_parent on recycle_links (parent);
"""
#: A bin keeps what it holds for so long.
KEPT = timedelta(days=15)
_ACTIVITIES = (("Task", "WhatId"), ("Event", "WhatId"))
#: What goes with a record: objects, and the fields that lead to it.
GOES_WITH: dict[str, tuple[tuple[str, str], ...]] = {
    "Account": (
        ("Contact", "AccountId"),
        ("Opportunity", "AccountId"),
        ("Case", "AccountId"),
        *_ACTIVITIES,
    ),
    "Opportunity": _ACTIVITIES,
    "Case": (*_ACTIVITIES, ("EmailMessage", "ParentId")),
    "Task": (("TaskRelation", "TaskId"),),
    "Event": (("EventRelation", "EventId"),),
    "EmailMessage": (("EmailMessageRelation", "EmailMessageId"),),
}
#: What keeps a record from being deleted by API as long as it is there: the field of its cases.
HELD_BY_CASES = {"Account": "AccountId", "Contact": "ContactId"}
ATTEMPT = "Your attempt to delete {name} could not be completed because "
CASES = ATTEMPT + "it is associated with the following cases.: {others}\n"
WON = (
    ATTEMPT + "some opportunities in the account were closed won. The opportunities that are"
    " closed won are listed below, along with their owners.: {others}\n"
)


def check(store: Store, name: str, id_: str) -> None:
    """Refuses to delete what has cases, and an account with a deal that was won."""
    if link := HELD_BY_CASES.get(name):
        _refuse(store, name, id_, CASES, _those(store, "Case", {link: id_}, "CaseNumber"))
    if name == "Account":
        won = _those(store, "Opportunity", {"AccountId": id_, "IsWon": 1}, "Name")
        _refuse(store, name, id_, WON, won)


def _those(store: Store, name: str, having: Mapping[str, object], shown: str) -> list[str]:
    """The records with these values, by the field that people know them by."""
    fields = store.fields(name) if name in store.objects() else {}
    if not set(having) <= set(fields):
        return []
    column = quoted(shown if shown in fields else "Id")
    where = " and ".join(f"{quoted(each)} = ?" for each in having)
    sql = f"select {column} from {quoted(name)} where {where} and IsDeleted = 0 order by Id"
    return [str(row[0]) for row in store.db.execute(sql, tuple(having.values())).fetchall()]


def _refuse(store: Store, name: str, id_: str, said: str, others: list[str]) -> None:
    if others:
        own = quoted("Name" if "Name" in store.fields(name) else "Id")
        sql = f"select {own} from {quoted(name)} where Id = ?"
        (called,) = store.db.execute(sql, (id_,)).fetchone()
        text = said.format(name=called, others=", ".join(others))
        raise Refusal("DELETE_FAILED", text, fields=[])


def put(store: Store, name: str, id_: str, user: str) -> None:
    """Deletes a record and what goes with it; all of it can come back."""
    now = stamp(store.clock.now())
    with store.transaction():
        for child, child_id in list(_with(store, name, id_, "IsDeleted = 0")):
            _mark(store, child, child_id, now, user, deleted=True)
            _let_go(store, child, child_id, now)
            note(store, child, child_id, root=id_)


def note(store: Store, name: str, id_: str, *, root: str = "") -> None:
    """Remembers since when a record is in the bin, and with which other it went there."""
    row = (id_, name, root or id_, stamp(store.clock.now()))
    store.db.execute("insert or replace into recycle_bin values (?, ?, ?, ?)", row)


def take_out(store: Store, name: str, id_: str, user: str) -> None:
    """Brings a record back, with everything that was deleted with it."""
    now = stamp(store.clock.now())
    with store.transaction() as db:
        sql = "select object, id from recycle_bin where root = ? and id <> root"
        for child, child_id in [(name, id_), *db.execute(sql, (id_,)).fetchall()]:
            _mark(store, child, child_id, now, user, deleted=False)
            _take_back(store, child_id, now)
        if "MasterRecordId" in store.fields(name):
            db.execute(f"update {quoted(name)} set MasterRecordId = null where Id = ?", (id_,))
        db.execute("delete from recycle_bin where root = ?1 or id = ?1", (id_,))


def destroy(store: Store, name: str, id_: str) -> None:
    """Removes a record and what goes with it, as if they had never been."""
    now = stamp(store.clock.now())
    with store.transaction():
        for child, child_id in list(_with(store, name, id_, "1")):
            _let_go(store, child, child_id, now)
            _drop(store, child, child_id)


def empty(store: Store) -> int:
    """Removes what has been in the bin for too long, and tells how much that was."""
    before = stamp(store.clock.now() - KEPT)
    with store.transaction() as db:
        sql = "select object, id from recycle_bin where at < ?"
        old = db.execute(sql, (before,)).fetchall()
        for name, id_ in old:
            _drop(store, name, id_)
    return len(old)


def _with(store: Store, name: str, id_: str, condition: str) -> Iterator[tuple[str, str]]:
    """A record and, level by level, all that goes with it."""
    yield name, id_
    for child, link in GOES_WITH.get(name, ()):
        if child not in store.objects() or link not in store.fields(child):
            continue
        index(store, child, link)
        sql = f"select Id from {quoted(child)} where {quoted(link)} = ? and {condition}"
        for (child_id,) in store.db.execute(sql, (id_,)).fetchall():
            yield from _with(store, child, child_id, condition)


def _loose(store: Store, name: str) -> Iterator[tuple[str, str]]:
    """The objects and fields that lead to a record, and are emptied when it is deleted."""
    for child, described in store.objects().items():
        for field in described.fields.values():
            own = child == name and field.name == "ParentId"
            if name in field.refers and (own or (field.custom and not field.formula)):
                yield child, field.name


def _let_go(store: Store, name: str, id_: str, now: str) -> None:
    """Empties what leads to a record, and remembers it for the day the record comes back."""
    for child, link in _loose(store, name):
        index(store, child, link)
        where = f"{quoted(link)} = ? and IsDeleted = 0"
        store.db.execute(
            "insert or replace into recycle_links"
            f" select Id, ?1, ?2, ?3 from {quoted(child)} where {quoted(link)} = ?3"
            " and IsDeleted = 0",
            (link, child, id_),
        )
        sql = f"update {quoted(child)} set {quoted(link)} = null, SystemModstamp = ? where {where}"
        store.db.execute(sql, (now, id_))


def _take_back(store: Store, id_: str, now: str) -> None:
    """Restores what led to a record, except where it leads elsewhere by now."""
    sql = "select object, link, id from recycle_links where parent = ?"
    for child, link, child_id in store.db.execute(sql, (id_,)).fetchall():
        if child in store.objects() and link in store.fields(child):
            store.db.execute(
                f"update {quoted(child)} set {quoted(link)} = ?, SystemModstamp = ?"
                f" where Id = ? and {quoted(link)} is null",
                (id_, now, child_id),
            )
    store.db.execute("delete from recycle_links where parent = ?", (id_,))


def index(store: Store, name: str, link: str) -> None:
    """Makes children quick to find; only when needed, for a world is filled faster without."""
    own = quoted(f"{name}:{link}")
    store.db.execute(f"create index if not exists {own} on {quoted(name)} ({quoted(link)})")


def _mark(store: Store, name: str, id_: str, now: str, user: str, *, deleted: bool) -> None:
    store.db.execute(
        f"update {quoted(name)} set IsDeleted = ?1, SystemModstamp = ?2, LastModifiedDate = ?2,"
        " LastModifiedById = ?3 where Id = ?4",
        (int(deleted), now, user, id_),
    )


def _drop(store: Store, name: str, id_: str) -> None:
    store.db.execute(f"delete from {quoted(name)} where Id = ?", (id_,))
    store.db.execute("delete from recycle_bin where id = ?1 or root = ?1", (id_,))
    store.db.execute("delete from recycle_links where id = ?1 or parent = ?1", (id_,))
