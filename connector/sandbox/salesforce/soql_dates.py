"""Days that depend on today: `TODAY`, `LAST_N_DAYS:30`, `THIS_MONTH`."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ..store import Store

#: Where the org's users live.
ZONE = "Europe/Berlin"

_ONE = timedelta(days=1)


def span(word: str, today: date) -> tuple[date, date] | None:
    """The first day that a relative date means, and the first day after it; None if unknown."""
    name, _, number = word.upper().partition(":")
    days = timedelta(days=int(number or 0))
    this_month = today.replace(day=1)
    this_year = today.replace(month=1, day=1)
    spans = {
        "TODAY": (today, today + _ONE),
        "YESTERDAY": (today - _ONE, today),
        "TOMORROW": (today + _ONE, today + 2 * _ONE),
        # today belongs to the last n days, but not to the next
        "LAST_N_DAYS": (today - days, today + _ONE),
        "NEXT_N_DAYS": (today + _ONE, today + days + _ONE),
        "N_DAYS_AGO": (today - days, today - days + _ONE),
        "THIS_MONTH": (this_month, _after_month(this_month)),
        "LAST_MONTH": ((this_month - _ONE).replace(day=1), this_month),
        "NEXT_MONTH": (_after_month(this_month), _after_month(_after_month(this_month))),
        "THIS_YEAR": (this_year, this_year.replace(year=today.year + 1)),
        "LAST_YEAR": (this_year.replace(year=today.year - 1), this_year),
    }
    return spans.get(name) if bool(number) == ("_N_" in name or name.startswith("N_")) else None


def prepare(store: Store) -> None:
    """Lets statements turn a moment to the users' time zone."""
    store.db.create_function("local", 1, local)


def local(moment: str | None) -> str | None:
    """A moment as the users' clocks show it."""
    if moment is None:
        return None
    return datetime.fromisoformat(moment).astimezone(ZoneInfo(ZONE)).strftime("%Y-%m-%dT%H:%M:%S")


def _after_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)
