"""Files: invoices, usage, anything that a spreadsheet or an export can say."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from ..errors import ConnectorError
from ..mapping import expressions
from ..mapping.expressions import BadSql

CHUNK = 1024 * 1024
_CODECS = {"utf-8": "utf-8-sig"}


@dataclass(slots=True)
class Source:
    """A CSV or TSV file whose rows feed one stream.

    `columns` says what each column of the stream is: a SQL expression over the file's columns,
    which are all text (`"Rechnungsnr"`, `try_strptime("Fällig am", '%d.%m.%Y')`).
    A file is taken again when its content or a setting has changed.
    """

    path: Path
    stream: Literal[
        "accounts", "contacts", "activities", "opportunities", "tickets", "responses",
        "invitations", "signals",
    ]  # fmt: skip
    columns: Mapping[str, str]
    delimiter: str = ","
    encoding: Literal["utf-8", "latin-1", "utf-16"] = "utf-8"
    required: tuple[str, ...] = ("id",)
    name: str = field(default="file", init=False)
    sure: str = field(default="verified", init=False)

    def check(self) -> None:
        """Read the header: every column that an expression needs must be there."""
        header = self._header()
        for column, sql in self.columns.items():
            for needed in self._needs(column, sql):
                if needed.casefold() not in _names(header):
                    raise ConnectorError(
                        f"{self.path.name} has no column {needed!r}, which `{column}` is made of.",
                        hint=self._said_of(header),
                    )

    def fingerprint(self) -> str:
        """A hash of content and settings; the same file is not taken twice."""
        digest = hashlib.sha256(repr(self._settings()).encode())
        with self.path.open("rb") as file:
            while part := file.read(CHUNK):
                digest.update(part)
        return digest.hexdigest()

    def relation(self) -> str:
        """The raw rows, every column text. A row of the wrong width is kept, padded with NULL."""
        path = str(self.path).replace("'", "''")
        return (
            f"read_csv('{path}', all_varchar = true, header = true, delim = '{self.delimiter}', "
            f"quote = '\"', encoding = '{self.encoding}', null_padding = true, strict_mode = false)"
        )

    def _settings(self) -> list[tuple[str, object]]:
        """Everything that decides what the rows become; where the file lies does not."""
        named = [(each.name, getattr(self, each.name)) for each in fields(self) if each.init]
        return [
            (name, sorted(value.items()) if isinstance(value, Mapping) else value)
            for name, value in named
            if not isinstance(value, Path)
        ]

    def _header(self) -> list[str]:
        codec = _CODECS.get(self.encoding, self.encoding)
        try:
            with self.path.open(encoding=codec, newline="") as file:
                header = next(csv.reader(file, delimiter=self.delimiter), [])
        except OSError as error:
            raise ConnectorError(
                f"The file {self.path} cannot be read: {error.strerror}.",
                hint="Check `path` in the configuration; it is relative to that file.",
            ) from error
        except (UnicodeError, csv.Error) as error:
            raise ConnectorError(
                f"{self.path.name} cannot be read as {self.encoding} text.",
                hint="Set `encoding` to that of the file: utf-8, latin-1 or utf-16.",
            ) from error
        if not any(name.strip() for name in header):
            raise ConnectorError(
                f"{self.path.name} is empty: its first line must name the columns.",
                hint="Has the export failed? Run it again.",
            )
        return header

    def _needs(self, column: str, sql: str) -> tuple[str, ...]:
        try:
            return expressions.paths(expressions.parse(sql))
        except BadSql as error:
            raise ConnectorError(
                f"{self.path.name}: the SQL of `{column}` does not parse: {error}.",
                hint="Correct the expression in the source's columns.",
            ) from error

    def _said_of(self, header: Sequence[str]) -> str:
        if len(header) == 1:
            return f"Its header is {header[0]!r}, one column. Is `delimiter` {self.delimiter!r}?"
        return f"It has {', '.join(header)}. Correct the expression or the export."


def _names(header: Sequence[str]) -> set[str]:
    """The columns as they may be named; of those without a name or named twice, by their place."""
    names = {name.strip().casefold() for name in header} | {name.casefold() for name in header}
    if len({name.casefold() for name in header} - {""}) < len(header):
        names |= {f"{name.casefold()}_{n}" for name in header for n in range(1, len(header))}
        names |= {f"column{n:0{width}}" for n in range(len(header)) for width in (1, 2, 3)}
    return names
