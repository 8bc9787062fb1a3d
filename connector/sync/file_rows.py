"""The rows of files as a stream's columns; what is wrong with a row is listed by its line.

A row is left out when it cannot be read at all, lacks what its stream needs, or says something that
could be meant two ways. A value that means nothing is unknown, and its row is taken. Both are
listed by file and line, never by what they say. When that is the rule in a file, something else is
wrong than its rows, and the run is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp

from ..errors import ConnectorError, UnsafePlan
from ..mapping import expressions, spelled
from ..mapping.casts import text
from ..mapping.expressions import flattened, identifier
from ..protocols import BAD, LINE, FileSource, FileTable
from ..records import DAY, MOMENT, NUMBER, STREAMS, TEXT
from .run import Run, writing

#: A file is refused when at least so many of its rows, and more than its share, are bad.
MANY = 10
#: Rows in one piece of the copy of a file.
GROUP = 122_880
#: The texts of a file, and the rows that all files have given so far.
RAW, READ = "file_raw", "incoming_file"
#: Of these nobody knows which record they are; a row that is empty is none.
NAMELESS = f"id IS NULL AND (id__some OR NOT starts_with({BAD}, 'without_'))"


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the stream: what it is made of in the file, and how its text is meant."""

    name: str
    kind: str
    sql: str
    made_of: tuple[str, ...]
    is_text: bool
    decimal: str | None = None


@dataclass(frozen=True, slots=True)
class _File:
    """A file whose rows are being read, and where it stands among the others."""

    run: Run
    name: str
    source: FileSource
    path: Path
    part: int

    @property
    def mine(self) -> str:
        return f"{READ} WHERE part = {self.part}"

    def odd(self, rule: str, where: str) -> int:
        """List the rows for which a condition holds, by their lines; how many."""
        many, lines = self.run.engine.rows(
            f"SELECT count(*), list({LINE} ORDER BY {LINE})[1:20] FROM {self.mine} AND ({where})"
        )[0]
        found = [f"{self.path.name}:{line}" for line in lines or ()]
        self.run.odd(self.source.stream, f"{self.name}_{rule}", int(many), found)
        return int(many)


def stage(run: Run, name: str, source: FileSource, files: Sequence[Path], into: Path) -> int:
    """Read files into `incoming_file`; how many rows. UnsafePlan for one that is bad throughout."""
    columns = STREAMS[source.stream].columns
    typed = ", ".join(f"{identifier(c)} {columns[c]}" for c in _told(source))
    flags = ", ".join(f'"{c}__{flag}" BOOLEAN' for c in _told(source) for flag in _FLAGS)
    run.engine.run(
        f"CREATE OR REPLACE TEMP TABLE {READ} "
        f"({typed}, {flags}, {LINE} BIGINT, {BAD} VARCHAR, part INTEGER)"
    )
    for part, path in enumerate(files):
        _read(_File(run, name, source, path, part), into)
    _keep_last(run, name, source, files)
    return int(run.engine.one(f"SELECT count(*) FROM {READ}"))


def good(source: FileSource) -> str:
    """The rows that are taken, as a query for the columns of the stream."""
    has = _told(source)
    listed = (
        identifier(name) if name in has else f"CAST(NULL AS {kind}) AS {identifier(name)}"
        for name, kind in STREAMS[source.stream].columns.items()
    )
    return f"SELECT {', '.join(listed)} FROM {READ} WHERE {BAD} IS NULL"


def _told(source: FileSource) -> list[str]:
    return [name for name in STREAMS[source.stream].columns if name in source.columns]


# ── one file ──────────────────────────────────────────────────────────────────────────────────

#: Of each column: whether some or all of what it is made of is there, and whether it is vague.
_FLAGS = ("some", "every", "vague")


