"""The sandbox as a process: it starts, fills itself, stops, and comes back."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import requests

from connector.sandbox.server import FILE

START = """
import sys
from pathlib import Path
from connector.sandbox.server import serve
serve(Path(sys.argv[1]), 0, 20, 1, None, None, lambda url: print(url, flush=True))
"""


def started(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """A sandbox in a process of its own, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def stopped(process: subprocess.Popen[str]) -> int:
    """Asks it to stop and tells how it ended."""
    process.send_signal(signal.SIGTERM)
    with process:
        return process.wait(20)


def names(url: str) -> dict[str, dict[str, str]]:
    """The accounts it holds."""
    at = f"{url}/_sandbox/values?object=Account&fields=Name"
    return requests.get(at, timeout=10).json()


def test_a_sandbox_keeps_its_data_over_a_restart(tmp_path):
    """Filled once, ended without a fault, the same afterwards."""
    process, url = started(tmp_path)
    before = names(url)
    keys = requests.get(f"{url}/_sandbox/credentials", timeout=10).json()["salesforce"]
    assert stopped(process) == 0
    process, url = started(tmp_path)
    after = names(url)
    again = requests.get(f"{url}/_sandbox/credentials", timeout=10).json()["salesforce"]
    assert stopped(process) == 0
    assert len(before) >= 19
    assert before == after
    assert keys["private_key"] == again["private_key"]


def test_a_sandbox_whose_filling_was_cut_short_begins_anew(tmp_path):
    """Half an org is never served."""
    (tmp_path / f"{FILE}.unfinished").write_bytes(b"half")
    process, url = started(tmp_path)
    assert len(names(url)) >= 19
    assert stopped(process) == 0
    assert [each.name for each in tmp_path.iterdir()] == [FILE]
