"""Pull: what is new in the CRM and the sources goes into the lake, then the watermark moves.

The order makes a crash harmless: records are in the lake before the watermark says so, and what
is pulled twice is the same record.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from ..errors import Malformed, UnsafePlan
from ..mapping import pulls, wanted
from ..mapping.objects import Pull
from ..protocols import Read
from ..records import MOMENT, STREAMS, TEXT, Response
from ..secrets import Secret
from ..store.state import Watermark
from . import file_rows
from .app import App
from .run import Run, writing


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one pull brought: records sent to us, and how many of them said something new."""

    stream: str
    origin: str
    pulled: int
    new: int
    calls: int


def columns_of(app: App, stream: str) -> dict[str, str]:
    """The columns of a stream's table. Accounts also carry what the CRM holds in our fields."""
    columns = STREAMS[stream].all_columns
    if stream == "accounts":
        columns |= {field.target: wanted.sql_type(field) for field in app.mapping.fields}
    return columns


def pull(app: App, run: Run, types: Sequence[Mapping[str, str] | None]) -> list[Pulled]:
    """Bring every stream up to date; `types` are those of the preflight, pull by pull."""
    _forget_what_is_lost(app)
    done = [
        _pull_object(app, run, each, known)
        for each, known in zip(app.mapping.pull, types, strict=True)
        if known is not None
    ]
    for name, source in app.sources.items():
        take = _pull_file if hasattr(source, "relation") else _pull_responses
        done.append(take(app, run, name, source))
    for stream in sorted({each.stream for each in done}):
        app.lake.fold(stream, run.engine, columns_of(app, stream), key=("source", "id"))
    return done


def _forget_what_is_lost(app: App) -> None:
    """A stream whose table is gone from the lake is pulled from the beginning."""
    for spec in app.mapping.pull:
        if not app.lake.layers(spec.stream).files:
            app.state.forget(f"{spec.stream}:{spec.object}")
    for name, source in app.sources.items():
        is_file = hasattr(source, "relation")
        if not app.lake.layers(source.stream if is_file else "responses").files:
            app.state.forget(f"file:{name}" if is_file else f"responses:{name}")


# ── the CRM ───────────────────────────────────────────────────────────────────────────────────


def _pull_object(app: App, run: Run, spec: Pull, types: Mapping[str, str]) -> Pulled:
    """Bring one object up to date.

    A pull from the beginning of a stream that nothing else of the CRM feeds also tells what has
    gone: records that did not come back (deleted for good, or outside a narrower `where`) are
    marked as deleted. An incremental pull hears nothing of a record that has left the filter; it
    stays as it was until the next full pull.
    """
    key = f"{spec.stream}:{spec.object}"
    keep = _kept(app, spec)
    types = {**types, **app.crm.path_types(spec.object, keep)}
    shape = _shape(sorted(types.items()), spec)
    since = _since(app, key, shape, app.pulling.overlap_span)
    before = _calls(app.crm)
    run.notify("pull", key, 0, None)
    with _scratch(app, key) as folder:
        spool = app.crm.read(
            Read(spec.object, tuple(types), since, spec.modified, spec.where),
            types,
            folder,
        )
        if since is None:
            _guard_vanished(app, run, spec, spool.rows)
        sql = pulls.sql(spec, spool.relation, keep=keep)
        known = bool(app.lake.layers(spec.stream).files)
        new = _store(app, run, spec.stream, app.crm.name, sql, spool.rows, full=since is None)
        if since is None and known and _is_alone(app, spec):
            new += _bury(app, run, spec.stream)
    app.state.advance(key, Watermark(run.as_of, shape))
    run.notify("pull", key, spool.rows, spool.rows)
    return Pulled(spec.stream, spec.object, spool.rows, new, _calls(app.crm) - before)


def _is_alone(app: App, spec: Pull) -> bool:
    return [each.stream for each in app.mapping.pull].count(spec.stream) == 1


def _bury(app: App, run: Run, stream: str) -> int:
    """Mark as deleted what the CRM told us once and what is not among `incoming`.

    `modified_at` stays: a record that comes back unchanged must win over its own tombstone.
    """
    columns = columns_of(app, stream)
    newest = app.lake.newest(stream, run.engine, columns, key=("source", "id"))
    run.engine.stage(
        "gone",
        f"SELECT * REPLACE (true AS deleted, {_moment(run.as_of)} AS pulled_at) FROM ({newest}) "
        f"WHERE source = {_text(app.crm.name)} AND NOT coalesce(deleted, false) "
        "AND id NOT IN (SELECT id FROM incoming)",
        "table",
    )
    if not run.engine.one("SELECT count(*) FROM gone"):
        return 0
    return app.lake.append(stream, run.engine, _shaped("SELECT * FROM gone", columns))


