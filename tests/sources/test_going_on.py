"""What a source remembers counts once its records are stored, and only under the same settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from connector.engines.duckdb import DuckDB
from connector.errors import Denied
from connector.sandbox.surveys import answers
from connector.sync.pull import columns_of
from tests.world import World, world

CONFIG = """
[sources.gauge]
type = "customergauge"
region = "eu"
zone = "{zone}"
client_id = "{client_id}"
client_secret = "file:gauge.secret"
url = "{url}"
login_url = "{login_url}"

[sources.panel]
type = "attest"
study = "{study}"
token = "file:attest.token"
url = "{attest}"

[files]
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    """Twenty accounts, and their answers at CustomerGauge and at Attest."""
    with world(tmp_path) as made:
        keys = requests.get(f"{made.url}/_sandbox/credentials", timeout=30).json()
        gauge, attest = keys["customergauge"], keys["attest"]
        (made.folder / "gauge.secret").write_text(gauge["secret"])
        (made.folder / "attest.token").write_text(attest["token"])
        told = {name: gauge[name] for name in ("zone", "client_id", "url", "login_url")}
        text = CONFIG.format(**told, study=attest["study"], attest=attest["url"])
        made.config.write_text(made.config.read_text().replace("[files]", text, 1))
        made.ready()
        yield made


def known(here: World, stream: str) -> dict[str, object]:
    """Ids and account keys of what the lake holds of a stream."""
    app, engine = here.app(), DuckDB(scratch=here.folder / "spill")
    newest = app.lake.newest(stream, engine, columns_of(app, stream), ("source", "id"))
    sql = f"SELECT id, account_key FROM ({newest}) WHERE source IN ('gauge', 'panel')"
    found = dict(engine.rows(sql))
    engine.close()
    return found


def cursor(here: World) -> str | None:
    return here.app().state.setting("going_on:responses:gauge")


def test_a_cursor_moves_with_what_was_stored(here):
    """Two syncs bring every answer; the second begins where the first ended."""
    here.sync()
    first = cursor(here)
    before = known(here, "responses")
    with here.store.lock:
        answers.act(here.store, {"do": "add", "score": 3})
    here.advance("1h")
    here.sync()
    assert len(known(here, "responses")) == len(before) + 1 > 1
    assert cursor(here) not in (None, first)
    assert set(known(here, "invitations")) >= set(before)


def test_a_pull_that_fails_leaves_the_cursor_where_it_was(here):
    """What was not stored is read again."""
    here.sync()
    first = cursor(here)
    with here.store.lock:
        answers.act(here.store, {"do": "add", "score": 3})
    here.faults({"match": {"path_regex": "/sync/responses"}, "do": {"status": 403}, "times": 1})
    with pytest.raises(Denied):
        here.sync()
    assert cursor(here) == first


def test_nothing_of_a_panel_is_known(here):
    """Attest is checked, and brings no row to any stream."""
    here.sync()
    for source in here.app().sources.values():
        source.check()
    app, engine = here.app(), DuckDB(scratch=here.folder / "spill")
    for stream in ("responses", "invitations", "signals"):
        newest = app.lake.newest(stream, engine, columns_of(app, stream), ("source", "id"))
        assert engine.one(f"SELECT count(*) FROM ({newest}) WHERE source = 'panel'") == 0
    engine.close()
