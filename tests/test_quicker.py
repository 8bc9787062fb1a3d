"""Calls or a job: by number, unless the other way has been clearly quicker."""

from __future__ import annotations

import pytest

from connector.quicker import prefers_job


@pytest.mark.parametrize(
    ("size", "by_calls", "by_job", "job"),
    [
        (2_000, None, None, False),
        (2_001, None, None, True),
        # a fifth of the usual number: not worth a job, however slow the calls are
        (400, 600, 10, False),
        (401, 600, 10, True),
        (2_000, 20, 10, False),
        (2_000, 21, 10, True),
        # twice as many: too many calls, however long the jobs wait
        (4_000, 10, 600, False),
        (4_001, 10, 600, True),
        (2_001, 10, 20, True),
        (2_001, 10, 21, False),
        # of one way alone nothing follows
        (2_000, 600, None, False),
        (2_001, None, 600, True),
    ],
)
def test_time_decides_where_it_is_clear_and_the_number_is_near(size, by_calls, by_job, job):
    assert prefers_job(size, 2_000, by_calls, by_job) is job
