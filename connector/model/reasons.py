"""Why the score is what it is, in one line that fits a text field, in English and German.

Caps come first, then the three strongest contributions; below the middle those that pull down come
before those that lift. Each cause is a whole number that holds strength and place, so that the
strongest is found by comparing columns, not by sorting rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..mapping.expressions import identifier, literal
from .definition import MIDDLE, Cap, HealthModel, Measure

LANGUAGES = ("en", "de")
LENGTH, CAUSES = 255, 3
_PLACES, _FIRST = 256, 2_000


def template(measure: Measure, language: str) -> str:
    """The sentence for a measure, with {value} where its value goes."""
    if text := measure.reason.get(language):
        return text
    return f"{label(measure, language)}: {{value}}"


def label(item: Measure | Cap, language: str) -> str:
    """The name of a measure or cap in a language, in English or as it is called otherwise."""
    return item.label.get(language) or item.label.get("en") or item.name


def number(value: str) -> str:
    """A number as English text with at most one decimal."""
    steps = f"CAST(floor(abs({value}) * 10 + 0.5) AS BIGINT)"
    sign = f"CASE WHEN {value} < 0 AND {steps} > 0 THEN '-' ELSE '' END"
    decimal = f"CASE WHEN {steps} % 10 = 0 THEN '' ELSE '.' || CAST({steps} % 10 AS VARCHAR) END"
    return f"{sign} || CAST({steps} // 10 AS VARCHAR) || {decimal}"


def ranked(model: HealthModel, relation: str) -> str:
    """The relation with the places (`top1`, …) and values (`value1`, …) of its causes."""
    codes = ", ".join(f"{_code(i)} AS k{i}" for i in range(len(model.scored)))
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
    return f"SELECT *, {values} FROM (SELECT *, {picked} FROM ({inner}))"


def sentence(model: HealthModel, language: str) -> str:
    """The reason as SQL over a ranked relation; NULL when nothing is known."""
    capped = [
        f"CASE WHEN cap{i} THEN {literal(label(cap, language) + '; ')} ELSE '' END"
        for i, cap in enumerate(model.caps)
    ]
    causes = [
        f"coalesce({_case(model, rank, _writer(rank, language))} || '; ', '')"
        for rank in range(1, CAUSES + 1)
    ]
    text = " || ".join([*capped, *causes])
    trimmed = f"left({text}, {LENGTH + 2})"
    return (
        f"CASE WHEN score IS NOT NULL THEN left(regexp_replace({trimmed}, '; $', ''), {LENGTH}) END"
    )


def _code(i: int) -> str:
    """Strength and place in one number; -1 for what is no cause."""
    pulls = f"CASE WHEN score < {MIDDLE} AND c{i} < 0 THEN {_FIRST} ELSE 0 END"
    return (
        f"CASE WHEN c{i} = 0 THEN -1 ELSE (abs(c{i}) + {pulls}) * {_PLACES} + {_PLACES - 1 - i} END"
    )


def _strongest(model: HealthModel, rank: int) -> str:
    numbers = range(len(model.scored))
    if rank == 1:
        return f"greatest({', '.join(['-1', *(f'k{i}' for i in numbers)])})"
    weaker = [f"CASE WHEN k{i} < code{rank - 1} THEN k{i} ELSE -1 END" for i in numbers]
    return f"greatest({', '.join(['-1', *weaker])})"


def _case(model: HealthModel, rank: int, show: Callable[[Measure], str]) -> str:
    cases = " ".join(f"WHEN {i} THEN {show(each)}" for i, each in enumerate(model.scored))
    return f"CASE top{rank} {cases} END"


def _writer(rank: int, language: str) -> Callable[[Measure], str]:
    value = f"text{rank}" if language == "en" else f"replace(text{rank}, '.', ',')"

    def write(measure: Measure) -> str:
        before, gap, after = template(measure, language).partition("{value}")
        return _joined([literal(before), value, literal(after)]) if gap else literal(before)

    return write


def _joined(parts: Sequence[str]) -> str:
    return " || ".join(part for part in parts if part != "''")
