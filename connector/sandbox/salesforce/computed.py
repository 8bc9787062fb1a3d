"""Fields that nobody writes because others decide them: whose an activity is, what is closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..store import Object, Store, quoted

#: An account's or a deal's activities are the account's; all others are the contact's account's.
_ACCOUNT = (
    "case substr(WhatId, 1, 3) when '001' then WhatId"
    " when '006' then (select AccountId from Opportunity where Id = WhatId)"
    " else (select AccountId from Contact where Id = WhoId) end"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """What follows when one of these fields is written; may look into other objects."""

    when: frozenset[str]
    then: Mapping[str, str]
    looks_into: frozenset[str] = frozenset()


_OWNER = Rule(
    frozenset({"WhatId", "WhoId"}), {"AccountId": _ACCOUNT}, frozenset({"Opportunity", "Contact"})
)


def _closing(field: str, closed: str, moment: str) -> Rule:
    at = f"case when {field} = '{closed}' then ifnull({moment}, now()) end"
    return Rule(frozenset({field}), {"IsClosed": f"ifnull({field} = '{closed}', 0)", moment: at})


RULES: Mapping[str, tuple[Rule, ...]] = {
    "Contact": (
        Rule(
            frozenset({"FirstName", "LastName"}),
            {"Name": "trim(ifnull(FirstName, '') || ' ' || LastName)"},
        ),
    ),
    "Task": (_OWNER, _closing("Status", "Completed", "CompletedDateTime")),
    "Event": (_OWNER,),
    "EmailMessageRelation": (
        Rule(
            frozenset({"RelationId"}),
            {
                "RelationObjectType": "case substr(RelationId, 1, 3) when '003' then 'Contact'"
                " when '00Q' then 'Lead' when '005' then 'User' end"
            },
        ),
    ),
    "Case": (_closing("Status", "Closed", "ClosedDate"),),
    "Opportunity": (
        Rule(
            frozenset({"StageName"}),
            {
                "IsClosed": "StageName in ('Closed Won', 'Closed Lost')",
                "IsWon": "StageName = 'Closed Won'",
            },
        ),
    ),
}


def follow(store: Store, target: Object, id_: str, columns: Mapping[str, Any]) -> None:
    """Computes what follows from the fields just written, unless it was written as well."""
    for rule in RULES.get(target.name, ()):
        there = rule.when | set(rule.then) <= set(target.fields)
        if not there or not rule.when & set(columns) or not rule.looks_into <= set(store.objects()):
            continue
        then = {name: sql for name, sql in rule.then.items() if name not in columns}
        marks = ", ".join(f"{quoted(name)} = {sql}" for name, sql in then.items())
        if marks:
            sql = f"update {quoted(target.name)} set {marks} where Id = ?"
            store.db.execute(sql, (id_,))
