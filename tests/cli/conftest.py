"""A command line in this process, and a sandbox with an installation for it to work on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector.cli import run
from connector.sandbox.server import running
from tests.kept import filled


@dataclass(frozen=True)
class Said:
    """What a command line came to."""

    exit: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


Command = Callable[..., Said]


@pytest.fixture
def connector(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run one command line."""

    def command(*arguments: object) -> Said:
        capsys.readouterr()
        exit = run([str(each) for each in arguments])
        return Said(exit, *capsys.readouterr())

    return command


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a sandbox of thirty accounts."""
    store = filled(tmp_path_factory.mktemp("org") / "sandbox", accounts=30, seed=5)
    with running(store) as url:
        yield url
    store.close()


@pytest.fixture(scope="session")
def synced(sandbox: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of an installation that has synced once."""
    folder = tmp_path_factory.mktemp("installation")
    config = folder / "config.toml"
    assert run(["init", str(folder), "--sandbox", sandbox, "-q"]) == 0
    assert run(["-q", "-c", str(config), "fields", "apply", "--yes"]) == 0
    assert run(["-q", "-c", str(config), "sync"]) == 0
    return config
