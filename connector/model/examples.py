"""Examples in a model file, run through the statements that production runs.

Made-up records stand where the engine would put seen ones; the moment is `AS_OF`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ..mapping.document import Path
from ..mapping.examples import Example, judge
from ..mapping.expressions import identifier, literal
from ..mapping.objects import Scalar
from ..records import MOMENT, STREAMS
from . import few, measures, previous, results, scorecard, scores
from .columns import ACCOUNT, ACCOUNTS, kind_of, of_rows
from .definition import HealthModel, Measure, MeasureExample
from .stage import Stage, moment, union

__all__ = ["AS_OF", "Example", "judge", "statements"]

AS_OF = datetime(2026, 1, 31, tzinfo=UTC)

Row = Mapping[str, Scalar]
#: An answer is anybody's, and their latest, where an example says nothing else.
_ANSWER: Row = {"role_weight": 1, "is_latest": True}


def statements(model: HealthModel) -> list[Example]:
    """Every example of a model as a query with one row."""
    found = [
        Example(
            ("measures", place, "examples", number),
            _measure(model, each, example),
            _expected(example),
        )
        for place, each in enumerate(model.measures)
        for number, example in enumerate(each.examples)
    ]
    for number, whole in enumerate(model.examples):
        path: Path = ("examples", number)
        found.append(Example(path, _whole(model, whole.given, tuple(whole.expect)), whole.expect))
    return found


def _expected(example: MeasureExample) -> dict[str, Scalar]:
    said = {"value": example.expect.value, "points": example.expect.points}
    return {name: value for name, value in said.items() if value is not None}


def _measure(model: HealthModel, measure: Measure, example: MeasureExample) -> str:
    """Records → raw → points of one measure alone."""
    alone = replace(model, measures=(replace(measure, name="it"),))
    is_row = measure.stream == ACCOUNTS
    rows: Iterable[Row] = example.rows or ({},)
    account = _records(ACCOUNTS, rows, measure.at) if is_row else _records(ACCOUNTS, ({},), "")
    steps = [Stage("accounts", account)]
    if not is_row:
        own = _records(measure.stream, rows, _moment(measure))
        steps.append(Stage(f"v_{measure.stream}", f"{own}{'' if example.rows else ' LIMIT 0'}"))
    steps += [
        Stage("fed", f"SELECT TRUE AS {measure.stream}"),
        *(Stage(name, sql) for name, sql in measures.apart(alone, AS_OF)),
        Stage("raw", measures.raw(alone, AS_OF)),
    ]
    points = f"{scorecard.points(alone.measures[0])} / 10.0" if measure.scored else "NULL"
    return _query(
        steps, f"SELECT {_readable('it', kind_of(measure))} AS value, {points} AS points FROM raw"
    )


def _moment(measure: Measure) -> str:
    """The column that `days_ago` sets."""
    return measure.at or STREAMS[measure.stream].moment or ""


def _whole(model: HealthModel, given: Row, names: Iterable[str]) -> str:
    """Values → points → score → result."""
    values = [
        f"{_typed(given.get(m.name), kind_of(m))} AS {identifier(m.name)}" for m in model.measures
    ]
    values += [f"{moment(AS_OF)} AS {measures.newest(m)}" for m in model.measures if m.max_age]
    values += few.as_enough(model)
    account = {name: value for name, value in given.items() if name in ACCOUNT}
    steps = [
        Stage("accounts", _records(ACCOUNTS, (account,), "")),
        Stage("raw", f"SELECT {', '.join(['0 AS key', *values])}, 'example' AS account_id"),
        previous.apart(None, None),
        Stage("graded", scorecard.graded(model, AS_OF)),
        Stage("parents", "SELECT id, parent_id FROM accounts WHERE FALSE"),
        Stage("trees", "SELECT id FROM accounts WHERE FALSE"),
        *scores.stages(model, AS_OF),
        Stage("results", results.sql(model)),
    ]
    types = results.columns(model)
    picked = [f"{_readable(name, types[name])} AS {identifier(name)}" for name in names]
    return _query(steps, f"SELECT {', '.join(picked)} FROM results")


def _query(steps: Iterable[Stage], last: str) -> str:
    return f"WITH {', '.join(f'{step.name} AS ({step.sql})' for step in steps)} {last}"


def _records(stream: str, rows: Iterable[Row], at: str) -> str:
    """Made-up records of one account with all columns of their stream."""
    return union(_record(stream, row, at) for row in rows)


def _record(stream: str, row: Row, at: str) -> str:
    # A record that does not say when happened now: without a moment it would not be seen at all.
    now = {at: AS_OF.isoformat()} if at and stream != ACCOUNTS else {}
    values: dict[str, Scalar | None] = {"id": "example", **_ANSWER, **now, **row}
    if "days_ago" in row and at:
        ago = timedelta(days=float(row["days_ago"]))
        values[at] = (AS_OF - ago).isoformat()
    columns = of_rows(stream)
    typed = [f"{_typed(values.get(name), kind)} AS {name}" for name, kind in columns.items()]
    return f"SELECT {', '.join(typed)}, 0 AS key"


def _typed(value: Scalar | None, kind: str) -> str:
    return f"CAST({literal(None if value == '' else value)} AS {kind})"


def _readable(name: str, kind: str) -> str:
    column = identifier(name)
    if kind == MOMENT:
        return f"strftime({column} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')"
    return column
