"""What fields the org has, and which types they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
#: Fields that change while their record does not, though describe calls them no formulas.
_MOVING = frozenset(
    {
        "LastActivityDate",
        "LastViewedDate",
        "LastReferencedDate",
        "HasOpenActivity",
        "HasOverdueTask",
    }
)
#: What can be asked of a parent that may be a record of several objects.
_OF_ANY = frozenset(
    {"id", "name", "type", "firstname", "lastname", "email", "title", "phone", "username", "alias"}
)

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
    """One field of a describe; `calculated` is what may change without its record."""
    return CrmField(
        name=raw["name"],
        type=raw["type"],
        label=raw.get("label") or "",
        writable=bool(raw.get("updateable")),
        calculated=bool(raw.get("calculated")) or raw["name"] in _MOVING,
        length=int(raw.get("length") or 0),
        precision=int(raw.get("precision") or 0),
        scale=int(raw.get("scale") or 0),
        choices=tuple(v["value"] for v in raw.get("picklistValues") or () if v.get("active", True)),
        restricted=bool(raw.get("restrictedPicklist")),
        holds=_HOLDS.get(raw["type"], ()),
    )


def is_long(raw: Describe) -> bool:
    """Whether a field is a long text of somebody's own, which makes pages small."""
    return raw["type"] == "textarea" and bool(raw.get("custom")) and int(raw["length"]) > 255


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


def path_type(
    path: str, object: str, look: Callable[[str], Describe | None], *, exact: bool = True
) -> str | None:
    """The DuckDB type of `Owner.Name` seen from an object; None if a step does not exist."""
    steps = list(along(path, object, look, exact=exact))
    raw = steps[-1].raw
    return _TYPES.get(raw["type"], TEXT) if raw else None


@dataclass(frozen=True, slots=True)
class Step:
    """A field on the way of a path; `raw` is None for one that describe does not show."""

    object: str
    name: str
    raw: Describe | None


def along(
    path: str, object: str, look: Callable[[str], Describe | None], *, exact: bool = True
) -> Iterator[Step]:
    """Every field on the way of a path, up to the first that is not shown."""
    *steps, last = path.split(".")
    for step in steps:
        raw = reference(look(object), step, exact=exact)
        yield Step(object, raw["name"] if raw else _reference_name(step), raw)
        if raw is None:
            return
        if _of_any(raw, last.casefold()):
            # `What.Type` is there, whatever it leads to
            return
        object = target(raw)
    fields = (look(object) or {}).get("fields", ())
    raw = next((raw for raw in fields if _same(raw["name"], last, exact=exact)), None)
    yield Step(object, raw["name"] if raw else last, raw)


def reference(found: Describe | None, relationship: str, *, exact: bool = True) -> Describe | None:
    """The field behind a relationship: that of `Owner` is OwnerId."""
    for raw in (found or {}).get("fields", ()):
        name = raw.get("relationshipName") or ""
        if _same(name, relationship, exact=exact) and raw.get("referenceTo"):
            return dict(raw)
    return None


def _same(name: str, other: str, *, exact: bool) -> bool:
    return name == other or (not exact and name.casefold() == other.casefold())


def _of_any(raw: Describe, last: str) -> bool:
    several, person = len(raw["referenceTo"]) > 1, "User" in raw["referenceTo"]
    return several and (last == "type" if person else last in _OF_ANY)


def _reference_name(relationship: str) -> str:
    """The field behind a relationship that cannot be looked up."""
    custom = relationship.endswith("__r")
    return f"{relationship[:-1]}c" if custom else f"{relationship}Id"


def target(raw: Describe) -> str:
    """The object that a reference leads to; of several, the user."""
    targets = list(raw["referenceTo"])
    return "User" if "User" in targets else str(targets[0])
