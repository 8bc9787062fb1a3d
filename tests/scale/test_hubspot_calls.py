"""Calls at ten thousand companies: the cheapest way that HubSpot has, and three more an object."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import ceil
from typing import Any

import pytest

from connector.crm.hubspot.read import LINKS, LIST, SEARCH
from connector.crm.hubspot.write import CHUNK
from connector.sandbox.hubspot import kinds
from tests.hubspot_world import Portal, portal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

COMPANIES = 10_000
#: Describing an object, counting it, and counting what has changed.
EXTRA = 3
#: Once a run: who we are and what the token may, owners and those who left, page by page.
ONCE = 8


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Iterator[Portal]:
    with portal(tmp_path_factory.mktemp("large"), accounts=COMPANIES) as made:
        made.advance("1h")  # what was seeded is no change of the last half hour
        yield made


def requests_of(here: Portal) -> dict[str, int]:
    """Requests to HubSpot since the last look: those that list records, and all others."""
    found = {"list": 0, "other": 0}
    for row in here.control("stats")["routes"]:
        if not row["route"].startswith(("/_sandbox", "/zenloop")):
            lists = re.fullmatch(r"/crm/objects/[^/]+/\{type\}", row["route"])
            found["list" if lists else "other"] += row["requests"]
    here.control("reset-stats", {})
    return found


def objects(here: Portal) -> list[str]:
    return [each.object for each in here.app().mapping.pull if each.object != "owners"]


def held(here: Portal, where: str = "true") -> dict[str, int]:
    """Object → how many records the portal has."""
    sql = f"select count(*) from hs_records where type = ? and archived = 0 and {where}"
    db = here.store.db
    return {
        name: db.execute(sql, (kinds.kind_of(name).code,)).fetchone()[0] for name in objects(here)
    }


def apart(calls: dict[str, dict[str, int]]) -> float:
    """How far predicted and actual calls are apart, as a share."""
    predicted = sum(lane["predicted"] for lane in calls.values())
    actual = sum(lane["actual"] for lane in calls.values())
    return abs(predicted - actual) / actual


def stretches(here: Portal) -> int:
    """How many stretches of two seconds the last write took."""
    told = here.app().state.setting("echo:accounts:companies")
    return len(json.loads(told)["stretches"]) if told else 0


def test_calls_are_the_formula_and_three_an_object(large):
    """A first sync, one in which nothing changed, and one with one record in a hundred changed."""
    names = objects(large)
    records = held(large)
    beside = EXTRA * len(names) + ONCE
    requests_of(large)

    first = large.sync()
    made = requests_of(large)
    written = first.changes["applied"]
    assert written == first.changes["planned"] > 0.9 * COMPANIES
    read = sum(ceil(max(1, rows) / LIST) for rows in records.values())
    writing = 2 * ceil(written / CHUNK)  # looked at right before, and written
    assert sum(made.values()) <= read + writing + beside
    assert made["list"] == read
    assert apart(first.calls) <= 0.05

    idle = large.sync()
    made = requests_of(large)
    assert (idle.changes["planned"], made["list"]) == (0, 0)
    assert sum(stream["pulled"] for name, stream in idle.streams.items() if name in CRM) == 0
    assert sum(made.values()) <= stretches(large) + beside
    assert apart(idle.calls) <= 0.05
    assert idle.calls["owners"] == {"predicted": 4, "actual": 4}  # as many as the first time

    large.advance("2h")
    large.sync()  # what we wrote lies behind
    requests_of(large)
    here = large.store
    large.advance("1h")
    now = int(here.clock.now().timestamp() * 1000)
    with here.transaction() as db:
        db.execute("update hs_records set updated = ? where id % 100 = 0 and archived = 0", (now,))
    large.advance("5s")
    changed = held(large, "id % 100 = 0")
    some = large.sync()
    made = requests_of(large)
    pulled: dict[str, Any] = some.streams
    assert sum(pulled[name]["pulled"] for name in CRM) == sum(changed.values())
    found = sum(ceil(rows / SEARCH) for rows in changed.values())
    # What belongs to what is looked up for each kind that a record can belong to.
    linked = sum(2 * ceil(rows / LINKS) for rows in changed.values())
    writing = 2 * ceil(some.changes["planned"] / CHUNK)
    assert sum(made.values()) <= found + linked + writing + stretches(large) + beside
    assert apart(some.calls) <= 0.05


CRM = ("accounts", "contacts", "activities", "opportunities", "tickets")
