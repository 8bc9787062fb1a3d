"""What the CRM holds now of records that are about to be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from ..mapping import pulls, wanted
from ..mapping.casts import text as quoted
from ..mapping.objects import Field, Pull
from ..protocols import Read
from . import staged
from .app import App
from .changes import Plan
from .run import Run, writing

#: Records that are read back together.
BACK = 10_000


def query(app: App, run: Run, plan: Plan, folder: Path, since: datetime, of: str) -> str:
    """A query for what records of a table hold now, as far as they can have changed.

    The CRM is asked which records have changed since a moment, in one question; or, where it would
    tell late, for every one of them. `odd` is one with a value that cannot be read.
    """
    fields = staged.planned(app, plan)
    if app.crm.tells_late:
        return _read_back(app, run, plan, fields, folder, of)
    return f"SELECT *, false AS odd FROM ({_changed_since(app, plan, fields, folder, since)})"


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


def _changed_since(app: App, plan: Plan, fields: list[Field], folder: Path, since: datetime) -> str:
    """A query for the records changed since a moment, with what they hold in our fields."""
    spec = _spec(app, plan)
    names = [f.target for f in fields]
    paths = (*pulls.fields(spec), *names)
    types = app.crm.path_types(plan.object, paths)
    begin = since - app.pulling.overlap_span
    asked = Read(plan.object, tuple(types), begin, spec.modified)
    spool = app.crm.read(asked, types, folder / "moved")
    return pulls.sql(spec, spool.relation, keep=names)


def _spec(app: App, plan: Plan) -> Pull:
    """How the records that we write are identified, and when they changed."""
    found = next(p for p in app.mapping.pull if p.object == plan.object and p.stream == "accounts")
    return replace(found, columns={"id": found.columns["id"]}, where="")
