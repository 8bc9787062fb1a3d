"""An installation with one file source and nothing to talk to: files go in, lake rows come out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connector.config import open_app
from connector.engines.duckdb import DuckDB
from connector.records import STREAMS, Org
from connector.sources.file import Source
from connector.sync import file_rows
from connector.sync.pull_files import pull_files
from connector.sync.pull_sources import PulledStream
from connector.sync.run import Run, new_id
from tests.world import ROOT

CONFIG = """
[crm]
type = "salesforce"
login_url = "https://login.salesforce.com"
[crm.auth]
flow = "jwt"
client_id = "c"
username = "u@kunde.example"
private_key = "file:key.pem"
[files]
mapping = "{mappings}/salesforce.toml"
model = "{mappings}/health.toml"
[engine]
threads = 1
[sources.table]
type = "file"
{source}
"""
SIGNALS = """
path = "{path}"
stream = "signals"
{settings}
[sources.table.columns]
id = '"nr"'
value = '"amount"'
occurred_at = '"day"'
"""


@dataclass
class Desk:
    """Where an admin puts files; every pull is a run of its own, an hour after the last."""

    folder: Path
    source: str
    now: datetime = datetime(2026, 11, 2, 8, tzinfo=UTC)
    odd: dict[str, tuple[int, list[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "key.pem").write_text("k")
        self.configure(self.source)

    def configure(self, source: str) -> None:
        text = CONFIG.format(mappings=ROOT / "mappings", source=source)
        (self.folder / "config.toml").write_text(text)

    def put(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def pull(self, source: Source | None = None) -> PulledStream:
        """Bring the lake up to date; with `source`, by one that behaves in its own way."""
        self.now += timedelta(hours=1)
        app = open_app(self.folder / "config.toml")
        engine = app.engine()
        run = Run(new_id(self.now), Org("00D", "u", "https://x", self.now), engine)
        try:
            return pull_files(app, run, "table", source or app.sources["table"])
        finally:
            self.odd = {o.rule.removeprefix("table_"): (o.count, list(o.ids)) for o in run.oddities}
            engine.close()

    def rows(self, *columns: str, where: str = "NOT deleted") -> list[tuple[Any, ...]]:
        """What the lake holds now, by id."""
        app = open_app(self.folder / "config.toml")
        engine = app.engine()
        stream = app.sources["table"].stream
        kinds = STREAMS[stream].all_columns
        newest = app.lake.newest(stream, engine, kinds, key=("source", "id"))
        listed = ", ".join(f"CAST({c} AS VARCHAR)" if c.endswith("_at") else c for c in columns)
        found = engine.rows(f"SELECT {listed} FROM ({newest}) WHERE {where} ORDER BY id")
        engine.close()
        return found


def desk(folder: Path, path: str, settings: str = "") -> Desk:
    """Signals from a file with the columns nr, amount and day."""
    return Desk(folder, SIGNALS.format(path=path, settings=settings))


@dataclass
class Staged:
    """What the rows of some files have become, without a lake."""

    rows: list[tuple[Any, ...]]
    odd: dict[str, tuple[int, list[str]]]
    count: int


def staged(source: Source, *columns: str) -> Staged:
    """Read the files of a source as a run does: the rows that are taken, and what is odd."""
    scratch = source.path.parent / ".scratch"
    scratch.mkdir(exist_ok=True)
    engine = DuckDB(threads=1, scratch=scratch)
    run = Run("r", Org("00D", "u", "https://x", datetime(2026, 11, 2, tzinfo=UTC)), engine)
    try:
        count = file_rows.stage(run, "table", source, source.files(), scratch)
        listed = ", ".join(
            f"CAST({c} AS VARCHAR)" if c[-3:] in ("_at", "_on") else c for c in columns
        )
        rows = engine.rows(f"SELECT {listed} FROM ({file_rows.good(source)}) ORDER BY id")
    finally:
        engine.close()
    odd = {o.rule.removeprefix("table_"): (o.count, list(o.ids)) for o in run.oddities}
    return Staged(rows, odd, count)


def signals(path: Path, **settings: Any) -> Source:
    """A source of signals with the columns nr, amount and day."""
    columns = {"id": "nr", "value": "amount", "occurred_at": "day"}
    return Source(path=path, stream="signals", **{"columns": columns, **settings})
