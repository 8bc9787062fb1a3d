"""One lake, scored twice: by DuckDB alone, and with Spark for the stages of the score."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from connector.engines.duckdb import DuckDB
from connector.engines.spark import Spark
from connector.mapping.objects import Field
from connector.model import placements, stages
from connector.model.definition import HealthModel
from connector.model.history import HISTORY
from connector.model.matching import Matching
from connector.records import STREAMS, Org
from connector.store.lake import Lake
from connector.sync import elsewhere, score
from connector.sync.app import App
from connector.sync.run import Run

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
#: What must be the same: everything that later steps read.
COMPARED = (*elsewhere.TAKEN, *elsewhere.ON_TOP)
MASTER = "local[2]"
#: Without these there is no score: they must have been made where they were meant to be.
MADE = frozenset({"raw", "graded", "measures", "scores"})


class Watched(Spark):
    """Spark that notes what it was given to make."""

    def __init__(self, made: set[str], **settings: Any) -> None:
        super().__init__(**settings)
        self._made = made

    def stage(self, name: str, sql: str, kind: str = "view") -> None:
        super().stage(name, sql, kind)
        self._made.add(name)


class Both:
    """A lake in a folder, and the ways to score it."""

    def __init__(self, folder: Path, *sources: str) -> None:
        self.folder, self.lake = folder, Lake(folder / "lake")
        #: What the mapping writes: results that are made only where somebody wants them.
        self.fields = tuple(Field(each, f"{each}__c", "text") for each in sources)
        self.aliases = folder / "aliases.csv"
        self.engine = DuckDB(scratch=folder / "spill")
        self._on_spark: set[str] = set()

    def put(self, table: str, *records: dict[str, Any]) -> None:
        """Add records or earlier results; a moment or a day is SQL, all else a value."""
        known = {"scores": HISTORY, "placements": placements.COLUMNS}
        columns = known[table] if table in known else STREAMS[table].all_columns
        common: dict[str, Any] = {} if table in known else _COMMON
        rows = " UNION ALL ".join(_row(columns, {**common, **each}) for each in records)
        self.lake.append(table, self.engine, rows, "tail" if table in known else "base")

    @contextmanager
    def scored(self, model: HealthModel, *, spark: bool, now: datetime = NOW) -> Iterator[Run]:
        """A run whose engine holds the score."""
        engine = DuckDB(scratch=self.folder / "spill")
        run = Run("run", Org("00D", "005", "http://127.0.0.1", now), engine)
        app = self.app(model, spark=spark)
        self._on_spark.clear()
        try:
            score.stage_inputs(app, engine)
            score.run_stages(app, run)
            assert self._on_spark & MADE == (MADE if spark else set())
            yield run
        finally:
            engine.close()

    def app(self, model: HealthModel, *, spark: bool) -> App:
        scorer = partial(
            Watched,
            self._on_spark,
            master=MASTER,
            memory="2GB",
            scratch=self.folder / "scratch",
            conf={},
        )
        nobody: Any = SimpleNamespace(name="crm")
        return App(
            folder=self.folder,
            crm=nobody,
            sources={},
            mapping=SimpleNamespace(objects=(), fields=self.fields),  # type: ignore[arg-type]
            model=model,
            lake=self.lake,
            state=None,  # type: ignore[arg-type]
            engine=None,
            scorer=scorer if spark else None,
            aliases=self.aliases,
            matching=Matching(least=0.5, own=("firm7.example",)),
        )

    def keep(self, model: HealthModel, now: datetime) -> None:
        """Score an earlier moment as a run does, and keep it for later ones to go on from."""
        engine = DuckDB(scratch=self.folder / "spill")
        run = Run("before", Org("00D", "005", "http://127.0.0.1", now), engine)
        score.score(self.app(model, spark=False), run)
        engine.close()

    def differences(self, model: HealthModel, now: datetime = NOW) -> dict[str, tuple[int, int]]:
        """Table → rows that only DuckDB has, and only Spark; empty when all is the same."""
        kept: dict[str, tuple[Path, list[str]]] = {}
        with self.scored(model, spark=False, now=now) as run:
            for name in _tables(model, now, brief=bool(self.fields)):
                file = self.folder / f"{name}.parquet"
                columns = list(run.engine.types(f"SELECT * FROM {name}"))
                run.engine.export(f"SELECT * FROM {name}", str(file), 122_880)
                kept[name] = file, columns
        found = {}
        with self.scored(model, spark=True, now=now) as run:
            for name, (file, columns) in kept.items():
                assert list(run.engine.types(f"SELECT * FROM {name}")) == columns
                mine, theirs = f"SELECT * FROM '{file}'", f"SELECT * FROM {name}"
                only = (
                    run.engine.one(f"SELECT count(*) FROM ({mine} EXCEPT ALL {theirs})"),
                    run.engine.one(f"SELECT count(*) FROM ({theirs} EXCEPT ALL {mine})"),
                )
                if only != (0, 0):
                    found[name] = only
        return found


_COMMON = {
    "source": "crm",
    "deleted": False,
    "modified_at": "TIMESTAMPTZ '2026-01-30 00:00:00+00'",
    "pulled_at": "TIMESTAMPTZ '2026-01-31 12:00:00+00'",
}


def _tables(model: HealthModel, now: datetime, *, brief: bool) -> list[str]:
    made = {stage.name for stage in stages.stages(model, as_of=now, brief=brief)}
    return [name for name in COMPARED if name in made]


def _row(columns: Any, values: dict[str, Any]) -> str:
    assert set(values) <= set(columns), set(values) - set(columns)
    listed = ", ".join(
        f'CAST({_said(values.get(name))} AS {kind}) AS "{name}"' for name, kind in columns.items()
    )
    return f"SELECT {listed}"


def _said(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str) and not value.startswith(("TIMESTAMPTZ '", "DATE '")):
        return "'" + value.replace("'", "''") + "'"
    return str(value)
