"""Plan: what would make the CRM agree, cell by cell, and what is left alone and why.

Three sides decide: what we want, what the CRM holds now, and what we last wrote. That third side
tells a person's edit from our own old value.

Each cell gets one word: `same` (nothing to do), `unknown` (we have no value and leave it), `set`
(write it), `held` (moved too little to be worth a write), `theirs` (somebody edited it after us,
or filled it before us), `failed` (the CRM refused this very value and nothing has changed since),
`unfit` (the field cannot hold this value; nothing of its group is sent).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..errors import UnsafePlan
from ..mapping import wanted
from ..mapping.objects import Field
from ..records import CrmField
from . import ledger, pace
from .app import App
from .budget import Budgeted, write_calls
from .changes import Plan, header, write
from .limits import unfit
from .pull import columns_of
from .run import Run, writing
from .staged import APART

#: How long a refused value is left alone while neither it nor the record changes.
RETRY_AFTER = timedelta(days=1)
#: Below so many accounts a share says nothing: two of five is a normal day.
FEW = 10
WORDS = ("same", "unknown", "set", "held", "theirs", "failed", "unfit")


def stage_sides(app: App, run: Run) -> None:
    """Put the three sides into the engine: `wanted`, `current` and `written`, one row a record."""
    engine = run.engine
    engine.stage("wanted", wanted.sql(app.mapping, "results"), "table")
    engine.stage("written", ledger.written(app, run))
    accounts = app.lake.newest(
        "accounts", engine, columns_of(app, "accounts"), key=("source", "id")
    )
    engine.stage("inherited", _inherited(app), "table")
    engine.stage("current", current(app, accounts))


def current(app: App, accounts: str) -> str:
    """A query for what the CRM holds now: what was last pulled of `accounts`, and what we have
    `written` since, but for fields that held something else even then."""
    cells = ", ".join(
        f"CASE WHEN w.pulled_at >= a.pulled_at AND (w.others IS NULL OR "
        f"NOT contains(w.others, ' {f.target} ')) "
        f'THEN w."{f.target}" ELSE a."{f.target}" END AS "{f.target}"'
        for f in app.mapping.fields
    )
    return (
        # Records with the same parent are written side by side: they lock the same rows.
        f"SELECT a.id, coalesce(a.parent_id, a.id) AS beside, a.record_type, "
        f"a.modified_at, a.unread, {cells} FROM ({accounts}) a LEFT JOIN written w USING (id) "
        f"WHERE a.source = '{app.crm.name}' AND NOT coalesce(a.deleted, false)"
    )


def diff_sql(
    app: App,
    run: Run,
    *,
    adopt: bool,
    there: Mapping[str, CrmField] | None = None,
    choices: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
) -> str:
    """One row a record: for every field the wanted value, the current one and a word.

    `there` are the CRM's fields, `choices` those of each record type; what they cannot hold is
    `unfit`.
    """
    fields = app.mapping.fields
    known = set(app.lake.columns(ledger.TABLE))
    limits = {
        f.target: unfit(f, (there or {}).get(f.target), (choices or {}).get(f.target))
        for f in fields
    }
    words = ", ".join(f'{_word(f, adopt, limits[f.target])} AS "word:{f.target}"' for f in fields)
    moves = ", ".join(f'{_moves(f, f.target not in known)} AS "moves:{f.target}"' for f in fields)
    groups = sorted({_group(f) for f in fields})
    travels = ", ".join(f'{_travels(fields, group)} AS "go:{group}"' for group in groups)
    final = ", ".join(
        f'CASE WHEN "word:{f.target}" <> \'set\' THEN "word:{f.target}" '
        f"WHEN refused THEN 'failed' WHEN \"go:{_group(f)}\" THEN 'set' ELSE 'held' END "
        f'AS "word:{f.target}"'
        for f in fields
    )
    sides = [f'"{side}:{f.target}"' for f in fields for side in ("to", "from", "own")]
    return (
        f"WITH sides AS ({_sides(app, run)}), "
        f"judged AS (SELECT *, {words}, {moves}, {_stale(app, run)} AS stale FROM sides), "
        f"travelling AS (SELECT *, {travels} FROM judged), "
        f"final AS (SELECT id, beside, {', '.join(sides)}, {final} FROM travelling) "
        f"SELECT id, {_results(fields)} FROM final"
    )


def _results(fields: Sequence[Field]) -> str:
    """The columns of the diff. What nobody looks at is NULL: most accounts change nothing, and
    keeping all that they hold would cost more than finding that out."""
    told = {f.target: f"\"word:{f.target}\" IN ('set', 'theirs')" for f in fields}
    is_told = " OR ".join(told.values())
    words = [f'"word:{name}", "from:{name}" IS NOT NULL AS "had:{name}"' for name in told]
    values = [
        f'CASE WHEN {where} THEN "{side}:{name}" END AS "{side}:{name}"'
        for name, where in told.items()
        for side in ("to", "from")
    ]
    kept = {"beside": "beside", "tried": _tried(fields, "to:"), "others": _others(fields)}
    rest = [f"CASE WHEN {is_told} THEN {sql} END AS {name}" for name, sql in kept.items()]
    return ", ".join([*rest, *words, *values])


def _inherited(app: App) -> str:
    """What we wrote into accounts that were merged away: the survivor may hold any of it."""
    values = ", ".join(f'list(w."{f.target}") AS "{f.target}"' for f in app.mapping.fields)
    return (
        f"SELECT s.id, {values} FROM written w JOIN successor s ON s.old_id = w.id "
        "WHERE w.pulled_at IS NOT NULL GROUP BY s.id"
    )


def _last(field: Field, *, merged: bool) -> str:
    """What of ours a field may hold: what we wrote there, or what a merge brought along."""
    name = f'"{field.target}"'
    if not merged:
        return f"p.{name}"
    return f"CASE WHEN list_contains(i.{name}, c.{name}) THEN c.{name} ELSE p.{name} END"


def _sides(app: App, run: Run) -> str:
    fields = app.mapping.fields
    merged = bool(run.engine.one("SELECT count(*) FROM inherited"))
    heirs = "LEFT JOIN inherited i USING (id)" if merged else ""
    values = ", ".join(
        f'n."{f.target}" AS "to:{f.target}", c."{f.target}" AS "from:{f.target}", '
        f'{_last(f, merged=merged)} AS "last:{f.target}", p."{f.target}" AS "own:{f.target}"'
        for f in fields
    )
    return (
        "SELECT n.id, c.beside, c.record_type, c.unread, p.pulled_at IS NOT NULL AS met, "
        f"p.pulled_at AS written_at, "
        f"{values}, "
        # A hash is dear, and few records were refused.
        f"CASE WHEN p.result = 'failed' THEN coalesce(p.tried = {_tried(fields, '')} "
        f"AND c.modified_at <= p.modified_at AND p.modified_at > {_again(run)}, false) "
        f"ELSE false END AS refused "
        f"FROM wanted n JOIN current c USING (id) LEFT JOIN written p USING (id) "
        f"{heirs}"
    )


def _tried(fields: Sequence[Field], side: str) -> str:
    """What stands for the values that a refusal is remembered by: all but those that move with the
    clock."""
    table = "" if side else "n."
    own = [f'{table}"{side}{field.target}"' for field in fields if not field.follows]
    values = ", ".join(f"coalesce(CAST({value} AS VARCHAR), '')" for value in own)
    return f"md5(concat_ws('|', {values}))"


def _others(fields: Sequence[Field]) -> str:
    """The fields that are not written and hold something else than what we last wrote there."""
    named = " || ".join(
        f'CASE WHEN "word:{f.target}" <> \'set\' AND "from:{f.target}" IS DISTINCT FROM '
        f"\"own:{f.target}\" THEN ' {f.target} ' ELSE '' END"
        for f in fields
    )
    return f"nullif({named}, '')"


def _again(run: Run) -> str:
    """A refusal older than this is put to the test again: its cause may be gone."""
    return f"TIMESTAMPTZ '{(run.as_of - RETRY_AFTER).isoformat()}'"


def _word(field: Field, adopt: bool, limit: str) -> str:
    """Judge one cell by its three sides, and by what its field can hold."""
    to, now, last = (_side(field, side) for side in ("to", "from", "last"))
    # What cannot be read is nothing of ours, whatever it is.
    odd = f"(unread IS NOT NULL AND contains(' ' || unread || ' ', ' {field.target} '))"
    edited = f"({now} IS DISTINCT FROM {last} OR {odd})"
    theirs = "false" if field.on_conflict == "overwrite" else edited
    if adopt:  # takes what we have never written, and no edit of what we have
        theirs = f'"last:{field.target}" IS NOT NULL AND {theirs}'
    # NULL means "leave it" unless the field is to be emptied when nothing is known.
    leave = "false" if field.missing == "clear" else f'"to:{field.target}" IS NULL'
    return (
        f"CASE WHEN {to} IS NOT DISTINCT FROM {now} THEN 'same' WHEN {leave} THEN 'unknown' "
        f"WHEN {theirs} THEN 'theirs' WHEN {limit} THEN 'unfit' ELSE 'set' END"
    )


def _side(field: Field, side: str) -> str:
    """One side of a cell. An unticked checkbox is an empty one: a CRM knows no third state."""
    column = f'"{side}:{field.target}"'
    return f"coalesce({column}, false)" if field.type == "checkbox" else column


def _moves(field: Field, is_new: bool) -> str:
    """Whether a cell is a reason to write by itself."""
    to, now = f'"to:{field.target}"', f'"from:{field.target}"'
    if field.follows and not is_new:
        return "false"
    if field.min_change:
        return f"coalesce(abs({to} - {now}) >= {field.min_change}, true)"
    return "true"


def _travels(fields: Sequence[Field], group: str) -> str:
    """Whether a group is written: a leading cell has moved enough or is old, or a field is new.

    A group of which one value does not fit waits, so that no record is half old. Followers never
    lead: a time stamp is not renewed over a value that nobody knows any more.
    """
    own = [field for field in fields if _group(field) == group]
    leaders = [f for f in own if not f.follows]
    moved = [f'("word:{f.target}" = \'set\' AND ("moves:{f.target}" OR stale))' for f in leaders]
    known = " OR ".join(f'"to:{f.target}" IS NOT NULL' for f in leaders) or "true"
    moved += [
        f'("word:{f.target}" = \'set\' AND "moves:{f.target}" AND ({known}))'
        for f in own
        if f.follows
    ]
    whole = " AND ".join(f"\"word:{f.target}\" <> 'unfit'" for f in own)
    return f"(({' OR '.join(moved)}) AND {whole})"


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
    there, choices = app.crm.fields(app.mapping.object), app.crm.choices(app.mapping.object)
    sql = diff_sql(app, run, adopt=adopt, there=there, choices=choices)
    run.engine.stage("diff", sql, "table")
    fields = _counted(app, run)
    _tell_unfit(run, fields)
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


def _tell_unfit(run: Run, fields: Mapping[str, Mapping[str, int]]) -> None:
    """Name the records that wait because a value does not fit its field."""
    for name, words in fields.items():
        if words["unfit"]:
            where = f"\"word:{name}\" = 'unfit'"
            ids = run.engine.rows(f"SELECT id FROM diff WHERE {where} ORDER BY id LIMIT 20")
            run.odd("writes", f"{name}_does_not_fit", words["unfit"], [id for (id,) in ids])


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
    """A wave of changed tiers or emptied fields is more often a broken input than news."""
    for field in app.mapping.fields:
        filled, word = f'"had:{field.target}"', f"\"word:{field.target}\" = 'set'"
        emptied = f'{word} AND {filled} AND "to:{field.target}" IS NULL'
        changed = f"{word} AND {filled}" if field.type == "choice" else emptied
        if field.follows:
            continue
        known, many = run.engine.rows(
            f"SELECT count(*) FILTER ({filled}), count(*) FILTER ({changed}) FROM diff"
        )[0]
        if known >= FEW and many > known * app.guards.max_change:
            raise UnsafePlan(
                f"{field.target} would change or be emptied on {many} of {known} accounts; "
                f"the limit is {app.guards.max_change:.0%}.",
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
        known_at=_known_at(app, run),
        model=app.model.version,
        accounts=accounts,
        changes=changes,
        conflicts=conflicts,
        fields=fields,
        types={f.target: f.type for f in app.mapping.fields},
        calls=write_calls(app, changes, pace.remembered(app, app.mapping.object).size),
        budget=Budgeted.of(app).as_dict(),
    )
    with writing("The plan"):
        write(
            made.path,
            header(made),
            _lines(run, made.path, _lines_sql(app, "set", goes)),
            _lines(run, made.path, _lines_sql(app, "theirs", theirs, key="of")),
        )
    app.state.keep_plan(made.id, run.id, datetime.now(UTC), header(made))
    return made


def _known_at(app: App, run: Run) -> datetime:
    """The moment of which the records that we write were read."""
    mark = app.state.watermark(f"accounts:{app.mapping.object}")
    return min(run.as_of, mark.until) if mark else run.as_of


def _lines(run: Run, path: Path, sql: str) -> Iterator[bytes]:
    """The lines of a query, by way of a file: there may be a million."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".lines")
    place = str(part).replace("'", "''")
    run.engine.run(
        f"COPY ({sql}) TO '{place}' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', "
        f"DELIMITER '{APART}')"
    )
    with part.open("rb") as file:
        yield from (line.rstrip(b"\n") for line in file)
    part.unlink()


def _lines_sql(app: App, word: str, where: str, key: str = "id") -> str:
    """Each record as a line of JSON: its cells of one word, as they are and as they would be."""
    return (
        f"SELECT CAST(json_object('{key}', id, 'tried', tried, 'others', others, 'before', "
        f"{_cells(app, word, 'from')}, 'after', {_cells(app, word, 'to')}) AS VARCHAR) "
        f"FROM diff WHERE {where} ORDER BY beside, id"
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
