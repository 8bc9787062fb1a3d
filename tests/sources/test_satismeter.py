"""SatisMeter: a start is always said, for without one there are only thirty days."""

from __future__ import annotations

import pytest

from connector.errors import RemoteError


def test_old_answers_arrive_too(emulated):
    """The platform's own default would leave them out without a word."""
    here = emulated("satismeter")
    here.add("old", score=9, submitted_at="2024-03-01T10:00:00.000000Z")
    assert set(here.rows()) == {"old"}


def test_traits_tell_account_and_company(emulated):
    """By the names in the settings."""
    here = emulated("satismeter")
    here.add("1", score=9, account_key="K-1", company="Kunde AG", contact_key="u1")
    row = here.rows()["1"]
    assert (row["account_key"], row["company"], row["contact_key"]) == ("K-1", "Kunde AG", "u1")


def test_an_unknown_project_is_said_by_check(emulated):
    """Before anything is pulled."""
    with pytest.raises(RemoteError, match="SatisMeter answered 404"):
        emulated("satismeter").source(project="nope").check()
