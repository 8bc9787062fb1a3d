"""What a property takes, and how it is kept: always as text, empty text for what was cleared."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import orjson

from .catalogue import Property
from .errors import Refusal
from .kinds import Kind
from .times import iso, ms_of

LONGEST = 65_536
DAY_MS = 86_400_000
_NUMBER = re.compile(r"-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_WHOLE = re.compile(r"-?\d{1,17}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
#: Later moments cannot be written with four digits of a year.
_LAST_MS = 253_402_300_799_999


class Bad(Exception):
    """A value that its property does not take."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def taken(
    properties: Mapping[str, Property],
    given: Mapping[str, Any],
    kind: Kind,
    portal: int,
    outside: Mapping[str, frozenset[str]],
    *,
    told: bool = False,
) -> dict[str, str]:
    """Values as they are kept; null says nothing. Refuses all if one of them is not taken.

    `outside` has the values of properties whose options are kept elsewhere, owners and stages.
    `told` adds the errors as a list, which the older addresses do not.
    """
    kept: dict[str, str] = {}
    wrong: list[dict[str, Any]] = []
    for name, value in given.items():
        try:
            found = properties.get(name)
            if found is None:
                raise Bad("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
            if found.read_only:
                said = f'"{name}" is a read only property; its value cannot be set.'
                raise Bad("READ_ONLY_VALUE", said)
            if value is not None:
                kept[name] = encoded(found, value, kind, portal, outside.get(name))
        except Bad as bad:
            wrong.append(
                {"isValid": False, "message": bad.message, "error": bad.code, "name": name}
            )
    if wrong:
        raise refused(wrong, told=told)
    return kept


def refused(wrong: list[dict[str, Any]], *, told: bool) -> Refusal:
    """The answer to values that are not taken: what matters is JSON inside the message."""
    errors = [
        {
            "message": each["message"],
            "code": each["error"],
            "context": {"propertyName": [each["name"]]},
        }
        for each in wrong
    ]
    return Refusal(
        "VALIDATION_ERROR",
        f"Property values were not valid: {orjson.dumps(wrong).decode()}",
        errors=errors if told else (),
    )


def encoded(
    property_: Property, value: Any, kind: Kind, portal: int, outside: frozenset[str] | None = None
) -> str:
    """One value as it is kept."""
    text = _text(value)
    if not text:
        return ""
    match property_.type:
        case "number":
            return _number(text)
        case "datetime":
            return iso(_moment(text, kind, portal))
        case "date":
            return _date(text, kind, portal)
        case "bool":
            return _option(text.lower(), property_.options)
        case "enumeration":
            allowed = property_.options if outside is None else outside
            return _chosen(text, property_, allowed)
    if len(text) > LONGEST:
        said = f"Property value is too long: {len(text)} characters, {LONGEST} are allowed"
        raise Bad("VALUE_TOO_LONG", said)
    return text


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise Bad("INVALID_STRING", "Values are texts, numbers or booleans")


def _number(text: str) -> str:
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise Bad("INVALID_NUMBER", f"{text} was not a valid number.")
    return text


def _moment(text: str, kind: Kind, portal: int) -> int:
    if _WHOLE.fullmatch(text):
        found = int(text)
    else:
        try:
            found = ms_of(text)
        except ValueError:
            said = f"{text} was not a valid long. Portal {portal}, object type {kind.id}"
            raise Bad("INVALID_LONG", said) from None
    if not -_LAST_MS < found <= _LAST_MS:
        said = f"{text} was not a valid long. Portal {portal}, object type {kind.id}"
        raise Bad("INVALID_LONG", said)
    return found


def _date(text: str, kind: Kind, portal: int) -> str:
    if _DAY.fullmatch(text):
        try:
            return iso(ms_of(text))[:10]
        except ValueError:
            raise Bad("INVALID_DATE", f"{text} is not a valid date") from None
    try:
        moment = _moment(text, kind, portal)
    except Bad:
        raise Bad("INVALID_DATE", f"{text} is not a valid date") from None
    if moment % DAY_MS:
        clock = iso(moment)[11:-1]
        raise Bad("INVALID_DATE", f"{text} is at {clock} UTC, not midnight!")
    return iso(moment)[:10]


def _chosen(text: str, property_: Property, allowed: frozenset[str]) -> str:
    """One value, or several; a leading semicolon stays, and means: add to what is there."""
    if not allowed:
        return text
    if not property_.multiple:
        return _option(text, allowed)
    for each in filter(None, text.split(";")):
        _option(each, allowed)
    return text


def _option(text: str, allowed: frozenset[str]) -> str:
    if text in allowed:
        return text
    every = ", ".join(sorted(allowed))
    raise Bad("INVALID_OPTION", f"{text} was not one of the allowed options: [{every}]")


def added(before: str, text: str) -> str:
    """What a property of several values holds after `;b` was written to it."""
    if not text.startswith(";"):
        return text
    every = [*before.split(";"), *text.split(";")]
    return ";".join(dict.fromkeys(filter(None, every)))
