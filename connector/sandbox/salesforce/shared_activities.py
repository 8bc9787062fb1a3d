"""Activities with several people: one row for everybody and everything that one is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..store import Field, Object, Store, quoted
from .recycle import index

_FIXED: dict[str, Any] = {"nillable": False, "updateable": False, "length": 18}
_PREFIXES = {"Task": "0RT", "Event": "0RE"}
#: Whose a person or a thing is, in the order of the ids that lead there.
_ACCOUNT = (
    "case substr({id}, 1, 3) when '001' then {id}"
    " when '003' then (select AccountId from Contact where Id = {id})"
    " when '006' then (select AccountId from Opportunity where Id = {id}) end"
)


def relation(activity: str) -> str:
    """The object that holds who and what an activity is about."""
    return f"{activity}Relation"


def enable(store: Store, count: int) -> int:
    """Switches shared activities on; so many tasks get a second person. Tells how many."""
    with store.transaction():
        for activity, prefix in _PREFIXES.items():
            if relation(activity) not in store.objects():
                _create(store, activity, prefix)
                _fill(store, activity)
        return _share(store, count)


def follow(store: Store, target: Object, id_: str, columns: Mapping[str, Any]) -> None:
    """Brings the rows of an activity in line with whom and what it was just said to be about.

    A new person takes the place of all there were: the API writes the first of them by `WhoId`.
    """
    if target.name not in _PREFIXES or relation(target.name) not in store.objects():
        return
    for link, is_what in (("WhoId", 0), ("WhatId", 1)):
        if link in columns:
            sql = f"delete from {relation(target.name)} where {target.name}Id = ? and IsWhat = ?"
            store.db.execute(sql, (id_, is_what))
            if columns[link]:
                _add(store, target.name, id_, columns[link], is_what)


def _create(store: Store, activity: str, prefix: str) -> None:
    about = ("Contact", "Lead", "Account", "Opportunity", "Case")
    account = Field("AccountId", "reference", refers=("Account",), relationship="Account",
                    createable=False, updateable=False, length=18)  # fmt: skip
    fields = [
        Field("RelationId", "reference", refers=about, relationship="Relation", **_FIXED),
        Field(f"{activity}Id", "reference", refers=(activity,), relationship=activity, **_FIXED),
        Field("IsWhat", "boolean", nillable=False, createable=False, updateable=False),
        account,
    ]
    if activity == "Event":
        fields += [
            Field("IsParent", "boolean", nillable=False, default=True),
            Field("IsInvitee", "boolean", nillable=False, default=False),
        ]
    store.create(relation(activity), fields, prefix=prefix)
    index(store, relation(activity), f"{activity}Id")


def _fill(store: Store, activity: str) -> None:
    for link, is_what in (("WhoId", 0), ("WhatId", 1)):
        if link in store.fields(activity):
            sql = f"select Id, {link} from {quoted(activity)} where {link} is not null"
            for id_, about in store.db.execute(sql).fetchall():
                _add(store, activity, id_, about, is_what)


def _share(store: Store, count: int) -> int:
    """Gives tasks a colleague of the person they are with, who is not the first."""
    rows = store.db.execute(
        "select t.Id, (select min(o.Id) from Contact o where o.AccountId = c.AccountId"
        " and o.Id <> c.Id and o.IsDeleted = 0) as other"
        " from Task t join Contact c on c.Id = t.WhoId"
        " where t.IsDeleted = 0 and other is not null and not exists"
        " (select 1 from TaskRelation r where r.TaskId = t.Id and r.RelationId = other)"
        " order by t.Id limit ?",
        (count,),
    ).fetchall()
    for id_, other in rows:
        _add(store, "Task", id_, other, 0)
    return len(rows)


def _add(store: Store, activity: str, id_: str, about: str, is_what: int) -> None:
    sql = f"select {_ACCOUNT.format(id='?1')}"
    (account,) = store.db.execute(sql, (about,)).fetchone()
    row = {f"{activity}Id": id_, "RelationId": about, "IsWhat": is_what, "AccountId": account}
    row |= {"IsParent": 1, "IsInvitee": 0} if activity == "Event" else {}
    store.insert(relation(activity), list(row), [tuple(row.values())])
