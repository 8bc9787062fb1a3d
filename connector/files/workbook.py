"""Workbooks (XLSX): one sheet, row by row. Values only: no formula is computed, no macro run."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from ..errors import ConfigError, ConnectorError
from ..tables import FileTable
from . import found
from .delimited import distinct, rewritten
from .needs import Needs

#: What a workbook may unpack to: in all, by its packed size, and its texts, which are held at once.
MOST, RATIO, FLOOR, TEXTS = 2_000_000_000, 200, 50_000_000, 300_000_000
MEMBERS = 10_000
_OLD = b"\xd0\xcf\x11\xe0"
_ERRORS = frozenset({"#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!"})
_HALF = timedelta(milliseconds=500)


def check(path: Path, sheet: str | None, header: int, needs: Needs) -> None:
    """The sheet is there, and its header has every name that is needed."""
    with _opened(path) as book:
        rows = _sheet_rows(path, book, sheet, header)
        _named(path, rows, needs)


def read(path: Path, sheet: str | None, header: int, needs: Needs, into: Path) -> FileTable:
    """A sheet as a table; a row's place is its number in the sheet."""
    with _opened(path) as book:
        rows = _sheet_rows(path, book, sheet, header)
        names = _named(path, rows, needs)
        place = {name.casefold(): position for position, name in enumerate(names)}
        picked = [place[name.casefold()] for name in needs.names]
        written = _written(rows, header, len(names), picked)
        table = rewritten(written, picked, needs.names, into / f"{path.name}.rows")
        # A cell may hold a date as the number it is.
        return replace(table, machine=True, serial=f"{book.epoch:%Y-%m-%d}")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A workbook, closed afterwards; ConnectorError for what is none."""
    try:
        from openpyxl import load_workbook
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{path.name} is a workbook, and what reads workbooks is not installed.",
            hint="pip install 'crm-health-connector[xlsx]', or save it as CSV.",
        ) from error
    _guard(path)
    try:
        with warnings.catch_warnings():
            # Styles and validations that it does not know are no business of ours.
            warnings.simplefilter("ignore", UserWarning)
            book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
            try:
                yield book
            finally:
                book.close()
    except (KeyError, ValueError, TypeError, ParseError, zipfile.BadZipFile, EOFError) as error:
        raise _no_workbook(path) from error


def _no_workbook(path: Path) -> ConnectorError:
    return ConnectorError(
        f"{path.name} is no workbook that can be read, or was cut off.",
        hint="Open it in the spreadsheet program and save it as .xlsx again.",
    )


def _guard(path: Path) -> None:
    """Refuse what is no workbook, and what would unpack to more than one honestly holds."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise found.unreadable(path, error) from error
    if start == _OLD:
        raise ConnectorError(
            f"{path.name} is an old .xls file, or is protected by a password.",
            hint="Open it in the spreadsheet program and save it as .xlsx without a password.",
        )
    try:
        with zipfile.ZipFile(path) as packed:
            members = packed.infolist()
            _measure(path, members)
            for each in members:
                if each.filename.endswith((".xml", ".rels")):
                    with packed.open(each) as part:
                        _no_entities(path, part.read(4096))
    except zipfile.BadZipFile as error:
        raise _no_workbook(path) from error


def _measure(path: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    """The archive never yields more of a member than it says here."""
    size = sum(each.file_size for each in members)
    packed = sum(each.compress_size for each in members)
    texts = sum(each.file_size for each in members if "sharedStrings" in each.filename)
    most = min(MOST, max(FLOOR, packed * RATIO))
    if len(members) > MEMBERS or size > most or texts > TEXTS:
        raise ConnectorError(
            f"{path.name} would unpack to {size >> 20} MB in {len(members)} parts.",
            hint="It was not opened. Save a large sheet as CSV.",
        )


def _no_entities(path: Path, start: bytes) -> None:
    if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
        raise ConnectorError(
            f"{path.name} declares entities, which no spreadsheet program does.",
            hint="It was not opened. Where does it come from?",
        )


def _sheet_rows(path: Path, book: Any, sheet: str | None, header: int) -> Iterator[Sequence[Any]]:
    """The rows of a sheet, from its header on."""
    names = [each.title for each in book.worksheets]
    if (sheet is not None and sheet not in names) or not names:
        raise ConnectorError(
            f"{path.name} has no sheet {sheet!r}.", hint=f"It has {', '.join(names)}."
        )
    chosen = book.worksheets[names.index(sheet) if sheet is not None else 0]
    # How large a sheet says it is need not be so.
    chosen.reset_dimensions()
    rows: Iterator[Sequence[Any]] = chosen.iter_rows(min_row=header, values_only=True)
    return rows


def _named(path: Path, rows: Iterator[Sequence[Any]], needs: Needs) -> tuple[str, ...]:
    first = [_text(cell) for cell in next(rows, ())]
    while first and not first[-1].strip():
        first.pop()
    if not first:
        raise ConnectorError(
            f"{path.name} is empty: the first row must name the columns.",
            hint="`sheet` says which sheet, `header` in which row the names are.",
        )
    names = distinct(first)
    needs.check(path, names)
    return names


def _written(
    rows: Iterator[Sequence[Any]], header: int, width: int, picked: Sequence[int]
) -> Iterator[tuple[int, str, Sequence[str]]]:
    for number, row in enumerate(rows, header + 1):
        cells = [_text(cell) for cell in row]
        if any(cells):
            cells += [""] * (width - len(cells))
            wrong = any(cells[place] in _ERRORS for place in picked)
            yield number, "error_in_a_cell" if wrong else "", cells


def _text(cell: Any) -> str:
    """A cell as text: numbers with a point, dates year first."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return _number(cell)
    if isinstance(cell, datetime):
        # Dates are kept as fractions of a day, which no second is.
        near = cell + _HALF
        return f"{near:%Y-%m-%d}" if near.time() < time(0, 0, 1) else f"{near:%Y-%m-%d %H:%M:%S}"
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


def _number(cell: float) -> str:
    if cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    said = repr(cell)
    # Three decimals could be taken for thousands: one more says what they are.
    return f"{said}0" if len(said.partition(".")[2]) == 3 and "e" not in said else said
