"""Survey platforms and other sources: what is new of each of their streams goes into the lake.

A source gives the raw records of a stream on disk and the SQL that reads them. What is strange is
listed by its rule and left out: records that the source itself calls odd, and those that lack what
their stream needs.

No platform tells what was deleted. So once in a while the ids of recent records are compared with
those that the lake knows, where a source can list them.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import orjson

from ..errors import Malformed, RemoteError
from ..protocols import Hint, Spool
from ..records import FLAG, MOMENT, STREAMS
from ..secrets import Secret
from ..store.state import Watermark
from . import hints, into_lake
from .app import App
from .into_lake import Batch, moment, text
from .run import Run, writing

#: How far back records are looked for that were deleted.
RECENT = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class PulledStream:
    """What one stream of one source brought."""

    stream: str
    source: str
    pulled: int
    new: int
    calls: int
    gone: int = 0


@dataclass(slots=True)
class Waiting:
    """The progress of a source's read: what it remembers counts once its records are stored."""

    known: Mapping[str, Any] = field(default_factory=dict)
    kept: Mapping[str, Any] | None = None
    stop: Event = field(default_factory=Event)

    def recall(self) -> dict[str, Any]:
        return dict(self.known)

    def remember(self, facts: Mapping[str, Any]) -> None:
        """Keep this for the next pull: a cursor, a token to go on with."""
        self.kept = dict(facts)

    def pause(self, seconds: float) -> None:
        self.stop.wait(seconds)


def pull_source(app: App, run: Run, name: str, source: Any) -> list[PulledStream]:
    """Bring every stream of a source up to date; watermarks move when records are stored."""
    return [_pulled(app, run, name, source, stream) for stream in source.streams]


def _pulled(app: App, run: Run, name: str, source: Any, stream: str) -> PulledStream:
    key = f"{stream}:{name}"
    shape = shape_of(type(source).__module__, sorted(STREAMS[stream].columns), settings(source))
    since, single = _since(app, name, stream, shape)
    run.notify("pull", key, 0, None)
    more = PulledStream(stream, name, 0, 0, 0)
    if since and single:
        try:
            more = _singles(app, run, name, source, stream, single)
        except RemoteError:  # asked in this way it refuses: then the longer way
            since = min(since, *(each.at for each in single))
    waiting = Waiting(_recalled(app, key, shape) if since else {})
    with scratch(app, key) as folder:
        spool = source.pull(stream, since, folder, waiting)
        new = _store(app, run, name, stream, spool) if spool.rows else 0
    # The watermark first: if this run ends between the two, what is old is read once more.
    app.state.advance(key, Watermark(run.as_of, shape))
    if waiting.kept is not None:
        kept = orjson.dumps({"shape": shape, "facts": waiting.kept}).decode()
        app.state.remember(f"going_on:{key}", kept)
    run.notify("pull", key, spool.rows, spool.rows)
    gone, calls = deletions(app, run, name, source, stream)
    return PulledStream(
        stream,
        name,
        spool.rows + more.pulled,
        new + more.new + gone,
        spool.calls + more.calls + calls,
        gone + more.gone,
    )


def _singles(
    app: App, run: Run, name: str, source: Any, stream: str, named: Sequence[Hint]
) -> PulledStream:
    """Ask for the records that hints name; one of which the platform says so is gone."""
    with scratch(app, f"singles:{stream}:{name}") as folder:
        found = source.singles(stream, named, folder, Waiting())
        new = _store(app, run, name, stream, found.spool) if found.spool.rows else 0
    gone = _buried(app, run, name, stream, found.gone) if found.gone else 0
    return PulledStream(stream, name, found.spool.rows, new + gone, found.spool.calls, gone)


