"""A scheduler's stop is an orderly one: no job is left running, and the next run goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
from time import monotonic, sleep

import pytest

from tests.sync.test_writing_lanes import FILE, lane, open_jobs, times
from tests.world import KNOWN, ROOT, World

SLOW = {"delay_ms": 2_000}


def under_way(here: World, part: str) -> bool:
    """Whether such a request has come in."""
    return any(part in each["route"] for each in here.control("stats")["routes"])


@pytest.mark.parametrize("lanes", ["pages", "records", "file"])
def test_sigterm_ends_a_sync_as_the_keyboard_does(here, lanes):
    """While objects are read side by side, while records are written, while a job is waited for."""
    if lanes == "file":
        lane(here, FILE)
        here.control("bulk", {"stall": True})
        part = "jobs/ingest/{"
    else:
        part = "/query" if lanes == "pages" else "composite/sobjects"
        here.config.write_text(here.config.read_text().replace("parallel = 1", "parallel = 4"))
        here.faults({"match": {"path_regex": part}, "do": SLOW})
    here.control("reset-stats", {})
    line = [sys.executable, "-m", "connector.cli", "-c", str(here.config), "sync"]
    with subprocess.Popen(line, cwd=ROOT, stderr=subprocess.PIPE, text=True) as child:
        until = monotonic() + 60
        while not under_way(here, part) and monotonic() < until:
            sleep(0.05)
        child.send_signal(signal.SIGTERM)
        said = child.communicate(timeout=60)[1]
    assert (child.returncode, said.strip()[:8]) == (130, "Stopped.")
    assert open_jobs(here) == 0
    here.faults()
    here.control("bulk", {"stall": False})
    assert here.sync().exit == 0
    assert len({row["id"] for row in here.writes()}) == KNOWN
    assert times(here) == {1}
