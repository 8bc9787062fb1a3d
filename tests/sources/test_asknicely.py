"""AskNicely: addresses that say everything, values that are all texts, and what was sent."""

from __future__ import annotations

import pytest

from connector.errors import Malformed
from connector.sandbox.surveys import asknicely


def test_what_was_sent_is_a_stream_of_its_own(emulated):
    """With what became of it; coverage is made of this."""
    here = emulated("asknicely")
    here.add("1", score=9, asked_at="2026-11-01T08:00:00.000000Z", contact_key="003000000000001AAA")
    row = here.rows("invitations")["1"]
    assert (row["status"], row["contact_key"]) == ("answered", "003000000000001AAA")
    assert row["asked_at"].isoformat() == "2026-11-01T08:00:00+00:00"


def test_texts_become_numbers_and_empty_ones_nothing(emulated):
    """No score is no score, and no comment no comment."""
    here = emulated("asknicely")
    here.add("1", score=None)
    row = here.rows()["1"]
    assert (row["score"], row["comment"], row["unread"]) == (None, None, None)


def test_the_account_of_the_salesforce_integration_comes_first(emulated):
    """Else a field of the person."""
    here = emulated("asknicely")
    here.add("1", score=9, account_key="001000000000001AAA")
    here.add("2", score=9, account_key="K-7")
    found = here.rows()
    assert found["1"]["account_key"] == "001000000000001AAA"
    assert found["2"]["account_key"] == "K-7"


def test_an_answer_that_lies_in_a_file_elsewhere_is_an_error(emulated, monkeypatch):
    """Our key does not belong there; pages are small enough not to come to this."""
    here = emulated("asknicely")
    here.add("1", score=9)
    monkeypatch.setattr(asknicely, "FILE_FROM", 0)
    with pytest.raises(Malformed, match="redirects"):
        here.rows()
