"""Contacts move, accounts merge, people decide: where an answer stays, and where it goes."""

from __future__ import annotations

import pytest

from connector.model.matching import Matching
from tests.model.lake import Lake, ago, answer, only

ONE, TWO = "001000000000001AAA", "001000000000002AAA"
ANNA = "003000000000001AAA"
EMPTY = {"account_key": None, "contact_key": None, "email": None, "company": None}


def world(**keys) -> Lake:
    """Two accounts, Anna at the first of them, and one answer, scored and kept once."""
    lake = Lake()
    lake.put("accounts", id=ONE, name="Alpha GmbH", external_id="E-1", website="alpha.example")
    lake.put("accounts", id=TWO, name="Beta AG", external_id="E-2", website="beta.example")
    lake.put("contacts", id=ANNA, account_id=ONE, email="anna@mail.example")
    answer(lake, "r", 9, 5, **{**EMPTY, **keys})
    return lake.run(only("nps")).keep_placements()


def moved(lake: Lake) -> Lake:
    """Anna works for the second account now."""
    lake.db.execute("UPDATE lake_contacts SET account_id = ?", [TWO])
    return lake


def said(lake: Lake, **keys) -> Lake:
    """The platform tells other keys of the same answer."""
    for key, value in keys.items():
        lake.db.execute(f"UPDATE lake_responses SET {key} = ?", [value])
    return lake


def placed(lake: Lake, **matching):
    """Where the answer is now, and by which rule."""
    lake.run(only("nps"), matching=Matching(**matching))
    sql = "SELECT a.id, l.rule FROM placements AS l LEFT JOIN accounts AS a ON a.key = l.key"
    return lake.rows(sql)[0]


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        ({"email": "anna@mail.example"}, "email"),
        ({"email": "anna+nps@mail.example"}, "email_plus"),
        ({"contact_key": ANNA}, "record_id"),
    ],
)
def test_an_answer_stays_with_the_account_its_contact_had(keys, rule):
    """The contact moves on; what was said, was said for the old account."""
    lake = moved(world(**keys))
    assert placed(lake) == (ONE, rule)
    assert lake.rows("SELECT key FROM v_responses") == lake.rows(
        f"SELECT key FROM accounts WHERE id = '{ONE}'"
    )


def test_an_answer_given_after_the_move_belongs_to_the_new_account():
    """Only what was placed before is kept."""
    lake = moved(world(email="anna@mail.example"))
    answer(lake, "later", 3, 1, **{**EMPTY, "email": "anna@mail.example"})
    lake.run(only("nps"))
    sql = "SELECT l.id, a.id FROM links AS l JOIN accounts AS a ON a.key = l.key ORDER BY l.id"
    assert lake.rows(sql) == [("later", TWO), ("r", ONE)]


def test_answers_follow_their_contact_where_that_is_wanted():
    """It is a setting."""
    lake = moved(world(email="anna@mail.example"))
    assert placed(lake, moves="follow") == (TWO, "email")


def test_the_account_s_successor_takes_its_answers():
    """The account was merged into another while the contact went to a third."""
    lake = moved(world(email="anna@mail.example")).put("accounts", id="001HEIR", name="Heir")
    lake.db.execute(
        "UPDATE lake_accounts SET deleted = TRUE, master_id = '001HEIR' WHERE id = ?", [ONE]
    )
    assert placed(lake) == ("001HEIR", "email")


def test_an_account_that_is_gone_keeps_nothing():
    """Then the contact's account of today is as good as it gets."""
    lake = moved(world(email="anna@mail.example"))
    lake.db.execute("UPDATE lake_accounts SET deleted = TRUE WHERE id = ?", [ONE])
    assert placed(lake) == (TWO, "email")


