"""The rows of files as a stream's columns.

What a file says is copied to disk as it is, then read by column: numbers, dates and flags as people
spell them, and beside each row why it is left out, if it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp

from ..errors import ConnectorError
from ..mapping import expressions, spelled
from ..mapping.casts import text
from ..mapping.expressions import flattened, identifier
from ..records import DAY, MOMENT, NUMBER, STREAMS, TEXT
from ..tables import BAD, LINE, FileSource, FileTable
from . import file_faults
from .file_faults import READ, File
from .run import Run, writing

#: Rows in one piece of the copy of a file.
GROUP = 122_880
#: The texts of the file that is being read.
RAW = "file_raw"


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the stream: what it is made of in the file, and how its text is meant."""

    name: str
    kind: str
    sql: str
    made_of: tuple[str, ...]
    is_text: bool
    decimal: str | None = None


def stage(run: Run, name: str, source: FileSource, files: Sequence[Path], into: Path) -> int:
    """Read files into `incoming_file`; how many rows. UnsafePlan for one that is bad throughout."""
    parts = [File(run, name, source, path, part) for part, path in enumerate(files)]
    unsure = [file for file in parts if not _read(file, into)]
    listed = ", ".join(text(str(_result(file, into))) for file in parts)
    rows = f"SELECT * FROM read_parquet([{listed}])"
    run.engine.stage(READ, rows)
    if unsure and file_faults.is_odd(run, _told(source)):  # then lines are asked for
        for file in unsure:
            _read(file, into, careful=True)
    for file in parts:
        file_faults.judge(file, [c for c in _told(source) if _made_of(source, c)])
    file_faults.keep_last(parts, rows)
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


def _result(file: File, into: Path) -> Path:
    return into / f"{file.part}.read.parquet"


def _read(file: File, into: Path, *, careful: bool = False) -> bool:
    """Write the rows of a file as the stream's columns; whether their lines are sure."""
    table, sure = _raw(file, into, careful=careful)
    columns = _columns(file, table)
    said = ", ".join(f'{c.sql} AS "{c.name}__said"' for c in columns)
    values = ", ".join(f'{_value(c, file.source, table)} AS "{c.name}__value"' for c in columns)
    rows = f"SELECT *, {values} FROM (SELECT *, {said} FROM {RAW})"
    # What is wrong with a value is asked of those alone that came to nothing: the few.
    flags = ", ".join(_flagged(c, file.source) for c in columns)
    named = ", ".join(f'"{c.name}__value" AS {identifier(c.name)}' for c in columns)
    read = f"SELECT {named}, {flags}, {LINE}, {BAD}, {file.part} AS part FROM ({rows})"
    with writing(f"The rows of {file.path.name}"):
        file.run.engine.export(
            f"SELECT * REPLACE (coalesce({BAD}, {_left_out(file, columns)}) AS {BAD}) "
            f"FROM ({read})",
            str(_result(file, into)),
            GROUP,
        )
    return sure


def _flagged(c: _Column, source: FileSource) -> str:
    """Whether some or all of what a value is made of is there, and whether it is vague."""
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


def _left_out(file: File, columns: Sequence[_Column]) -> str:
    """Why a row that could be read is left out, or NULL."""
    vague = (f'WHEN "{c.name}__vague" THEN {text(f"ambiguous_{c.name}")}' for c in columns)
    lacking = (f"WHEN {file.lacks(c)} THEN {text(f'without_{c}')}" for c in file.required)
    return f"CASE {' '.join([*vague, *lacking])} END"


def _raw(file: File, into: Path, *, careful: bool) -> tuple[FileTable, bool]:
    """The texts of a file, on disk, and whether their lines are sure: where a row takes several,
    only reading with care tells. A file in which a row does not fit is read with care."""
    engine, copy = file.run.engine, into / f"{file.part}.parquet"
    table = file.source.read(file.path, into, careful=careful)
    with writing(f"A copy of {file.path.name}"):
        count = _copied(file, table, copy)
        if count is None and table.rows is not None:
            table = file.source.read(file.path, into, careful=True)
            count = _copied(file, table, copy)
    if count is None:
        raise ConnectorError(
            f"{file.path.name} cannot be read to its end.",
            hint="Was the export cut off? Run it again, and check `format`.",
        )
    engine.stage(RAW, f"SELECT * FROM read_parquet({text(str(copy))})")
    return table, table.rows in (None, count)


def _copied(file: File, table: FileTable, to: Path) -> int | None:
    """How many rows were copied; None when one cannot be read.

    The engine names the line with what is in it, and that is for nobody's log.
    """
    engine = file.run.engine
    # Counting lines needs the order of the file.
    engine.run(f"SET preserve_insertion_order = {'false' if table.numbered else 'true'}")
    try:
        return int(engine.export(f"SELECT * FROM {table.relation}", str(to), GROUP))
    except ConnectorError:
        return None
    finally:
        engine.run("SET preserve_insertion_order = false")


def _columns(file: File, table: FileTable) -> list[_Column]:
    """Every column that the source tells, and how its numbers are written."""
    engine, kinds = file.run.engine, STREAMS[file.source.stream].columns
    sql = {c: _forgiving(file.source.columns[c]) for c in _told(file.source)}
    listed = ", ".join(f"{each} AS {identifier(c)}" for c, each in sql.items())
    types = engine.types(f"SELECT {listed} FROM {RAW}")
    columns = [
        _Column(c, kinds[c], each, _made_of(file.source, c), types[c] == TEXT)
        for c, each in sql.items()
    ]
    signs = _signs(file, table, columns)
    return [
        _Column(c.name, c.kind, each, c.made_of, c.is_text, signs.get(c.name))
        for c, each in zip(columns, _placed(columns, types, file.source), strict=True)
    ]


def _forgiving(sql: str) -> str:
    """An expression that gives nothing for a row in which it goes wrong; a mere name never does."""
    flat = flattened(sql)
    return flat if isinstance(expressions.parse(flat), exp.Column) else f"TRY({flat})"


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


def _signs(file: File, table: FileTable, columns: Sequence[_Column]) -> dict[str, str | None]:
    """The decimal sign of each column: as its owner says, or as its own numbers or, if those could
    be meant either way, all others of the file prove it.

    The points of numbers that a machine wrote prove nothing about texts beside them.
    """
    numbers = [c for c in columns if c.kind == NUMBER and c.is_text and c.made_of]
    if file.source.decimal or not numbers:
        return {c.name: file.source.decimal for c in numbers}
    proofs = [(_proves(file, c, ","), not table.machine and _proves(file, c, ".")) for c in numbers]
    all_of_them = any(comma for comma, _ in proofs), any(point for _, point in proofs)
    return {
        c.name: _sign(*proof) if any(proof) else _sign(*all_of_them)
        for c, proof in zip(numbers, proofs, strict=True)
    }


def _proves(file: File, c: _Column, sign: str) -> bool:
    """Whether some number of a column can only be meant with this decimal sign."""
    name = identifier(c.name)
    proof = spelled.proof(name, sign)
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