def _kept(app: App, spec: Pull) -> tuple[str, ...]:
    """Our own fields are read along with the accounts: they are what the plan compares with."""
    if (spec.stream, spec.object) != ("accounts", app.mapping.object):
        return ()
    return tuple(field.target for field in app.mapping.fields)


def _guard_vanished(app: App, run: Run, spec: Pull, rows: int) -> None:
    """A full pull that brings nothing, or far less than is known, is a fault and not news."""
    if spec.stream != "accounts" and not _is_alone(app, spec):
        return
    known = _known(app, run, spec.stream, app.crm.name)
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


def _known(app: App, run: Run, stream: str, source: str) -> int:
    newest = app.lake.newest(stream, run.engine, columns_of(app, stream), key=("source", "id"))
    where = f"WHERE source = {_text(source)} AND NOT coalesce(deleted, false)"
    return int(run.engine.one(f"SELECT count(*) FROM ({newest}) {where}"))


# ── survey platforms ──────────────────────────────────────────────────────────────────────────

_RESPONSE: Mapping[str, str] = {
    **STREAMS["responses"].columns,
    "updated_at": MOMENT,
    "deleted": "BOOLEAN",
}


def _pull_responses(app: App, run: Run, name: str, source: Any) -> Pulled:
    key = f"responses:{name}"
    shape = _shape(type(source).__module__, sorted(_RESPONSE), _settings(source))
    since = _since(app, key, shape, source.overlap)
    before = _calls(source)
    with _scratch(app, key) as folder:
        path = folder / "responses.ndjson"
        lost: dict[str, list[str]] = {"id": [], "submitted_at": []}
        rows = _spool(path, _counted(run, key, source.responses(since)), lost)
        sql = _responses_sql(path) if rows else ""
        full = since is None
        new = _store(app, run, "responses", name, sql, rows, full=full) if rows else 0
    for column, ids in lost.items():
        run.odd("responses", f"{name}_without_{column}", len(ids), ids)
    app.state.advance(key, Watermark(run.as_of, shape))
    run.notify("pull", key, rows, rows)
    return Pulled("responses", name, rows, new, _calls(source) - before)


def _settings(source: Any) -> list[tuple[str, str]]:
    """What decides how a source's records are read: not where they lie, nor who may read them."""
    named = [(each.name, getattr(source, each.name)) for each in fields(source) if each.init]
    return [
        (name, repr(sorted(value.items()) if isinstance(value, Mapping) else value))
        for name, value in named
        if name != "url" and not isinstance(value, Secret | Path)
    ]


def _spool(path: Path, responses: Iterator[Response], lost: Mapping[str, list[str]]) -> int:
    """Write answers down; those without an id or a moment are listed in `lost` instead."""
    rows = 0
    with path.open("wb") as file:
        for response in responses:
            lacking = next((column for column in lost if not getattr(response, column)), None)
            if lacking:
                lost[lacking].append(response.id)
                continue
            file.write(orjson.dumps(response, option=orjson.OPT_APPEND_NEWLINE))
            rows += 1
    return rows


def _counted(run: Run, key: str, responses: Iterator[Response]) -> Iterator[Response]:
    for number, response in enumerate(responses, 1):
        if number % 100 == 0:
            run.notify("pull", key, number, None)
        yield response


def _responses_sql(path: Path) -> str:
    raw = {name: kind if kind.endswith("[]") else TEXT for name, kind in _RESPONSE.items()}
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in raw.items())
    picked = ", ".join(
        f"TRY_CAST({name} AS {kind}) AS {'modified_at' if name == 'updated_at' else name}"
        for name, kind in _RESPONSE.items()
    )
    return (
        f"SELECT {picked} FROM read_json({_text(str(path))}, format = 'newline_delimited', "
        f"columns = {{{columns}}})"
    )


# ── files ─────────────────────────────────────────────────────────────────────────────────────


