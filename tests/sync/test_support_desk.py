"""A support desk beside the CRM: its tickets count for the accounts that they are about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.engines.duckdb import DuckDB
from connector.sandbox.signals import shelf
from connector.sync.flow import pull_only
from connector.sync.pull import columns_of
from tests.world import World, world


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    """Twenty accounts, and their Zendesk."""
    with world(tmp_path) as made:
        keys = made.control("credentials")["zendesk"]
        (made.folder / "zendesk.token").write_text(keys["token"])
        table = (
            f'[sources.zendesk]\ntype = "zendesk"\nurl = "{keys["url"]}"\n'
            f'user = "{keys["user"]}"\ntoken = "file:zendesk.token"\n\n[pull]'
        )
        text = made.config.read_text()
        assert "[pull]" in text
        made.config.write_text(text.replace("[pull]", table, 1))
        made.ready()
        yield made


def tickets(here: World, stream: str = "tickets") -> dict[str, bool]:
    """The desk's tickets in the lake, or its answers, and whether they were deleted."""
    app, engine = here.app(), DuckDB(scratch=here.folder / "spill")
    newest = app.lake.newest(stream, engine, columns_of(app, stream), ("source", "id"))
    sql = f"SELECT id, coalesce(deleted, FALSE) FROM ({newest}) WHERE source = 'zendesk'"
    found = dict(engine.rows(sql))
    engine.close()
    return found


def test_tickets_of_a_desk_are_placed_and_deleted_ones_forgotten(here):
    """They are linked by key, address or name; a second run brings nothing but what changed."""
    done = here.sync()
    there = shelf.every(here.store, "zendesk", "tickets")
    found = tickets(here)
    assert set(found) == {str(each["id"]) for each in there} != set()
    assert done.links.get("external_id", 0) >= len(there) // 2
    moved = shelf.now(here.store) - 600
    gone = {**there[0], "status": "deleted", "updated_at": shelf.iso(moved)}
    shelf.put(here.store, "zendesk", "tickets", moved, gone)
    again = here.sync()
    assert tickets(here)[str(gone["id"])] is True
    assert again.streams["tickets"]["new"] == 1


def test_answers_that_a_desk_deleted_are_found_within_a_week(here):
    """By the list of those that are there; tickets are told, and need none."""
    pull_only(here.app())
    before, answers = tickets(here), tickets(here, "responses")
    since = shelf.now(here.store) - 150 * 86_400
    gone = max(shelf.every(here.store, "zendesk", "satisfaction_ratings", since),
               key=lambda each: (each["score"] in {"good", "bad"}, each["id"]))  # fmt: skip
    shelf.drop(here.store, "zendesk", "satisfaction_ratings", gone["id"])
    here.advance("8d")
    pull_only(here.app())
    assert tickets(here) == before
    found = tickets(here, "responses")
    assert {id for id in found if found[id] != answers[id]} == {f"rating-{gone['id']}"}
