"""What is wrong with the rows of a file, listed by their lines and never by what they say.

A row is left out when it cannot be read at all, lacks what its stream needs, or says something that
could be meant two ways. A value that means nothing is unknown, and its row is taken. When either is
the rule in a file, something else is wrong than its rows, and the run is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp

from ..errors import UnsafePlan
from ..mapping import expressions
from ..mapping.casts import text
from ..mapping.expressions import identifier
from ..records import NUMBER, STREAMS, TEXT
from ..tables import BAD, LINE, FileSource
from .run import Run

#: A file is refused when at least so many of its rows, and more than its share, are bad.
MANY = 10
#: No file has so many lines.
FURTHEST = 10**12
#: The rows that were read: the stream's columns, each with its `__some`, `__every` and `__vague`.
READ = "incoming_file"
#: Of these nobody knows which record they are; a row that is empty is none.
NAMELESS = f"id IS NULL AND (id__some OR NOT starts_with({BAD}, 'without_'))"


_TWICE = f"SELECT count(id) > count(DISTINCT id) FROM {READ} WHERE {BAD} IS NULL"


@dataclass(frozen=True, slots=True)
class File:
    """A file whose rows are being read, and where it stands among the others."""

    run: Run
    name: str
    source: FileSource
    path: Path
    part: int

    @property
    def mine(self) -> str:
        return f"{READ} WHERE part = {self.part}"

    @property
    def required(self) -> list[str]:
        """What a row must have; without an id it cannot be told from another."""
        return list(dict.fromkeys(("id", *self.source.required)))

    def lacks(self, name: str) -> str:
        """Whether a row lacks a column."""
        if STREAMS[self.source.stream].columns[name] == TEXT:
            return f"coalesce(trim({identifier(name)}), '') = ''"
        return f"{identifier(name)} IS NULL"

    def odd(self, rule: str, where: str) -> int:
        """List the rows for which a condition holds, by their lines; how many."""
        many, lines = self.run.engine.rows(
            f"SELECT count(*), list({LINE} ORDER BY {LINE})[1:20] FROM {self.mine} AND ({where})"
        )[0]
        found = [f"{self.path.name}:{line}" for line in lines or ()]
        self.run.odd(self.source.stream, f"{self.name}_{rule}", int(many), found)
        return int(many)


def is_odd(run: Run, columns: Sequence[str]) -> bool:
    """Whether anything about the rows will be listed."""
    lost = (f'("{column}__some" AND {identifier(column)} IS NULL)' for column in columns)
    odd = f"SELECT 1 FROM {READ} WHERE {' OR '.join([f'{BAD} NOTNULL', *lost])} LIMIT 1"
    return bool(run.engine.rows(odd) or run.engine.one(_TWICE))


def judge(file: File, columns: Sequence[str]) -> None:
    """List what is wrong, and refuse a file that is bad throughout."""
    rules = file.run.engine.rows(f"SELECT DISTINCT {BAD} FROM {file.mine} AND {BAD} NOTNULL")
    ours = {f"ambiguous_{column}": f'"{column}__vague"' for column in columns}
    lacking = {
        f"without_{c}": f'NOT coalesce("{c}__vague", false) AND {file.lacks(c)}'
        for c in file.required
    }
    for rule in sorted({str(rule) for (rule,) in rules} - {*ours, *lacking}):
        file.odd(rule, f"{BAD} = {text(rule)}")
    if rules:  # one row may lack several things, and is listed under each
        read = f"(starts_with({BAD}, 'ambiguous_') OR starts_with({BAD}, 'without_'))"
        for rule, where in {**ours, **lacking}.items():
            file.odd(rule, f"{read} AND {where}")
    for column in columns:
        _note_unreadable(file, column)
    _refuse(file, columns)


def _note_unreadable(file: File, column: str) -> None:
    """Count values that are there and come to nothing; refuse a file in which that is the rule."""
    nothing = f'{identifier(column)} IS NULL AND NOT "{column}__vague"'
    if not file.odd(f"unreadable_{column}", f'"{column}__some" AND {nothing}'):
        return
    # What is made of several columns may need them all; a CASE may mean its NULL.
    bad, first, filled = file.run.engine.rows(
        f"SELECT count(*) FILTER ({nothing}), min({LINE}) FILTER ({nothing}), count(*) "
        f'FROM {file.mine} AND "{column}__every"'
    )[0]
    meant = expressions.parse(file.source.columns[column]).find(exp.Case, exp.If, exp.Nullif)
    if meant is None and bad >= MANY and bad > file.source.max_bad * filled:
        raise UnsafePlan(
            f"{file.path.name}: {bad} of {filled} values for `{column}` cannot be read, "
            f"the first in line {first}.",
            hint="Has the format of the export changed? Correct the expression of "
            f"[sources.{file.name}.columns] {column}, or the export. A word that stands for "
            "nothing goes into the expression: nullif(…, 'open').",
        )


def _refuse(file: File, columns: Sequence[str]) -> None:
    """Rows with nothing in them count for nothing: sheets end in hundreds of them."""
    some = " OR ".join(f'"{column}__some"' for column in columns)
    empty = f"starts_with(coalesce({BAD}, ''), 'without_') AND NOT ({some})"
    bad, every, line, rule = file.run.engine.rows(
        f"SELECT count({BAD}), count(*), min({LINE}) FILTER ({BAD} NOTNULL), mode({BAD}) "
        f"FROM {file.mine} AND NOT ({empty})"
    )[0]
    if bad < MANY or bad <= file.source.max_bad * every:
        return
    raise UnsafePlan(
        f"{file.path.name}: {bad} of {every} rows cannot be taken, the first in line {line}; "
        f"most of them: {rule}.",
        hint=_advice(file, rule),
    )


def _advice(file: File, rule: str) -> str:
    where = f"[sources.{file.name}]"
    if rule.startswith("ambiguous_"):
        kind = STREAMS[file.source.stream].columns[rule.removeprefix("ambiguous_")]
        if kind == NUMBER:
            return f'Say in {where} how numbers are written: decimal = "," or decimal = ".".'
        return f'Say in {where} how dates are written: dates = "day-first" or "month-first".'
    return f"Has the export changed? If it is right, raise max_bad of {where}."


# ── ids ───────────────────────────────────────────────────────────────────────────────────────


def keep_last(files: Sequence[File], rows: str) -> None:
    """Of all rows with one id the last is taken, and the others are listed."""
    run = files[0].run
    sound = f"{READ} WHERE {BAD} IS NULL"
    if not run.engine.one(_TWICE):
        return
    place = f"CAST(part AS BIGINT) * {FURTHEST} + {LINE}"
    last = f"SELECT id, max({place}) AS last FROM {sound} GROUP BY id HAVING count(*) > 1"
    run.engine.stage("file_twice", last, "table")
    run.engine.stage(
        READ,
        f"SELECT r.* REPLACE (CASE WHEN {BAD} IS NULL AND {place} < last THEN 'id_twice' "
        f"ELSE {BAD} END AS {BAD}) FROM ({rows}) r LEFT JOIN file_twice t ON t.id = r.id",
    )
    for file in files:
        file.odd("id_twice", f"{BAD} = 'id_twice'")
