"""Only what had happened, and was recorded, by the moment counts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.model.lake import AS_OF, Lake, ago, answer, only, shipped


def past() -> Lake:
    """A customer of whom something is known in every stream."""
    lake = Lake().put(
        "accounts",
        id="001",
        name="A",
        external_id="E",
        sentiment=4,
        sentiment_at=ago(5),
        created_at=ago(900),
    )
    lake.put("contacts", id="003", account_id="001", email="a@x.example", created_at=ago(800))
    lake.put(
        "activities", id="a", account_id="001", kind="meeting", status="held", occurred_at=ago(9)
    )
    lake.put(
        "tickets", id="t", account_id="001", priority="urgent", is_closed=False, opened_at=ago(2)
    )
    lake.put(
        "signals", id="s", kind="usage", name="f", value=5, account_key="E", occurred_at=ago(3)
    )
    lake.put(
        "signals",
        id="i",
        kind="invoice",
        value=9,
        account_key="E",
        occurred_at=ago(60),
        due_at=ago(30),
    )
    return answer(lake, "r", 9, 20)


def results(lake: Lake):
    shown = "* EXCLUDE (as_of, created_at, last_answer_at, last_response_at, sentiment_at)"
    return lake.run(shipped()).rows(f"SELECT {shown} FROM results ORDER BY id")


FUTURE = {
    "an activity": lambda lake: lake.put(
        "activities", id="a2", account_id="001", kind="meeting", status="held", occurred_at=ago(-1)
    ),
    "an activity recorded later": lambda lake: lake.put(
        "activities",
        id="a3",
        account_id="001",
        kind="meeting",
        status="held",
        occurred_at=ago(2),
        created_at=ago(-1),
    ),
    "an answer": lambda lake: answer(lake, "r2", 0, -1),
    "a ticket": lambda lake: lake.put(
        "tickets", id="t2", account_id="001", priority="urgent", opened_at=ago(-1)
    ),
    "a signal": lambda lake: lake.put(
        "signals", id="s2", kind="usage", value=500, account_key="E", occurred_at=ago(-1)
    ),
    "a contact": lambda lake: lake.put(
        "contacts", id="0032", account_id="001", email="r@x.example", created_at=ago(-1)
    ),
    "an account": lambda lake: lake.put("accounts", id="009", name="New", created_at=ago(-1)),
    "a score": lambda lake: lake.put(
        "scores", account_id="001", as_of=ago(-1), model=shipped().version, score=900, tier="A"
    ),
    "a closed ticket": lambda lake: lake.db.execute(
        "UPDATE lake_tickets SET is_closed = TRUE, satisfaction = 1, closed_at = ?", [ago(-1)]
    ),
    "a paid invoice": lambda lake: lake.db.execute(
        "UPDATE lake_signals SET settled_at = ? WHERE id = 'i'", [ago(-1)]
    ),
}


@pytest.mark.parametrize("what", FUTURE)
def test_the_future_has_no_effect(what):
    """Planted behind the moment, nothing changes in any result."""
    before = results(past())
    lake = past()
    FUTURE[what](lake)
    assert results(lake) == before


@pytest.mark.parametrize("what", FUTURE)
def test_the_same_things_count_once_they_have_happened(what):
    """Otherwise the test above would prove nothing."""
    lake = past()
    FUTURE[what](lake)
    shown = "* EXCLUDE (as_of, created_at, last_answer_at, last_response_at, sentiment_at)"
    later = AS_OF + timedelta(days=2)
    with_it = lake.run(shipped(), later).rows(f"SELECT {shown} FROM results ORDER BY id")
    contacts = lake.rows("SELECT count(*) FROM seen_contacts")[0]
    without = past().run(shipped(), later).rows(f"SELECT {shown} FROM results ORDER BY id")
    assert with_it != without or contacts == 2


def test_a_sentiment_given_later_is_unknown():
    """Its date lies behind the moment."""
    lake = Lake().put("accounts", id="001", sentiment=5, sentiment_at=ago(-1))
    assert lake.run(only("csm_sentiment")).value("csm_sentiment") is None


def test_an_opportunity_closed_later_is_open():
    """But one that was last touched before is as it was."""
    lake = Lake().put("accounts", id="001")
    deal = {"account_id": "001", "created_at": ago(50), "is_closed": True, "is_won": True}
    lake.put("opportunities", id="later", close_on="2026-02-05", modified_at=ago(-5), **deal)
    lake.put("opportunities", id="early", close_on="2026-02-05", modified_at=ago(5), **deal)
    lake.run(only("csm_sentiment"))
    assert lake.rows("SELECT id, is_won FROM seen_opportunities ORDER BY id") == [
        ("early", True),
        ("later", False),
    ]


def test_running_again_for_the_same_moment_gives_the_same():
    """Its own result in the history does not change it."""
    lake = past().run(shipped())
    first = lake.rows("SELECT * EXCLUDE (as_of) FROM scores")
    assert lake.keep().run(shipped()).rows("SELECT * EXCLUDE (as_of) FROM scores") == first


def test_the_order_of_records_is_irrelevant():
    """The same lake written backwards gives the same results."""
    lake = past()
    for n in range(40):
        answer(lake, f"x{n}", n % 11, n * 7.3)
    before = results(lake)
    for table in ("responses", "signals", "activities", "tickets"):
        lake.db.execute(f"CREATE TABLE turned AS SELECT * FROM lake_{table} ORDER BY id DESC")
        lake.db.execute(f"DELETE FROM lake_{table}")
        lake.db.execute(f"INSERT INTO lake_{table} SELECT * FROM turned")
        lake.db.execute("DROP TABLE turned")
    assert results(lake) == before
