"""What somebody who looks for the wrong write, the lost edit and the lost record tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connector.errors import UnsafePlan
from connector.sync import flow, plan
from tests.hubspot_world import KNOWN
from tests.sync.reading import rows

LINES, RECORDS = "bulk_from = 1", "bulk_from = 100000"
both = pytest.mark.parametrize(
    "lane", [pytest.param(LINES, id="lines"), pytest.param(RECORDS, id="records")]
)
EVA = {"health_reason": "Ask Eva"}


def between(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """Do something after the plan is made and before it is written."""
    original = plan.plan

    def then(*args: Any, **options: Any) -> Any:
        made = original(*args, **options)
        act()
        return made

    monkeypatch.setattr(flow, "plan", then)


@both
def test_an_edit_that_search_does_not_show_yet_is_not_overwritten(here, monkeypatch, lane):
    """Search knows of a change some moments later; the record itself knows of it at once."""
    here.lane(lane)
    here.set(records={"index_lag": 60})
    id = sorted(here.held())[0]
    between(monkeypatch, lambda: here.does(id, values=EVA))
    done = here.sync()
    assert here.held("health_reason")[id]["health_reason"] == "Ask Eva"
    assert done.changes["conflicts"] == 1


def test_companies_that_vanish_in_numbers_are_not_taken_for_deleted(here):
    """Somebody narrowed what the token sees: nothing lies in the bin, and most are not there."""
    here.sync()
    with here.store.transaction() as db:
        db.execute("delete from hs_records where type = 2 and id % 4 > 0")
    with pytest.raises(UnsafePlan, match="came back where 20 were known"):
        here.sync()
    assert len(rows(here, "accounts", "id", "not coalesce(deleted, false)")) == 20


@both
def test_a_number_that_is_none_is_somebody_elses(here, monkeypatch, lane):
    """A property that was a text before may hold anything."""
    here.lane(lane)
    id = sorted(here.held())[0]
    table = "update hs_records set properties = json_set(properties, '$.health_score', 'good') "

    def soil() -> None:
        with here.store.transaction() as db:
            db.execute(f"{table} where type = 2 and id = ?", (int(id),))

    between(monkeypatch, soil)
    done = here.sync()
    assert here.held("health_score")[id]["health_score"] == "good"
    assert (done.changes["applied"], done.changes["conflicts"]) == (KNOWN - 1, 1)
