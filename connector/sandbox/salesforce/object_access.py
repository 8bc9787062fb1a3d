"""What a user may do with the records of an object, and users who begin with nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..store import Store
from .errors import Refusal

SCHEMA = """
create table if not exists object_security (
    object text primary key, readable integer not null, editable integer not null
) without rowid;
"""
#: What can be allowed; reading comes first, for everything else takes it.
RIGHTS = ("Read", "Create", "Edit", "Delete", "ViewAllRecords", "ModifyAllRecords")
#: Standard objects with permissions of their own; what hangs on a record follows that record.
_STANDARD = frozenset(
    {"Account", "Asset", "Campaign", "Case", "Contact", "Contract", "Lead", "Opportunity", "Order"}
)
#: Whose fields are nobody's until they are granted, though the object follows others.
_FOLLOWING = frozenset({"Task", "Event", "EmailMessage"})
#: What reading an object takes besides.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "Contact": ("Account",),
    "Contract": ("Account",),
    "Opportunity": ("Account",),
    "Case": ("Account", "Contact"),
}
BARE = "bare_users"
ALL, NONE = frozenset(RIGHTS), frozenset[str]()

_GRANTED = f"""
select o.SobjectType, {", ".join(f"max(o.Permissions{each})" for each in RIGHTS)}
from ObjectPermissions o
join PermissionSet p on p.Id = o.ParentId and p.IsDeleted = 0
join PermissionSetAssignment a on a.PermissionSetId = p.Id
where a.AssigneeId = ? and o.IsDeleted = 0 and a.IsDeleted = 0
group by o.SobjectType
"""


def permissionable(name: str) -> bool:
    """Whether a permission set can speak of an object."""
    return name in _STANDARD or name.endswith("__c")


def listed(store: Store) -> tuple[str, ...]:
    """The objects that a permission set can speak of."""
    return tuple(sorted(filter(permissionable, store.objects())))


def guarded(name: str) -> bool:
    """Whether the fields of an object are hidden from whoever begins with nothing."""
    return permissionable(name) or name in _FOLLOWING


def is_bare(store: Store, user: str) -> bool:
    """Whether a user has nothing but what permission sets give."""
    return user in (store.get(BARE) or ())


def strip(store: Store, user: str) -> None:
    """Takes from a user all that the profile gives."""
    store.put(BARE, sorted({*(store.get(BARE) or ()), user}))


def guard(store: Store, name: str, *, read: bool, edit: bool) -> None:
    """Sets what an object gives to those without a permission set; sets lose what they said."""
    if not permissionable(name):
        raise ValueError(f"{name} has no permissions of its own")
    with store.transaction() as db:
        db.execute("delete from ObjectPermissions where SobjectType = ?", (name,))
        sql = "insert or replace into object_security values (?, ?, ?)"
        db.execute(sql, (name, read, read and edit))


def rights(store: Store, user: str) -> dict[str, frozenset[str]]:
    """What a user may do with the objects that are not open to everybody."""
    rows = store.db.execute("select object, readable, editable from object_security").fetchall()
    found = {name: _base(readable, editable) for name, readable, editable in rows}
    if is_bare(store, user):
        found = dict.fromkeys(listed(store), NONE)
    if not found:
        return {}
    for name, *given in store.db.execute(_GRANTED, (user,)).fetchall():
        held = {right for right, allowed in zip(RIGHTS, given, strict=True) if allowed}
        found[name] = found.get(name, ALL) | held
    return found


def _base(readable: bool, editable: bool) -> frozenset[str]:
    if not readable:
        return NONE
    return ALL if editable else frozenset({"Read", "ViewAllRecords"})


def in_order(names: Iterable[str]) -> list[str]:
    """Objects, each after those that reading it takes."""
    return sorted(names, key=lambda name: (len(_NEEDS.get(name, ())), name))


def check(name: str, allowed: Mapping[str, Any], readable: Iterable[str]) -> None:
    """Refuses permissions that make no sense beside the objects that the set lets read."""
    given = [right for right in RIGHTS if allowed.get(f"Permissions{right}")]
    needed = [f"Read {each}" for each in _NEEDS.get(name, ()) if each not in set(readable)]
    if given and "Read" not in given:
        said = f"Permission {given[0]} {name} depends on permission(s): Read {name}"
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", said, fields=[])
    if given and needed:
        said = f"Permission Read {name} depends on permission(s): {', '.join(needed)}"
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", said, fields=[])
