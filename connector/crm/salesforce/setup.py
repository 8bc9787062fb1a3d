"""What can be looked up in Setup, as far as the running user may: fields, permissions, rights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import Denied, RemoteError
from .client import Client

#: Who may not look into Setup is told that what is there does not exist.
_CLOSED = frozenset({"INVALID_TYPE", "INVALID_FIELD", "NOT_FOUND", "INSUFFICIENT_ACCESS"})

#: The rights that provisioning can need, by their API names, in the words of Setup.
RIGHTS: Mapping[str, str] = {
    "CustomizeApplication": "Customize Application",
    "ModifyMetadata": "Modify Metadata Through Metadata API Functions",
    "ManageProfilesPermissionsets": "Manage Profiles and Permission Sets",
    "AssignPermissionSets": "Assign Permission Sets",
}


def tooling(client: Client, soql: str) -> list[dict[str, Any]] | None:
    """The rows of a Tooling query; None when the running user may not look."""
    return _rows(client, "tooling/query", soql)


def rows(client: Client, soql: str) -> list[dict[str, Any]]:
    """The rows of a query over permissions; none when the running user may not look."""
    return _rows(client, "query", soql) or []


def lacking(client: Client, needed: Iterable[str]) -> tuple[str, ...]:
    """Which of these rights the running user does not have, in the words of Setup.

    An org that does not tell is taken to allow them; it will refuse what it must.
    """
    asked = sorted(set(needed))
    if not asked:
        return ()
    names = ", ".join(f"Permissions{each}" for each in asked)
    found = _rows(client, "query", f"SELECT {names} FROM UserPermissionAccess")
    held = found[0] if found else {}
    return tuple(RIGHTS[each] for each in asked if held.get(f"Permissions{each}") is False)


def definition(client: Client, id: str) -> dict[str, Any] | None:
    """The metadata of a custom field; None when the running user may not look."""
    path = f"tooling/sobjects/CustomField/{id}"
    try:
        found = client.call("GET", path, "to look up a custom field")
    except RemoteError as error:
        if _closed(error):
            return None
        raise
    return dict(found["Metadata"])


def _rows(client: Client, path: str, soql: str) -> list[dict[str, Any]] | None:
    try:
        found = client.call("GET", path, "to look into Setup", params={"q": soql})
    except RemoteError as error:
        if _closed(error):
            return None
        raise
    return list(found["records"])


def _closed(error: RemoteError) -> bool:
    return isinstance(error, Denied) or error.code in _CLOSED
