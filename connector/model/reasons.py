"""Why the score is what it is, in one line that fits a text field, in English and German.

Caps come first, then three contributions. In a low tier the strongest that pull down lead; in a
good one the strongest that carry it, and what pulls most has the last place. Each cause is a whole
number that holds strength and place, so that the strongest is found by comparing columns, not by
sorting rows. A phrase is put together once for all accounts that share it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from ..mapping.expressions import identifier, literal
from .definition import TENTHS, HealthModel, Labelled, Measure
from .stage import union

LANGUAGES = ("en", "de")
LENGTH, CAUSES = 255, 3
_RANKS = range(1, CAUSES + 1)
_PLACES, _FIRST = 256, 2_000
#: Tiers in which an account needs somebody who asks what is wrong.
_LOW = "(coalesce(tier, '') > 'B')"
#: `{day|days}`: the first for 1, the second for every other number.
NUMBERED = re.compile(r"{([^{}|]*)\|([^{}|]*)}")
_VALUE = "{value}"
#: Tenths are whole numbers; this stands for those of a value that is not known.
_NONE = "0.5e0"
#: The most tenths that are told; what is more was never a number of anything.
_MOST = 9 * 10**18
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
    """The sentence for a value, as `phrases` have it in SQL."""
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
    steps = min(math.floor(abs(value) * 10 + 0.5), _MOST)
    sign, decimal = "-" if value < 0 and steps else "", f".{steps % 10}" if steps % 10 else ""
    return f"{sign}{steps // 10}{decimal}"


def number(value: str) -> str:
    """A number as English text with at most one decimal."""
    return _number(f"floor(abs({value}) * 10 + 0.5)", value)


def ranked(model: HealthModel, relation: str) -> str:
    """The relation, which knows `tier`, with its causes: their places as `top__1`, …, and their
    values in tenths as `steps__1`, …"""
    codes = ", ".join(f"{_code(i, each)} AS k{i}" for i, each in enumerate(model.scored))
    inner = f"SELECT *, {codes} FROM {relation}"
    for rank in _RANKS:
        inner = f"SELECT *, {_strongest(model, rank)} AS code{rank} FROM ({inner})"
    places = ", ".join(
        f"CASE WHEN code{r} >= 0 THEN {_PLACES - 1} - code{r} % {_PLACES} END AS top__{r}"
        for r in _RANKS
    )
    # Each in a layer of its own: in one expression a value would be looked up four times.
    values = ", ".join(f"{_value_of(model, rank)} AS value__{rank}" for rank in _RANKS)
    steps = ", ".join(f"{_steps(f'value__{rank}')} AS steps__{rank}" for rank in _RANKS)
    inner = f"SELECT *, {values} FROM (SELECT *, {places} FROM ({inner}))"
    return f"SELECT *, {steps} FROM ({inner})"


def causes() -> list[str]:
    """The columns that lead from a ranked relation to its `phrases`."""
    return [f"{name}__{rank}" for rank in _RANKS for name in ("top", "steps")]


def rulings(model: HealthModel, language: str) -> str:
    """What outranks the numbers, in words, each behind a semicolon, as SQL over a relation."""
    told = (
        f"CASE WHEN {holds} THEN {literal('; ' + label(item, language))} ELSE '' END"
        for holds, item in _rulings(model)
    )
    return " || ".join(["''", *told])


def phrases(model: HealthModel, relation: str) -> str:
    """Every cause with every value that a ranked relation has, and its phrase: `cause`, `steps`,
    and one column a language. Few accounts have one to themselves."""
    pairs = union(
        f"SELECT top__{rank} AS cause, steps__{rank} AS steps FROM {relation}"
        f" WHERE top__{rank} IS NOT NULL"
        for rank in _RANKS
    )
    unknown = f"WHEN steps = {_NONE} THEN 4 " if model.assumes else ""
    form = (
        f"CASE WHEN steps = 0 THEN 1 WHEN abs(steps) = 10 THEN 2 {unknown}ELSE 3 END AS form,"
        f" CASE WHEN steps = {_NONE} THEN '' ELSE {_number('abs(steps)', 'steps')} END AS text"
    )
    told = ", ".join(f"{_phrase(model, each)} AS {each}" for each in LANGUAGES)
    return (
        f"SELECT cause, steps, {told} FROM (SELECT cause, steps, {form}"
        f" FROM (SELECT DISTINCT cause, steps FROM ({pairs})))"
    )


def joined() -> str:
    """The phrases of the causes of `r`, as `p1`, …"""
    return "".join(
        f" LEFT JOIN phrases AS p{rank} ON p{rank}.cause = r.top__{rank}"
        f" AND p{rank}.steps = r.steps__{rank}"
        for rank in _RANKS
    )


def sentence(told: str, language: str) -> str:
    """The reason as SQL, from rulings and the phrases of causes; NULL when nothing is told."""
    whole = " || ".join([told, *(f"coalesce(p{rank}.{language}, '')" for rank in _RANKS)])
    return f"nullif(substr({whole}, 3, {LENGTH}), '')"


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


def _value_of(model: HealthModel, rank: int) -> str:
    cases = (f"WHEN {i} THEN {identifier(each.name)}" for i, each in enumerate(model.scored))
    return f"CASE top__{rank} {' '.join(cases)} END"


def _steps(value: str) -> str:
    """A value in tenths, rounded half away from zero, and never a zero below zero."""
    whole = f"floor(abs({value}) * 10 + 0.5)"
    return f"coalesce(CASE WHEN {value} < 0 THEN 0 - {whole} ELSE {whole} END, {_NONE})"


def _number(tenths: str, value: str) -> str:
    """So many tenths, with the sign of a value, as English text with at most one decimal."""
    most = f"{_MOST:.0e}"
    whole = f"CAST(CASE WHEN {tenths} > {most} THEN {most} ELSE {tenths} END AS BIGINT)"
    sign = f"CASE WHEN {value} < 0 AND {whole} > 0 THEN '-' ELSE '' END"
    decimal = f"CASE WHEN {whole} % 10 = 0 THEN '' ELSE '.' || CAST({whole} % 10 AS VARCHAR) END"
    return f"{sign} || CAST({whole} // 10 AS VARCHAR) || {decimal}"


def _phrase(model: HealthModel, language: str) -> str:
    """The phrase of a place. One list of all forms costs less to plan than a case for each."""
    texts = [[*forms(each, language), *stand_ins(model, each, language)] for each in model.scored]
    listed = ", ".join(literal(text) for each in texts for text in each)
    form = f"[{listed}][cause * {len(texts[0])} + form]"
    value = "text" if language == "en" else "replace(text, '.', ',')"
    return f"'; ' || replace({form}, '{_VALUE}', {value})"


def stand_ins(model: HealthModel, measure: Measure, language: str) -> list[str]:
    """The sentence for an unknown value, in models that put something in its place."""
    if not model.assumes:
        return []
    rules = (str(measure.missing), str(model.group_missing.get(measure.group)))
    told = [unknown(measure, rule, language) for rule in rules if rule in _UNKNOWN[language]]
    return [*told, ""][:1]
