"""The bin: what is deleted with a record comes back with it, until it is gone for good."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ..clock import stamp
from ..store import Store, quoted

SCHEMA = """
create table if not exists recycle_bin (
    id text primary key, object text not null, root text not null, at text not null
) without rowid;
create index if not exists recycle_bin_by_root on recycle_bin (root);
create index if not exists recycle_bin_by_time on recycle_bin (at);
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
}


def put(store: Store, name: str, id_: str, user: str) -> None:
    """Deletes a record and what goes with it; all of it can come back."""
    now = stamp(store.clock.now())
    with store.transaction():
        for child, child_id in list(_with(store, name, id_, "IsDeleted = 0")):
            _mark(store, child, child_id, now, user, deleted=True)
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
        if "MasterRecordId" in store.fields(name):
            db.execute(f"update {quoted(name)} set MasterRecordId = null where Id = ?", (id_,))
        db.execute("delete from recycle_bin where root = ?1 or id = ?1", (id_,))


def destroy(store: Store, name: str, id_: str) -> None:
    """Removes a record and what goes with it, as if they had never been."""
    with store.transaction():
        for child, child_id in list(_with(store, name, id_, "1")):
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
