"""One value of one field: what may be written, and what is then kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from ..clock import stamp
from ..ids import is_id, long_id
from ..store import NUMBERS, Field
from .errors import Refusal

FIRST_YEAR, LAST_YEAR = 1700, 4000
SMALLEST_INT, LARGEST_INT = -(2**31), 2**31 - 1
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def kept(field: Field, value: Any) -> Any:
    """The value as the record will hold it; refuses what the field cannot hold."""
    value = value.strip() if isinstance(value, str) else value
    if value is None or value == "":
        _check_empty(field)
        return None
    if field.type in NUMBERS:
        return _number(field, value)
    if field.type in _KINDS:
        return _KINDS[field.type](field, value)
    return _text(field, value)


def _check_empty(field: Field) -> None:
    if field.type == "boolean":
        raise _wrong(field, None)
    if not field.nillable:
        said = f"Required fields are missing: [{field.name}]"
        raise Refusal("REQUIRED_FIELD_MISSING", said, fields=[field.name])


def _wrong(field: Field, value: Any) -> Refusal:
    label = field.label or field.name
    said = f"{label}: value not of required type: {value}"
    return Refusal("INVALID_TYPE_ON_FIELD_IN_RECORD", said, fields=[field.name])


def _decimal(field: Field, value: Any) -> Decimal:
    written = str(value)
    if isinstance(value, bool | list | dict) or not _NUMBER.fullmatch(written):
        raise _wrong(field, value)
    return Decimal(written)


def _out_of_range(field: Field, value: Any) -> Refusal:
    label = field.label or field.name
    said = f"{label}: value outside of valid range on numeric field: {value}"
    return Refusal("NUMBER_OUTSIDE_VALID_RANGE", said, fields=[field.name])


def _number(field: Field, value: Any) -> float:
    number = _decimal(field, value)
    try:
        rounded = number.quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP)
    except InvalidOperation:
        raise _out_of_range(field, value) from None
    if abs(rounded) >= Decimal(10) ** (field.precision - field.scale):
        raise _out_of_range(field, value)
    return float(rounded)


def _whole(field: Field, value: Any) -> int:
    number = _decimal(field, value)
    if number != number.to_integral_value():
        raise _wrong(field, value)
    if not SMALLEST_INT <= number <= LARGEST_INT:
        raise _out_of_range(field, value)
    return int(number)


def _boolean(field: Field, value: Any) -> int:
    if value in ("true", "false"):
        return int(value == "true")
    if not isinstance(value, bool):
        raise _wrong(field, value)
    return int(value)


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(field, value)
    if len(value) > field.length:
        label = field.label or field.name
        said = f"{label}: data value too large: {value} (max length={field.length})"
        raise Refusal("STRING_TOO_LONG", said, fields=[field.name])
    return value


def _choice(field: Field, value: Any) -> str:
    text = _text(field, value)
    if field.restricted and text not in field.choices:
        label = field.label or field.name
        said = f"{label}: bad value for restricted picklist field: {text}"
        raise Refusal("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", said, fields=[field.name])
    return text


def _choices(field: Field, value: Any) -> str:
    """Several values, kept in the order the field lists them."""
    if not isinstance(value, str):
        raise _wrong(field, value)
    given = [_choice(field, each.strip()) for each in value.split(";") if each.strip()]
    order = {each: place for place, each in enumerate(field.choices)}
    several = sorted(dict.fromkeys(given), key=lambda each: order.get(each, len(order)))
    return ";".join(several)


def _email(field: Field, value: Any) -> str:
    text = _text(field, value)
    if not _ADDRESS.fullmatch(text):
        said = f"{field.label or field.name}: invalid email address: {text}"
        raise Refusal("INVALID_EMAIL_ADDRESS", said, fields=[field.name])
    return text


def _day(field: Field, value: Any) -> str:
    try:
        day = date.fromisoformat(value) if len(value) == len("2026-11-02") else None
    except (TypeError, ValueError):
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise _wrong(field, value)
    return day.isoformat()


def _moment(field: Field, value: Any) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _wrong(field, value) from None
    if moment.tzinfo is None or not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise _wrong(field, value)
    return stamp(moment)


def _reference(field: Field, value: Any) -> str:
    if not is_id(value):
        label = field.label or field.name
        said = f"{label}: id value of incorrect type: {value}"
        raise Refusal("MALFORMED_ID", said, fields=[field.name])
    return long_id(value)


_KINDS: dict[str, Callable[[Field, Any], Any]] = {
    "boolean": _boolean,
    "int": _whole,
    "date": _day,
    "datetime": _moment,
    "email": _email,
    "multipicklist": _choices,
    "picklist": _choice,
    "reference": _reference,
}
