"""A score that another engine works out: it reads the lake's own files, its results come as files.

Everything else of a run stays where it is. What the records of a CRM and of files look like, and
what goes back, are questions of one machine; how much of them there is by now is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..model.stage import Stage
from ..records import TEXT
from ..store.lake import ROW_GROUP
from .run import Run

#: What later steps of a run read of a score.
TAKEN = (
    "successor",
    "accounts",
    "holders",
    "placements",
    "raw",
    "measures",
    "scores",
    "rollups",
    "briefs",
    "oddities",
)
#: Built on top of those once more, as they are never tables.
ON_TOP = ("results", "alarms", "parts", "seen_responses")
#: The small tables that are not in the lake.
NAMES = {
    "aliases": {"key": TEXT, "account_id": TEXT},
    "free_mail": {"domain": TEXT},
    "registrable": {"domain": TEXT, "registrable": TEXT},
}


class Scorer(Protocol):
    """What is asked of the other engine, in the one dialect of the model."""

    def select(self, files: Sequence[str], columns: Mapping[str, str]) -> str:
        """A SELECT over Parquet files with exactly these columns; absent ones are NULL."""
        ...

    def stage(self, name: str, sql: str, kind: str = "view") -> None:
        """Put a query under a name: a view, or a table when it is read more than once."""
        ...

    def place(self, name: str) -> str:
        """Where the run's engine may put a Parquet file for this one to read."""
        ...

    def files(self, name: str) -> Sequence[str]:
        """What is staged under a name, as Parquet files that the run's engine can read."""
        ...

    def close(self) -> None:
        """Remove those files, and end what was begun."""
        ...


def stage_names(run: Run, scorer: Scorer) -> None:
    """Give the other engine what the run's own one has been given already."""
    for name, columns in NAMES.items():
        file = scorer.place(name)
        run.engine.export(f"SELECT {', '.join(columns)} FROM {name}", file, ROW_GROUP)
        scorer.stage(name, scorer.select([file], columns))


def run_stages(run: Run, scorer: Scorer, made: Sequence[Stage]) -> None:
    """Run the model's stages there, and take what later steps read."""
    for number, stage in enumerate(made, 1):
        scorer.stage(stage.name, stage.sql, stage.kind)
        run.notify("score", stage.name, number, len(made))
    for stage in made:
        if stage.name in TAKEN:
            files = scorer.files(stage.name)
            taken = run.engine.select(files, run.engine.columns(files))
            run.engine.stage(stage.name, taken, "table")
    for stage in made:
        if stage.name in ON_TOP:
            run.engine.stage(stage.name, stage.sql, stage.kind)
