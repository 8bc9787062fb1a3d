"""AskNicely: addresses that say everything, values that are all texts, and what was sent."""

from __future__ import annotations

import pytest

from connector.errors import Malformed
from connector.sandbox.surveys import asknicely, unanswered
from connector.sandbox.surveys.unanswered import Invitation

ASKED = "2026-11-01T08:00:00.000000Z"


def test_what_was_sent_is_a_stream_of_its_own(emulated):
    """With what became of it; coverage is made of this."""
    here = emulated("asknicely")
    here.add("1", score=9, asked_at="2026-11-01T08:00:00.000000Z", contact_key="003000000000001AAA")
    row = here.rows("invitations")["1"]
    assert (row["status"], row["contact_key"]) == ("answered", "003000000000001AAA")
    assert row["asked_at"].isoformat() == "2026-11-01T08:00:00+00:00"


def test_who_kept_silent_is_told_apart_from_who_has_looked(emulated):
    """Among what was sent, and among the answers not at all."""
    here = emulated("asknicely")
    here.add("1", score=9)
    for number, state in enumerate(("sent", "declined")):
        silent = Invitation(7 + number, "s1", "p@kunde.example", None, None, None, ASKED, state)
        with here.store.lock:
            unanswered.create_tables(here.store)
            unanswered.add(here.store, silent)
    found = here.rows("invitations")
    assert {id: row["status"] for id, row in found.items()} == {
        "1": "answered", "7": "sent", "8": "opened"
    }  # fmt: skip
    assert found["8"]["modified_at"] > found["8"]["asked_at"] == found["7"]["modified_at"]
    assert set(here.rows()) == {"1"}


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
