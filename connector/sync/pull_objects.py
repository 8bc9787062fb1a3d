"""The CRM's objects: read side by side, and stored one after another."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Event

from ..errors import BudgetSpent
from ..mapping import pulls
from ..protocols import Read, Spool
from ..records import TEXT
from ..store.state import Watermark
from . import echo, into_lake, pace, vanished
from .app import App
from .bookmark import Bookmark
from .budget import stop_if_spent
from .into_lake import Batch
from .reads import Extent, Wanted, asked, ids_read
from .run import Run, writing


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
    """What the pull of one object brought; `gone` were marked as deleted.

    It was asked for what changed `since` a moment (None: for everything), and it is known `until`
    one.
    """

    stream: str
    object: str
    pulled: int
    new: int
    calls: int
    extent: Extent
    lane: str
    gone: int
    since: datetime | None
    until: datetime


def pull_objects(app: App, run: Run, wants: Sequence[Wanted]) -> list[PulledObject]:
    """Read every object and store it. A watermark moves when its records are in the lake."""
    done: dict[str, PulledObject] = {}
    # First what no run has come to the end of: with few calls a run, it would never be its turn.
    # Of those the largest: pages of one object come one after another, and would be left alone.
    order = sorted(wants, key=lambda each: (each.since is not None, -(each.rows or 0)))
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
    return Fetched(each, _spooled(app, each, each.key, asked(app, each), each.types, stop), ids)


def _ids(app: App, each: Wanted, stop: Event) -> Spool:
    """The ids of all records of an object, deleted ones that can still be seen included."""
    read = ids_read(each)
    return _spooled(app, each, f"{each.key}:ids", read, dict.fromkeys(read.fields, TEXT), stop)


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
    each, spool = fetched.wanted, _counted(run, fetched.wanted, fetched.spool)
    new = gone = 0
    if each.extent != "nothing":
        new, gone = _store(app, run, each, spool)
    more, calls = _store_echo(app, run, each, spool)
    if fetched.ids:
        gone += _sift(app, run, each, fetched.ids)
    elif each.since and each.total is not None and app.crm.hides_deleted:
        lost, asked = vanished.found(app, run, each.spec, each.total, _fetcher(app, each))
        gone, calls = gone + lost, calls + asked
    until = min(run.as_of, spool.until) if spool.until else run.as_of
    app.state.advance(each.key, Watermark(until, each.shape))
    _remember(app, run, each, spool)
    for key in (each.key, f"{each.key}:ids", f"{each.key}:more"):
        if _room(app, key).exists():
            app.state.forget(f"reading:{key}")
            _clear(app, key)
    return PulledObject(
        each.spec.stream,
        each.spec.object,
        spool.rows,
        new + more,
        fetched.calls + calls,
        each.extent,
        spool.lane,
        gone,
        each.since,
        until,
    )


def _counted(run: Run, each: Wanted, spool: Spool) -> Spool:
    """Where the CRM knows no filter, nobody has said how many records come through it."""
    if not each.spec.where or spool.rows or not spool.relation:
        return spool
    return replace(spool, rows=int(run.engine.one(f"SELECT count(*) FROM {spool.relation}")))


def _store_echo(app: App, run: Run, each: Wanted, spool: Spool) -> tuple[int, int]:
    """If more changed by the end of our echo than we know of now, everything is read. How many
    records are news, and the calls.

    Where the CRM says who changed a record, all that others changed has just been read, and what
    else the lake knows of that time is ours.
    """
    if each.echo is None or each.echoed is None or each.since is None:
        return 0, 0
    spec, until = each.spec, each.echo.until
    if app.crm.names_author:
        others = pulls.ids(spec, spool.relation) if spool.relation else ""
        among = (spec.stream, spec.object, each.since, until, others)
        ours = echo.known(app, run, *among)
    else:
        ours = echo.ours(app, run, spec, each.since, until)
    if each.echoed <= ours:
        echo.confirm(app, run, each.key, each.echo)
        return 0, 0
    app.state.forget(f"echo:{each.key}")
    whole = replace(each, echo=None, rows=None)
    spool = _fetcher(app, whole)(whole.read(), whole.types)
    return _store(app, run, whole, spool)[0], spool.calls


def _fetcher(app: App, each: Wanted) -> Callable[..., Spool]:
    """A way to ask for something more of an object while it is stored."""

    def fetch(read: Read, types: Mapping[str, str] | None = None) -> Spool:
        types = dict.fromkeys(read.fields, TEXT) if types is None else types
        return _spooled(app, each, f"{each.key}:more", read, types, Event())

    return fetch


def _store(app: App, run: Run, each: Wanted, spool: Spool) -> tuple[int, int]:
    """How many records are news, and how many did not come back.

    A pull of everything also tells what has gone: deleted for good, or outside a narrower `where`.
    An incremental pull hears nothing of a record that has left the filter; it stays as it was
    until all is read again.
    """
    spec = each.spec
    known = vanished.guard(app, run, spec, spool.rows) if each.since is None else 0
    sql = pulls.sql(spec, spool.relation, keep=each.keep, types=each.types)
    new = into_lake.store(app, run, Batch(spec.stream, app.crm.name, sql, spool.rows, spec.object))
    if spool.earlier and each.since is None:
        sql = pulls.sql(spec, spool.earlier, keep=each.keep, types=each.types)
        into_lake.keep_earlier(app, run, Batch(spec.stream, app.crm.name, sql, object=spec.object))
    if not known:
        return new, 0
    return new, into_lake.bury(app, run, spec.stream, spec.object, "SELECT id FROM incoming")


def _sift(app: App, run: Run, each: Wanted, ids: Spool) -> int:
    """Mark as deleted what is not among all ids: a hard delete leaves no other trace."""
    ids = _counted(run, each, ids)
    vanished.guard(app, run, each.spec, ids.rows)
    present = pulls.ids(each.spec, ids.relation)
    return into_lake.bury(app, run, each.spec.stream, each.spec.object, present)


def _remember(app: App, run: Run, each: Wanted, spool: Spool) -> None:
    """When all of an object was last looked at, how many records that were if the CRM counts
    none, and how fast the server makes it ready.
    """
    if each.since is None and each.rows is None:
        app.state.remember(f"came:{each.key}", str(spool.rows))
    if each.since is None or each.sift:
        app.state.remember(f"whole:{each.key}", run.as_of.isoformat())
    pace.keep_speed(app, "read", each.spec.object, spool.rows, spool.pace)
    pace.keep_stride(app, "page", each.spec.object, spool.page_pace)
