"""One account's line of `scores` and `measures`, as Python sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .arithmetic import Part
from .definition import HealthModel, Labelled, Measure
from .reasons import LANGUAGES, label

Row = Mapping[str, Any]


def part(row: Row, measure: Measure) -> Part:
    """What a row says about a measure; a row of another model may lack it."""
    found = row.get(measure.name) or {}
    return Part(found.get("points"), found.get("weight") or 0, found.get("contribution") or 0)


def value(row: Row, measure: Measure) -> float | None:
    """The value of a measure; None when it is unknown or no number."""
    found = (row.get(measure.name) or {}).get("value")
    return float(found) if isinstance(found, int | float) else None


def points(row: Row, measure: Measure) -> int | None:
    """The points of a value; None when it is unknown, whatever stands in for it."""
    return None if value(row, measure) is None else part(row, measure).points


def known(model: HealthModel, row: Row) -> dict[str, int | None]:
    """The points of every scored measure that is known."""
    return {each.name: points(row, each) for each in model.scored}


def assumed(model: HealthModel, row: Row, measure: Measure) -> str | None:
    """What stands in for an unknown value of today: worst, neutral or carry."""
    if part(row, measure).points is None:
        return None
    if value(row, measure) is not None:
        return "carry" if measure.name in (row.get("assumed") or ()) else None
    return measure.missing if measure.missing != "exclude" else model.group_missing[measure.group]


def labels(item: Labelled) -> dict[str, str]:
    """The name of something in every language."""
    return {language: label(item, language) for language in LANGUAGES}


def in_points(tenths: int | None) -> float | None:
    """Tenths as people read them."""
    return None if tenths is None else tenths / 10
