"""Accounts that are people: one name, one contact, and no company behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..clock import stamp
from ..store import Field, Object, Store, quoted
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
MIRRORED = {"FirstName": "FirstName", "LastName": "LastName", "PersonEmail": "Email"}


def enable(store: Store, count: int) -> int:
    """Switches person accounts on and makes so many accounts people; tells how many."""
    with store.transaction() as db:
        for name, fields in (("Account", ACCOUNT), ("Contact", (FLAG,))):
            for each in fields:
                if each.name not in store.fields(name):
                    store.add_field(name, each)
        rows = db.execute(
            "select Id, Name from Account a where IsDeleted = 0 and ParentId is null"
            " and IsPersonAccount = 0"
            " and not exists (select 1 from Account c where c.ParentId = a.Id)"
            " order by Id limit ?",
            (count,),
        ).fetchall()
        for id_, name in rows:
            _turn(store, id_, name)
    return len(rows)


def check(store: Store, target: Object, id_: str, columns: Mapping[str, Any]) -> None:
    """Refuses a person a company's name, and a company a person's."""
    if target.name != "Account" or "IsPersonAccount" not in target.fields:
        return
    row = store.db.execute("select IsPersonAccount from Account where Id = ?", (id_,)).fetchone()
    wrong = ("Name",) if row and row[0] else tuple(MIRRORED)
    if named := [each for each in wrong if each in columns]:
        said = f"Account: bad field names on insert/update call: {', '.join(named)}"
        raise Refusal("INVALID_FIELD_FOR_INSERT_UPDATE", said, fields=named)


def follow(store: Store, target: Object, id_: str, columns: Mapping[str, Any]) -> None:
    """Brings a person's name and contact in line with what was just written."""
    if target.name != "Account" or not any(each in columns for each in MIRRORED):
        return
    sql = "select PersonContactId, FirstName, LastName, PersonEmail from Account where Id = ?"
    contact, first, last, email = store.db.execute(sql, (id_,)).fetchone()
    name, now = _full(first, last), stamp(store.clock.now())
    store.db.execute("update Account set Name = ? where Id = ?", (name, id_))
    _change_contact(store, contact, {"FirstName": first, "LastName": last, "Email": email}, now)


def _turn(store: Store, id_: str, name: str) -> None:
    """Makes an account a person: its first contact, or a new one named like the account."""
    contact = _only_contact(store, id_, name)
    sql = "select FirstName, LastName, Email from Contact where Id = ?"
    if "FirstName" not in store.fields("Contact"):
        sql = sql.replace("FirstName", "null")
    first, last, email = store.db.execute(sql, (contact,)).fetchone()
    now = stamp(store.clock.now())
    store.db.execute(
        "update Account set IsPersonAccount = 1, PersonContactId = ?, FirstName = ?, LastName = ?,"
        " PersonEmail = ?, Name = ?, SystemModstamp = ? where Id = ?",
        (contact, first, last, email, _full(first, last), now, id_),
    )
    _change_contact(store, contact, {"IsPersonAccount": 1}, now)
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


def _change_contact(store: Store, id_: str, values: Mapping[str, Any], now: str) -> None:
    fields = store.fields("Contact")
    every = {name: value for name, value in values.items() if name in fields}
    if "Name" in fields and "LastName" in every:
        every["Name"] = _full(every.get("FirstName"), every["LastName"])
    every["SystemModstamp"] = now
    marks = ", ".join(f"{quoted(each)} = ?" for each in every)
    store.db.execute(f"update Contact set {marks} where Id = ?", (*every.values(), id_))


def _full(first: str | None, last: str | None) -> str:
    return " ".join(each for each in (first, last) if each)
