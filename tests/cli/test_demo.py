"""connector demo: everything at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from .conftest import Command


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder to stand in."""
    return tmp_path_factory.mktemp("here")


@pytest.fixture(scope="module")
def shown(here: Path) -> dict[str, Any]:
    """What a small demo came to."""
    return demo(here)


def demo(here: Path, *more: str) -> dict[str, Any]:
    """Run a demo as a process of its own; it must end well."""
    line = [sys.executable, "-m", "connector.cli", "demo", "--accounts", "25", "--json", *more]
    done = subprocess.run(line, cwd=here, capture_output=True, text=True, check=True)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_the_demo_writes_everything_and_then_nothing(shown: dict[str, Any]) -> None:
    """The first time fills the fields of every account; the second has nothing to do."""
    assert shown["done"]["changes"]["applied"] == shown["done"]["changes"]["planned"] > 20
    assert shown["again"]["changes"]["planned"] == 0


def test_the_demo_predicts_its_writing_once(shown: dict[str, Any]) -> None:
    """The two steps are told as the one run that a sync would have been."""
    calls = shown["done"]["calls"]
    assert calls["collections"] == {"predicted": 1, "actual": 1}


def test_the_demo_leaves_a_report(shown: dict[str, Any], here: Path) -> None:
    """The page lies where one stands."""
    assert "<title>Customer health" in (here / "report.html").read_text()


def test_the_demo_stops_its_sandbox(shown: dict[str, Any]) -> None:
    """Nothing is left running."""
    with pytest.raises(requests.ConnectionError):
        requests.get(shown["url"], timeout=5)


def test_the_demo_can_be_looked_around_in(
    connector: Command, shown: dict[str, Any], here: Path
) -> None:
    """The account it names can be explained without the sandbox."""
    said = connector("-c", here / "demo/config.toml", "explain", shown["example"], "--json")
    assert said.json["account"] == shown["example"]


def test_the_demo_refuses_a_folder_that_is_not_its_own(connector: Command, tmp_path: Path) -> None:
    """Somebody's files are not swept away."""
    (tmp_path / "thesis.txt").write_text("years of work")
    assert connector("demo", "--dir", tmp_path).exit == 2
    assert (tmp_path / "thesis.txt").exists()


def test_a_kept_demo_goes_on_where_it_was(here: Path, shown: dict[str, Any]) -> None:
    """With --keep the same accounts have nothing new to write."""
    again = demo(here, "--keep")
    assert again["url"] != shown["url"]
    assert again["done"]["changes"]["planned"] == 0


def test_the_demo_tells_the_same_story_on_hubspot(tmp_path: Path) -> None:
    """Written, nothing left to do, a report; usage is found by the customer's number."""
    said = demo(tmp_path, "--crm", "hubspot")
    assert said["done"]["changes"]["applied"] == said["done"]["changes"]["planned"] > 20
    assert said["again"]["changes"]["planned"] == 0
    assert said["done"]["calls"]["batch_update"] == {"predicted": 1, "actual": 1}
    assert "<title>Customer health" in (tmp_path / "report.html").read_text()
    unknown = {o["stream"]: o["count"] for o in said["done"]["odd"] if o["rule"] == "unknown"}
    assert unknown.get("signals", 0) < 0.1 * said["done"]["streams"]["signals"]["pulled"]
