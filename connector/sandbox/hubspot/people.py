"""What people do in HubSpot while nobody syncs: edit, archive, restore, merge, and the like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..store import Store
from . import catalogue, links, merges, outside, portal, records, seed
from .errors import Refusal
from .kinds import Kind, kind_of
from .records import PERSON, Row
from .values import taken

DOINGS = ("create", "edit", "edit-all", "compute", "archive", "restore", "delete", "merge",
          "associate")  # fmt: skip


def act(store: Store, wanted: Mapping[str, Any]) -> str:
    """Does one thing as a person and tells the id of the record it was done to."""
    seed.ensure(store)
    try:
        with store.transaction():
            return str(_act(store, _kind(wanted.get("object")), wanted))
    except Refusal as refusal:
        raise ValueError(refusal.message) from None


def _act(store: Store, kind: Kind, wanted: Mapping[str, Any]) -> int:
    values = wanted.get("values") or {}
    match wanted.get("do"):
        case "create":
            (id_,) = records.create(store, kind, [_taken(store, kind, values)], PERSON)
            return id_
        case "edit-all":
            return _edit_all(store, kind, _taken(store, kind, values))
        case "restore":
            return _restore(store, kind, wanted.get("id"))
    row = _row(store, kind, wanted.get("id"))
    match wanted.get("do"):
        case "edit":
            records.update(store, kind, [(row, _taken(store, kind, values))], PERSON)
        case "compute":
            _compute(store, kind, row, values)
        case "archive" | "delete":
            records.archive(store, kind, [row.id])
        case "merge":
            return merges.merge(store, kind, _row(store, kind, wanted.get("into")).id, row.id,
                                PERSON).id  # fmt: skip
        case "associate":
            _associate(store, kind, row, wanted)
        case other:
            raise ValueError(f"people {', '.join(DOINGS)}, not {other!r}")
    return row.id


def values(store: Store, spelled: str, asked: str) -> dict[str, dict[str, Any]]:
    """What the records that are not archived hold now, every value as text."""
    seed.ensure(store)
    kind = _kind(spelled)
    known = catalogue.known(store, kind)
    names = [each for each in asked.split(",") if each] or list(known)
    if unknown := [each for each in names if each not in known]:
        raise ValueError(f"{kind.name} has no property {', '.join(unknown)}")
    rows = records.page(store, kind, 0, -1, archived=False)
    held = ((each.id, each.values) for each in rows)
    return {str(id_): {name: found.get(name) for name in names} for id_, found in held}


def _kind(spelled: object) -> Kind:
    try:
        return kind_of(str(spelled))
    except Refusal:
        raise ValueError(f"there is no object {spelled!r}") from None


def _row(store: Store, kind: Kind, id_: object, *, archived: bool = False) -> Row:
    if str(id_).isdigit():
        found = records.fetch(store, kind, [int(str(id_))], archived=archived)
        if found:
            return found[int(str(id_))]
    raise ValueError(f"there is no {kind.single} with the id {id_!r}")


def _taken(store: Store, kind: Kind, given: Mapping[str, Any]) -> dict[str, str]:
    number = portal.portal(store).id
    options = outside.values(store, kind, given)
    return taken(catalogue.known(store, kind), given, kind, number, options)


def _edit_all(store: Store, kind: Kind, given: Mapping[str, str]) -> int:
    """A bulk edit: every record is stamped with one moment, however many there are."""
    rows = records.page(store, kind, 0, -1, archived=False)
    records.update(store, kind, [(each, given) for each in rows], PERSON)
    return len(rows)


def _compute(store: Store, kind: Kind, row: Row, given: Mapping[str, Any]) -> None:
    """HubSpot works out a value anew: the record is no newer for it."""
    known = catalogue.known(store, kind)
    if strange := [each for each in given if each not in known]:
        raise ValueError(f"{kind.name} has no property {', '.join(strange)}")
    texts = {name: str(value) for name, value in given.items()}
    records.update(store, kind, [(row, texts)], PERSON, moves=False)


def _restore(store: Store, kind: Kind, id_: object) -> int:
    row = _row(store, kind, id_, archived=True)
    records.archive(store, kind, [row.id], back=True)
    return row.id


def _associate(store: Store, kind: Kind, row: Row, wanted: Mapping[str, Any]) -> None:
    """Associates with another record; `primary` makes it the one that counts."""
    far = _kind(wanted.get("with"))
    other = _row(store, far, wanted.get("other"))
    type_ = links.primary(kind, far) if wanted.get("primary") else links.default(kind, far)
    if type_ is None:
        raise ValueError(f"{kind.name} and {far.name} cannot be associated like that")
    links.add(store, kind, row.id, far, other.id, type_)
