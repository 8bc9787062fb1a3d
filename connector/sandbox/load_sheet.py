"""CSV files as they come: any encoding, blank lines, rows that do not fit the header."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

NOT_UTF8 = "the file is not UTF-8 and was read as Windows-1252"
NO_FIT = "the row does not have as many cells as the header"
UNREADABLE = "the row cannot be read"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One file: its header, its rows with their line numbers, and the lines that are odd."""

    name: str
    header: tuple[str, ...]
    rows: list[tuple[int, list[str]]]
    odd: Mapping[str, list[int]]

    @property
    def lost(self) -> int:
        """How many rows could not be used at all."""
        return len(self.odd[NO_FIT]) + len(self.odd[UNREADABLE])

    def column(self, name: str) -> list[str]:
        """The values of one column."""
        place = self.header.index(name)
        return [row[place] for _, row in self.rows]


def read_sheet(path: Path, delimiter: str) -> Sheet:
    """Reads a file; cells are without blanks around them."""
    raw = path.read_bytes()
    odd: dict[str, list[int]] = {NOT_UTF8: [], NO_FIT: [], UNREADABLE: []}
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
        odd[NOT_UTF8].append(1)
    lines = _lines(text, delimiter)
    _, header = next(lines, (1, None))
    rows = []
    for number, row in lines:
        if row is None:
            odd[UNREADABLE].append(number)
        elif len(row) != len(header or ()):
            odd[NO_FIT].append(number)
        else:
            rows.append((number, row))
    return Sheet(path.name, tuple(header or ()), rows, odd)


def _lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str] | None]]:
    """Every row that is not blank, with the number of the line it ends on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield reader.line_num, None
            continue
        if row:
            yield reader.line_num, [cell.strip() for cell in row]
