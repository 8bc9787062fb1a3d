"""The CRM's objects: what is read of each this time, side by side, and stored one after another."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Event
from typing import Literal

from ..errors import BudgetSpent, UnsafePlan
from ..mapping import pulls
from ..mapping.objects import Pull
from ..protocols import Echo, Read, Spool
from ..records import TEXT
from ..store.state import Watermark
from . import echo, into_lake, pace
from .app import App
from .bookmark import Bookmark
from .budget import Budgeted, stop_if_spent
from .into_lake import Batch
from .run import Run, writing

#: What is read: everything, what has changed, or nothing because nothing has.
Extent = Literal["all", "changes", "nothing"]
#: Raised by one to rename it: the next pull of everything then brings all columns again.
LAYOUT = 2
#: Objects with more records than this are not counted one by one before they are read.
COUNTED_BELOW = 250_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is read of one object this time.

    `rows` is how many records are expected. With `sift` the ids of all records are read as well,
    to find those that were deleted without a trace. An `echo` is left out.
    """

    spec: Pull
    types: Mapping[str, str]
    keep: tuple[str, ...]
    shape: str
    mark: Watermark | None
    since: datetime | None
    sift: bool = False
    rows: int | None = None
    total: int | None = None
    echo: Echo | None = None

    @property
    def key(self) -> str:
        return f"{self.spec.stream}:{self.spec.object}"

    @property
    def extent(self) -> Extent:
        if self.since is None:
            return "all"
        return "nothing" if self.rows == 0 else "changes"

    def read(self) -> Read:
        spec = self.spec
        return Read(
            spec.object,
            tuple(self.types),
            self.since,
            spec.modified,
            spec.where,
            rows=self.rows or 0,
            echo=self.echo,
        )


@dataclass(frozen=True, slots=True)
class Fetched:
    """The raw records of one object on disk, and the ids of all of them if they were asked for."""

    wanted: Wanted
    spool: Spool
    ids: Spool | None = None

    @property
    def calls(self) -> int:
        return self.spool.calls + (self.ids.calls if self.ids else 0)


@dataclass(frozen=True, slots=True)
class PulledObject:
    """What the pull of one object brought; `gone` were marked as deleted."""

    stream: str
    object: str
    pulled: int
    new: int
    calls: int
    extent: Extent
    lane: str
    gone: int = 0


def wanted(app: App, run: Run, types: Sequence[Mapping[str, str] | None]) -> tuple[Wanted, ...]:
    """What is read of each object; `types` are those of the preflight, pull by pull.

    How many records that will be is asked beforehand, in a few calls for all objects together.
    """
    found = [
        wanted_of(app, run, spec, each)
        for spec, each in zip(app.mapping.pull, types, strict=True)
        if each is not None
    ]
    everything = {each.spec.object for each in found if each.since is None or each.sift}
    totals = app.crm.counts(sorted(everything)) if everything else {}
    rough = tuple(replace(each, rows=totals.get(each.spec.object)) for each in found)
    exact = [each for each in rough if each.since or _is_worth_counting(each)]
    echoes = [each for each in exact if each.echo]
    reads = [each.read() for each in exact]
    reads += [replace(each.read(), part="echo") for each in echoes]
    counted = app.crm.changed(reads) if reads else []
    rows = {each.key: count for each, count in zip(exact, counted, strict=False)}
    ours = {each.key: count for each, count in zip(echoes, counted[len(exact) :], strict=True)}
    found = [replace(each, rows=rows.get(each.key, each.rows), total=each.rows) for each in rough]
    return tuple(_without_echo(app, run, e, ours[e.key]) if e.echo else e for e in found)


def _without_echo(app: App, run: Run, each: Wanted, ours: int | None) -> Wanted:
    """Leave the echo out, unless there is more of it than we know; then everything is read."""
    spec = each.spec
    if ours is not None and each.rows is not None and each.since and each.echo:
        until = each.echo.until
        if ours <= echo.known(app, run, spec.stream, spec.object, each.since, until):
            return each
        return replace(each, rows=each.rows + ours, echo=None)
    return replace(each, rows=None, echo=None)


def _is_worth_counting(each: Wanted) -> bool:
    """A filter makes the server's rough count wrong; an exact one is slow for large objects."""
    return bool(each.spec.where) and (each.rows or 0) < COUNTED_BELOW


