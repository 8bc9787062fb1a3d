"""Files: invoices, usage, anything that a spreadsheet or an export can say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from ..errors import ConnectorError
from ..files import columnar, delimited, documents, found, workbook
from ..files.delimited import Written
from ..files.found import Format
from ..files.needs import Needs, needs
from ..tables import FileTable


@dataclass(slots=True)
class Source:
    """A file, a folder of files, or all that fit a pattern; their rows feed one stream.

    `columns` says what each column of the stream is: SQL over the file's columns (`"Rechnungsnr"`),
    or the paths of a record (`customer.id`). What comes as text is read as a number, date or flag
    where the stream wants one: by `decimal` and `dates`, or where it can only be meant one way.
    """

    path: Path
    stream: Literal[
        "accounts", "contacts", "activities", "opportunities", "tickets", "responses",
        "invitations", "signals",
    ]  # fmt: skip
    columns: Mapping[str, str]
    required: tuple[str, ...] = ("id",)
    format: Format | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    encoding: Literal["utf-8", "cp1252", "latin-1", "utf-16"] | None = None
    header: Annotated[int, Field(ge=1)] = 1
    decimal: Literal[",", "."] | None = None
    dates: Literal["day-first", "month-first"] | None = None
    zone: str = "UTC"
    sheet: str | None = None
    records: str = ""
    holds: Literal["everything", "news"] | None = None
    max_bad: Annotated[float, Field(ge=0, le=1)] = 0.2
    name: str = field(default="file", init=False)
    sure: str = field(default="verified", init=False)

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"there is no zone {self.zone!r}; write e.g. Europe/Berlin") from None
        if "id" not in {*self.columns, *self.required}:
            raise ValueError("columns have no id, by which a row is known again")

    @property
    def whole(self) -> bool:
        """One file is the whole truth and the files of a folder are news, unless `holds` says."""
        return found.is_one(self.path) if self.holds is None else self.holds == "everything"

    def files(self) -> Sequence[Path]:
        """The files that are there now, by name."""
        return found.files(self.path, only=self.format is None)

    def check(self) -> None:
        """Read every header: each column that an expression needs must be there."""
        listed = self.files()
        if not listed:
            raise ConnectorError(f"There is no file at {self.path}.", hint="Check `path`.")
        for file in listed:
            self._check(file)

    def fingerprint(self, file: Path) -> str:
        """A hash of the content; the same file is not taken twice."""
        return found.digest(file)

    def read(self, file: Path, into: Path, *, careful: bool = False) -> FileTable:
        """A file as a table for the engine."""
        wanted = self._needs(file)
        match self._format(file):
            case "xlsx":
                return workbook.read(file, self.sheet, self.header, wanted, into)
            case "parquet":
                return columnar.read(file, wanted)
            case "json":
                return documents.read_list(file, self.records, wanted, into)
            case "jsonl":
                return documents.read_lines(file, self.encoding, wanted, into)
        return delimited.read(file, self._written(file), wanted, into, careful=careful)

    def _check(self, file: Path) -> None:
        wanted = self._needs(file)
        match self._format(file):
            case "xlsx":
                workbook.check(file, self.sheet, self.header, wanted)
            case "parquet":
                columnar.check(file, wanted)
            case "json":
                documents.check_list(file, self.records)
            case "jsonl":
                found.text(file, self.encoding)
            case _:
                delimited.check(file, self._written(file), wanted)

    def _format(self, file: Path) -> Format:
        return self.format or found.format_of(file)

    def _needs(self, file: Path) -> Needs:
        return needs(self.columns, file.name)

    def _written(self, file: Path) -> Written:
        delimiter = self.delimiter or ("\t" if self._format(file) == "tsv" else None)
        return Written(delimiter, self.encoding, self.header)
