"""What a parent account shows of itself and of everything below it."""

from __future__ import annotations

from . import tiers
from .definition import TIERS, HealthModel
from .stage import Stage


def stages(model: HealthModel) -> tuple[Stage, ...]:
    """`rollups(account_id, score, tier)`; none where every account shows its own."""
    return () if is_own(model) else (Stage("rollups", sql(model)),)


def is_own(model: HealthModel) -> bool:
    """Whether every account shows what it has itself."""
    return model.hierarchy.rollup == "own"


def joined(model: HealthModel, table: str) -> str:
    """The roll-ups as `u`, beside a table with the ids of accounts."""
    if is_own(model):
        return ""
    return f" LEFT JOIN rollups AS u ON u.account_id = {table}.account_id"


def tier(model: HealthModel, table: str) -> str:
    """The tier that an account shows, from a table with its own."""
    return f"{table if is_own(model) else 'u'}.tier"


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
        "SELECT b.account_id, s.score, s.tier, greatest(coalesce(a.revenue, 0), 0) AS revenue"
        " FROM above AS b JOIN accounts AS a ON a.id = b.id"
        " JOIN judged AS s ON s.account_id = b.id WHERE s.score IS NOT NULL"
    )
    score, tier = _worst() if model.hierarchy.rollup == "worst" else _weighed(model)
    rolled = (
        f"SELECT account_id, CAST({score} AS INTEGER) AS score, max(tier) AS worst"
        f" FROM ({below}) AS w GROUP BY account_id"
    )
    return (
        f"{above} SELECT account_id, score, {tier} AS tier FROM (SELECT g.account_id, g.score,"
        f" g.worst, o.scored_as, o.rolled_before AS tier_before FROM ({rolled}) AS g"
        " JOIN judged AS o ON o.account_id = g.account_id) AS r"
    )


def _worst() -> tuple[str, str]:
    return "min(score)", "worst"


def _weighed(model: HealthModel) -> tuple[str, str]:
    """The mean by whole units of revenue, exact in any order; without revenue the plain mean. Its
    tier has the margin of every tier."""
    money = "CAST(floor(revenue) AS BIGINT)"
    total, weighed = f"sum({money})", f"sum(score * {money})"
    score = (
        f"CASE WHEN {total} > 0 THEN (2 * {weighed} + {total}) // (2 * {total})"
        " ELSE (2 * sum(score) + count(*)) // (2 * count(*)) END"
    )
    kept = " ".join(f"WHEN {tiers.stays(model, each)} THEN tier_before" for each in TIERS)
    return score, f"CASE {kept} {tiers.plain(model)} END"
