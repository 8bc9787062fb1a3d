"""Into the lake: records are appended when they say something new; what has gone is marked so.

Records of an object that the lake has never seen go straight into the base of their table. All
others are compared with what is known, word for word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ..errors import Malformed
from ..mapping import wanted
from ..records import STREAMS
from .app import App
from .run import Run

KEY = ("source", "id")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Batch:
    """Records to store: a query for a stream's columns, who told us, and how many were promised.

    `object` is the CRM object they came from, "" when it is no CRM's. Columns in `ignoring` are no
    news by themselves. `once`: no id stands in it twice.
    """

    stream: str
    source: str
    sql: str
    promised: int = 0
    object: str = ""
    ignoring: frozenset[str] = frozenset()
    once: bool = False


def columns_of(app: App, stream: str) -> dict[str, str]:
    """The columns of a stream's table. Accounts also carry what the CRM holds in our fields."""
    columns = STREAMS[stream].all_columns
    if stream == "accounts":
        columns |= {field.target: wanted.sql_type(field) for field in app.mapping.fields}
    return columns


def store(app: App, run: Run, batch: Batch) -> int:
    """Append records that are not known word for word; how many say more than our own echo."""
    columns = columns_of(app, batch.stream)
    told = (
        f"SELECT *, {text(batch.source)} AS source, {moment(run.as_of)} AS pulled_at, "
        f"nullif({text(batch.object)}, '') AS object FROM ({batch.sql}) WHERE id IS NOT NULL"
    )
    shaped_ = shaped(told, columns)
    if (batch.object or batch.once) and not knows(app, run, batch):
        return _store_first(app, run, batch, shaped_)
    run.engine.stage("incoming", shaped_, "table")
    _reconcile(run, batch, int(run.engine.one("SELECT count(*) FROM incoming")))
    _note_unread(run, batch, "SELECT * FROM incoming")
    return _store_news(app, run, batch)


def keep_earlier(app: App, run: Run, batch: Batch) -> int:
    """Append what records held before, as versions of them; how many were not known by then.

    Folds drop what is not the newest, so what they dropped is looked at as well.
    """
    columns = columns_of(app, batch.stream)
    told = (
        f"SELECT *, {text(batch.source)} AS source, {moment(run.as_of)} AS pulled_at, "
        f"{text(batch.object)} AS object FROM ({batch.sql}) "
        "WHERE id IS NOT NULL AND modified_at IS NOT NULL"
    )
    held = app.lake.versions(batch.stream, run.engine, columns, EPOCH, KEY)
    every = f"({held.single}) UNION ALL ({held.several})"
    run.engine.stage(
        "earlier",
        f"SELECT * FROM ({shaped(told, columns)}) AS e ANTI JOIN ({every}) AS k "
        "USING (source, id, modified_at)",
        "table",
    )
    if not run.engine.one("SELECT count(*) FROM earlier"):
        return 0
    return app.lake.append(batch.stream, run.engine, shaped("SELECT * FROM earlier", columns))


def bury(app: App, run: Run, stream: str, object: str, ids: str, *, among: bool = False) -> int:
    """Mark as deleted what came from an object once and is not among the ids of a query; or what is
    `among` them.

    `modified_at` stays: a record that comes back unchanged must win over its own tombstone.
    """
    columns = columns_of(app, stream)
    newest = app.lake.newest(stream, run.engine, columns, key=KEY)
    which = "IN" if among else "NOT IN"
    run.engine.stage(
        "gone",
        f"SELECT * REPLACE (true AS deleted, {moment(run.as_of)} AS pulled_at) FROM ({newest}) "
        f"WHERE {_alive(app, object)} AND id {which} (SELECT id FROM ({ids}) WHERE id NOTNULL)",
        "table",
    )
    if not run.engine.one("SELECT count(*) FROM gone"):
        return 0
    return app.lake.append(stream, run.engine, shaped("SELECT * FROM gone", columns))


def known(app: App, run: Run, stream: str, object: str) -> int:
    """How many records of an object are there, as far as the lake knows."""
    newest = app.lake.newest(stream, run.engine, columns_of(app, stream), key=KEY)
    where = _alive(app, object)
    return int(run.engine.one(f"SELECT count(*) FROM ({newest}) WHERE {where}"))


def shaped(sql: str, columns: Mapping[str, str]) -> str:
    """The query with exactly the table's columns and types, in order."""
    listed = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in columns.items())
    return f"SELECT {listed} FROM ({sql})"


def moment(at: datetime) -> str:
    """A moment as SQL."""
    return f"TIMESTAMPTZ '{at.isoformat()}'"


def text(value: str) -> str:
    """A text as SQL."""
    return "'" + value.replace("'", "''") + "'"


def _alive(app: App, object: str) -> str:
    told = f"source = {text(app.crm.name)} AND object = {text(object)}"
    return f"{told} AND NOT coalesce(deleted, false)"


