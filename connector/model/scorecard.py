"""From raw values to points, contributions, score and tier. Whole numbers throughout.

Points and scores are tenths (0 to 1000), weights parts per million; everything is rounded once,
half up, by integer division. `arithmetic` does the same for one account in Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from ..mapping.expressions import identifier, literal
from . import segments
from .arithmetic import WHOLE
from .definition import MIDDLE, HealthModel, Measure, tenths
from .measures import is_fresh
from .stage import Stage, double, union

#: How many measures are added up before their sum is a column of its own.
_BLOCK = 5


def stages(model: HealthModel, as_of: datetime) -> tuple[Stage, ...]:
    """`graded`: points, weight and contribution of every scored measure, and their sums."""
    return (Stage("graded", graded(model, as_of)),)


def graded(model: HealthModel, as_of: datetime) -> str:
    """Per account `p<i>`, `w<i>`, `c<i>`, `score`, `known` groups and `confidence`."""
    if not model.segments:
        return _graded(model, as_of, "raw")
    parts = segments.parted(model).items()
    return union(_graded(model.in_segment(name), as_of, source) for name, source in parts)


def _graded(model: HealthModel, as_of: datetime, source: str) -> str:
    """The accounts of one source with the weights of one model."""
    groups = list(model.live_groups)
    numbers = range(len(model.scored))
    pointed = [f"{each} AS p{i}" for i, each in enumerate(_pointed(model))]
    fresh = [
        f"{_relied_on(m, as_of)} AS f{i}" for i, m in enumerate(model.scored) if _aged(model, m)
    ]
    if model.assumes:
        fresh.append(
            f"{_known_groups(model, groups)} AS known, {_assumed(model, as_of)} AS assumed"
        )
    sums = [*_group_sums(model, groups), f"{_confidence(model)} AS confidence"]
    layers = [
        f"SELECT key, {', '.join([*pointed, *fresh])} FROM {source}",
        f"SELECT *, {', '.join(sums)} FROM",
        f"SELECT *, {_known_weight(model, groups)} AS known_weight FROM",
        f"SELECT *, {', '.join(_weight(model, groups, i) for i in numbers)} FROM",
        f"SELECT *, {' + '.join(f'w{i}' for i in numbers)} AS total,"
        f" {', '.join(_running(i) for i in numbers)} FROM",
        f"SELECT *, {', '.join(_rounded(i) for i in numbers)} FROM",
    ]
    inner = layers[0]
    for layer in layers[1:]:
        inner = f"{layer} ({inner})"
    return f"SELECT {', '.join(_outcome(model, groups))} FROM ({inner})"


def _pointed(model: HealthModel) -> list[str]:
    """The points of every measure; of an unknown one those that the model puts in its place.

    Where nothing at all is known nothing is put in its place: that is no score.
    """
    anything = _any_known(model.scored)
    return [
        points(each, _stand_in(model, each, anything) if model.assumes else "NULL")
        for each in model.scored
    ]


def _stand_in(model: HealthModel, measure: Measure, anything: str) -> str:
    beside, alone = (model.assumed(measure, alone=alone) for alone in (False, True))
    if beside is not None:
        return f"CASE WHEN {anything} THEN {beside} END"
    if alone is not None:
        siblings = _any_known(model.of_group(measure.group))
        return f"CASE WHEN {anything} AND NOT ({siblings}) THEN {alone} END"
    return "NULL"


def _any_known(measures: Sequence[Measure]) -> str:
    return f"coalesce({', '.join(identifier(each.name) for each in measures)}) IS NOT NULL"


def _aged(model: HealthModel, measure: Measure) -> bool:
    """Whether it takes more than points for a measure to be relied on."""
    return model.assumes or bool(measure.max_age)


def _relied_on(measure: Measure, as_of: datetime) -> str:
    return f"{identifier(measure.name)} IS NOT NULL AND {is_fresh(measure, as_of)}"


def _known_groups(model: HealthModel, groups: Sequence[str]) -> str:
    """How many groups have a value, leaving aside what only stands in for one."""
    known = (_any_known(model.of_group(group)) for group in groups)
    return " + ".join(f"CASE WHEN {each} THEN 1 ELSE 0 END" for each in known)


def _assumed(model: HealthModel, as_of: datetime) -> str:
    """The names of the measures that have points without a value of today."""
    anything, found = _any_known(model.scored), []
    for each in model.scored:
        if each.carried:
            known = f"{identifier(each.name)} IS NOT NULL AND NOT {is_fresh(each, as_of)}"
        else:
            stands = _stand_in(model, each, anything)
            known = f"{identifier(each.name)} IS NULL AND {stands} IS NOT NULL"
        if each.carried or stands != "NULL":
            found.append(f"CASE WHEN {known} THEN {literal(each.name)} END")
    listed = f"CAST([{', '.join(found)}] AS VARCHAR[])"
    return f"list_filter({listed}, lambda name: name IS NOT NULL)"


def points(measure: Measure, unknown: str = "NULL") -> str:
    """The value's points in tenths: straight lines between the given ones, level outside."""
    value = identifier(measure.name)
    (first_x, first_y), *_ = measure.points
    last_y = measure.points[-1][1]
    cases = [f"WHEN {value} <= {double(first_x)} THEN {tenths(first_y)}"]
    cases += [_line(value, *start, *end) for start, end in pairwise(measure.points)]
    known = f"WHEN {value} IS NULL THEN {unknown}"  # what a line gives is whole, but still a DOUBLE
    return f"CAST(CASE {known} {' '.join(cases)} ELSE {tenths(last_y)} END AS INTEGER)"


