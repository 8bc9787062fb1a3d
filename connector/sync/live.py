"""What the CRM holds now of records that are about to be written."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from ..mapping import pulls, wanted
from ..mapping.casts import text as quoted
from ..mapping.objects import Field, Pull
from ..protocols import Echo, Read, Spool
from . import echo, staged
from .app import App
from .changes import Plan
from .run import Run, writing

#: Records that are read back together.
BACK = 10_000


def query(
    app: App, run: Run, plan: Plan, folder: Path, since: datetime, of: str, wrote: str = ""
) -> str:
    """A query for what records of a table hold now, as far as they can have changed.

    The CRM is asked which records have changed since a moment, in one question; or, where it would
    tell late, for every one of them. `odd` is one with a value that cannot be read. Of the records
    whose ids the query `wrote` gives nothing needs to be told: they are written.
    """
    fields = staged.planned(app, plan)
    if app.crm.tells_late:
        return _read_back(app, run, plan, fields, folder, of)
    changed = _changed_since(app, run, plan, fields, folder, since, wrote)
    return f"SELECT *, false AS odd FROM ({changed})"


def _read_back(app: App, run: Run, plan: Plan, fields: list[Field], folder: Path, of: str) -> str:
    """A query for what records hold now, each read by its id; one that is gone is `deleted`."""
    path, names = folder / "live.ndjson", [f.target for f in fields]
    ids = [id for (id,) in run.engine.rows(f"SELECT id FROM {of} ORDER BY id")]
    with writing("The values that are read back"), path.open("wb") as file:
        for start in range(0, len(ids), BACK):
            some = ids[start : start + BACK]
            held = app.crm.values(plan.object, some, names)
            file.writelines(_line(id, held.get(id)) for id in some)
    columns = ", ".join(f"{each}: 'VARCHAR'" for each in map(quoted, ("id", "deleted", *names)))
    kinds = {f.target: wanted.sql_type(f) for f in fields}
    cells = ", ".join(f'TRY_CAST("{n}" AS {kind}) AS "{n}"' for n, kind in kinds.items())
    odd = " OR ".join(
        f'("{n}" IS NOT NULL AND TRY_CAST("{n}" AS {kind}) IS NULL)' for n, kind in kinds.items()
    )
    return (
        f"SELECT id, CAST(deleted AS BOOLEAN) AS deleted, {cells}, {odd} AS odd FROM "
        f"read_json({quoted(str(path))}, columns = {{{columns}}}, format = 'newline_delimited')"
    )


def _line(id: str, held: Mapping[str, Any] | None) -> bytes:
    told = {"id": id, "deleted": held is None, **(held or {})}
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)


def _changed_since(
    app: App,
    run: Run,
    plan: Plan,
    fields: list[Field],
    folder: Path,
    since: datetime,
    wrote: str,
) -> str:
    """A query for the records changed since a moment, with what they hold in our fields."""
    spec = _spec(app, plan)
    names = [f.target for f in fields]
    paths = (*pulls.fields(spec), *names)
    types = app.crm.path_types(plan.object, paths)
    begin = since - app.pulling.overlap_span
    asked = Read(plan.object, tuple(types), begin, spec.modified)
    spool = _of_others(app, run, spec, asked, types, folder, wrote) if wrote else None
    spool = spool or app.crm.read(asked, types, _emptied(folder / "moved"))
    return pulls.sql(spec, spool.relation, keep=names)


def _of_others(
    app: App,
    run: Run,
    spec: Pull,
    asked: Read,
    types: Mapping[str, str],
    folder: Path,
    wrote: str,
) -> Spool | None:
    """What others have changed; None if our user has changed more than we know of.

    What we wrote a moment ago would bring every record of the files before. But the org's
    automation may run as our user and hide an edit of a record that is still to be written: then
    our user has changed more records than we wrote.
    """
    if asked.since is None or not app.crm.names_author:
        return None
    others = replace(asked, echo=Echo(run.org.user, app.crm.now()))
    spool = app.crm.read(others, types, _emptied(folder / "others"))
    (ours,) = app.crm.changed([replace(others, part="echo")])
    ids = pulls.ids(spec, spool.relation)
    among = (spec.stream, spec.object, asked.since, app.crm.now(), ids, wrote)
    return spool if ours is not None and ours <= echo.known(app, run, *among) else None


def _emptied(folder: Path) -> Path:
    """A folder without the pages of the file before: all that is in it is read."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _spec(app: App, plan: Plan) -> Pull:
    """How the records that we write are identified, and when they changed."""
    found = next(p for p in app.mapping.pull if p.object == plan.object and p.stream == "accounts")
    return replace(found, columns={"id": found.columns["id"]}, where="")
