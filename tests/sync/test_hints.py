"""Hints of webhooks: few records are asked for by their ids, for anything else more is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from connector.config import load
from connector.protocols import Hint
from connector.rest.signatures import Sent
from connector.sync import hints
from tests.world import World

from .reading import change, pull, rows

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
OLD = BEGIN - timedelta(days=90)
HOOK = """
[sources.surveys]
type = "{name}"
url = "{url}"
token = "file:surveys.token"

[sources.hook]
type = "webhook"
at = "nps"
platform = "{name}"
secret = "file:surveys.token"
hints = "surveys"

[pull]
"""


@dataclass
class Knows:
    """A source that can ask for its answers by their ids."""

    by_id: tuple[str, ...] = ("responses",)


def test_a_record_that_can_be_asked_for_costs_no_window():
    """Once, however many events there were about it."""
    told = [Hint("r1", "s1", OLD), Hint("r1", "s1", OLD + timedelta(days=1))]
    assert hints.opened(Knows(), "responses", told, BEGIN) == (BEGIN, [told[0]])


@pytest.mark.parametrize(
    ("source", "stream", "hint"),
    [
        (object(), "responses", Hint("r1", "s1", OLD)),
        (Knows(), "invitations", Hint("r1", "s1", OLD)),
        (Knows(), "responses", Hint("", "s1", OLD)),
    ],
)
def test_whatever_cannot_be_asked_for_is_read_from_its_moment_on(source, stream, hint):
    """A platform that cannot, a stream of another kind, an event without an id."""
    assert hints.opened(source, stream, [hint], BEGIN) == (OLD, [])


def test_what_is_read_anyway_is_not_asked_for():
    """Behind the beginning the pull brings everything."""
    assert hints.opened(Knows(), "responses", [Hint("r", "", BEGIN)], BEGIN) == (BEGIN, [])


def test_a_run_asks_for_so_many_and_reads_more_for_the_rest():
    """The oldest ones are asked for: they are what would open the window widest."""
    told = [Hint(f"r{n}", "", OLD + timedelta(minutes=n)) for n in range(hints.MOST + 5)]
    begin, single = hints.opened(Knows(), "responses", told[::-1], BEGIN)
    assert single == told[: hints.MOST]
    assert begin == told[hints.MOST].at


@pytest.fixture
def hinted(here: World) -> World:
    """Two old answers of Delighted that are known: one was edited since, the other deleted, and
    events told of both."""
    keys = here.control("credentials")["delighted"]
    (here.folder / "surveys.token").write_text(keys["token"])
    change(here.config, "[pull]\n", HOOK.format(name="delighted", url=keys["url"]))
    now = datetime.fromisoformat(here.control("clock", {"advance": "1s"})["now"])
    old = (now - timedelta(days=200)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    for id in ("old-1", "old-2"):
        told = {"do": "add", "id": id, "score": 3, "submitted_at": old, "updated_at": old}
        here.control("answers", told)
    pull(here)
    here.control("clock", {"advance": "2d"})
    here.control("answers", {"do": "edit", "id": "old-1", "score": 8, "quietly": True})
    here.control("answers", {"do": "delete", "id": "old-2"})
    for id in ("old-1", "old-2"):
        body = f'{{"event_data": {{"id": "{id}", "score": 0, "created_at": "{old}"}}}}'
        assert load(here.config).sources["hook"].keep(Sent(body.encode(), {}))
    here.control("reset-stats", {})
    return here


def known(here: World) -> list[tuple]:
    where = "id LIKE 'old-%' AND source = 'surveys'"
    return sorted(rows(here, "responses", "id, score, deleted", where))


def test_one_answer_is_fetched_and_one_that_is_gone_is_deleted(hinted: World) -> None:
    """By two calls; what the events say of the answers is not used, and the rest is not read."""
    pull(hinted)
    assert known(hinted) == [("old-1", 8.0, False), ("old-2", 3.0, True)]
    asked = {
        row["route"]: row["requests"]
        for row in hinted.control("stats")["routes"]
        if "survey_responses" in row["route"]
    }
    assert sorted(asked.values()) == [1, 2]


def test_a_platform_that_refuses_is_read_from_the_moment_on(hinted: World) -> None:
    """No hint may stop all runs to come; and a refusal deletes nothing."""
    refusal = {"match": {"path_regex": r"/survey_responses/"}, "do": {"status": 403}}
    hinted.faults(refusal)
    pull(hinted)
    assert known(hinted) == [("old-1", 8.0, False), ("old-2", 3.0, False)]
