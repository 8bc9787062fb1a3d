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
#: Comes with person accounts.
PERSON_FLAG = Field(
    "IsPersonType",
    "boolean",
    label="Is Person Type",
    nillable=False,
    default=False,
    createable=False,
    updateable=False,
)
PEOPLE = "Person Account"
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
        person = wanted.get("person") is True
        if person and PERSON_FLAG.name not in store.fields("RecordType"):
            raise ValueError("a record type for people needs an org with person accounts")
        id_ = _named(store, name, label) or _new(store, name, label, person=person)
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


def _new(store: Store, name: str, label: str, *, person: bool = False) -> str:
    id_ = store.new_id("RecordType")
    developer = label.replace(" ", "" if label == PEOPLE else "_")
    row: dict[str, Any] = {"Id": id_, "Name": label, "DeveloperName": developer}
    row |= {"SobjectType": name, "IsActive": 1}
    if PERSON_FLAG.name in store.fields("RecordType"):
        row[PERSON_FLAG.name] = int(person)
    store.insert("RecordType", list(row), [tuple(row.values())])
    return id_


def for_people(store: Store) -> str:
    """The record type that a person's account has unless another is given."""
    if PERSON_FLAG.name not in store.fields("RecordType"):
        store.add_field("RecordType", PERSON_FLAG)
    if "RecordTypeId" not in store.fields("Account"):
        store.add_field("Account", LINK)
    return _named(store, "Account", PEOPLE) or _new(store, "Account", PEOPLE, person=True)


def is_for_people(store: Store, id_: str) -> bool:
    """Whether accounts of this record type are people."""
    sql = "select IsPersonType from RecordType where Id = ?"
    row = store.db.execute(sql, (id_,)).fetchone()
    return bool(row and row[0])


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
