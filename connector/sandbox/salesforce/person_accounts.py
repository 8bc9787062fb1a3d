"""Accounts that are people: one name, one contact, and no company behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..clock import stamp
from ..store import Field, Object, Store, quoted
from . import record_types
from .errors import Refusal
from .recycle import destroy, index

_COMPUTED: dict[str, Any] = {"createable": False, "updateable": False}
FLAG = Field(
    "IsPersonAccount", "boolean", "Is Person Account", nillable=False, default=False, **_COMPUTED
)
ACCOUNT = (
    FLAG,
    Field(
        "PersonContactId",
        "reference",
        length=18,
        refers=("Contact",),
        relationship="PersonContact",
        **_COMPUTED,
    ),
    Field("FirstName", "string", "First Name", length=40),
    Field("LastName", "string", "Last Name", length=80),
    Field("PersonEmail", "email", "Email", length=80),
)
#: What the account says of the person, and where the contact keeps it.
MIRRORED = {
    "FirstName": "FirstName",
    "LastName": "LastName",
    "PersonEmail": "Email",
    "PersonTitle": "Title",
}
_CUSTOM, _OF_PERSON = "__c", "__pc"


def enable(store: Store, count: int) -> int:
    """Switches person accounts on and makes so many accounts people; tells how many."""
    with store.transaction() as db:
        for name, fields in (("Account", _account_fields(store)), ("Contact", (FLAG,))):
            for each in fields:
                if each.name not in store.fields(name):
                    store.add_field(name, each)
        type_ = record_types.for_people(store)
        rows = db.execute(
            "select Id, Name from Account a where IsDeleted = 0 and ParentId is null"
            " and IsPersonAccount = 0"
            " and not exists (select 1 from Account c where c.ParentId = a.Id)"
            " order by Id limit ?",
            (count,),
        ).fetchall()
        for id_, name in rows:
            _turn(store, id_, name, type_)
    return len(rows)


def _account_fields(store: Store) -> tuple[Field, ...]:
    """What accounts gain; a contact's own fields are the account's too, as `Key__pc`."""
    mirrored = {there: here for here, there in MIRRORED.items()}
    known = {each.name for each in ACCOUNT}
    more = []
    for name, field in store.fields("Contact").items():
        here = mirrored.get(name) or name.replace(_CUSTOM, _OF_PERSON)
        if not field.formula and here not in known and (name in mirrored or field.custom):
            more.append(replace(field, name=here, nillable=True, unique=False, external_id=False))
    return (*ACCOUNT, *more)


def _pairs(store: Store) -> dict[str, str]:
    """Account's field → contact's field, of all that is one and the same."""
    custom = {
        name: name.replace(_OF_PERSON, _CUSTOM)
        for name in store.fields("Account")
        if name.endswith(_OF_PERSON)
    }
    return {**MIRRORED, **custom}


# what is refused


def named(store: Store, target: Object, columns: dict[str, Any]) -> bool:
    """Whether a new account is a person, who is then given a name and a record type.

    The record type decides; without one it is whether there is a last name and no name.
    """
    if target.name != "Account" or FLAG.name not in target.fields:
        return False
    type_ = columns.get("RecordTypeId")
    by_name = columns.get("LastName") is not None and columns.get("Name") is None
    person = record_types.is_for_people(store, type_) if type_ else by_name
    _check_names(store, columns, person=person)
    if person:
        _check_last_name(columns.get("LastName"))
        columns["Name"] = _full(columns.get("FirstName"), columns["LastName"])
        columns[FLAG.name] = 1
        columns.setdefault("RecordTypeId", record_types.for_people(store))
    return person


def check(store: Store, target: Object, id_: str, columns: Mapping[str, Any]) -> None:
    """Refuses a person a company's name, and a company a person's."""
    if FLAG.name not in target.fields:
        return
    if target.name == "Contact":
        _check_account(store, id_, columns.get("AccountId"))
    elif target.name == "Account" and id_:
        sql = "select IsPersonAccount from Account where Id = ?"
        person = bool(store.db.execute(sql, (id_,)).fetchone()[0])
        _check_names(store, columns, person=person)
        if person and "LastName" in columns:
            _check_last_name(columns["LastName"])
        type_ = columns.get("RecordTypeId")
        if type_ and record_types.is_for_people(store, type_) != person:
            # the real thing can make a company a person, but never the other way round
            said = "Record Type ID: this org turns no company into a person, and no person into one"
            raise Refusal("FIELD_INTEGRITY_EXCEPTION", said, fields=["RecordTypeId"])


def check_deletion(store: Store, target: Object, id_: str) -> None:
    """Refuses to delete the contact of a person, who goes with the account alone."""
    if target.name == "Contact" and FLAG.name in target.fields:
        sql = "select IsPersonAccount from Contact where Id = ?"
        if store.db.execute(sql, (id_,)).fetchone()[0]:
            # the code and the words are this sandbox's own
            said = "The contact of a person account is deleted with the account"
            raise Refusal("DELETE_FAILED", said, fields=[])


def _check_names(store: Store, columns: Mapping[str, Any], *, person: bool) -> None:
    wrong = ("Name",) if person else tuple(_pairs(store))
    if given := [each for each in wrong if each in columns]:
        said = f"Account: bad field names on insert/update call: {', '.join(given)}"
        raise Refusal("INVALID_FIELD_FOR_INSERT_UPDATE", said, fields=given)


def _check_last_name(name: str | None) -> None:
    if name is None:
        said = "Required fields are missing: [LastName]"
        raise Refusal("REQUIRED_FIELD_MISSING", said, fields=["LastName"])


def _check_account(store: Store, id_: str, account: str | None) -> None:
    """A person has one contact, which nobody else can be."""
    sql = "select PersonContactId from Account where Id = ? and IsPersonAccount = 1"
    row = store.db.execute(sql, (account,)).fetchone() if account else None
    if row and row[0] != id_:
        # the code and the words are this sandbox's own
        said = "Account ID: a person account has no contacts besides the person"
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", said, fields=["AccountId"])


# what follows


def embody(store: Store, id_: str, user: str) -> None:
    """Makes the contact of a new account that is a person."""
    fields = store.fields("Contact").values()
    row: dict[str, Any] = {
        each.name: each.default or 0
        for each in fields
        if (each.default is not None or each.type == "boolean") and not each.formula
    }
    contact = store.new_id("Contact")
    row |= {"Id": contact, "AccountId": id_, FLAG.name: 1, "CreatedById": user}
    row |= {"OwnerId": user} if "OwnerId" in store.fields("Contact") else {}
    store.insert("Contact", [*row, "LastModifiedById"], [(*row.values(), user)])
    store.db.execute("update Account set PersonContactId = ? where Id = ?", (contact, id_))
    _to_contact(store, id_)


def follow(store: Store, target: Object, id_: str, columns: Mapping[str, Any]) -> None:
    """Brings a person's name, account and contact in line with what was just written."""
    if FLAG.name not in target.fields:
        return
    pairs = _pairs(store)
    if target.name == "Account" and any(each in columns for each in pairs):
        _to_contact(store, id_)
    elif target.name == "Contact" and any(each in columns for each in pairs.values()):
        _to_account(store, id_)


