"""An org of the sandbox, and the clients of others that are let loose on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.sandbox.faults import Faults
from connector.sandbox.server import opened, running
from connector.sandbox.store import Store

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
SECONDS = 120


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies here, so that `make test` leaves it to `make conformance`."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.conformance)


@dataclass(frozen=True)
class Org:
    """A running sandbox from outside, and what is needed to sign in."""

    url: str
    keys: dict[str, Any]
    store: Store

    def token(self) -> str:
        """A new session."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.keys["client_id"],
            "client_secret": self.keys["client_secret"],
        }
        answer = requests.post(f"{self.url}/services/oauth2/token", data=form, timeout=30)
        return str(answer.json()["access_token"])

    def control(self, name: str, body: Any = None) -> Any:
        """One of the sandbox's own controls."""
        url = f"{self.url}/_sandbox/{name}"
        if body is None:
            answer = requests.get(url, timeout=30)
        else:
            answer = requests.post(url, json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def held(self, *fields: str, object: str = "Account") -> dict[str, dict[str, Any]]:
        """What the records hold now, by id."""
        names = ",".join(fields)
        found: dict[str, dict[str, Any]] = self.control(f"values?object={object}&fields={names}")
        return found

    def count(self, object: str) -> int:
        """How many records there are that nobody has deleted."""
        return len(self.held("Id", object=object))


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    """Three hundred accounts and what belongs to them, for one file of tests."""
    folder = tmp_path_factory.mktemp("org")
    store = opened(folder, accounts=300, seed=3, start=None)
    with running(store, Faults()) as url:
        keys = requests.get(f"{url}/_sandbox/credentials", timeout=30).json()["salesforce"]
        yield Org(url, keys, store)
    store.close()


@dataclass(frozen=True)
class Node:
    """Node programs in a home of their own, which reach this machine only."""

    home: Path

    @property
    def log(self) -> Path:
        """Where a connection that would have left this machine is noted."""
        return self.home / "elsewhere.log"

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of this machine's settings; telemetry, logs and updates are off."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "CI": "true",
            "NO_COLOR": "1",
            "NODE_OPTIONS": f"--require {HERE / 'loopback.cjs'}",
            "LOOPBACK_LOG": str(self.log),
            "SF_AUTOUPDATE_DISABLE": "true",
            "SF_DISABLE_AUTOUPDATE": "true",
            "SF_DISABLE_LOG_FILE": "true",
            "SF_DISABLE_TELEMETRY": "true",
            "SF_SKIP_NEW_VERSION_CHECK": "true",
            "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
        }

    def run(
        self, *command: str, given: Any = None, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """One program, ended before anything is looked at."""
        return subprocess.run(
            command,
            input=json.dumps(given),
            env={**self.environment, **more},
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Node with the packages of `package.json`; that nothing leaves this machine is checked."""
    _check_installed()
    ready = Node(tmp_path_factory.mktemp("home"))
    yield ready
    assert not ready.log.exists(), ready.log.read_text()


def _check_installed() -> None:
    if shutil.which("node") and MODULES.is_dir():
        return
    why = "Node and the packages of tests/conformance are needed: make conformance"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
