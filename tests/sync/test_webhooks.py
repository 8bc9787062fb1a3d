"""What was sent between two runs: taken once, and believed only where nobody knows better."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from connector.cli import run
from connector.config import load
from connector.errors import ConfigError, ConnectorError
from connector.rest.signatures import Sent
from tests.world import World

from .reading import change, odd, pull, rows

HOOK = """
[sources.hook]
type = "webhook"
at = "nps"
platform = "typeform"
secret = "file:zenloop.token"
moment = "at"
"""
HINTS = f'{HOOK}hints = "zenloop"\n\n[pull]\n'
RECORDS = f"""{HOOK}stream = "responses"
[sources.hook.columns]
id = "id"
platform = "'other'"
metric = "'nps'"
score = "score"
submitted_at = "at"

[pull]
"""


def hook(here: World, text: str) -> None:
    change(here.config, "[pull]\n", text)


def sends(here: World, body: dict[str, Any]) -> None:
    """A platform sends this, signed."""
    assert load(here.config).sources["hook"].keep(Sent(orjson.dumps(body), {}))


def waiting(here: World) -> list[str]:
    source = load(here.config).sources["hook"]
    source.look()
    return list(source._looked)


def test_a_hint_about_an_old_answer_has_its_platform_read_from_there(here: World) -> None:
    """zenloop tells nothing of late edits; the event does, and what it says itself is not used."""
    now = datetime.fromisoformat(here.control("clock", {"advance": "1s"})["now"])
    old = (now - timedelta(days=100)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    here.control("answers", {"do": "add", "id": "old-1", "score": 3, "submitted_at": old})
    pull(here)
    here.control("answers", {"do": "edit", "id": "old-1", "score": 8})
    hook(here, HINTS)
    pull(here)
    assert rows(here, "responses", "score", "id = 'old-1'") == [(3.0,)]
    sends(here, {"event_id": "e", "at": old, "score": 0})
    assert pull(here).streams["responses"]["new"] == 1
    assert rows(here, "responses", "score", "id = 'old-1'") == [(8.0,)]
    assert waiting(here) == []


def test_a_body_is_a_record_where_its_platform_is_no_source(here: World) -> None:
    """Once; what lacks its moment is counted; an event that comes again says nothing."""
    hook(here, RECORDS)
    sends(here, {"event_id": "1", "id": "w-1", "score": 9, "at": "2026-01-02T03:04:05Z"})
    sends(here, {"event_id": "2", "id": "w-2", "score": 9})
    assert odd(pull(here))["hook_without_submitted_at"] == (1, ["w-2"])
    assert rows(here, "responses", "id, score", "source = 'hook'") == [("w-1", 9.0)]
    source = load(here.config).sources["hook"]
    again = {"event_id": "1", "id": "w-1", "score": 0, "at": "2026-01-02T03:04:05Z"}
    assert not source.keep(Sent(orjson.dumps(again), {}))
    assert waiting(here) == []


def test_what_was_sent_waits_until_a_pull_is_whole(here: World) -> None:
    """A platform that fails takes nothing along."""
    hook(here, HINTS)
    sends(here, {"event_id": "e", "at": "2026-01-02T03:04:05Z"})
    here.faults({"match": {"path_regex": "/surveys$"}, "do": {"status": 400}, "times": 1})
    with pytest.raises(ConnectorError):
        pull(here)
    assert len(waiting(here)) == 1
    here.faults()
    pull(here)
    assert waiting(here) == []


def test_mistakes_of_a_hook_are_found_before_anything_runs(here: World) -> None:
    """With the line, and what would be right."""
    hook(here, HINTS.replace('hints = "zenloop"', 'hints = "zenlop"'))
    for other in ("hook", "usage", "zenlop"):
        text = here.config.read_text()
        here.config.write_text(re.sub('hints = ".*"', f'hints = "{other}"', text))
        with pytest.raises(ConfigError, match=f"there is no source '{other}' to ask") as wrong:
            load(here.config)
        assert str(wrong.value).endswith("→ one of zenloop")
    assert run(["-c", str(here.config), "webhooks", "serve"]) == 2
