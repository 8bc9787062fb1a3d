"""Changing records: every row is checked as Salesforce checks it, and every change is logged."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from ..clock import stamp
from ..ids import is_id, long_id
from ..store import Field, Object, Store, quoted
from . import (
    automations,
    computed,
    locks,
    permissions,
    person_accounts,
    record_types,
    recycle,
    security,
    shared_activities,
)
from .automations import Automation
from .errors import Refusal, not_found
from .security import Access
from .soql_names import ignoring_case
from .values import kept

SCHEMA = """
create table if not exists write_log (
    number integer primary key, at text not null, object text not null, id text not null,
    fields text not null, user text not null
);
create table if not exists validation_rules (
    object text not null, condition text not null, message text not null
);
"""

ROLLED_BACK = Refusal(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone"
    " header",
)

Result = dict[str, Any]


@dataclass(slots=True)
class Writer:
    """Writes for one user, in one request."""

    store: Store
    access: Access
    user: str
    now: str = ""
    rules: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    #: The ids of the records that did not exist before.
    made: set[str] = field(default_factory=set)
    automations: dict[str, list[Automation]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.now = stamp(self.store.clock.now())
        self.automations = automations.every(self.store)
        rows = self.store.db.execute("select object, condition, message from validation_rules")
        for name, condition, message in rows.fetchall():
            self.rules.setdefault(name, []).append((condition, message))

    def create(self, name: str, values: Mapping[str, Any]) -> str:
        """Adds a record and tells its id."""
        target = self.access.object(name)
        self._may("Create", target)
        given = self._checked(target, values, creating=True)
        columns = dict(given)
        person = person_accounts.named(self.store, target, columns)
        self._complete(target, columns)
        permissions.check(self.store, target.name, columns)
        self._allowed(target, "", columns)
        id_ = self.store.new_id(target.name)
        columns = {"Id": id_, **columns}
        self.store.insert(
            target.name,
            [*columns, "CreatedById", "LastModifiedById"],
            [(*columns.values(), self.user, self.user)],
        )
        computed.follow(self.store, target, id_, given)
        shared_activities.follow(self.store, target, id_, given)
        if person:
            person_accounts.embody(self.store, id_, self.user)
        self._settle(target.name, id_, values)
        self.made.add(id_)
        return id_

    def update(self, name: str, id_: object, values: Mapping[str, Any]) -> str:
        """Changes a record: even equal values move its stamps."""
        target = self.access.object(name)
        known = self.existing(target, id_)
        self._may("Edit", target)
        columns = self._checked(target, values, creating=False)
        self._unique(target, columns, known)
        self._allowed(target, known, columns)
        self._set(target.name, known, columns)
        computed.follow(self.store, target, known, columns)
        person_accounts.follow(self.store, target, known, columns)
        shared_activities.follow(self.store, target, known, columns)
        self._settle(target.name, known, values)
        return known

    def upsert(self, name: str, key: str, values: Mapping[str, Any]) -> str:
        """Changes the record that has this value of the key field, or adds it."""
        target = self.access.object(name)
        found = key_field(self.access, target, key)
        value = next((each for at, each in values.items() if at.lower() == key.lower()), None)
        others = {at: each for at, each in values.items() if at.lower() != key.lower()}
        if found.type == "id":
            return self.update(name, value, others) if value else self.create(name, others)
        if value is None or value == "":
            said = f"{found.name} not specified"
            raise Refusal("MISSING_ARGUMENT", said, fields=[found.name])
        ids = matching(self.store, target, found, value)
        if len(ids) > 1:
            said = f"{found.name}: more than one record found for external id field: {ids}"
            raise Refusal("DUPLICATE_EXTERNAL_ID", said.replace("'", ""), fields=[found.name])
        if not ids:
            return self.create(name, {**others, found.name: value})
        if ids[0] in self.made:
            said = f"Duplicate external id specified: {value}"
            raise Refusal("DUPLICATE_VALUE", said, fields=[found.name])
        return self.update(name, ids[0], others)

    def delete(self, name: str, id_: object) -> str:
        """Puts a record into the bin."""
        target = self.access.object(name)
        known = self.existing(target, id_)
        self._may("Delete", target)
        locks.check(self.store, target, known, {})
        person_accounts.check_deletion(self.store, target, known)
        recycle.check(self.store, target.name, known)
        recycle.put(self.store, target.name, known, self.user)
        self._log(target.name, known, {"IsDeleted": True})
        return known

    def existing(self, target: Object, id_: object) -> str:
        """The id of a record that is there; once per request."""
        if id_ is None:
            raise Refusal("MISSING_ARGUMENT", "Id not specified in an update call", fields=["Id"])
        if not is_id(id_) or not isinstance(id_, str) or not id_.startswith(target.prefix):
            raise Refusal("MALFORMED_ID", f"malformed id {id_}", fields=["Id"])
        known = long_id(id_)
        sql = f"select IsDeleted from {quoted(target.name)} where Id = ?"
        row = self.store.db.execute(sql, (known,)).fetchone()
        if row is None:
            raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", status=404)
        if row[0]:
            raise Refusal("ENTITY_IS_DELETED", "entity is deleted", status=404)
        if known in self.seen:
            raise Refusal("DUPLICATE_VALUE", f"duplicate id in list: {known}")
        self.seen.add(known)
        return known

    # one row

    def _may(self, right: str, target: Object) -> None:
        """Refuses what the user may not do with any record of this object."""
        if self.access.may(right, target.name):
            return
        if right == "Create":
            said = f"entity type cannot be inserted: {target.label}"
            raise Refusal("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", said)
        raise Refusal("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")

    def _checked(
        self, target: Object, values: Mapping[str, Any], *, creating: bool
    ) -> dict[str, Any]:
        """The columns to write; refuses every field that is not there or not to be written."""
        visible = self.access.fields(target.name)
        columns = {}
        for name, value in values.items():
            if name == "attributes" or name.lower() == "id":
                continue
            found = ignoring_case(visible, name)
            if found is None:
                said = f"No such column '{name}' on sobject of type {target.name}"
                raise Refusal("INVALID_FIELD", said, fields=[])
            self._writable(target, found, creating=creating)
            columns[found.name] = self._resolved(found, kept(found, value))
        return columns

    def _writable(self, target: Object, found: Field, *, creating: bool) -> None:
        allowed = found.createable if creating else found.updateable
        if allowed and not found.formula and self.access.editable(target.name, found.name):
            return
        raise Refusal(
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            f"Unable to create/update fields: {found.name}. Please check the security settings of"
            " this field and verify that it is read/write for your profile or permission set.",
            fields=[found.name],
        )

    def _resolved(self, found: Field, value: Any) -> Any:
        """The value; a reference must lead to a record of the right object."""
        if found.type != "reference" or value is None or not found.refers:
            return value
        for name in found.refers:
            target = self.store.objects().get(name)
            if target is None or not value.startswith(target.prefix):
                continue
            sql = f"select IsDeleted from {quoted(name)} where Id = ?"
            row = self.store.db.execute(sql, (value,)).fetchone()
            if row is None:
                break
            if row[0]:
                raise Refusal("ENTITY_IS_DELETED", "entity is deleted", fields=[found.name])
            return value
        raise Refusal(
            "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=[found.name]
        )

    def _complete(self, target: Object, columns: dict[str, Any]) -> None:
        """Fills in defaults; refuses a record that lacks what it must have."""
        for each in target.fields.values():
            if each.default is not None and each.name != "IsDeleted":
                columns.setdefault(each.name, each.default)
        if "OwnerId" in target.fields:
            columns.setdefault("OwnerId", self.user)
        missing = [
            each.name
            for each in target.fields.values()
            if each.createable
            and not each.nillable
            and columns.get(each.name) is None
            and each.type != "boolean"
        ]
        if missing:
            said = f"Required fields are missing: [{', '.join(missing)}]"
            raise Refusal("REQUIRED_FIELD_MISSING", said, fields=missing)
        for each in target.fields.values():
            if each.type == "boolean" and not each.formula and each.createable:
                columns.setdefault(each.name, 0)
        self._unique(target, columns, "")

    def _unique(self, target: Object, columns: Mapping[str, Any], own: str) -> None:
        for name, value in columns.items():
            if not target.fields[name].unique or value is None:
                continue
            sql = f"select Id from {quoted(target.name)} where {quoted(name)} = ? and Id <> ?"
            if row := self.store.db.execute(sql, (value, own)).fetchone():
                said = f"duplicate value found: {name} duplicates value on record with id: {row[0]}"
                raise Refusal("DUPLICATE_VALUE", said, fields=[name])

    def _allowed(self, target: Object, id_: str, columns: Mapping[str, Any]) -> None:
        """Refuses what the row's lock, record type or kind of account does not allow."""
        locks.check(self.store, target, id_, columns)
        record_types.check(self.store, target, id_, columns)
        person_accounts.check(self.store, target, id_, columns)

    def _set(self, name: str, id_: str, columns: Mapping[str, Any]) -> None:
        every = {
            **columns,
            "LastModifiedDate": self.now,
            "LastModifiedById": self.user,
            "SystemModstamp": self.now,
        }
        marks = ", ".join(f"{quoted(each)} = ?" for each in every)
        sql = f"update {quoted(name)} set {marks} where Id = ?"
        self.store.db.execute(sql, (*every.values(), id_))

    def _settle(self, name: str, id_: str, values: Mapping[str, Any]) -> None:
        """Lets the validation rules speak, then the automations, then logs the change."""
        for condition, message in self.rules.get(name, ()):
            sql = f"select ({condition}) from {self.store.source(name)} where Id = ?"
            if self.store.db.execute(sql, (id_,)).fetchone()[0]:
                raise Refusal("FIELD_CUSTOM_VALIDATION_EXCEPTION", message, fields=[])
        automations.run(self.store, self.automations.get(name, ()), name, id_)
        self._log(name, id_, values)

    def _log(self, name: str, id_: str, values: Mapping[str, Any]) -> None:
        if name in permissions.GRANTS:
            security.moved(self.store)
        fields = {key: value for key, value in values.items() if key != "attributes"}
        self.store.db.execute(
            "insert into write_log (at, object, id, fields, user) values (?, ?, ?, ?, ?)",
            (self.now, name, id_, orjson.dumps(fields).decode(), self.user),
        )


