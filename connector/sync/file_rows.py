"""The rows of a file as a stream's columns; what is wrong with a row is listed by its line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from ..errors import UnsafePlan
from ..mapping import expressions
from ..records import STREAMS
from .run import Run

#: A file is refused when so many values of a column, and this share of them, cannot be read.
UNREADABLE_ROWS, UNREADABLE_SHARE = 10, 0.2


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows a file has, and a query for those that have what they need."""

    count: int
    good: str


def stage(run: Run, name: str, source: Any) -> Rows:
    """Read a file into `incoming_file`; UnsafePlan when most of a column cannot be read."""
    columns = STREAMS[source.stream].columns
    read = _columns_read(source)
    picked = [
        f"TRY_CAST({source.columns.get(c, 'NULL')} AS {kind}) AS {c}" for c, kind in columns.items()
    ]
    picked += [f"{_filled(names, ' OR ')} AS {c}__some" for c, names in read.items()]
    picked += [f"{_filled(names, ' AND ')} AS {c}__every" for c, names in read.items()]
    # Line numbers need the order of the file, which costs little at this size.
    run.engine.run("SET preserve_insertion_order = true")
    run.engine.stage(
        "incoming_file",
        f"SELECT {', '.join(picked)}, row_number() OVER () + 1 AS line FROM {source.relation()}",
        "table",
    )
    run.engine.run("SET preserve_insertion_order = false")
    for column in read:
        _note_unreadable(run, source, name, column)
    bad = " OR ".join(f"{column} IS NULL" for column in source.required)
    _quarantine(run, source, name, bad)
    return Rows(
        int(run.engine.one("SELECT count(*) FROM incoming_file")),
        f"SELECT {', '.join(columns)} FROM incoming_file WHERE NOT ({bad})",
    )


def _columns_read(source: Any) -> dict[str, tuple[str, ...]]:
    """The columns that are made of columns of the file, and of which; constants are none."""
    read = {
        column: expressions.paths(expressions.parse(sql))
        for column, sql in source.columns.items()
        if column in STREAMS[source.stream].columns
    }
    return {column: names for column, names in read.items() if names}


def _filled(names: Sequence[str], how: str) -> str:
    """Whether some or all of these columns of the file hold anything."""
    each = (f"coalesce(trim({expressions.identifier(name)}), '') <> ''" for name in names)
    return f"({how.join(each)})"


def _note_unreadable(run: Run, source: Any, name: str, column: str) -> None:
    """Count values that are there and come to nothing; refuse a file in which that is the rule."""
    odd = f"{column}__some AND {column} IS NULL"
    lines = run.engine.rows(f"SELECT line FROM incoming_file WHERE {odd} ORDER BY line")
    if not lines:
        return
    found = [f"{source.path.name}:{line}" for (line,) in lines]
    run.odd(source.stream, f"{name}_unreadable_{column}", len(found), found)
    # What is made of several columns may need them all; a CASE may mean its NULL.
    bad, first, filled = run.engine.rows(
        f"SELECT count(*) FILTER (WHERE {column} IS NULL), min(line) FILTER "
        f"(WHERE {column} IS NULL), count(*) FROM incoming_file WHERE {column}__every"
    )[0]
    meant = expressions.parse(source.columns[column]).find(exp.Case, exp.If, exp.Nullif)
    if meant is None and bad >= UNREADABLE_ROWS and bad > UNREADABLE_SHARE * filled:
        raise UnsafePlan(
            f"{source.path.name}: {bad} of {filled} values for `{column}` cannot be read, "
            f"the first in line {first}.",
            hint="Has the format of the export changed? Correct the expression of "
            f"[sources.{name}.columns] {column}, or the export. A word that stands for nothing "
            "goes into the expression: nullif(…, 'open').",
        )


def _quarantine(run: Run, source: Any, name: str, bad: str) -> None:
    """Rows without what they need stay out, and are listed by line."""
    for column in source.required:
        where = f"WHERE {column} IS NULL"
        lines = run.engine.rows(f"SELECT line FROM incoming_file {where} ORDER BY line")
        found = [f"{source.path.name}:{line}" for (line,) in lines]
        run.odd(source.stream, f"{name}_without_{column}", len(found), found)
    twice = run.engine.rows(
        f"SELECT id, count(*) FROM incoming_file WHERE NOT ({bad}) "
        "GROUP BY id HAVING count(*) > 1 ORDER BY id"
    )
    run.odd(source.stream, f"{name}_id_twice", len(twice), [str(id) for id, _ in twice])
