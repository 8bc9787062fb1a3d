"""Promises that cannot be kept when records go while they are read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.errors import Malformed
from connector.protocols import Read

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


def test_records_that_slip_to_a_page_that_was_read_are_not_lost(portal):
    """An edit during the search takes a record from its first page to its end: those behind it slip
    forward, three of them over the edge of the page."""
    ids: list[str] = []
    for _ in range(5):
        ids += portal.make(100)
        portal.control("clock", {"advance": "1m"})

    def edited() -> None:
        portal.control("clock", {"advance": "1s"})
        for id in ids[:3]:
            portal.person("edit", id, values={"name": "Renamed by Eva"})

    paths = ("hs_object_id",)
    spool = portal.spool("companies", paths, since=LONG_AGO, progress=Meanwhile(edited))
    assert {id for (id,) in portal.rows(spool, *paths)} == set(ids)
    assert spool.rows == 500


def test_a_list_that_ends_early_is_an_error(portal):
    """Something on the way took the rest away: nothing says that there was more but the count."""
    portal.make(350)
    portal.fault("objects/2026-09/companies", method="GET", nth=2, status=200, body={"results": []})
    asked = Read("companies", ("hs_object_id",), None, "", rows=350)
    with pytest.raises(Malformed, match="counts 350 companies, and its list ended after 100"):
        portal.crm.read(asked, {"hs_object_id": "VARCHAR"}, portal.folder / "short")
