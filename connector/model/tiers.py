"""In which tier a score is: edges and margin, as SQL over `score`, `tier_before`, `scored_as`."""

from __future__ import annotations

from . import segments
from .definition import TIERS, HealthModel, TierName


def low(model: HealthModel, tier: TierName) -> str:
    """The least score of a tier, in tenths."""
    return segments.edge(model, lambda tiers: tiers.low(tier))


def limit(model: HealthModel, tier: TierName) -> str:
    """The highest score of a tier."""
    return segments.edge(model, lambda tiers: tiers.limit(tier))


def least(model: HealthModel, tier: TierName) -> str:
    """The least score at which an account stays in the tier that it is in."""
    return segments.edge(model, lambda tiers: tiers.low(tier) - tiers.margin)


def most(model: HealthModel, tier: TierName) -> str:
    """The highest score at which it stays there."""
    return segments.edge(model, lambda tiers: tiers.limit(tier) + tiers.margin)


def stays(model: HealthModel, tier: TierName) -> str:
    """Whether an account stays in a tier: until its edge is passed clearly."""
    return f"tier_before = '{tier}' AND score BETWEEN {least(model, tier)} AND {most(model, tier)}"


def plain(model: HealthModel, score: str = "score") -> str:
    """The cases of the tier of a score that has not been in any."""
    cases = " ".join(f"WHEN {score} >= {low(model, tier)} THEN '{tier}'" for tier in TIERS[:-1])
    return f"{cases} ELSE '{TIERS[-1]}'"
