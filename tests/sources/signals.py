"""A platform of the sandbox over HTTP, and what a source reads of it as rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests

from connector import http
from connector.engines.duckdb import DuckDB
from connector.sandbox.server import running
from connector.sandbox.store import Store
from connector.secrets import Secret
from tests.kept import filled


@dataclass
class Waits:
    """Waits by turning the sandbox's clock."""

    store: Store
    waited: float = 0

    def recall(self) -> dict[str, Any]:
        return {}

    def remember(self, facts: Any) -> None:
        """Keep nothing."""

    def pause(self, seconds: float) -> None:
        self.waited += seconds
        self.store.clock.advance(timedelta(seconds=seconds))


@dataclass
class Desk:
    """One platform: the store behind it, where it is, and how to get in."""

    store: Store
    base: str
    url: str
    keys: dict[str, Any]
    token: Secret
    into: Path
    pulls: int = 0

    def rows(self, source: Any, stream: str, since: datetime | None = None) -> list[dict[str, Any]]:
        """What a pull brings, the columns of the stream."""
        self.pulls += 1
        return read(source.pull(stream, since, self.into / str(self.pulls)))

    def waiting(self) -> Waits:
        """A progress that lets the sandbox's time pass instead of ours."""
        return Waits(self.store)

    def now(self) -> datetime:
        return self.store.clock.now()

    def fault(self, do: dict[str, Any], path: str, nth: int = 1) -> None:
        """Something goes wrong once."""
        fault = {"match": {"path_regex": path, "nth": nth}, "do": do, "times": 1}
        requests.post(f"{self.base}/_sandbox/faults", json=[fault], timeout=30).raise_for_status()

    def asked(self, route: str) -> int:
        """How often an address was asked for."""
        routes = requests.get(f"{self.base}/_sandbox/stats", timeout=30).json()["routes"]
        return sum(each["requests"] for each in routes if each["route"].endswith(route))


def read(spool: Any) -> list[dict[str, Any]]:
    """A spool as rows, by id; as many as it says."""
    if not spool.rows:
        return []
    with TemporaryDirectory() as scratch, closing(DuckDB(scratch=Path(scratch))) as engine:
        kinds = engine.types(f"SELECT * FROM {spool.relation}")
        moments = [name for name, kind in kinds.items() if kind.startswith("TIMESTAMP")]
        plain = ", ".join(f"epoch({name}) AS {name}" for name in moments)
        rows = engine.dicts(f"SELECT * REPLACE ({plain}) FROM {spool.relation} ORDER BY id")
    assert len(rows) == spool.rows
    return [
        {n: datetime.fromtimestamp(v, UTC) if n in moments and v is not None else v
         for n, v in row.items()}
        for row in rows
    ]  # fmt: skip


@contextmanager
def serving(tmp_path: Path, monkeypatch: Any, name: str, accounts: int = 12) -> Iterator[Desk]:
    """The sandbox with some accounts, and one of its platforms."""
    monkeypatch.setattr(http, "_backoff", lambda state: 0.01)
    store = filled(tmp_path / "sandbox", accounts=accounts, seed=5)
    with running(store) as base:
        keys = requests.get(f"{base}/_sandbox/credentials", timeout=30).json()[name]
        (tmp_path / "token").write_text(keys["token"])
        token = Secret(f"file:{tmp_path / 'token'}")
        yield Desk(store, base, keys["url"], keys, token, tmp_path / "in")
    store.close()
