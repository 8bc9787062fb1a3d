"""Two models side by side: whose tier differs, and which contributions make the difference."""

from __future__ import annotations

from ..mapping.expressions import identifier, literal
from .definition import HealthModel

#: Causes: a measure; what caps take; where tiers begin, and the margin by which one is kept.
DATA, CAP, TIERS = "data", "cap", "tiers"


def side(model: HealthModel) -> str:
    """One model's answer for every account, once its stages have run."""
    parts = [f'm.{identifier(each.name)}.contribution AS "c:{each.name}"' for each in model.scored]
    columns = ["a.id AS account_id", "a.name", "a.revenue", "s.score", "s.raw", "s.tier", "s.caps"]
    return (
        f"SELECT {', '.join([*columns, *parts])} FROM accounts AS a"
        " JOIN scores AS s ON s.account_id = a.id JOIN measures AS m ON m.account_id = a.id"
    )


def both(a: HealthModel, b: HealthModel) -> str:
    """Every account with both answers and `terms`, which add up from one score to the other.

    `terms` are the differences of contributions and of what caps take, the largest first; empty
    where only the edges of the tiers make the difference.
    """
    names = dict.fromkeys([*(m.name for m in a.scored), *(m.name for m in b.scored)])
    terms = [
        _term(DATA, literal(name), f"{_part(b, 'b', name)} - {_part(a, 'a', name)}")
        for name in names
    ]
    held = "array_to_string(CASE WHEN len(b.caps) > 0 THEN b.caps ELSE a.caps END, ', ')"
    terms.append(_term(CAP, held, f"{_taken('b')} - ({_taken('a')})"))
    told = f"list_sort(list_filter([{', '.join(terms)}], lambda t: t.delta <> 0))"
    return (
        "SELECT b.account_id, b.name, b.revenue, a.tier AS tier_a, b.tier AS tier_b,"
        f" a.score AS score_a, b.score AS score_b, {told} AS terms"
        " FROM side_a AS a JOIN side_b AS b ON b.account_id = a.account_id"
    )


def _term(cause: str, name: str, delta: str) -> str:
    """The size comes first: lists of structures are sorted by it."""
    return (
        f"{{'size': -abs({delta}), 'cause': {literal(cause)}, 'name': {name},"
        f" 'delta': CAST({delta} AS INTEGER)}}"
    )


def _part(model: HealthModel, table: str, name: str) -> str:
    scored = any(each.name == name for each in model.scored)
    return f'coalesce({table}."c:{name}", 0)' if scored else "0"


def _taken(table: str) -> str:
    return f"coalesce({table}.score - {table}.raw, 0)"
