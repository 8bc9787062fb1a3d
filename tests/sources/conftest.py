"""A platform of the sandbox with the answers that a test gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from connector import http
from connector.sandbox.faults import Faults
from connector.sandbox.server import running
from connector.sandbox.store import Store
from connector.sandbox.surveys import answers
from connector.secrets import Secret
from tests.kept import filled
from tests.sources.reading import rows


@dataclass
class Emulated:
    """One platform of the sandbox, and a source that reads it."""

    name: str
    url: str
    store: Store
    folder: Path

    def source(self, **settings: Any) -> Any:
        keys = import_module(f"connector.sandbox.surveys.{self.name}").credentials(
            self.store, self.url
        )
        secret = self.folder / "token"
        secret.write_text(keys.pop("token"))
        module = import_module(f"connector.sources.{self.name}")
        return module.Source(token=Secret(f"file:{secret}"), **{**keys, **settings})

    def rows(self, stream: str = "responses", **settings: Any) -> dict[str, dict[str, Any]]:
        found = rows(self.source(**settings), self.folder, stream=stream)
        return {row["id"]: row for row in found}

    def add(self, id: str, **told: Any) -> None:
        with self.store.lock:
            answers.act(self.store, {"do": "add", "id": id, **told})


@pytest.fixture
def emulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Emulated]]:
    """Serve a platform with two surveys, and no answers yet."""
    monkeypatch.setattr(http, "_backoff", lambda state: 0.01)
    store = filled(tmp_path / "sandbox", accounts=0, seed=1)
    for id, title in (("s1", "Relationship"), ("s2", "After support")):
        answers.add_survey(store, answers.Survey(id, title, "active", "2026-01-01T00:00:00Z"))
    with running(store, Faults()) as url:
        yield lambda name: Emulated(name, url, store, tmp_path)
    store.close()