def expected_calls(app: App, wants: Sequence[Wanted]) -> Iterator[Mapping[str, int]]:
    """Lane → calls that reading will take, object by object."""
    for each in wants:
        speed = pace.speed(app, "read", each.spec.object)
        if each.extent != "nothing":
            yield app.crm.read_calls(each.rows or 0, speed)
        if each.sift:
            yield app.crm.read_calls(each.total or 0, speed)


def pull_objects(app: App, run: Run, wants: Sequence[Wanted]) -> list[PulledObject]:
    """Read every object and store it. A watermark moves when its records are in the lake."""
    done: dict[str, PulledObject] = {}
    # First what no run has come to the end of: with few calls a run, it would never be its turn.
    order = sorted(wants, key=lambda each: each.since is not None)
    try:
        with closing(_arriving(app, order)) as arriving:
            for fetched in arriving:
                each = fetched.wanted
                run.notify("pull", each.key, 0, None)
                done[each.key] = _stored(app, run, fetched)
                run.notify("pull", each.key, fetched.spool.rows, fetched.spool.rows)
    finally:
        _sweep(app, wants)
    return [done[each.key] for each in wants]


# ── what is read ──────────────────────────────────────────────────────────────────────────────


def wanted_of(app: App, run: Run, spec: Pull, types: Mapping[str, str]) -> Wanted:
    """From the beginning if we now ask for more fields, or if it is time to read all again."""
    keep = _kept(app, spec)
    types = {**types, **app.crm.path_types(spec.object, keep)}
    shape = _shape(LAYOUT, sorted(types.items()), spec)
    key = f"{spec.stream}:{spec.object}"
    mark = app.state.watermark(key)
    made = Wanted(spec, types, keep, shape, mark, None)
    if mark is None or mark.shape != shape or not spec.modified:
        return made
    is_due, since = _is_due(app, run, key), mark.until - app.pulling.overlap_span
    if is_due and _has_calculated(app, spec, types):
        return made
    return replace(made, since=since, sift=is_due, echo=echo.recalled(app, key, since))


def _kept(app: App, spec: Pull) -> tuple[str, ...]:
    """Our own fields are read along with the accounts: they are what the plan compares with."""
    if (spec.stream, spec.object) != ("accounts", app.mapping.object):
        return ()
    return tuple(field.target for field in app.mapping.fields)


def _is_due(app: App, run: Run, key: str) -> bool:
    """Whether all of an object was last looked at too long ago."""
    last = app.state.setting(f"whole:{key}")
    return last is None or run.as_of - datetime.fromisoformat(last) >= app.pulling.refresh_span


def _has_calculated(app: App, spec: Pull, types: Mapping[str, str]) -> bool:
    """Whether a value may change while its record does not: formulas, roll-ups, other records'."""
    fields = app.crm.fields(spec.object) or {}
    return any("." in path or (path in fields and fields[path].calculated) for path in types)


