"""What was asked: whether a survey follows an event, on which scale, and who was meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ..mapping.expressions import identifier

Kind = Literal["relationship", "transactional"]


def kind_of(names: Iterable[object], transactional: Iterable[str]) -> Kind:
    """A survey that is named by id or title as following an event is transactional."""
    return "transactional" if {str(name) for name in names} & set(transactional) else "relationship"


def outside(score: str, low: str = "0", high: str = "10") -> str:
    """Whether a score is a number that does not lie on its scale."""
    return f"not (try_cast({score} as double) between {low} and {high})"


def first_of(inside: str, *names: str) -> str:
    """The first of some properties that holds anything: `inside."name"`."""
    held = ", ".join(f"nullif({inside}.{identifier(name)}, '')" for name in names if name)
    return f"coalesce({held})"
