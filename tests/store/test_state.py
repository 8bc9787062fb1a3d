"""The state: small facts that survive, one run at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from connector.errors import ConfigError, Locked
from connector.store.state import State, Watermark

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'state.sqlite'}"


def test_a_watermark_is_there_after_a_restart(url):
    """Another process opens the same file and goes on."""
    State(url).advance("accounts:Account", Watermark(NOW, "abc"))
    assert State(url).watermark("accounts:Account") == Watermark(NOW, "abc")
    assert State(url).watermark("other") is None


def test_a_run_keeps_its_receipt(url):
    """What happened can be looked up later."""
    state = State(url)
    state.begin("r1", "sync", NOW)
    assert state.receipt("r1") is None
    state.end("r1", NOW, 4, {"as_of": "x", "changes": {"failed": 1}})
    assert state.receipt("r1") == {"as_of": "x", "changes": {"failed": 1}}
    assert [(run["id"], run["exit"]) for run in state.runs()] == [("r1", 4)]


def test_a_plan_is_unfinished_between_first_and_last_write(url):
    """That is what a crash leaves behind."""
    state = State(url)
    state.keep_plan("p1", "r1", NOW, {"changes": 3})
    assert state.unfinished_plans() == []
    state.mark_plan("p1", "applying")
    assert state.unfinished_plans() == ["p1"]
    state.mark_plan("p1", "applied")
    assert state.unfinished_plans() == []


def test_two_runs_at_once_are_refused(url):
    """The second is told who holds the lock, and may come when the first is done."""
    first, second = State(url), State(url)
    with first.lease(), pytest.raises(Locked, match=str(os.getpid())), second.lease():
        raise AssertionError("two runs at once")
    with second.lease():
        pass


def test_the_lock_of_a_process_that_died_is_taken_over(url):
    """kill -9 leaves the lease behind; the next run does not wait for it to run out."""
    script = (
        "import os, sys; from connector.store.state import State\n"
        f"state = State({url!r})\n"
        "state.lease().__enter__(); os._exit(9)"
    )
    died = subprocess.run([sys.executable, "-c", script], check=False)
    assert died.returncode == 9
    with State(url).lease():
        pass


def test_a_lease_on_another_host_holds_until_it_runs_out(url):
    """We cannot see that process, so only time can tell."""
    state = State(url)
    engine = create_engine(url)
    insert = text("INSERT INTO lease VALUES ('run', 'h', 'elsewhere', 1, :until)")
    with engine.begin() as db:
        db.execute(insert, {"until": (datetime.now(UTC) + timedelta(seconds=30)).isoformat()})
    with pytest.raises(Locked, match="elsewhere"), state.lease():
        raise AssertionError("taken too early")
    with engine.begin() as db:
        past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
        db.execute(text("UPDATE lease SET expires = :past"), {"past": past})
    engine.dispose()
    with state.lease():
        pass


def test_a_state_of_a_newer_version_is_refused(url):
    """Guessing at a schema that is not known here could lose facts."""
    State(url)
    engine = create_engine(url)
    with engine.begin() as db:
        db.execute(text("INSERT INTO schema_version VALUES (999)"))
    engine.dispose()
    with pytest.raises(ConfigError, match="newer version"):
        State(url)


def test_a_state_that_is_let_go_leaves_no_file_open(url, tmp_path):
    """The connection lives as long as its owner: a service opens a state for every run."""
    path = str(tmp_path / "state.sqlite")
    state = State(url)
    state.remember("org", "00D")
    assert path in [each.path for each in psutil.Process().open_files()]
    del state
    assert path not in [each.path for each in psutil.Process().open_files()]


def test_a_transaction_that_failed_leaves_the_connection_usable(url):
    """The next one starts from what was committed, and nothing of the failed one is there."""
    state = State(url)
    state.begin("r1", "sync", NOW)
    with pytest.raises(IntegrityError):
        state.begin("r1", "sync", NOW)
    state.begin("r2", "sync", NOW)
    assert [run["id"] for run in state.runs()] == ["r2", "r1"]
