"""From results to what the CRM shall hold: values exactly as they will read back.

One column per target. NULL says "leave the field as it is", except for a field whose `missing` is
"clear": there it says "empty the field". So the policy of the field, not a second column, tells
the two apart, and a field with a default is never NULL.

One bad record is no reason to stop: what cannot be cast or is not a finite number is unknown.
"""

from __future__ import annotations

from dataclasses import replace

from ..records import DAY, FLAG, MOMENT, NUMBER, TEXT
from .expressions import forgiving, identifier, literal
from .objects import CrmMapping, Field, Kind
from .transforms import apply, cut, rounded

_TYPES: dict[Kind, str] = {
    "number": NUMBER,
    "text": TEXT,
    "long_text": TEXT,
    "choice": TEXT,
    "date": DAY,
    "datetime": MOMENT,
    "checkbox": FLAG,
}
_LENGTHS: dict[Kind, int] = {"text": 255, "long_text": 131_072, "choice": 255}


def sql(mapping: CrmMapping, relation: str) -> str:
    """A query from the results of every account to its id and the wanted value of each field."""
    values = [f"{value(field)} AS {identifier(field.target)}" for field in mapping.fields]
    return f"SELECT {', '.join(['id', *values])} FROM {relation}"


def sql_type(field: Field) -> str:
    """The DuckDB type of a field's wanted value."""
    return _TYPES[field.type]


def length(field: Field) -> int:
    """The most characters a text field takes."""
    return field.length or _LENGTHS.get(field.type, 0)


def value(field: Field) -> str:
    """The wanted value of one field as SQL over the results."""
    normal = _normal(field, apply(replace(field, source=forgiving(field.source))))
    if field.missing != "default":
        return normal
    return f"coalesce({normal}, {_normal(field, literal(field.default))})"


def _normal(field: Field, raw: str) -> str:
    if field.type == "number":
        number = rounded(raw, field.scale)
        return f"CASE WHEN isfinite({number}) THEN {number} END"
    if field.type == "datetime":
        return f"date_trunc('second', TRY_CAST({raw} AS TIMESTAMPTZ))"
    if field.type in ("date", "checkbox"):
        return f"TRY_CAST({raw} AS {sql_type(field)})"
    # What stands at the ends is lost on the way, and a null byte is no character.
    text = f"replace(CAST({raw} AS VARCHAR), chr(0), '')"
    text = f"regexp_replace({text}, '^[[:space:]]+|[[:space:]]+$', '', 'g')"
    # A one-line field loses its line breaks on the way in; wanting them would never end.
    if field.type == "text":
        text = f"regexp_replace({text}, '[[:space:]]+', ' ', 'g')"
    return f"nullif({text if field.type == 'choice' else cut(text, length(field))}, '')"
