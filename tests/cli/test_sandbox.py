"""connector sandbox: served as a process of its own, filled from files."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from .conftest import Command

SPEC = """
start = "2026-01-01T00:00:00Z"

[[load]]
file   = "accounts.csv"
object = "Account"
key    = "name"
[load.fields]
Name = "name"
"""


def test_serve_says_where_it_is_and_stops_when_told(tmp_path: Path) -> None:
    """One line of JSON on stdout, an answer at that address, a clean end on SIGTERM."""
    line = ["sandbox", "serve", "--port", "0", "--accounts", "3", "--dir", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-m", "connector.cli", *line], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        try:
            url = json.loads(child.stdout.readline())["url"]
            health = requests.get(f"{url}/_sandbox/health", timeout=10).json()
        finally:
            child.send_signal(signal.SIGTERM)
        rest = child.stdout.read()
    assert health == {"ok": True}
    assert rest == ""


def test_load_fills_a_new_sandbox(connector: Command, tmp_path: Path) -> None:
    """Files become records, and what was loaded is told."""
    (tmp_path / "accounts.csv").write_text("name\nAcme\nGlobex\n")
    (tmp_path / "load.toml").write_text(SPEC)
    line = ("sandbox", "load", tmp_path, "--spec", tmp_path / "load.toml", "--dir", tmp_path / "s")
    said = connector(*line, "--json")
    assert said.exit == 0
    assert said.json["loaded"][0]["loaded"] == 2


def test_load_does_not_touch_a_sandbox_that_is_there(connector: Command, tmp_path: Path) -> None:
    """A sandbox is filled once."""
    (tmp_path / "accounts.csv").write_text("name\nAcme\n")
    (tmp_path / "load.toml").write_text(SPEC)
    line = ("sandbox", "load", tmp_path, "--spec", tmp_path / "load.toml", "--dir", tmp_path / "s")
    assert connector(*line).exit == 0
    assert connector(*line).exit == 2


def test_a_wrong_specification_leaves_no_sandbox(connector: Command, tmp_path: Path) -> None:
    """After a mistake is corrected the same line works."""
    (tmp_path / "accounts.csv").write_text("name\nAcme\n")
    spec = tmp_path / "load.toml"
    spec.write_text(SPEC.replace('Name = "name"', 'Name = "nosuch"'))
    line = ("sandbox", "load", tmp_path, "--spec", spec, "--dir", tmp_path / "s")
    assert connector(*line).exit == 2
    spec.write_text(SPEC)
    assert connector(*line).exit == 0


def test_serve_refuses_a_port_that_is_taken(connector: Command, sandbox: str) -> None:
    """A taken port is an error in words."""
    port = sandbox.rpartition(":")[2]
    said = connector("sandbox", "serve", "--port", port, "--accounts", "1")
    assert said.exit == 2
    assert port in said.err


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_a_missing_extra_says_what_to_install(missing: str) -> None:
    """Without the extra the command names it."""
    code = f"import sys; sys.modules[{missing!r}] = None; from connector.cli import run; "
    code += "sys.exit(run(['sandbox', 'serve', '--accounts', '1']))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "crm-health-connector[sandbox]" in done.stderr
