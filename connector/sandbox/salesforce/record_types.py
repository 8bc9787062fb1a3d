"""Record types: which values of a restricted picklist a record may have."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson

from ..clock import stamp
from ..ids import is_id, long_id
from ..store import Field, Object, Store, quoted
from .errors import Refusal, not_found

SCHEMA = """
create table if not exists picklist_limits (
    record_type text not null, field text not null, allowed text not null,
    primary key (record_type, field)
) without rowid;
"""
MASTER = "012000000000000AAA"
PREFIX = "012"
FIELDS = (
    Field("Name", "string", label="Record Type Label", length=80, nillable=False),
    Field("DeveloperName", "string", length=80, nillable=False),
    Field("SobjectType", "picklist", length=40, nillable=False, updateable=False),
    Field("IsActive", "boolean", label="Active", default=True, nillable=False),
    Field("Description", "string"),
)
LINK = Field(
    "RecordTypeId",
    "reference",
    label="Record Type ID",
    length=18,
    refers=("RecordType",),
    relationship="RecordType",
)


def prepare(store: Store) -> None:
    """Makes the object that lists them."""
    if "RecordType" not in store.objects():
        store.create("RecordType", FIELDS, prefix=PREFIX)


def add(store: Store, wanted: Mapping[str, Any]) -> dict[str, str]:
    """Makes a record type, or changes the one of this name, and gives it to records."""
    name, label = str(wanted["object"]), str(wanted["name"])
    if name not in store.objects():
        raise ValueError(f"there is no object {name}")
    with store.transaction() as db:
        if "RecordTypeId" not in store.fields(name):
            store.add_field(name, LINK)
        id_ = _named(store, name, label) or _new(store, name, label)
        for field, allowed in (wanted.get("picklists") or {}).items():
            _limit(store, name, id_, field, allowed)
        now = stamp(store.clock.now())
        for record in map(long_id, wanted.get("ids") or []):
            sql = f"update {quoted(name)} set RecordTypeId = ?, SystemModstamp = ? where Id = ?"
            if not db.execute(sql, (id_, now, record)).rowcount:
                raise ValueError(f"there is no {name} with the id {record!r}")
    return {"id": id_}


def _named(store: Store, name: str, label: str) -> str | None:
    sql = "select Id from RecordType where SobjectType = ? and Name = ? and IsDeleted = 0"
    row = store.db.execute(sql, (name, label)).fetchone()
    return str(row[0]) if row else None


def _new(store: Store, name: str, label: str) -> str:
    id_ = store.new_id("RecordType")
    row = (id_, label, label.replace(" ", "_"), name, 1)
    columns = ("Id", "Name", "DeveloperName", "SobjectType", "IsActive")
    store.insert("RecordType", columns, [row])
    return id_


def _limit(store: Store, name: str, record_type: str, field: str, allowed: list[str]) -> None:
    known = store.fields(name).get(field)
    if known is None or known.type not in ("picklist", "multipicklist"):
        raise ValueError(f"{name} has no picklist {field}")
    if wrong := [each for each in allowed if each not in known.choices]:
        raise ValueError(f"{field} has no value {', '.join(wrong)}")
    store.db.execute(
        "insert or replace into picklist_limits values (?, ?, ?)",
        (record_type, field, orjson.dumps(allowed).decode()),
    )


def allowed(store: Store, record_type: str, field: Field) -> tuple[str, ...]:
    """The values a picklist has for a record type; all of them unless it was limited."""
    sql = "select allowed from picklist_limits where record_type = ? and field = ?"
    row = store.db.execute(sql, (record_type, field.name)).fetchone()
    return tuple(orjson.loads(row[0])) if row else field.choices


def check(store: Store, target: Object, id_: str, columns: Mapping[str, Any]) -> None:
    """Refuses a restricted value that the record's type does not have."""
    if "RecordTypeId" not in target.fields:
        return
    record_type = columns.get("RecordTypeId")
    if "RecordTypeId" not in columns:
        sql = f"select RecordTypeId from {quoted(target.name)} where Id = ?"
        row = store.db.execute(sql, (id_,)).fetchone()
        record_type = row and row[0]
    for name, value in columns.items() if record_type else ():
        field = target.fields[name]
        if not field.restricted or value is None:
            continue
        there = allowed(store, str(record_type), field)
        if wrong := [each for each in str(value).split(";") if each not in there]:
            label = field.label or field.name
            said = f"{label}: bad value for restricted picklist field: {wrong[0]}"
            raise Refusal("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", said, fields=[name])


def infos(store: Store, name: str, base: str) -> list[dict[str, Any]]:
    """What describe tells of an object's record types; Master is always there."""
    sql = "select Id, Name, DeveloperName, IsActive from RecordType"
    rows = store.db.execute(f"{sql} where SobjectType = ? and IsDeleted = 0 order by Id", (name,))
    every = [*rows.fetchall(), (MASTER, "Master", "Master", 1)]
    return [
        {
            "active": bool(active),
            "available": True,
            "defaultRecordTypeMapping": place == 0,
            "developerName": developer,
            "master": id_ == MASTER,
            "name": label,
            "recordTypeId": id_,
            "urls": {"layout": f"{base}/sobjects/{name}/describe/layouts/{id_}"},
        }
        for place, (id_, label, developer, active) in enumerate(every)
    ]


def known(store: Store, name: str, record_type: str) -> str:
    """The record type's full id; an unknown one is an address where nothing is."""
    id_ = long_id(record_type)
    sql = "select 1 from RecordType where Id = ? and SobjectType = ? and IsDeleted = 0"
    if id_ == MASTER or (is_id(id_) and store.db.execute(sql, (id_, name)).fetchone()):
        return id_
    raise not_found()


def picklist(store: Store, record_type: str, field: Field, url: str) -> dict[str, Any]:
    """One picklist as the interface of a page reads it."""
    values = allowed(store, record_type, field)
    return {
        "controllerValues": {},
        "defaultValue": None,
        "eTag": sha256(orjson.dumps([record_type, field.name, values])).hexdigest()[:32],
        "url": f"{url}/{field.name}",
        "values": [
            {"attributes": None, "label": each, "validFor": [], "value": each} for each in values
        ],
    }
