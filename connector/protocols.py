"""The shapes that the engine knows other systems by.

An adapter fits by its shape; nothing here is inherited. The engine (`sync/`) imports these and
never an adapter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

from .fieldplan import FieldPlan, FieldsMade
from .records import CrmField, Org, Outcome
from .signin import SignIn


@dataclass(frozen=True, slots=True)
class Spool:
    """Raw records on disk, just as they were fetched, and the SQL that reads them.

    `relation` is a DuckDB table expression with one flat, typed column per CRM field, named by
    its full path (`"Owner.Name"`), and one named `_unread`: which fields of a record hold what
    cannot be read, or NULL. `rows` is what the server said there are, `lane` and `calls` how they
    came. `until` is the moment they speak of when that is not this run, `pace` the records a second
    at which the server worked, if it told, and `page_pace` those of a full page. `stopped` says why
    a job ended early. `earlier` has the same columns: what records held before, a row for each
    moment of which that is told.
    """

    relation: str
    rows: int
    lane: str = ""
    calls: int = 0
    until: datetime | None = None
    pace: float | None = None
    page_pace: float | None = None
    stopped: str = ""
    earlier: str = ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A short time, both ends included, and how many records we wrote whose last stamp is in it."""

    begin: datetime
    end: datetime
    records: int


@dataclass(frozen=True, slots=True)
class Echo:
    """What our own writing left behind: records that `user` was the last to change, at or before
    `until`. All of them have been read since.

    Where the CRM does not say who changed a record last there is no user: then it is everything
    that changed at or before `until`, which is ours if there is no more of it than we know, and in
    each of the `stretches` exactly as much.
    """

    user: str
    until: datetime
    stretches: tuple[Stretch, ...] = ()


@dataclass(frozen=True, slots=True)
class Read:
    """Which records of one CRM object to fetch: all, or those changed at or after `since`.

    With an `echo`, `part` says whether that alone is meant or everything but that; "gone" means
    what was deleted, where only a question of its own tells. `most_calls` is what the budget has
    left for it; None when that is not known. `rows` are expected. The last time a job made
    ready so many a second (`pace`), and so many came a second page by page (`page_pace`), as far
    as that is known.
    """

    object: str
    fields: tuple[str, ...]
    since: datetime | None
    modified: str
    where: str = ""
    most_calls: int | None = None
    rows: int = 0
    pace: float | None = None
    page_pace: float | None = None
    echo: Echo | None = None
    part: Literal["rest", "echo", "gone"] = "rest"


class Progress(Protocol):
    """How far one read has come, kept between runs, and the way to stop it."""

    def recall(self) -> dict[str, Any]:
        """What was remembered by a run that did not finish this read; empty if none was."""
        ...

    def remember(self, facts: Mapping[str, Any]) -> None:
        """Keep this for the next run; nothing of it needs keeping when it is empty."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait; raises when the read is no longer wanted."""
        ...


