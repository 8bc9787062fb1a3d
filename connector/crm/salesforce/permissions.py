"""Permission sets: what ours show and let edit, and who has them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from ...protocols import Access
from . import objects, setup
from .answers import outcome_of
from .client import Client
from .metadata import DESCRIPTION, MARK

WRITER, READER = "Health_Connector_Writer", "Health_Connector_Reader"
LABELS = {WRITER: "Health Connector Writer", READER: "Health Connector Reader"}
_NOT_OURS = "was not made by the connector: left alone; --adopt takes it over"
#: Rows in one call of sObject Collections.
_ROWS = 200

Row = dict[str, Any]


def access(client: Client, wanted: Access, *, adopt: bool) -> Access:
    """What a permission set of ours grants in the end, and what of that it does not yet.

    Nothing that it grants is taken away.
    """
    row = _set(client, wanted.name)
    if row is not None and not (_marked(row) or adopt):
        return replace(wanted, do="refuse", new=(), why=_NOT_OURS)
    held = _held(client, row["Id"]) if row else {}
    edits = {*wanted.edit, *(each for each in held if _allows(held[each], edit=True))}
    reads = {*wanted.read, *held} - edits
    new = [each for each in edits | reads if not _allows(held.get(each), edit=each in edits)]
    kept = objects.held(client, row["Id"]) if row else {}
    allowed = {each: objects.allowed(kept[each]) for each in kept}
    rights = objects.together(wanted.objects, allowed)
    new += [each for each in rights if rights[each] != allowed.get(each)]
    return replace(
        wanted,
        do=_to_do(row, new=bool(new)),
        read=_sorted(reads),
        edit=_sorted(edits),
        new=_sorted(new),
        objects=rights,
    )


def wanted(name: str, read: Iterable[str], edit: Iterable[str], rights: objects.Rights) -> Access:
    """What a permission set of ours is to grant at least."""
    reads, edits = _sorted(read), _sorted(edit)
    new = _sorted({*reads, *edits, *rights})
    return Access(name, LABELS[name], "create", reads, edits, new, objects=rights)


def is_assigned(client: Client, name: str, user: str) -> bool:
    """Whether a user has a permission set."""
    where = f"PermissionSet.Name = '{name}' AND AssigneeId = '{user}'"
    return bool(setup.rows(client, f"SELECT Id FROM PermissionSetAssignment WHERE {where}"))


def grant(
    client: Client, access: Access, without: Collection[str]
) -> tuple[list[str], dict[str, str]]:
    """Let a permission set show its fields but those; what was granted, and what was refused."""
    if access.do not in {"create", "change"}:
        return [], {}
    holder = _holder(client, access)
    opened, closed = _open(client, access, holder)
    held = _held(client, holder)
    todo = [each for each in access.new if each not in {*without, *access.objects}]
    new = {each: _row(each, access, ParentId=holder) for each in todo if each not in held}
    more = {each: _row(each, access, id=held[each]["Id"]) for each in todo if each in held}
    refused = {**_send(client, "POST", new), **_send(client, "PATCH", more)}
    shown = [each for each in todo if each not in refused]
    return [*opened, *shown], {**closed, **refused}


def _open(client: Client, access: Access, holder: str) -> tuple[list[str], dict[str, str]]:
    """Let a permission set open its objects; what was opened, and what was refused."""
    held, refused = objects.held(client, holder), dict[str, str]()
    todo = [each for each in access.objects if each in access.new]
    for names in objects.levels(todo):
        rights = access.objects
        new = {n: objects.row(n, rights[n], ParentId=holder) for n in names if n not in held}
        more = {n: objects.row(n, rights[n], id=held[n]["Id"]) for n in names if n in held}
        refused |= {**_send(client, "POST", new), **_send(client, "PATCH", more)}
    return [each for each in todo if each not in refused], refused


def assign(client: Client, name: str, user: str) -> None:
    """Give a user a permission set."""
    row = _set(client, name)
    if row is not None:
        body = {"PermissionSetId": row["Id"], "AssigneeId": user}
        client.call("POST", "sobjects/PermissionSetAssignment", f"to assign {name}", json=body)


def _to_do(row: Row | None, *, new: bool) -> Literal["create", "change", "leave"]:
    if row is None:
        return "create"
    return "change" if new or not _marked(row) else "leave"


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))


def _set(client: Client, name: str) -> Row | None:
    found = setup.rows(client, f"SELECT Id, Description FROM PermissionSet WHERE Name = '{name}'")
    return found[0] if found else None


def _marked(row: Mapping[str, Any]) -> bool:
    return MARK in (row.get("Description") or "")


def _held(client: Client, holder: str) -> dict[str, Row]:
    """What a permission set grants, by field."""
    soql = "SELECT Id, Field, PermissionsRead, PermissionsEdit FROM FieldPermissions"
    return {row["Field"]: row for row in setup.rows(client, f"{soql} WHERE ParentId = '{holder}'")}


def _allows(row: Mapping[str, Any] | None, *, edit: bool) -> bool:
    return bool(row and row["PermissionsEdit" if edit else "PermissionsRead"])


def _holder(client: Client, access: Access) -> str:
    """The id of the permission set, made or taken over if need be."""
    row, about = _set(client, access.name), {"Description": DESCRIPTION}
    doing = f"to make the permission set {access.name}"
    if row is None:
        body = {"Name": access.name, "Label": access.label, **about}
        return str(client.call("POST", "sobjects/PermissionSet", doing, json=body)["id"])
    if not _marked(row):
        client.call("PATCH", f"sobjects/PermissionSet/{row['Id']}", doing, json=about)
    return str(row["Id"])


def _row(name: str, access: Access, **ids: str) -> Row:
    """A field permission to write; object and field are named only in a new one."""
    rights = {"PermissionsRead": True, "PermissionsEdit": name in access.edit}
    new = {"SobjectType": name.partition(".")[0], "Field": name} if "ParentId" in ids else {}
    return {"attributes": {"type": "FieldPermissions"}, **ids, **new, **rights}


def _send(client: Client, method: str, permissions: Mapping[str, Row]) -> dict[str, str]:
    """Write permissions; what was refused, and why. One bad row costs no other."""
    refused = {}
    for names in _slices(sorted(permissions)):
        body = {"allOrNone": False, "records": [permissions[name] for name in names]}
        found = client.call(method, "composite/sobjects", "to grant permissions", json=body)
        for name, row in zip(names, found, strict=True):
            told = outcome_of(name, row)
            if told.result != "applied":
                refused[name] = f"{told.code} {told.message}"
    return refused


def _slices(names: list[str]) -> Iterator[list[str]]:
    return (names[start : start + _ROWS] for start in range(0, len(names), _ROWS))
