"""What the clock alone does to accounts: the records of their earlier score, looked at later.

The records are those that count today, as they were at the earlier moment. Looked at from there
they show whether they have been edited since, from today what has become of them by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..mapping.expressions import identifier, literal
from ..records import DAY, MOMENT, STREAMS
from . import answers, identity, measures, money, placements, seen
from .columns import ACCOUNTS, of_rows
from .definition import HealthModel
from .matching import USUAL, Matching
from .stage import Stage, double, moment, spent


@dataclass(frozen=True, slots=True)
class Aged:
    """A measure over the records of an earlier moment: its value then and by now.

    `days` is the age of the newest record behind it, where the model limits that age.
    """

    then: float | None
    now: float | None
    days: int | None = None


def stages(
    model: HealthModel, earlier: str, now: datetime, *, few: bool = False
) -> tuple[Stage, ...]:
    """`aged(key, …__then, …__now, …__days)`, one row for every account of a query.

    The query gives `key` and `seen_at`, the moment of the earlier score. It needs `fed`,
    `accounts`, and the placed streams as of `now`. With `few` their activities are looked for by
    the ids of accounts, and among those that were looked up once with `activities`.
    """
    model = replace(model, measures=model.scored)
    names = (ACCOUNTS, *measures.streams(model))
    placed = {}
    if few:
        placed["activities"] = f"({seen.activities_of('elapsed', activities(model))})"
    return (
        Stage("elapsed", _elapsed(earlier, now)),
        *(Stage(f"old_{name}", _old(model, name, placed.get(name))) for name in names),
        Stage("aged_then", _over(model, now, names, shifted=True)),
        Stage("aged_now", _over(model, now, names, shifted=False)),
        *(spent(f"old_{name}") for name in names),
        Stage("aged", _aged(model, now), "view"),
    )


def activities(model: HealthModel) -> list[str]:
    """The columns of activities that measures look at, today's and those of earlier records."""
    stream = STREAMS["activities"]
    named = {*measures.asked(model, stream.name), stream.moment, "created_at"}
    return [each for each in stream.all_columns if each in named]


def alone(
    model: HealthModel,
    account: str,
    before: datetime,
    now: datetime,
    matching: Matching = USUAL,
) -> tuple[Stage, ...]:
    """`aged` of one account, from the records of the lake; no row if it did not exist before."""
    mine = f"SELECT a.* FROM accounts AS a WHERE a.id = {literal(account)}"
    streams = measures.streams(replace(model, measures=model.scored))
    keys = f"SELECT key FROM ({mine}) AS m"
    kept = [Stage(f"own_v_{s}", f"SELECT * FROM v_{s} WHERE key IN ({keys})") for s in streams]
    return (
        *money.stages(),
        *seen.views(now),
        *seen.accounts(now),
        *seen.placed(now, matching),
        *identity.stages(matching),
        *placements.stages(matching, now),
        *answers.stages(model.roles, matching.own),
        *kept,
        Stage("own_account", mine),
        *(Stage(f"v_{name}", f"SELECT * FROM own_v_{name}", "view") for name in streams),
        Stage("accounts", "SELECT * FROM own_account"),
        *measures.stages(replace(model, measures=model.scored), now),
        *stages(model, f"SELECT key, {moment(before)} AS seen_at FROM accounts", now),
    )


def read(model: HealthModel, found: Mapping[str, Any] | None) -> dict[str, Aged]:
    """The row of `aged` by measure."""
    if found is None:
        return {}
    return {
        each.name: Aged(
            found[f"{each.name}__then"],
            found[f"{each.name}__now"],
            found.get(f"{each.name}__days"),
        )
        for each in model.scored
    }


def _elapsed(earlier: str, now: datetime) -> str:
    """How long ago the earlier moment is: in whole seconds, as ages are, and in days of the
    calendar."""
    seconds = f"floor(epoch({moment(now)})) - floor(epoch(seen_at))"
    days = f"date_diff('day', seen_at, {moment(now)})"
    return (
        f"SELECT key, seen_at, CAST({seconds} AS BIGINT) AS shift,"
        f" CAST({days} AS INTEGER) AS days FROM ({earlier}) AS e"
    )


def _old(model: HealthModel, stream: str, placed: str | None) -> str:
    """The records of the earlier moment, as they were then, that any measure looked at."""
    source = placed or (ACCOUNTS if stream == ACCOUNTS else f"v_{stream}")
    at = STREAMS[stream].moment
    changed = dict(seen.later(stream, "e.seen_at"))
    if stream == "responses":
        changed["is_latest"] = "next_at IS NULL OR next_at > e.seen_at"
    listed = [
        f"{changed.get(name, f'v.{name}')} AS {name}" for name in measures.asked(model, stream)
    ]
    rules = [f"v.{at} <= e.seen_at"] if at else []
    if "created_at" in STREAMS[stream].columns and at != "created_at":
        rules.append("(v.created_at IS NULL OR v.created_at <= e.seen_at)")
    if limits := stream != ACCOUNTS and measures.reach(model, stream):
        by, days = limits
        # A day more, as the days of some records are counted by the calendar.
        rules.append(f"v.{by} > e.seen_at - INTERVAL {days + 1} DAY")
    return (
        f"SELECT v.key, e.shift, e.days, {', '.join(listed)} FROM {source} AS v"
        f" JOIN elapsed AS e ON e.key = v.key WHERE {' AND '.join(rules) or 'TRUE'}"
    )


def _over(model: HealthModel, now: datetime, names: tuple[str, ...], *, shifted: bool) -> str:
    """The measures over the old records. `shifted`: moved on, so that now they are as old as they
    were at the earlier moment."""
    sources = []
    for name in names:
        kinds, columns = of_rows(name), measures.asked(model, name)
        told = [_moved(each, kinds[each]) if shifted else each for each in columns]
        named = ACCOUNTS if name == ACCOUNTS else f"v_{name}"
        sources.append(f"{named} AS (SELECT {', '.join(['key', *told])} FROM old_{name})")
    sources += [f"{identifier(name)} AS ({sql})" for name, sql in measures.apart(model, now)]
    return f"WITH {', '.join(sources)} SELECT * FROM ({measures.raw(model, now)}) AS r"


def _moved(column: str, kind: str) -> str:
    if kind == MOMENT:
        return f"{column} + shift * INTERVAL 1 SECOND AS {column}"
    return f"{column} + days AS {column}" if kind == DAY else column


def _aged(model: HealthModel, now: datetime) -> str:
    seconds = double(now.timestamp())
    columns = []
    for each in model.measures:
        name = identifier(each.name)
        columns.append(f"t.{name} AS {identifier(f'{each.name}__then')}")
        columns.append(f"l.{name} AS {identifier(f'{each.name}__now')}")
        if each.max_age:
            age = f"floor(({seconds} - epoch(l.{measures.newest(each)})) / 86400)"
            columns.append(f"CAST({age} AS INTEGER) AS {identifier(f'{each.name}__days')}")
    both = "aged_then AS t JOIN aged_now AS l ON l.key = t.key"
    return f"SELECT t.key, {', '.join(columns)} FROM {both}"
