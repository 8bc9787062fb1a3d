"""The ledger: every outcome, and with it what we last wrote into every field of every record.

Each row carries all of our fields, those of the row before and this plan's on top, so that the
newest row of a record is the third side of the diff.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..mapping import wanted
from ..mapping.objects import Field
from .app import App
from .changes import Plan
from .journal import Journal
from .run import Run

TABLE = "outcomes"
KEY = ("object", "id")
#: Columns of the ledger besides the written fields.
LEDGER: Mapping[str, str] = {
    "object": "VARCHAR",
    "id": "VARCHAR",
    "plan": "VARCHAR",
    "run": "VARCHAR",
    "result": "VARCHAR",
    "code": "VARCHAR",
    "message": "VARCHAR",
    "tried": "VARCHAR",
    "modified_at": "TIMESTAMPTZ",
    "pulled_at": "TIMESTAMPTZ",
}


def columns(app: App) -> dict[str, str]:
    """The columns of the ledger: its own, and the last written value of every field."""
    return {**LEDGER, **{field.target: wanted.sql_type(field) for field in app.mapping.fields}}


def written(app: App, run: Run) -> str:
    """A query for what we last wrote into the records of the mapped object."""
    newest = app.lake.newest(TABLE, run.engine, columns(app), KEY)
    return f"SELECT * FROM ({newest}) WHERE object = '{app.mapping.object}'"


def record(app: App, run: Run, plan: Plan, journal: Journal) -> None:
    """Take a plan's journal over into the ledger: every outcome once, however often called."""
    if not journal.settled():
        return
    engine = run.engine
    rows = _rows(app, run, plan, journal)
    if not engine.one(f"SELECT count(*) FROM ({rows})"):
        return
    app.lake.append(TABLE, engine, rows)
    app.lake.fold(TABLE, engine, _every_column(app, run), KEY)


def _every_column(app: App, run: Run) -> dict[str, str]:
    """Also the fields that are no longer mapped: what we wrote there stays ours."""
    return {**app.lake.types(TABLE, run.engine), **columns(app)}


def _rows(app: App, run: Run, plan: Plan, journal: Journal) -> str:
    """One row an outcome. What was not written keeps the value and the moment of the row before."""
    known = _every_column(app, run)
    before = app.lake.newest(TABLE, run.engine, known, KEY)
    done = app.lake.every(TABLE, run.engine, {"plan": "VARCHAR", "id": "VARCHAR"})
    written = [f for f in app.mapping.fields if f.target in plan.types]
    names = {field.target for field in written}
    cells = [_cell(field) for field in written]
    cells += [f'b."{name}"' for name in known if name not in LEDGER and name not in names]
    path = str(journal.path).replace("'", "''")
    at = "CAST(j.written_at AS TIMESTAMPTZ)"
    return (
        f"SELECT '{plan.object}' AS object, j.id, '{plan.id}' AS plan, '{run.id}' AS run, "
        f"j.result, j.code, j.message, j.tried, {at} AS modified_at, "
        f"CASE WHEN j.result = 'applied' THEN {at} ELSE b.pulled_at END AS pulled_at, "
        f"{', '.join(cells)} "
        f"FROM read_json('{path}', format = 'newline_delimited', columns = {_shape(written)}) j "
        f"LEFT JOIN ({before}) b ON b.object = '{plan.object}' AND b.id = j.id "
        f"WHERE j.id NOT IN (SELECT id FROM ({done}) WHERE plan = '{plan.id}')"
    )


def _cell(field: Field) -> str:
    name, told = f'"{field.target}"', f'j."set"."{field.target}"'
    return (
        f"CASE WHEN {told} IS NOT NULL THEN CAST({told} AS {wanted.sql_type(field)}) "
        f"WHEN list_contains(j.cleared, '{field.target}') THEN NULL ELSE b.{name} END AS {name}"
    )


def _shape(fields: list[Field]) -> str:
    """The columns of the journal as DuckDB is told them."""
    texts = ("id", "result", "code", "message", "tried", "written_at")
    cells = ", ".join(f'"{field.target}" {_json_type(field)}' for field in fields)
    plain = ", ".join(f"{name}: 'VARCHAR'" for name in texts)
    return f"{{{plain}, \"set\": 'STRUCT({cells})', cleared: 'VARCHAR[]'}}"


def _json_type(field: Field) -> str:
    kind = wanted.sql_type(field)
    return kind if kind in {"DOUBLE", "BOOLEAN"} else "VARCHAR"
