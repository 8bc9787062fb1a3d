"""The lane of files: many changes go to the CRM as one file, and their outcomes come back as one.

Little here is done record by record in Python: the engine writes the file from the plan, finds
what has moved since, and matches the outcomes by id. A CRM that tells late of changes is not asked
what has changed: there each record is looked at right before it is written, and what holds
something else stays open. The number of the CRM's job is on disk before a byte is sent, so that a
run that dies finds its outcomes later.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

from ..errors import JobsSpent, Malformed, RemoteError, UnsafePlan
from ..mapping import wanted
from ..mapping.objects import Field
from . import live, pace, staged
from .app import App
from .changes import Plan
from .journal import Journal
from .limits import CLEARED
from .run import Run, writing
from .settle import EDITED, GONE

#: One file holds at most so many bytes.
LARGEST = 90_000_000
#: What is said of a row that a job did not come to.
UNPROCESSED = "UNPROCESSED"
#: Children and their parents; a plan from a file does not tell which those are.
RELATED = "beside IS NULL OR beside IN (SELECT beside FROM changes WHERE beside <> id)"
MOVED = (
    "SELECT id, CASE code WHEN '' THEN 'applied' ELSE 'moved' END AS result, code, "
    "CASE code WHEN '' THEN '' ELSE 'It changed after the plan.' END AS message FROM moved"
)
#: Outcomes that stand; the others leave their record open.
FINAL = ("applied", "failed", "moved")


def load(app: App, run: Run, plan: Plan, journal: Journal) -> Iterator[tuple[str, str, int]]:
    """Send what is open of a plan, file by file; yields result, code and count of what is settled.

    Before each file the CRM is asked again what has moved: the one before may have taken long.
    Raises RemoteError when a job ended early, after its outcomes were taken.
    """
    staged.stage(app, run, plan)
    run.engine.table("sent", "SELECT CAST(NULL AS VARCHAR) AS id WHERE false")
    since = plan.known_at
    with _folder(plan) as folder:
        while _stage_open(run, journal):
            asked = app.crm.now()
            if not app.crm.tells_late:
                wrote = _settled(journal, "applied") if run.engine.rows("FROM sent LIMIT 1") else ""
                live_ = live.query(app, run, plan, folder, since, "open", wrote)
                _stage_moved(app, run, plan, live_)
                _leave_moved(run)
                yield from _take(run, journal, MOVED, app.crm.now())
            try:
                if part := _part(app, run, plan, folder):
                    yield from _send(app, run, plan, journal, part)
            except JobsSpent:  # nothing of this file was written: the rest goes record by record
                _note(plan, "")
                return
            since = asked


def _send(
    app: App, run: Run, plan: Plan, journal: Journal, part: Path
) -> Iterator[tuple[str, str, int]]:
    """One file: its outcomes, as many as the CRM says it went through."""
    rows = int(run.engine.one("SELECT count(*) FROM part"))
    speed = pace.speed(app, "load", plan.object, rows)
    note = partial(_note, plan)
    spool = app.crm.load(plan.object, part, part.parent, note, rows, speed, plan.types)
    pace.keep_speed(app, "load", plan.object, rows, spool.pace)
    outcomes = f"SELECT * FROM {spool.relation}"
    told = f"SELECT count(DISTINCT id) FROM ({outcomes}) WHERE code <> '{UNPROCESSED}'"
    if (got := int(run.engine.one(told))) < spool.rows:
        raise Malformed(
            f"The CRM went through {spool.rows} records and told of {got}.",
            hint="Run again: the job is asked for its outcomes once more.",
        )
    yield from _take(run, journal, outcomes, app.crm.now())
    _note(plan, "")
    if spool.stopped:
        raise RemoteError(
            spool.stopped, hint="What it had done is recorded. Run again to go on with the rest."
        )


def take_up(app: App, run: Run, plan: Plan, journal: Journal) -> None:
    """Find out what became of a file that was under way when a run died.

    When exactly it was written nobody knows. The outcomes carry the plan's moment, so that what
    has been pulled since counts for more than what was written.
    """
    job = _noted(plan).read_text() if _noted(plan).exists() else ""
    if not job:
        return
    with _folder(plan) as folder:
        spool = app.crm.loaded(job, folder)
        outcomes = (
            _by_value(app, run, plan, folder)
            if spool is None
            else f"SELECT * FROM {spool.relation}"
        )
        # A run that died right after it had taken them, or some of them, left them in the journal.
        fresh = f"SELECT * FROM ({outcomes}) WHERE id NOT IN ({_settled(journal)})"
        list(_take(run, journal, fresh, plan.as_of))
    _note(plan, "")


def refuse_if_moved(app: App, run: Run, plan: Plan) -> None:
    """Raise UnsafePlan if any record is no longer as the plan found it."""
    staged.stage(app, run, plan)
    with _folder(plan) as folder:
        _stage_moved(app, run, plan, live.query(app, run, plan, folder, plan.known_at, "changes"))
    count = run.engine.one("SELECT count(*) FROM moved")
    if count:
        ids = run.engine.rows("SELECT id FROM moved ORDER BY id LIMIT 5")
        raise UnsafePlan(
            f"{count} records have changed since this plan was made: "
            f"{', '.join(id for (id,) in ids)}.",
            hint="Make a new plan; nothing was written.",
        )


# ── what has moved since the plan ─────────────────────────────────────────────────────────────


def _stage_moved(app: App, run: Run, plan: Plan, live: str) -> None:
    """Put the planned records that are not as they were into `moved`; `live` is what those hold
    that can differ. One that holds what is wanted already needs no write.
    """
    fields = staged.planned(app, plan)
    differs = " OR ".join(f'(c."set:{f.target}" AND {unlike(f, "from")})' for f in fields)
    lacks = " OR ".join(f'(c."set:{f.target}" AND {unlike(f, "to")})' for f in fields)
    run.engine.table(
        "moved",
        f"SELECT c.id, CASE WHEN coalesce(l.deleted, false) THEN '{GONE}' "
        f"WHEN l.odd OR {lacks} THEN '{EDITED}' ELSE '' END AS code FROM changes c "
        f"JOIN ({live}) l ON l.id = c.id "
        f"WHERE coalesce(l.deleted, false) OR l.odd OR {differs}",
    )


def unlike(field: Field, side: str) -> str:
    live, ours = f'l."{field.target}"', f'c."{side}:{field.target}"'
    if field.type == "checkbox":
        return f"coalesce({live}, false) <> coalesce({ours}, false)"
    if field.type == "datetime":
        live, ours = f"date_trunc('second', {live})", f"date_trunc('second', {ours})"
    if wanted.sql_type(field) == "VARCHAR":
        live, ours = f"nullif({live}, '')", f"nullif({ours}, '')"
    return f"{live} IS DISTINCT FROM {ours}"


# ── files ─────────────────────────────────────────────────────────────────────────────────────


def _stage_open(run: Run, journal: Journal) -> int:
    """Put what is neither settled nor sent before into `open`; how many that are."""
    among = f"WHERE id NOT IN (SELECT id FROM sent) AND id NOT IN ({_settled(journal)})"
    return int(run.engine.table("open", f"SELECT id FROM changes {among}"))


def _settled(journal: Journal, result: str = "") -> str:
    """A query for the records whose outcome is known, or is this one."""
    if not journal.path.exists():
        return "SELECT CAST(NULL AS VARCHAR) WHERE false"
    among = f" WHERE result = '{result}'" if result else ""
    return f"SELECT id FROM {journal.relation()}{among}"


def _leave_moved(run: Run) -> None:
    """Leave out what has moved."""
    run.engine.run("DELETE FROM moved WHERE id NOT IN (SELECT id FROM open)")
    run.engine.run("DELETE FROM open WHERE id IN (SELECT id FROM moved)")


def _part(app: App, run: Run, plan: Plan, folder: Path) -> Path | None:
    """The next changes as a file small enough for one job; None when none are left."""
    path, most = folder / "changes.csv", app.crm.most
    rows = run.engine.one("SELECT count(*) FROM open")
    while rows:
        run.engine.stage("part", _first(most) if rows > most else "SELECT id FROM open", "table")
        _write(app, run, plan, path, "" if rows == plan.changes <= most else "SELECT id FROM part")
        size = path.stat().st_size
        if size <= LARGEST or most == 1:
            run.engine.run("INSERT INTO sent SELECT id FROM part")
            return path
        most = max(1, min(rows, most) * LARGEST // size // 2)
    return None


def _first(most: int) -> str:
    """The first open changes in the order to write in: those of one parent stay together."""
    return f"SELECT id FROM changes WHERE id IN (SELECT id FROM open) ORDER BY place LIMIT {most}"


def _write(app: App, run: Run, plan: Plan, path: Path, among: str) -> None:
    """Write changes as CSV: all of them, or those among the ids of a query.

    Records that share a parent stand side by side, at the end. Only they are sorted: sorting costs
    as much as writing.
    """
    if app.crm.file_kind == "lines":
        _write_lines(app, run, plan, path, among)
        return
    cells = ", ".join(f'{_cell(f)} AS "{f.target}"' for f in staged.planned(app, plan))
    mine = f"WHERE id IN ({among})" if among else ""
    run.engine.stage("family", f"SELECT id FROM changes WHERE {RELATED}", "table")
    rows, family = f'SELECT id AS "{app.crm.id_field}", {cells} FROM', path.with_suffix(".family")
    with writing("The file of changes"):
        _copy(run, f"{rows} (FROM changes ANTI JOIN family USING (id)) {mine}", path, "HEADER")
        near = f"{rows} (FROM changes SEMI JOIN family USING (id)) {mine} ORDER BY place"
        _copy(run, near, family, "HEADER false")
        with path.open("ab") as file, family.open("rb") as last:
            shutil.copyfileobj(last, file)
    family.unlink()


def _write_lines(app: App, run: Run, plan: Plan, path: Path, among: str) -> None:
    """Write changes as lines of JSON: the id, and each value to set as the text that it is; behind
    it what the plan found there."""
    fields = staged.planned(app, plan)
    to, held = _texts(fields, "to"), _texts(fields, "from")
    record = f"json_object('id', id, 'properties', {to})"
    mine = f"WHERE id IN ({among})" if among else ""
    place = str(path).replace("'", "''")
    with writing("The file of changes"):
        run.engine.run(
            f"COPY (SELECT CAST({record} AS VARCHAR), CAST(to_json({held}) AS VARCHAR) "
            f"FROM changes {mine}) TO '{place}' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', "
            f"DELIMITER '{staged.APART}')"
        )


def _texts(fields: Sequence[Field], side: str) -> str:
    """A JSON object of the values of one side, for the fields to set."""
    entries = ", ".join(
        f"CASE WHEN \"set:{f.target}\" THEN {{'k': '{f.target}', 'v': {_text(f, side)}}} END"
        for f in fields
    )
    return f"map_from_entries(list_filter([{entries}], lambda cell: cell IS NOT NULL))"


def _text(field: Field, side: str) -> str:
    """A value as a text; the empty one stands for none."""
    value = f'"{side}:{field.target}"'
    text = f"CAST({value} AS VARCHAR)"
    if field.type == "datetime":
        text = f"strftime({value} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')"
    elif wanted.sql_type(field) == "DOUBLE":
        text = f"CASE WHEN {value} = floor({value}) THEN CAST(CAST({value} AS BIGINT) AS VARCHAR) "
        text += f"ELSE CAST({value} AS VARCHAR) END"
    return f"coalesce({text}, '')"


def _copy(run: Run, sql: str, path: Path, header: str) -> None:
    place = str(path).replace("'", "''")
    run.engine.run(
        f"COPY ({sql}) TO '{place}' (FORMAT csv, {header}, DELIMITER ',', QUOTE '\"', NULLSTR '')"
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


def _take(
    run: Run, journal: Journal, outcomes: str, at: datetime
) -> Iterator[tuple[str, str, int]]:
    """Write the outcomes that stand into the journal, one a record; each kind and how many."""
    listed = ", ".join(f"'{each}'" for each in FINAL)
    run.engine.stage(
        "landed",
        f"SELECT DISTINCT ON (id) id, result, code, message FROM ({outcomes}) "
        f"WHERE result IN ({listed}) AND id IS NOT NULL",
        "table",
    )
    if run.engine.one("SELECT count(*) FROM landed"):
        journal.take(run.engine, "SELECT * FROM landed", at)
    for result, code, many in run.engine.rows(
        "SELECT result, code, count(*) FROM landed GROUP BY ALL ORDER BY ALL"
    ):
        yield result, code, int(many)


def _by_value(app: App, run: Run, plan: Plan, folder: Path) -> str:
    """Without the job's own word the live values tell, as `settle` reads them: some field holds its
    new value, and none that was to change still holds the old one."""
    staged.stage(app, run, plan)
    fields = staged.planned(app, plan)
    changes = [
        (f, f'c."set:{f.target}" AND c."to:{f.target}" IS DISTINCT FROM c."from:{f.target}"')
        for f in fields
    ]
    new, old = (
        " OR ".join(f"({moves} AND NOT ({unlike(f, side)}))" for f, moves in changes)
        for side in ("to", "from")
    )
    holds = f"({new}) AND NOT ({old})"
    now = live.query(app, run, plan, folder, plan.known_at, "changes")
    return (
        "SELECT c.id, 'applied' AS result, '' AS code, '' AS message FROM changes c "
        f"JOIN ({now}) l ON l.id = c.id WHERE NOT l.odd "
        f"AND NOT coalesce(l.deleted, false) AND {holds}"
    )


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
