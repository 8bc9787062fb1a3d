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

from ..records import MOMENT, STREAMS, TEXT, Response
from ..secrets import Secret
from ..store.state import Watermark
from . import file_rows, into_lake, pull_sources
from .app import App
from .into_lake import Batch, columns_of, moment, text
from .pull_objects import PulledObject, pull_objects
from .reads import Wanted, expected_calls, wanted
from .run import Run, writing

__all__ = ["Pulled", "columns_of", "expected_calls", "forget_what_is_lost", "pull", "wanted"]


#: Columns in which a file may name records of the CRM.
CRM_IDS = frozenset({"account_id", "contact_id", "owner_id", "about_id", "parent_id", "master_id"})


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one pull brought: records sent to us, and how many of them said something new.

    Of a CRM object also how it was read: everything or changes, by which lane, and how many
    records had gone.
    """

    stream: str
    origin: str
    pulled: int
    new: int
    calls: int
    extent: str = ""
    lane: str = ""
    gone: int = 0


def pull(app: App, run: Run, wants: Sequence[Wanted]) -> list[Pulled]:
    """Bring every stream up to date."""
    done = [_of_object(each) for each in pull_objects(app, run, wants)]
    for name, source in app.sources.items():
        done += _of_source(app, run, name, source)
    for stream in sorted({each.stream for each in done}):
        app.lake.fold(stream, run.engine, columns_of(app, stream), key=into_lake.KEY)
    return done


def forget_what_is_lost(app: App) -> None:
    """A stream whose table is gone from the lake is pulled from the beginning."""
    for spec in app.mapping.pull:
        if not app.lake.layers(spec.stream).files:
            app.state.forget(f"{spec.stream}:{spec.object}")
    for name, source in app.sources.items():
        for stream in getattr(source, "streams", ()):
            if not app.lake.layers(stream).files:
                app.state.forget(f"{stream}:{name}")
        is_file = hasattr(source, "relation")
        if not app.lake.layers(source.stream if is_file else "responses").files:
            app.state.forget(f"file:{name}" if is_file else f"responses:{name}")


def _of_source(app: App, run: Run, name: str, source: Any) -> list[Pulled]:
    """Everything that one source brings."""
    if hasattr(source, "streams"):
        brought = pull_sources.pull_source(app, run, name, source)
        return [
            Pulled(each.stream, each.source, each.pulled, each.new, each.calls) for each in brought
        ]
    take = _pull_file if hasattr(source, "relation") else _pull_responses
    return [take(app, run, name, source)]


def _of_object(done: PulledObject) -> Pulled:
    return Pulled(
        done.stream,
        done.object,
        done.pulled,
        done.new + done.gone,
        done.calls,
        done.extent,
        done.lane,
        done.gone,
    )


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
        new = into_lake.store(app, run, Batch("responses", name, sql, rows)) if rows else 0
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
        f"SELECT {picked}, NULL AS unread FROM read_json({text(str(path))}, "
        f"format = 'newline_delimited', columns = {{{columns}}})"
    )


# ── files ─────────────────────────────────────────────────────────────────────────────────────


def _pull_file(app: App, run: Run, name: str, source: Any) -> Pulled:
    source.check()
    mark = source.fingerprint()
    if app.state.setting(f"file:{name}") == mark:
        return Pulled(source.stream, name, 0, 0, 0)
    rows = file_rows.stage(run, name, source)
    sql = f"SELECT {_told(app, source.stream)} FROM ({rows.good})"
    sql = f"SELECT *, {moment(run.as_of)} AS modified_at, false AS deleted FROM ({sql})"
    batch = Batch(source.stream, name, sql, ignoring=frozenset({"modified_at"}))
    new = into_lake.store(app, run, batch)
    app.state.remember(f"file:{name}", mark)
    return Pulled(source.stream, name, rows.count, new, 0)


def _told(app: App, stream: str) -> str:
    """The columns of a stream; ids of CRM records as people write them become those of the CRM."""
    columns = STREAMS[stream].columns
    ids = (f"{app.crm.id_sql(name)} AS {name}" if name in CRM_IDS else name for name in columns)
    return f"{', '.join(ids)}, NULL AS unread"


# ── underneath ────────────────────────────────────────────────────────────────────────────────


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
