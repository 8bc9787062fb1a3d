"""Why the score is what it is, in one line that fits a text field, in English and German.

Caps come first, then three contributions. In a low tier the strongest that pull down lead; in a
good one the strongest that carry it, and what pulls most has the last place. Each cause is a whole
number that holds strength and place, so that the strongest is found by comparing columns, not by
sorting rows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping

from ..mapping.expressions import identifier, literal
from .definition import TENTHS, HealthModel, Labelled, Measure

LANGUAGES = ("en", "de")
LENGTH, CAUSES = 255, 3
_PLACES, _FIRST = 256, 2_000
#: Tiers in which an account needs somebody who asks what is wrong.
_LOW = "(coalesce(tier, '') > 'B')"
#: `{day|days}`: the first for 1, the second for every other number.
NUMBERED = re.compile(r"{([^{}|]*)\|([^{}|]*)}")
_VALUE = "{value}"
_UNKNOWN: Mapping[str, Mapping[str, str]] = {
    "en": {"worst": "unknown, counts as worst", "neutral": "unknown, counts as middling"},
    "de": {"worst": "unbekannt, zählt als schlecht", "neutral": "unbekannt, zählt als mittel"},
}


def template(measure: Measure, language: str) -> str:
    """The sentence for a measure, with {value} where its value goes."""
    if text := measure.reason.get(language):
        return text
    return f"{label(measure, language)}: {_VALUE}"


def forms(measure: Measure, language: str) -> tuple[str, str, str]:
    """The sentence for nothing (empty: it is passed over), for one, and for every other value."""
    one, many = (NUMBERED.sub(group, template(measure, language)) for group in (r"\1", r"\2"))
    return measure.zero.get(language, many), one, many


def said(measure: Measure, value: float, language: str) -> str:
    """The sentence for a value, as `sentence` has it in SQL."""
    shown = plain_number(value)
    zero, one, many = forms(measure, language)
    form = zero if shown == "0" else one if shown in ("1", "-1") else many
    return form.replace(_VALUE, shown if language == "en" else shown.replace(".", ","))


def unknown(measure: Measure, rule: str, language: str) -> str:
    """The sentence for a value that is not known, and for what stands in its place."""
    return f"{label(measure, language)} {_UNKNOWN[language][rule]}"


def label(item: Labelled, language: str) -> str:
    """The name of a measure or cap in a language, in English or as it is called otherwise."""
    return item.label.get(language) or item.label.get("en") or item.name


def plain_number(value: float) -> str:
    """A number as English text with at most one decimal, rounded as `number` does."""
    steps = math.floor(abs(value) * 10 + 0.5)
    sign, decimal = "-" if value < 0 and steps else "", f".{steps % 10}" if steps % 10 else ""
    return f"{sign}{steps // 10}{decimal}"


def number(value: str) -> str:
    """A number as English text with at most one decimal."""
    steps = f"CAST(floor(abs({value}) * 10 + 0.5) AS BIGINT)"
    sign = f"CASE WHEN {value} < 0 AND {steps} > 0 THEN '-' ELSE '' END"
    decimal = f"CASE WHEN {steps} % 10 = 0 THEN '' ELSE '.' || CAST({steps} % 10 AS VARCHAR) END"
    return f"{sign} || CAST({steps} // 10 AS VARCHAR) || {decimal}"


def ranked(model: HealthModel, relation: str) -> str:
    """The relation, which knows `tier`, with the places (`top1`, …) and values of its causes."""
    codes = ", ".join(f"{_code(i, each)} AS k{i}" for i, each in enumerate(model.scored))
    inner = f"SELECT *, {codes} FROM {relation}"
    for rank in range(1, CAUSES + 1):
        inner = f"SELECT *, {_strongest(model, rank)} AS code{rank} FROM ({inner})"
    places = ", ".join(
        f"CASE WHEN code{r} >= 0 THEN {_PLACES - 1} - code{r} % {_PLACES} END AS top{r}"
        for r in range(1, CAUSES + 1)
    )
    inner = f"SELECT *, {places} FROM ({inner})"
    values = ", ".join(f"{number(f'value{rank}')} AS text{rank}" for rank in range(1, CAUSES + 1))
    picked = ", ".join(
        f"{_case(model, rank, lambda each: identifier(each.name))} AS value{rank}"
        for rank in range(1, CAUSES + 1)
    )
    unknown = "WHEN text{0} IS NULL THEN 4 " if model.assumes else ""
    counted = ", ".join(
        f"CASE WHEN text{rank} = '0' THEN 1 WHEN text{rank} IN ('1', '-1') THEN 2"
        f" {unknown.format(rank)}ELSE 3 END AS form{rank}"
        for rank in range(1, CAUSES + 1)
    )
    inner = f"SELECT *, {values} FROM (SELECT *, {picked} FROM ({inner}))"
    return f"SELECT *, {counted} FROM ({inner})"


def sentence(model: HealthModel, language: str) -> str:
    """The reason as SQL over a ranked relation; NULL when nothing is known."""
    told = [
        f"CASE WHEN {holds} THEN {literal('; ' + label(item, language))} ELSE '' END"
        for holds, item in _rulings(model)
    ]
    causes = [
        f"coalesce('; ' || {_cause(model, rank, language)}, '')" for rank in range(1, CAUSES + 1)
    ]
    whole = f"substr({' || '.join([*told, *causes])}, 3, {LENGTH})"
    anything = " OR ".join(["top1 IS NOT NULL", *(holds for holds, _ in _rulings(model))])
    return f"CASE WHEN {anything} THEN {whole} END"


def _rulings(model: HealthModel) -> Iterable[tuple[str, Labelled]]:
    """What outranks the numbers, and when."""
    if model.override:
        yield "override IS NOT NULL", model.override
    yield from ((f"rule = {literal(each.name)}", each) for each in model.rules)
    yield from ((f"cap{i}", cap) for i, cap in enumerate(model.caps))


def _code(i: int, measure: Measure) -> str:
    """Strength and place in one number; -1 for what is no cause."""
    leads = f"CASE WHEN {_LOW} = (c{i} < 0) THEN {_FIRST} ELSE 0 END"
    none = f"c{i} = 0"
    if any(not text for text in measure.zero.values()):
        none += f" OR abs({identifier(measure.name)}) < 0.05"
    strength = f"(abs(c{i}) + {leads}) * {_PLACES} + {_PLACES - 1 - i}"
    return f"CASE WHEN {none} THEN -1 ELSE {strength} END"


def _strongest(model: HealthModel, rank: int) -> str:
    numbers = range(len(model.scored))
    if rank == 1:
        return f"greatest({', '.join(['-1', *(f'k{i}' for i in numbers)])})"
    last = [_brake(i) if rank == CAUSES else "" for i in numbers]
    weaker = [f"CASE WHEN k{i} < code{rank - 1} THEN k{i}{last[i]} ELSE -1 END" for i in numbers]
    return f"greatest({', '.join(['-1', *weaker])})"


def _brake(i: int) -> str:
    """What lifts a cause of a good tier to the last place: that it pulls by a point or more."""
    above = 2 * _FIRST * _PLACES
    return f" + CASE WHEN NOT {_LOW} AND c{i} <= -{TENTHS} AND k{i} >= 0 THEN {above} ELSE 0 END"


def _case(model: HealthModel, rank: int, show: Callable[[Measure], str]) -> str:
    cases = " ".join(f"WHEN {i} THEN {show(each)}" for i, each in enumerate(model.scored))
    return f"CASE top{rank} {cases} END"


def _cause(model: HealthModel, rank: int, language: str) -> str:
    """The sentence of a place. One list of all forms costs less to plan than a case for each."""
    texts = [[*forms(each, language), *stand_ins(model, each, language)] for each in model.scored]
    listed = ", ".join(literal(text) for each in texts for text in each)
    form = f"[{listed}][top{rank} * {len(texts[0])} + form{rank}]"
    value = f"coalesce(text{rank}, '')" if model.assumes else f"text{rank}"
    value = value if language == "en" else f"replace({value}, '.', ',')"
    return f"replace({form}, '{_VALUE}', {value})"


def stand_ins(model: HealthModel, measure: Measure, language: str) -> list[str]:
    """The sentence for an unknown value, in models that put something in its place."""
    if not model.assumes:
        return []
    rules = (str(measure.missing), str(model.group_missing.get(measure.group)))
    told = [unknown(measure, rule, language) for rule in rules if rule in _UNKNOWN[language]]
    return [*told, ""][:1]
