"""Why every score changed and what would lift it, in one line of a field: `telling.brief` in bulk.

The terms are those of `terms`, in whole numbers that add up. What would lift an account is tried on
its scorecard: bringing known measures to their best, the greatest gains first, or undoing what its
caps ask about where the model says how. `explain` tries more, for one account. What does not fit is
cut off by whole parts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from ..mapping.expressions import identifier, literal, parse, paths
from . import scores, terms, tiers
from .arithmetic import value_at
from .change import by_hand
from .definition import MIDDLE, TIERS, HealthModel, Measure, tenths
from .reasons import LANGUAGES, LENGTH, forms, label, number, plain_number, stand_ins
from .stage import Stage
from .telling import MOST, WORDS

_PLACES = 1024
_RANKS = range(1, MOST + 1)
_KNOWN = re.compile(r"\bknown\(\s*\w+\s*\)", re.IGNORECASE)


def stages(model: HealthModel, as_of: datetime, news: Sequence[str]) -> tuple[Stage, ...]:
    """`briefs(account_id, brief_en, brief_de)`; needs every earlier row of `lake_scores` and
    `lake_measures`."""
    return (*terms.stages(model, as_of, news), Stage("briefs", sql(model)))


def sql(model: HealthModel) -> str:
    """A query with a line for every account in every language."""
    inner = f"SELECT {', '.join(_facts(model))} FROM {_JOINED}"
    layers = [
        *terms.steps(model),
        _codes(model),
        *_ranks("k", "code", terms.many(model)),
        *_ranks("y", "gain", len(model.scored)),
        _places(),
        _whose(model),
        _values(model),
        _shown(),
        _reached(model),
        _pieces(model),
        _parts(model),
    ]
    for layer in layers:
        inner = f"SELECT *, {', '.join(layer)} FROM ({inner})"
    lines = ", ".join(f"{_line(each)} AS brief_{each}" for each in LANGUAGES)
    return f"SELECT account_id, {lines} FROM ({inner})"


_JOINED = (
    "scores AS s JOIN accounts AS a ON a.id = s.account_id JOIN raw AS r ON r.key = a.key"
    " JOIN graded AS g ON g.key = a.key LEFT JOIN terms AS t ON t.key = a.key"
)


def _facts(model: HealthModel) -> list[str]:
    """What is looked at; a first score has terms of nothing."""
    found = ["s.account_id", "s.score", "s.raw", "s.tier", "s.caps", "s.override", "s.scored_as"]
    found += ["t.score_before", "t.caps_before"]
    for i, each in enumerate(model.scored):
        found += [f"r.{identifier(each.name)} AS v{i}", f"g.p{i}", f"g.w{i}"]
        found.append(f"t.days{i}" if each.max_age else f"CAST(NULL AS INTEGER) AS days{i}")
    found += [f"coalesce(t.d{j}, 0) AS d{j}" for j in range(terms.many(model))]
    found += [f"t.told{j}" for j in range(1, 2 * len(model.scored) + 1)]
    for i, cap in enumerate(model.caps):
        asks = scores.condition(cap.when, model)
        found.append(f"coalesce({asks}, FALSE) AS asks{i}")
    return found


def _codes(model: HealthModel) -> list[str]:
    """Strength and place in one number; -1 for what is no cause, or gains nothing."""
    named = range(1, 2 * len(model.scored) + 1)
    found = [
        f"CASE WHEN n{j} = 0{f' OR NOT told{j}' if j in named else ''} THEN -1"
        f" ELSE abs(x{j}) * {_PLACES} + {_PLACES - 1 - j} END AS k{j}"
        for j in range(terms.many(model))
    ]
    for i, each in enumerate(model.scored):
        top = _top(each)
        gains = f"v{i} IS NOT NULL AND p{i} < {top}" if _is_free(model, each) else "FALSE"
        gain = f"CAST({top} - p{i} AS BIGINT) * w{i} * {_PLACES} + {_PLACES - 1 - i}"
        found.append(f"CASE WHEN {gains} THEN {gain} ELSE -1 END AS y{i}")
    numbers = range(len(model.scored))
    whole = " + ".join(f"coalesce(CAST(p{i} - {MIDDLE} AS BIGINT) * w{i}, 0)" for i in numbers)
    total = " + ".join(f"CAST(w{i} AS BIGINT)" for i in numbers)
    return [*found, f"{whole} AS whole", f"{total} AS total"]


def _top(measure: Measure) -> int:
    return max(tenths(y) for _, y in measure.points)


def _is_free(model: HealthModel, measure: Measure) -> bool:
    """Whether no cap asks about the value of a measure: then only its points count."""
    asked = (_KNOWN.sub("TRUE", each.when) for each in model.caps)
    return all(measure.name not in paths(parse(each)) for each in asked)


def _ranks(letter: str, name: str, many: int) -> list[list[str]]:
    """The three greatest of some codes, one layer each."""
    layers = []
    for rank in _RANKS:
        codes = [f"{letter}{i}" for i in range(many)]
        if rank > 1:
            codes = [f"CASE WHEN {c} < {name}{rank - 1} THEN {c} ELSE -1 END" for c in codes]
        layers.append([f"greatest({', '.join(['-1', *codes])}) AS {name}{rank}"])
    return layers


def _places() -> list[str]:
    """Where the strongest stand, counted from 1, and what the greatest gains add up to."""
    found = [
        f"CASE WHEN {name}{rank} >= 0 THEN {_PLACES} - {name}{rank} % {_PLACES} END AS {at}{rank}"
        for name, at in (("code", "top"), ("gain", "best"))
        for rank in _RANKS
    ]
    for rank in _RANKS:
        gains = " + ".join(f"greatest(gain{n}, 0) // {_PLACES}" for n in range(1, rank + 1))
        risen = f"(2 * (whole + {gains}) + {2 * MIDDLE + 1} * total) // nullif(2 * total, 0)"
        found.append(f"CASE WHEN gain{rank} >= 0 THEN {risen} END AS risen{rank}")
    return found


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


def _values(model: HealthModel) -> list[str]:
    """Step and value of every strong term, and the tiers that a cap holds at or below now."""
    found, numbers = [], range(len(model.scored))
    for rank in _RANKS:
        steps = _pick(f"top{rank}", [f"n{j}" for j in range(terms.many(model))])
        values, known, days, fresh = (
            _pick(f"measure{rank}", each)
            for each in (
                [f"v{i}" for i in numbers],
                [f"p{i} IS NOT NULL" for i in numbers],
                [f"days{i}" for i in numbers],
                [f"k{2 * i + 2} >= 0" for i in numbers],
            )
        )
        found += [f"{steps} AS shown{rank}", f"{values} AS value{rank}", f"{known} AS known{rank}"]
        old = f"WHEN {days} > 0 THEN {days} WHEN {fresh} THEN -1"
        found.append(f"CASE WHEN NOT aged{rank} THEN 0 {old} ELSE 0 END AS old{rank}")
    holds = [f"asks{i} AND tier <= '{cap.tier}'" for i, cap in enumerate(model.caps)]
    binds = [f"CASE WHEN {each} THEN 1 ELSE 0 END" for each in holds]
    mute = [h for h, cap in zip(holds, model.caps, strict=True) if not cap.action]
    looser = ["'A'"] + [
        f"CASE WHEN asks{i} AND tier > '{cap.tier}' THEN '{cap.tier}' ELSE 'A' END"
        for i, cap in enumerate(model.caps)
    ]
    found.append(f"{' + '.join(binds) or '0'} AS binding")
    found.append(f"{' OR '.join(f'({each})' for each in mute) or 'FALSE'} AS mute")
    found.append(f"greatest({', '.join(looser)}) AS ceiling")
    return found


def _pick(place: str, values: Sequence[str]) -> str:
    cases = " ".join(f"WHEN {i} THEN {value}" for i, value in enumerate(values, 1))
    return f"CASE {place} {cases} END"


def _shown() -> list[str]:
    """What people see: whole numbers, and values as they are written."""
    found = [f"{number(f'value{rank}')} AS text{rank}" for rank in _RANKS]
    return [*found, "(score_before + 5) // 10 AS was", "(score + 5) // 10 AS now"]


def _reached(model: HealthModel) -> list[str]:
    """How many measures it takes, and to which tier they, or doing away with caps, lead."""
    over = " ".join(f"WHEN '{tier}' THEN {tiers.most(model, tier)}" for tier in TIERS)
    # Where rules decide, more points need not lead anywhere: `explain` tries it on the whole model.
    free = "FALSE" if model.rules else "score IS NOT NULL AND override IS NULL AND tier > 'A'"
    enough = " ".join(f"WHEN risen{rank} > CASE tier {over} END THEN {rank}" for rank in _RANKS)
    lifted = (
        f"CASE WHEN binding > 0 THEN CASE WHEN NOT mute AND raw > CASE tier {over} END THEN 0 END"
    )
    return [f"CASE WHEN {free} THEN {lifted} ELSE CASE {enough} END END END AS steps"]


def _pieces(model: HealthModel) -> list[str]:
    """The tier that is reached, the text of every cause, and what is left over."""
    risen = f"CASE steps {' '.join(f'WHEN {n} THEN risen{n}' for n in _RANKS)} ELSE raw END"
    found = [f"greatest(CASE {tiers.plain(model, f'({risen})')} END, ceiling) AS reached"]
    total = "(now - was)"
    for rank in range(MOST + 1):
        less = "".join(f" - coalesce(shown{n}, 0)" for n in range(1, rank + 1))
        found.append(f"coalesce({total}{less}, 0) AS rest{rank}")
    for language in LANGUAGES:
        for rank in _RANKS:
            said = f"{_said(model, rank, language)} || ' ' || {_signed(f'shown{rank}')}"
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
    rulings = _pick(f"top{rank} - {2 * len(model.scored) + 1}", _rulings(model, language))
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


def _parts(model: HealthModel) -> list[str]:
    """The head of a line, and what would lift the account."""
    return [
        each
        for language in LANGUAGES
        for each in (
            f"{_head(language)} AS head_{language}",
            f"{_reach(model, language)} AS reach_{language}",
        )
    ]


def _head(language: str) -> str:
    words = WORDS[language]
    now = "CAST(now AS VARCHAR)"
    still = f"CASE WHEN coalesce(shown1, 0) = 0 THEN {literal(', ' + words['same'])} ELSE '' END"
    return (
        f"CASE WHEN score IS NULL THEN {literal(words['none'])}"
        f" WHEN was IS NULL THEN {now} || {literal(' (' + words['first'] + ')')}"
        f" WHEN was = now THEN {now} || {still}"
        f" ELSE CAST(was AS VARCHAR) || ' → ' || {now} END"
    )


def _reach(model: HealthModel, language: str) -> str:
    words = WORDS[language]
    before, after = words["reach"].split("{tier}")
    told = ", ".join(literal(_advice(each, language)) for each in model.scored)
    both = literal(words["and"])
    steps = [
        f"CASE WHEN steps >= {rank} THEN {both + ' || ' if rank > 1 else ''}[{told}][best{rank}]"
        " ELSE '' END"
        for rank in _RANKS
    ]
    undone: list[str] = []
    for i, cap in enumerate(model.caps):
        if not cap.action:
            continue
        text = cap.action.get(language) or cap.action.get("en") or label(cap, language)
        earlier = " OR ".join(
            f"(asks{n} AND tier <= '{model.caps[n].tier}')"
            for n in range(i)
            if model.caps[n].action
        )
        joint = f"CASE WHEN {earlier} THEN {both} ELSE '' END || " if earlier else ""
        undone.append(
            f"CASE WHEN asks{i} AND tier <= '{cap.tier}' THEN {joint}{literal(text)} ELSE '' END"
        )
    caps = " || ".join(undone) or "''"
    actions = f"CASE WHEN steps = 0 THEN {caps} ELSE {' || '.join(steps)} END"
    whole = (
        f"' ' || {literal(before)} || reached || {literal(after.split('{')[0])} || {actions} || '.'"
    )
    return f"CASE WHEN steps IS NOT NULL THEN {whole} ELSE '' END"


def _advice(measure: Measure, language: str) -> str:
    if text := measure.action.get(language):
        return text
    best = value_at(measure, _top(measure), None)
    shown = plain_number(best or 0)
    shown = shown if language == "en" else shown.replace(".", ",")
    return WORDS[language]["to"].format(label=label(measure, language), to=shown)


def _signed(value: str) -> str:
    text = f"CAST(abs({value}) AS VARCHAR)"
    return f"CASE WHEN {value} < 0 THEN '−' ELSE '+' END || {text}"


def _line(language: str) -> str:
    """The longest of the lines with three causes to none that fits."""
    fits = [_whole(kept, language, f"reach_{language}") for kept in range(MOST, -1, -1)]
    fits.append(_whole(0, language, "''"))
    cases = " ".join(f"WHEN length({each}) <= {LENGTH} THEN {each}" for each in fits[:-1])
    return f"CASE {cases} ELSE left({fits[-1]}, {LENGTH}) END"


def _whole(kept: int, language: str, reach: str) -> str:
    causes = [
        f"coalesce({', ' if n > 1 else ': '!r} || cause{n}_{language}, '')"
        for n in range(1, kept + 1)
    ]
    other = literal(WORDS[language]["other"] + " ")
    first = "': '" if not kept else "CASE WHEN coalesce(shown1, 0) = 0 THEN ': ' ELSE ', ' END"
    rest = (
        f"CASE WHEN rest{kept} <> 0 THEN {first} || {other} || {_signed(f'rest{kept}')} ELSE '' END"
    )
    return " || ".join([f"head_{language}", *causes, rest, "'.'", reach])