def _read(file: _File, into: Path) -> None:
    table = _raw(file, into)
    columns = _columns(file, table)
    said = ", ".join(f'{c.sql} AS "{c.name}__said"' for c in columns)
    values = ", ".join(f'{_value(c, file.source, table)} AS "{c.name}__value"' for c in columns)
    rows = f"SELECT *, {values} FROM (SELECT *, {said} FROM {RAW})"
    # What is wrong with a value is asked of those alone that came to nothing: the few.
    flags = ", ".join(_flagged(c, file.source) for c in columns)
    named = ", ".join(f'"{c.name}__value" AS {identifier(c.name)}' for c in columns)
    read = f"SELECT {named}, {flags}, {LINE}, {BAD}, {file.part} AS part FROM ({rows})"
    file.run.engine.run(
        f"INSERT INTO {READ} BY NAME SELECT * REPLACE "
        f"(coalesce({BAD}, {_left_out(file, columns)}) AS {BAD}) FROM ({read})"
    )
    _judge(file, [c for c in columns if c.made_of])


def _flagged(c: _Column, source: FileSource) -> str:
    every = _filled(c.made_of, " AND ")
    flags = {
        "some": (_filled(c.made_of, " OR "), "true"),
        "every": (every, every if c.made_of[1:] else "true"),
        "vague": (_vague(c, source), "false"),
    }
    return ", ".join(
        f'CASE WHEN "{c.name}__value" IS NULL THEN {asked} ELSE {else_} END AS "{c.name}__{flag}"'
        for flag, (asked, else_) in flags.items()
    )


def _left_out(file: _File, columns: Sequence[_Column]) -> str:
    """Why a row that could be read is left out, or NULL."""
    vague = (f"WHEN \"{c.name}__vague\" THEN {text(f'ambiguous_{c.name}')}" for c in columns)
    lacking = (f"WHEN {_lacks(c, file.source)} THEN {text(f'without_{c}')}" for c in _required(file))
    return f"CASE {' '.join([*vague, *lacking])} END"


def _required(file: _File) -> list[str]:
    return list(dict.fromkeys(("id", *file.source.required)))


def _raw(file: _File, into: Path) -> FileTable:
    """The texts of a file, on disk. If its rows are not its lines, or one does not fit, it is read
    with care."""
    engine, copy = file.run.engine, into / f"{file.part}.parquet"
    table = file.source.read(file.path, into)
    # Line numbers need the order of the file, which costs little at this size.
    engine.run("SET preserve_insertion_order = true")
    try:
        with writing(f"A copy of {file.path.name}"):
            if table.rows is None:
                _copy(file, table, copy)
            elif not _fits(file, table, copy):
                _copy(file, table := file.source.read(file.path, into, careful=True), copy)
    except _Unread:
        raise ConnectorError(
            f"{file.path.name} cannot be read to its end.",
            hint="Was the export cut off? Run it again, and check `format`.",
        ) from None
    finally:
        engine.run("SET preserve_insertion_order = false")
    engine.stage(RAW, f"SELECT * FROM read_parquet({text(str(copy))})")
    return table


class _Unread(Exception):
    """The engine cannot read a file. It names the line with what is in it: for nobody's log."""


def _copy(file: _File, table: FileTable, to: Path) -> int:
    try:
        return int(file.run.engine.export(f"SELECT * FROM {table.relation}", str(to), GROUP))
    except ConnectorError:
        raise _Unread from None


def _fits(file: _File, table: FileTable, to: Path) -> bool:
    try:
        return _copy(file, table, to) == table.rows
    except _Unread:  # some row is not as it should be: which one is found out with care
        return False


