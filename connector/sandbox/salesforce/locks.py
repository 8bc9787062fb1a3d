"""Rows that somebody else holds: lock contention that passes, approvals that stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..ids import is_id, long_id
from ..store import Object, Store, quoted
from .automations import chunk_size
from .errors import Refusal

UNABLE, APPROVAL = "UNABLE_TO_LOCK_ROW", "ENTITY_IS_LOCKED"
SAID = {
    UNABLE: "unable to obtain exclusive access to this record or 1 records: {id}",
    APPROVAL: "the entity is locked for editing",
}
PARENTS = ("ParentId", "AccountId")


@dataclass(slots=True)
class Lock:
    """Holds rows, and the rows below their parents, so many times each; None is for ever.

    With `chunk_above` the rows are free for transactions that are no larger than that.
    """

    object: str
    ids: frozenset[str]
    parents: frozenset[str]
    code: str
    times: int | None
    chunk_above: int
    met: Counter[str] = field(default_factory=Counter)

    def holds(self, id_: str, above: frozenset[str]) -> bool:
        """Whether this row is held now; counts that it was."""
        if not (id_ in self.ids or above & self.parents) or chunk_size() <= self.chunk_above:
            return False
        self.met[id_] += 1
        return self.times is None or self.met[id_] <= self.times


def add(store: Store, wanted: Mapping[str, Any]) -> int:
    """Adds a lock and tells how many there are."""
    name, code = str(wanted["object"]), str(wanted.get("code", UNABLE))
    if name not in store.objects():
        raise ValueError(f"there is no object {name}")
    if code not in SAID:
        raise ValueError(f"a lock's code is {' or '.join(SAID)}, not {code}")
    ids, parents = (_ids(wanted.get(each) or []) for each in ("ids", "parents"))
    if not ids and not parents:
        raise ValueError("a lock needs ids or parents")
    times = wanted.get("times", None if code == APPROVAL else 1)
    lock = Lock(
        name,
        ids,
        parents,
        code,
        None if times is None else int(times),
        int(wanted.get("chunk_above", 0)),
    )
    _locks(store).append(lock)
    return len(_locks(store))


def clear(store: Store) -> None:
    """Releases every row."""
    _locks(store).clear()


def check(store: Store, target: Object, id_: str, columns: Mapping[str, Any]) -> None:
    """Refuses to touch a row that is held, or one below a parent that is."""
    for lock in _locks(store):
        if lock.object != target.name:
            continue
        above = _above(store, target, id_, columns) if lock.parents else frozenset()
        if lock.holds(id_, above):
            raise Refusal(lock.code, SAID[lock.code].format(id=id_), fields=[])


def _locks(store: Store) -> list[Lock]:
    found: list[Lock] = store.passing.setdefault("locks", [])
    return found


def _ids(given: list[str]) -> frozenset[str]:
    if wrong := [each for each in given if not is_id(each)]:
        raise ValueError(f"{wrong[0]!r} is not an id")
    return frozenset(map(long_id, given))


def _above(store: Store, target: Object, id_: str, columns: Mapping[str, Any]) -> frozenset[str]:
    """The parents a row has and, if it moves, those it will have."""
    links = [each for each in PARENTS if each in target.fields]
    if not links:
        return frozenset()
    sql = f"select {', '.join(map(quoted, links))} from {quoted(target.name)} where Id = ?"
    before = store.db.execute(sql, (id_,)).fetchone() or ()
    after = [columns[each] for each in links if each in columns]
    return frozenset(each for each in (*before, *after) if each)