class Crm(Protocol):
    """A system we read accounts and activities from and write results to."""

    name: str
    #: The CRM's name for a record's id, and the most records it writes in one transaction.
    id_field: str
    chunk: int
    #: The most records of one file, and from how many changes on a file is better.
    most: int
    bulk_from: int
    #: How files of changes are written: a table, or a JSON object a line as the CRM takes it.
    file_kind: Literal["csv", "lines"]
    #: Whether what changed since a moment leaves out what was deleted; then totals are compared.
    hides_deleted: bool
    #: Whether a record says who changed it last.
    names_author: bool
    #: Whether a change is told some moments late; then records are read one by one before a write.
    tells_late: bool
    #: What to do about rights and fields that are missing.
    remedy: str

    def check(self) -> Org:
        """Log in; say which org this is, as whom, and what its clock says."""
        ...

    def sign_in(self) -> SignIn:
        """The way in, for logging in by hand and for asking who is logged in."""
        ...

    def shut(self, objects: Sequence[str], written: str) -> tuple[Mapping[str, str], str]:
        """Object → why it cannot be read, where the CRM names a missing right; and why records of
        `written` cannot be changed. What is merely not there is not named."""
        ...

    def fields(self, object: str) -> Mapping[str, CrmField] | None:
        """Every field of `object` that the running user sees; None when there is no such object."""
        ...

    def choices(self, object: str) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Field → record type → the values that a record of that type may have, where that
        differs from type to type."""
        ...

    def path_types(
        self, object: str, paths: Sequence[str], *, exact: bool = True
    ) -> dict[str, str]:
        """The DuckDB type of each field path; a path that does not exist is left out.

        Without `exact` a name may be written as in a filter, where its case does not matter.
        """
        ...

    def read(
        self, read: Read, types: Mapping[str, str], into: Path, progress: Progress | None = None
    ) -> Spool:
        """Fetch raw records into the folder `into`; without `progress` nothing is taken up."""
        ...

    def values(
        self, object: str, ids: Sequence[str], fields: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        """What these records hold now. A record that is gone is left out."""
        ...

    def write(
        self, object: str, rows: Sequence[Mapping[str, Any]], chunk: int
    ) -> Iterator[tuple[Outcome, ...]]:
        """Update records (`id` and the fields to set; None clears) in order, so many at once."""
        ...

    def span(self, chunk: int) -> int:
        """How many records are read back and written before the next are read back."""
        ...

    def load_calls(self, rows: int, pace: float | None = None) -> dict[str, int]:
        """Lane → the calls that writing so many rows from files takes, at the pace measured the
        last time."""
        ...

    def load(
        self,
        object: str,
        file: Path,
        into: Path,
        note: Callable[[str], None],
        rows: int = 0,
        pace: float | None = None,
        types: Mapping[str, str] | None = None,
    ) -> Spool:
        """Update records from a file of so many rows; a spool of `id, result, code, message`.

        In CSV an empty cell leaves a field, and `#N/A` empties it; a line of JSON has the `id` and
        the `properties` to set, as texts, an empty one to empty it. A CRM that tells late of
        changes looks at each record right before it is written: with the `types` of the fields
        that are mapped, each line names behind \x1f what its record holds in those. What holds
        something else, or has gone, is not written, and nothing is told of it. `note` is told the
        job before it runs. The pace measured the last time tells when to look at it.
        """
        ...

    def echoes(self, rows: int) -> bool:
        """Whether so many writes are read once more right after them, so that the next run need
        not; `Read.echo` is then left out of what it reads."""
        ...

    def sealed(self, since: datetime) -> tuple[Stretch, ...]:
        """How many records this run wrote when, stretch by stretch, if nobody changed any of them
        between a moment and our write; nothing when somebody may have."""
        ...

    def loaded(self, job: str, into: Path) -> Spool | None:
        """The outcomes of a job that another run began; None if nobody knows it any more."""
        ...

    def write_calls(self, rows: int, chunk: int | None = None) -> dict[str, int]:
        """Lane → the calls that writing so many rows one by one takes, looking at them first
        included; `chunk` of them in a transaction."""
        ...

    def read_calls(
        self, rows: int, pace: float | None = None, asked: Read | None = None
    ) -> dict[str, int]:
        """Lane → the calls that reading so many rows takes, at the pace measured the last time.

        Without the read it is one that asks what has changed of the object that is written.
        """
        ...

    def opening_calls(self, objects: int) -> dict[str, int]:
        """Lane → the calls that logging in and looking at so many objects will take."""
        ...

    def counts(self, objects: Sequence[str]) -> dict[str, int]:
        """About how many records each object has."""
        ...

    def changed(self, reads: Sequence[Read]) -> list[int | None]:
        """How many records each read would bring; None where the server does not say."""
        ...

    def id_sql(self, column: str) -> str:
        """SQL that brings an id as people and files write it into the form the CRM gives."""
        ...

    def ration(self, left: Callable[[], int | None]) -> None:
        """Repeat no call once nothing is left of the run's share; `left` tells, None when it is
        not known."""
        ...

    def allowance(self) -> tuple[int, int]:
        """API calls used today and allowed today; (0, 0) when the system has not said yet."""

    def calls(self) -> Mapping[str, int]:
        """Lane → the calls made so far."""

    def now(self) -> datetime:
        """The CRM's own clock, as of its last answer."""

    def notes(self) -> tuple[str, ...]:
        """What whoever reads the receipt should know: which lane was not gone, and why."""

    def skew(self) -> float:
        """Seconds that the CRM's clock is ahead of this machine's."""

    def plan_fields(
        self, mapping: Any, user: str, *, adopt: bool, assign: bool, segments: bool = False
    ) -> FieldPlan:
        """What the fields of a mapping need in the CRM so that a user can write them.

        `adopt` takes over fields that somebody else made; `assign` gives the user the permissions;
        `segments` asks for one segment for each tier as well.
        """
        ...

    def make_fields(self, plan: FieldPlan) -> FieldsMade:
        """Do what a plan says; what is refused is told field by field."""
        ...

    def export_fields(
        self, mapping: Any, folder: Path, plan: FieldPlan | None = None
    ) -> list[Path]:
        """Write what a plan makes as files for an admin; without a plan, from the mapping alone."""
        ...


@dataclass(frozen=True, slots=True)
class Hint:
    """What an event was about: a record by its id, the survey or form it is in, and when it was
    made. Both ids are "" where the event does not say them, or says what cannot be one."""

    record: str
    within: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Singles:
    """Records that were asked for one by one, and the ids of those that the platform says are
    gone."""

    spool: Spool
    gone: tuple[str, ...] = ()


class Source(Protocol):
    """A survey platform, or any other system that we only read.

    `streams` are what it brings; `overlap` is how far behind its watermark a pull begins again;
    `sure` is how well we know the platform: its documentation or working code was read whole, in
    part, or not. A source that can list what it holds also has
    `ids(stream, since, into, progress) -> Spool`, one that cannot has none, or None: every record
    whose moment is at or after `since`; those that are known and not among them were deleted. Of a
    stream whose pulls tell what was deleted it gives None.

    One that can ask for records by their ids names in `by_id` the streams they are of, and has
    `singles(stream, hints, into, progress) -> Singles`.

    A source that is sent its records has `look()`, which fixes what a pull is about, `settle()`,
    which forgets that once it is stored, and, if its `hints` name another source, `hinted()`: what
    its events were about.
    """

    name: str
    overlap: timedelta
    streams: tuple[str, ...]
    sure: Literal["verified", "partly", "inferred"]

    def check(self) -> str | None:
        """Prove that the credentials work, with one cheap call; what is worth saying besides."""
        ...

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        """Every record of a stream that may have changed since then: columns of the stream, and
        `odd`, the rule by which a record is listed and left out, or NULL."""
        ...

    def calls(self) -> Mapping[str, int]: ...
