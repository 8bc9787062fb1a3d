"""The ledger: every outcome, and with it what we last wrote into every field of every record.

Each row carries all of our fields, those of the row before and this plan's on top, so that the
newest row of a record is the third side of the diff.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..mapping import wanted
from .app import App
from .changes import Plan
from .journal import Journal
from .run import Run
from .staged import planned, stage

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
    stage(app, run, plan)
    engine.stage("told", _told(app, run, plan, journal), "table")
    if engine.one("SELECT count(*) FROM told"):
        first = not app.lake.layers(TABLE).files
        app.lake.append(TABLE, engine, _rows(app, run, plan), layer="base" if first else "tail")
        app.lake.fold(TABLE, engine, _every_column(app, run), KEY)
    engine.run("DROP TABLE told")


def _every_column(app: App, run: Run) -> dict[str, str]:
    """Also the fields that are no longer mapped: what we wrote there stays ours."""
    return {**app.lake.types(TABLE, run.engine), **columns(app)}


def _told(app: App, run: Run, plan: Plan, journal: Journal) -> str:
    """The outcomes of the journal that the ledger does not have yet."""
    done = app.lake.every(TABLE, run.engine, {"plan": "VARCHAR", "id": "VARCHAR"})
    return (
        f"SELECT * FROM {journal.relation()} "
        f"WHERE id NOT IN (SELECT id FROM ({done}) WHERE plan = '{plan.id}')"
    )


def _rows(app: App, run: Run, plan: Plan) -> str:
    """One row an outcome. What was not written keeps the value and the moment of the row before."""
    known = _every_column(app, run)
    before = app.lake.newest(TABLE, run.engine, known, KEY)
    names = {field.target for field in planned(app, plan)}
    landed = "j.result = 'applied'"
    cells = [
        f'CASE WHEN {landed} AND c."set:{name}" THEN c."to:{name}" ELSE b."{name}" END AS "{name}"'
        if name in names
        else f'b."{name}"'
        for name in known
        if name not in LEDGER
    ]
    return (
        f"SELECT '{plan.object}' AS object, j.id, '{plan.id}' AS plan, '{run.id}' AS run, "
        f"j.result, j.code, j.message, c.tried, j.written_at AS modified_at, "
        f"CASE WHEN {landed} THEN j.written_at ELSE b.pulled_at END AS pulled_at, "
        f"{', '.join(cells)} FROM told j JOIN changes c ON c.id = j.id "
        f"LEFT JOIN ({before}) b ON b.object = '{plan.object}' AND b.id = j.id"
    )
