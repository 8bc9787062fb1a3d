"""A sandbox that serves a platform, and what a source brings of it as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import requests

from connector import http
from connector.engines.duckdb import DuckDB
from connector.sandbox.faults import Faults
from connector.sandbox.server import running
from connector.sandbox.store import Store
from connector.sandbox.surveys import answers
from connector.secrets import Secret
from tests.kept import filled

BEFORE = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class Going:
    """A progress that remembers, as the engine's does between two pulls."""

    facts: dict[str, Any] = field(default_factory=dict)

    def recall(self) -> dict[str, Any]:
        return dict(self.facts)

    def remember(self, facts: Mapping[str, Any]) -> None:
        self.facts = dict(facts)

    def pause(self, seconds: float) -> None:
        """No job of the sandbox needs waiting."""


@dataclass
class Here:
    """One platform of a sandbox."""

    url: str
    keys: dict[str, str]
    store: Store
    tmp: Path

    def secret(self, name: str = "token") -> Secret:
        path = self.tmp / f"{name}.secret"
        path.write_text(self.keys[name])
        return Secret(f"file:{path}")

    def fault(self, path: str, do: dict[str, Any], nth: int = 1) -> None:
        fault = {"match": {"path_regex": path, "nth": nth}, "do": do, "times": 1}
        requests.post(f"{self.url}/_sandbox/faults", json=[fault], timeout=30)

    def act(self, **wanted: Any) -> str:
        with self.store.lock:
            return str(answers.act(self.store, wanted)["id"])

    def answers(self, where: str = "true", *given: object) -> list[answers.Answer]:
        with self.store.lock:
            return answers.find(self.store, where, given)

    def rows(
        self, source: Any, since: datetime | None = None, stream: str = "responses",
        progress: Any = None,
    ) -> dict[str, dict[str, Any]]:  # fmt: skip
        return rows(source, self.tmp, since, stream, progress)


@contextmanager
def serving(platform: str, tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    """The sandbox with the answers of some accounts."""
    monkeypatch.setattr(http, "_backoff", lambda state: 0.01)
    store = filled(tmp / "sandbox", accounts=40, seed=5)
    with running(store, Faults()) as url:
        keys = requests.get(f"{url}/_sandbox/credentials", timeout=30).json()[platform]
        yield Here(url, keys, store, tmp)
    store.close()


def rows(
    source: Any, tmp: Path, since: datetime | None = None, stream: str = "responses",
    progress: Any = None,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """What a pull brings, by id; moments as seconds since 1970."""
    folder = Path(mkdtemp(dir=tmp))
    spool = source.pull(stream, since, folder, progress)
    if not spool.rows:
        return {}
    engine = DuckDB(scratch=folder / "spill")
    try:
        sql = f"SELECT * FROM {spool.relation}"
        moments = [name for name, kind in engine.types(sql).items() if "TIME ZONE" in kind.upper()]
        picked = ", ".join(f"epoch({name}) AS {name}" for name in moments)
        found = engine.dicts(f"SELECT * REPLACE ({picked}) FROM ({sql})")
    finally:
        engine.close()
    assert len(found) == spool.rows
    return {row["id"]: row for row in found}


def seconds(stamp: str) -> float:
    """A stamp of the sandbox as seconds since 1970."""
    return answers.moment(stamp).timestamp()
