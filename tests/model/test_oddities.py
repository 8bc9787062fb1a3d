"""Strange records are counted and listed, not scored and not hidden."""

from __future__ import annotations

from dataclasses import replace

from connector.model.definition import Check
from tests.model.lake import Lake, ago, answer, only, shipped


def odd(lake: Lake, model=None):
    lake.run(model or shipped())
    return lake.rows("SELECT stream, rule, id FROM oddities ORDER BY stream, rule, id")


def test_clean_data_has_none():
    """Otherwise nobody would look."""
    lake = Lake().put("accounts", id="001", name="A").put("accounts", id="002", name="B")
    assert odd(answer(lake, "r", 9, 1)) == []


def test_the_checks_of_the_model_are_run():
    """Each finds its record and not its neighbour."""
    lake = Lake().put(
        "accounts", id="001", name="A", external_id="E", goals_total=1, goals_reached=2
    )
    lake.put("opportunities", id="o1", created_at=ago(5))
    lake.put("opportunities", id="o2", account_id="001", created_at=ago(5))
    lake.put("tickets", id="t", account_id="001", opened_at=ago(5), closed_at=ago(6))
    lake.put(
        "signals",
        id="sub",
        kind="subscription",
        account_key="E",
        occurred_at=ago(9),
        starts_at=ago(9),
    )
    lake.put("signals", id="u1", kind="usage", account_key="E", occurred_at=ago(10))
    lake.put("signals", id="u2", kind="usage", account_key="E", occurred_at=ago(8))
    assert odd(lake) == [
        ("accounts", "more_goals_than_planned", "001"),
        ("opportunities", "opportunity_without_account", "o1"),
        ("signals", "usage_before_subscription", "u1"),
        ("tickets", "closed_before_opened", "t"),
    ]


def test_accounts_of_one_name_are_listed():
    """Capitals and blanks aside."""
    lake = Lake().put("accounts", id="1", name="Acme ").put("accounts", id="2", name="ACME")
    assert odd(lake.put("accounts", id="3")) == [
        ("accounts", "same_name", "1"),
        ("accounts", "same_name", "2"),
    ]


def test_what_finds_no_account_is_listed():
    """With the reason as its rule."""
    lake = answer(Lake().put("accounts", id="001"), "r", 9, 1, account_key="?", email=None)
    assert odd(lake) == [("responses", "unknown", "r")]


def test_a_check_sees_only_what_had_happened():
    """Also in the streams of its subqueries, and `as_of` is a literal."""
    check = Check(
        "quiet",
        "accounts",
        "not exists (select 1 from tickets where tickets.account_id = accounts.id)"
        " and accounts.created_at < as_of",
    )
    lake = Lake().put("accounts", id="001", created_at=ago(9))
    lake.put("tickets", id="t", account_id="001", opened_at=ago(-1))
    assert odd(lake, replace(only(), checks=(check,))) == [("accounts", "quiet", "001")]