def _columns(file: _File, table: FileTable) -> list[_Column]:
    """Every column that the source tells, and how its numbers are written."""
    engine, kinds = file.run.engine, STREAMS[file.source.stream].columns
    sql = {c: f"TRY({flattened(file.source.columns[c])})" for c in _told(file.source)}
    listed = ", ".join(f"{each} AS {identifier(c)}" for c, each in sql.items())
    types = engine.types(f"SELECT {listed} FROM {RAW}")
    columns = [
        _Column(c, kinds[c], each, _made_of(file.source, c), types[c] == TEXT)
        for c, each in sql.items()
    ]
    signs = _signs(file, columns)
    return [
        _Column(c.name, c.kind, each, c.made_of, c.is_text, signs.get(c.name))
        for c, each in zip(columns, _placed(columns, types, file.source), strict=True)
    ]


def _made_of(source: FileSource, column: str) -> tuple[str, ...]:
    return expressions.paths(expressions.parse(source.columns[column]))


def _placed(columns: Sequence[_Column], types: Mapping[str, str], source: FileSource) -> list[str]:
    """The expressions; a moment that an expression gives without a zone is one of the source's."""
    return [
        spelled.in_zone(f"CAST({c.sql} AS TIMESTAMP)", source.zone)
        if c.kind == MOMENT and types[c.name] in ("TIMESTAMP", DAY)
        else c.sql
        for c in columns
    ]


def _signs(file: _File, columns: Sequence[_Column]) -> dict[str, str | None]:
    """The decimal sign of each column: as its owner says, or as its own numbers or, if those could
    be meant either way, all others of the file prove it."""
    numbers = [c for c in columns if c.kind == NUMBER and c.is_text and c.made_of]
    if file.source.decimal or not numbers:
        return {c.name: file.source.decimal for c in numbers}
    proofs = [(_proves(file, c, 0), _proves(file, c, 1)) for c in numbers]
    all_of_them = any(comma for comma, _ in proofs), any(point for _, point in proofs)
    return {
        c.name: _sign(*proof) if any(proof) else _sign(*all_of_them)
        for c, proof in zip(numbers, proofs, strict=True)
    }


def _proves(file: _File, c: _Column, which: int) -> bool:
    """Whether some number of a column can only be written with the comma, or only with the point."""
    name = identifier(c.name)
    proof = spelled.proofs(name)[which]
    said = f"SELECT {c.sql} AS {name} FROM {RAW}"
    return bool(file.run.engine.rows(f"SELECT 1 FROM ({said}) WHERE {proof} LIMIT 1"))


def _sign(comma: bool, point: bool) -> str | None:
    return None if comma == point else "," if comma else "."


def _value(c: _Column, source: FileSource, table: FileTable) -> str:
    name = f'"{c.name}__said"'
    if not c.is_text or c.kind == TEXT:
        return f"TRY_CAST({name} AS {c.kind})"
    return spelled.value(
        name,
        c.kind,
        decimal=c.decimal,
        machine=table.machine,
        dates=source.dates,
        zone=source.zone,
        serial=table.serial,
    )


def _vague(c: _Column, source: FileSource) -> str:
    if not c.is_text:
        return "false"
    return spelled.is_vague(f'"{c.name}__said"', c.kind, decimal=c.decimal, dates=source.dates)


def _filled(names: Sequence[str], how: str) -> str:
    """Whether some or all of these names of the file hold anything; constants are made of none."""
    if not names:
        return "false"
    each = (f"coalesce(trim(CAST({identifier(n)} AS VARCHAR)), '') <> ''" for n in names)
    return f"({how.join(each)})"


# ── what is wrong with it ─────────────────────────────────────────────────────────────────────


def _judge(file: _File, columns: Sequence[_Column]) -> None:
    """List what is wrong, and refuse a file that is bad throughout."""
    rules = file.run.engine.rows(f"SELECT DISTINCT {BAD} FROM {file.mine} AND {BAD} NOTNULL")
    ours = {f"ambiguous_{c.name}": f'"{c.name}__vague"' for c in columns}
    lacking = {f"without_{c}": f'NOT coalesce("{c}__vague", false) AND {_lacks(c, file.source)}' for c in _required(file)}
    for rule in sorted({str(rule) for (rule,) in rules} - {*ours, *lacking}):
        file.odd(rule, f"{BAD} = {text(rule)}")
    if rules:  # one row may lack several things, and is listed under each
        read = f"(starts_with({BAD}, 'ambiguous_') OR starts_with({BAD}, 'without_'))"
        for rule, where in {**ours, **lacking}.items():
            file.odd(rule, f"{read} AND {where}")
    for c in columns:
        _note_unreadable(file, c)
    _refuse(file)


