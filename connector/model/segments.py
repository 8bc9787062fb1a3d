"""Segments: by which weights and edges an account is judged; the first that holds decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from ..mapping.expressions import literal, replaced
from .definition import HealthModel, Tiers


def name_of(model: HealthModel, table: str) -> str:
    """The name of an account's segment as SQL over its columns; NULL in none."""
    if not model.segments:
        return "CAST(NULL AS VARCHAR)"
    own = {each.name: literal(each.name) for each in model.segments}
    return value_of(model, "NULL", own, table)


def value_of(model: HealthModel, usual: str, own: Mapping[str, str], table: str) -> str:
    """SQL that differs by an account's segment; `own` holds what is not as usual."""
    if not own:
        return usual
    cases = " ".join(
        f"WHEN {replaced(each.when, lambda name: exp.column(name, table))}"
        f" THEN {own.get(each.name, usual)}"
        for each in model.segments
    )
    return f"CASE {cases} ELSE {usual} END"


def edge(model: HealthModel, of: Callable[[Tiers], int], segment: str = "scored_as") -> str:
    """A number of the tiers as SQL over the column that names an account's segment."""
    usual = of(model.tiers)
    cases = " ".join(
        f"WHEN {literal(each.name)} THEN {own}"
        for each in model.segments
        if (own := of(model.in_segment(each.name).tiers)) != usual
    )
    return f"CASE {segment} {cases} ELSE {usual} END" if cases else str(usual)


def parted(model: HealthModel) -> dict[str | None, str]:
    """The raw values of the accounts of every segment, and of those in none."""
    own = f"SELECT a.key, {name_of(model, 'a')} AS segment FROM accounts AS a"
    return {
        name: f"(SELECT r.* FROM raw AS r JOIN ({own}) AS s ON s.key = r.key"
        f" WHERE s.segment IS NOT DISTINCT FROM {literal(name)})"
        for name in (*(each.name for each in model.segments), None)
    }


def without(model: HealthModel) -> list[str]:
    """A query for the accounts that match no segment, if there are segments."""
    told = "SELECT 'accounts' AS stream, 'no_segment' AS rule, a.id FROM accounts AS a"
    return [f"{told} WHERE {name_of(model, 'a')} IS NULL"] if model.segments else []
