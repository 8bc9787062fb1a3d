"""What is read of each of the CRM's objects this time: everything, what has changed, or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Literal

from ..mapping import pulls
from ..mapping.objects import Pull
from ..protocols import Echo, Read
from ..store.state import Watermark
from . import echo, pace, vanished
from .app import App
from .budget import Budgeted
from .run import Run

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
    to find those that were deleted without a trace. An `echo` is left out; it has `echoed` records.
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
    echoed: int | None = None

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


def wanted(app: App, run: Run, types: Sequence[Mapping[str, str] | None]) -> tuple[Wanted, ...]:
    """What is read of each object; `types` are those of the preflight, pull by pull.

    How many records that will be is asked beforehand, in a few calls for all objects together.
    """
    found = [
        wanted_of(app, run, spec, each)
        for spec, each in zip(app.mapping.pull, types, strict=True)
        if each is not None
    ]
    everything = {
        each.spec.object
        for each in found
        if each.since is None or each.sift or vanished.is_due(app, run, each.spec)
    }
    totals = app.crm.counts(sorted(everything)) if everything else {}
    rough = tuple(replace(each, rows=totals.get(each.spec.object)) for each in found)
    exact = [each for each in rough if each.since or _is_worth_counting(each)]
    echoes = [each for each in exact if each.echo]
    parts = [part for each in echoes for part in _parts(each)]
    reads = [*(each.read() for each in exact), *parts]
    counted = app.crm.changed(reads) if reads else []
    rows = {each.key: count for each, count in zip(exact, counted, strict=False)}
    told = iter(counted[len(exact) :])
    ours = {each.key: tuple(islice(told, len(_parts(each)))) for each in echoes}
    found = [replace(each, rows=rows.get(each.key, each.rows), total=each.rows) for each in rough]
    return tuple(_without_echo(app, run, e, *ours[e.key]) if e.echo else e for e in found)


def _parts(each: Wanted) -> list[Read]:
    """What is counted of an echo: all of it, and each stretch if there are several."""
    if each.echo is None:
        return []
    whole = replace(each.read(), part="echo")
    stretches = each.echo.stretches if len(each.echo.stretches) > 1 else ()
    return [
        whole,
        *(replace(whole, since=at.begin, echo=Echo(each.echo.user, at.end)) for at in stretches),
    ]


def _without_echo(
    app: App, run: Run, each: Wanted, ours: int | None, *stretches: int | None
) -> Wanted:
    """Leave the echo out, unless there is more of it than we know; then everything is read."""
    if ours is None or each.rows is None or each.since is None or each.echo is None:
        return replace(each, rows=None, echo=None)
    if app.crm.names_author:  # looked at again when the others' changes are here
        among = (each.spec.stream, each.spec.object, each.since, each.echo.until)
        is_sure = ours <= echo.known(app, run, *among)
    else:  # what has been read by then decides
        is_sure = stretches in ((), tuple(at.records for at in each.echo.stretches))
    if is_sure:
        return replace(each, echoed=ours)
    return replace(each, rows=each.rows + ours, echo=None)


def _is_worth_counting(each: Wanted) -> bool:
    """A filter makes the server's rough count wrong; an exact one is slow for large objects."""
    return bool(each.spec.where) and (each.rows or 0) < COUNTED_BELOW


def expected_calls(app: App, wants: Sequence[Wanted]) -> Iterator[Mapping[str, int]]:
    """Lane → calls that reading will take, object by object."""
    for each in wants:
        of = each.spec.object
        if each.extent != "nothing":
            rows, read = _expected(app, each), asked(app, each)
            yield app.crm.read_calls(rows, read.pace, read)
        if each.sift:
            rows = each.total or 0
            yield app.crm.read_calls(rows, pace.speed(app, "read", of, rows), ids_read(each))


def _expected(app: App, each: Wanted) -> int:
    """How many records will come; of everything that nobody counts, as many as the last time."""
    if each.rows is None and each.since is None:
        return int(app.state.setting(f"came:{each.key}") or 0)
    return each.rows or 0


def asked(app: App, each: Wanted) -> Read:
    """What is asked of the CRM, with all that decides which way it comes."""
    of = each.spec.object
    return replace(
        each.read(),
        most_calls=Budgeted.of(app).left,
        pace=pace.speed(app, "read", of, each.rows or 0),
        page_pace=pace.stride(app, "page", of),
    )


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
    # What a search tells late or not at all nobody would ever miss.
    if is_due and (app.crm.tells_late or _has_calculated(app, spec, types)):
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


def ids_read(each: Wanted) -> Read:
    return Read(each.spec.object, pulls.id_fields(each.spec), None, "", each.spec.where)