def test_an_answer_outlives_its_contact():
    """Deleted, erased, or entered twice: it was placed when there was no doubt."""
    lake = world(email="anna@mail.example")
    lake.put("contacts", id="003X", account_id=TWO, email="anna@mail.example")
    assert placed(lake) == (ONE, "email")
    lake.db.execute("UPDATE lake_contacts SET deleted = TRUE")
    assert placed(lake) == (ONE, "email")
    assert placed(said(lake, email=None)) == (ONE, "email")


def test_other_keys_are_looked_at_anew():
    """The platform has corrected whose answer it is."""
    lake = said(world(email="anna@mail.example"), account_key=TWO, email="other@x.example")
    assert placed(lake) == (TWO, "record_id")


def test_a_person_s_word_beats_what_was_found_before():
    """And once the line is taken out, nothing of it remains."""
    lake = world(email="anna@mail.example").put("aliases", key="anna@mail.example", account_id=TWO)
    assert placed(lake) == (TWO, "alias")
    lake.keep_placements()
    lake.db.execute("DELETE FROM aliases")
    assert placed(lake) == (ONE, "email")


def test_a_surer_rule_beats_what_was_found_before():
    """The customer number was missing in the CRM when the answer came."""
    lake = world(email="anna@mail.example", account_key="E-9")
    lake.db.execute("UPDATE lake_accounts SET external_id = 'E-9' WHERE id = ?", [TWO])
    assert placed(lake) == (TWO, "external_id")


def test_what_was_not_found_through_a_contact_is_found_anew():
    """A website that was entered at the wrong account and is put right."""
    lake = world(email="carl@alpha.example")
    assert placed(lake) == (ONE, "domain")
    lake.db.execute("UPDATE lake_accounts SET website = NULL WHERE id = ?", [ONE])
    lake.db.execute("UPDATE lake_accounts SET website = 'alpha.example' WHERE id = ?", [TWO])
    assert placed(lake) == (TWO, "domain")


def test_the_past_does_not_know_what_was_found_later():
    """A score as of last week uses no placement of today."""
    lake = Lake().put("accounts", id=ONE).put("accounts", id=TWO)
    lake.put("contacts", id=ANNA, account_id=TWO, email="anna@mail.example")
    answer(lake, "r", 9, 5, **{**EMPTY, "email": "anna@mail.example"})
    columns = {"stream": "responses", "id": "r", "account_id": ONE, "rule": "email"}
    lake.put("placements", **columns, as_of=ago(-1))
    assert placed(lake) == (TWO, "email")


def test_two_sources_may_use_one_id():
    """What was found for one says nothing about the other."""
    lake = Lake().put("accounts", id=ONE).put("accounts", id=TWO)
    lake.put("contacts", id=ANNA, account_id=ONE, email="anna@mail.example")
    for source in ("a", "b"):
        answer(lake, "r", 9, 5, **{**EMPTY, "email": "anna@mail.example", "source": source})
    lake.run(only("nps")).keep_placements()
    lake.db.execute("DELETE FROM lake_placements WHERE source = 'b'")
    moved(lake).run(only("nps"))
    sql = "SELECT l.source, a.id FROM links AS l JOIN accounts AS a ON a.key = l.key ORDER BY 1"
    assert lake.rows(sql) == [("a", ONE), ("b", TWO)]


def test_rule_confidence_and_reason_are_kept_of_every_answer():
    """Of those that found no account as well; of signals nothing is kept."""
    lake = Lake().put("accounts", id=ONE, external_id="E-1")
    answer(lake, "r", 9, 5, **{**EMPTY, "account_key": "E-1"})
    answer(lake, "x", 9, 5, **{**EMPTY, "account_key": "?"})
    lake.put("signals", id="s", kind="usage", account_key="E-1", occurred_at=ago(1))
    lake.run(only("nps")).keep_placements()
    kept = lake.rows(
        "SELECT stream, id, account_id, rule, confidence, why FROM lake_placements ORDER BY id"
    )
    assert kept == [
        ("responses", "r", ONE, "external_id", 0.98, None),
        ("responses", "x", None, None, None, "unknown"),
    ]
