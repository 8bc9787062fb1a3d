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
  then everything is read. Only where it changed one of those records once more is it not noticed,
  and it is nobody's edit.
- A value that changes without a stamp (a formula) is found by the refresh, as ever.

Where the CRM does not say who changed a record last, fewer than `WORTH` writes leave no echo that
is left out: the next pull reads them, in a few calls. After more, nothing is read. Before them, the
CRM is asked whether anybody has changed anything since the records were read; if so, the next pull
reads everything. If not, what changed by the end of the write is compared with what we know: the
records that we read or wrote in that time. Every later change moves its record out of that time and
is read; one that we do not know of makes more than we know, and then everything is read. What can
hide is an edit of another field of a record between the moment at which the CRM was asked, less
what it tells late, and the end of the write: it is read at the next change of the record, or by
the refresh.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson

from ..mapping.objects import Pull
from ..protocols import Echo, Read
from . import into_lake, ledger
from .app import App
from .changes import Plan
from .into_lake import moment, text
from .run import Run

SECOND = timedelta(seconds=1)
#: From so many writes on it is worth leaving their echo out where nobody says whose a change is.
WORTH = 2_000
FOREVER = datetime(2999, 1, 1, tzinfo=UTC)


def remember(app: App, key: str, echo: Echo) -> None:
    """Keep it for the next pulls of an object."""
    kept = {"user": echo.user, "until": echo.until.isoformat()}
    app.state.remember(f"echo:{key}", orjson.dumps(kept).decode())


def quiet(app: App, run: Run, plan: Plan) -> bool:
    """Whether nobody has changed a record since those that a plan writes were read."""
    spec = written_pull(app, plan.object)
    asked = Read(plan.object, (), plan.known_at, spec.modified, spec.where)
    count = app.crm.changed([asked])[0]
    if count is None:
        return False
    return bool(count <= known(app, run, spec.stream, plan.object, plan.known_at, FOREVER))


def expect(app: App, plan: Plan) -> None:
    """Keep that everything up to now is our own echo."""
    spec = written_pull(app, plan.object)
    remember(app, f"{spec.stream}:{plan.object}", Echo("", app.crm.now() + SECOND))


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
            f"AND (a.modified_at >= {begin} OR w.pulled_at BETWEEN {begin} AND {end})"
        )
    )


def recalled(app: App, key: str, since: datetime) -> Echo | None:
    """The echo that a pull since then would bring; None when it lies behind."""
    said = app.state.setting(f"echo:{key}")
    if not said:
        return None
    kept = orjson.loads(said)
    echo = Echo(kept["user"], datetime.fromisoformat(kept["until"]))
    return echo if echo.until >= since else None


def known(app: App, run: Run, stream: str, object: str, since: datetime, until: datetime) -> int:
    """How many records of an object have changed within a time, as far as the lake knows."""
    columns = into_lake.columns_of(app, stream)
    newest = app.lake.newest(stream, run.engine, columns, key=into_lake.KEY)
    return int(
        run.engine.one(
            f"SELECT count(*) FROM ({newest}) WHERE source = {text(app.crm.name)} "
            f"AND object = {text(object)} "
            f"AND modified_at BETWEEN {moment(since)} AND {moment(until)}"
        )
    )
