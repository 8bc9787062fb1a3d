"""What permission sets, their field permissions and assignments must be like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..store import Field, Store
from . import object_access, security
from .errors import Refusal

#: The objects that change what users see.
GRANTS = frozenset(
    {"FieldPermissions", "ObjectPermissions", "PermissionSetAssignment", "PermissionSet"}
)


def check(store: Store, name: str, columns: Mapping[str, Any]) -> None:
    """Refuses a new permission that makes no sense or is there already."""
    match name:
        case "PermissionSet":
            security.require(store, security.PERMISSION_SETS)
            _once(store, name, columns, ("Name",), "DUPLICATE_DEVELOPER_NAME")
        case "FieldPermissions":
            security.require(store, security.PERMISSION_SETS)
            _field(store, columns)
            _once(store, name, columns, ("ParentId", "Field"), "DUPLICATE_VALUE")
        case "ObjectPermissions":
            security.require(store, security.PERMISSION_SETS)
            _object(store, columns)
            _once(store, name, columns, ("ParentId", "SobjectType"), "DUPLICATE_VALUE")
        case "PermissionSetAssignment":
            security.require(store, security.ASSIGN)
            _once(store, name, columns, ("PermissionSetId", "AssigneeId"), "DUPLICATE_VALUE")


def _field(store: Store, columns: Mapping[str, Any]) -> None:
    target, _, name = str(columns["Field"]).partition(".")
    known = store.objects().get(target)
    field = known.fields.get(name) if known else None
    grantable = field is not None and security.permissionable(field)
    if not grantable or columns["SobjectType"] != target:
        said = f"bad value for restricted picklist field: {columns['Field']}"
        raise Refusal("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", said, fields=["Field"])
    if columns.get("PermissionsEdit") and not columns.get("PermissionsRead"):
        said = "Field permission must allow read if it allows edit"
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", said, fields=["PermissionsEdit"])


def _object(store: Store, columns: Mapping[str, Any]) -> None:
    name = str(columns["SobjectType"])
    if name not in object_access.listed(store):
        said = f"bad value for restricted picklist field: {name}"
        raise Refusal("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", said, fields=["SobjectType"])
    rows = store.db.execute(
        "select SobjectType from ObjectPermissions"
        " where ParentId = ? and PermissionsRead = 1 and IsDeleted = 0",
        (columns["ParentId"],),
    )
    object_access.check(name, columns, [row[0] for row in rows.fetchall()])


def listed(store: Store, name: str, field: Field) -> Field:
    """A field as describe tells it: of which objects a permission can speak, the org knows."""
    if (name, field.name) != ("ObjectPermissions", "SobjectType"):
        return field
    return replace(field, choices=object_access.listed(store), restricted=True)


def _once(
    store: Store, name: str, columns: Mapping[str, Any], key: tuple[str, ...], code: str
) -> None:
    where = " and ".join(f'"{each}" = ?' for each in key)
    values = [columns[each] for each in key]
    sql = f'select Id from "{name}" where {where} and IsDeleted = 0'
    if row := store.db.execute(sql, values).fetchone():
        said = (
            f"duplicate value found: {', '.join(key)} duplicates value on record with id: {row[0]}"
        )
        raise Refusal(code, said, fields=list(key))
