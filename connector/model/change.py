"""What made a score change: the model, age, data, caps, a person's word. In tenths that add up.

The way goes by scorecards: as it was; where that was another model, as this one judges the records
of then, by its own SQL; as they have aged; as it is today. Age is what the clock alone does to
those records: they fade, leave their window, or silence grows. Data is the rest: new records, and
old ones that were edited. Those show by another value than the one that was kept, and so only where
no other model stands between: beside one, what was edited is part of the model's step. `terms` has
the same by column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from . import rows
from .ageing import Aged
from .arithmetic import Part, grade, points, shown, whole
from .definition import MIDDLE, HealthModel, Measure
from .reasons import LANGUAGES, label, plain_number, said, unknown
from .rows import Row
from .telling import WORDS

Cause = Literal["model", "age", "data", "cap", "override"]
Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Term:
    """One cause and what it adds to the score, in tenths.

    `reweighed`: the points are as they were, but they weigh more or less since others became known
    or unknown.
    """

    cause: Cause
    name: str
    delta: int
    text: Texts
    reweighed: bool = False


def change(
    model: HealthModel, row: Row, previous: Row | None, aged: Mapping[str, Aged] | None = None
) -> dict[str, Any] | None:
    """The way from the earlier score to this one; None when one of them is unknown.

    The `delta`s add up to `to` less `from`, and the `shown`s to the difference of the whole numbers
    that people see.
    """
    if previous is None or previous["score"] is None or row["score"] is None:
        return None
    terms = [each for each in _terms(model, row, previous, aged or {}) if each.delta]
    ends = whole(previous["score"]), whole(row["score"])
    shares = shown([each.delta for each in terms], previous["score"])
    return {
        "from": previous["score"] / 10,
        "to": row["score"] / 10,
        "shown": {"from": ends[0], "to": ends[1]},
        "since": previous["as_of"],
        "terms": [
            {
                "cause": each.cause,
                "name": each.name,
                "delta": each.delta / 10,
                "shown": share,
                "reweighed": each.reweighed,
                "text": dict(each.text),
            }
            for each, share in zip(terms, shares, strict=True)
        ],
    }


def _terms(model: HealthModel, row: Row, previous: Row, aged: Mapping[str, Aged]) -> Iterator[Term]:
    """The model's share is what the earlier records give under this one; age comes next."""
    start = {each.name: rows.part(previous, each) for each in model.scored}
    values = {each.name: rows.value(previous, each) for each in model.scored}
    begun = previous["raw"] if previous["raw"] is not None else MIDDLE
    if previous["model"] != row["model"]:
        values |= {name: found.then for name, found in aged.items()}
        start = _parts(model, {m.name: points(m, values[m.name]) for m in model.scored})
        switched = MIDDLE + sum(each.contribution for each in start.values()) - begun
        yield Term("model", row["model"], switched, _words("new_model"))
    older = _parts(
        model, {m.name: _older(m, row, values[m.name], start[m.name], aged) for m in model.scored}
    )
    if all(older[name].points == start[name].points for name in older):
        older = start
    for each in model.scored:
        first, second, third = start[each.name], older[each.name], rows.part(row, each)
        yield _term("age", each, first, second, _said(model, each, row, aged.get(each.name)))
        yield _term("data", each, second, third, _said(model, each, row))
    yield from _rulings(model, row, previous)


def _term(cause: Cause, measure: Measure, before: Part, after: Part, text: Texts) -> Term:
    delta = after.contribution - before.contribution
    return Term(cause, measure.name, delta, text, reweighed=after.points == before.points)


def _parts(model: HealthModel, known: Mapping[str, int | None]) -> dict[str, Part]:
    return dict(grade(model, known).parts)


def _older(
    measure: Measure, row: Row, value: float | None, start: Part, aged: Mapping[str, Aged]
) -> int | None:
    """The points that the earlier records give by now, where `value` is what they gave then. An
    edited record is no matter of age, and of a measure whose points stand where they stood nothing
    is told."""
    found = aged.get(measure.name)
    known = start.points if value is not None else None
    stands = rows.part(row, measure).points == start.points
    if found is None or stands or points(measure, found.then) != known:
        return known
    return points(measure, found.now)


def _said(model: HealthModel, measure: Measure, row: Row, aged: Aged | None = None) -> Texts:
    return {each: _sentence(model, measure, row, aged, each) for each in LANGUAGES}


def _sentence(
    model: HealthModel, measure: Measure, row: Row, aged: Aged | None, language: str
) -> str:
    value, rule = rows.value(row, measure), rows.assumed(model, row, measure)
    if value is None and rule is not None:
        return unknown(measure, rule, language)
    if value is None:
        text = f"{label(measure, language)} {WORDS[language]['gone']}"
    else:
        text = said(measure, value, language)
        text = text or f"{label(measure, language)}: {plain_number(value)}"
    if aged is None or not aged.days or aged.days < 0:
        return text
    return text + WORDS[language]["old" if aged.days == 1 else "olds"].format(days=aged.days)


def _rulings(model: HealthModel, row: Row, previous: Row) -> Iterator[Term]:
    """What caps and a person took before is given back, what they take now is taken."""
    (cap, override), (cap_before, override_before) = _moved(row), _moved(previous)
    names = [", ".join(each.get("caps") or ()) for each in (previous, row)]
    texts = {language: _cap_text(model, row, previous, language) for language in LANGUAGES}
    yield Term("cap", names[1] or names[0], cap - cap_before, texts)
    said = {language: _override_text(model, row, language) for language in LANGUAGES}
    yield Term("override", "override", override - override_before, said)


def _moved(row: Row) -> tuple[int, int]:
    """By how much caps, or a person's word, moved the score; one excludes the other."""
    if row["raw"] is None:
        return 0, 0
    moved = row["score"] - row["raw"]
    return (0, moved) if row.get("override") else (moved, 0)


def _cap_text(model: HealthModel, row: Row, previous: Row, language: str) -> str:
    held, before = set(row.get("caps") or ()), set(previous.get("caps") or ())
    named = [cap for cap in model.caps if cap.name in (held or before)]
    text = ", ".join(label(cap, language) for cap in named)
    if not text:
        return WORDS[language]["freed"]
    return text if held else WORDS[language]["over"].format(label=text)


def _override_text(model: HealthModel, row: Row, language: str) -> str:
    text = by_hand(model, language)
    return text if row.get("override") else WORDS[language]["over"].format(label=text)


def by_hand(model: HealthModel, language: str) -> str:
    """What a tier that a person gave is called."""
    return label(model.override, language) if model.override else WORDS[language]["by_a_person"]


def _words(name: str) -> Texts:
    return {language: WORDS[language][name] for language in LANGUAGES}