def key_field(access: Access, target: Object, name: str) -> Field:
    """A field that records can be found by: the id, an external id, a person's address."""
    found = ignoring_case(access.fields(target.name), name)
    if found and (found.external_id or found.type == "id" or found.name == "Email"):
        return found
    raise not_found(f"Provided external ID field does not exist or is not accessible: {name}")


def matching(store: Store, target: Object, key: Field, value: Any) -> list[str]:
    """The ids of the records that have this value, the bin left out."""
    sql = f"select Id from {quoted(target.name)} where {quoted(key.name)} = ? and IsDeleted = 0"
    rows = store.db.execute(f"{sql} order by Id", (kept(key, value),))
    return [row[0] for row in rows.fetchall()]


def each_row(store: Store, rows: Iterable[Callable[[], str]], *, all_or_none: bool) -> list[Result]:
    """Does one write after the other, each on its own or all together; results in order.

    The rows given are one transaction, and automations see how many they are.
    """
    waiting = list(rows)
    with store.transaction() as db, automations.chunk_of(len(waiting)):
        db.execute("savepoint many")
        results = [_one(store, row) for row in waiting]
        if all_or_none and not all(each["success"] for each in results):
            db.execute("rollback to many")
            results = [_rolled_back(each) for each in results]
        db.execute("release many")
    return results


