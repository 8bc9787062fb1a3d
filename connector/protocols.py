"""The shapes that the engine knows other systems by.

An adapter fits by its shape; nothing here is inherited. The engine (`sync/`) imports these and
never an adapter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from .records import CrmField, Org, Outcome, Response


@dataclass(frozen=True, slots=True)
class Spool:
    """Raw records on disk, just as they were fetched, and the SQL that reads them.

    `relation` is a DuckDB table expression with one flat, typed column per CRM field, named by
    its full path (`"Owner.Name"`). `rows` is what the server said there are.
    """

    relation: str
    rows: int


@dataclass(frozen=True, slots=True)
class Read:
    """Which records of one CRM object to fetch: all, or those changed at or after `since`."""

    object: str
    fields: tuple[str, ...]
    since: datetime | None
    modified: str
    where: str = ""


class Crm(Protocol):
    """A system we read accounts and activities from and write results to."""

    name: str

    def check(self) -> Org:
        """Log in; say which org this is, as whom, and what its clock says."""
        ...

    def fields(self, object: str) -> Mapping[str, CrmField] | None:
        """Every field of `object` that the running user sees; None when there is no such object."""
        ...

    def path_types(self, object: str, paths: Sequence[str]) -> dict[str, str]:
        """The DuckDB type of each field path; a path that does not exist is left out."""
        ...

    def read(self, read: Read, types: Mapping[str, str], into: Path) -> Spool:
        """Fetch raw records into the folder `into`."""
        ...

    def values(
        self, object: str, ids: Sequence[str], fields: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        """What these records hold now. A record that is gone is left out."""
        ...

    def write(
        self, object: str, rows: Sequence[Mapping[str, Any]], chunk: int
    ) -> Iterator[tuple[Outcome, ...]]:
        """Update records (`id` and the fields to set; None clears), chunk by chunk in order."""
        ...

    def write_calls(self, rows: int) -> dict[str, int]:
        """Lane → the calls that writing so many rows will take, reading them back included."""
        ...

    def read_calls(self, rows: int) -> dict[str, int]:
        """Lane → the calls that reading so many rows will take."""
        ...

    def opening_calls(self, objects: int) -> dict[str, int]:
        """Lane → the calls that logging in and looking at so many objects will take."""
        ...

    def counts(self, objects: Sequence[str]) -> dict[str, int]:
        """About how many records each object has."""
        ...

    def allowance(self) -> tuple[int, int]:
        """API calls used today and allowed today; (0, 0) when the system has not said yet."""
        ...

    def calls(self) -> Mapping[str, int]:
        """Lane → the calls made so far."""
        ...

    def now(self) -> datetime:
        """The CRM's own clock, as of its last answer."""
        ...

    def skew(self) -> float:
        """Seconds that the CRM's clock is ahead of this machine's."""
        ...

    def hidden_fields(self, object: str, targets: Sequence[str]) -> list[str]:
        """Which of these fields exist without the running user seeing them."""
        ...

    def create_fields(self, object: str, wanted: Sequence[Any]) -> list[str]:
        """Create custom fields from the mapping; the names created."""
        ...

    def grant_fields(self, object: str, targets: Sequence[str], user: str) -> list[str]:
        """Let a user read and write fields; the names that were hidden before."""
        ...


class Source(Protocol):
    """A survey platform. Yields answers, oldest change first.

    `overlap` is how far behind its watermark a pull begins again.
    """

    name: str
    overlap: timedelta

    def check(self) -> None:
        """Prove that the credentials work, with one cheap call."""
        ...

    def responses(self, since: datetime | None) -> Iterator[Response]:
        """Every answer that may have changed since then."""
        ...

    def calls(self) -> Mapping[str, int]: ...


class FileSource(Protocol):
    """A file whose rows go into a stream by column, never through Python objects."""

    stream: str
    columns: Mapping[str, str]
    required: tuple[str, ...]
    path: Path

    def check(self) -> None: ...

    def fingerprint(self) -> str:
        """A hash of the content, so that a file is taken once."""
        ...

    def relation(self) -> str:
        """A DuckDB table expression over the raw rows, every column text."""
        ...
