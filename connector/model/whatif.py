"""What would lift an account: changes tried on the model itself, the fewest that are enough.

Every scored measure is tried at its best, every other number that a cap asks about at the values
around the one it is compared with. The statements of the scorecard judge all sets at once, so caps,
overrides and the margin of tiers count as they do in a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

from sqlglot import exp

from ..mapping.expressions import identifier, literal, parse, paths
from ..records import NUMBER
from . import few, previous, rows, scorecard, scores
from .arithmetic import value_at
from .caps import plain
from .columns import ACCOUNT, TREE, kind_of
from .definition import TENTHS, Cap, HealthModel, Measure
from .measures import newest
from .rows import Row
from .stage import Stage, double

#: More changes at once than this are no advice.
LARGEST = 3


@dataclass(frozen=True, slots=True)
class Move:
    """One measure brought to a value."""

    measure: Measure
    value: float
    known: bool


@dataclass(frozen=True, slots=True)
class Reach:
    """A set of moves and the tier and score (in tenths) that they lead to."""

    tier: str
    score: int
    moves: tuple[Move, ...]


def moves(model: HealthModel, row: Row) -> tuple[Move, ...]:
    """Every change worth a try."""
    return (*_better(model, row), *_asked(model, row))


def sets(moves: Sequence[Move], size: int) -> list[tuple[int, ...]]:
    """All sets of so many moves of different measures, by their places."""
    return [
        places
        for places in combinations(range(len(moves)), size)
        if len({moves[place].measure.name for place in places}) == size
    ]


def query(
    model: HealthModel,
    row: Row,
    tried: Sequence[Move],
    chosen: Sequence[tuple[int, ...]],
    account: str,
    values: str,
    as_of: datetime,
) -> str:
    """The sets (`key` is their place) that lead to a better tier, with tier and score.

    `account` is a query for the account's columns, `values` for a column per measure.
    """
    listed = ", ".join(f"({key}, {_places(places)})" for key, places in enumerate(chosen))
    kept = [f"a.{name}" for name in ACCOUNT if name not in TREE and name != "id"]
    alone = "CAST(p.key AS VARCHAR) AS root_id, CAST(0 AS BIGINT) AS depth"
    steps = [
        Stage("picked", f"SELECT * FROM (VALUES {listed}) AS p(key, places)"),
        Stage(
            "accounts",
            f"SELECT p.key, CAST(p.key AS VARCHAR) AS id, {', '.join(kept)}, {alone}"
            f" FROM picked AS p CROSS JOIN ({account}) AS a",
        ),
        Stage("raw", _raw(model, tried, values, row.get("held") or ())),
        previous.apart(row["tier"], row["score"]),
        Stage("graded", scorecard.graded(model, as_of)),
        Stage("judged", scores.judged(model, as_of)),
    ]
    told = ", ".join(f"{step.name} AS ({step.sql})" for step in steps)
    return (
        f"WITH {told} SELECT CAST(account_id AS INTEGER) AS key, tier, score FROM judged"
        f" WHERE tier < {literal(row['tier'])}"
    )


def best(
    tried: Sequence[Move], chosen: Sequence[tuple[int, ...]], found: Iterable[tuple[int, str, int]]
) -> Reach | None:
    """The set to advise: changes of what is known before news, then the highest score."""
    ranked = sorted(
        found,
        key=lambda each: (
            sum(not tried[place].known for place in chosen[each[0]]),
            -each[2],
            each[0],
        ),
    )
    if not ranked:
        return None
    key, tier, score = ranked[0]
    return Reach(tier, score, tuple(tried[place] for place in chosen[key]))


def told(model: HealthModel, row: Row, reach: Reach | None) -> dict[str, Any] | None:
    """The advice for panels and texts; None when nothing reaches a better tier."""
    if reach is None:
        return None
    return {
        "tier": reach.tier,
        "score": reach.score / TENTHS,
        "changes": [_told(model, row, each) for each in reach.moves],
    }


def _better(model: HealthModel, row: Row) -> Iterator[Move]:
    """Scored measures at the top of their line."""
    for each in model.scored:
        now, top = rows.part(row, each).points, round(max(y for _, y in each.points) * TENTHS)
        value = value_at(each, top, rows.value(row, each))
        if value is not None and (now is None or now < top):
            yield Move(each, value, known=rows.value(row, each) is not None)


def _asked(model: HealthModel, row: Row) -> Iterator[Move]:
    """Facts that caps ask about, at and around the numbers they are compared with."""
    for each in model.measures:
        now = rows.value(row, each)
        if each.scored or kind_of(each) != NUMBER:
            continue
        near = {n + step for cap in model.caps for n in _compared(cap, each) for step in (-1, 0, 1)}
        tried = sorted(value for value in near - {now} if value >= 0)
        yield from (Move(each, value, known=now is not None) for value in tried)


def _compared(cap: Cap, measure: Measure) -> set[float]:
    """The numbers in a condition that asks about a measure."""
    tree = parse(plain(cap.when))
    if measure.name not in paths(tree):
        return set()
    return {float(each.this) for each in tree.find_all(exp.Literal) if not each.is_string}


def _raw(model: HealthModel, tried: Sequence[Move], values: str, held: Sequence[str]) -> str:
    columns = [f"{_value(each, tried)} AS {identifier(each.name)}" for each in model.measures]
    columns += [
        f"CAST(NULL AS TIMESTAMPTZ) AS {newest(each)}" for each in model.measures if each.max_age
    ]
    columns += few.as_enough(model, held)
    return (
        f"SELECT a.key, a.id AS account_id, {', '.join(columns)} FROM accounts AS a"
        f" JOIN picked AS p ON p.key = a.key CROSS JOIN ({values}) AS v"
    )


def _value(measure: Measure, tried: Sequence[Move]) -> str:
    now = f"v.{identifier(measure.name)}"
    cases = " ".join(
        f"WHEN list_contains(p.places, {place}) THEN {double(move.value)}"
        for place, move in enumerate(tried)
        if move.measure.name == measure.name
    )
    return f"CASE {cases} ELSE {now} END" if cases else now


def _places(places: Sequence[int]) -> str:
    return f"[{', '.join(map(str, places))}]"


def _told(model: HealthModel, row: Row, move: Move) -> dict[str, Any]:
    measure = move.measure
    action: Mapping[str, str] = measure.action
    if not measure.scored:
        held = [cap for cap in model.caps if cap.action and _compared(cap, measure)]
        action = held[0].action if held else action
    return {
        "name": measure.name,
        "cause": "data" if measure.scored else "cap",
        "from": rows.value(row, measure),
        "to": move.value,
        "label": rows.labels(measure),
        "action": dict(action),
    }
