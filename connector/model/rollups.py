"""What a parent account shows of itself and of everything below it."""

from __future__ import annotations

from functools import partial

from . import segments
from .definition import TIERS, HealthModel, TierName, Tiers
from .stage import Stage


def stages(model: HealthModel) -> tuple[Stage, ...]:
    """`rollups(account_id, score, tier)`; none where every account shows its own."""
    return () if model.hierarchy.rollup == "own" else (Stage("rollups", sql(model)),)


def sql(model: HealthModel) -> str:
    """Every account with what it and those below it come to; scores in tenths.

    Only accounts that are reached from the top are followed upwards, so a ring of parents ends.
    """
    above = (
        "WITH RECURSIVE above(id, account_id) AS (SELECT id, id FROM accounts UNION ALL"
        " SELECT b.id, p.parent_id FROM above AS b"
        " JOIN parents AS p ON p.id = b.account_id JOIN trees AS t ON t.id = p.id)"
    )
    below = (
        "SELECT b.account_id, s.score, s.tier,"
        " CASE WHEN b.id = b.account_id THEN s.scored_as END AS own,"
        " greatest(coalesce(a.revenue, 0), 0) AS revenue"
        " FROM above AS b JOIN accounts AS a ON a.id = b.id"
        " JOIN scores AS s ON s.account_id = b.id WHERE s.score IS NOT NULL"
    )
    score, tier = _worst() if model.hierarchy.rollup == "worst" else _weighed(model)
    return (
        f"{above} SELECT account_id, CAST(score AS INTEGER) AS score, {tier} AS tier FROM"
        f" (SELECT account_id, {score} AS score, max(tier) AS worst, max(own) AS scored_as"
        f" FROM ({below}) AS w"
        " GROUP BY account_id) AS g"
    )


def _low(tier: TierName, tiers: Tiers) -> int:
    return tiers.low(tier)


def _worst() -> tuple[str, str]:
    return "min(score)", "worst"


def _weighed(model: HealthModel) -> tuple[str, str]:
    """The mean by whole units of revenue, exact in any order; without revenue the plain mean."""
    money = "CAST(floor(revenue) AS BIGINT)"
    total, weighed = f"sum({money})", f"sum(score * {money})"
    score = (
        f"CASE WHEN {total} > 0 THEN (2 * {weighed} + {total}) // (2 * {total})"
        " ELSE (2 * sum(score) + count(*)) // (2 * count(*)) END"
    )
    cases = " ".join(
        f"WHEN score >= {segments.edge(model, partial(_low, tier))} THEN '{tier}'"
        for tier in TIERS[:-1]
    )
    return score, f"CASE {cases} ELSE '{TIERS[-1]}' END"
