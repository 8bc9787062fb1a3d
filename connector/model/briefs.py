"""Why every score changed and what would lift it, in one line of a field: `telling.brief` in bulk.

What changed are `causes`. What would lift an account is tried on its scorecard: bringing known
measures to their best, the greatest gains first, or undoing what its caps ask about where the model
says how. `explain` tries more, for one account. What does not fit is cut off by whole parts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from ..mapping.expressions import identifier, literal, parse, paths
from . import causes, terms, tiers
from .arithmetic import value_at
from .definition import MIDDLE, TIERS, HealthModel, Measure, tenths
from .ranking import PLACES, code, layered, places, ranks
from .reasons import LANGUAGES, LENGTH, label, plain_number
from .stage import Stage, spent
from .telling import MOST, WORDS

_RANKS = range(1, MOST + 1)
_KNOWN = re.compile(r"\bknown\(\s*\w+\s*\)", re.IGNORECASE)


def stages(model: HealthModel, as_of: datetime, news: Sequence[str]) -> tuple[Stage, ...]:
    """`briefs(key, brief_en, brief_de)`; before them `gains`, and `causes` of those accounts that
    have `terms`. It needs every earlier row of `lake_scores` and `lake_measures`."""
    return (
        *terms.stages(model, as_of, news),
        spent("earlier"),
        Stage("gains", gains(model)),
        *causes.stages(model),
        Stage("briefs", sql(model)),
    )


def gains(model: HealthModel) -> str:
    """A query with the score before, the measures that would lift every account most, `best<rank>`,
    and the score with them and those before them at their best, `risen<rank>`."""
    layers = [_gains(model), *ranks("y", "gain", len(model.scored), MOST)]
    listed = ", ".join(["key", "score_before", *places("gain", "best", MOST), *_risen()])
    # Where something stands in for what is not known, points alone do not say that a value is.
    joined = " JOIN raw AS r ON r.key = g.key" if model.assumes else ""
    values = [
        f"r.{identifier(each.name)} AS v{i}" if model.assumes else f"g.p{i} AS v{i}"
        for i, each in enumerate(model.scored)
    ]
    columns = ["g.*", "e.score AS score_before", *values]
    rows = (
        f"SELECT {', '.join(columns)} FROM graded AS g{joined}"
        " LEFT JOIN before AS e ON e.key = g.key"
    )
    return f"SELECT {listed} FROM ({layered(rows, layers)})"


def sql(model: HealthModel) -> str:
    """A query with a line for every account in every language."""
    layers = [
        _held(model),
        _reached(model),
        [f"{_tier(model)} AS reached"],
        _parts(model),
        [f"{_whole(MOST, each, f'reach_{each}')} AS whole_{each}" for each in LANGUAGES],
    ]
    lines = ", ".join(f"{_line(each)} AS brief_{each}" for each in LANGUAGES)
    return f"SELECT key, {lines} FROM ({layered(_standing(model), layers)})"


def _standing(model: HealthModel) -> str:
    """What is looked at to tell where an account stands, and what would lift it."""
    found = ["s.key", "s.score", "s.raw", "s.tier", "s.override", "s.scored_as"]
    found += [f"s.asks{i}" for i in range(len(model.caps))]
    found += [f"g.{name}{rank}" for name in ("best", "risen") for rank in _RANKS]
    found += [f"t.{each}" for each in causes.COLUMNS]
    found += ["(g.score_before + 5) // 10 AS was", "(s.score + 5) // 10 AS now"]
    return (
        f"SELECT {', '.join(found)} FROM scored AS s JOIN gains AS g ON g.key = s.key"
        " LEFT JOIN causes AS t ON t.key = s.key"
    )


def _gains(model: HealthModel) -> list[str]:
    """Gain and place of every measure in one number; -1 for what gains nothing."""
    found = []
    for i, each in enumerate(model.scored):
        top = _top(each)
        gains = f"v{i} IS NOT NULL AND p{i} < {top}" if _is_free(model, each) else "FALSE"
        gain = code(f"CAST({top} - p{i} AS BIGINT) * w{i}", i)
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


def _risen() -> list[str]:
    """What the greatest gains add up to."""
    found = []
    for rank in _RANKS:
        gains = " + ".join(f"greatest(gain{n}, 0) // {PLACES}" for n in range(1, rank + 1))
        risen = f"(2 * (whole + {gains}) + {2 * MIDDLE + 1} * total) // nullif(2 * total, 0)"
        found.append(f"CASE WHEN gain{rank} >= 0 THEN {risen} END AS risen{rank}")
    return found


def _held(model: HealthModel) -> list[str]:
    """How many caps hold an account, whether one of them without advice, and the best tier that the
    others leave."""
    holds = [f"asks{i} AND tier <= '{cap.tier}'" for i, cap in enumerate(model.caps)]
    binds = [f"CASE WHEN {each} THEN 1 ELSE 0 END" for each in holds]
    mute = [h for h, cap in zip(holds, model.caps, strict=True) if not cap.action]
    looser = ["'A'"] + [
        f"CASE WHEN asks{i} AND tier > '{cap.tier}' THEN '{cap.tier}' ELSE 'A' END"
        for i, cap in enumerate(model.caps)
    ]
    return [
        f"{' + '.join(binds) or '0'} AS binding",
        f"{' OR '.join(f'({each})' for each in mute) or 'FALSE'} AS mute",
        f"greatest({', '.join(looser)}) AS ceiling",
    ]


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


def _tier(model: HealthModel) -> str:
    """The tier that is reached by them; by none, where doing away with caps is enough."""
    risen = " ".join(f"WHEN {n} THEN CASE {tiers.plain(model, f'risen{n}')} END" for n in _RANKS)
    undone = f"CASE {tiers.plain(model, 'raw')} END"
    return f"greatest(CASE steps {risen} ELSE {undone} END, ceiling)"


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
    to = " ".join(
        f"WHEN '{tier}' THEN {literal(' ' + before + tier + after.split('{')[0])}" for tier in TIERS
    )
    told = ", ".join(literal(_advice(each, language)) for each in model.scored)
    both = literal(words["and"])
    best = [f"[{told}][best{rank}]" for rank in _RANKS]
    steps = " ".join(f"WHEN {n} THEN {f' || {both} || '.join(best[:n])}" for n in _RANKS)
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
    whole = f"CASE reached {to} END || CASE steps {steps} ELSE {caps} END || '.'"
    return f"CASE WHEN steps IS NOT NULL THEN {whole} ELSE '' END"


def _advice(measure: Measure, language: str) -> str:
    if text := measure.action.get(language):
        return text
    best = value_at(measure, _top(measure), None)
    shown = plain_number(best or 0)
    shown = shown if language == "en" else shown.replace(".", ",")
    return WORDS[language]["to"].format(label=label(measure, language), to=shown)


def _line(language: str) -> str:
    """The longest of the lines with three causes to none that fits."""
    fits = [f"whole_{language}"]
    fits += [_whole(kept, language, f"reach_{language}") for kept in range(MOST - 1, -1, -1)]
    fits.append(_whole(0, language, "''"))
    cases = " ".join(f"WHEN length({each}) <= {LENGTH} THEN {each}" for each in fits[:-1])
    return f"CASE {cases} ELSE left({fits[-1]}, {LENGTH}) END"


def _whole(kept: int, language: str, reach: str) -> str:
    told = [
        f"coalesce({', ' if n > 1 else ': '!r} || cause{n}_{language}, '')"
        for n in range(1, kept + 1)
    ]
    other = literal(WORDS[language]["other"] + " ")
    first = "': '" if not kept else "CASE WHEN coalesce(shown1, 0) = 0 THEN ': ' ELSE ', ' END"
    rest = (
        f"CASE WHEN coalesce(rest{kept}, 0) = 0 THEN '' ELSE"
        f" {first} || {other} || {causes.signed(f'rest{kept}')} END"
    )
    whole = " || ".join([f"head_{language}", *told, rest, "'.'", reach])
    # Of most accounts nothing changed: a string is made of three pieces sooner than of eight.
    return f"CASE WHEN rest0 IS NULL THEN head_{language} || '.' || {reach} ELSE {whole} END"
