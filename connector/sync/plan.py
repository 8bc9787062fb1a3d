"""Plan: what would make the CRM agree, guarded and stored before anything is written.

Raises UnsafePlan where the diff looks like a mistake rather than news.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from ..errors import UnsafePlan
from ..mapping.objects import Field
from . import pace, refused
from .app import App
from .budget import Budgeted, write_calls
from .changes import Plan, header, write
from .diff import WORDS, diff_sql, stage_sides
from .run import Run, writing
from .staged import APART

#: Below so many accounts a share says nothing: two of five is a normal day.
FEW = 10


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
    if any(words["failed"] for words in fields.values()):
        refused.tell_quarantined(app, run)
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
