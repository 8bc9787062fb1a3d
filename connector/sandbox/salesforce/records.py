"""Records one by one, and up to two hundred at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC
from email.utils import format_datetime
from functools import partial
from typing import Any

import orjson

from ..ids import is_id, long_id
from ..store import Object, quoted
from . import conditions, query
from .api import Answer, Call
from .describe import named
from .errors import Refusal, not_found
from .soql_sql import compile_fields
from .writes import Writer, each_row

MOST_ROWS, MOST_READ, MOST_RUNS = 200, 2_000, 10
NO_ACCESS = "Provided external ID field does not exist or is not accessible: "


# one record


def read_one(call: Call) -> Answer:
    """All fields of a record, or those asked for."""
    target, id_ = _present(call)
    saved = conditions.last_modified(call, target.name, id_).astimezone(UTC)
    moment = ("Last-Modified", format_datetime(saved, usegmt=True))
    headers = (moment, *conditions.headers(call, target.name, id_))
    if conditions.unchanged(call, target.name, id_):
        return Answer(status=304, headers=headers)
    asked = [each for each in call.query.get("fields", "").split(",") if each]
    others = [each for each in dict.fromkeys(asked) if each.lower() != "id"]
    fields = ["Id", *others] if asked else list(call.access.fields(target.name))
    (record,) = _values(call, target, fields, [id_])
    return Answer(record, headers=headers)


def create_one(call: Call) -> Answer:
    """A new record."""
    target = named(call)
    with call.store.transaction():
        id_ = _writer(call).create(target.name, call.json())
    location = (("Location", f"{call.base}/sobjects/{target.name}/{id_}"),)
    return Answer({"id": id_, "success": True, "errors": []}, 201, location)


def update_one(call: Call) -> Answer:
    """New values for some fields of a record."""
    target, id_ = _present(call)
    values = call.json()
    if any(each.lower() == "id" for each in values):
        said = "The Id field should not be specified in the sobject data."
        raise Refusal("INVALID_FIELD", said, fields=["Id"])
    conditions.check_write(call, target.name, id_)
    with call.store.transaction():
        _writer(call).update(target.name, id_, values)
    return Answer(status=204, headers=conditions.headers(call, target.name, id_))


def delete_one(call: Call) -> Answer:
    """A record into the bin."""
    target, id_ = _present(call)
    with call.store.transaction():
        _writer(call).delete(target.name, id_)
    return Answer(status=204)


def _present(call: Call) -> tuple[Object, str]:
    target, id_ = named(call), call.path["id"]
    if not is_id(id_) or not id_.startswith(target.prefix):
        raise not_found(NO_ACCESS + id_)
    sql = f"select IsDeleted from {quoted(target.name)} where Id = ?"
    row = call.store.db.execute(sql, (long_id(id_),)).fetchone()
    if row is None:
        raise not_found()
    if row[0]:
        raise Refusal("ENTITY_IS_DELETED", "entity is deleted", status=404, fields=[])
    return target, long_id(id_)


def _writer(call: Call) -> Writer:
    return Writer(call.store, call.access, call.user)


def _values(
    call: Call, target: Object, fields: Sequence[str], ids: Sequence[str]
) -> list[dict[str, Any]]:
    compiled = compile_fields(fields, target.name, call.store, call.access)
    return query.read(compiled, ids, call.store, call.base)


# many records


def create_many(call: Call) -> Answer:
    """New records, up to 200."""
    records, all_or_none = batch_of(call)
    writer = _writer(call)
    rows = [partial(_create, writer, each) for each in records]
    return Answer(each_row(call.store, rows, all_or_none=all_or_none))


def update_many(call: Call) -> Answer:
    """New values for up to 200 records."""
    records, all_or_none = batch_of(call)
    writer = _writer(call)
    rows = [partial(_update, writer, each) for each in records]
    return Answer(each_row(call.store, rows, all_or_none=all_or_none))


def delete_many(call: Call) -> Answer:
    """Up to 200 records into the bin."""
    ids = [each.strip() for each in call.query.get("ids", "").split(",") if each.strip()]
    if not ids:
        raise Refusal("MISSING_ARGUMENT", "Required parameter is missing: ids")
    _not_too_many(len(ids), MOST_ROWS)
    writer = _writer(call)
    rows: list[Callable[[], str]] = [partial(_delete, writer, each) for each in ids]
    all_or_none = call.query.get("allOrNone", "false").lower() == "true"
    return Answer(each_row(call.store, rows, all_or_none=all_or_none))


def _create(writer: Writer, record: dict[str, Any]) -> str:
    if any(each.lower() == "id" for each in record):
        raise Refusal(
            "INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", fields=["Id"]
        )
    return writer.create(type_of(record), record)


def _update(writer: Writer, record: dict[str, Any]) -> str:
    id_ = next((value for key, value in record.items() if key.lower() == "id"), None)
    return writer.update(type_of(record), id_, record)


def _delete(writer: Writer, id_: str) -> str:
    for name, target in writer.access.catalogue.items():
        if id_.startswith(target.prefix):
            return writer.delete(name, id_)
    raise Refusal("MALFORMED_ID", f"malformed id {id_}", fields=["Id"])


def batch_of(call: Call) -> tuple[list[dict[str, Any]], bool]:
    """The records of a request, and whether it is all of them or none."""
    body = call.json()
    records, all_or_none = body.get("records"), body.get("allOrNone", False)
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        raise Refusal("JSON_PARSER_ERROR", "records must be a list of sObjects")
    if not isinstance(all_or_none, bool):
        raise Refusal("JSON_PARSER_ERROR", "allOrNone must be true or false")
    _not_too_many(len(records), MOST_ROWS)
    types = [type_of(each) for each in records]
    runs = sum(1 for one, other in zip([None, *types], types, strict=False) if one != other)
    if runs > MOST_RUNS:
        raise Refusal(
            "LIMIT_EXCEEDED",
            "Cannot have more than 10 chunks in a single operation. Please rearrange the data to"
            " reduce chunking.",
        )
    return records, all_or_none


def type_of(record: dict[str, Any]) -> str:
    """The object a record says it is of."""
    attributes = record.get("attributes")
    name = attributes.get("type") if isinstance(attributes, dict) else None
    if not isinstance(name, str):
        raise Refusal("INVALID_TYPE", "Type is missing: every record needs attributes.type")
    return name


def _not_too_many(count: int, most: int) -> None:
    if count > most:
        said = f"record limit reached. cannot submit more than {most} records into this call"
        raise Refusal("EXCEEDED_ID_LIMIT", said)


def read_many(call: Call) -> Answer:
    """Records by id, in the order of the ids; null for one that is not there."""
    target = named(call)
    ids, fields = _asked(call)
    _not_too_many(len(ids), MOST_READ)
    wanted = [long_id(each) for each in ids]
    sql = f"select Id from {quoted(target.name)} where IsDeleted = 0 and Id in"
    sql += " (select value from json_each(?))"
    rows = call.store.db.execute(sql, (orjson.dumps(wanted).decode(),))
    there = [row[0] for row in rows]
    records = _values(call, target, list(dict.fromkeys(fields)), there)
    found = dict(zip(there, records, strict=True))
    return Answer([found.get(each) for each in wanted])


def _asked(call: Call) -> tuple[list[str], list[str]]:
    ids: Any
    fields: Any
    if call.request.method == "GET":
        ids, fields = (
            [each.strip() for each in call.query.get(name, "").split(",") if each.strip()]
            for name in ("ids", "fields")
        )
    else:
        body = call.json()
        ids, fields = body.get("ids"), body.get("fields")
    for name, given in (("ids", ids), ("fields", fields)):
        if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
            raise Refusal("JSON_PARSER_ERROR", f"{name} must be a list of text")
        if not given:
            raise Refusal("MISSING_ARGUMENT", f"The {name} parameter is required.")
    return ids, fields
