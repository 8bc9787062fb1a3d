"""What a definition of a property may say, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import catalogue
from .catalogue import Body
from .errors import Refusal, invalid

NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
#: The inputs that go with each type.
INPUTS: dict[str, frozenset[str]] = {
    "string": frozenset({"text", "textarea", "html", "file", "phonenumber",
                         "calculation_equation"}),
    "number": frozenset({"number", "calculation_equation"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"date", "calculation_equation"}),
    "enumeration": frozenset({"select", "radio", "checkbox", "booleancheckbox",
                              "calculation_equation"}),
    "bool": frozenset({"booleancheckbox", "calculation_equation"}),
}  # fmt: skip
HINTS = frozenset({"currency", "duration", "formatted", "percentage", "probability", "unformatted"})
_NEEDED = ("name", "label", "type", "fieldType", "groupName")
#: What a new definition may say besides, and what a change of one may.
_MORE = (
    "description",
    "displayOrder",
    "externalOptions",
    "formField",
    "hasUniqueValue",
    "hidden",
    "numberDisplayHint",
    "textDisplayHint",
    "showCurrencySymbol",
    "currencyPropertyName",
    "referencedObjectType",
    "calculationFormula",
    "dataSensitivity",
)
CHANGEABLE = frozenset({"label", "type", "fieldType", "groupName", "options", *_MORE}) - {
    "hasUniqueValue",
    "dataSensitivity",
    "referencedObjectType",
}


def made(given: Mapping[str, Any], groups: frozenset[str], at: str) -> Body:
    """A new definition; refuses one that does not fit together."""
    if missing := [each for each in _NEEDED if not isinstance(given.get(each), str)]:
        raise invalid(f"Invalid input JSON: Some required fields were not set: {missing}")
    name = given["name"]
    if not NAME.fullmatch(name):
        raise refused("INVALID_NAME", f"{name!r} is not a valid name", name)
    if name.startswith("hs_"):
        raise refused("RESERVED_NAME", f"Names that begin with hs_ are HubSpot's own: {name}", name)
    more = {each: given[each] for each in _MORE if each in given}
    body = catalogue.definition(
        name,
        given["type"],
        given["fieldType"],
        at,
        label=given["label"],
        groupName=given["groupName"],
        options=options_of(given.get("options") or [], name),
        calculated=given["fieldType"] == "calculation_equation",
        read_only=given["fieldType"] == "calculation_equation",
        **more,
    )
    check(body, groups)
    return body


def changed(before: Body, given: Mapping[str, Any], groups: frozenset[str], at: str) -> Body:
    """A definition with changes; a list of options replaces the whole list before."""
    if before["modificationMetadata"]["readOnlyDefinition"] and set(given) - {"options", "label"}:
        said = f"Property {before['name']} is defined by HubSpot and cannot be changed"
        raise refused("READ_ONLY_DEFINITION", said, before["name"])
    body = {**before, **{each: given[each] for each in CHANGEABLE if each in given}}
    if "options" in given:
        body["options"] = options_of(given["options"] or [], before["name"])
    if _family(before["type"]) != _family(body["type"]):
        said = f"Type of {before['name']} cannot change from {before['type']} to {body['type']}"
        raise refused("INVALID_TYPE_CHANGE", said, before["name"])
    check(body, groups)
    return {**body, "updatedAt": at, "updatedUserId": catalogue.USER}


def check(body: Body, groups: frozenset[str]) -> None:
    """Refuses a definition whose parts do not go together."""
    name = body["name"]
    if body["type"] not in INPUTS:
        raise refused("INVALID_TYPE", f"{body['type']} is not a valid property type", name)
    if body["fieldType"] not in INPUTS[body["type"]]:
        said = f"Property type {body['type']} does not go with field type {body['fieldType']}"
        raise refused("INVALID_FIELD_TYPE", said, name)
    if body["groupName"] not in groups:
        raise refused("GROUP_NOT_FOUND", f"There is no group named {body['groupName']}", name)
    if body.get("numberDisplayHint", "formatted") not in HINTS:
        raise refused("INVALID_HINT", f"{body['numberDisplayHint']} is not a display hint", name)
    if body["hasUniqueValue"] and (body["type"], body["fieldType"]) not in (
        ("string", "text"),
        ("number", "number"),
    ):
        raise refused("INVALID_UNIQUE", "Only texts and numbers can have unique values", name)
    calculated = body["fieldType"] == "calculation_equation"
    if calculated != bool(body.get("calculationFormula")):
        raise refused("INVALID_CALCULATION", "A calculated property needs its formula", name)
    values = [each["value"] for each in body["options"]]
    choice = body["type"] in ("enumeration", "bool")
    if (choice and not values and not body["externalOptions"] and not calculated) or (
        values and not choice
    ):
        said = f"Property type {body['type']} does not go with {len(values)} options"
        raise refused("INVALID_OPTIONS", said, name)
    if body["type"] == "bool" and sorted(values) != ["false", "true"]:
        raise refused("INVALID_OPTIONS", "A bool has the options true and false", name)


def options_of(given: Any, name: str) -> list[Body]:
    """Options in full; each value and each label once."""
    found: list[Body] = []
    for place, each in enumerate(given):
        if not isinstance(each, dict) or "label" not in each or "value" not in each:
            raise invalid("Invalid input JSON: an option has a label and a value")
        found.append(
            {
                "label": str(each["label"]),
                "value": str(each["value"]),
                "description": str(each.get("description") or ""),
                "displayOrder": int(each.get("displayOrder", place)),
                "hidden": bool(each.get("hidden", False)),
            }
        )
    for part in ("value", "label"):
        if len({each[part] for each in found}) < len(found):
            raise refused("DUPLICATE_OPTION", f"Each {part} of an option must be unique", name)
    return found


def refused(code: str, said: str, name: str) -> Refusal:
    """The answer to a definition that is not as it should be."""
    error = {"message": said, "code": code, "context": {"propertyName": [name]}}
    return Refusal("VALIDATION_ERROR", said, errors=[error])


def _family(type_: str) -> str:
    """Types that a property can change between."""
    return {"date": "moment", "datetime": "moment", "bool": "enumeration"}.get(type_, type_)
