"""What the children of a record are called from above: `Contacts`, `ChildAccounts`, `Seats__r`."""

from __future__ import annotations

from collections.abc import Mapping

from ..store import Field, Object

#: The lookups of standard objects that can be followed downwards.
_STANDARD = frozenset({"AccountId", "ContactId", "OpportunityId", "ParentId", "WhatId", "WhoId"})
_OWN = {
    ("Account", "ParentId"): "ChildAccounts",
    ("EmailMessage", "RelatedToId"): "Emails",
    ("TaskRelation", "TaskId"): "TaskRelations",
    ("EventRelation", "EventId"): "EventRelations",
    ("EmailMessageRelation", "EmailMessageId"): "EmailMessageRelations",
    ("TaskRelation", "AccountId"): "",
    ("EventRelation", "AccountId"): "",
    # computed from the other two, and not to be followed
    ("Task", "AccountId"): "",
    ("Event", "AccountId"): "",
}


def child_name(child: str, link: Field) -> str:
    """The name of a relationship as the parent has it; empty if it has none."""
    if (child, link.name) in _OWN:
        return _OWN[child, link.name]
    if link.custom:
        return f"{_plural(child.removesuffix('__c'))}__r"
    return _plural(child) if link.name in _STANDARD else ""


def children(catalogue: Mapping[str, Object], name: str) -> dict[str, tuple[str, Field]]:
    """The relationships that lead down from an object: child object and its field by name."""
    return {
        called: (child.name, link)
        for child in catalogue.values()
        for link in child.fields.values()
        if name in link.refers and (called := child_name(child.name, link))
    }


def _plural(name: str) -> str:
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
