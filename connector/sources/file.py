"""Files: invoices, usage, anything that a spreadsheet or an export can say."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..errors import ConnectorError

CHUNK = 1024 * 1024


@dataclass(slots=True)
class Source:
    """A CSV or TSV file whose rows feed one stream.

    `columns` says what each column of the stream is: a SQL expression over the file's columns,
    which are all text (`"Betrag"`, `number_de("Betrag")`, `day("Fällig am", '%d.%m.%Y')`).
    A file is taken again when its content has changed.
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

    def check(self) -> None:
        try:
            with self.path.open("rb") as file:
                file.read(1)
        except OSError as error:
            raise ConnectorError(
                f"The file {self.path} cannot be read: {error.strerror}.",
                hint="Check `path` in the configuration; it is relative to that file.",
            ) from error

    def fingerprint(self) -> str:
        """A hash of content and settings; the same file is not taken twice."""
        digest = hashlib.sha256(repr((self.stream, sorted(self.columns.items()))).encode())
        self.check()
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
