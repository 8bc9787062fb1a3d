"""Text from a CSV file, turned into the value a field holds."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

from .clock import stamp
from .load_spec import Rule
from .seed_names import plain
from .store import Field

Read = Callable[[str], object]

_YES = frozenset({"true", "yes", "y", "1", "t", "ja", "wahr"})
_NO = frozenset({"false", "no", "n", "0", "f", "nein", "falsch"})


class Bad(ValueError):
    """A value that cannot be read; the message says what it is not."""


def reader(field: Field, rule: Rule) -> Read:
    """The function that reads one cell for a field; it raises `Bad`."""
    if field.type == "date":
        return lambda text: _moment(text, rule.date).date().isoformat()
    if field.type == "datetime":
        return lambda text: stamp(_moment(text, rule.date))
    if field.type in {"double", "currency", "percent"}:
        return lambda text: round(_number(text, field, rule), field.scale)
    if field.type == "int":
        return lambda text: round(_number(text, field, rule))
    if field.type == "boolean":
        return _flag
    return lambda text: _text(text, field, rule)


def _moment(text: str, form: str | None) -> datetime:
    try:
        found = datetime.strptime(text, form) if form else datetime.fromisoformat(text)
    except ValueError as error:
        raise Bad("is not a date") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _number(text: str, field: Field, rule: Rule) -> float:
    if rule.decimal == ",":
        text = text.replace(".", "").replace(",", ".")
    try:
        number = float(text) * rule.times
    except ValueError as error:
        raise Bad("is not a number") from error
    if not math.isfinite(number):
        raise Bad("is not a number")
    if abs(number) >= 10 ** (field.precision - field.scale):
        raise Bad("is too large a number")
    return number


def _flag(text: str) -> int:
    if text.lower() in _YES:
        return 1
    if text.lower() in _NO:
        return 0
    raise Bad("is neither yes nor no")


def _text(text: str, field: Field, rule: Rule) -> str:
    if rule.address:
        text = ".".join(filter(None, map(plain, text.split()))) + f"@{rule.address}"
    if field.restricted and text not in field.choices:
        raise Bad("is not one of the choices")
    if len(text) > field.length:
        raise Bad(f"is longer than {field.length} characters")
    return text
