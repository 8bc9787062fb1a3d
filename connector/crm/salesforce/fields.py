"""What fields the org has, and which types they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import RemoteError
from ...records import DAY, FLAG, MOMENT, NUMBER, TEXT, CrmField
from .client import Client

_TYPES = {
    "boolean": FLAG,
    "int": NUMBER,
    "long": NUMBER,
    "double": NUMBER,
    "currency": NUMBER,
    "percent": NUMBER,
    "date": DAY,
    "datetime": MOMENT,
}

#: Which kinds of the mapping a field can hold, by its type.
_HOLDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("double", "currency", "percent", "int"), ("number",)),
    "string": ("text", "choice"),
    "url": ("text",),
    "textarea": ("text", "long_text"),
    "picklist": ("choice",),
    "date": ("date",),
    "datetime": ("datetime",),
    "boolean": ("checkbox",),
}

Describe = Mapping[str, Any]
ByType = Mapping[str, Mapping[str, tuple[str, ...]]]


def describe(client: Client, object: str) -> Describe | None:
    """The describe of one object; None when the running user has no such object."""
    try:
        found = client.call("GET", f"sobjects/{object}/describe", f"to describe {object}")
    except RemoteError as error:
        if error.status == 404 or error.code in {"NOT_FOUND", "INVALID_TYPE"}:
            return None
        raise
    return dict(found)


def field_of(raw: Describe) -> CrmField:
    """One field of a describe."""
    return CrmField(
        name=raw["name"],
        type=raw["type"],
        label=raw.get("label") or "",
        writable=bool(raw.get("updateable")),
        calculated=bool(raw.get("calculated")),
        length=int(raw.get("length") or 0),
        precision=int(raw.get("precision") or 0),
        scale=int(raw.get("scale") or 0),
        choices=tuple(v["value"] for v in raw.get("picklistValues") or () if v.get("active", True)),
        restricted=bool(raw.get("restrictedPicklist")),
        holds=_HOLDS.get(raw["type"], ()),
    )


def record_types(found: Describe) -> list[str]:
    """The record types of an object that the user may give a record; the master says nothing."""
    infos = found.get("recordTypeInfos") or ()
    return [i["recordTypeId"] for i in infos if i.get("available") and not i.get("master")]


def choices_by_type(client: Client, object: str, found: Describe) -> ByType:
    """Field → record type → the values that a record of that type may have.

    Empty where the org has no record types, or does not tell: then the rows themselves will.
    """
    told: dict[str, dict[str, tuple[str, ...]]] = {}
    for kind in record_types(found):
        path = f"ui-api/object-info/{object}/picklist-values/{kind}"
        try:
            body = client.json("GET", path, "to look up picklist values")
        except RemoteError as error:
            if error.status in {403, 404}:
                return {}
            raise
        for name, values in body["picklistFieldValues"].items():
            told.setdefault(name, {})[kind] = tuple(each["value"] for each in values["values"])
    return told


def path_type(path: str, object: str, look: Callable[[str], Describe | None]) -> str | None:
    """The DuckDB type of `Owner.Name` seen from an object; None if a step does not exist."""
    found = look(object)
    *steps, last = path.split(".")
    for step in steps:
        raw = reference(found, step)
        found = look(target(raw)) if raw else None
    if found is None:
        return None
    for raw in found["fields"]:
        if raw["name"] == last:
            return _TYPES.get(raw["type"], TEXT)
    return None


def reference(found: Describe | None, relationship: str) -> Describe | None:
    """The field behind a relationship: that of `Owner` is OwnerId."""
    for raw in (found or {}).get("fields", ()):
        if raw.get("relationshipName") == relationship and raw.get("referenceTo"):
            return dict(raw)
    return None


def target(raw: Describe) -> str:
    """The object that a reference leads to; of several, the user."""
    targets = list(raw["referenceTo"])
    return "User" if "User" in targets else str(targets[0])
