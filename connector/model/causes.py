"""Why scores changed, in words: the strongest terms of every account that has any, in bulk.

The terms are those of `terms`, in whole numbers that add up, as `telling.brief` has them for one
account.
"""

from __future__ import annotations

from ..mapping.expressions import identifier, literal
from . import terms
from .change import by_hand
from .definition import HealthModel
from .ranking import code, layered, pick, places, ranks
from .reasons import LANGUAGES, forms, label, number, stand_ins
from .stage import Stage
from .telling import MOST, WORDS

_RANKS = range(1, MOST + 1)
#: The step of the strongest cause, the texts, and what is left beside so many of them.
COLUMNS = (
    "shown1",
    *(f"rest{kept}" for kept in range(MOST + 1)),
    *(f"cause{rank}_{language}" for language in LANGUAGES for rank in _RANKS),
)


def stages(model: HealthModel) -> tuple[Stage, ...]:
    """`causes`, with `COLUMNS` for every key of `terms`; before them `strongest`, which are numbers
    alone, as wide layers and long texts at once take much memory."""
    return (Stage("strongest", _strongest(model)), Stage("causes", _causes(model)))


def _strongest(model: HealthModel) -> str:
    """The strongest terms of every key: their place, their step, and how old they are."""
    layers = [
        *terms.steps(model),
        _strengths(model),
        *ranks("k", "code", terms.many(model), MOST),
        places("code", "top", MOST),
        _whose(model),
    ]
    changed = "(score + 5) // 10 - (score_before + 5) // 10 AS shown"
    columns = ["key", changed, "caps", "caps_before", "override", *_numbers(model)]
    return f"SELECT {', '.join(columns)} FROM ({layered('SELECT * FROM terms', layers)})"


def _causes(model: HealthModel) -> str:
    layers = [[f"{number(f'value{rank}')} AS text{rank}" for rank in _RANKS], _texts(model)]
    return f"SELECT key, {', '.join(COLUMNS)} FROM ({layered(_valued(model), layers)})"


def _valued(model: HealthModel) -> str:
    """The strongest terms with their values."""
    raw = [f"r.{identifier(each.name)}" for each in model.scored]
    values = [f"{pick(f't.measure{rank}', raw)} AS value{rank}" for rank in _RANKS]
    return f"SELECT t.*, {', '.join(values)} FROM strongest AS t JOIN raw AS r ON r.key = t.key"


def _strengths(model: HealthModel) -> list[str]:
    """Strength and place of every term in one number; -1 for what is no cause."""
    named = range(1, 2 * len(model.scored) + 1)
    return [
        f"CASE WHEN n{j} = 0{f' OR NOT told{j}' if j in named else ''} THEN -1"
        f" ELSE {code(f'abs(x{j})', j)} END AS k{j}"
        for j in range(terms.many(model))
    ]


def _whose(model: HealthModel) -> list[str]:
    """The measure of every strong term, and whether it is a matter of age."""
    last = 2 * len(model.scored) + 1
    return [
        each
        for rank in _RANKS
        for each in (
            f"CASE WHEN top{rank} BETWEEN 2 AND {last} THEN top{rank} // 2 END AS measure{rank}",
            f"coalesce(top{rank} BETWEEN 2 AND {last} AND top{rank} % 2 = 0, FALSE) AS aged{rank}",
        )
    ]


def _numbers(model: HealthModel) -> list[str]:
    """Place, measure and step of every strong term, whether the measure is known, and how old the
    term is: in days where that is known, -1 where something new of the same measure is told as
    well, else 0."""
    found, none = [], "CAST(NULL AS INTEGER)"
    ages = [f"days{i}" if each.max_age else none for i, each in enumerate(model.scored)]
    told = [f"k{2 * i + 2} >= 0" for i in range(len(model.scored))]
    has = [f"known{i}" for i in range(len(model.scored))]
    for rank in _RANKS:
        steps = pick(f"top{rank}", [f"n{j}" for j in range(terms.many(model))])
        days, fresh, known = (pick(f"measure{rank}", each) for each in (ages, told, has))
        old = f"WHEN {days} > 0 THEN {days} WHEN {fresh} THEN -1"
        found += [f"top{rank}", f"measure{rank}", f"{steps} AS shown{rank}"]
        found.append(f"{known} AS known{rank}")
        found.append(f"CASE WHEN NOT aged{rank} THEN 0 {old} ELSE 0 END AS old{rank}")
    return found


