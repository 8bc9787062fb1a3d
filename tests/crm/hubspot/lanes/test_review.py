"""Promises that cannot be kept when records go while they are read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from .conftest import Kept

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Meanwhile(Kept):
    """Lets something happen once, between the first page of a search and what follows."""

    def __init__(self, act: Callable[[], Any]) -> None:
        super().__init__()
        self.acts = [act]

    def pause(self, seconds: float) -> None:
        while self.acts:
            self.acts.pop()()


def test_a_record_that_goes_behind_the_search_is_not_promised(portal):
    """It lies in the bin: looked up by id it is not there, and nothing else is the matter."""
    ids = portal.make(3, health_score="1")
    paths = ("hs_object_id", "health_score.changed_at")
    gone = Meanwhile(lambda: portal.person("archive", ids[1]))
    spool = portal.spool("companies", paths, since=LONG_AGO, progress=gone)
    assert {id for id, _ in portal.rows(spool, *paths)} == {ids[0], ids[2]}
    assert spool.rows == 2