def deletions(app: App, run: Run, name: str, source: Any, stream: str) -> tuple[int, int]:
    """How many records were found to have gone, and the calls that it took.

    They are looked for when a source has been read before and `pull.refresh` has passed since.
    """
    listing = getattr(source, "ids", None)
    if listing is None or not _is_due(app, run, f"listed:{stream}:{name}"):
        return 0, 0
    since = run.as_of - RECENT
    with scratch(app, f"ids:{stream}:{name}") as folder:
        spool = listing(stream, since, folder, Waiting())
        if spool is None:
            return 0, 0
        listed = f"SELECT id FROM {spool.relation}" if spool.rows else "SELECT NULL AS id"
        gone = _bury(app, run, name, stream, since, listed)
    app.state.remember(f"listed:{stream}:{name}", run.as_of.isoformat())
    return gone, spool.calls


def _is_due(app: App, run: Run, key: str) -> bool:
    last = app.state.setting(key)
    if last is None:  # the first pull has just read everything
        app.state.remember(key, run.as_of.isoformat())
    return last is not None and (
        run.as_of - datetime.fromisoformat(last) >= app.pulling.refresh_span
    )


def _bury(app: App, run: Run, name: str, stream: str, since: datetime, listed: str) -> int:
    """Mark as deleted what is known since a moment and not listed; not if that is too much."""
    columns, at = into_lake.columns_of(app, stream), STREAMS[stream].moment
    newest = app.lake.newest(stream, run.engine, columns, key=into_lake.KEY)
    known = (
        f"SELECT * FROM ({newest}) WHERE source = {text(name)} AND NOT coalesce(deleted, false)"
        f" AND {at} >= {moment(since)} AND {at} < {moment(run.as_of)}"
    )
    run.engine.stage("listed", listed, "table")
    gone = f"SELECT * FROM ({known}) WHERE id NOT IN (SELECT id FROM listed WHERE id NOTNULL)"
    run.engine.stage("gone", gone, "table")
    many, ids = run.engine.rows("SELECT count(*), list(id ORDER BY id)[1:20] FROM gone")[0]
    if not many:
        return 0
    if many > app.guards.max_vanish * int(run.engine.one(f"SELECT count(*) FROM ({known})")):
        run.odd(stream, f"{name}_vanished_and_kept", int(many), [str(each) for each in ids])
        return 0
    return _append_gone(app, run, stream)


def _buried(app: App, run: Run, name: str, stream: str, ids: Sequence[str]) -> int:
    """Mark as deleted what has these ids and is known."""
    newest = app.lake.newest(stream, run.engine, into_lake.columns_of(app, stream), into_lake.KEY)
    listed = ", ".join(map(text, ids))
    mine = f"source = {text(name)} AND NOT coalesce(deleted, false) AND id IN ({listed})"
    run.engine.stage("gone", f"SELECT * FROM ({newest}) WHERE {mine}", "table")
    return _append_gone(app, run, stream)


def _append_gone(app: App, run: Run, stream: str) -> int:
    """Put the table `gone` into the lake as deleted."""
    if not run.engine.one("SELECT count(*) FROM gone"):
        return 0
    buried = f"SELECT * REPLACE (true AS deleted, {moment(run.as_of)} AS pulled_at) FROM gone"
    columns = into_lake.columns_of(app, stream)
    return app.lake.append(stream, run.engine, into_lake.shaped(buried, columns))


def _recalled(app: App, key: str, shape: str) -> dict[str, Any]:
    """What the last pull with these settings remembered."""
    said = app.state.setting(f"going_on:{key}")
    kept = orjson.loads(said) if said else {}
    return dict(kept["facts"]) if kept.get("shape") == shape else {}


