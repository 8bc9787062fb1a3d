"""What has vanished from a CRM whose changes do not tell of it: totals are compared.

A search finds nothing that was deleted. So it is counted how many records there are. If the lake
knows of more, what lies in the bin is asked for, and if that does not explain it, the ids of all
records. If it knows of fewer, some came back without a new stamp: the next pull reads everything.
Records that are written are counted in every run, all others once a day.

What lies in the bin was put there. What is not even there has to be believed, and only so much of
it is: a token that sees less than before would look the same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from ..errors import UnsafePlan
from ..mapping import pulls
from ..mapping.objects import Pull
from ..protocols import Read, Spool
from . import into_lake
from .app import App
from .run import Run

AGAIN = timedelta(days=1)
#: Fetches what a read asks for.
Fetch = Callable[[Read], Spool]


def is_due(app: App, run: Run, spec: Pull) -> bool:
    """Whether the records of an object are counted this time."""
    if not app.crm.hides_deleted or spec.where or not spec.deleted:
        return False
    if (spec.stream, spec.object) == ("accounts", app.mapping.object):
        return True
    return _is_old(app, run, f"counted:{spec.stream}:{spec.object}")


def found(app: App, run: Run, spec: Pull, total: int, fetch: Fetch) -> tuple[int, int]:
    """How many records have vanished, and the calls that it took to find out which."""
    key = f"{spec.stream}:{spec.object}"
    app.state.remember(f"counted:{key}", run.as_of.isoformat())
    buried = calls = 0
    names = pulls.id_fields(spec)
    for part in ("gone", "rest"):
        if _alive(app, run, spec) <= total:
            break
        spool = fetch(Read(spec.object, names, None, "", part=part))
        calls += spool.calls
        if part == "rest":
            guard(app, run, spec, spool.rows)
        if spool.rows:
            ids = pulls.ids(spec, spool.relation)
            among = part == "gone"
            buried += into_lake.bury(app, run, spec.stream, spec.object, ids, among=among)
    if _alive(app, run, spec) < total and _is_old(app, run, f"whole:{key}"):
        app.state.forget(key)
    return buried, calls


def guard(app: App, run: Run, spec: Pull, rows: int) -> int:
    """A read of everything that brings nothing, or far less than is known, is a fault, not news.

    How many records are known.
    """
    known = _alive(app, run, spec)
    if rows == 0 and spec.stream == "accounts":
        raise UnsafePlan(
            f"{spec.object}: not one record came back.",
            hint="May the integration user or app see them (sharing, scopes)? Is the filter right?",
        )
    if known and rows < known * (1 - app.guards.max_vanish):
        raise UnsafePlan(
            f"{spec.object}: {rows} records came back where {known} were known.",
            hint="Has the user lost access? If it is right, raise guards.max_vanish for one run.",
        )
    return known


def _alive(app: App, run: Run, spec: Pull) -> int:
    return into_lake.known(app, run, spec.stream, spec.object)


def _is_old(app: App, run: Run, name: str) -> bool:
    last = app.state.setting(name)
    return last is None or run.as_of - datetime.fromisoformat(last) >= AGAIN
