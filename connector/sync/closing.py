"""The closing read: what a large write has changed is read to its end, as a pull reads it.

It verifies the write, and it saves the next pull from reading the echo of it (see `echo`). A run
that dies in it costs the next one that reading, and nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ..mapping import pulls
from ..protocols import Echo
from . import echo, into_lake, pull_objects, staged
from .app import App
from .budget import Budgeted, closing_calls
from .changes import Plan
from .journal import Journal
from .load import unlike
from .pull_objects import PulledObject
from .run import Run

#: A read that began after a write counts for more than the write, within the same second as well.
TICK, SECOND = timedelta(microseconds=1), timedelta(seconds=1)


def close(app: App, run: Run, plan: Plan) -> PulledObject | None:
    """Read what a plan has changed to the end, and say where the CRM holds something else.

    None when the object is due to be read anew anyway, or the budget is not enough: then the next
    pull reads it.
    """
    left = Budgeted.of(app).left
    if left is not None and sum(closing_calls(app, plan.changes).values()) > left:
        return None
    later = replace(run, org=replace(run.org, now=app.crm.now() + TICK), oddities=[])
    spec = next(p for p in app.mapping.pull if (p.stream, p.object) == ("accounts", plan.object))
    types = app.crm.path_types(plan.object, pulls.fields(spec))
    each = pull_objects.wanted_of(app, later, spec, types)
    if each.since is None:
        return None
    # Nothing is left out of it: that the next pull may leave something out rests on this read.
    each = replace(each, sift=False, rows=plan.changes, echo=None)
    (done,) = pull_objects.pull_objects(app, later, [each])
    _stage_landed(app, run, plan)
    _tell_changed(app, run, plan)
    told = {(odd.stream, odd.rule) for odd in run.oddities}
    run.oddities.extend(odd for odd in later.oddities if (odd.stream, odd.rule) not in told)
    if last := _last(run):
        before = later.as_of.replace(microsecond=0) - SECOND
        echo.remember(app, each.key, Echo(run.org.user, min(last, before)))
    columns = into_lake.columns_of(app, spec.stream)
    app.lake.fold(spec.stream, run.engine, columns, key=into_lake.KEY)
    return done


def _stage_landed(app: App, run: Run, plan: Plan) -> None:
    """Put what was written and was found by the closing read into `closed`: where they differ."""
    staged.stage(app, run, plan)
    journal = Journal(plan.path.with_name("journal.ndjson"))
    cells = ", ".join(
        f'(c."set:{f.target}" AND {unlike(f, "to")}) AS "changed:{f.target}"'
        for f in staged.planned(app, plan)
    )
    run.engine.stage(
        "closed",
        f"SELECT c.id, l.modified_at, j.written_at, {cells} FROM changes c "
        f"JOIN ({journal.relation()}) j ON j.id = c.id AND j.result = 'applied' "
        "JOIN incoming l ON l.id = c.id WHERE NOT coalesce(l.deleted, false)",
        "table",
    )


def _tell_changed(app: App, run: Run, plan: Plan) -> None:
    """Name the records in which something else, most often the org's automation, has already set
    another value."""
    for field in staged.planned(app, plan):
        where = f'WHERE "changed:{field.target}"'
        count = int(run.engine.one(f"SELECT count(*) FROM closed {where}"))
        if count:
            ids = run.engine.rows(f"SELECT id FROM closed {where} ORDER BY id LIMIT 20")
            rule = f"{field.target}_changed_by_the_crm"
            run.odd("writes", rule, count, [id for (id,) in ids])


def _last(run: Run) -> datetime | None:
    """The latest stamp that our writes have left."""
    found = run.engine.one(
        "SELECT epoch(max(modified_at)) FROM closed WHERE modified_at <= written_at"
    )
    return datetime.fromtimestamp(found, UTC) if found else None
