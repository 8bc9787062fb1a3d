"""A full disk: a clear error, nothing lost, and the next run finishes the job."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from tests.world import KNOWN, world

SCRIPT = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that writing fails as on a full disk
from pathlib import Path
from connector.config import open_app
from connector.errors import ConnectorError
from connector.sync.flow import sync
app = open_app(Path(sys.argv[1]))
when, most = sys.argv[2], int(sys.argv[3])
def fill_up(phase="start", *_):
    if phase == when:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
fill_up()
try:
    sync(app, notify=fill_up)
except ConnectorError as error:
    print(error.message, "|", error.hint)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize(
    ("when", "most"),
    [("start", 2_000), ("start", 50_000), ("start", 60_000), ("score", 500), ("apply", 500)],
)
def test_a_full_disk_is_said_and_survived(tmp_path, when, most):
    """Whatever could not grow: state, raw pages, the lake, or the ledger after the writes."""
    with world(tmp_path, accounts=20) as here:
        here.ready()
        command = [sys.executable, "-c", SCRIPT, str(here.config), when, str(most)]
        full = subprocess.run(command, capture_output=True, text=True, check=False)
        assert full.returncode == 1, full.stderr
        assert "Traceback" not in full.stderr, full.stderr[-1500:]
        done = here.sync()
        assert done.exit == 0
        assert done.changes["failed"] == 0
        written = [row["id"] for row in here.writes()]
        assert len(written) == len(set(written)) == KNOWN
        assert here.sync().changes["planned"] == 0


def test_the_limit_is_real():
    """The resource that stands for the disk exists on this system."""
    assert resource.RLIMIT_FSIZE is not None
