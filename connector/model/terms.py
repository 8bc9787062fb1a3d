"""What made the score of every account change, by column: the terms of `change`, in tenths.

The way from the earlier score to this one goes by scorecards: as it was; if that was another model,
as this one judges the records of then; as they have aged; as they are today. What caps and a person
take comes last. Each step is a term, so all add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ..mapping.expressions import identifier, literal
from . import ageing, previous, scorecard, seen
from .definition import MIDDLE, HealthModel
from .measures import newest
from .stage import Stage, moment, spent

_BLOCK = 8


def stages(model: HealthModel, as_of: datetime, news: Sequence[str]) -> tuple[Stage, ...]:
    """`before(key, as_of, score)` and `terms(key, score, caps, override, score_before, caps_before,
    d<j>, told<j>, known<i>, days<i>)`.

    `before` is the score before that of this run, and where this run only finds again what another
    one did, the one before it. It has a row for every account that was judged before, `terms` for
    those with a score then and now of which any term is not nothing. `d<j>` is what the j-th of
    `many` terms adds; `told<j>`, of a measure, whether its points moved; `known<i>`, whether the
    i-th measure has any now; `days<i>`, where the model limits that, the age of its newest old
    record. `news` are the columns of a score that make it another one. It needs every earlier row
    of `lake_scores` and `lake_measures`, and the stages up to `scores` with `previous` for lines.
    """
    return (
        Stage("late", _late(model, as_of, news)),
        Stage("before", _before()),
        spent("previous"),
        spent("late"),
        Stage("earlier", _earlier(model)),
        *ageing.stages(model, _moved(model), as_of, few=True),
        spent(seen.OTHERS),
        Stage("begun", _begun(model, as_of)),
        Stage("start", _start(model), "view"),
        Stage("older", _older(model, as_of)),
        Stage("terms", _terms(model)),
    )


def many(model: HealthModel) -> int:
    """How many terms there are: the model, age and data of every measure, caps, a person."""
    return 2 * len(model.scored) + 3


def steps(model: HealthModel) -> list[list[str]]:
    """Layers over a relation with the terms and `score_before`: `x<j>`, what is told of each term,
    and `n<j>`, what it adds to the whole number that people see."""
    return [_netted(model), _blocks(model), _sums(model), _steps(model)]


def _late(model: HealthModel, as_of: datetime, news: Sequence[str]) -> str:
    """The latest of those scores that are too young for `previous`, but for what this run only
    finds again."""
    now = {each: f"s.{each}" for each in news} | {"model": literal(model.version)}
    again = " AND ".join(f"e.{each} IS NOT DISTINCT FROM {sql}" for each, sql in now.items())
    columns = (f"{sql} AS {name}" for name, sql in previous.latest_of("e", "e.as_of").items())
    return (
        f"SELECT s.key, {', '.join(columns)}"
        " FROM lake_scores AS e JOIN scored AS s ON s.account_id = e.account_id"
        f" WHERE e.as_of > {moment(as_of - previous.KEPT_AGAIN)} AND e.as_of < {moment(as_of)}"
        f" AND NOT ({again}) GROUP BY s.key"
    )


def _before() -> str:
    """When every account was last judged before, the score, if it had one, and what caps or a
    person made of it."""
    told = {"as_of": "at", "score": "score", "capped": "capped", "moved": "moved"}
    columns = (
        f"CASE WHEN l.key IS NULL THEN p.own_{each} ELSE l.{each} END AS {name}"
        for name, each in told.items()
    )
    return (
        f"SELECT coalesce(l.key, p.key) AS key, {', '.join(columns)}"
        " FROM (SELECT * FROM previous WHERE own_at IS NOT NULL) AS p"
        " FULL JOIN late AS l ON l.key = p.key"
    )


def _earlier(model: HealthModel) -> str:
    """The score before of every account that has another one now, and what it was made of: one of
    which any part is another, or that another model gave."""
    parts = {
        f"{letter}{i}": f"m.{identifier(each.name)}.{what}"
        for i, each in enumerate(model.scored)
        for what, letter in (("value", "u"), ("points", "q"), ("contribution", "b"))
    }
    switched = f"m.model <> {literal(model.version)}"
    changed = [switched]
    for name, person in (("capped", False), ("moved", True)):
        changed.append(f"{previous.ruled('s', person=person)} <> l.{name}")
    for i in range(len(model.scored)):
        changed.append(f"g.p{i} IS DISTINCT FROM {parts[f'q{i}']} OR g.c{i} <> {parts[f'b{i}']}")
    columns = ", ".join(f"{sql} AS {name}" for name, sql in parts.items())
    return (
        f"SELECT l.key, l.as_of, {switched} AS switched, e.score, e.raw, e.caps, e.override,"
        f" {columns} FROM before AS l JOIN scored AS s ON s.key = l.key"
        " JOIN lake_scores AS e ON e.account_id = s.account_id AND e.as_of = l.as_of"
        " JOIN lake_measures AS m ON m.account_id = s.account_id AND m.as_of = l.as_of"
        " JOIN graded AS g ON g.key = l.key WHERE l.score IS NOT NULL AND g.score IS NOT NULL"
        f" AND ({' OR '.join(changed)})"
    )


def _moved(model: HealthModel) -> str:
    """The accounts of which any measure has other points, or that another model judged: of the rest
    the clock changed nothing, and their values are those that were kept."""
    moved = " OR ".join(f"g.p{i} IS DISTINCT FROM e.q{i}" for i in range(len(model.scored)))
    return (
        "SELECT e.key, e.as_of AS seen_at FROM earlier AS e"
        f" JOIN graded AS g ON g.key = e.key WHERE e.switched OR {moved}"
    )


def _begun(model: HealthModel, as_of: datetime) -> str:
    """What the earlier records give under this model, where they were scored under another; of an
    account that was not there yet, what the earlier values give."""
    values = [
        f"CASE WHEN t.key IS NULL THEN e.u{i} ELSE t.{identifier(f'{each.name}__then')} END"
        for i, each in enumerate(model.scored)
    ]
    rows = "earlier AS e LEFT JOIN aged AS t ON t.key = e.key WHERE e.switched"
    kept = [f"r.{identifier(each.name)} AS u{i}" for i, each in enumerate(model.scored)]
    return _graded(model, as_of, values, rows, kept)


def _start(model: HealthModel) -> str:
    """The values, points and contributions that a change begins with."""
    columns = [
        f"CASE WHEN e.switched THEN g.{new}{i} ELSE e.{old}{i} END AS {new}{i}"
        for i in range(len(model.scored))
        for old, new in (("u", "u"), ("q", "p"), ("b", "c"))
    ]
    return (
        "SELECT e.key, e.switched, e.score, e.raw, e.caps, e.override,"
        f" {', '.join(columns)} FROM earlier AS e LEFT JOIN begun AS g ON g.key = e.key"
    )


def _older(model: HealthModel, as_of: datetime) -> str:
    """What the old records give by now; an edited record is no matter of age, and of a measure
    whose points stand where they stood nothing is told."""
    values = []
    for i, each in enumerate(model.scored):
        then = scorecard.points(replace(each, name=f"{each.name}__then"))
        known = scorecard.points(replace(each, name=f"u{i}"))
        aged = f"g.p{i} IS DISTINCT FROM e.p{i} AND ({then}) IS NOT DISTINCT FROM ({known})"
        values.append(f"CASE WHEN {aged} THEN {identifier(f'{each.name}__now')} ELSE e.u{i} END")
    rows = "start AS e JOIN graded AS g ON g.key = e.key JOIN aged AS t ON t.key = e.key"
    return _graded(model, as_of, values, rows)


def _graded(
    model: HealthModel, as_of: datetime, values: Sequence[str], rows: str, kept: Sequence[str] = ()
) -> str:
    """The scorecard of other values than those of today, with what is `kept` of those in `r`."""
    named = [
        f"{value} AS {identifier(m.name)}" for value, m in zip(values, model.scored, strict=True)
    ]
    # Points do not depend on how old a value is; confidence does, and nobody asks for it here.
    named += [f"CAST(NULL AS TIMESTAMPTZ) AS {newest(m)}" for m in model.scored if m.max_age]
    raw = f"WITH raw AS (SELECT {', '.join(['e.key', *named])} FROM {rows})"
    joined = " JOIN raw AS r ON r.key = g.key" if kept else ""
    listed = ", ".join(["g.*", *kept])
    return f"{raw} SELECT {listed} FROM ({scorecard.graded(model, as_of)}) AS g{joined}"


def _terms(model: HealthModel) -> str:
    numbers = range(len(model.scored))
    begun = " + ".join(f"e.c{i}" for i in numbers)
    model_s = f"CASE WHEN e.switched THEN {begun} + {MIDDLE} - coalesce(e.raw, {MIDDLE}) ELSE 0 END"
    aged = " OR ".join(f"o.p{i} IS DISTINCT FROM e.p{i}" for i in numbers)
    aged = f"SELECT o.* FROM older AS o JOIN start AS e ON e.key = o.key WHERE {aged}"
    columns = [f"{model_s} AS d0"]
    for i, each in enumerate(model.scored):
        contribution, points = (
            f"CASE WHEN o.key IS NULL THEN e.{what}{i} ELSE o.{what}{i} END" for what in ("c", "p")
        )
        columns += [
            f"{contribution} - e.c{i} AS d{2 * i + 1}",
            f"g.c{i} - {contribution} AS d{2 * i + 2}",
            f"({points}) IS DISTINCT FROM e.p{i} AS told{2 * i + 1}",
            f"g.p{i} IS DISTINCT FROM ({points}) AS told{2 * i + 2}",
            f"g.p{i} IS NOT NULL AS known{i}",
        ]
        if each.max_age:
            columns.append(f"t.{identifier(f'{each.name}__days')} AS days{i}")
    columns += [f"{each} AS d{j}" for j, each in enumerate(_rulings(), many(model) - 2)]
    return (
        "SELECT e.key, s.score, s.caps, s.override, e.score AS score_before,"
        f" e.caps AS caps_before, {', '.join(columns)} FROM start AS e"
        " JOIN graded AS g ON g.key = e.key JOIN scored AS s ON s.key = e.key"
        f" LEFT JOIN ({aged}) AS o ON o.key = e.key LEFT JOIN aged AS t ON t.key = e.key"
    )


def _rulings() -> list[str]:
    """What caps, and a person, add to the score of `s` more than to that of `e`."""
    return [
        " - ".join(previous.ruled(row, person=each) for row in ("s", "e")) for each in (False, True)
    ]


def _netted(model: HealthModel) -> list[str]:
    """The terms as `telling` has them: where age and data of a measure pull in opposite ways, the
    stronger has what is left."""
    found, last = ["d0 AS x0"], many(model) - 2
    for age in range(1, last, 2):
        data, left = age + 1, f"d{age} + d{age + 1}"
        opposed = f"told{age} AND told{data} AND d{age} * d{data} < 0"
        for j, stronger in ((age, ">"), (data, "<=")):
            kept = f"CASE WHEN abs(d{age}) {stronger} abs(d{data}) THEN {left} ELSE 0 END"
            found.append(f"CASE WHEN {opposed} THEN {kept} ELSE d{j} END AS x{j}")
    return [*found, f"d{last} AS x{last}", f"d{last + 1} AS x{last + 1}"]


def _blocks(model: HealthModel) -> list[str]:
    """What the terms of every block add up to; one running sum would be written out in full."""
    last = many(model)
    return [
        f"{' + '.join(f'x{j}' for j in range(first, min(first + _BLOCK, last)))} AS e{n}"
        for n, first in enumerate(range(0, last, _BLOCK))
    ]


def _sums(model: HealthModel) -> list[str]:
    """The score after every term as a whole number. Shifted to be positive, as division cuts
    towards zero."""
    found = [f"{_half_up('coalesce(score_before, 0)')} AS h"]
    for j in range(many(model)):
        blocks = [f"e{n}" for n in range(j // _BLOCK)]
        own = [f"x{i}" for i in range(j - j % _BLOCK, j + 1)]
        total = " + ".join(["coalesce(score_before, 0)", *blocks, *own])
        found.append(f"{_half_up(f'({total})')} AS h{j}")
    return found


def _steps(model: HealthModel) -> list[str]:
    """What every term adds to the whole number that people see."""
    return [f"h{j} - h{j - 1 if j else ''} AS n{j}" for j in range(many(model))]


def _half_up(tenths: str) -> str:
    return f"(({tenths} + 10005) // 10 - 1000)"
