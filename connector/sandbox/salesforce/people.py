"""What people do in the CRM while nobody syncs: edit, create, delete, undelete, merge, destroy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..clock import duration, stamp
from ..ids import is_id, long_id
from ..store import Store, quoted
from . import archive, computed, person_accounts, recycle, shared_activities
from .setup import ADMIN
from .values import kept

DOINGS = ("create", "edit", "delete", "undelete", "destroy", "archive", "merge")


def act(store: Store, wanted: Mapping[str, Any]) -> str:
    """Does one thing as a person and tells the id of the record it was done to."""
    name = str(wanted.get("object", ""))
    if name not in store.objects():
        raise ValueError(f"there is no object {name}")
    values = wanted.get("values") or {}
    with store.transaction():
        if wanted.get("do") == "create":
            return _create(store, name, values)
        id_ = _known(store, name, wanted.get("id"))
        match wanted.get("do"):
            case "edit":
                columns = _checked(store, name, values)
                _edit(store, name, id_, columns, late=str(wanted.get("late", "0s")))
                computed.follow(store, store.objects()[name], id_, columns)
                person_accounts.follow(store, store.objects()[name], id_, columns)
                shared_activities.follow(store, store.objects()[name], id_, columns)
            case "delete":
                recycle.put(store, name, id_, ADMIN)
            case "undelete":
                recycle.take_out(store, name, id_, ADMIN)
            case "destroy":
                recycle.destroy(store, name, id_)
            case "archive":
                archive.put(store, name, id_)
            case "merge":
                _merge(store, name, loser=id_, winner=_known(store, name, wanted.get("into")))
            case other:
                raise ValueError(f"people {', '.join(DOINGS)}, not {other!r}")
    return id_


def _known(store: Store, name: str, id_: object) -> str:
    if isinstance(id_, str) and is_id(id_):
        sql = f"select 1 from {quoted(name)} where Id = ?"
        if store.db.execute(sql, (long_id(id_),)).fetchone():
            return long_id(id_)
    raise ValueError(f"there is no {name} with the id {id_!r}")


def _checked(store: Store, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as the record keeps them; people may write what the API user may not."""
    fields = store.fields(name)
    unknown = [each for each in values if each not in fields or fields[each].formula]
    if unknown:
        raise ValueError(f"{name} has no field to write called {', '.join(unknown)}")
    return {each: kept(fields[each], value) for each, value in values.items()}


def _create(store: Store, name: str, values: Mapping[str, Any]) -> str:
    id_ = store.new_id(name)
    # what was not said: no, or whatever the field's default is
    given = {
        each.name: each.default or 0
        for each in store.fields(name).values()
        if (each.default is not None or each.type == "boolean") and not each.formula
    }
    columns = _checked(store, name, values)
    row = {**given, **columns, "Id": id_, "CreatedById": ADMIN}
    store.insert(name, [*row, "LastModifiedById"], [(*row.values(), ADMIN)])
    computed.follow(store, store.objects()[name], id_, columns)
    shared_activities.follow(store, store.objects()[name], id_, columns)
    return id_


def _edit(
    store: Store, name: str, id_: str, columns: Mapping[str, Any], *, late: str = "0s"
) -> None:
    """Saves a record; one that commits late has the stamp of the moment its saving began."""
    now = stamp(store.clock.now() - duration(late))
    every = {
        **columns,
        "LastModifiedDate": now,
        "LastModifiedById": ADMIN,
        "SystemModstamp": now,
    }
    marks = ", ".join(f"{quoted(each)} = ?" for each in every)
    store.db.execute(f"update {quoted(name)} set {marks} where Id = ?", (*every.values(), id_))


def _merge(store: Store, name: str, *, loser: str, winner: str) -> None:
    """The loser goes to the bin and points to the winner, who gets everything of the loser's."""
    if loser == winner:
        raise ValueError("a record cannot be merged into itself")
    if "MasterRecordId" not in store.fields(name):
        raise ValueError(f"records of {name} cannot be merged")
    _edit(store, name, loser, {"IsDeleted": 1, "MasterRecordId": winner})
    recycle.note(store, name, loser)
    _edit(store, name, winner, {})
    now = stamp(store.clock.now())
    for child, described in store.objects().items():
        for field in described.fields.values():
            if name in field.refers and field.name != "MasterRecordId":
                # a winner that was the loser's child has no parent now, rather than itself
                store.db.execute(
                    f"update {quoted(child)} set {quoted(field.name)} = nullif(?, Id),"
                    f" SystemModstamp = ? where {quoted(field.name)} = ?",
                    (winner, now, loser),
                )
