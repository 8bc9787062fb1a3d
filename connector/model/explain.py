"""Why an account has its score, why it changed, and what would lift it: exact, in tenths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import whatif
from .ageing import Aged
from .arithmetic import grade, value_at
from .change import change
from .columns import ACCOUNTS
from .definition import BEST, TIERS, HealthModel, Measure
from .reasons import LANGUAGES
from .rows import Row, assumed, in_points, known, labels, part, value
from .telling import brief
from .words import STREAMS


def explanation(
    model: HealthModel,
    row: Row,
    previous: Row | None = None,
    aged: Mapping[str, Aged] | None = None,
    reach: whatif.Reach | None = None,
) -> dict[str, Any]:
    """Everything about one score: `row` is its line of `scores` joined with that of `measures`.

    Contributions add up to the score before caps less 50, and the terms of the change add up to
    the change. `aged` tells age from data there; `reach` is what would lift the account.
    """
    weighing = model.in_segment(row.get("scored_as"))
    found: dict[str, Any] = {
        "account": row["account_id"],
        "as_of": row["as_of"],
        "model": row["model"],
        "score": in_points(row["score"]),
        "score_before_caps": in_points(row["raw"]),
        "tier": row["tier"],
        "confidence": row["confidence"],
        "blind_spot": _spot(model, row),
        "unknown": [
            _unknown(model, each, row) for each in model.scored if _lacks(model, each, row)
        ],
        "contributions": [
            _contribution(model, each, row)
            for each in model.scored
            if part(row, each).points is not None
        ],
        "rule": _rule(model, row),
        "caps": _caps(model, row),
        "override": _override(model, row),
        "held": [
            {"name": each.name, "label": labels(each)}
            for each in model.scored
            if each.name in (row.get("held") or ())
        ],
        "segment": row.get("scored_as"),
        "change": change(weighing, row, previous, aged),
        "next_tier": _next_tier(weighing, row),
        "to_reach": whatif.told(model, row, reach),
    }
    return {**found, "brief": {language: brief(found, language) for language in LANGUAGES}}


def _lacks(model: HealthModel, measure: Measure, row: Row) -> bool:
    """Whether nothing is known of a measure today, also where something stands in for it."""
    return value(row, measure) is None or assumed(model, row, measure) is not None


def _unknown(model: HealthModel, measure: Measure, row: Row) -> dict[str, Any]:
    because = why(model, measure, row)
    return {
        "name": measure.name,
        "group": measure.group,
        "why": because["en"],
        "because": because,
        "blind_spot": _blind(model, measure, row),
        "assumed": assumed(model, row, measure),
        "label": labels(measure),
    }


def _blind(model: HealthModel, measure: Measure, row: Row) -> str | None:
    """The blind spot that a measure lies in."""
    found = row.get("blind_spot")
    spots = [each for each in model.blind_spots if each.name == found]
    return found if any(each.group == measure.group for each in spots) else None


def why(model: HealthModel, measure: Measure, row: Row) -> dict[str, str]:
    """Why a measure is unknown, in every language: the blind spot, or what there is none of."""
    name = _blind(model, measure, row)
    for spot in model.blind_spots:
        if spot.name == name:
            return labels(spot)
    if measure.stream == ACCOUNTS:
        return {"en": "the account has no value", "de": "am Konto steht kein Wert"}
    days = measure.window
    return {
        "en": f"no {measure.stream}" + (f" within {days} days" if days else ""),
        "de": f"keine {STREAMS['de'][measure.stream]}" + (f" in {days} Tagen" if days else ""),
    }


def _contribution(model: HealthModel, measure: Measure, row: Row) -> dict[str, Any]:
    mine = part(row, measure)
    return {
        "name": measure.name,
        "group": measure.group,
        "value": value(row, measure),
        "points": in_points(mine.points),
        "weight": mine.weight / 1_000_000,
        "contribution": in_points(mine.contribution),
        "assumed": assumed(model, row, measure),
        "label": labels(measure),
    }


def _caps(model: HealthModel, row: Row) -> list[dict[str, Any]]:
    held = row.get("caps") or ()
    return [
        {"name": cap.name, "tier": cap.tier, "label": labels(cap)}
        for cap in model.caps
        if cap.name in held
    ]


def _rule(model: HealthModel, row: Row) -> dict[str, Any] | None:
    """The rule that decided the tier, before caps."""
    found = [each for each in model.rules if each.name == row.get("rule")]
    told = [{"name": each.name, "tier": each.tier, "label": labels(each)} for each in found]
    return told[0] if told else None


def _spot(model: HealthModel, row: Row) -> dict[str, Any] | None:
    """The blind spot of an account."""
    found = [each for each in model.blind_spots if each.name == row.get("blind_spot")]
    told = [{"name": each.name, "group": each.group, "label": labels(each)} for each in found]
    return told[0] if told else None


def _override(model: HealthModel, row: Row) -> dict[str, Any] | None:
    """The tier that a person gave, while it holds: until when, who it was and why."""
    if not row.get("override") or model.override is None:
        return None
    until = row.get("override_until")
    return {
        "tier": row["override"],
        "until": None if until is None else str(until),
        "by": row.get("override_by"),
        "reason": row.get("override_reason"),
        "label": labels(model.override),
    }


def _next_tier(model: HealthModel, row: Row) -> list[dict[str, Any]]:
    """For every measure the least improvement that alone reaches the next tier; or what caps it."""
    if row["tier"] is None or row["tier"] == TIERS[0] or row.get("rule"):
        return []
    if held := _caps(model, row):
        return [{"name": cap["name"], "cause": "cap", "label": cap["label"]} for cap in held]
    better = TIERS[TIERS.index(row["tier"]) - 1]
    # The tier there is now is kept until its edge is passed by the margin.
    aim = min(model.tiers.low(better) + model.tiers.margin, BEST)
    steps = [_step(model, each, row, aim) for each in model.scored]
    return [{**step, "tier": better} for step in steps if step]


def _step(model: HealthModel, measure: Measure, row: Row, aim: int) -> dict[str, Any] | None:
    now = known(model, row)
    top = max(y for _, y in measure.points) * 10
    low, high = (now[measure.name] or 0), round(top)
    if not _reaches(model, {**now, measure.name: high}, aim):
        return None
    while low < high:
        middle = (low + high) // 2
        reached = _reaches(model, {**now, measure.name: middle}, aim)
        low, high = (low, middle) if reached else (middle + 1, high)
    near = value(row, measure)
    return {
        "name": measure.name,
        "cause": "data",
        "from": {"value": near, "points": in_points(now[measure.name])},
        "to": {"value": value_at(measure, high, near), "points": in_points(high)},
        "label": labels(measure),
    }


def _reaches(model: HealthModel, points: Mapping[str, int | None], aim: int) -> bool:
    score = grade(model, points).score
    return score is not None and score >= aim
