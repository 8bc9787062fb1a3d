"""Which way records are read, how many calls that takes, and how a long read is taken up again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from ...errors import ConfigError, Malformed
from ...mapping import casts, expressions
from ...protocols import Progress, Read, Spool
from . import catalogue, exports, read, relation
from .catalogue import OWNERS, Parts, Properties, Stage
from .client import Client
from .pages import Page, Shelf, losers

LISTED, SEARCHED = "list", "search"


class Unattended:
    """The progress of a read that nobody stops and nothing is remembered of."""

    def recall(self) -> dict[str, Any]:
        return {}

    def remember(self, facts: Mapping[str, Any]) -> None:
        """Keep nothing."""

    def pause(self, seconds: float) -> None:
        sleep(seconds)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the kind that is read: its properties and the stages of its pipelines.

    From `export_from` records on a full read goes by export, 0 being never; `count` says how many
    there are.
    """

    properties: Properties
    stages: Callable[[], Sequence[Stage]]
    export_from: int = 0
    count: Callable[[], int] = int


@dataclass(frozen=True, slots=True)
class Done:
    """How far a read has come: what was asked, behind which record it is, and what is on disk."""

    asked: str
    begun: str
    after: str = ""
    rows: int = 0
    merged: bool = False
    files: int = 0
    whole: bool = False


@dataclass(slots=True)
class Tally:
    """The calls of one read, the rows it brings, and the ids whose lists were cut."""

    calls: int = 0
    rows: int = 0
    cut: list[str] = field(default_factory=list)

    def kept(self, page: Page) -> int:
        """Count a page that is kept; how many rows it makes."""
        if page.cut:
            self.cut += read.ids_of(page)
        self.rows += page.rows + page.merged
        return page.rows + page.merged


@dataclass(frozen=True, slots=True)
class Task:
    """One read: what is asked of which kind, the types of its columns, and where files go."""

    client: Client
    known: Known
    asked: Read
    types: Mapping[str, str]
    parts: Parts
    into: Path
    progress: Progress

    @property
    def kind(self) -> str:
        return self.asked.object

    @property
    def is_long(self) -> bool:
        """Whether there are more properties than an address can name."""
        return read.is_long(self.parts)


def take(
    client: Client,
    known: Known | None,
    asked: Read,
    types: Mapping[str, str],
    into: Path,
    progress: Progress | None,
) -> Spool:
    """Read everything, or what has changed, into files."""
    into.mkdir(parents=True, exist_ok=True)
    progress = progress or Unattended()
    if asked.object == OWNERS:
        return _owners(client, types, into)
    if known is None:
        raise ConfigError(
            f"HubSpot shows no {asked.object} to this token.",
            hint="Is the product licensed, and has the token its scope? `optional = true` in the "
            "mapping goes on without.",
        )
    types = {**_of_filter(asked, known.properties), **types}
    parts = catalogue.parts(types, known.properties)
    task = Task(client, known, asked, types, parts, into, progress)
    if asked.part == "gone":
        return _gone(task)
    return _everything(task) if asked.since is None else _changes(task)


def calls(
    asked: Read,
    rows: int,
    types: Mapping[str, str],
    known: Properties,
    export_from: int = 0,
    pace: float | None = None,
) -> dict[str, int]:
    """Lane → the calls that reading so many records takes."""
    if asked.object == OWNERS:
        return {"owners": max(1, ceil(rows / read.LIST)) + 1}  # and who has left
    parts = catalogue.parts(types, known)
    is_large = 0 < export_from <= rows
    if asked.since is None and is_large and exports.fits(asked.object, parts):
        return exports.calls(rows, pace)
    is_long = read.is_long(parts)
    told: dict[str, int] = {"pipelines": int(any(catalogue.stage_paths(types, asked.object)))}
    if asked.since is None:
        size = read.HISTORY if parts.dated and not is_long else read.LIST
        told[LISTED] = max(1, ceil(rows / size))
    else:
        told[SEARCHED] = max(1, ceil(rows / read.SEARCH))
        told[SEARCHED] += ceil(rows / read.WALL) if rows > read.SEARCH else 0
        is_long = read.is_too_long(parts)
    if rows and (is_long or (asked.since is not None and parts.dated)):
        told["batch_read"] = ceil(rows / (read.HISTORY if parts.dated else read.BATCH))
    if rows and (is_long or asked.since is not None):
        told["associations"] = len(parts.belongs) * ceil(rows / read.LINKS)
    return {lane: count for lane, count in told.items() if count}


