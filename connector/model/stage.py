"""One step of a scoring run: a name and the SQL that makes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Stage:
    """A temporary table or view of this name, made from earlier ones."""

    name: str
    sql: str
    kind: Literal["table", "view"] = "table"


def spent(name: str) -> Stage:
    """A table that is needed no more: empty, so that others have its memory."""
    return Stage(name, "SELECT 0 AS nothing WHERE FALSE")


def moment(value: datetime) -> str:
    """A moment as a SQL literal."""
    return f"TIMESTAMPTZ '{value.astimezone(UTC).isoformat(sep=' ', timespec='microseconds')}'"


def union(queries: Iterable[str]) -> str:
    """All rows of several queries."""
    return " UNION ALL ".join(queries)


def double(value: float) -> str:
    """A number as a DOUBLE literal; `0.5` alone would be a decimal."""
    return f"{float(value)!r}e0" if "e" not in repr(float(value)) else repr(float(value))