def _texts(model: HealthModel) -> list[str]:
    """The text of every cause, and what is left over."""
    found = []
    for rank in range(MOST + 1):
        less = "".join(f" - coalesce(shown{n}, 0)" for n in range(1, rank + 1))
        found.append(f"shown{less} AS rest{rank}")
    for language in LANGUAGES:
        for rank in _RANKS:
            said = f"{_said(model, rank, language)} || ' ' || {signed(f'shown{rank}')}"
            found.append(f"CASE WHEN shown{rank} <> 0 THEN {said} END AS cause{rank}_{language}")
    return found


def _said(model: HealthModel, rank: int, language: str) -> str:
    """The sentence of a cause, by the form that its value asks for."""
    words, texts = WORDS[language], []
    for each in model.scored:
        named, (zero, one, many) = label(each, language), forms(each, language)
        texts += [zero or f"{named}: 0", one, many, f"{named} {words['gone']}"]
        texts.append(next(iter(stand_ins(model, each, language)), ""))
    form = (
        f"CASE WHEN text{rank} IS NULL THEN CASE WHEN known{rank} THEN 5 ELSE 4 END"
        f" WHEN text{rank} = '0' THEN 1 WHEN text{rank} IN ('1', '-1') THEN 2 ELSE 3 END"
    )
    value = f"coalesce(text{rank}, '')"
    value = value if language == "en" else f"replace({value}, '.', ',')"
    listed = ", ".join(literal(each) for each in texts)
    told = f"replace([{listed}][(measure{rank} - 1) * 5 + {form}], '{{value}}', {value})"
    rulings = pick(f"top{rank} - {2 * len(model.scored) + 1}", _rulings(model, language))
    return (
        f"CASE WHEN top{rank} = 1 THEN {literal(words['new_model'])}"
        f" WHEN measure{rank} IS NULL THEN {rulings} ELSE {told} || {_age(rank, language)} END"
    )


def _age(rank: int, language: str) -> str:
    """How old what a measure rests on is; or only that it is older, beside what is new of it."""
    words = WORDS[language]
    before, after = words["olds"].split("{days}")
    older = words["aged"].removeprefix("{text}")
    many = f"{literal(before)} || CAST(old{rank} AS VARCHAR) || {literal(after)}"
    return (
        f"CASE WHEN old{rank} > 1 THEN {many} WHEN old{rank} = 1 THEN {literal(words['old'])}"
        f" WHEN old{rank} < 0 THEN {literal(older)} ELSE '' END"
    )


def _rulings(model: HealthModel, language: str) -> list[str]:
    """What is said of caps, and of a person's word: that they hold, or that they do no more."""
    words = WORDS[language]
    over, _ = words["over"].split("{label}")
    names = [literal(cap.name) for cap in model.caps]
    now, before = (
        [f"coalesce(list_contains({each}, {name}), FALSE)" for name in names]
        for each in ("caps", "caps_before")
    )
    held = f"({' OR '.join(now) or 'FALSE'})"
    named = " || ".join(
        f"CASE WHEN {now[i]} OR NOT {held} AND {before[i]}"
        f" THEN {literal(', ' + label(cap, language))} ELSE '' END"
        for i, cap in enumerate(model.caps)
    )
    named = f"substr({named or literal('')}, 3)"
    freed = f"CASE WHEN {named} = '' THEN {literal(words['freed'])}"
    caps = f"{freed} WHEN {held} THEN {named} ELSE {literal(over)} || {named} END"
    person = literal(by_hand(model, language))
    return [caps, f"CASE WHEN override IS NULL THEN {literal(over)} ELSE '' END || {person}"]


def signed(value: str) -> str:
    """A whole number with its sign, as people write it."""
    text = f"CAST(abs({value}) AS VARCHAR)"
    return f"CASE WHEN {value} < 0 THEN '−' ELSE '+' END || {text}"
