"""Object permissions: with the records of which objects a permission set lets people do what.

A field is seen only by who may read its object. What hangs on a record, such as a task or an
e-mail, follows that record and has no permissions of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from . import setup
from .client import Client
from .fields import describe

#: What can be allowed, in Salesforce's words and in the order in which it is told.
RIGHTS = ("Read", "Create", "Edit", "Delete", "ViewAllRecords", "ModifyAllRecords")
READ, EDIT = ("Read",), ("Read", "Edit")
#: In every org that has the objects at all, with permissions of their own.
STANDARD = frozenset({"Account", "Case", "Contact", "Contract", "Lead", "Opportunity"})
#: Reading an object takes reading of what it belongs to: without it the permission is refused.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "Case": ("Account", "Contact"),
    "Contact": ("Account",),
    "Contract": ("Account",),
    "Opportunity": ("Account",),
}

#: Object → what is allowed with its records.
Rights = Mapping[str, tuple[str, ...]]
Row = dict[str, Any]


def grantable(client: Client) -> frozenset[str]:
    """The objects that a permission set of this org can speak of, whoever sees them.

    An org that does not tell has at least those that every org has.
    """
    found = describe(client, "ObjectPermissions") or {"fields": ()}
    values = next((f["picklistValues"] for f in found["fields"] if f["name"] == "SobjectType"), ())
    return frozenset(each["value"] for each in values) or STANDARD


def rights(read: Iterable[str], write: str, known: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """What is needed to read these objects and to change one of them, and no more.

    Which records of an object somebody sees is the org's own decision, by its sharing: neither
    View All nor Modify All is among the rights.
    """
    needed = {name for each in (*read, write) for name in (each, *_NEEDS.get(each, ()))} & known
    return {name: EDIT if name == write else READ for name in in_order(needed)}


def offline(name: str) -> bool:
    """Whether an object can be granted in any org that the mapping is for."""
    return name in STANDARD or name.endswith("__c")


def held(client: Client, holder: str) -> dict[str, Row]:
    """What a permission set allows, by object."""
    columns = ", ".join(f"Permissions{right}" for right in RIGHTS)
    soql = f"SELECT Id, SobjectType, {columns} FROM ObjectPermissions WHERE ParentId = '{holder}'"
    return {row["SobjectType"]: row for row in setup.rows(client, soql)}


def allowed(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What a row of permissions allows."""
    return tuple(right for right in RIGHTS if row.get(f"Permissions{right}"))


def together(one: Rights, other: Rights) -> dict[str, tuple[str, ...]]:
    """The rights of both."""
    return {
        name: tuple(r for r in RIGHTS if r in {*one.get(name, ()), *other.get(name, ())})
        for name in in_order({*one, *other})
    }


def row(name: str, given: Sequence[str], **ids: str) -> Row:
    """Permissions to write; what is not given is not spoken of, and so is not taken away."""
    new = {"SobjectType": name} if "ParentId" in ids else {}
    told = {f"Permissions{right}": True for right in given}
    return {"attributes": {"type": "ObjectPermissions"}, **ids, **new, **told}


def in_order(names: Iterable[str]) -> list[str]:
    """Objects, each after those that it needs."""
    return sorted(names, key=lambda name: (_depth(name), name))


def levels(names: Iterable[str]) -> Iterator[list[str]]:
    """The same in groups: Salesforce wants the first to be there before it takes the next."""
    waiting = in_order(names)
    for depth in sorted({_depth(name) for name in waiting}):
        yield [name for name in waiting if _depth(name) == depth]


def _depth(name: str) -> int:
    return max((1 + _depth(each) for each in _NEEDS.get(name, ())), default=0)
