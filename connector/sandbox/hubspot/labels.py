"""The types of associations between two kinds of record, and labels that a company adds to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import links
from .api import Answer, Call
from .associations import sides
from .errors import invalid, not_found
from .kinds import Kind

FIRST_OWN = 201


def entries() -> tuple[tuple[str, str, Callable[[Call], Answer]], ...]:
    """The calls of this part."""
    base = "/crm/{v4}/associations/{from}/{to}/labels"
    return (
        ("GET", base, list_all),
        ("POST", base, create),
        ("PUT", base, change),
        ("DELETE", f"{base}/{{type_id}}", delete),
    )


def list_all(call: Call) -> Answer:
    """Every type from one side to the other; two kinds that do not go together have none."""
    near, far = sides(call)
    found = links.types(call.store, near, far).values()
    return Answer({"results": [_told(each) for each in sorted(found, key=lambda each: each.id)]})


def create(call: Call) -> Answer:
    """A new label, in both directions."""
    near, far = sides(call, write=True)
    given = call.json()
    name, label = given.get("name"), given.get("label")
    if not isinstance(name, str) or not isinstance(label, str):
        raise invalid("Invalid input JSON: a label has a name and a label")
    if links.default(near, far) is None:
        raise invalid(f"{near.name} and {far.name} cannot be associated")
    known = links.types(call.store, near, far)
    if any(each.label == label for each in known.values()):
        raise invalid(f"A label {label} exists already")
    with call.store.transaction() as db:
        (last,) = db.execute(
            "select ifnull(max(type_id), ?) from hs_labels", (FIRST_OWN,)
        ).fetchone()
        there, back = last + 1, last + 2
        inverse = str(given.get("inverseLabel") or label)
        sql = "insert into hs_labels values (?, ?, ?, ?, ?, ?)"
        db.execute(sql, (there, near.code, far.code, name, label, back))
        db.execute(sql, (back, far.code, near.code, name, inverse, there))
    ways = ((near, far, there), (far, near, back))
    return Answer({"results": [_told(_own(call, one, other, id_)) for one, other, id_ in ways]})


def change(call: Call) -> Answer:
    """Another word for a label of one's own."""
    near, far = sides(call, write=True)
    given = call.json()
    found = _own(call, near, far, int(given.get("associationTypeId") or 0))
    with call.store.transaction() as db:
        sql = "update hs_labels set label = ? where type_id = ?"
        db.execute(sql, (str(given.get("label") or found.label), found.id))
        if "inverseLabel" in given:
            db.execute(sql, (str(given["inverseLabel"]), found.inverse))
    return Answer(status=204)


def delete(call: Call) -> Answer:
    """Takes a label of one's own away, and with it from every association."""
    near, far = sides(call, write=True)
    text = call.path["type_id"]
    found = _own(call, near, far, int(text) if text.isdigit() else 0)
    with call.store.transaction() as db:
        for id_ in (found.id, found.inverse):
            db.execute("delete from hs_labels where type_id = ?", (id_,))
            sql = "delete from hs_associations where category = ? and type_id = ?"
            db.execute(sql, (links.OWN, id_))
    return Answer(status=204)


def _own(call: Call, near: Kind, far: Kind, type_id: int) -> links.Type:
    found = links.types(call.store, near, far).get((links.OWN, type_id))
    if found is None:
        raise not_found("No such label")
    return found


def _told(type_: links.Type) -> dict[str, Any]:
    category = links.CATEGORIES[type_.category]
    return {"category": category, "typeId": type_.id, "label": type_.label}
