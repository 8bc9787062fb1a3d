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
"""

from __future__ import annotations

from datetime import datetime

import orjson

from ..protocols import Echo
from . import into_lake
from .app import App
from .into_lake import moment, text
from .run import Run


def remember(app: App, key: str, echo: Echo) -> None:
    """Keep it for the next pulls of an object."""
    kept = {"user": echo.user, "until": echo.until.isoformat()}
    app.state.remember(f"echo:{key}", orjson.dumps(kept).decode())


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