def begins(asked: Read) -> datetime | None:
    """From when on changes are asked for: our own echo, which ends at a moment, is left out."""
    if asked.echo and asked.since and asked.part == "rest":
        return max(asked.since, asked.echo.until + timedelta(milliseconds=1))
    return asked.since


def _of_filter(asked: Read, known: Properties) -> dict[str, str]:
    """The types of what a filter of ours looks at, besides what is read."""
    named = expressions.paths(expressions.parse(asked.where)) if asked.where else ()
    types = {path: catalogue.path_type(path, asked.object, known) for path in named}
    return {path: kind for path, kind in types.items() if kind}


# ── everything ────────────────────────────────────────────────────────────────────────────────


def _everything(task: Task) -> Spool:
    """All records by list; a read that was interrupted goes on behind the last finished file."""
    if exported := _exported(task):
        return exported
    done, tally = _taken_up(task), Tally()
    if not done.whole:
        done = _listed(task, done, tally)
    unlinked = _ids_on_disk(task.into) if task.is_long else tally.cut
    linked = _links(task, unlinked, tally)
    found = relation.Raw(
        task.into, task.parts, linked, inline=not task.is_long, twice=False, merged=done.merged
    )
    return _spool(task, found, done.rows, LISTED, tally.calls, done.begun)


def _exported(task: Task) -> Spool | None:
    """All records by export, if there are so many; None when they are better listed.

    A list that was begun is gone on with, and so is an export.
    """
    known, facts = task.known, task.progress.recall()
    if not known.export_from or not exports.fits(task.kind, task.parts):
        return None
    if facts and not exports.is_begun(facts) and facts.get("asked") == _mark(task):
        return None
    count = known.count()
    if count < known.export_from:
        return None
    modified = task.asked.modified or catalogue.modified(task.kind)
    begun, tally = monotonic(), Tally()
    got = exports.fetched(
        task.client,
        task.kind,
        task.parts,
        known.properties,
        modified,
        count,
        task.into,
        task.progress,
    )
    if got is None:
        return None
    seconds = monotonic() - begun
    linked = _links(task, got.several, tally)
    found = relation.Raw(
        task.into,
        task.parts,
        linked,
        inline=True,
        twice=False,
        merged=got.merged > 0,
        table=got.table,
    )
    rows, calls = got.rows + got.merged, got.calls + tally.calls
    spool = _spool(task, found, rows, exports.LANE, calls, got.begun)
    return replace(spool, pace=got.rows / max(seconds, 0.1)) if got.rows else spool


def _listed(task: Task, done: Done, tally: Tally) -> Done:
    """Put every page behind the last one on disk, and remember each finished file."""
    shelf = Shelf(task.into, done.files)
    asked = Parts() if task.is_long else task.parts
    for page in read.listed(task.client, task.kind, asked, after=done.after):
        task.progress.pause(0)
        tally.calls += 1
        for each in _whole(task, page, tally) if task.is_long else (page,):
            rows = done.rows + tally.kept(each)
            done = replace(done, rows=rows, merged=done.merged or each.merged > 0)
            full = shelf.add(each)
        if full and page.next:
            done = replace(done, after=page.next, files=shelf.files)
            task.progress.remember(asdict(done))
    shelf.close()
    _refuse_if_short(task, done.rows)
    done = replace(done, files=shelf.files, whole=True)
    task.progress.remember(asdict(done))
    return done


def _refuse_if_short(task: Task, rows: int) -> None:
    """A list that lacks a page or more of what a search still counts has ended too early."""
    missing = task.asked.rows - rows
    if missing >= read.LIST and read.count(task.client, task.kind, "", None) - rows >= read.LIST:
        raise Malformed(
            f"HubSpot counts {task.asked.rows} {task.kind}, and its list ended after {rows}.",
            hint="Run again; the watermark has not moved. Something on the way may cut answers.",
        )


def _taken_up(task: Task) -> Done:
    """How far an earlier run has come with the same question; nowhere if it asked another."""
    mark, facts = _mark(task), task.progress.recall()
    if facts and facts.get("asked") == mark:
        return Done(**facts)
    return Done(mark, task.client.now.isoformat())


