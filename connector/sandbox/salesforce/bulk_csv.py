"""How Bulk writes values: SQLite puts a whole row into one line of CSV."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ..store import EXACT, NUMBERS
from .soql_names import Column

#: Beyond these, numbers are written with an exponent.
LARGE, SMALL = 1e7, 1e-3


def header(columns: Sequence[Column], delimiter: str, ending: str) -> bytes:
    """The names of the columns, a parent's field as `Owner.Name`."""
    names = ('"' + ".".join(each.names) + '"' for each in columns)
    return (delimiter.join(names) + ending).encode()


def line(columns: Sequence[Column], delimiter: str, ending: str, *, nul_bytes: bool) -> str:
    """The SQL that makes a line of bytes: every value quoted, an empty one for null."""
    quote = [_literal('"'), *[_literal(f'"{delimiter}"')] * (len(columns) - 1)]
    parts = [
        part
        for before, each in zip(quote, columns, strict=True)
        for part in (before, _value(each, nul_bytes=nul_bytes))
    ]
    return f"cast({_joined([*parts, _literal(chr(34) + ending)])} as blob)"


def scientific(number: float) -> str:
    """A very large or small number as Java writes it: `3.5E8`."""
    digits, _, exponent = f"{Decimal(repr(number)).normalize():E}".partition("E")
    return f"{digits}{'' if '.' in digits else '.0'}E{int(exponent)}"


def _value(column: Column, *, nul_bytes: bool) -> str:
    of, kind = column.sql.sql("sqlite"), column.field.type
    if kind == "boolean":
        return f"case {of} when 1 then 'true' when 0 then 'false' else '' end"
    if kind in NUMBERS:
        plain = f"{of} = 0 or abs({of}) >= {SMALL} and abs({of}) < {LARGE}"
        return f"case when {of} is null then '' when {plain} then {of} else scientific({of}) end"
    if kind == "datetime":
        return f"ifnull(substr({of}, 1, 23) || 'Z', '')"
    if kind == "int" or kind in EXACT:
        return f"ifnull({of}, '')"
    text = f"ifnull(replace({of}, '\"', '\"\"'), '')"
    return _spoilt(text) if nul_bytes and kind in ("string", "textarea") else text


def _spoilt(text: str) -> str:
    """A text of every third length has a NUL in it."""
    second = f"substr({text}, 1, 1) || char(0) || substr({text}, 2)"
    return f"case when length({text}) % 3 = 2 then {second} else {text} end"


def _joined(parts: Sequence[str]) -> str:
    """All parts in a row, as a tree that stays flat however many they are."""
    if len(parts) == 1:
        return f"({parts[0]})"
    half = len(parts) // 2
    return f"({_joined(parts[:half])} || {_joined(parts[half:])})"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
