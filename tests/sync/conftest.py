"""A small world, ready to be written to, in which nobody waits for long."""

from __future__ import annotations

import pytest

from connector import http
from connector.crm.salesforce import client, jobs
from connector.sync import apply as applying
from tests.world import ready_world


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Waiting is shortened, not left out."""
    monkeypatch.setattr(http, "_backoff", lambda state: 0.01)
    monkeypatch.setattr(client, "_busy_wait", lambda state: 0.01)
    monkeypatch.setattr(applying, "PAUSE", 0.01)
    monkeypatch.setattr(jobs, "BEGIN_SECONDS", 0.03)
    monkeypatch.setattr(jobs, "LONGEST_PAUSE", 0.05)


@pytest.fixture
def here(tmp_path):
    """Twenty accounts, our fields provisioned, nothing written yet."""
    with ready_world(tmp_path) as made:
        yield made
