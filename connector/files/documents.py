"""JSON: one record a line, or a list of them. A record's fields are texts named by their path."""

from __future__ import annotations

import json
from pathlib import Path

import orjson

from ..errors import ConnectorError
from ..mapping import spelled
from ..mapping.casts import text
from ..tables import FileTable
from . import found
from .delimited import LONGEST, as_utf8
from .needs import Needs, read_csv, told

#: A whole document is held in memory when its records lie inside it.
LARGEST = 256 * 1024 * 1024
_ROW = "record"


def read_lines(path: Path, encoding: str | None, needs: Needs, into: Path) -> FileTable:
    """One record a line. A line that is no JSON is told and costs no other."""
    seen = found.text(path, encoding)
    plain = path if seen.sound and seen.encoding == "utf-8" else as_utf8(path, seen, into)
    # Every line is one column, an empty one too: so the row is the line.
    rows = read_csv(
        plain, {_ROW: "VARCHAR"}, "\x1f", "parallel = false", f"max_line_size = {LONGEST}"
    )
    line = f"(SELECT row_number() OVER () AS n, ltrim({_ROW}, chr(65279)) AS {_ROW} FROM {rows})"
    broken = "" if seen.sound else f"WHEN contains({_ROW}, chr(65533)) THEN 'not_utf_8' "
    return _table(f"(SELECT * FROM {line} WHERE trim({_ROW}) <> '')", needs, broken)


def read_list(path: Path, records: str, needs: Needs, into: Path) -> FileTable:
    """A list of records: the whole document, or what lies at a path in it (`data.items`)."""
    check_list(path, records)
    if records:
        return read_lines(_taken_out(path, records, into), "utf-8", needs, into)
    rows = (
        f"read_json({text(str(path))}, format = 'array', columns = {{{_ROW}: 'JSON'}}, "
        f"records = false, maximum_object_size = {LONGEST})"
    )
    return _table(f"(SELECT row_number() OVER () AS n, {_ROW} FROM {rows})", needs, "")


def check_list(path: Path, records: str) -> None:
    """A document that begins with a list needs no path to it; any other does."""
    try:
        with path.open("rb") as file:
            start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    except OSError as error:
        raise found.unreadable(path, error) from error
    if not records and start != b"[":
        raise ConnectorError(
            f"{path.name} is no list of records.",
            hint='Say where the list lies: `records = "data.items"`; for one record a line set '
            '`format = "jsonl"`.',
        )


def _table(rows: str, needs: Needs, broken: str) -> FileTable:
    bad = (
        f"CASE {broken}WHEN NOT json_valid({_ROW}) THEN 'not_json' "
        f"WHEN json_type({_ROW}) <> 'OBJECT' THEN 'not_an_object' END"
    )
    sound = f"(SELECT n, bad, CASE WHEN bad IS NULL THEN {_ROW} END AS {_ROW} FROM "
    rows = f"{sound}(SELECT *, {bad} AS bad FROM {rows}))"
    return FileTable(
        told({name: _field(name) for name in needs.names}, "n", rows, "bad"), machine=True
    )


def _field(name: str) -> str:
    """A field as text. A number is never vague: 1.234 is written 1.2340."""
    where = text("$" + "".join(f".{json.dumps(step)}" for step in name.split(".")))
    value = f"nullif(json_extract_string({_ROW}, {where}), '')"
    vague = spelled.is_vague(value, "DOUBLE", decimal=None, dates=None)
    is_number = f"json_type({_ROW}, {where}) = 'DOUBLE'"
    return f"CASE WHEN {vague} AND {is_number} THEN {value} || '0' ELSE {value} END"


def _taken_out(path: Path, records: str, into: Path) -> Path:
    """The records that lie inside a document, one a line."""
    if path.stat().st_size > LARGEST:
        raise ConnectorError(
            f"{path.name} is larger than {LARGEST >> 20} MB, and its records lie inside it.",
            hint="Let the export write one record a line, or a list with nothing around it.",
        )
    try:
        inside = orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise ConnectorError(
            f"{path.name} is not JSON from line {error.lineno} on.",
            hint="Was the export cut off? Run it again.",
        ) from None
    for step in records.split("."):
        inside = inside.get(step) if isinstance(inside, dict) else None
    if not isinstance(inside, list):
        raise ConnectorError(f"{path.name} has no list at {records!r}.", hint="Correct `records`.")
    out = into / f"{path.name}.records"
    with out.open("wb") as file:
        file.writelines(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in inside)
    return out
