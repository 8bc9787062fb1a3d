"""The archive: old activities leave the sight of plain queries, and keep their stamps."""

from __future__ import annotations

from datetime import timedelta

from ..clock import stamp
from ..store import Store, quoted

AGE = timedelta(days=365)
#: What is old enough, by object: a closed task, an event that is over.
OLD = {
    "Task": ("IsClosed = 1 and ActivityDate < ?", ("IsClosed", "ActivityDate")),
    "Event": ("EndDateTime < ?", ("EndDateTime",)),
}


def sweep(store: Store) -> int:
    """Archives what has become old enough, as a nightly job would; tells how much."""
    before, total = stamp(store.clock.now() - AGE), 0
    for name, (condition, needed) in OLD.items():
        if name not in store.objects() or not {"IsArchived", *needed} <= set(store.fields(name)):
            continue
        with store.transaction() as db:
            limit = before[:10] if name == "Task" else before
            sql = f"update {quoted(name)} set IsArchived = 1 where IsArchived = 0 and {condition}"
            total += db.execute(sql, (limit,)).rowcount
    return total


def put(store: Store, name: str, id_: str) -> None:
    """Archives one activity."""
    if "IsArchived" not in store.fields(name):
        raise ValueError(f"records of {name} cannot be archived")
    store.db.execute(f"update {quoted(name)} set IsArchived = 1 where Id = ?", (id_,))
