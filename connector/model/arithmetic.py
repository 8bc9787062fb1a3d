"""The scorecard for one account in Python: the same whole numbers as the SQL, for what-if."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise

from .definition import MIDDLE, HealthModel, Measure, tenths

#: What the weights of an account's known measures add up to, but for rounding.
WHOLE = 1_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """What one measure adds: points and contribution in tenths, weight in parts per million."""

    points: int | None
    weight: int
    contribution: int


@dataclass(frozen=True, slots=True)
class Grade:
    """A score in tenths before caps (None when nothing is known) and what it is made of."""

    score: int | None
    parts: Mapping[str, Part]


def points(measure: Measure, value: float | None) -> int | None:
    """The points of a value in tenths."""
    if value is None:
        return None
    if value <= measure.points[0][0]:
        return tenths(measure.points[0][1])
    for (x, y), (next_x, next_y) in pairwise(measure.points):
        if value <= next_x:
            rise, run = float(tenths(next_y) - tenths(y)), float(next_x - x)
            return math.floor(float(tenths(y)) + (value - x) * rise / run + 0.5)
    return tenths(measure.points[-1][1])


def grade(model: HealthModel, known: Mapping[str, int | None]) -> Grade:
    """The score that the points of what is known make, with what stands in for the rest."""
    known = filled(model, known)
    weights = _weights(model, known)
    total = sum(weights.values())
    if total == 0:
        return Grade(None, {each.name: Part(None, 0, 0) for each in model.scored})
    parts: dict[str, Part] = {}
    running = before = 0
    for each in model.scored:
        mine = known.get(each.name)
        running += (mine - MIDDLE) * weights[each.name] if mine is not None else 0
        after = (2 * (running + MIDDLE * total) + total) // (2 * total) - MIDDLE
        parts[each.name] = Part(mine, weights[each.name], after - before)
        before = after
    return Grade(before + MIDDLE, parts)


def filled(model: HealthModel, known: Mapping[str, int | None]) -> dict[str, int | None]:
    """The points of every measure, those that the model puts in the place of unknown ones included.

    Where nothing at all is known nothing is put in its place.
    """
    groups = {each.group for each in model.scored if known.get(each.name) is not None}
    found = {each.name: known.get(each.name) for each in model.scored}
    if not groups:
        return found
    return {
        each.name: model.assumed(each, alone=each.group not in groups)
        if found[each.name] is None
        else found[each.name]
        for each in model.scored
    }


def whole(tenths: int) -> int:
    """Tenths as the whole number that people see."""
    return (tenths + 5) // 10


def shown(deltas: Iterable[int], begun: int) -> list[int]:
    """Tenths as whole numbers that add up: each is the step from one rounded sum to the next."""
    sums = [whole(each) for each in accumulate(deltas, initial=begun)]
    return [after - before for before, after in pairwise(sums)]


def value_at(measure: Measure, wanted: int, near: float | None) -> float | None:
    """The value with at least these points that is closest to the one there is now."""
    found = [x for x, y in measure.points if tenths(y) >= wanted]
    for (x, y), (next_x, next_y) in pairwise(measure.points):
        low, high = tenths(y), tenths(next_y)
        if min(low, high) < wanted < max(low, high):
            found.append(x + (wanted - low) * (next_x - x) / (high - low))
    if not found:
        return None
    return min(found) if near is None else min(found, key=lambda x: (abs(x - near), x))


def _weights(model: HealthModel, known: Mapping[str, int | None]) -> dict[str, int]:
    heavy = {
        group: sum(m.weight for m in model.of_group(group) if known.get(m.name) is not None)
        for group in model.live_groups
    }
    whole = sum(weight for group, weight in model.live_groups.items() if heavy[group])
    return {
        m.name: WHOLE * model.groups[m.group] * m.weight // (heavy[m.group] * whole)
        if known.get(m.name) is not None
        else 0
        for m in model.scored
    }
