"""Plan: what would make the CRM agree, cell by cell, and what is left alone and why.

Three sides decide: what we want, what the CRM holds now, and what we last wrote. That third side
tells a person's edit from our own old value.

Each cell gets one word: `same` (nothing to do), `unknown` (we have no value and leave it), `set`
(write it), `held` (moved too little to be worth a write), `theirs` (somebody edited it after us,
or filled it before us), `failed` (the CRM refused this very value and nothing has changed since).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from ..errors import UnsafePlan
from ..mapping import wanted
from ..mapping.objects import Field
from . import ledger
from .app import App
from .budget import Budgeted
from .changes import Plan, header
from .pull import columns_of
from .run import Run, writing

#: Below so many accounts a share says nothing: two of five is a normal day.
FEW = 10
WORDS = ("same", "unknown", "set", "held", "theirs", "failed")


def stage_sides(app: App, run: Run) -> None:
    """Put the three sides into the engine: `wanted`, `current` and `written`, one row a record."""
    engine = run.engine
    engine.stage("wanted", wanted.sql(app.mapping, "results"), "table")
    engine.stage("written", ledger.written(app, run))
    accounts = app.lake.newest(
        "accounts", engine, columns_of(app, "accounts"), key=("source", "id")
    )
    # What we wrote after a record was last pulled is what the CRM holds, until a pull says more.
    cells = ", ".join(
        f'CASE WHEN w.pulled_at >= a.pulled_at THEN w."{f.target}" ELSE a."{f.target}" END '
        f'AS "{f.target}"'
        for f in app.mapping.fields
    )
    engine.stage(
        "current",
        f"SELECT a.id, a.modified_at, {cells} FROM ({accounts}) a LEFT JOIN written w USING (id) "
        f"WHERE a.source = '{app.crm.name}' AND NOT coalesce(a.deleted, false)",
    )


def diff_sql(app: App, run: Run, *, adopt: bool) -> str:
    """One row a record: for every field the wanted value, the current one and a word."""
    fields = app.mapping.fields
    known = set(app.lake.columns(ledger.TABLE))
    words = ", ".join(f'{_word(f, adopt)} AS "word:{f.target}"' for f in fields)
    moves = ", ".join(f'{_moves(f, f.target not in known)} AS "moves:{f.target}"' for f in fields)
    groups = sorted({_group(f) for f in fields})
    travels = ", ".join(f'{_travels(fields, group)} AS "go:{group}"' for group in groups)
    final = ", ".join(
        f'CASE WHEN "word:{f.target}" <> \'set\' THEN "word:{f.target}" '
        f"WHEN refused THEN 'failed' WHEN \"go:{_group(f)}\" THEN 'set' ELSE 'held' END "
        f'AS "word:{f.target}"'
        for f in fields
    )
    values = ", ".join(f'"to:{f.target}", "from:{f.target}"' for f in fields)
    return (
        f"WITH sides AS ({_sides(app)}), "
        f"judged AS (SELECT *, {words}, {moves}, {_stale(app, run)} AS stale FROM sides), "
        f"travelling AS (SELECT *, {travels} FROM judged) "
        f"SELECT id, tried, {values}, {final} FROM travelling"
    )


def _sides(app: App) -> str:
    fields = app.mapping.fields
    values = ", ".join(
        f'n."{f.target}" AS "to:{f.target}", c."{f.target}" AS "from:{f.target}", '
        f'p."{f.target}" AS "last:{f.target}"'
        for f in fields
    )
    # A refusal is remembered by what was tried, leaving out fields that move with the clock.
    own = [f for f in fields if not f.follows]
    tried = ", ".join(f"coalesce(CAST(n.\"{f.target}\" AS VARCHAR), '')" for f in own)
    return (
        f"SELECT n.id, p.pulled_at IS NOT NULL AS met, p.pulled_at AS written_at, {values}, "
        f"md5(concat_ws('|', {tried})) AS tried, "
        f"coalesce(p.result = 'failed' AND p.tried = md5(concat_ws('|', {tried})) "
        f"AND c.modified_at <= p.modified_at, false) AS refused "
        f"FROM wanted n JOIN current c USING (id) LEFT JOIN written p USING (id)"
    )


def _word(field: Field, adopt: bool) -> str:
    """Judge one cell by its three sides."""
    to, now, last = (f'"{side}:{field.target}"' for side in ("to", "from", "last"))
    theirs = "false" if field.on_conflict == "overwrite" else f"{now} IS DISTINCT FROM {last}"
    if adopt:
        theirs = f"met AND {theirs}"
    # NULL means "leave it" unless the field is to be emptied when nothing is known.
    leave = "false" if field.missing == "clear" else f"{to} IS NULL"
    return (
        f"CASE WHEN {to} IS NOT DISTINCT FROM {now} THEN 'same' WHEN {leave} THEN 'unknown' "
        f"WHEN {theirs} THEN 'theirs' ELSE 'set' END"
    )


def _moves(field: Field, is_new: bool) -> str:
    """Whether a cell is a reason to write by itself."""
    to, now = f'"to:{field.target}"', f'"from:{field.target}"'
    if field.follows and not is_new:
        return "false"
    if field.min_change:
        return f"coalesce(abs({to} - {now}) >= {field.min_change}, true)"
    return "true"


def _travels(fields: Sequence[Field], group: str) -> str:
    """Whether a group is written: one of its cells has moved enough, or all of it is old."""
    moved = " OR ".join(
        f'("word:{f.target}" = \'set\' AND ("moves:{f.target}" OR stale))'
        for f in fields
        if _group(f) == group
    )
    return f"({moved})"


def _group(field: Field) -> str:
    return field.group or field.target


def _stale(app: App, run: Run) -> str:
    if app.mapping.write.max_age is None:
        return "false"
    oldest = (run.as_of - timedelta(days=app.mapping.write.max_age)).isoformat()
    return f"coalesce(written_at < TIMESTAMPTZ '{oldest}', false)"


# ── the plan as a whole ───────────────────────────────────────────────────────────────────────


def plan(app: App, run: Run, *, adopt: bool = False, force: bool = False) -> Plan:
    """Work out the changes, guard them, and store them before anything is written.

    Raises UnsafePlan when fields are filled that we never wrote (unless `adopt`), or when more
    tiers would change than the guards allow (unless `force`).
    """
    stage_sides(app, run)
    run.engine.stage("diff", diff_sql(app, run, adopt=adopt), "table")
    fields = _counted(app, run)
    if not adopt:
        _guard_first_contact(app, fields, run)
    if not force:
        _guard_size(app, run)
    return _stored(app, run, fields)


def _counted(app: App, run: Run) -> dict[str, dict[str, int]]:
    """Field → word → how many cells."""
    counted = {}
    for field in app.mapping.fields:
        sums = ", ".join(f"count(*) FILTER (\"word:{field.target}\" = '{w}')" for w in WORDS)
        row = run.engine.rows(f"SELECT {sums} FROM diff")[0]
        counted[field.target] = dict(zip(WORDS, map(int, row), strict=True))
    return counted


def _guard_first_contact(app: App, fields: Mapping[str, Mapping[str, int]], run: Run) -> None:
    """Fields that hold values before we ever wrote one belong to somebody else."""
    if run.engine.one("SELECT count(*) FROM written WHERE pulled_at IS NOT NULL"):
        return
    filled = {name: words["theirs"] for name, words in fields.items() if words["theirs"]}
    if filled:
        listed = ", ".join(f"{name} ({count} records)" for name, count in filled.items())
        raise UnsafePlan(
            f"{app.mapping.object} already holds other values in: {listed}.",
            hint="If these fields are meant for the connector, run once with --adopt; otherwise "
            "write to other fields.",
        )


def _guard_size(app: App, run: Run) -> None:
    """A wave of tier changes is more often a broken input than news."""
    tiers = [f.target for f in app.mapping.fields if f.type == "choice" and not f.follows]
    if not tiers:
        return
    moved = " OR ".join(f'("word:{t}" = \'set\' AND "from:{t}" IS NOT NULL)' for t in tiers)
    held = " OR ".join(f'"from:{t}" IS NOT NULL' for t in tiers)
    changed, known = run.engine.rows(
        f"SELECT count(*) FILTER ({moved}), count(*) FILTER ({held}) FROM diff"
    )[0]
    if known >= FEW and changed > known * app.guards.max_change:
        raise UnsafePlan(
            f"{changed} of {known} accounts would change their tier; the limit is "
            f"{app.guards.max_change:.0%}.",
            hint="Look at `connector plan --force`, then repeat with --force if it is right.",
        )


def _stored(app: App, run: Run, fields: Mapping[str, Mapping[str, int]]) -> Plan:
    sets = [f'"word:{f.target}"' for f in app.mapping.fields]
    goes = " OR ".join(f"{word} = 'set'" for word in sets)
    theirs = " OR ".join(f"{word} = 'theirs'" for word in sets)
    accounts, changes, conflicts = run.engine.rows(
        f"SELECT count(*), count(*) FILTER ({goes}), count(*) FILTER ({theirs}) FROM diff"
    )[0]
    made = Plan(
        id=run.id,
        path=app.plans / run.id / "plan.json",
        org=run.org.id,
        crm=app.crm.name,
        object=app.mapping.object,
        as_of=run.as_of,
        model=app.model.version,
        accounts=accounts,
        changes=changes,
        conflicts=conflicts,
        fields=fields,
        types={f.target: f.type for f in app.mapping.fields},
        calls=app.crm.write_calls(changes),
        budget=Budgeted.of(app).as_dict(),
    )
    with writing("The plan"):
        _write(app, run, made, goes, theirs)
    app.state.keep_plan(made.id, run.id, datetime.now(UTC), header(made))
    return made


def _write(app: App, run: Run, made: Plan, goes: str, theirs: str) -> None:
    """The file: a head, then one change a line, then one conflict a line."""
    made.path.parent.mkdir(parents=True, exist_ok=True)
    part = made.path.with_suffix(".part")
    with part.open("wb") as file:
        head = orjson.dumps(header(made), option=orjson.OPT_INDENT_2)
        file.write(head[:-2] + b',\n  "changes": [\n')
        _lines(run, file, _lines_sql(app, "set", goes))
        file.write(b'],\n  "theirs": [\n')
        _lines(run, file, _lines_sql(app, "theirs", theirs).replace("'id', id", "'of', id"))
        file.write(b"]\n}\n")
    part.replace(made.path)


def _lines(run: Run, file: Any, sql: str) -> None:
    mark = b""
    for (text,) in run.engine.rows(sql):
        file.write(mark + text.encode())
        mark = b",\n"
    file.write(b"\n")


def _lines_sql(app: App, word: str, where: str) -> str:
    """Each record as a line of JSON: its cells of one word, as they are and as they would be."""
    return (
        f"SELECT CAST(json_object('id', id, 'tried', tried, 'before', {_cells(app, word, 'from')}, "
        f"'after', {_cells(app, word, 'to')}) AS VARCHAR) FROM diff WHERE {where} ORDER BY id"
    )


def _cells(app: App, word: str, side: str) -> str:
    """A JSON object of the fields whose cells have this word."""
    entries = ", ".join(
        f"CASE WHEN \"word:{f.target}\" = '{word}' THEN {{'k': '{f.target}', "
        f"'v': coalesce(to_json({_said(f, side)}), 'null')}} END"
        for f in app.mapping.fields
    )
    return f"map_from_entries(list_filter([{entries}], lambda cell: cell IS NOT NULL))"


def _said(field: Field, side: str) -> str:
    """A value as the CRM's API says it."""
    column = f'"{side}:{field.target}"'
    if field.type == "datetime":
        return f"strftime({column} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')"
    return f"CAST({column} AS VARCHAR)" if field.type == "date" else column
