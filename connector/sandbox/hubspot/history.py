"""What properties held before: who wrote what, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from ..store import Store
from .kinds import Kind
from .records import Row
from .times import iso


def told(
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
