"""Retently: several metrics side by side, answers that it calls bogus itself, and what was sent."""

from __future__ import annotations

from connector.sandbox.surveys import unanswered
from connector.sandbox.surveys.unanswered import Invitation

ASKED = "2026-10-01T08:00:00.000000Z"


def test_every_metric_keeps_its_scale(emulated):
    """A CSAT of 5 is the best there is, an NPS of 5 is not."""
    here = emulated("retently")
    for metric, score in (("nps", 5), ("csat", 5), ("ces", 7)):
        here.add(metric, metric=metric, score=score)
    scales = {
        id: (row["metric"], row["scale_min"], row["scale_max"], row["odd"])
        for id, row in here.rows().items()
    }
    assert scales == {
        "nps": ("nps", 0, 10, None), "csat": ("csat", 1, 5, None), "ces": ("ces", 1, 7, None)
    }  # fmt: skip


def test_bogus_answers_are_listed_and_begun_ones_flagged(emulated):
    """The first are left out, the others kept."""
    here = emulated("retently")
    here.add("bogus", score=0, test=True)
    here.add("begun", score=9, partial=True)
    found = here.rows()
    assert found["bogus"]["odd"] == "bogus"
    assert (found["begun"]["odd"], found["begun"]["partial"]) == (None, True)


def test_tags_topics_and_company_arrive(emulated):
    """What Retently read in the comment comes first of all."""
    here = emulated("retently")
    here.add("1", score=2, labels=["Preis"], company="Kunde AG", more={"sentiment": "negative"})
    row = here.rows()["1"]
    assert (row["labels"], row["sentiment"], row["company"]) == (["Preis"], "negative", "Kunde AG")


def test_topics_are_labels_beside_the_tags(emulated):
    """What Retently found by itself, and what people put to it; each once."""
    here = emulated("retently")
    here.add("1", score=2, labels=["Preis", "Support"], more={"topics": ["Support", "Liefern"]})
    here.add("2", score=2, labels=[], more={"topics": ["Liefern"]})
    found = here.rows()
    assert found["1"]["labels"] == ["Liefern", "Preis", "Support"]
    assert found["2"]["labels"] == ["Liefern"]


def test_the_account_is_a_property_of_the_person_or_the_company_of_retently(emulated):
    """The latter is a key for the alias file, where the CRM's is not known."""
    here = emulated("retently")
    here.add("1", score=2, account_key="0015000000AbCdE", company="Kunde AG")
    here.add("2", score=2, account_key="K-7")
    here.add("3", score=2, company="Kunde AG")
    here.add("4", score=2)
    found = {id: row["account_key"] for id, row in here.rows().items()}
    assert found == {"1": "0015000000AbCdE", "2": "K-7", "3": "co-Kunde AG", "4": None}


def test_what_became_of_a_question_that_was_sent(emulated):
    """Answered, looked at, refused, returned, or nothing at all; each under an id of its own."""
    here = emulated("retently")
    here.add("1", score=9, asked_at=ASKED, email="ja@kunde.example")
    for number, state in enumerate(("sent", "opened", "declined", "bounced")):
        who = f"{state}@kunde.example"
        with here.store.lock:
            unanswered.create_tables(here.store)
            unanswered.add(
                here.store, Invitation(number, "s1", who, None, None, None, ASKED, state)
            )
    found = here.rows("invitations").values()
    said = {row["email"].partition("@")[0]: row["status"] for row in found}
    assert said == {
        "ja": "answered", "sent": "sent", "opened": "opened", "declined": "declined",
        "bounced": "bounced",
    }  # fmt: skip
    assert len({row["id"] for row in found}) == 5
    (given,) = [row for row in found if row["status"] == "answered"]
    assert given["modified_at"] > given["asked_at"]
