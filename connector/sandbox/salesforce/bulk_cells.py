"""What the columns of an ingest job's CSV are for, and what a row of texts makes of a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..store import NUMBERS, Field, Object, Store
from . import recycle
from .bulk import Job
from .errors import Refusal
from .security import Access
from .soql_names import ignoring_case
from .writes import Writer, key_field, matching

CLEAR = "#N/A"
_FLAGS = {
    **dict.fromkeys(("true", "1", "yes", "y", "on"), True),
    **dict.fromkeys(("false", "0", "no", "n", "off"), False),
}
_BARE = NUMBERS | {"int", "boolean", "date", "datetime"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One column: the field it fills, and the parent's field if it finds the parent by that."""

    field: Field
    parent: Object | None = None
    key: Field | None = None


def cells(access: Access, job: Job, names: Sequence[str]) -> list[Cell]:
    """Every column of a header; refuses one that is unknown, hidden or out of place."""
    target = access.object(job.object)
    plan = [_cell(access, target, name) for name in names]
    fields = [each.field.name for each in plan]
    # an upsert's may stay empty: clients send the column whether or not they have ids
    has_id = job.operation != "insert"
    for name, each in zip(names, fields, strict=True):
        other = job.operation in ("delete", "hardDelete") and each != "Id"
        if other or (each == "Id" and not has_id):
            raise _unknown(name)
    if job.key_field and job.key_field not in fields:
        raise _unknown(job.key_field)
    return plan


def _cell(access: Access, target: Object, name: str) -> Cell:
    if found := ignoring_case(access.fields(target.name), name):
        return Cell(found)
    # `Parent.Key__c`, or where there may be several objects `Account:What.Key__c`
    kind, _, path = name.rpartition(":")
    step, _, key = path.partition(".")
    links = {each.relationship: each for each in access.fields(target.name).values()}
    link = ignoring_case(links, step) if key else None
    parents = [] if link is None else [kind] if kind else list(link.refers)
    if link is None or len(parents) != 1:
        raise _unknown(name)
    try:
        parent = access.object(parents[0])
        return Cell(link, parent, key_field(access, parent, key))
    except Refusal:
        raise _unknown(name) from None


def _unknown(name: str) -> Refusal:
    return Refusal("InvalidBatch", f"Field name not found : {name}")


def written(writer: Writer, job: Job, plan: Sequence[Cell], texts: Sequence[str]) -> str:
    """Does to a record what a row says, and tells its id; an empty cell says nothing."""
    values = {
        each.field.name: _value(writer.store, each, text)
        for each, text in zip(plan, texts, strict=True)
        if text
    }
    match job.operation:
        case "insert":
            return writer.create(job.object, values)
        case "upsert":
            if job.key_field != "Id" and values.get("Id"):
                said = "cannot specify both an external ID reference and a salesforce id"
                raise Refusal("INVALID_FIELD", f"{said}, {job.object}", fields=[])
            return writer.upsert(job.object, job.key_field, values)
        case "update":
            return writer.update(job.object, values.get("Id"), values)
        case "delete":
            return writer.delete(job.object, values.get("Id"))
    id_ = writer.delete(job.object, values.get("Id"))
    recycle.destroy(writer.store, job.object, id_)
    return id_


def _value(store: Store, cell: Cell, text: str) -> object:
    if text == CLEAR:
        return None
    if cell.parent and cell.key:
        return _parent(store, cell.parent, cell.key, text)
    if cell.field.type in _BARE and text != text.strip():
        label = cell.field.label or cell.field.name
        said = f"{label}: value not of required type: {text}"
        raise Refusal("INVALID_TYPE_ON_FIELD_IN_RECORD", said, fields=[cell.field.name])
    if cell.field.type == "boolean":
        return _FLAGS.get(text.lower(), text)
    return text


def _parent(store: Store, parent: Object, key: Field, text: str) -> str:
    found = matching(store, parent, key, text)
    if len(found) != 1:
        said = f"Foreign key external ID: {text} not found for field {key.name} in entity"
        raise Refusal("INVALID_FIELD", f"{said} {parent.name}", fields=[])
    return found[0]