def _store(app: App, run: Run, name: str, stream: str, spool: Spool) -> int:
    """Put what is sound into the lake, and list the rest."""
    engine = run.engine
    engine.stage("incoming_source", f"SELECT * FROM {spool.relation}", "table")
    got = int(engine.one("SELECT count(*) FROM incoming_source"))
    if got < spool.rows:
        raise Malformed(
            f"{name}: {spool.rows} records of {stream} were read and {got} could be decoded.",
            hint="Run again; the watermark has not moved.",
        )
    has = engine.types("SELECT * FROM incoming_source")
    lacking = {column: _lacks(column, has) for column in STREAMS[stream].needed}
    _list(run, name, stream, has, lacking)
    sound = [f"NOT ({each})" for each in lacking.values()]
    sound += ["odd IS NULL"] if "odd" in has else []
    columns = ", ".join(_told(app, column, kind, has) for column, kind in _all(stream).items())
    sql = f"SELECT {columns} FROM incoming_source WHERE {' AND '.join(sound)}"
    return into_lake.store(app, run, Batch(stream, name, sql))


def _list(
    run: Run, name: str, stream: str, has: Mapping[str, str], lacking: Mapping[str, str]
) -> None:
    """Count what is left out, rule by rule, with some ids so that a person can look."""
    id = "coalesce(id, '')" if "id" in has else "''"
    for column, condition in lacking.items():
        _count(run, stream, f"{name}_without_{column}", id, condition)
    if "odd" in has:
        for (rule,) in run.engine.rows(
            "SELECT DISTINCT odd FROM incoming_source WHERE odd IS NOT NULL ORDER BY odd"
        ):
            _count(run, stream, f"{name}_{rule}", id, f"odd = {text(rule)}")


def _count(run: Run, stream: str, rule: str, id: str, condition: str) -> None:
    many, ids = run.engine.rows(
        f"SELECT count(*), list({id} ORDER BY {id})[1:20] FROM incoming_source WHERE {condition}"
    )[0]
    run.odd(stream, rule, int(many), [str(each) for each in ids or ()])


def _lacks(column: str, has: Mapping[str, str]) -> str:
    return f"{column} IS NULL" if column in has else "TRUE"


def _all(stream: str) -> dict[str, str]:
    return {**STREAMS[stream].columns, "modified_at": MOMENT, "deleted": FLAG, "unread": "VARCHAR"}


def _told(app: App, column: str, kind: str, has: Mapping[str, str]) -> str:
    """One column as the source tells it; ids of CRM records as the CRM writes them."""
    if column in NOT_SAID:
        said = f"CAST({column} AS {FLAG})" if column in has else "false"
        return f"coalesce({said}, false) AS {column}"
    if column not in has:
        return f"CAST(NULL AS {kind}) AS {column}"
    value = app.crm.id_sql(column) if column in CRM_IDS else column
    return f"CAST({value} AS {kind}) AS {column}"


#: What is not so unless a source says that it is.
NOT_SAID = frozenset({"deleted", "partial", "excluded"})
#: Columns in which a source may name records of the CRM.
CRM_IDS = frozenset({"account_id", "contact_id", "owner_id", "about_id", "parent_id", "master_id"})


def settings(source: Any) -> list[tuple[str, str]]:
    """What decides how a source's records are read: not where they lie, nor who may read them."""
    named = [(each.name, getattr(source, each.name)) for each in fields(source) if each.init]
    return [
        (name, repr(sorted(value.items()) if isinstance(value, Mapping) else value))
        for name, value in named
        if name != "url" and not isinstance(value, Secret | Path)
    ]


def _since(app: App, name: str, stream: str, shape: str) -> tuple[datetime | None, Sequence[Hint]]:
    """Where to begin: behind the watermark, or at the very start if other settings hold now; and
    the records besides that hints of webhooks name.
    """
    mark, source = app.state.watermark(f"{stream}:{name}"), app.sources[name]
    if mark is None or mark.shape != shape:
        return None, ()
    return hints.opened(source, stream, hints.hinted(app, name), mark.until - source.overlap)


def shape_of(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


@contextmanager
def scratch(app: App, key: str) -> Iterator[Path]:
    """A folder for raw records that is gone afterwards."""
    path = app.scratch / key.replace(":", "-")
    shutil.rmtree(path, ignore_errors=True)
    with writing(f"The raw records of {key}"):
        path.mkdir(parents=True)
        yield path
    shutil.rmtree(path, ignore_errors=True)