def _lacks(name: str, source: FileSource) -> str:
    if STREAMS[source.stream].columns[name] == TEXT:
        return f"coalesce(trim({identifier(name)}), '') = ''"
    return f"{identifier(name)} IS NULL"


def _note_unreadable(file: _File, c: _Column) -> None:
    """Count values that are there and come to nothing; refuse a file in which that is the rule."""
    nothing = f'{identifier(c.name)} IS NULL AND NOT "{c.name}__vague"'
    if not file.odd(f"unreadable_{c.name}", f'"{c.name}__some" AND {nothing}'):
        return
    # What is made of several columns may need them all; a CASE may mean its NULL.
    bad, first, filled = file.run.engine.rows(
        f"SELECT count(*) FILTER ({nothing}), min({LINE}) FILTER ({nothing}), count(*) "
        f'FROM {file.mine} AND "{c.name}__every"'
    )[0]
    meant = expressions.parse(file.source.columns[c.name]).find(exp.Case, exp.If, exp.Nullif)
    if meant is None and bad >= MANY and bad > file.source.max_bad * filled:
        raise UnsafePlan(
            f"{file.path.name}: {bad} of {filled} values for `{c.name}` cannot be read, "
            f"the first in line {first}.",
            hint="Has the format of the export changed? Correct the expression of "
            f"[sources.{file.name}.columns] {c.name}, or the export. A word that stands for "
            "nothing goes into the expression: nullif(…, 'open').",
        )


def _refuse(file: _File) -> None:
    bad, every, line, rule = file.run.engine.rows(
        f"SELECT count({BAD}), count(*), min({LINE}) FILTER ({BAD} NOTNULL), mode({BAD}) "
        f"FROM {file.mine}"
    )[0]
    if bad < MANY or bad <= file.source.max_bad * every:
        return
    raise UnsafePlan(
        f"{file.path.name}: {bad} of {every} rows cannot be taken, the first in line {line}; "
        f"most of them: {rule}.",
        hint=_advice(file, rule),
    )


def _advice(file: _File, rule: str) -> str:
    where = f"[sources.{file.name}]"
    if rule.startswith("ambiguous_"):
        kind = STREAMS[file.source.stream].columns[rule.removeprefix("ambiguous_")]
        if kind == NUMBER:
            return f'Say in {where} how numbers are written: decimal = "," or decimal = ".".'
        return f'Say in {where} how dates are written: dates = "day-first" or "month-first".'
    return f"Has the export changed? If it is right, raise max_bad of {where}."


# ── ids ───────────────────────────────────────────────────────────────────────────────────────


def _keep_last(run: Run, name: str, source: FileSource, files: Sequence[Path]) -> None:
    """Of several rows with one id the last is taken; the others are listed."""
    sound = f"{READ} WHERE {BAD} IS NULL"
    if not run.engine.one(f"SELECT count(id) > count(DISTINCT id) FROM {sound}"):
        return
    place = f"part * 1000000000000 + {LINE}"
    last = f"SELECT id, max({place}) AS last FROM {sound} GROUP BY id HAVING count(*) > 1"
    run.engine.run(
        f"UPDATE {READ} r SET {BAD} = 'id_twice' FROM ({last}) twice "
        f"WHERE r.id = twice.id AND {BAD} IS NULL AND {place} < twice.last"
    )
    for part, path in enumerate(files):
        _File(run, name, source, path, part).odd("id_twice", f"{BAD} = 'id_twice'")
