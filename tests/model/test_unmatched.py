"""What a person sees of the records that no rule could place."""

from __future__ import annotations

import pytest

from connector.model import unmatched
from tests.model.lake import Lake, ago, answer, only

ONE, TWO = "001000000000001AAA", "001000000000002AAA"
EMPTY = {"account_key": None, "contact_key": None, "email": None, "company": None}


def world(*answers: dict[str, str]) -> Lake:
    """Two accounts with a contact each, and these answers, placed."""
    lake = Lake().put("free_mail", domain="gmail.com")
    lake.put("accounts", id=ONE, name="Muster GmbH", website="muster.example")
    lake.put("accounts", id=TWO, name="Beta AG")
    lake.put("contacts", id="003A", account_id=TWO, email="anna@beta.example")
    lake.put("contacts", id="003B", account_id=TWO, email="bert@gmail.com")
    for number, keys in enumerate(answers):
        answer(lake, f"r{number}", 9, 5, **{**EMPTY, **keys})
    return lake.run(only("nps"))


def could_be(lake: Lake) -> list:
    """Account and reason for every candidate."""
    lake.db.execute(f"CREATE OR REPLACE TEMP TABLE shown AS {unmatched.listed(50)}")
    found = unmatched.candidates("SELECT DISTINCT n FROM shown")
    return lake.rows(f"SELECT id, because FROM ({found})")


def test_an_ambiguity_shows_the_accounts_that_its_rule_found():
    """And no others."""
    lake = world({"email": "x@muster.example"})
    lake.put("accounts", id="001X", name="Muster Holding", website="www.muster.example")
    lake.run(only("nps"))
    assert could_be(lake) == [(ONE, "domain"), ("001X", "domain")]


@pytest.mark.parametrize(
    ("keys", "candidates"),
    [
        ({"email": "carl@beta.example"}, [(TWO, "colleague")]),
        ({"email": "carl@gmail.com"}, []),
        ({"company": "Musters"}, [(ONE, "similar_name")]),
        ({"company": "Meier"}, []),
        ({}, []),
    ],
    ids=["colleague", "free mail", "similar name", "another name", "anonymous"],
)
def test_an_unknown_sender_shows_who_is_near(keys, candidates):
    """Proposals only: none of them is ever an answer."""
    lake = world(keys)
    assert could_be(lake) == candidates
    assert lake.rows("SELECT key FROM placements") == [None]


def test_a_name_that_is_not_enough_shows_its_account():
    """The rule found one; the installation wants more than a name."""
    from connector.model.matching import Matching

    lake = world({"company": "Muster"}).run(only("nps"), matching=Matching(least=0.7))
    assert could_be(lake) == [(ONE, "name")]


def test_who_sent_most_comes_first_and_who_says_nothing_last():
    """All kinds of records stand in one list."""
    lake = world({}, {}, {}, {"email": "a@x.example"}, {"email": "b@x.example"})
    lake.put("signals", id="s", kind="usage", email="b@x.example", occurred_at=ago(1))
    lake.put("tickets", id="t", email="b@x.example", opened_at=ago(1))
    lake.run(only("nps"))
    found = lake.rows(f"SELECT stream, id, why FROM ({unmatched.listed(5)})")
    assert found[:4] == [
        ("responses", "r4", "unknown"), ("signals", "s", "unknown"),
        ("tickets", "t", "unknown"), ("responses", "r3", "unknown"),
    ]  # fmt: skip
    assert found[4][2] == "anonymous"
    assert lake.rows(unmatched.counted()) == [
        ("responses", "anonymous", 3), ("responses", "unknown", 2), ("signals", "unknown", 1),
        ("tickets", "unknown", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"account_key": " K-7 ", "email": "a@x.example"}, "K-7"),
        ({"email": "a@x.example", "company": "X"}, "x.example"),
        ({"email": "A@gmail.com", "company": "X"}, "a@gmail.com"),
        ({"company": "X Ltd"}, "X Ltd"),
        ({"company": "=cmd()"}, None),
        ({}, None),
    ],
)
def test_the_template_names_the_word_that_settles_most(keys, word):
    """Never what a spreadsheet would run."""
    lake = world(keys, keys)
    assert lake.rows(unmatched.template()) == ([(word, 2)] if word else [])


def test_a_word_of_the_template_settles_its_records():
    """What is proposed as a key is a key."""
    lake = world({"email": "a@x.example"}, {"email": "b@sub.x.example"}, {"company": "Ypsilon"})
    for word, _ in lake.rows(unmatched.template()):
        lake.put("aliases", key=word, account_id=ONE)
    lake.run(only("nps"))
    assert lake.rows("SELECT rule, count(*) FROM links GROUP BY rule") == [("alias", 3)]
    assert lake.rows(unmatched.listed(5)) == []
