"""What somebody who looks for the wrong write, the lost edit and the lost record tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connector.errors import UnsafePlan
from connector.sync import flow, plan
from tests.hubspot_world import KNOWN
from tests.sync.reading import rows


def between(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """Do something after the plan is made and before it is written."""
    original = plan.plan

    def then(*args: Any, **options: Any) -> Any:
        made = original(*args, **options)
        act()
        return made

    monkeypatch.setattr(flow, "plan", then)


def test_companies_that_vanish_in_numbers_are_not_taken_for_deleted(here):
    """Somebody narrowed what the token sees: nothing lies in the bin, and most are not there."""
    here.sync()
    with here.store.transaction() as db:
        db.execute("delete from hs_records where type = 2 and id % 4 > 0")
    with pytest.raises(UnsafePlan, match="came back where 20 were known"):
        here.sync()
    assert len(rows(here, "accounts", "id", "not coalesce(deleted, false)")) == 20


def test_a_number_that_is_none_is_somebody_elses(here, monkeypatch):
    """A property that was a text before may hold anything."""
    id = sorted(here.held())[0]
    table = "update hs_records set properties = json_set(properties, '$.health_score', 'good') "

    def soil() -> None:
        with here.store.transaction() as db:
            db.execute(f"{table} where type = 2 and id = ?", (int(id),))

    between(monkeypatch, soil)
    done = here.sync()
    assert here.held("health_score")[id]["health_score"] == "good"
    assert (done.changes["applied"], done.changes["conflicts"]) == (KNOWN - 1, 1)