def _mark(task: Task) -> str:
    told = repr((task.client.paths.version, task.kind, sorted(task.types), task.asked.where))
    return sha256(told.encode()).hexdigest()[:16]


def _whole(task: Task, page: Page, tally: Tally) -> Iterator[Page]:
    """The records of a page once more, by id, with more properties than an address can name."""
    for each in read.by_id(task.client, task.kind, read.ids_of(page), task.parts):
        tally.calls += 1
        yield each


def _ids_on_disk(into: Path) -> list[str]:
    files = sorted(into.glob("*.json"))
    return [id for file in files for id in read.ids_in(file.read_bytes())]


def _gone(task: Task) -> Spool:
    """What lies in the bin: only a list of its own tells of it."""
    tally, shelf = Tally(), Shelf(task.into)
    asked = replace(task.parts, dated=())
    for page in read.listed(task.client, task.kind, asked, archived=True):
        tally.calls += 1
        tally.kept(page)
        shelf.add(page)
    shelf.close()
    found = relation.Raw(task.into, task.parts, {}, inline=True, twice=False)
    begun = task.client.now.isoformat()
    return _spool(task, found, tally.rows, LISTED, tally.calls, begun)


# ── changes ───────────────────────────────────────────────────────────────────────────────────


def _changes(task: Task) -> Spool:
    """What has changed, by search; what a search does not tell is looked up by id."""
    since, begun = begins(task.asked), task.client.now.isoformat()
    assert since is not None
    tally, shelf = Tally(), Shelf(task.into)
    ids, merged = dict[str, None](), dict[str, None]()
    by_id = read.is_too_long(task.parts) or bool(task.parts.dated)

    def keep(page: Page) -> None:
        merged.update(dict.fromkeys(losers(page.records)))
        shelf.add(page)

    for page in read.changed(task.client, task.kind, task.parts, task.asked.modified, since):
        task.progress.pause(0)
        tally.calls += 1
        ids |= dict.fromkeys(read.ids_of(page))
        if page.rows and not by_id:
            keep(page)
    there = 0
    if by_id:  # what is in the bin meanwhile does not come
        for page in read.by_id(task.client, task.kind, list(ids), task.parts):
            task.progress.pause(0)
            tally.calls += 1
            there += page.rows
            keep(page)
    shelf.close()
    found = relation.Raw(task.into, task.parts, _links(task, list(ids), tally), inline=False)
    rows = (there if by_id else len(ids)) + len(merged)
    return _spool(task, found, rows, SEARCHED, tally.calls, begun)


def _links(task: Task, ids: Sequence[str], tally: Tally) -> dict[str, str]:
    """For each kind that records may belong to: a query that tells what these belong to."""
    linked: dict[str, str] = {}
    for owner in task.parts.belongs if ids else ():
        arrays = list(read.links(task.client, task.kind, owner, ids))
        tally.calls += max(1, len(arrays))
        linked[owner] = relation.links(read.save(task.into, owner, iter(arrays)))
    return linked


def _owners(client: Client, types: Mapping[str, str], into: Path) -> Spool:
    """Everybody who may own a record. There are few, and nobody tells which of them changed."""
    tally, shelf = Tally(), Shelf(into)
    for page in read.owners(client):
        tally.calls += 1
        tally.kept(page)
        shelf.add(page)
    shelf.close()
    rows = relation.of_owners(into, types) if tally.rows else casts.empty(types)
    return Spool(rows, tally.rows, OWNERS, tally.calls)


def _spool(task: Task, found: relation.Raw, rows: int, lane: str, calls: int, begun: str) -> Spool:
    """What was read, as a table. With a filter of ours nobody has said how many come through it."""
    types, where = task.types, task.asked.where
    stages = task.known.stages() if any(catalogue.stage_paths(types, task.kind)) else ()
    table = relation.of_records(found, types, stages, where=where) if rows else casts.empty(types)
    modified = task.asked.modified or catalogue.modified(task.kind)
    before = relation.earlier(found, types, stages, modified, where=where) if rows else ""
    told, until = 0 if where else rows, datetime.fromisoformat(begun)
    return Spool(table, told, lane, calls, until, earlier=before)
