"""A lake on disk without any other system: records put by hand, and an installation over it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from connector.engines.duckdb import DuckDB
from connector.model.definition import HealthModel
from connector.records import STREAMS
from connector.store.lake import Lake
from connector.store.state import State
from connector.sync.app import App
from connector.sync.run import Run
from connector.sync.score import score
from tests.model.lake import only

#: The day of the first pull.
START = datetime(2026, 1, 1, tzinfo=UTC)
#: A few measures of the shipped model, each from another stream.
MODEL = only("meetings_held", "ticket_load", "open_urgent_tickets", caps=["open_urgent_ticket"])


def day(number: float) -> datetime:
    """A moment, in days since the first pull."""
    return START + timedelta(days=number)


@dataclass
class Place:
    """An installation in a folder. Days are counted from the first pull."""

    folder: Path
    model: HealthModel = MODEL

    @property
    def app(self) -> App:
        return App(
            folder=self.folder,
            crm=SimpleNamespace(name="crm"),
            sources={},
            mapping=SimpleNamespace(fields=()),  # type: ignore[arg-type]
            model=self.model,
            lake=Lake(self.folder / "lake"),
            state=State(f"sqlite:///{self.folder / 'state.sqlite'}"),
            engine=partial(DuckDB, threads=1, scratch=self.folder / "spill"),
        )

    def put(self, stream: str, pulled: float, *records: dict[str, Any]) -> None:
        """Store records as a pull on that day does; they changed then, if they do not say when."""
        columns = STREAMS[stream].all_columns
        common = {"source": "crm", "object": "O", "pulled_at": day(pulled), "deleted": False}
        rows = [{**common, "modified_at": day(pulled), **each} for each in records]
        sql = " UNION ALL ".join(
            "SELECT "
            + ", ".join(f"CAST({_literal(r.get(n))} AS {k}) AS {n}" for n, k in columns.items())
            for r in rows
        )
        engine = DuckDB(threads=1, scratch=self.folder / "spill")
        self.app.lake.append(stream, engine, sql)
        engine.close()

    def fold(self) -> None:
        """Fold every stream, as the next pull may do."""
        engine = DuckDB(threads=1, scratch=self.folder / "spill")
        lake = self.app.lake
        for stream in STREAMS.values():
            if lake.layers(stream.name).files:
                columns = stream.all_columns
                newest = lake.newest(stream.name, engine, columns, key=("source", "id"))
                lake.replace(stream.name, engine, newest)
        engine.close()

    def score(self, number: float) -> None:
        """Score as a run on that day does, and keep it."""
        engine = DuckDB(threads=1, scratch=self.folder / "spill")
        org: Any = SimpleNamespace(now=day(number))
        score(self.app, Run("r", org, engine))
        engine.close()

    def rows(self, table: str, sql: str) -> list[tuple[Any, ...]]:
        """What a query finds in a table of the lake, which it calls `{t}`."""
        engine, lake = DuckDB(threads=1, scratch=self.folder / "spill"), self.app.lake
        columns = lake.types(table, engine)
        found = engine.rows(sql.format(t=f"({lake.every(table, engine, columns)})"))
        engine.close()
        return found

    def with_model(self, model: HealthModel) -> Place:
        """The same place with another model."""
        return replace(self, model=model)


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str | datetime):
        text = str(value).replace("'", "''")
        return f"'{text}'"
    return str(value)


def small(folder: Path) -> Place:
    """Two accounts, one with a meeting and a ticket, pulled on the first day."""
    place = Place(folder)
    opinion = {"sentiment": 4, "sentiment_at": day(-3), "created_at": day(-900), "revenue": 1000}
    place.put(
        "accounts", 0,
        {"id": "001", "name": "One", "modified_at": day(-3), **opinion},
        {"id": "002", "name": "Two", "modified_at": day(-3), **opinion, "sentiment": 2},
    )  # fmt: skip
    place.put(
        "activities", 0,
        {
            "id": "a1", "account_id": "001", "kind": "meeting", "status": "held",
            "occurred_at": day(-20), "created_at": day(-20), "modified_at": day(-20),
        },
    )  # fmt: skip
    place.put(
        "tickets", 0,
        {
            "id": "t1", "account_id": "001", "priority": "normal", "is_closed": False,
            "opened_at": day(-5), "modified_at": day(-5),
        },
    )  # fmt: skip
    return place
