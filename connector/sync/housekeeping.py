"""Housekeeping: once a week the lake gives back what nobody needs any more.

Every run adds a few small files to the history of scores, and a fold leaves the files before it
behind. Once a week, under the lock of a run, small files are joined, and those are removed to which
no version of a table refers that is younger than `pull.memory`; files of runs that died as well.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..errors import ConnectorError
from ..records import STREAMS
from ..store.lake import KEEP
from . import ledger
from .app import App
from .run import Run

EVERY = timedelta(days=7)
SETTING = "tidied"
TABLES = (*STREAMS, "measures", "scores", "placements", ledger.TABLE)


def keep_house(app: App, run: Run) -> str:
    """Tidy up if it is time; what went wrong, as a notice, for it can wait until the next run."""
    last = app.state.setting(SETTING)
    if last is not None and run.as_of - datetime.fromisoformat(last) < EVERY:
        return ""
    if last is not None:
        try:
            for table in TABLES:
                app.lake.tidy(table, max(app.pulling.memory_span, KEEP))
        except ConnectorError as error:
            return f"{error.message} {error.hint}"
    app.state.remember(SETTING, run.as_of.isoformat())
    return ""
