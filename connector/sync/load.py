"""The lane of files: many changes go to the CRM as one file, and their outcomes come back as one.

Nothing here is done record by record in Python: the engine writes the file from the plan, finds
what has moved since, and matches the outcomes by id. The number of the CRM's job is on disk before
a byte is sent, so that a run that dies finds its outcomes later.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from math import ceil
from pathlib import Path

from ..errors import UnsafePlan
from ..mapping import pulls, wanted
from ..mapping.objects import Field, Pull
from ..protocols import Read
from . import staged
from .app import App
from .changes import Plan
from .journal import Journal
from .run import Run, writing
from .settle import EDITED, GONE

#: What a file says for "empty this field"; an empty cell says "leave it".
CLEARED = "#N/A"
#: One file holds at most so many bytes.
LARGEST = 90_000_000
MOVED = (
    f"SELECT id, 'moved' AS result, CASE WHEN gone THEN '{GONE}' ELSE '{EDITED}' END AS code, "
    "'It changed after the plan.' AS message FROM moved"
)
#: Outcomes that stand; the others leave their record open.
FINAL = ("applied", "failed", "moved")


def load(app: App, run: Run, plan: Plan, journal: Journal) -> Iterator[tuple[str, str, int]]:
    """Send what is open of a plan; yields result, code and count of what has been settled."""
    staged.stage(app, run, plan)
    with _folder(plan) as folder:
        _stage_moved(app, run, plan, folder)
        _stage_open(run, journal)
        yield from _take(app, run, journal, MOVED)
        for part in _parts(app, run, plan, folder):
            spool = app.crm.load(plan.object, part, folder, partial(_note, plan))
            yield from _take(app, run, journal, f"SELECT * FROM {spool.relation}")
            _note(plan, "")


def take_up(app: App, run: Run, plan: Plan, journal: Journal) -> None:
    """Find out what became of a file that was under way when a run died."""
    job = _noted(plan).read_text() if _noted(plan).exists() else ""
    if not job:
        return
    with _folder(plan) as folder:
        spool = app.crm.loaded(job, folder)
        if spool is None:
            _take_by_value(app, run, plan, journal, folder)
        else:
            list(_take(app, run, journal, f"SELECT * FROM {spool.relation}"))
    _note(plan, "")


def refuse_if_moved(app: App, run: Run, plan: Plan) -> None:
    """Raise UnsafePlan if any record is no longer as the plan found it."""
    staged.stage(app, run, plan)
    with _folder(plan) as folder:
        _stage_moved(app, run, plan, folder)
    count = run.engine.one("SELECT count(*) FROM moved")
    if count:
        ids = run.engine.rows("SELECT id FROM moved ORDER BY id LIMIT 5")
        raise UnsafePlan(
            f"{count} records have changed since this plan was made: "
            f"{', '.join(id for (id,) in ids)}.",
            hint="Make a new plan; nothing was written.",
        )


# ── what has moved since the plan ─────────────────────────────────────────────────────────────


def _stage_moved(app: App, run: Run, plan: Plan, folder: Path) -> None:
    """Put the planned records that are not as they were into `moved`: one question, not one each.

    The CRM is asked which records have changed since the plan's moment; only those can differ.
    """
    fields = staged.planned(app, plan)
    differs = " OR ".join(f'(c."set:{f.target}" AND {_differs(f)})' for f in fields)
    run.engine.stage(
        "moved",
        f"SELECT c.id, coalesce(l.deleted, false) AS gone FROM changes c "
        f"JOIN ({_changed_since(app, plan, fields, folder)}) l ON l.id = c.id "
        f"WHERE coalesce(l.deleted, false) OR {differs or 'false'}",
        "table",
    )


def _changed_since(app: App, plan: Plan, fields: list[Field], folder: Path) -> str:
    """A query for the records changed since the plan, with what they hold in our fields."""
    spec = _spec(app, plan)
    names = [f.target for f in fields]
    paths = (*pulls.fields(spec), *names)
    types = app.crm.path_types(plan.object, paths)
    since = plan.as_of - app.pulling.overlap_span
    asked = Read(plan.object, tuple(types), since, spec.modified)
    spool = app.crm.read(asked, types, folder / "moved")
    return pulls.sql(spec, spool.relation, keep=names)


def _spec(app: App, plan: Plan) -> Pull:
    """How the records that we write are identified, and when they changed."""
    found = next(p for p in app.mapping.pull if p.object == plan.object and p.stream == "accounts")
    return replace(found, columns={"id": found.columns["id"]}, where="")


def _differs(field: Field) -> str:
    live, ours = f'l."{field.target}"', f'c."from:{field.target}"'
    if field.type == "checkbox":
        return f"coalesce({live}, false) <> coalesce({ours}, false)"
    if field.type == "datetime":
        live, ours = f"date_trunc('second', {live})", f"date_trunc('second', {ours})"
    if wanted.sql_type(field) == "VARCHAR":
        live, ours = f"nullif({live}, '')", f"nullif({ours}, '')"
    return f"{live} IS DISTINCT FROM {ours}"


# ── files ─────────────────────────────────────────────────────────────────────────────────────


def _stage_open(run: Run, journal: Journal) -> None:
    """Leave out what is settled already, by an earlier file or run, and what has moved."""
    settled = f"SELECT id FROM {journal.relation()}" if journal.path.exists() else ""
    among = f"WHERE id NOT IN ({settled})" if settled else ""
    run.engine.stage("open", f"SELECT id FROM changes {among}", "table")
    run.engine.run("DELETE FROM moved WHERE id NOT IN (SELECT id FROM open)")
    run.engine.run("DELETE FROM open WHERE id IN (SELECT id FROM moved)")


def _parts(app: App, run: Run, plan: Plan, folder: Path) -> Iterator[Path]:
    """The changes as files, each small enough for one job; records of one parent side by side."""
    rows = run.engine.one("SELECT count(*) FROM open")
    if not rows:
        return
    path = folder / "changes.csv"
    _write(app, run, plan, path, "SELECT id FROM open" if rows < plan.changes else "")
    size = path.stat().st_size
    if size <= LARGEST:
        yield path
        return
    most = max(1, rows * LARGEST // size)
    run.engine.stage(
        "numbered",
        f"SELECT id, (row_number() OVER (ORDER BY place) - 1) // {most} AS part FROM changes "
        "WHERE id IN (SELECT id FROM open)",
        "table",
    )
    for part in range(ceil(rows / most)):
        _write(app, run, plan, path, f"SELECT id FROM numbered WHERE part = {part}")
        yield path


def _write(app: App, run: Run, plan: Plan, path: Path, among: str) -> None:
    """Write changes as CSV: all of them, or those among the ids of a query."""
    cells = ", ".join(f'{_cell(f)} AS "{f.target}"' for f in staged.planned(app, plan))
    place = str(path).replace("'", "''")
    where = f"WHERE id IN ({among}) " if among else ""
    # Sorting costs as much as writing, and matters only where records share a parent.
    related = run.engine.one("SELECT bool_or(beside IS DISTINCT FROM id) FROM changes")
    order = "ORDER BY place" if related else ""
    with writing("The file of changes"):
        run.engine.run(
            f'COPY (SELECT id AS "{app.crm.id_field}", {cells} FROM changes {where}'
            f"{order}) TO '{place}' (FORMAT csv, HEADER, DELIMITER ',', QUOTE '\"', "
            "NULLSTR '')"
        )


def _cell(field: Field) -> str:
    """A value as a file says it."""
    value = f'"to:{field.target}"'
    text = f"CAST({value} AS VARCHAR)"
    if field.type == "datetime":
        text = f"strftime({value} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')"
    elif wanted.sql_type(field) == "VARCHAR":
        text = f"nullif({value}, '')"
    return f"CASE WHEN \"set:{field.target}\" THEN coalesce({text}, '{CLEARED}') END"


# ── outcomes ──────────────────────────────────────────────────────────────────────────────────


def _take(app: App, run: Run, journal: Journal, outcomes: str) -> Iterator[tuple[str, str, int]]:
    """Write the outcomes that stand into the journal; each kind and how many."""
    listed = ", ".join(f"'{each}'" for each in FINAL)
    run.engine.stage("landed", f"SELECT * FROM ({outcomes}) WHERE result IN ({listed})", "table")
    if run.engine.one("SELECT count(*) FROM landed"):
        journal.take(run.engine, "SELECT id, result, code, message FROM landed", app.crm.now())
    for result, code, many in run.engine.rows(
        "SELECT result, code, count(*) FROM landed GROUP BY ALL ORDER BY ALL"
    ):
        yield result, code, int(many)


def _take_by_value(app: App, run: Run, plan: Plan, journal: Journal, folder: Path) -> None:
    """Without the job's own word: a record that holds what was wanted was written."""
    staged.stage(app, run, plan)
    fields = staged.planned(app, plan)
    holds = " AND ".join(
        f'(NOT c."set:{f.target}" OR NOT ({_differs(f).replace("from:", "to:")}))' for f in fields
    )
    live = _changed_since(app, plan, fields, folder)
    outcomes = (
        "SELECT c.id, 'applied' AS result, '' AS code, '' AS message FROM changes c "
        f"JOIN ({live}) l ON l.id = c.id WHERE {holds}"
    )
    list(_take(app, run, journal, outcomes))


# ── what is on disk beside the plan ───────────────────────────────────────────────────────────


def _noted(plan: Plan) -> Path:
    return plan.path.with_name("job")


def _note(plan: Plan, job: str) -> None:
    """Keep the name of the job under way; "" when its outcomes are in the journal."""
    part = _noted(plan).with_suffix(".part")
    with writing("The note of a job"), part.open("w") as file:
        file.write(job)
        file.flush()
        os.fsync(file.fileno())
    part.replace(_noted(plan))


@contextmanager
def _folder(plan: Plan) -> Iterator[Path]:
    """A folder for files on their way that is gone afterwards."""
    path = plan.path.with_name("load")
    shutil.rmtree(path, ignore_errors=True)
    with writing("The files of a load"):
        path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
