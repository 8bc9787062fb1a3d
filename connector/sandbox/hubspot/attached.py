"""Associations inside other answers, and those that come and go with what records hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..store import Store
from . import links, records
from .api import Call
from .errors import Refusal, invalid
from .kinds import ACTIVITIES, BY_NAME, Kind
from .pairs import id_of, there, types_of, wrong_with
from .records import Row

INLINE = 100
Body = dict[str, Any]


def inline(call: Call, near: Kind, rows: Sequence[Row], results: Sequence[Body], far: Kind) -> None:
    """Adds associations to records of an answer: ids only, so many of each, one per type."""
    found = there(call.store, far, links.between(call.store, near, [r.id for r in rows], far))
    types = links.types(call.store, near, far)
    for row, result in zip(rows, results, strict=True):
        others = found.get(row.id)
        if not others:
            continue
        ids = sorted(others)
        listed = [
            {"id": str(each), "type": types[pair].name}
            for each in ids[:INLINE]
            for pair in sorted(others[each])
            if pair in types
        ]
        part: Body = {"results": listed}
        if len(ids) > INLINE:
            after = ids[INLINE]
            link = f"{call.base}/crm/v4/objects/{near.name}/{row.id}/associations/{far.name}"
            part["paging"] = {"next": {"after": str(after), "link": f"{link}?after={after}"}}
        result.setdefault("associations", {})[far.name] = part


def of_new(
    call: Call, kind: Kind, id_: int, values: Mapping[str, str], given: Sequence[Any]
) -> None:
    """Associates a new record with what came with it."""
    for each in given:
        other = id_of(each.get("to"))
        far = _far_of(call.store, kind, each.get("types") or ())
        if said := wrong_with(call.store, kind, far, (id_, other)):
            raise Refusal("VALIDATION_ERROR", said)
        for type_ in types_of(call.store, kind, far, each["types"]):
            links.add(call.store, kind, id_, far, other, type_)
        _touch(call.store, kind, values, far, other)
    follow(call.store, kind, id_, values)


def _far_of(store: Store, near: Kind, types: Sequence[Any]) -> Kind:
    for far in BY_NAME.values():
        known = links.types(store, near, far)
        if types and all(
            any(type_id == each.get("associationTypeId") for _, type_id in known) for each in types
        ):
            return far
    raise invalid("The association types do not exist, or lead to different objects")


def _touch(store: Store, kind: Kind, values: Mapping[str, str], far: Kind, other: int) -> None:
    """An activity moves what it is about: its date is a property there, calculated."""
    if kind.name not in ACTIVITIES or kind.name == "tasks" or not far.core:
        return
    row = records.fetch(store, far, [other])[other]
    at, before = values.get("hs_timestamp", ""), row.values.get("notes_last_updated", "")
    new = {"notes_last_updated": max(at, before)}
    if kind.name != "notes":
        new["notes_last_contacted"] = max(at, row.values.get("notes_last_contacted", ""))
    records.update(store, far, [(row, new)], records.PERSON)


def follow(store: Store, kind: Kind, id_: int, values: Mapping[str, str]) -> None:
    """A contact whose primary company was written as a property is associated with it."""
    company = values.get("associatedcompanyid", "")
    if kind.name != "contacts" or not company.isdigit():
        return
    far = BY_NAME["companies"]
    type_ = links.primary(kind, far)
    if type_ and records.fetch(store, far, [int(company)]):
        links.add(store, kind, id_, far, int(company), type_)
