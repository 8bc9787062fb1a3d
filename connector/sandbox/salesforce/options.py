"""What an org has switched on, and who else works in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..clock import stamp
from ..store import Store
from . import (
    currencies,
    object_access,
    person_accounts,
    sessions,
    shared_activities,
    surveys,
    translations,
)

#: So many accounts stand on their own for every one that belongs to a group of companies.
ALONE = 5
OPTIONS = (
    "multi_currency",
    "dated_rates",
    "person_accounts",
    "hierarchy",
    "shared_activities",
    "translations",
    "surveys",
    "slow_queries",
)


def change(store: Store, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Switches options on, which cannot be switched off again, and tells which are on."""
    if unknown := set(wanted) - set(OPTIONS):
        raise ValueError(f"there is no option {', '.join(unknown)}; there are {', '.join(OPTIONS)}")
    if any(wanted.get(each) is False for each in OPTIONS):
        raise ValueError("what an org has switched on stays on")
    done: dict[str, Any] = dict(store.get("org_options") or {})
    if wanted.get("surveys"):  # makes tables, which no transaction can hold
        done["surveys"] = surveys.enable(store)
    with store.transaction():
        if wanted.get("multi_currency") or wanted.get("dated_rates"):
            currencies.enable(store, dated=bool(wanted.get("dated_rates")))
        if count := int(wanted.get("person_accounts", 0)):
            done["person_accounts"] = person_accounts.enable(store, count)
        if depth := int(wanted.get("hierarchy", 0)):
            done["chains"] = _chain(store, depth)
        if count := int(wanted.get("shared_activities", 0)):
            done["shared_activities"] = shared_activities.enable(store, count)
        if languages := wanted.get("translations"):
            done["translations"] = translations.switch_on(store, languages)
        store.put("org_options", {**wanted, **done})
    return {**wanted, **done}


def add_user(store: Store, wanted: Mapping[str, Any], base: str) -> dict[str, str]:
    """Adds a user, or finds the one of this name, gives permission sets and opens a session.

    One who is `bare` has no rights on objects and fields but those of permission sets.
    """
    username = str(wanted["username"])
    name = str(wanted.get("name") or username.partition("@")[0])
    with store.transaction() as db:
        row = db.execute("select Id from User where Username = ?", (username,)).fetchone()
        id_ = str(row[0]) if row else store.new_id("User")
        if not row:
            columns = ("Id", "Name", "Email", "Username", "IsActive")
            store.insert("User", columns, [(id_, name, username, username, 1)])
        for each in wanted.get("permission_sets") or []:
            _assign(store, id_, str(each))
        others = [each for each in sessions.options(store)["users"] if each != username]
        sessions.change_options(store, {"users": [*others, username]})
        if wanted.get("bare"):
            object_access.strip(store, id_)
        token = sessions.open_session(store, id_, base)
    return {"id": id_, "username": username, "access_token": token, "instance_url": base}


def _assign(store: Store, user: str, permission_set: str) -> None:
    sql = "select Id from PermissionSet where Name = ? and IsDeleted = 0"
    if (row := store.db.execute(sql, (permission_set,)).fetchone()) is None:
        raise ValueError(f"there is no permission set {permission_set!r}")
    name = "PermissionSetAssignment"
    sql = f"select 1 from {name} where PermissionSetId = ? and AssigneeId = ? and IsDeleted = 0"
    if not store.db.execute(sql, (row[0], user)).fetchone():
        store.insert(name, ("PermissionSetId", "AssigneeId"), [(row[0], user)])


def _chain(store: Store, depth: int) -> int:
    """Hangs accounts below one another in chains of so many; tells how many chains."""
    people = " and IsPersonAccount = 0" if "IsPersonAccount" in store.fields("Account") else ""
    sql = f"select Id from Account where IsDeleted = 0{people} order by Id"
    ids = [row[0] for row in store.db.execute(sql).fetchall()]
    chains = max(1, len(ids) // (depth * ALONE)) if len(ids) >= depth else 0
    now = stamp(store.clock.now())
    rows = [
        (ids[place - 1] if place % depth else None, now, ids[place])
        for place in range(chains * depth)
    ]
    sql = "update Account set ParentId = ?, SystemModstamp = ?, LastModifiedDate = ?2 where Id = ?3"
    store.db.executemany(sql, rows)
    return chains
