"""Amounts are comparable before a measure sees them, or unknown."""

from __future__ import annotations

import pytest

from .lake import Lake, ago, only


def deal(lake: Lake, id: str, amount: float | None, currency: str | None, day: str) -> Lake:
    return lake.put(
        "opportunities",
        id=id,
        account_id="001",
        amount=amount,
        currency=currency,
        close_on=day,
        created_at=ago(30),
    )


def rate(lake: Lake, currency: str, per_unit: float, starts_on: str | None = None) -> Lake:
    return lake.put(
        "rates", id=f"{currency} {starts_on}", currency=currency, rate=per_unit, starts_on=starts_on
    )


def account(lake: Lake, id: str = "001", **more: object) -> Lake:
    return lake.put("accounts", id=id, name=id, created_at=ago(900), **more)


def amounts(lake: Lake) -> dict[str, float | None]:
    """The deals as measures see them."""
    return dict(lake.run(only()).rows("SELECT id, amount FROM v_opportunities ORDER BY id"))


def odd(lake: Lake) -> list[tuple[str, str]]:
    return lake.rows("SELECT stream, id FROM oddities WHERE rule = 'unknown_currency' ORDER BY id")


def test_an_amount_is_converted_by_its_rate():
    """So much of a currency is one unit of the company's own."""
    lake = rate(rate(account(Lake()), "EUR", 1), "USD", 1.25)
    deal(deal(lake, "a", 100, "EUR", "2026-01-01"), "b", 100, "USD", "2026-01-01")
    assert amounts(lake) == {"a": 100, "b": 80}


def test_revenue_is_converted_as_well():
    """Accounts by the rate of today."""
    lake = account(rate(Lake(), "GBP", 0.8), revenue=80, currency="GBP").run(only())
    assert lake.rows("SELECT revenue FROM accounts") == [100]


@pytest.mark.parametrize(
    ("day", "amount"), [("2020-05-05", 50), ("2025-03-31", 50), ("2025-04-01", 25)]
)
def test_a_deal_is_converted_by_the_rate_of_its_close_date(day, amount):
    """A dated rate holds until the next one begins, and the first also before."""
    lake = rate(account(Lake()), "USD", 1)
    rate(rate(lake, "USD", 2, "2025-01-01"), "USD", 4, "2025-04-01")
    assert amounts(deal(lake, "a", 100, "USD", day)) == {"a": amount}


def test_a_currency_without_a_rate_makes_the_amount_unknown_and_is_counted():
    """Never 0, and never as it stands."""
    lake = deal(rate(account(Lake()), "EUR", 1), "a", 100, "CHF", "2026-01-01")
    assert amounts(lake) == {"a": None}
    assert odd(lake) == [("opportunities", "a")]


def test_an_amount_without_a_currency_is_unknown_where_rates_are_told():
    """The mapping does not read it; guessing would be wrong."""
    lake = deal(rate(account(Lake()), "EUR", 1), "a", 100, None, "2026-01-01")
    assert amounts(lake) == {"a": None}
    assert odd(lake) == [("opportunities", "a")]


def test_without_an_amount_there_is_nothing_to_count():
    """An unknown currency of nothing is no oddity."""
    lake = deal(rate(account(Lake()), "EUR", 1), "a", None, "CHF", "2026-01-01")
    assert (amounts(lake), odd(lake)) == ({"a": None}, [])


@pytest.mark.parametrize("currency", [None, "EUR"])
def test_one_currency_needs_no_rates(currency):
    """Most companies have one and name it nowhere, or everywhere the same."""
    lake = deal(account(Lake()), "a", 100, currency, "2026-01-01")
    assert (amounts(lake), odd(lake)) == ({"a": 100}, [])


def test_several_currencies_without_rates_cannot_be_compared():
    """Adding them up would be worse than not knowing."""
    lake = deal(account(Lake()), "a", 100, "EUR", "2026-01-01")
    assert amounts(deal(lake, "b", 100, "USD", "2026-01-01")) == {"a": None, "b": None}


def test_a_deal_without_a_close_date_takes_the_latest_rate():
    """It is open still."""
    lake = rate(rate(account(Lake()), "USD", 2, "2025-01-01"), "USD", 4, "2025-04-01")
    lake.put("opportunities", id="a", account_id="001", amount=100, currency="USD",
             created_at=ago(3))  # fmt: skip
    assert amounts(lake) == {"a": 25}


def test_a_rate_that_was_deleted_no_longer_counts():
    """Like any other record."""
    lake = rate(account(Lake()), "EUR", 1)
    lake.put("rates", id="old", currency="USD", rate=2, deleted=True)
    assert amounts(deal(lake, "a", 100, "USD", "2026-01-01")) == {"a": None}