def nominal(model: HealthModel) -> dict[str, int]:
    """The weight of every measure when all are known, in parts per million."""
    groups = model.live_groups
    whole = sum(groups.values())
    return {
        each.name: WHOLE * groups[each.group] * each.weight // (_heavy(model, each.group) * whole)
        for each in model.scored
    }


def _heavy(model: HealthModel, group: str) -> int:
    return sum(each.weight for each in model.of_group(group))


def _line(value: str, x: float, y: float, next_x: float, next_y: float) -> str:
    rise, run = double(tenths(next_y) - tenths(y)), double(next_x - x)
    return (
        f"WHEN {value} <= {double(next_x)} THEN floor({double(tenths(y))}"
        f" + ({value} - {double(x)}) * {rise} / {run} + {double(0.5)})"
    )


def _group_sums(model: HealthModel, groups: Sequence[str]) -> list[str]:
    """The known measure weights of every group."""
    places = {each.name: i for i, each in enumerate(model.scored)}
    return [
        "CAST("
        + " + ".join(
            f"CASE WHEN p{places[each.name]} IS NULL THEN 0 ELSE {each.weight} END"
            for each in model.of_group(group)
        )
        + f" AS BIGINT) AS g{number}"
        for number, group in enumerate(groups)
    ]


def _known_weight(model: HealthModel, groups: Sequence[str]) -> str:
    return " + ".join(
        f"CASE WHEN g{number} > 0 THEN {model.groups[group]} ELSE 0 END"
        for number, group in enumerate(groups)
    )


def _weight(model: HealthModel, groups: Sequence[str], i: int) -> str:
    measure = model.scored[i]
    share = WHOLE * model.groups[measure.group] * measure.weight
    per = f"(g{groups.index(measure.group)} * known_weight)"
    return f"CASE WHEN p{i} IS NULL THEN 0 ELSE {share} // {per} END AS w{i}"


def _running(i: int) -> str:
    """The sum since the beginning of a block: the engine writes every earlier one out in full."""
    before = f"s{i - 1} + " if i % _BLOCK else ""
    return f"{before}coalesce(p{i} - {MIDDLE}, 0) * w{i} AS s{i}"


def _rounded(i: int) -> str:
    """The running sum in tenths. Shifted to be positive, as division cuts towards zero."""
    whole = " + ".join(f"s{n}" for n in [*range(_BLOCK - 1, i, _BLOCK), i])
    shifted = f"2 * ({whole}) + {2 * MIDDLE + 1} * total"
    return f"CAST(({shifted}) // nullif(2 * total, 0) AS INTEGER) - {MIDDLE} AS r{i}"


def _outcome(model: HealthModel, groups: Sequence[str]) -> list[str]:
    numbers = range(len(model.scored))
    columns = [
        "key",
        *(f"p{i}" for i in numbers),
        *(f"CAST(w{i} AS INTEGER) AS w{i}" for i in numbers),
    ]
    columns += [f"coalesce({_step(i)}, 0) AS c{i}" for i in numbers]
    columns.append(f"r{numbers[-1]} + {MIDDLE} AS score")
    if model.assumes:
        return [*columns, "known", "confidence", "assumed"]
    known = " + ".join(f"CASE WHEN g{n} > 0 THEN 1 ELSE 0 END" for n in range(len(groups)))
    return [*columns, f"{known} AS known", "confidence", "CAST([] AS VARCHAR[]) AS assumed"]


def _step(i: int) -> str:
    return f"r{i} - r{i - 1}" if i else "r0"


def _confidence(model: HealthModel) -> str:
    """Fresh known weight of all weight, in percent."""
    weights = nominal(model)
    fresh = " + ".join(
        f"CASE WHEN p{i} IS NOT NULL{f' AND f{i}' if _aged(model, each) else ''}"
        f" THEN {weights[each.name]} ELSE 0 END"
        for i, each in enumerate(model.scored)
    )
    total = sum(weights.values())
    return f"CAST((200 * CAST({fresh} AS BIGINT) + {total}) // {2 * total} AS INTEGER)"
