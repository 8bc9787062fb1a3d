"""How many records at a time: down when the CRM's own automation gives up, up again with care."""

from __future__ import annotations

import pytest

from connector.records import Outcome
from connector.sync.pace import Pace


def outcomes(*results: str) -> list[Outcome]:
    return [Outcome(str(n), result) for n, result in enumerate(results)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("most", "sizes"),
    [(200, (200, 50, 10, 1)), (100, (100, 25, 5, 1)), (5, (5, 1)), (1, (1,))],
)
def test_sizes_go_down_to_one_record(most, sizes):
    """Whatever the largest is."""
    assert Pace(most).sizes == sizes


def test_eloquent_70_too_many_future_calls_make_every_later_chunk_smaller():
    """Chunks of 200 are too much for the triggers of some orgs."""
    pace = Pace(200)
    pace.learn(200, outcomes("crowded", "crowded", "applied"))
    assert pace.rounds == (50, 10, 1)


def test_one_record_that_always_fails_slows_nobody_down():
    """It is tried again alone; its neighbours keep their pace."""
    pace = Pace(200)
    pace.learn(200, outcomes("crowded", *["applied"] * 199))
    assert pace.rounds == (200, 50, 10, 1)


def test_the_size_that_worked_is_remembered_and_a_calm_run_tries_more():
    """One step up a run, never a jump."""
    strained = Pace(200)
    strained.learn(200, outcomes("crowded", "crowded"))
    strained.learn(50, outcomes("crowded", "crowded"))
    assert strained.next == 10
    assert Pace.remembered(200, str(strained.next)).next == 50


def test_a_size_that_nobody_remembers_is_the_largest():
    """Also when what was kept is no number."""
    assert Pace.remembered(200, None).rounds[0] == 200
    assert Pace.remembered(200, "much").rounds[0] == 200


def test_a_single_record_that_waits_for_a_lock_is_tried_twice():
    """The smallest size has a second round, too."""
    assert Pace.remembered(200, "1").rounds == (1, 1)