def _one(store: Store, write: Callable[[], str]) -> Result:
    store.db.execute("savepoint one")
    try:
        return {"id": write(), "success": True, "errors": []}
    except Refusal as refusal:
        store.db.execute("rollback to one")
        return {"success": False, "errors": [refusal.row()]}
    finally:
        store.db.execute("release one")


def _rolled_back(result: Result) -> Result:
    return {"success": False, "errors": [ROLLED_BACK.row()]} if result["success"] else result


def written(store: Store, *, since: int = 0) -> dict[str, dict[str, int]]:
    """How many rows were written per object, and how many records more than once."""
    with store.lock:
        rows = store.db.execute(
            "select object, sum(times), count(*), sum(times > 1) from"
            " (select object, id, count(*) as times from write_log where number > ?"
            " group by object, id) group by object",
            (since,),
        ).fetchall()
    return {
        name: {"rows": total, "records": records, "records_written_more_than_once": twice}
        for name, total, records, twice in rows
    }


def set_rules(store: Store, rules: list[dict[str, str]]) -> None:
    """Replaces the validation rules; refuses a condition that does not work on its object."""
    with store.transaction() as db:
        db.execute("delete from validation_rules")
        for each in rules:
            name, condition = each["object"], each["when"]
            if name not in store.objects():
                raise ValueError(f"there is no object {name}")
            try:
                db.execute(f"select ({condition}) from {store.source(name)} limit 1")
            except sqlite3.Error as error:
                raise ValueError(f"{condition}: {error}") from None
            db.execute(
                "insert into validation_rules values (?, ?, ?)", (name, condition, each["message"])
            )
