"""What somebody who looks for the wrong write, the lost edit and the lost record tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connector.errors import UnsafePlan
from tests.hubspot_world import Portal
from tests.sync.hubspot.test_echo import between
from tests.sync.reading import rows

LINES, RECORDS = "bulk_from = 1", "bulk_from = 100000"
both = pytest.mark.parametrize(
    "lane", [pytest.param(LINES, id="lines"), pytest.param(RECORDS, id="records")]
)
EVA = {"health_reason": "Ask Eva"}
NAME = {"name": "Renamed by Eva"}


def name_of(here: Portal, id: str) -> str:
    """What the lake says a company is called."""
    ((name,),) = rows(here, "accounts", "name", f"id = '{id}'")
    return str(name)


def written(here: Portal) -> list[str]:
    """Companies that we have written."""
    return sorted({row["id"] for row in here.writes()})


def at_the_end(act: Callable[[], Any]) -> Callable[..., None]:
    """Do something when the last record is written, while the run still goes on."""
    done: list[bool] = []

    def notify(phase: str, what: str, many: int, of: int | None) -> None:
        if phase == "apply" and many == of and not done:
            done.append(True)
            act()

    return notify


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


@both
def test_an_edit_right_after_our_write_is_read(here, lane):
    """The record was written and edited within one run; the edit is in the next pull."""
    here.lane(lane)
    id = sorted(here.held())[1]
    here.sync(notify=at_the_end(lambda: here.does(id, values=NAME)))
    assert id in written(here)
    here.advance("5s")
    here.sync()
    assert name_of(here, id) == NAME["name"]


@both
def test_an_edit_of_another_property_that_search_shows_late_is_read(here, monkeypatch, lane):
    """It came before our write, and search did not know of it when it was asked."""
    here.lane(lane)
    here.set(records={"index_lag": 60})
    id = sorted(here.held())[1]
    between(monkeypatch, lambda: here.does(id, values=NAME))
    here.sync()
    here.advance("2m")
    here.sync()
    assert name_of(here, id) == NAME["name"]


def test_companies_that_vanish_in_numbers_are_not_taken_for_deleted(here):
    """Somebody narrowed what the token sees: nothing lies in the bin, and most are not there."""
    here.sync()
    with here.store.transaction() as db:
        db.execute("delete from hs_records where type = 2 and id % 4 > 0")
    with pytest.raises(UnsafePlan, match="came back where 20 were known"):
        here.sync()
    assert len(rows(here, "accounts", "id", "not coalesce(deleted, false)")) == 20


@both
@pytest.mark.parametrize("early", [True, False])
def test_a_number_that_is_none_is_somebody_elses(here, monkeypatch, lane, early):
    """A property that was a text before may hold anything: before a pull, or after the plan."""
    here.lane(lane)
    id = sorted(here.held())[0]
    sets = "json_set(properties, '$.health_score', 'good', '$.hs_lastmodifieddate', ?)"

    def soil() -> None:
        now = here.store.clock.now()
        values = (now.isoformat(), int(now.timestamp() * 1000), int(id))
        with here.store.transaction() as db:
            table = f"update hs_records set properties = {sets}, updated = ?"
            db.execute(f"{table} where type = 2 and id = ?", values)

    if early:
        here.sync()
        here.advance("20d")
        soil()
    else:
        between(monkeypatch, soil)
    done = here.sync(force=True)
    assert here.held("health_score")[id]["health_score"] == "good"
    assert (done.changes["applied"] > 0, done.changes["conflicts"]) == (True, 1)