def _to_contact(store: Store, id_: str) -> None:
    """What the account says of a person is what the contact says; a company has nothing to say."""
    fields = store.fields("Account")
    pairs = {here: there for here, there in _pairs(store).items() if here in fields}
    sql = f"select PersonContactId, {', '.join(map(quoted, pairs))} from Account where Id = ?"
    contact, *values = store.db.execute(sql, (id_,)).fetchone()
    if contact is None:
        return
    said = dict(zip(pairs, values, strict=True))
    name = _full(said["FirstName"], said["LastName"])
    store.db.execute("update Account set Name = ? where Id = ?", (name, id_))
    there = dict(zip(pairs.values(), values, strict=True))
    _change(store, "Contact", contact, {**there, "Name": name})


def _to_account(store: Store, contact: str) -> None:
    """What the contact of a person says is what the account says."""
    known, fields = store.fields("Contact"), store.fields("Account")
    pairs = {
        there: here for here, there in _pairs(store).items() if there in known and here in fields
    }
    sql = f"select IsPersonAccount, AccountId, {', '.join(map(quoted, pairs))} from Contact"
    person, account, *values = store.db.execute(f"{sql} where Id = ?", (contact,)).fetchone()
    if person:
        said = dict(zip(pairs.values(), values, strict=True))
        name = _full(said.get("FirstName"), said["LastName"])
        _change(store, "Account", account, {**said, "Name": name})


def _turn(store: Store, id_: str, name: str, record_type: str) -> None:
    """Makes an account a person: its first contact, or a new one named like the account."""
    contact = _only_contact(store, id_, name)
    now = stamp(store.clock.now())
    store.db.execute(
        "update Account set IsPersonAccount = 1, PersonContactId = ?, RecordTypeId = ?"
        " where Id = ?",
        (contact, record_type, id_),
    )
    _change(store, "Contact", contact, {"IsPersonAccount": 1})
    _to_account(store, contact)
    _hang_on_person(store, id_, contact, now)


def _only_contact(store: Store, id_: str, name: str) -> str:
    sql = "select Id from Contact where AccountId = ? and IsDeleted = 0 order by Id"
    contacts = [row[0] for row in store.db.execute(sql, (id_,)).fetchall()]
    if not contacts:
        contact = store.new_id("Contact")
        store.insert("Contact", ["Id", "AccountId", "LastName"], [(contact, id_, name)])
        return contact
    first, *others = contacts
    for other in others:
        _point_elsewhere(store, other, first)
        destroy(store, "Contact", other)
    return str(first)


def _point_elsewhere(store: Store, old: str, new: str) -> None:
    """A person has no colleagues: what theirs was is now the person's own."""
    for name, described in store.objects().items():
        for field in described.fields.values():
            if "Contact" in field.refers and field.name != "MasterRecordId":
                index(store, name, field.name)
                column = quoted(field.name)
                sql = f"update {quoted(name)} set {column} = ? where {column} = ?"
                store.db.execute(sql, (new, old))


def _hang_on_person(store: Store, id_: str, contact: str, now: str) -> None:
    """Every second activity is about nothing and with the person, as people log them."""
    for name in ("Task", "Event"):
        fields = store.fields(name) if name in store.objects() else {}
        if "WhoId" not in fields or "WhatId" not in fields:
            continue
        index(store, name, "WhatId")
        sql = f"select Id from {quoted(name)} where WhatId = ? order by Id"
        for place, (activity,) in enumerate(store.db.execute(sql, (id_,)).fetchall()):
            if place % 2 == 0:
                store.db.execute(
                    f"update {quoted(name)} set WhatId = null, WhoId = ?, SystemModstamp = ?"
                    " where Id = ?",
                    (contact, now, activity),
                )


def _change(store: Store, name: str, id_: str, values: Mapping[str, Any]) -> None:
    """Sets those of the values that the object has fields for."""
    fields = store.fields(name)
    every = {each: value for each, value in values.items() if each in fields}
    every["SystemModstamp"] = stamp(store.clock.now())
    marks = ", ".join(f"{quoted(each)} = ?" for each in every)
    store.db.execute(f"update {quoted(name)} set {marks} where Id = ?", (*every.values(), id_))


def _full(first: str | None, last: str | None) -> str:
    return " ".join(each for each in (first, last) if each)
