"""Our own echo: what a large write leaves behind is read right after it, and not once more.

Everything that we write gets a new stamp, so that the next pull would bring all of it again. After
a large write the changes of the object are therefore read to their end (`closing`), and from then
on our own are left out of what is read: records that our user was the last to change, at or before
`until`, a moment before the second in which the closing read began.

Why no edit can hide there:

- A person's edit makes that person the last to have changed the record. It is read, whatever its
  stamp, and however late it was committed.
- An edit that our write came after (of another field, between pull and write) is in the values that
  the closing read brought.
- A later change by our user, or by whatever runs as our user, has a later stamp. It is read.
- What our user committed after the closing read with an earlier stamp (a long transaction of the
  org's automation) and the lake has not seen in that time makes more records than the lake knows:
  then everything is read. What others changed in that time is read anyway and does not count here.
  Only where it changed one of those records once more is it not noticed, and it is nobody's edit.
- A value that changes without a stamp (a formula) is found by the refresh, as ever.

Where the CRM does not say who changed a record last, nothing is read after a write. Its answers
say when each record changed: as it was read back right before our write, and by our write. If none
had changed since they were pulled, what changed by the last of our own stamps is left out, as long
as it is no more than we know of: the records that we read or wrote in that time. A longer write is
looked at in stretches of two seconds: each must hold exactly as many records as we wrote in it.
Once that was so, and late enough that the search had settled, it is so for good: later edits have
later stamps. From then on only the sum is looked at, for what shows up late.

- An edit before our write makes the record younger than what was pulled: nothing is left out.
- An edit after our write moves its record out of the time that is left out, where it is read, or
  into another stretch: then everything is read.
- A record that we neither read nor wrote makes more than we know: then everything is read.
- After a write that was not read back record by record nothing is left out: the next pull reads it
  once.
- What can hide is an edit between reading a record back and writing it, or within its stretch: it
  is read at the next change of the record, or by the refresh. Nothing is written over it: what is
  written is compared with what the record holds.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import orjson
from pydantic import TypeAdapter

from ..mapping.objects import Pull
from ..protocols import Echo
from . import into_lake, ledger
from .app import App
from .changes import Plan
from .into_lake import moment, text
from .run import Run

#: So long after a write a search tells of all of it.
SETTLED = timedelta(minutes=1)


def remember(app: App, key: str, echo: Echo) -> None:
    """Keep it for the next pulls of an object."""
    app.state.remember(f"echo:{key}", orjson.dumps(echo).decode())


def forget(app: App, plan: Plan) -> None:
    """From now on something changes; what was left out before is left out no more."""
    app.state.forget(f"echo:{written_pull(app, plan.object).stream}:{plan.object}")


def expect(app: App, plan: Plan) -> None:
    """Keep that everything up to the last stamp of a write is our own echo, if that is sure."""
    stretches = app.crm.sealed(plan.known_at)
    if stretches:
        spec = written_pull(app, plan.object)
        remember(app, f"{spec.stream}:{plan.object}", Echo("", stretches[-1].end, stretches))


def confirm(app: App, run: Run, key: str, echo: Echo) -> None:
    """Its stretches held what they should: they need not be counted again once that is settled."""
    if echo.stretches and run.as_of >= echo.until + SETTLED:
        remember(app, key, replace(echo, stretches=()))


def written_pull(app: App, object: str) -> Pull:
    """How the records that are written are read."""
    return next(p for p in app.mapping.pull if (p.stream, p.object) == ("accounts", object))


def ours(app: App, run: Run, spec: Pull, since: datetime, until: datetime) -> int:
    """How many living records changed last within a time: by what we read, or by our writing."""
    columns = into_lake.columns_of(app, spec.stream)
    newest = app.lake.newest(spec.stream, run.engine, columns, key=into_lake.KEY)
    wrote = ledger.written(app, run)
    begin, end = moment(since), moment(until)
    return int(
        run.engine.one(
            f"SELECT count(*) FROM ({newest}) a LEFT JOIN ({wrote}) w ON w.id = a.id "
            f"WHERE a.source = {text(app.crm.name)} AND a.object = {text(spec.object)} "
            f"AND NOT coalesce(a.deleted, false) AND a.modified_at <= {end} "
            f"AND (a.modified_at >= {begin} OR w.pulled_at >= {begin})"
        )
    )


def recalled(app: App, key: str, since: datetime) -> Echo | None:
    """The echo that a pull since then would bring; None when it lies behind."""
    said = app.state.setting(f"echo:{key}")
    if not said:
        return None
    echo = TypeAdapter(Echo).validate_json(said)
    return echo if echo.until >= since else None


def known(
    app: App,
    run: Run,
    stream: str,
    object: str,
    since: datetime,
    until: datetime,
    others: str = "",
    wrote: str = "",
) -> int:
    """How many records of an object have changed within a time, as far as the lake knows, or are
    among what we just `wrote`; without the `others`. Both are queries for ids."""
    ours = f"OR id IN ({wrote})" if wrote else ""
    without = f"AND id NOT IN (SELECT id FROM ({others}) WHERE id NOTNULL) " if others else ""
    columns = into_lake.columns_of(app, stream)
    newest = app.lake.newest(stream, run.engine, columns, key=into_lake.KEY)
    return int(
        run.engine.one(
            f"SELECT count(*) FROM ({newest}) WHERE source = {text(app.crm.name)} "
            f"AND object = {text(object)} {without}"
            f"AND (modified_at BETWEEN {moment(since)} AND {moment(until)} {ours})"
        )
    )
