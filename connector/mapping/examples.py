"""Examples in a mapping file: the SQL that production runs, over one made-up account each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from . import expressions, wanted
from .document import Mistake, Path
from .expressions import identifier, literal
from .objects import CrmMapping, Field, Scalar


@dataclass(frozen=True, slots=True)
class Example:
    """One example: a query with one row, and what its columns must hold ("" for nothing)."""

    path: Path
    sql: str
    expect: Mapping[str, Scalar]


def statements(
    mapping: CrmMapping, result_columns: Mapping[str, str] | None = None
) -> list[Example]:
    """Every example of a mapping as a query; moments and dates come back as text (ISO, UTC)."""
    return [
        Example(
            ("examples", position),
            _sql(mapping, each.given, each.expect, result_columns),
            each.expect,
        )
        for position, each in enumerate(mapping.examples)
    ]


def judge(example: Example, row: Mapping[str, Any]) -> Mistake | None:
    """What an example got wrong, or None when its row holds what is expected."""
    for name, expected in example.expect.items():
        if not _same(expected, row[name]):
            what = f"the example gives {name} = {_shown(row[name])}, not {_shown(expected)}"
            return Mistake(
                (*example.path, "expect", name), what, "correct the field or the example"
            )
    return None


def _sql(
    mapping: CrmMapping,
    given: Mapping[str, Scalar],
    expect: Mapping[str, Scalar],
    types: Mapping[str, str] | None,
) -> str:
    fields = tuple(mapping.targets[name] for name in expect)
    names = dict.fromkeys(name for field in fields for name in _reads(field))
    values = [_given(name, given.get(name), (types or {}).get(name)) for name in names]
    row = f"(SELECT {', '.join(['NULL AS id', *values])}) AS results"
    inner = wanted.sql(replace(mapping, fields=fields), row)
    return f"SELECT {', '.join(map(_fetched, fields))} FROM ({inner}) AS wanted"


def _reads(field: Field) -> tuple[str, ...]:
    return expressions.paths(expressions.parse(field.source))


def _given(name: str, value: Scalar | None, kind: str | None) -> str:
    sql = f"CAST({literal(value)} AS {kind})" if kind else literal(value)
    return f"{sql} AS {identifier(name)}"


def _fetched(field: Field) -> str:
    name = identifier(field.target)
    if field.type == "datetime":
        name = f"strftime({name} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ') AS {name}"
    return f"CAST({name} AS VARCHAR) AS {name}" if field.type == "date" else name


def _same(expected: Scalar, actual: Any) -> bool:
    if actual is None:
        return expected == ""
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, int | float):
        return isinstance(actual, int | float) and math.isclose(expected, actual, abs_tol=1e-9)
    return expected == actual or _moment(expected) == _moment(str(actual)) is not None


def _moment(text: str) -> datetime | date | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _shown(value: object) -> str:
    return "nothing" if value in (None, "") else repr(value)