def _of(batch: Batch) -> str:
    return f"source = {text(batch.source)} AND coalesce(object, '') = {text(batch.object)}"


def knows(app: App, run: Run, batch: Batch) -> bool:
    """Whether the lake holds anything of this object."""
    if not app.lake.layers(batch.stream).files:
        return False
    every = app.lake.every(batch.stream, run.engine, columns_of(app, batch.stream))
    return bool(run.engine.rows(f"SELECT 1 FROM ({every}) WHERE {_of(batch)} LIMIT 1"))


def _store_first(app: App, run: Run, batch: Batch, sql: str) -> int:
    """There is nothing to compare with; records that came twice are kept once."""
    new = app.lake.append(batch.stream, run.engine, sql, layer="base")
    columns = columns_of(app, batch.stream)
    every = app.lake.every(batch.stream, run.engine, columns)
    mine = f"SELECT * FROM ({every}) WHERE {_of(batch)}"
    if batch.once:
        return new
    twice = run.engine.one(f"SELECT count(*) - count(DISTINCT id) FROM ({mine})")
    if twice:
        run.odd(batch.stream, "came_twice", int(twice), [])
        app.lake.replace(batch.stream, run.engine, _once(every, columns))
    _note_unread(run, batch, mine)
    _reconcile(run, batch, new)
    return new


def _once(every: str, columns: Mapping[str, str]) -> str:
    listed, by = (", ".join(f'"{name}"' for name in names) for names in (columns, KEY))
    return (
        f"SELECT {listed} FROM ({every}) QUALIFY row_number() OVER "
        f"(PARTITION BY {by} ORDER BY modified_at DESC NULLS LAST, pulled_at DESC) = 1"
    )


def _store_news(app: App, run: Run, batch: Batch) -> int:
    engine, columns = run.engine, columns_of(app, batch.stream)
    compared = [c for c in columns if c != "pulled_at" and c not in batch.ignoring]
    listed = ", ".join(f'"{c}"' for c in compared)
    newest = app.lake.newest(batch.stream, engine, columns, key=KEY)
    engine.stage(
        "news",
        f"SELECT {listed} FROM incoming EXCEPT SELECT {listed} FROM ({newest}) "
        "WHERE (source, id) IN (SELECT (source, id) FROM incoming)",
        "table",
    )
    if not engine.one("SELECT count(*) FROM news"):
        return 0
    heard = _told_by_others(app, run, batch.stream, newest)
    rest = "".join(f", {moment(run.as_of)} AS {c}" for c in ("pulled_at", *sorted(batch.ignoring)))
    app.lake.append(batch.stream, engine, shaped(f"SELECT *{rest} FROM news", columns))
    return heard


def _told_by_others(app: App, run: Run, stream: str, newest: str) -> int:
    """How much of the news is more than the echo of our own writes."""
    own = {"modified_at", "pulled_at", *app.mapping.targets}
    listed = ", ".join(f'"{c}"' for c in columns_of(app, stream) if c not in own)
    return int(
        run.engine.one(
            f"SELECT count(*) FROM (SELECT {listed} FROM news EXCEPT SELECT {listed} FROM "
            f"({newest}) WHERE (source, id) IN (SELECT (source, id) FROM news))"
        )
    )


def _note_unread(run: Run, batch: Batch, rows: str) -> None:
    """Count the values that could not be read, field by field."""
    found = run.engine.rows(
        f"SELECT field, count(*), list(id ORDER BY id)[1:20] FROM (SELECT id, "
        f"unnest(string_split(unread, ' ')) AS field FROM ({rows}) WHERE unread IS NOT NULL "
        f"AND pulled_at = {moment(run.as_of)}) GROUP BY field ORDER BY field"
    )
    for field, count, ids in found:
        run.odd(batch.stream, f"unreadable_{field}", int(count), [str(id) for id in ids])
    _note_timeless(run, batch, rows)


def _note_timeless(run: Run, batch: Batch, rows: str) -> None:
    """Count what says not when it was: it counts nowhere, for nobody knows if it had happened."""
    at = STREAMS[batch.stream].moment
    if not at or not batch.object:  # sources have left out theirs
        return
    ((count, ids),) = run.engine.rows(
        f"SELECT count(*), list(id ORDER BY id)[1:20] FROM ({rows}) WHERE {at} IS NULL "
        f"AND NOT coalesce(deleted, false) AND pulled_at = {moment(run.as_of)}"
    )
    run.odd(batch.stream, f"without_{at}", int(count), [str(id) for id in ids or ()])


def _reconcile(run: Run, batch: Batch, got: int) -> None:
    """Compare with the server's own total: fewer records than promised is a fault."""
    if got < batch.promised:
        raise Malformed(
            f"{batch.stream}: {batch.promised} records were promised and {got} arrived.",
            hint="Run again; the watermark has not moved.",
        )
    more = got - batch.promised if batch.promised else 0
    run.odd(batch.stream, "more_than_promised", more, [])