def _pull_file(app: App, run: Run, name: str, source: Any) -> Pulled:
    source.check()
    mark = source.fingerprint()
    if app.state.setting(f"file:{name}") == mark:
        return Pulled(source.stream, name, 0, 0, 0)
    rows = file_rows.stage(run, name, source)
    sql = f"SELECT *, {_moment(run.as_of)} AS modified_at, false AS deleted FROM ({rows.good})"
    new = _store(app, run, source.stream, name, sql, 0, full=False, ignoring={"modified_at"})
    app.state.remember(f"file:{name}", mark)
    return Pulled(source.stream, name, rows.count, new, 0)


# ── into the lake ─────────────────────────────────────────────────────────────────────────────


def _store(
    app: App,
    run: Run,
    stream: str,
    source: str,
    sql: str,
    promised: int,
    *,
    full: bool,
    ignoring: Sequence[str] | set[str] = (),
) -> int:
    """Append rows that are not known word for word; how many say more than our own echo."""
    engine, columns = run.engine, columns_of(app, stream)
    told = (
        f"SELECT *, {_text(source)} AS source, {_moment(run.as_of)} AS pulled_at "
        f"FROM ({sql}) WHERE id IS NOT NULL"
    )
    layers = app.lake.layers(stream)
    if full and not layers.files:
        new = app.lake.append(stream, engine, _shaped(told, columns))
        _reconcile(run, stream, new, promised)
        return new
    engine.stage("incoming", _shaped(told, columns), "table")
    _reconcile(run, stream, int(engine.one("SELECT count(*) FROM incoming")), promised)
    compared = [c for c in columns if c != "pulled_at" and c not in ignoring]
    listed = ", ".join(f'"{c}"' for c in compared)
    newest = app.lake.newest(stream, engine, columns, key=("source", "id"))
    engine.stage(
        "news",
        f"SELECT {listed} FROM incoming EXCEPT SELECT {listed} FROM ({newest}) "
        "WHERE (source, id) IN (SELECT (source, id) FROM incoming)",
        "table",
    )
    rest = "".join(f", {_moment(run.as_of)} AS {c}" for c in ("pulled_at", *ignoring))
    if not engine.one("SELECT count(*) FROM news"):
        return 0
    heard = _told_by_others(app, run, stream, newest)
    app.lake.append(stream, engine, _shaped(f"SELECT *{rest} FROM news", columns))
    return heard


def _told_by_others(app: App, run: Run, stream: str, newest: str) -> int:
    """How much of the news is more than the echo of our own writes."""
    own = {"modified_at", *app.mapping.targets}
    listed = ", ".join(f'"{c}"' for c in columns_of(app, stream) if c not in own | {"pulled_at"})
    return int(
        run.engine.one(
            f"SELECT count(*) FROM (SELECT {listed} FROM news EXCEPT SELECT {listed} FROM "
            f"({newest}) WHERE (source, id) IN (SELECT (source, id) FROM news))"
        )
    )


def _shaped(sql: str, columns: Mapping[str, str]) -> str:
    """The query with exactly the table's columns and types, in order."""
    listed = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in columns.items())
    return f"SELECT {listed} FROM ({sql})"


def _reconcile(run: Run, stream: str, got: int, promised: int) -> None:
    """Compare with the server's own total: fewer records than promised is a fault."""
    if got < promised:
        raise Malformed(
            f"{stream}: {promised} records were promised and {got} arrived.",
            hint="Run again; the watermark has not moved.",
        )
    run.odd(stream, "more_than_promised", (got - promised) if promised else 0, [])


def _since(app: App, key: str, shape: str, overlap: timedelta) -> datetime | None:
    """Where to begin: behind the watermark, or at the very start if we now ask for more fields."""
    mark = app.state.watermark(key)
    return mark.until - overlap if mark and mark.shape == shape else None


def _shape(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _calls(system: Any) -> int:
    return sum(system.calls().values())


@contextmanager
def _scratch(app: App, key: str) -> Iterator[Path]:
    """A folder for raw pages that is gone afterwards."""
    path = app.scratch / key.replace(":", "-")
    shutil.rmtree(path, ignore_errors=True)
    with writing(f"The raw records of {key}"):
        path.mkdir(parents=True)
        yield path
    shutil.rmtree(path, ignore_errors=True)


def _moment(at: datetime) -> str:
    return f"TIMESTAMPTZ '{at.isoformat()}'"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
