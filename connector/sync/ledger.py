"""The ledger: every outcome, and with it what we last wrote into every field of every record.

Each row carries all of our fields, those of the row before and this plan's on top, so that the
newest row of a record is the third side of the diff. `others` names the fields (each between two
spaces) that the row did not write and that held something else than what we last wrote there.
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
    "others": "VARCHAR",
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


def unreadable(name: str) -> str:
    """Whether `unread` names this field: the CRM holds something there that is no value of ours."""
    return f"(unread IS NOT NULL AND contains(' ' || unread || ' ', ' {name} '))"


def adopt(app: App, run: Run) -> int:
    """Take what the CRM holds and we want as well for ours, where we never wrote: how many records.

    Nothing is sent for it. Without it such a value would be somebody else's once we want another.
    Needs the three sides of a plan in the engine.
    """
    names = [field.target for field in app.mapping.fields]
    equal = {
        name: f'(w."{name}" IS NULL AND c."{name}" IS NOT NULL AND n."{name}" = c."{name}")'
        for name in names
    }
    ours = {name: f'CASE WHEN {equal[name]} THEN c."{name}" ELSE w."{name}" END' for name in names}
    left = " || ".join(
        f'CASE WHEN c."{name}" IS DISTINCT FROM {ours[name]} OR {unreadable(name)} '
        f"THEN ' {name} ' ELSE '' END"
        for name in names
    )
    known = {**app.lake.types(TABLE, run.engine), **columns(app)}
    row = {
        **{name: f"CAST(NULL AS {kind})" for name, kind in known.items()},
        "object": f"'{app.mapping.object}'",
        "id": "n.id",
        "run": f"'{run.id}'",
        "result": "'adopted'",
        "others": f"nullif({left}, '')",
        "modified_at": f"TIMESTAMPTZ '{run.as_of.isoformat()}'",
        "pulled_at": f"TIMESTAMPTZ '{run.as_of.isoformat()}'",
        **ours,
    }
    found = (
        f"SELECT {_listed(row)} FROM wanted n JOIN current c USING (id) "
        f"LEFT JOIN written w USING (id) WHERE {' OR '.join(equal.values())}"
    )
    run.engine.stage("adopted", found, "table")
    many = int(run.engine.one("SELECT count(*) FROM adopted"))
    if many:
        app.lake.append(TABLE, run.engine, "SELECT * FROM adopted")
    return many


def record(app: App, run: Run, plan: Plan, journal: Journal) -> None:
    """Take a plan's journal over into the ledger: every outcome once, however often called."""
    if not journal.mend():
        return
    engine, layers = run.engine, app.lake.layers(TABLE)
    stage(app, run, plan)
    if not layers.files:
        first = _first(app, plan, run, journal.relation())
        app.lake.append(TABLE, engine, first, layer="base")
        return
    told = _told(app, run, plan, journal)
    many = int(engine.one(f"SELECT count(*) FROM {told}"))
    if layers.is_long(many):
        app.lake.replace(TABLE, engine, _folded(app, plan, run, told))
    elif many:
        app.lake.append(TABLE, engine, _added(app, plan, run, told))


def _told(app: App, run: Run, plan: Plan, journal: Journal) -> str:
    """The outcomes of the journal that the ledger does not have yet."""
    done = app.lake.every(TABLE, run.engine, {"plan": "VARCHAR", "id": "VARCHAR"})
    mine = f"SELECT id FROM ({done}) WHERE plan = '{plan.id}'"
    if not run.engine.rows(f"{mine} LIMIT 1"):
        return journal.relation()
    return f"(SELECT * FROM {journal.relation()} WHERE id NOT IN ({mine}))"


def _first(app: App, plan: Plan, run: Run, told: str) -> str:
    """The rows of a ledger that holds nothing yet."""
    row = _row(app, plan, run, columns(app), {})
    return f"SELECT {_listed(row)} FROM {_outcomes(plan, told)}"


def _added(app: App, plan: Plan, run: Run, told: str) -> str:
    """One row an outcome. What was not written keeps the value and the moment of the row before."""
    known, before = _before(app, run)
    row = _row(app, plan, run, known, {name: f'b."{name}"' for name in known})
    outcomes = _outcomes(plan, told)
    return f"SELECT {_listed(row)} FROM {outcomes} LEFT JOIN ({before}) b USING (object, id)"


def _folded(app: App, plan: Plan, run: Run, told: str) -> str:
    """The newest row of every record: what a long tail would come to once it is folded.

    Writing the tail first takes three times as long. An outcome that is older than the row before
    changes nothing, as it would not in a fold.
    """
    known, before = _before(app, run)
    old = {name: f'b."{name}"' for name in known}
    newer = "n.id IS NOT NULL AND (b.modified_at IS NULL OR n.written_at >= b.modified_at)"
    row = {
        name: f"CASE WHEN {newer} THEN {new} ELSE {old[name]} END"
        for name, new in _row(app, plan, run, known, old).items()
    }
    return (
        f"SELECT {_listed(row)} FROM {_outcomes(plan, told)} "
        f"FULL JOIN ({before}) b ON b.object = n.object AND b.id = n.id"
    )


def _before(app: App, run: Run) -> tuple[dict[str, str], str]:
    """The newest row of every record, also with the fields that are no longer mapped: what we
    wrote there stays ours."""
    known = {**app.lake.types(TABLE, run.engine), **columns(app)}
    return known, app.lake.newest(TABLE, run.engine, known, KEY)


def _outcomes(plan: Plan, told: str) -> str:
    """Outcomes with what was to be written, as `n`."""
    return (
        f"(SELECT '{plan.object}' AS object, j.result, j.code, j.message, j.written_at, c.* "
        f"FROM {told} j JOIN changes c ON c.id = j.id) n"
    )


def _row(
    app: App, plan: Plan, run: Run, known: Mapping[str, str], old: Mapping[str, str]
) -> dict[str, str]:
    """Each column of an outcome's row as SQL. What was tried is of use only if it was refused."""
    names = {field.target for field in planned(app, plan)}
    kept = {name: old.get(name, f"CAST(NULL AS {kind})") for name, kind in known.items()}
    landed = "n.result = 'applied'"
    own = {
        "object": "n.object",
        "id": "n.id",
        "plan": f"'{plan.id}'",
        "run": f"'{run.id}'",
        "result": "n.result",
        "code": "n.code",
        "message": "n.message",
        "tried": "CASE WHEN n.result = 'failed' THEN n.tried END",
        "others": f"CASE WHEN {landed} THEN n.others ELSE {kept['others']} END",
        "modified_at": "n.written_at",
        "pulled_at": f"CASE WHEN {landed} THEN n.written_at ELSE {kept['pulled_at']} END",
    }
    written = {
        name: f'CASE WHEN {landed} AND n."set:{name}" THEN n."to:{name}" ELSE {kept[name]} END'
        for name in known
        if name in names
    }
    return {**kept, **own, **written}


def _listed(row: Mapping[str, str]) -> str:
    return ", ".join(f'{sql} AS "{name}"' for name, sql in row.items())
