"""Days that depend on today, and on where the users live."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from connector.sandbox.salesforce import query, security
from connector.sandbox.salesforce.errors import Refusal
from connector.sandbox.salesforce.soql_dates import span
from connector.sandbox.store import SYSTEM_USER

#: A Thursday.
TODAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("word", "first", "after"),
    [
        ("TODAY", "2026-11-26", "2026-11-27"),
        ("YESTERDAY", "2026-11-25", "2026-11-26"),
        ("TOMORROW", "2026-11-27", "2026-11-28"),
        ("LAST_N_DAYS:30", "2026-10-27", "2026-11-27"),
        ("LAST_90_DAYS", "2026-08-28", "2026-11-27"),
        ("NEXT_N_DAYS:2", "2026-11-27", "2026-11-29"),
        ("NEXT_90_DAYS", "2026-11-27", "2027-02-25"),
        ("N_DAYS_AGO:3", "2026-11-23", "2026-11-24"),
        ("THIS_WEEK", "2026-11-23", "2026-11-30"),
        ("LAST_WEEK", "2026-11-16", "2026-11-23"),
        ("NEXT_WEEK", "2026-11-30", "2026-12-07"),
        ("LAST_N_WEEKS:2", "2026-11-09", "2026-11-23"),
        ("N_WEEKS_AGO:2", "2026-11-09", "2026-11-16"),
        ("THIS_MONTH", "2026-11-01", "2026-12-01"),
        ("LAST_MONTH", "2026-10-01", "2026-11-01"),
        ("NEXT_MONTH", "2026-12-01", "2027-01-01"),
        ("LAST_N_MONTHS:12", "2025-11-01", "2026-11-01"),
        ("NEXT_N_MONTHS:2", "2026-12-01", "2027-02-01"),
        ("N_MONTHS_AGO:11", "2025-12-01", "2026-01-01"),
        ("THIS_QUARTER", "2026-10-01", "2027-01-01"),
        ("LAST_QUARTER", "2026-07-01", "2026-10-01"),
        ("LAST_N_QUARTERS:4", "2025-10-01", "2026-10-01"),
        ("NEXT_FISCAL_QUARTER", "2027-01-01", "2027-04-01"),
        ("THIS_YEAR", "2026-01-01", "2027-01-01"),
        ("LAST_YEAR", "2025-01-01", "2026-01-01"),
        ("LAST_N_FISCAL_YEARS:2", "2024-01-01", "2026-01-01"),
        ("n_years_ago:1", "2025-01-01", "2026-01-01"),
    ],
)
def test_a_word_means_a_span_of_days(word, first, after):
    """Days count today; weeks, months, quarters and years are whole ones before or after it."""
    assert span(word, TODAY) == (date.fromisoformat(first), date.fromisoformat(after))


@pytest.mark.parametrize(
    "word",
    ["LAST_N_DAYS", "TODAY:1", "THIS_DAY", "LAST_N_WEEK:2", "LAST_N_DAYS:999999999", "SOMEDAY"],
)
def test_a_word_that_means_nothing_is_none(word):
    """Without its number, with one too many, or beyond all calendars."""
    assert span(word, TODAY) is None


@pytest.mark.parametrize(("day", "last"), [("2026-01-15", 23), ("2026-07-15", 22)])
def test_a_day_begins_where_the_users_are(store, day, last):
    """In Berlin that is at eleven in the evening of UTC, in summer at ten."""
    store.clock.set(datetime.fromisoformat(f"{day}T12:00:00+00:00"))
    access = security.access(store, SYSTEM_USER)

    def found(moment):
        store.db.execute("update Account set SystemModstamp = ? where Name = 'Alpha'", (moment,))
        soql = "SELECT Name FROM Account WHERE SystemModstamp = TODAY"
        return query.run(soql, store, access, base="", batch=2_000)["totalSize"]

    eve = date.fromisoformat(day) - timedelta(days=1)
    assert found(f"{eve}T{last - 1}:59:59.000+0000") == 0
    assert found(f"{eve}T{last}:00:00.000+0000") == 1
    assert found(f"{day}T{last - 1}:59:59.000+0000") == 1
    assert found(f"{day}T{last}:00:00.000+0000") == 0


def test_an_unknown_word_is_told_where_it_stands(store):
    """As any other mistake of a statement."""
    access = security.access(store, SYSTEM_USER)
    soql = "SELECT Id FROM Account WHERE CreatedDate = LAST_N_MOONS:2"
    with pytest.raises(Refusal, match="unexpected token"):
        query.run(soql, store, access, base="", batch=2_000)
