"""A small HubSpot account, ready to be written to, in which nobody waits for long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connector import http
from connector.crm.hubspot import answers
from connector.sync import apply as applying
from tests.hubspot_world import Portal, portal


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting is shortened, not left out."""
    monkeypatch.setattr(http, "_backoff", lambda state: 0.01)
    monkeypatch.setattr(applying, "PAUSE", 0.01)
    monkeypatch.setattr(answers, "LOCK_SECONDS", 0.02)


@pytest.fixture
def here(tmp_path: Any) -> Iterator[Portal]:
    """Twenty companies, our properties made, nothing written yet."""
    with portal(tmp_path) as made:
        yield made
