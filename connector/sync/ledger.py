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
    """Take a plan's journal over into the ledger, once."""
    engine = run.engine
    if not journal.settled():
        return
    every = app.lake.every(TABLE, engine, {"plan": "VARCHAR"})
    if engine.one(f"SELECT count(*) FROM ({every}) WHERE plan = '{plan.id}'"):
        return
    before = app.lake.newest(TABLE, engine, columns(app), KEY)
    app.lake.append(TABLE, engine, _rows(app, run, plan, journal, before))
    app.lake.fold(TABLE, engine, columns(app), KEY)


def _rows(app: App, run: Run, plan: Plan, journal: Journal, before: str) -> str:
    """One row an outcome. What was not written keeps the value and the moment of the row before."""
    fields = [field for field in app.mapping.fields if field.target in plan.types]
    cells = ", ".join(_cell(field) for field in fields)
    path = str(journal.path).replace("'", "''")
    at = "CAST(j.written_at AS TIMESTAMPTZ)"
    return (
        f"SELECT '{plan.object}' AS object, j.id, '{plan.id}' AS plan, '{run.id}' AS run, "
        f"j.result, j.code, j.message, j.tried, {at} AS modified_at, "
        f"CASE WHEN j.result = 'applied' THEN {at} ELSE b.pulled_at END AS pulled_at, {cells} "
        f"FROM read_json('{path}', format = 'newline_delimited', columns = {_shape(fields)}) j "
        f"LEFT JOIN ({before}) b ON b.object = '{plan.object}' AND b.id = j.id"
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
