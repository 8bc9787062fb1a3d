"""Few rows say little: their value is drawn to an ordinary one, and alone they move no tier.

Beside such a measure two more aggregates run over the same rows: how much they are worth, and
whether they are enough.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from ..mapping.expressions import identifier, literal
from . import segments
from .arithmetic import WHOLE
from .definition import MIDDLE, HealthModel, Measure
from .stage import double


def evidence(measure: Measure) -> str:
    """The name of what the rows of a measure are worth; no measure can be called like that."""
    return f"{measure.name}__n"


def enough(measure: Measure) -> str:
    """The name of whether they are enough."""
    return f"{measure.name}__enough"


def beside(measure: Measure) -> Iterator[Measure]:
    """What is aggregated beside a measure, as measures of their own."""
    if measure.shrink:
        yield replace(measure, name=evidence(measure), value=measure.shrink.evidence)
    if measure.enough:
        yield replace(measure, name=enough(measure), value=measure.enough)


def drawn(model: HealthModel, measure: Measure, value: str, worth: str) -> str:
    """The value drawn towards that of the account's segment: (n · value + k · prior) / (n + k)."""
    shrink = measure.shrink
    if shrink is None:
        return value
    own = {
        each.name: double(each.toward[measure.name])
        for each in model.segments
        if measure.name in each.toward
    }
    prior = segments.value_of(model, double(shrink.toward), own, "a")
    n, k = f"CAST({worth} AS DOUBLE)", double(shrink.weight)
    return f"({n} * ({value}) + {k} * ({prior})) / ({n} + {k})"


def asking(model: HealthModel) -> list[int]:
    """The places of the measures that may have too few rows."""
    return [i for i, each in enumerate(model.scored) if each.enough]


def columns(model: HealthModel) -> list[str]:
    """What `within` reads besides the score and the tier before, from `graded` and `raw`."""
    return [
        f"CASE WHEN coalesce(r.{identifier(enough(model.scored[i]))}, TRUE) THEN 0"
        f" ELSE g.{what}{i} END AS {name}{i}"
        for i in asking(model)
        for what, name in (("c", "thin"), ("w", "thin_weight"))
    ]


def as_enough(model: HealthModel, held: Collection[str] = ()) -> list[str]:
    """What says in a raw row that is made up whether there are rows enough: but for `held`, yes."""
    return [
        f"{literal(each.name not in held)} AS {identifier(enough(each))}"
        for each in model.measures
        if each.enough
    ]


def within(model: HealthModel, least: str, most: str) -> str:
    """Whether the score would lie in a range without the measures whose rows are too few.

    That is the mean of the others: what they contribute, by what they weigh. Where they weigh
    nothing at all, nothing but thin evidence is known, and it moves nobody.
    """
    thin, weight = (
        " + ".join(f"CAST({name}{i} AS BIGINT)" for i in asking(model))
        for name in ("thin", "thin_weight")
    )
    rest = f"(score - {MIDDLE} - ({thin})) * {WHOLE}"
    low, high = (f"({edge} - {MIDDLE}) * ({WHOLE} - ({weight}))" for edge in (least, most))
    return f"({weight}) > 0 AND {rest} BETWEEN {low} AND {high}"


def names(model: HealthModel, held: str) -> str:
    """The measures because of which a tier is kept, as a list; empty where none is."""
    listed = ", ".join(
        f"CASE WHEN {held} AND thin_weight{i} > 0 THEN {literal(model.scored[i].name)} END"
        for i in asking(model)
    )
    return f"list_filter(CAST([{listed}] AS VARCHAR[]), lambda name: name IS NOT NULL)"
