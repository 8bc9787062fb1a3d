"""Diff: what we want, what the CRM holds and what we last wrote, cell by cell.

That third side tells a person's edit from our own old value. Each cell gets one word: `same`
(nothing to do), `unknown` (we have no value and leave it), `set` (write it), `held` (moved too
little to be worth a write), `theirs` (somebody edited it after us, or filled it before us),
`failed` (the CRM refused this very value and nothing has changed since), `unfit` (the field cannot
hold this value; nothing of its group is sent).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from ..mapping import wanted
from ..mapping.objects import Field
from ..records import CrmField
from . import ledger
from .app import App
from .limits import unfit
from .pull import columns_of
from .run import Run

#: How long a refused value is left alone while neither it nor the record changes.
RETRY_AFTER = timedelta(days=1)
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
    # What we wrote since can be read, unless it is among those others.
    unread = (
        "CASE WHEN a.unread IS NOT NULL AND w.pulled_at >= a.pulled_at THEN "
        "array_to_string(list_filter(string_split(a.unread, ' '), "
        "lambda name: contains(coalesce(w.others, ''), ' ' || name || ' ')), ' ') "
        "ELSE a.unread END"
    )
    return (
        # Records with the same parent are written side by side: they lock the same rows.
        f"SELECT a.id, coalesce(a.parent_id, a.id) AS beside, a.record_type, "
        f"a.modified_at, {unread} AS unread, {cells} "
        f"FROM ({accounts}) a LEFT JOIN written w USING (id) "
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
        f"final AS (SELECT id, beside, unread, {', '.join(sides)}, {final} FROM travelling) "
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
        f'CASE WHEN "word:{f.target}" <> \'set\' AND ("from:{f.target}" IS DISTINCT FROM '
        f"\"own:{f.target}\" OR {ledger.unreadable(f.target)}) THEN ' {f.target} ' ELSE '' END"
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
    edited = f"({now} IS DISTINCT FROM {last} OR {ledger.unreadable(field.target)})"
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
