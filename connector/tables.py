"""The shapes of files with rows, and of a source that is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

#: Where a row of a file stands, and why it could not be read (or NULL): columns of a `FileTable`.
LINE, BAD = "__line", "__bad"


@dataclass(frozen=True, slots=True)
class FileTable:
    """A file as the engine reads it.

    `relation` is a DuckDB table expression with the names that the source's expressions use, most
    of them text, and `LINE` and `BAD`. If `rows` is given and it has another number of them, its
    rows are not its lines, and only reading with care tells where one stands. `numbered`: lines are
    written in it, so its order is nothing. In a `machine`'s file numbers are written with a point
    whatever people write; `serial` is the day that it counts days from.
    """

    relation: str
    rows: int | None = None
    numbered: bool = False
    machine: bool = False
    serial: str = ""


class FileSource(Protocol):
    """Files whose rows go into a stream by column, never through Python objects.

    `decimal`, `dates` and `zone` say how its people write numbers, dates and times. `whole`: what
    is in no file any more is gone. `max_bad`: the share of a file's rows that may be left out.
    """

    stream: str
    columns: Mapping[str, str]
    required: tuple[str, ...]
    decimal: str | None
    dates: str | None
    zone: str
    max_bad: float

    @property
    def whole(self) -> bool: ...

    def check(self) -> None: ...

    def files(self) -> Sequence[Path]:
        """The files that are there now, in the order in which a later one wins."""
        ...

    def fingerprint(self, file: Path) -> str:
        """A hash of the content, so that a file is taken once."""
        ...

    def read(self, file: Path, into: Path, *, careful: bool = False) -> FileTable:
        """A file as a table; what has to be written anew for that lies in a folder."""
        ...
