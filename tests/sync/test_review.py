"""What a critical reader tried: crashes between two steps, and edits that might hide."""

from __future__ import annotations

import pytest

from connector.sync import apply as applying
from connector.sync import load
from tests.sync.test_writing_lanes import FILE, lane, times
from tests.sync.test_wrong_writes import died_in_its_job, job_runs
from tests.world import World


def told_at_most(here: World) -> int:
    """How often the ledger names a record of a plan, at most."""
    app = here.app()
    engine = app.engine()
    rows = app.lake.every("outcomes", engine, {"plan": "VARCHAR", "id": "VARCHAR"})
    most = engine.one(f"SELECT max(n) FROM (SELECT count(*) AS n FROM ({rows}) GROUP BY plan, id)")
    engine.close()
    return int(most)


@pytest.mark.parametrize("dies", ["in the run", "in the recovery"])
def test_a_crash_between_the_journal_and_the_note_of_its_job_tells_nothing_twice(
    here, monkeypatch, dies
):
    """The job is asked for its outcomes again; the base of the ledger has one row a record."""
    lane(here, FILE)
    if dies == "in the recovery":
        died_in_its_job(here, monkeypatch)
        job_runs(here)
    note = load._note

    def die(plan, job):
        if not job:
            raise KeyboardInterrupt
        note(plan, job)

    with monkeypatch.context() as once:
        once.setattr(load, "_note", die)
        once.setattr(applying, "record", lambda *_: None)  # who is killed does not come to it
        with pytest.raises(KeyboardInterrupt):
            here.sync()
    assert here.sync().exit == 0
    assert told_at_most(here) == 1
    assert times(here) == {1}
