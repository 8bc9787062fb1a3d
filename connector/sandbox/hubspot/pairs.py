"""Two records that belong together: whether they are there, and by which types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..store import Store
from . import links, records
from .errors import invalid
from .kinds import Kind


def there(
    store: Store, far: Kind, found: dict[int, dict[int, list[tuple[int, int]]]]
) -> dict[int, dict[int, list[tuple[int, int]]]]:
    """Without what leads to a record that was put away."""
    ids = {other for others in found.values() for other in others}
    if not store.db.execute(
        "select 1 from hs_records where type = ? and archived = 1 limit 1", (far.code,)
    ).fetchone():
        return found
    rows = store.db.execute(
        "select id from hs_records where type = ? and archived = 1", (far.code,)
    )
    gone = ids.intersection(each for (each,) in rows)
    if not gone:
        return found
    return {
        one: {other: pairs for other, pairs in others.items() if other not in gone}
        for one, others in found.items()
    }


def types_of(store: Store, near: Kind, far: Kind, given: Iterable[Any]) -> list[links.Type]:
    """The types that were named; refuses one that there is not."""
    known, found = links.types(store, near, far), []
    for each in given:
        category, type_id = each.get("associationCategory"), each.get("associationTypeId")
        if category not in links.CATEGORIES:
            raise invalid(f"Invalid association category: {category}")
        type_ = known.get((links.CATEGORIES.index(category), int(type_id or 0)))
        if type_ is None:
            said = (
                f"{category} association type {type_id} is not valid between {near.id} and {far.id}"
            )
            raise invalid(said)
        found.append(type_)
    if not found:
        raise invalid("At least one association type must be specified")
    return found


def wrong_with(store: Store, near: Kind, far: Kind, pair: tuple[int, int]) -> str:
    """What is wrong with a pair, if it is not two records that are there."""
    for kind, id_ in ((near, pair[0]), (far, pair[1])):
        if not records.fetch(store, kind, [id_]):
            return f"{kind.single.upper()}={id_} is not valid"
    return ""


def id_of(given: Any) -> int:
    """The id in `{"id": …}`, 0 for what is none."""
    text = str((given or {}).get("id", ""))
    return int(text) if text.isdigit() and len(text) < 19 else 0


def number_of(text: str) -> int:
    """An id as a number, 0 for what is none."""
    return int(text) if text.isdigit() and len(text) < 19 else 0
