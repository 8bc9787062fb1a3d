"""A support desk beside the CRM: its tickets count for the accounts that they are about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.engines.duckdb import DuckDB
from connector.sandbox.signals import shelf
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


def tickets(here: World) -> dict[str, bool]:
    """The desk's tickets in the lake, and whether they were deleted."""
    app, engine = here.app(), DuckDB(scratch=here.folder / "spill")
    newest = app.lake.newest("tickets", engine, columns_of(app, "tickets"), ("source", "id"))
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
