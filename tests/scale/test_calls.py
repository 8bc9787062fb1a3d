"""Calls at the size of a large org: the cheapest way that Salesforce offers, and three more.

A hundred thousand accounts and a million tasks, seeded without anything else to stay quick.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

import pytest
import requests

from connector.crm.salesforce.bulk_read import PAGE
from connector.sandbox.clock import stamp
from connector.sandbox.faults import Faults
from connector.sandbox.salesforce import prepare
from connector.sandbox.seed import fill
from connector.sandbox.server import FILE, running
from connector.sandbox.store import Store
from tests.sync.reading import mapping
from tests.world import World, install

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

ACCOUNTS, TASKS = 100_000, 1_000_000
EXTRA = 3


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("large")
    (folder / "sandbox").mkdir()
    store = Store(folder / "sandbox" / FILE)
    fill(store, 1, 1)
    prepare(store)
    grow(store)
    with running(store, Faults()) as url:
        install(url, folder / "here", threads=2, parallel=4)
        made = World(url, folder / "here", store)
        made.control("limits", {"DailyApiRequests": {"max": 100_000}})
        made.ready()
        made.advance("1h")  # what was seeded is no change of the last half hour
        yield made
    store.close()


def grow(store: Store) -> None:
    """Accounts, and ten tasks each, one of them within the last month."""
    ids = store.new_ids("Account", ACCOUNTS)
    store.insert("Account", ("Id", "Name"), ((id, f"Customer {n}") for n, id in enumerate(ids)))
    now = store.clock.now()
    months = [stamp(now.replace(month=month, day=1)) for month in range(1, 11)]
    tasks = (
        (id, id, "Call", "Completed", 1, 0, 0, month[:10], month, month, month)
        for id in ids
        for month in months
    )
    flags = ("IsClosed", "IsRecurrence", "IsArchived")
    days = ("ActivityDate", "CompletedDateTime", "CreatedDate", "SystemModstamp")
    columns = ("AccountId", "WhatId", "TaskSubtype", "Status", *flags, *days)
    store.insert("Task", columns, tasks)


def requests_of(world: World) -> dict[str, int]:
    """Requests since the last look, by what they are for."""
    found: dict[str, int] = {}
    for route in world.control("stats")["routes"]:
        name = f"{route['method']} {route['route'].rpartition('{version}')[2]}"
        found[name] = found.get(name, 0) + route["requests"]
    requests.post(f"{world.url}/_sandbox/reset-stats", json={}, timeout=60)
    return found


def reading(made: dict[str, int]) -> int:
    """What was spent on records: pages, jobs and counts."""
    parts = ("/queryAll", "/query/", "/jobs/query", "POST /composite", "/limits/recordCount")
    return sum(n for name, n in made.items() if any(part in name for part in parts))


def writing(made: dict[str, int]) -> int:
    return sum(n for name, n in made.items() if "/jobs/ingest" in name)


def apart(calls: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """The lanes whose predicted and actual calls are more than a twentieth apart, and more than
    one call; what is too much in one lane makes up for nothing in another."""
    return {
        name: lane
        for name, lane in calls.items()
        if abs(lane["predicted"] - lane["actual"]) > max(1, 0.05 * lane["actual"])
    }


def changed(world: World, object: str, share: int) -> None:
    """Every so many records change, as if somebody had saved them."""
    sql = f'update "{object}" set SystemModstamp = ?, LastModifiedDate = ? where rowid_of(Id) = 0'
    at = stamp(world.store.clock.now())
    world.store.db.create_function("rowid_of", 1, lambda key: hash_of(key) % share)
    with world.store.transaction() as db:
        db.execute(sql, (at, at))


def hash_of(id: str) -> int:
    return sum(ord(letter) * 31**place for place, letter in enumerate(id[8:15]))


def test_calls_are_the_formula_and_three_an_object(large):
    """A first sync of an org whose pace nobody knows, one in which nothing changed, one with one
    in a hundred changed, one that reads everything anew at the pace that is known by then."""
    objects = len(large.app().mapping.pull)
    requests_of(large)

    first = large.sync()
    made = requests_of(large)
    looks = made["GET /jobs/query/{id}"]
    jobs = 2 + looks + ceil(ACCOUNTS / PAGE) + ceil(TASKS / PAGE)
    closing = 1 + ceil(ACCOUNTS / PAGE)
    assert reading(made) <= jobs + closing + objects - 2 + EXTRA * objects
    looks = made["GET /jobs/ingest/{id}"]
    assert writing(made) <= 4 + looks + 2
    assert first.changes["applied"] == first.changes["planned"] > 0.9 * ACCOUNTS
    assert apart(first.calls) == {}

    idle = large.sync()
    made = requests_of(large)
    assert idle.changes["planned"] == 0
    assert writing(made) == 0
    assert "PATCH /composite/sobjects" not in made
    assert all(stream["calls"] <= 2 for name, stream in idle.streams.items() if name != "responses")
    assert reading(made) <= 2 * objects
    assert apart(idle.calls) == {}

    changed(large, "Account", 100)
    changed(large, "Task", 100)
    some = large.sync()
    made = requests_of(large)
    read: dict[str, Any] = some.streams
    accounts, tasks = read["accounts"]["pulled"], read["activities"]["pulled"]
    assert 0.005 * ACCOUNTS < accounts < 0.02 * ACCOUNTS
    assert 0.005 * TASKS < tasks < 0.02 * TASKS
    assert reading(made) <= ceil(accounts / 2000) + ceil(tasks / 2000) + EXTRA * objects
    assert apart(some.calls) == {}

    mapping(large, 'industry      = "Industry"', 'industry      = "Parent.Industry"')
    again = large.sync(force=True)  # another column: the accounts are read anew
    assert again.streams["accounts"]["pulled"] >= ACCOUNTS
    assert apart(again.calls) == {}
