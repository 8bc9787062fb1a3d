"""Definitions of properties, and the groups that they stand in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from . import catalogue, definitions, portal
from .api import Answer, Call
from .asked import flag, inputs
from .catalogue import Body, body_of
from .errors import Refusal, invalid, not_found
from .kinds import Kind, kind_of
from .times import iso, now_ms

MOST, MOST_UNIQUE = 100, 10
_EXISTS = "Properties.PROPERTY_WITH_NAME_EXISTS"


def entries() -> tuple[tuple[str, str, Callable[[Call], Answer]], ...]:
    """The calls of this part; groups and batches come first: a property could be called so."""
    base = "/crm/{v}/properties/{type}"
    return (
        ("GET", f"{base}/groups", list_groups),
        ("POST", f"{base}/groups", create_group),
        ("GET", f"{base}/groups/{{name}}", get_group),
        ("PATCH", f"{base}/groups/{{name}}", change_group),
        ("DELETE", f"{base}/groups/{{name}}", archive_group),
        ("POST", f"{base}/batch/create", create_batch),
        ("POST", f"{base}/batch/read", read_batch),
        ("POST", f"{base}/batch/archive", archive_batch),
        ("GET", base, list_all),
        ("POST", base, create),
        ("GET", f"{base}/{{name}}", get),
        ("PATCH", f"{base}/{{name}}", change),
        ("DELETE", f"{base}/{{name}}", archive),
    )


def _kind(call: Call, *, write: bool = False) -> Kind:
    kind = kind_of(call.path["type"])
    scopes = kind.writes if write else kind.reads
    schemas = [each.replace(".objects.", ".schemas.") for each in scopes]
    call.need(*schemas, *(() if write and kind.core and kind.name != "tickets" else scopes))
    return kind


def list_all(call: Call) -> Answer:
    """Every definition; the newest version names no archived ones beside them."""
    found = catalogue.bodies(call.store, _kind(call), archived=flag(call, "archived"))
    return Answer({"results": found})


def get(call: Call) -> Answer:
    """One definition."""
    body = body_of(call.store, _kind(call), call.path["name"])
    if body is None or body["archived"] != flag(call, "archived"):
        raise _nothing(call.path["name"])
    return Answer(body)


def create(call: Call) -> Answer:
    """A new definition; the name of an archived one brings that one back as it was."""
    kind = _kind(call, write=True)
    return Answer(_made(call, kind, call.json()), 201)


def _made(call: Call, kind: Kind, given: Mapping[str, Any]) -> Body:
    there = body_of(call.store, kind, str(given.get("name", "")))
    if there is not None and not there["archived"]:
        raise _exists(there["name"])
    with call.store.transaction():
        if there is not None:
            # whatever the new definition says
            back = {key: each for key, each in there.items() if key != "archivedAt"}
            catalogue.keep(call.store, kind, {**back, "archived": False})
            return {**back, "archived": False}
        body = definitions.made(given, _groups(call, kind), iso(now_ms(call.store)))
        _room(call, kind, body)
        catalogue.keep(call.store, kind, body)
    return body


def _room(call: Call, kind: Kind, body: Body) -> None:
    """Refuses one property more than the account may have."""
    every = catalogue.bodies(call.store, kind)
    own = [each for each in every if not each.get("hubspotDefined")]
    if len(own) >= portal.portal(call.store).custom_properties:
        said = f"The limit of custom properties of {kind.name} is reached"
        raise Refusal("VALIDATION_ERROR", said, sub="Properties.LIMIT_REACHED")
    unique = sum(each["hasUniqueValue"] for each in own)
    if body["hasUniqueValue"] and unique >= MOST_UNIQUE:
        raise invalid(f"No more than {MOST_UNIQUE} properties of {kind.name} can be unique")


def change(call: Call) -> Answer:
    """A definition with changes; options that are left out of a list are gone."""
    kind = _kind(call, write=True)
    before = body_of(call.store, kind, call.path["name"])
    if before is None or before["archived"]:
        raise _nothing(call.path["name"])
    now = iso(now_ms(call.store))
    body = definitions.changed(before, call.json(), _groups(call, kind), now)
    with call.store.transaction():
        catalogue.keep(call.store, kind, body)
    return Answer(body)


def archive(call: Call) -> Answer:
    """Puts a definition away; its values stay, unseen."""
    kind = _kind(call, write=True)
    with call.store.transaction():
        _archive(call, kind, call.path["name"])
    return Answer(status=204)


def _archive(call: Call, kind: Kind, name: str) -> None:
    body = body_of(call.store, kind, name)
    if body is None or body["archived"]:
        raise _nothing(name)
    if not body["modificationMetadata"]["archivable"] or _in_use(call, kind, name):
        said = f"Property {name} cannot be archived: it is in use"
        raise Refusal("VALIDATION_ERROR", said, sub="Properties.PROPERTY_IN_USE")
    now = iso(now_ms(call.store))
    catalogue.keep(call.store, kind, {**body, "archived": True, "archivedAt": now})


def _in_use(call: Call, kind: Kind, name: str) -> bool:
    """Whether a segment filters by it."""
    sql = "select 1 from hs_lists where deleted is null and type = ? and branch like ? limit 1"
    return call.store.db.execute(sql, (kind.code, f'%"{name}"%')).fetchone() is not None


def create_batch(call: Call) -> Answer:
    """New definitions; what is there already is told beside those that were made."""
    kind, began = _kind(call, write=True), now_ms(call.store)
    results, errors = [], []
    for each in inputs(call, MOST):
        try:
            results.append(_made(call, kind, each))
        except Refusal as refusal:
            refusal.context = {**(refusal.context or {}), "name": [str(each.get("name", ""))]}
            errors.append(refusal.item())
    return _batch(call, began, results, errors, 201)


def read_batch(call: Call) -> Answer:
    """Definitions by name; names that there are not are told."""
    kind, began = _kind(call), now_ms(call.store)
    archived = bool(call.json().get("archived", False))
    results, errors = [], []
    for each in inputs(call, MOST):
        body = body_of(call.store, kind, str(each.get("name", "")))
        if body is not None and body["archived"] == archived:
            results.append(body)
        else:
            errors.append(_nothing(str(each.get("name", ""))).item())
    return _batch(call, began, results, errors, 200)


def archive_batch(call: Call) -> Answer:
    """Puts definitions away; one that cannot be, and none is."""
    kind = _kind(call, write=True)
    with call.store.transaction():
        for each in inputs(call, MOST):
            _archive(call, kind, str(each.get("name", "")))
    return Answer(status=204)


def _batch(call: Call, began: int, results: list[Body], errors: list[Body], status: int) -> Answer:
    body: Body = {"status": "COMPLETE", "results": results}
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    body |= {"startedAt": iso(began), "completedAt": iso(now_ms(call.store))}
    return Answer(body, 207 if errors else status)


def _exists(name: str, what: str = "property") -> Refusal:
    return Refusal(
        "OBJECT_ALREADY_EXISTS",
        f"A {what} named '{name}' already exists.",
        status=409,
        sub=_EXISTS if what == "property" else "Properties.PROPERTY_GROUP_WITH_NAME_EXISTS",
        context={"propertyName" if what == "property" else "groupName": [name]},
    )


def _nothing(name: str) -> Refusal:
    return Refusal(
        "OBJECT_NOT_FOUND",
        f'Property "{name}" does not exist',
        status=404,
        sub="Properties.PROPERTY_NOT_FOUND",
        context={"propertyName": [name]},
    )


# groups


def _groups(call: Call, kind: Kind) -> frozenset[str]:
    return frozenset(each["name"] for each in _group_bodies(call, kind))


def _group_bodies(call: Call, kind: Kind) -> list[Body]:
    sql = "select body from hs_groups where type = ? and archived = 0 order by name"
    return [orjson.loads(each) for (each,) in call.store.db.execute(sql, (kind.code,))]


def _group(call: Call, kind: Kind) -> Body:
    for each in _group_bodies(call, kind):
        if each["name"] == call.path["name"]:
            return each
    raise not_found(f"No property group named '{call.path['name']}'")


def _keep_group(call: Call, kind: Kind, body: Body) -> None:
    packed = orjson.dumps(body).decode()
    row = (kind.code, body["name"], int(body["archived"]), packed)
    with call.store.transaction() as db:
        db.execute("insert or replace into hs_groups values (?, ?, ?, ?)", row)


def list_groups(call: Call) -> Answer:
    """Every group."""
    return Answer({"results": _group_bodies(call, _kind(call))})


def get_group(call: Call) -> Answer:
    """One group."""
    return Answer(_group(call, _kind(call)))


def create_group(call: Call) -> Answer:
    """A new group."""
    kind, given = _kind(call, write=True), call.json()
    name, label = given.get("name"), given.get("label")
    if not isinstance(name, str) or not isinstance(label, str) or not name or not label:
        raise invalid("Invalid input JSON: a group has a name and a label")
    if not definitions.NAME.fullmatch(name):
        raise definitions.refused("INVALID_NAME", f"{name!r} is not a valid name", name)
    if name in _groups(call, kind):
        raise _exists(name, "property group")
    body = catalogue.group_body(name, label, int(given.get("displayOrder", -1)))
    _keep_group(call, kind, body)
    return Answer(body, 201)


def change_group(call: Call) -> Answer:
    """Another label or another place."""
    kind, given = _kind(call, write=True), call.json()
    body = _group(call, kind)
    body |= {each: given[each] for each in ("label", "displayOrder") if each in given}
    _keep_group(call, kind, body)
    return Answer(body)


def archive_group(call: Call) -> Answer:
    """Puts a group away; one with properties in it stays."""
    kind = _kind(call, write=True)
    body = _group(call, kind)
    held = [each["name"] for each in catalogue.bodies(call.store, kind)
            if each["groupName"] == body["name"]]  # fmt: skip
    if held:
        raise invalid(f"Group {body['name']} has properties: {', '.join(held[:5])}")
    _keep_group(call, kind, {**body, "archived": True})
    return Answer(status=204)
