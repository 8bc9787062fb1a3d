"""What a mapping can write: one row per account with columns, score and measures side by side."""

from __future__ import annotations

from ..mapping.expressions import identifier
from . import columns as names
from .definition import HealthModel
from .stage import Stage


def columns(model: HealthModel) -> dict[str, str]:
    """The columns of `results` and their types."""
    return names.of_results(model)


def stages(model: HealthModel) -> tuple[Stage, ...]:
    """`results`, with scores in points again."""
    return (Stage("results", sql(model), "view"),)


def sql(model: HealthModel) -> str:
    """A query over accounts, scores and raw values."""
    account = [f"a.{name}" for name in names.ACCOUNT]
    score = [f"{_result(model, name)} AS {name}" for name in names.RESULT]
    values = [f"r.{identifier(each.name)}" for each in model.measures]
    return (
        f"SELECT {', '.join([*account, *score, *values])} FROM accounts AS a"
        " JOIN scores AS s ON s.account_id = a.id JOIN raw AS r ON r.key = a.key"
    )


def _result(model: HealthModel, name: str) -> str:
    if name in ("score", "score_before"):
        return f"CAST(s.{name} AS DOUBLE) / 10"
    if name == "trend":
        return _trend(model)
    if name in ("confidence", "known_groups"):
        return f"CAST(s.{'known' if name == 'known_groups' else name} AS BIGINT)"
    return f"s.{name}"


def _trend(model: HealthModel) -> str:
    """Up or down when the score moved by more than the margin of a tier."""
    moved, margin = "s.score - s.score_before", model.tiers.margin
    return (
        f"CASE WHEN {moved} > {margin} THEN 'up' WHEN {moved} < -{margin} THEN 'down'"
        f" WHEN {moved} IS NOT NULL THEN 'steady' END"
    )
