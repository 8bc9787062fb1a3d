"""Where lists are kept, and who belongs to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from ..store import Store
from . import list_filters, records
from .auth import USER
from .errors import Refusal, invalid
from .kinds import BY_CODE, Kind
from .times import iso, now_ms

SCHEMA = """
create table if not exists hs_lists (
    id integer primary key, type integer not null, name text not null, processing text not null,
    branch text, created integer not null, updated integer not null,
    filters_updated integer not null, deleted integer, version integer not null default 1
);
create table if not exists hs_members (
    list integer not null, record integer not null, at integer not null,
    primary key (list, record)
) without rowid;
"""
CHUNK = 5_000
READ, WRITE = ("crm.lists.read", "crm.lists.write"), ("crm.lists.write",)
COLUMNS = "id, type, name, processing, branch, created, updated, filters_updated, deleted, version"


@dataclass(frozen=True, slots=True)
class List:
    """One list as it is kept."""

    id: int
    kind: Kind
    name: str
    processing: str
    branch: Any
    created: int
    updated: int
    filters_updated: int
    deleted: int | None
    version: int


def prepare(store: Store) -> None:
    """Makes the tables, if they are not there."""
    store.db.executescript(SCHEMA)


def members(store: Store, wanted: List) -> Iterator[tuple[int, int]]:
    """The ids of the records of a list, ascending, and since when they belong to it."""
    if wanted.processing != "DYNAMIC":
        yield from store.db.execute(
            "select m.record, m.at from hs_members m join hs_records r"
            " on r.type = ? and r.id = m.record and r.archived = 0 where list = ? order by 1",
            (wanted.kind.code, wanted.id),
        ).fetchall()
        return
    for row in matching(store, wanted.kind, wanted.branch):
        yield row.id, max(row.updated, wanted.filters_updated)


def list_of(store: Store, id_: int, *, deleted: bool = False) -> List:
    """A list by its id."""
    rows = lists(store, "id = ?", id_)
    if not rows or (rows[0].deleted is not None) is not deleted:
        raise missing(str(id_))
    return rows[0]


def lists(store: Store, where: str, *values: Any) -> list[List]:
    """The lists that a condition of SQL leaves."""
    rows = store.db.execute(
        f"select {COLUMNS} from hs_lists where {where} order by id", values
    ).fetchall()
    return [
        List(id_, BY_CODE[code], name, how, orjson.loads(branch or b"null"), *rest)
        for id_, code, name, how, branch, *rest in rows
    ]


def matching(store: Store, kind: Kind, branch: Any) -> Iterator[records.Row]:
    """The records that pass the filters."""
    test, after = list_filters.compiled(store, kind, branch), 0
    while page := records.page(store, kind, after, CHUNK, archived=False):
        yield from (row for row in page if test(row.values))
        after = page[-1].id + 1


def add(store: Store, list_: int, ids: Iterable[int]) -> None:
    """Puts records into a list, now."""
    now = now_ms(store)
    store.db.executemany(
        "insert or ignore into hs_members values (?, ?, ?)", [(list_, each, now) for each in ids]
    )


def there(store: Store, kind: Kind, ids: Iterable[int]) -> set[int]:
    """Those of the ids that records have."""
    wanted = list(ids)
    parts = (wanted[n : n + CHUNK] for n in range(0, len(wanted), CHUNK))
    return {id_ for part in parts for id_ in records.fetch(store, kind, part)}


def told(store: Store, each: List, *, filters: bool, sized: bool = False) -> dict[str, Any]:
    """A list as answers tell it; only that of several lists has their sizes."""
    return {
        "listId": str(each.id),
        "listVersion": each.version,
        "createdAt": iso(each.created),
        "updatedAt": iso(each.updated),
        "filtersUpdatedAt": iso(each.filters_updated),
        "processingStatus": "COMPLETE",
        "createdById": str(USER),
        "updatedById": str(USER),
        "processingType": each.processing,
        "objectTypeId": each.kind.id,
        "name": each.name,
        **({"size": size(store, each)} if sized else {}),
        **({"filterBranch": each.branch} if filters and each.branch else {}),
        "listPermissions": {"teamsWithEditAccess": [], "usersWithEditAccess": []},
        "membershipSettings": {"membershipTeamId": None, "includeUnassigned": None},
    }


def size(store: Store, each: List) -> int:
    """How many records belong to a list."""
    return sum(1 for _ in members(store, each))


def missing(id_: str) -> Refusal:
    """The answer to an id that no list has."""
    return Refusal(
        "OBJECT_NOT_FOUND",
        f"List does not exist with ID {id_}.",
        status=404,
        sub="ListError.LIST_ID_DOES_NOT_EXIST",
        context={"listId": [id_]},
    )


def within(value: Any, most: int) -> int:
    """A number of things to a page; refuses one that is out of bounds."""
    try:
        count = int(value)
    except (TypeError, ValueError):
        count = 0
    if not 1 <= count <= most:
        raise invalid(f"limit must be between 1 and {most}")
    return count


def packed(branch: Any) -> str | None:
    """Filters as they are kept."""
    return None if branch is None else orjson.dumps(branch).decode()
