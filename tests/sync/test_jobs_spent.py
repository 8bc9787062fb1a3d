"""An org that takes no more jobs today: what is left of the changes goes record by record."""

from __future__ import annotations

import pytest

from connector.errors import BudgetSpent
from tests.sync.test_writing_lanes import FILE, lane, open_jobs, times
from tests.world import KNOWN, World


def no_more_jobs(here: World, where: str) -> None:
    """Refused when a job is created, or when it is to begin."""
    if where == "batches":
        here.control("limits", {"DailyBulkApiBatches": {"max": 0}})
        return
    body = [{"errorCode": "LIMIT_EXCEEDED", "message": "ApiBatchItems Limit exceeded."}]
    match = {"method": "POST", "path_regex": "jobs/ingest/?$"}
    here.faults({"match": match, "do": {"status": 400, "body": body}})


@pytest.mark.parametrize("where", ["jobs", "batches"])
def test_changes_go_record_by_record_when_no_job_is_taken_any_more(here, where):
    """As far as the calls reach; everything is written, and once."""
    lane(here, FILE)
    no_more_jobs(here, where)
    done = here.sync()
    assert (done.exit, done.changes["applied"]) == (0, KNOWN)
    assert times(here) == {1}
    assert open_jobs(here) == 0
    assert here.sync().changes["planned"] == 0


def test_a_run_that_may_do_neither_stops_and_the_next_one_goes_on(here, monkeypatch):
    """With the exit code of a budget that is spent."""
    lane(here, FILE)
    no_more_jobs(here, "jobs")
    with monkeypatch.context() as once:
        kind = type(here.app().crm)
        once.setattr(kind, "write_calls", lambda self, rows, chunk=None: {"collections": 10**6})
        done = here.sync()
    assert done.exit == BudgetSpent.exit_code
    assert "more calls would be needed" in done.stopped
    assert here.writes() == []
    here.faults()
    assert here.sync().changes["applied"] == KNOWN
