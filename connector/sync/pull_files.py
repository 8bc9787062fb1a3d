"""Files: what is new in them goes into the lake, and each is taken once.

A file is known by its content: one that is unchanged, or lies there again under another name, is
not read again. Where the files are the whole truth, what is in none of them any more is gone; then
a change in one makes all be read, for a row may have moved to another.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import orjson

from ..errors import ConnectorError
from ..records import STREAMS
from ..tables import FileSource
from . import file_rows, into_lake
from .app import App
from .file_faults import NAMELESS, READ
from .into_lake import Batch, moment, text
from .pull_sources import CRM_IDS, PulledStream, scratch, settings, shape_of
from .run import Run


def pull_files(app: App, run: Run, name: str, source: FileSource) -> PulledStream:
    """Bring a stream up to date with the files of a source."""
    key, mark = f"file:{name}", _mark(app, source)
    files = source.files()
    if not files:
        run.odd(source.stream, f"{name}_no_file", 1, [])
    prints = {file: source.fingerprint(file) for file in files}
    known = _taken(app, key, mark)
    fresh = [file for file in files if prints[file] not in known]
    if not fresh and not (source.whole and set(prints.values()) != known):
        return PulledStream(source.stream, name, 0, 0, 0)
    read = _once(files if source.whole else fresh, prints)
    pulled, new, gone = _take(app, run, name, source, read) if read else (0, 0, 0)
    taken = sorted(set(prints.values()))
    app.state.remember(key, orjson.dumps({"mark": mark, "taken": taken}).decode())
    return PulledStream(source.stream, name, pulled, new + gone, 0, gone)


def _mark(app: App, source: FileSource) -> str:
    """Settings that decide what becomes of a file: when they change it is taken again."""
    columns = sorted(STREAMS[source.stream].columns)
    return shape_of(columns, settings(source), app.guards.max_vanish)


def _taken(app: App, key: str, mark: str) -> set[str]:
    said = app.state.setting(key)
    kept = orjson.loads(said) if said and said.startswith("{") else {}
    return set(kept["taken"]) if kept.get("mark") == mark else set()


def _once(files: Sequence[Path], prints: dict[Path, str]) -> list[Path]:
    """Files without the copies among them."""
    return list({prints[file]: file for file in reversed(files)}.values())[::-1]


def _take(
    app: App, run: Run, name: str, source: FileSource, files: Sequence[Path]
) -> tuple[int, int, int]:
    """Read files and store what they say: rows, how many of them are new, how many have gone."""
    before = [_stamp(file) for file in files]
    with scratch(app, f"file:{name}") as folder:
        rows = file_rows.stage(run, name, source, files, folder)
        for file, stamp in zip(files, before, strict=True):
            if _stamp(file) != stamp:
                raise ConnectorError(
                    f"{file.name} changed while it was read.", hint="Run again when it is finished."
                )
        batch = _batch(app, name, run, source)
        known = source.whole and into_lake.knows(app, run, batch)
        new = into_lake.store(app, run, batch)
        gone = _bury(app, run, name, source) if known else 0
    return rows, new, gone


def _stamp(file: Path) -> tuple[int, int]:
    try:
        found = os.stat(file)
    except OSError as error:
        raise ConnectorError(
            f"{file.name} was taken away while it was read.", hint="Run again."
        ) from error
    return found.st_size, found.st_mtime_ns


def _batch(app: App, name: str, run: Run, source: FileSource) -> Batch:
    """Ids of CRM records as people write them become those of the CRM."""
    columns = STREAMS[source.stream].columns
    ids = (f"{app.crm.id_sql(c)} AS {c}" if c in CRM_IDS else f'"{c}"' for c in columns)
    # What the CRM holds in our fields no file says; accounts have a column for each all the same.
    rest = {**into_lake.columns_of(app, source.stream)}
    for told in STREAMS[source.stream].all_columns:
        del rest[told]
    ours = "".join(f', CAST(NULL AS {kind}) AS "{field}"' for field, kind in rest.items())
    sql = (
        f"SELECT {', '.join(ids)}{ours}, NULL AS unread, {moment(run.as_of)} AS modified_at, "
        f"false AS deleted FROM ({file_rows.good(source)})"
    )
    return Batch(source.stream, name, sql, ignoring=frozenset({"modified_at"}), once=True)


def _bury(app: App, run: Run, name: str, source: FileSource) -> int:
    """Mark as deleted what is in no file any more; not if that is too much to believe.

    A row that was left out is not gone as long as its id can be read; if one is there whose id
    cannot, nobody knows which it is, and nothing is gone.
    """
    stream = source.stream
    columns = into_lake.columns_of(app, stream)
    newest = app.lake.newest(stream, run.engine, columns, key=into_lake.KEY)
    known = f"SELECT * FROM ({newest}) WHERE source = {text(name)} AND NOT coalesce(deleted, false)"
    there = f"SELECT id FROM {READ} WHERE id NOTNULL"
    run.engine.stage("gone", f"SELECT * FROM ({known}) WHERE id NOT IN ({there})", "table")
    many = int(run.engine.one("SELECT count(*) FROM gone"))
    if not many:
        return 0
    nameless = run.engine.one(f"SELECT count(*) FROM {READ} WHERE {NAMELESS}")
    most = app.guards.max_vanish * int(run.engine.one(f"SELECT count(*) FROM ({known})"))
    if nameless or many > most:
        run.odd(stream, f"{name}_vanished_and_kept", many, [])
        return 0
    buried = f"SELECT * REPLACE (true AS deleted, {moment(run.as_of)} AS pulled_at) FROM gone"
    return app.lake.append(stream, run.engine, into_lake.shaped(buried, columns))
