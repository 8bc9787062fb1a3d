"""Whole syncs of HubSpot where its limits are felt, and where its search is behind."""

from __future__ import annotations

import pytest

from connector import http
from connector.crm.hubspot import answers
from connector.errors import BudgetSpent
from connector.sync import flow
from tests.hubspot_world import Portal
from tests.sync.hubspot.test_flow import times
from tests.sync.reading import rows
from tests.world import KNOWN, World


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Waiting is shortened, not left out."""
    monkeypatch.setattr(answers, "WAITS", {"SECONDLY": 0.05, "TEN_SECONDLY_ROLLING": 0.05})
    monkeypatch.setattr(http, "_backoff", lambda state: 0.01)


def refuse(here: Portal, policy: str, path: str, times: int) -> None:
    """HubSpot refuses some calls: one limit or another is used up for the moment."""
    body = {"status": "error", "message": "You have reached your limit.", "policyName": policy}
    do = {"status": 429, "body": {**body, "errorType": "RATE_LIMIT"}}
    here.faults({"match": {"path_regex": path}, "do": do, "times": times})


def test_refusals_for_the_moment_cost_calls_and_nothing_else(here):
    """Reading, searching and writing are each refused: all is read, all is written, once; what was
    sent again counts as actual."""
    refuse(here, "TEN_SECONDLY_ROLLING", "/crm/objects/[^/]+/contacts$", 2)
    refuse(here, "TEN_SECONDLY_ROLLING", "batch/update", 1)
    refuse(here, "SECONDLY", "/search", 2)
    done = here.sync()
    assert (done.exit, done.changes["applied"]) == (0, KNOWN)
    again = {name: lane["actual"] - lane["predicted"] for name, lane in done.calls.items()}
    # Searches count what is to be read, before it is known what that will take. What had to wait is
    # looked at anew before it is sent again.
    expected = {"list": 2, "batch_update": 1, "batch_read": 1}
    assert {name: more for name, more in again.items() if more} == expected
    assert here.requests("search") == done.calls["search"]["actual"]
    assert times(here) == {1}
    assert here.sync().changes["planned"] == 0


def ended(here: Portal) -> int:
    """The exit code of a sync, whichever way it stopped."""
    try:
        return here.sync().exit
    except BudgetSpent as spent:
        return spent.exit_code


@pytest.mark.parametrize("left", [3, 20, 29])
def test_the_end_of_the_day_stops_a_sync_and_the_next_day_goes_on(here, left):
    """Exit 5 with all that was read or written kept; nothing is written twice."""
    used = here.set()["limits"]["used"]["daily"]
    here.set(limits={"daily": used + left})
    assert ended(here) == 5
    here.set(limits={"daily": 1_000_000})
    here.advance("1d")
    again = here.sync(force=True)
    assert again.exit == 0
    assert times(here) == {1}
    assert sum(1 for cells in here.held("health_score").values() if cells["health_score"]) == KNOWN


def test_that_the_day_is_not_told_is_told_once(here):
    """As with OAuth: a share of what nobody knows holds nothing back."""
    here.set(limits={"mode": "off"})
    first, second = flow.pull_only(here.app()), flow.pull_only(here.app())
    (notice,) = first.notices
    assert "`share` and `reserve` in [budget] hold nothing back" in notice
    assert second.notices == []
    here.set(limits={"mode": "generous"})
    assert flow.pull_only(here.app()).notices == []


def test_a_portal_with_the_smaller_plan_and_its_true_limits_is_synced(here):
    """Professional: 190 in ten seconds, five searches a second; not one call is refused."""
    here.set(plan="professional", forget=True)
    done = flow.sync(World.app(here))  # with searches as few as they are by default
    assert (done.exit, done.changes["applied"]) == (0, KNOWN)
    assert here.set()["limits"]["refused"] == {}
    assert times(here) == {1}


def test_what_a_search_tells_late_arrives_run_by_run(here):
    """An edit that the first run after it does not see is seen by a later one, and never lost; the
    runs in between write nothing over it."""
    here.sync()
    here.advance("2h")
    here.sync()
    here.set(records={"index_lag": 600})
    one, two = sorted(here.held())[:2]
    here.person(one, values={"name": "Renamed by Eva"})
    here.person(two, values={"health_reason": "Ask Eva"})
    for _ in range(3):
        here.sync(force=True)
        assert here.held("health_reason")[two]["health_reason"] == "Ask Eva"
        here.advance("3m")
    here.advance("5m")
    done = here.sync(force=True)
    assert rows(here, "accounts", "name", f"id = '{one}'") == [("Renamed by Eva",)]
    assert done.changes["conflicts"] == 1
    assert here.held("health_reason")[two]["health_reason"] == "Ask Eva"
