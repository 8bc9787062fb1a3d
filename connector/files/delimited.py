"""Text with delimiters: CSV, TSV, and what spreadsheets make of them.

Most files are as they should be, and the engine reads them straight away. One that is not is read
row by row, with care: every line that is no row is told with its number and why, and the next one
begins a new row.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ..errors import ConnectorError
from ..mapping.expressions import identifier
from ..tables import BAD, LINE, FileTable
from . import found
from .needs import Needs, read_csv, told

DELIMITERS = (";", ",", "\t", "|")
#: No header is longer.
_HEADER = 1 << 20
#: No row is longer; a text of a spreadsheet's cell has 32,767 characters.
LONGEST = 16 * 1024 * 1024
_BROKEN = "\ufffd"
#: Excel's own way to say the delimiter, in a line before the header.
_SEP = re.compile(r"\ufeff?\"?sep=(.)\"?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Written:
    """How a file is written, as far as its owner says; None is found out."""

    delimiter: str | None = None
    encoding: str | None = None
    header: int = 1


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is written: its names, and how many lines lie before its first row."""

    text: found.Text
    delimiter: str
    names: tuple[str, ...]
    before: int


def check(path: Path, written: Written, needs: Needs) -> None:
    """The header has every name that is needed."""
    layout(path, written, needs)


def read(
    path: Path, written: Written, needs: Needs, into: Path, *, careful: bool = False
) -> FileTable:
    """A file as a table: straight away, or row by row into a file of our own."""
    shape = layout(path, written, needs)
    if careful or not shape.text.sound:
        return _row_by_row(path, shape, needs, into)
    plain = path if shape.text.encoding == "utf-8" else as_utf8(path, shape.text, into)
    rows = read_csv(
        plain,
        dict.fromkeys(shape.names, "VARCHAR"),
        shape.delimiter,
        f"skip = {shape.before}",
        "strict_mode = true",
    )
    values = {name: identifier(name) for name in needs.names}
    lines = shape.text.lines if plain == path else found.text(plain, "utf-8").lines
    line = f"row_number() OVER () + {shape.before}"
    return FileTable(told(values, line, rows), rows=lines - shape.before)


# ── the header ────────────────────────────────────────────────────────────────────────────────


def layout(path: Path, written: Written, needs: Needs) -> Layout:
    """Find out how a file is written; ConnectorError when its header lacks what is needed."""
    text = found.text(path, written.encoding)
    with path.open(encoding=_codec(text), errors="replace", newline="") as file:
        told_delimiter, before = _before(file, written.header)
        start = file.tell()
        tried = [told_delimiter or written.delimiter] if told_delimiter or written.delimiter else []
        headers = []
        for delimiter in tried or DELIMITERS:
            file.seek(start)
            names, lines = _header(file, delimiter or "")
            headers.append(Layout(text, delimiter or "", names, before + lines))
    # The right delimiter is the one by which the header has what is asked for.
    fits = [each for each in headers if not needs.lacking(each.names)]
    shape = fits[0] if fits else max(headers, key=lambda each: len(each.names))
    if not shape.names:
        raise ConnectorError(
            f"{path.name} is empty: line {written.header} must name the columns.",
            hint="Has the export failed? Run it again. `header` says in which line the names are.",
        )
    if not fits and not text.sound:
        raise ConnectorError(
            f"{path.name} cannot be read as {text.encoding} text.",
            hint="Set `encoding` to that of the file: utf-8, cp1252, latin-1 or utf-16.",
        )
    needs.check(path, shape.names, _hint(shape))
    return shape


def _before(file: TextIO, header: int) -> tuple[str, int]:
    """Go to the header: the delimiter that the file names, and the lines that lie before."""
    first = file.readline(_HEADER)
    said = _SEP.fullmatch(first)
    if not said:
        file.seek(0)
    for _ in range(header - 1):
        file.readline()
    return (said.group(1) if said else ""), header - 1 + bool(said)


