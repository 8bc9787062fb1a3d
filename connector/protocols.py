"""The shapes that the engine knows other systems by.

An adapter fits by its shape; nothing here is inherited. The engine (`sync/`) imports these and
never an adapter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

from .records import CrmField, Org, Outcome, Response


@dataclass(frozen=True, slots=True)
class Spool:
    """Raw records on disk, just as they were fetched, and the SQL that reads them.

    `relation` is a DuckDB table expression with one flat, typed column per CRM field, named by
    its full path (`"Owner.Name"`), and one named `_unread`: which fields of a record hold what
    cannot be read, or NULL. `rows` is what the server said there are, `lane` and `calls` how they
    came. `until` is the moment they speak of when that is not this run, and `pace` the records a
    second at which the server worked, if it told. `stopped` says why a job ended early.
    """

    relation: str
    rows: int
    lane: str = ""
    calls: int = 0
    until: datetime | None = None
    pace: float | None = None
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class Echo:
    """What our own writing left behind: records that `user` was the last to change, at or before
    `until`. All of them have been read since."""

    user: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Read:
    """Which records of one CRM object to fetch: all, or those changed at or after `since`.

    With an `echo`, `part` says whether that alone is meant or everything but that. `most_calls` is
    what the budget has left for it; None when that is not known. `rows` are expected, and made
    ready at a `pace` of so many a second as far as that is known.
    """

    object: str
    fields: tuple[str, ...]
    since: datetime | None
    modified: str
    where: str = ""
    most_calls: int | None = None
    rows: int = 0
    pace: float | None = None
    echo: Echo | None = None
    part: Literal["rest", "echo"] = "rest"


@dataclass(frozen=True, slots=True)
class FieldStep:
    """What one field of the mapping needs in the CRM.

    `changes` are (what, before, after), in words for a person, and `why` says what is left as it
    is. `definition` is the field as the CRM takes it, whole; it is empty when the field is not
    ours. `id` is the CRM's own, empty for a field that is to be made.
    """

    target: str
    do: Literal["create", "change", "leave", "refuse"]
    changes: tuple[tuple[str, Any, Any], ...] = ()
    why: tuple[str, ...] = ()
    definition: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """A permission set: the fields that whoever has it may read, or read and edit.

    Fields are named `Account.Health_Score__c`. `objects` tells what may be done with the records
    of an object, in the CRM's own words. `new` are the fields and objects that it does not grant
    yet, or not in full.
    """

    name: str
    label: str
    do: Literal["create", "change", "leave", "refuse"]
    read: tuple[str, ...]
    edit: tuple[str, ...]
    new: tuple[str, ...]
    why: str = ""
    objects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """What is to be made or changed in the CRM, for fields and for who sees them.

    `hidden` are the fields to write that the user does not see now; `absent` is what the mapping
    reads and the CRM does not have; `lacking` are the rights that the user would need; `by_hand`
    tells an admin, line by line, how to do the same. `words` are the texts of fields in the other
    language that are not there yet; `notes` say what is left out and holds nothing up.
    """

    object: str
    user: str
    steps: tuple[FieldStep, ...]
    access: tuple[Access, ...] = ()
    assign: str = ""
    hidden: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    words: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def todo(self) -> bool:
        """Whether anything is left to do."""
        done = [step.do for step in self.steps] + [access.do for access in self.access]
        return bool(self.assign or self.words) or not {"create", "change"}.isdisjoint(done)

    @property
    def refused(self) -> dict[str, str]:
        """What stands in the way, and why: a field that cannot be what the mapping wants, or a
        permission set that would have to show new fields and is not ours."""
        told = {step.target: " ".join(step.why) for step in self.steps if step.do == "refuse"}
        if self.todo:
            told |= {
                each.name: each.why for each in self.access if each.do == "refuse" and each.edit
            }
        return told


@dataclass(frozen=True, slots=True)
class FieldsMade:
    """What became of a plan: fields made and changed, permissions given, and what was refused."""

    created: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    assigned: str = ""
    failed: Mapping[str, str] = field(default_factory=dict)
    translated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


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
    #: The most records of one file.
    most: int

    def check(self) -> Org:
        """Log in; say which org this is, as whom, and what its clock says."""
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

    def bulky(self, rows: int) -> bool:
        """Whether so many records are better written from a file."""
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
    ) -> Spool:
        """Update records from a CSV file of so many rows; a spool of `id, result, code, message`.

        An empty cell leaves a field, `#N/A` empties it. `note` is told the job before it runs. The
        pace measured the last time tells when to look at it.
        """
        ...

    def echoes(self, rows: int) -> bool:
        """Whether so many writes are read once more right after them, so that the next run need
        not; `Read.echo` is then left out of what it reads."""
        ...

    def loaded(self, job: str, into: Path) -> Spool | None:
        """The outcomes of a job that another run began; None if nobody knows it any more."""
        ...

    def write_calls(self, rows: int, chunk: int | None = None) -> dict[str, int]:
        """Lane → the calls that writing so many rows one by one takes, looking at them first
        included; `chunk` of them in a transaction."""
        ...

    def read_calls(self, rows: int, pace: float | None = None) -> dict[str, int]:
        """Lane → the calls that reading so many rows takes, at the pace measured the last time."""
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

    def plan_fields(self, mapping: Any, user: str, *, adopt: bool, assign: bool) -> FieldPlan:
        """What the fields of a mapping need in the CRM so that a user can write them.

        `adopt` takes over fields that somebody else made; `assign` gives the user the permissions.
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