def _shape(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


# ── fetching ──────────────────────────────────────────────────────────────────────────────────


def _arriving(app: App, wants: Sequence[Wanted]) -> Generator[Fetched]:
    """Raw records, object by object as they come; when one fails the others end, too.

    When the budget is spent, those that have all their records are still given.
    """
    stop, spent = Event(), None
    if app.pulling.parallel == 1:
        yield from (_fetched(app, each, stop) for each in wants)
        return
    with ThreadPoolExecutor(app.pulling.parallel) as pool:
        coming = [pool.submit(_fetched, app, each, stop) for each in wants]
        try:
            for each in as_completed(coming):
                try:
                    fetched = each.result()
                except BudgetSpent as error:
                    spent = error
                    continue
                yield fetched
            if spent:
                raise spent
        finally:
            stop.set()
            for each in coming:
                each.cancel()


def _fetched(app: App, each: Wanted, stop: Event) -> Fetched:
    ids = _ids(app, each, stop) if each.sift else None
    if each.extent == "nothing":
        return Fetched(each, Spool("", 0), ids)
    speed = pace.speed(app, "read", each.spec.object)
    read = replace(each.read(), most_calls=Budgeted.of(app).left, pace=speed)
    return Fetched(each, _spooled(app, each, each.key, read, each.types, stop), ids)


def _ids(app: App, each: Wanted, stop: Event) -> Spool:
    """The ids of all records of an object, deleted ones that can still be seen included."""
    names = pulls.id_fields(each.spec)
    read = Read(each.spec.object, names, None, "", each.spec.where)
    return _spooled(app, each, f"{each.key}:ids", read, dict.fromkeys(names, TEXT), stop)


def _spooled(
    app: App, each: Wanted, key: str, read: Read, types: Mapping[str, str], stop: Event
) -> Spool:
    """Fetch into a folder that holds nothing but what an earlier run left to be taken up."""
    stop_if_spent(app)
    gate = partial(stop_if_spent, app)
    bookmark = Bookmark(app.state, f"reading:{key}", each.mark, stop, gate)
    if not bookmark.recall():
        _clear(app, key)
    with writing(f"The raw records of {key}"):
        into = _room(app, key)
        into.mkdir(parents=True, exist_ok=True)
        spool: Spool = app.crm.read(read, types, into, bookmark)
    return spool


def _room(app: App, key: str) -> Path:
    """The folder for the raw records of one object."""
    return app.scratch / key.replace(":", "-")


def _clear(app: App, key: str) -> None:
    shutil.rmtree(_room(app, key), ignore_errors=True)


def _sweep(app: App, wants: Sequence[Wanted]) -> None:
    """Leave no raw records behind but those that the next run takes up."""
    for each in wants:
        for key in (each.key, f"{each.key}:ids"):
            mark = Bookmark(app.state, f"reading:{key}", each.mark)
            if _room(app, key).exists() and not mark.recall():
                _clear(app, key)


# ── storing ───────────────────────────────────────────────────────────────────────────────────


def _stored(app: App, run: Run, fetched: Fetched) -> PulledObject:
    """Put what was fetched into the lake, then move the watermark, then clear up."""
    each, spool = fetched.wanted, fetched.spool
    new = gone = 0
    if each.extent != "nothing":
        new, gone = _store(app, run, each, spool)
    if fetched.ids:
        gone += _sift(app, run, each, fetched.ids)
    until = min(run.as_of, spool.until) if spool.until else run.as_of
    app.state.advance(each.key, Watermark(until, each.shape))
    _remember(app, run, each, spool)
    for key in (each.key, f"{each.key}:ids"):
        if _room(app, key).exists():
            app.state.forget(f"reading:{key}")
            _clear(app, key)
    return PulledObject(
        each.spec.stream,
        each.spec.object,
        spool.rows,
        new,
        fetched.calls,
        each.extent,
        spool.lane,
        gone,
    )


def _store(app: App, run: Run, each: Wanted, spool: Spool) -> tuple[int, int]:
    """How many records are news, and how many did not come back.

    A pull of everything also tells what has gone: deleted for good, or outside a narrower `where`.
    An incremental pull hears nothing of a record that has left the filter; it stays as it was
    until all is read again.
    """
    spec = each.spec
    known = _guard_vanished(app, run, spec, spool.rows) if each.since is None else 0
    sql = pulls.sql(spec, spool.relation, keep=each.keep, types=each.types)
    new = into_lake.store(app, run, Batch(spec.stream, app.crm.name, sql, spool.rows, spec.object))
    if not known:
        return new, 0
    return new, into_lake.bury(app, run, spec.stream, spec.object, "SELECT id FROM incoming")


def _sift(app: App, run: Run, each: Wanted, ids: Spool) -> int:
    """Mark as deleted what is not among all ids: a hard delete leaves no other trace."""
    _guard_vanished(app, run, each.spec, ids.rows)
    present = pulls.ids(each.spec, ids.relation)
    return into_lake.bury(app, run, each.spec.stream, each.spec.object, present)


def _guard_vanished(app: App, run: Run, spec: Pull, rows: int) -> int:
    """A pull of everything that brings nothing, or far less than is known, is a fault, not news.

    How many records are known.
    """
    known = into_lake.known(app, run, spec.stream, spec.object)
    if rows == 0 and spec.stream == "accounts":
        raise UnsafePlan(
            f"{spec.object}: not one record came back.",
            hint="Can the integration user see accounts (sharing, view all)? Is the filter right?",
        )
    if known and rows < known * (1 - app.guards.max_vanish):
        raise UnsafePlan(
            f"{spec.object}: {rows} records came back where {known} were known.",
            hint="Has the user lost access? If it is right, raise guards.max_vanish for one run.",
        )
    return known


def _remember(app: App, run: Run, each: Wanted, spool: Spool) -> None:
    """When all of an object was last looked at, and how fast the server makes it ready."""
    if each.since is None or each.sift:
        app.state.remember(f"whole:{each.key}", run.as_of.isoformat())
    pace.keep_speed(app, "read", each.spec.object, spool.pace)