def _header(file: TextIO, delimiter: str) -> tuple[tuple[str, ...], int]:
    reader = csv.reader(iter(lambda: file.readline(_HEADER), ""), delimiter=delimiter)
    try:
        names = next(reader, [])
    except csv.Error:
        return (), 1
    return (distinct(names) if any(name.strip() for name in names) else ()), reader.line_num


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Names told apart: a second `Betrag` is `Betrag_1`; without one it is `column` and a place."""
    seen: set[str] = set()
    listed = []
    for place, name in enumerate(names):
        plain = name.strip("\ufeff \t\r\n") or f"column{place}"
        unique, again = plain, 0
        while unique.casefold() in seen:
            again += 1
            unique = f"{plain}_{again}"
        seen.add(unique.casefold())
        listed.append(unique)
    return tuple(listed)


def _hint(shape: Layout) -> str:
    if len(shape.names) > 1:
        return ""
    return f"Its header is {shape.names[0]!r}, one column. Set `delimiter` to what parts columns."


def _codec(text: found.Text) -> str:
    return "utf-8-sig" if text.encoding == "utf-8" else text.encoding


def as_utf8(path: Path, text: found.Text, into: Path) -> Path:
    """A copy in UTF-8, with a sign in place of each character that is broken."""
    copy = into / f"{path.name}.utf-8"
    with (
        path.open(encoding=_codec(text), errors="replace", newline="") as file,
        copy.open("w", encoding="utf-8", newline="") as out,
    ):
        while part := file.read(found.CHUNK):
            out.write(part)
    return copy


# ── row by row ────────────────────────────────────────────────────────────────────────────────


def _row_by_row(path: Path, shape: Layout, needs: Needs, into: Path) -> FileTable:
    """Write the rows anew, each with its line and what is wrong with it."""
    place = {name.casefold(): position for position, name in enumerate(shape.names)}
    picked = [place[name.casefold()] for name in needs.names]
    with path.open(encoding=_codec(shape.text), errors="replace", newline="") as file:
        rows = _rows(file, shape)
        return rewritten(rows, picked, needs.names, into / f"{path.name}.rows")


def rewritten(
    rows: Iterator[tuple[int, str, Sequence[str]]],
    picked: Sequence[int],
    names: Sequence[str],
    out: Path,
) -> FileTable:
    """Rows (their line, what is wrong or "", their cells) as a file that the engine reads."""
    empty = [""] * len(picked)
    with out.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file, lineterminator="\n").writerow
        for line, bad, row in rows:
            write([line, bad, *(empty if bad else [row[place] for place in picked])])
    columns = {LINE: "BIGINT", BAD: "VARCHAR", **dict.fromkeys(names, "VARCHAR")}
    read = read_csv(out, columns, ",", f"max_line_size = {LONGEST}")
    values = {name: identifier(name) for name in names}
    return FileTable(told(values, LINE, read, BAD), numbered=True)


class _Lines:
    """The lines of a file, of which those taken since the last row can be given back."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        again, taken = self._again, self.taken
        while True:
            while again:
                taken.append(again.popleft())
                yield taken[-1]
            for line in self._file:
                taken.append(line)
                yield line
                if again:
                    break
            else:
                return

    def give_back(self) -> None:
        """All but the first of the lines taken."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def _rows(file: TextIO, shape: Layout) -> Iterator[tuple[int, str, Sequence[str]]]:
    """Every row with the line it begins in, and what is wrong with it or ""."""
    for _ in range(shape.before):
        file.readline()
    lines, at, width = _Lines(file), shape.before, len(shape.names)
    taken, sound, wrong = lines.taken, shape.text.sound, _judge(shape)
    reader = csv.reader(iter(lines), delimiter=shape.delimiter, strict=True)
    while True:
        taken.clear()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # A quote that is never closed takes what follows with it: that is read again.
            lines.give_back()
            reader = csv.reader(iter(lines), delimiter=shape.delimiter, strict=True)
            yield at + 1, "row_too_long" if "limit" in str(error) else "broken_quotes", ()
        else:
            if len(row) == width and sound:
                yield at + 1, "", row
            elif row:
                yield at + 1, wrong(row, taken[-1]), row + [""] * (width - len(row))
        at += len(taken)


def _judge(shape: Layout) -> Callable[[Sequence[str], str], str]:
    """What is wrong with a row. One that ends early is filled up: spreadsheets leave out what is
    empty at the end."""
    width, sound = len(shape.names), shape.text.sound
    broken = f"not_{shape.text.encoding.replace('-', '_')}"

    def judge(row: Sequence[str], last: str) -> str:
        if len(row) > width and any(cell.strip() for cell in row[width:]):
            return "too_many_columns"
        if 0 < len(row) < width and not last.endswith(("\n", "\r")):
            return "row_cut_off"
        if not sound and any(_BROKEN in cell for cell in row):
            return broken
        return ""

    return judge
