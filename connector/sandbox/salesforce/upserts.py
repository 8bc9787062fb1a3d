"""Records found, changed or added by an external id."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..store import Field, Object
from . import conditions, query
from .api import Answer, Call
from .describe import named
from .errors import Refusal, not_found
from .records import batch_of, type_of
from .soql_sql import compile_fields
from .writes import Writer, each_row, key_field, matching


def read_one(call: Call) -> Answer:
    """The record with this external id; 300 if several have it."""
    target, key = _asked(call)
    match matching(call.store, target, key, call.path["value"]):
        case []:
            raise not_found()
        case [one]:
            asked = [each for each in call.query.get("fields", "").split(",") if each]
            fields = asked or list(call.access.fields(target.name))
            compiled = compile_fields(
                list(dict.fromkeys(["Id", *fields])), target.name, call.store, call.access
            )
            return Answer(query.read(compiled, [one], call.store, call.base)[0])
        case several:
            return _several(call, target, several)


def upsert_one(call: Call) -> Answer:
    """200 for a record that was there, 201 for a new one, 300 if several have the key."""
    target, key = _asked(call)
    values = call.json()
    if any(each.lower() in (key.name.lower(), "id") for each in values):
        said = f"The {key.name} field should not be specified in the sobject data."
        raise Refusal("INVALID_FIELD", said, fields=[key.name])
    found = matching(call.store, target, key, call.path["value"])
    if len(found) > 1:
        return _several(call, target, found)
    if not found and (key.type == "id" or call.query.get("updateOnly") == "true"):
        raise not_found()
    writer = Writer(call.store, call.access, call.user)
    with call.store.transaction():
        if found:
            conditions.check_write(call, target.name, found[0])
        id_ = writer.upsert(target.name, key.name, {**values, key.name: call.path["value"]})
    made = id_ in writer.made
    body = {"id": id_, "success": True, "errors": [], "created": made}
    location = (("Location", f"{call.base}/sobjects/{target.name}/{id_}"),) if made else ()
    return Answer(body, 201 if made else 200, location)


def delete_one(call: Call) -> Answer:
    """The record with this external id into the bin."""
    target, key = _asked(call)
    found = matching(call.store, target, key, call.path["value"])
    if not found:
        raise not_found()
    if len(found) > 1:
        return _several(call, target, found)
    with call.store.transaction():
        Writer(call.store, call.access, call.user).delete(target.name, found[0])
    return Answer(status=204)


def upsert_many(call: Call) -> Answer:
    """Up to 200 records of one object, by one key."""
    target = named(call)
    key = key_field(call.access, target, call.path["field"])
    records, all_or_none = batch_of(call)
    if wrong := {type_of(each) for each in records} - {target.name}:
        said = f"The records must be of type {target.name}, not {', '.join(sorted(wrong))}"
        raise Refusal("INVALID_TYPE", said)
    writer = Writer(call.store, call.access, call.user)
    rows = [partial(writer.upsert, target.name, key.name, each) for each in records]
    results = each_row(call.store, rows, all_or_none=all_or_none)
    return Answer([_with_origin(each, writer) for each in results])


def _with_origin(result: dict[str, Any], writer: Writer) -> dict[str, Any]:
    if not result["success"]:
        return result
    return {**result, "created": result["id"] in writer.made}


def _asked(call: Call) -> tuple[Object, Field]:
    target = named(call)
    return target, key_field(call.access, target, call.path["field"])


def _several(call: Call, target: Object, ids: list[str]) -> Answer:
    return Answer([f"{call.base}/sobjects/{target.name}/{each}" for each in ids], 300)
