"""Amounts made comparable: everything in the company's own currency, or unknown.

A rate says how much of a currency is one unit of the company's own. `exchange` has the rates of
today, `exchange_by_day` those of each day: dated rates where they are kept, else the same ones. An
amount in a currency without a rate is unknown, never 0 and never as it stands. Where nobody tells
rates and at most one currency is used, amounts are comparable as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

from .stage import Stage, union

#: Streams with an amount of money, and the column that holds it.
MONEY: Mapping[str, str] = {"accounts": "revenue", "opportunities": "amount"}
#: Before and after every day that a record may name.
_FIRST, _LAST = "DATE '0001-01-01'", "DATE '9999-12-31'"
_ALIVE = "NOT coalesce(deleted, FALSE)"


def stages() -> tuple[Stage, ...]:
    """`exchange(code, per_unit)` and `exchange_by_day(code, per_unit, starts, ends)`."""
    return (Stage("exchange", _exchange()), Stage("exchange_by_day", _by_day()))


def joined(stream: str) -> str:
    """The join that brings the rate of each record `r`, as `x`; nothing for other streams."""
    if stream == "accounts":
        return f" LEFT JOIN exchange AS x ON x.code = {_code('r')}"
    if stream == "opportunities":
        day = "coalesce(r.close_on, DATE '9999-12-30')"
        return (
            f" LEFT JOIN exchange_by_day AS x ON x.code = {_code('r')}"
            f" AND {day} >= x.starts AND {day} < x.ends"
        )
    return ""


def comparable(stream: str) -> dict[str, str]:
    """The column with the amount, converted."""
    return {MONEY[stream]: f"r.{MONEY[stream]} / x.per_unit"} if stream in MONEY else {}


def unknown() -> tuple[str, ...]:
    """Queries for the records whose amount has a currency without a rate."""
    return tuple(
        f"SELECT '{stream}' AS stream, 'unknown_currency' AS rule, r.id FROM lake_{stream} AS r"
        f" WHERE {_ALIVE} AND r.{amount} IS NOT NULL"
        f" AND {_code('r')} NOT IN (SELECT code FROM {_rates(stream)})"
        for stream, amount in MONEY.items()
    )


def _rates(stream: str) -> str:
    return "exchange" if stream == "accounts" else "exchange_by_day"


def _code(table: str) -> str:
    return f"coalesce({table}.currency, '')"


def _exchange() -> str:
    told = (
        "SELECT currency AS code, max(rate) AS per_unit FROM lake_rates"
        f" WHERE {_ALIVE} AND starts_on IS NULL AND rate > 0 AND currency IS NOT NULL"
        " GROUP BY currency"
    )
    named = union(
        f"SELECT currency FROM lake_{stream} WHERE {_ALIVE} AND currency IS NOT NULL"
        for stream in MONEY
    )
    return (
        f"WITH told AS ({told}), used AS (SELECT DISTINCT currency AS code FROM ({named}) AS n)"
        " SELECT code, per_unit FROM told UNION ALL SELECT code, 1.0e0 AS per_unit"
        " FROM (SELECT code FROM used UNION SELECT '' AS code) AS alone"
        " WHERE NOT EXISTS (SELECT 1 FROM told) AND (SELECT count(*) FROM used) <= 1"
    )


def _by_day() -> str:
    """Each dated rate holds until the next one begins; the first one also before."""
    dated = (
        "SELECT currency AS code, starts_on AS day, max(rate) AS per_unit FROM lake_rates"
        f" WHERE {_ALIVE} AND starts_on IS NOT NULL AND rate > 0 AND currency IS NOT NULL"
        " GROUP BY currency, starts_on"
    )
    over = "OVER (PARTITION BY code ORDER BY day)"
    return (
        f"WITH dated AS ({dated})"
        " SELECT code, per_unit,"
        f" CASE WHEN row_number() {over} = 1 THEN {_FIRST} ELSE day END AS starts,"
        f" coalesce(lead(day) {over}, {_LAST}) AS ends FROM dated"
        f" UNION ALL SELECT code, per_unit, {_FIRST}, {_LAST} FROM exchange"
        " WHERE code NOT IN (SELECT code FROM dated)"
    )
