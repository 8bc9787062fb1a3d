"""Files of an export: looked through once, then read by column in the shape of listed records.

Nobody promises what such a file says. Unfit is raised for one that lacks a column, is cut, or has
moments without a zone.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...mapping import casts
from ...records import DAY, MOMENT
from . import catalogue
from .catalogue import Parts, Properties

RECORD_ID, OBJECT_ID = "Record ID", "hs_object_id"
_ASSOCIATED = re.compile(r"Associated .+ IDs?")
#: The longest cell, and so the longest line.
_CELL = 1 << 24


class Unfit(Exception):
    """This cannot be read from an export, and why."""


@dataclass(slots=True)
class Told:
    """What files hold: their header, their records, and what is remarkable among them."""

    head: tuple[str, ...]
    rows: int = 0
    merged: int = 0
    several: tuple[str, ...] = ()


def looked_through(files: Sequence[Path], modified: str) -> Told:
    """Count the records of files; Unfit for one that is cut, or whose moments have no zone."""
    told: Told | None = None
    several: list[str] = []
    before = csv.field_size_limit(_CELL)  # of the whole process
    try:
        for file in files:
            with file.open(encoding="utf-8-sig", newline="") as text:
                reader = csv.reader(text, strict=True)
                head = tuple(next(reader, ()))
                if told is None:
                    told = Told(head)
                if head != told.head or len(set(head)) != len(head):
                    raise Unfit("its columns are not one of each in every file")
                _count(reader, told, several, modified)
    except (csv.Error, UnicodeDecodeError, ValueError) as error:
        raise Unfit("its file is cut or no CSV") from error
    finally:
        csv.field_size_limit(before)
    if told is None:
        raise Unfit("it has no file")
    told.several = tuple(several)
    return told


def _count(reader: Iterator[list[str]], told: Told, several: list[str], modified: str) -> None:
    head, width = told.head, len(told.head)
    moved, id = head.index(modified), head.index(RECORD_ID)
    merged = head.index(catalogue.MERGED) if catalogue.MERGED in head else None
    others = next((at for at, name in enumerate(head) if _ASSOCIATED.fullmatch(name)), None)
    for row in reader:
        if len(row) != width:
            raise Unfit("its file is cut or no CSV")
        moment = row[moved]
        if not (moment.endswith("Z") or moment.isdigit()):
            raise Unfit("its moments do not say in which zone they are")
        told.rows += 1
        if merged is not None and (lost := row[merged]):
            told.merged += lost.count(";") + 1
        if others is not None and ";" in row[others]:
            several.append(row[id])


# ── as a table ────────────────────────────────────────────────────────────────────────────────


def columns_of(head: Sequence[str], parts: Parts, modified: str) -> dict[str, str]:
    """Which column of the file each property is, and the associated records under their kind."""
    places = {name: f"c{at}" for at, name in enumerate(head)}
    places[OBJECT_ID] = places[RECORD_ID]
    columns = {}
    for name in (*parts.properties, modified, OBJECT_ID):
        if name not in places:
            raise Unfit(f"its file lacks the column {name}")
        columns[name] = places[name]
    for kind in parts.belongs:
        found = [name for name in head if _ASSOCIATED.fullmatch(name)]
        if len(found) != 1:
            raise Unfit(f"its file does not say which {kind} belong to a record")
        columns[f"{kind}.id"] = places[found[0]]
    return columns


def table(
    files: Sequence[Path],
    width: int,
    columns: Mapping[str, str],
    parts: Parts,
    known: Properties,
    modified: str,
) -> str:
    """The files as rows in the shape of listed records. Every column is text."""
    listed = ", ".join(f"c{at}: 'VARCHAR'" for at in range(width))
    paths = ", ".join(casts.text(str(file)) for file in files)
    held = ", ".join(
        f"'{name}': {_text(columns[name], catalogue.kind_of(known, name))}"
        for name in parts.properties
    )
    others = ", ".join(
        f"'{kind}': {{'results': {_others(columns, kind)}}}" for kind in parts.belongs
    )
    return (
        f"(SELECT {columns[OBJECT_ID]} AS id, "
        f"{_text(columns[modified], MOMENT)} AS \"updatedAt\", 'false' AS archived"
        f"{f', {{{held}}} AS properties' if held else ''}"
        f"{f', {{{others}}} AS associations' if others else ''} "
        f"FROM read_csv([{paths}], auto_detect = false, header = true, delim = ',', "
        f"quote = '\"', escape = '\"', columns = {{{listed}}}, max_line_size = {_CELL}))"
    )


def _text(column: str, kind: str) -> str:
    """A value as a listed record would have it: moments in words, not in milliseconds."""
    if kind not in {DAY, MOMENT}:
        return column
    words = f"strftime(epoch_ms(CAST({column} AS BIGINT)), '%Y-%m-%dT%H:%M:%S.%gZ')"
    return (
        f"CASE WHEN regexp_full_match({column}, '-?[0-9]{{9,15}}') THEN {words} ELSE {column} END"
    )


def _others(columns: Mapping[str, str], kind: str) -> str:
    column = columns[f"{kind}.id"]
    each = f"list_transform(string_split({column}, ';'), lambda x: {{'id': x, 'type': ''}})"
    return f"CASE WHEN coalesce({column}, '') <> '' THEN {each} END"
