"""What the org tells of its metadata: which types there are, which components, what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..clock import stamp
from ..store import Store
from . import tooling, translations
from .components import OBJECT_RIGHTS
from .errors import Refusal
from .metadata import metadata_of
from .package import BUNDLES, CHILDREN, FOLDERS

#: Folder of a package → how its files end, where that is not the type's name.
_SUFFIXES = {
    "objects": "object",
    "permissionsets": "permissionset",
    "objectTranslations": "objectTranslation",
    "applications": "app",
    "classes": "cls",
    "customMetadata": "md",
    "labels": "labels",
    "permissionsetgroups": "permissionsetgroup",
    "profiles": "profile",
    "staticresources": "resource",
    "tabs": "tab",
    "triggers": "trigger",
}
_WITH_META_FILE = frozenset({"classes", "triggers", "staticresources"})
_IN_FOLDERS = frozenset({"reports", "dashboards"})
_FIELD_RIGHTS = {"editable": "PermissionsEdit", "readable": "PermissionsRead"}


def described() -> dict[str, Any]:
    """Every type the org knows."""
    return {
        "metadataObjects": [_type(folder, kind) for folder, kind in FOLDERS.items()],
        "organizationNamespace": "",
        "partialSaveAllowed": True,
        "testRequired": False,
    }


def _type(folder: str, kind: str) -> dict[str, Any]:
    return {
        "childXmlNames": list(CHILDREN.values()) if kind == "CustomObject" else None,
        "directoryName": folder,
        "inFolder": folder in _IN_FOLDERS,
        "metaFile": folder in _WITH_META_FILE,
        "suffix": None if folder in BUNDLES else _SUFFIXES.get(folder, kind[0].lower() + kind[1:]),
        "xmlName": kind,
    }


def listed(store: Store, kind: str) -> list[dict[str, Any]]:
    """The components of a type."""
    match kind:
        case "CustomObject":
            found = [(name, f"objects/{name}.object", "") for name in store.objects()]
        case "CustomField":
            found = [
                (full, f"objects/{full.partition('.')[0]}.object", tooling.id_of(store, full))
                for full in _fields(store)
            ]
        case "PermissionSet":
            sql = "select Name, Id from PermissionSet where IsDeleted = 0"
            found = [
                (name, f"permissionsets/{name}.permissionset", id_)
                for name, id_ in store.db.execute(sql).fetchall()
            ]
        case _:
            sql = "select name, file, '' from metadata_kept where type = ?"
            found = store.db.execute(sql, (kind,)).fetchall()
    return [_properties(store, kind, *each) for each in found]


def _fields(store: Store) -> Iterator[str]:
    for name, target in store.objects().items():
        yield from (f"{name}.{each.name}" for each in target.fields.values() if each.custom)


def _properties(store: Store, kind: str, name: str, file: str, id_: str) -> dict[str, Any]:
    (user, who) = store.db.execute("select Id, Name from User order by Id").fetchone()
    now = stamp(store.clock.now())
    return {
        "createdById": user,
        "createdByName": who,
        "createdDate": now,
        "fileName": file,
        "fullName": name,
        "id": id_,
        "lastModifiedById": user,
        "lastModifiedByName": who,
        "lastModifiedDate": now,
        "manageableState": "unmanaged",
        "type": kind,
    }


def read(store: Store, kind: str, names: list[str]) -> list[dict[str, Any]]:
    """Components as their files would say it; one that is not there says nothing."""
    match kind:
        case "CustomField":
            return [_field(store, each) for each in names]
        case "CustomObject":
            return [_object(store, each) for each in names]
        case "PermissionSet":
            return [_permission_set(store, each) for each in names]
        case translations.KIND:
            return [translations.read(store, each) for each in names]
        case _:
            said = f"The metadata of type {kind} cannot be read in this org"
            raise Refusal("INVALID_TYPE", said)


def _field(store: Store, full: str) -> dict[str, Any]:
    target, _, name = full.partition(".")
    known = store.objects().get(target)
    if known is None or name not in known.fields:
        return {"@type": "CustomField"}
    told = {key: value for key, value in metadata_of(known.fields[name]).items() if value != ""}
    if "valueSet" in told:
        told["valueSet"] = _named(told["valueSet"])
    return {"@type": "CustomField", "fullName": full, **told}


def _named(values: dict[str, Any]) -> dict[str, Any]:
    """A value set as files have it: a value's name is its full name there."""
    defined = values["valueSetDefinition"]
    listed = [
        {"fullName": each["valueName"], "default": each["default"], "label": each["label"]}
        for each in defined["value"]
    ]
    return {**values, "valueSetDefinition": {**defined, "value": listed}}


def _object(store: Store, name: str) -> dict[str, Any]:
    known = store.objects().get(name)
    if known is None:
        return {"@type": "CustomObject"}
    fields = [_field(store, f"{name}.{each.name}") for each in known.fields.values() if each.custom]
    for each in fields:
        each.pop("@type")
        each["fullName"] = each["fullName"].partition(".")[2]
    return {"@type": "CustomObject", "fullName": name, "fields": fields, "label": known.label}


def _permission_set(store: Store, name: str) -> dict[str, Any]:
    sql = "select Id, Label, Description from PermissionSet where Name = ? and IsDeleted = 0"
    row = store.db.execute(sql, (name,)).fetchone()
    if row is None:
        return {"@type": "PermissionSet"}
    return {
        "@type": "PermissionSet",
        "fullName": name,
        "description": row[2],
        "fieldPermissions": _granted(
            store, "FieldPermissions", row[0], "field", "Field", _FIELD_RIGHTS
        ),
        "hasActivationRequired": False,
        "label": row[1],
        "objectPermissions": _granted(
            store, "ObjectPermissions", row[0], "object", "SobjectType", OBJECT_RIGHTS
        ),
    }


def _granted(
    store: Store, name: str, parent: str, element: str, column: str, rights: dict[str, str]
) -> list[dict[str, Any]]:
    rows = store.db.execute(
        f"select {column}, {', '.join(rights.values())} from {name}"
        f" where ParentId = ? and IsDeleted = 0 order by {column}",
        (parent,),
    )
    return [
        {element: about, **dict(zip(rights, map(bool, given), strict=True))}
        for about, *given in rows.fetchall()
    ]
