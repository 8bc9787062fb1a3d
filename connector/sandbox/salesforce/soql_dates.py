"""Days that depend on today: `TODAY`, `LAST_N_DAYS:30`, `THIS_FISCAL_QUARTER`, `N_WEEKS_AGO:2`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ..store import Store

#: Where the org's users live; their weeks begin on Monday, their fiscal years in January.
ZONE = "Europe/Berlin"
FIRST_YEAR, LAST_YEAR = 1700, 4000
LAST_DAYS = 90

_ONE = timedelta(days=1)
_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
_PERIOD = r"(?:FISCAL_)?(DAY|WEEK|MONTH|QUARTER|YEAR)"
_PLAIN = re.compile(rf"(THIS|LAST|NEXT)_{_PERIOD}")
_COUNTED = re.compile(rf"(LAST|NEXT)_N_{_PERIOD}S:(\d+)")
_AGO = re.compile(rf"N_{_PERIOD}S_AGO:(\d+)")
_NAMED = {"TODAY": 0, "YESTERDAY": -1, "TOMORROW": 1}


def span(word: str, today: date) -> tuple[date, date] | None:
    """The first day that a relative date means, and the first day after it; None if unknown."""
    try:
        found = _span(word.upper(), today)
    except (OverflowError, ValueError):
        return None
    if found is None or found[0].year < FIRST_YEAR or found[1].year > LAST_YEAR:
        return None
    return found


def _span(word: str, today: date) -> tuple[date, date] | None:
    if word in _NAMED:
        return _periods("DAY", today, _NAMED[word], 1)
    if word in ("LAST_90_DAYS", "NEXT_90_DAYS"):
        word = f"{word[:4]}_N_DAYS:{LAST_DAYS}"
    if (plain := _PLAIN.fullmatch(word)) and plain[2] != "DAY":
        return _periods(plain[2], today, ("LAST", "THIS", "NEXT").index(plain[1]) - 1, 1)
    if counted := _COUNTED.fullmatch(word):
        which, kind, count = counted[1], counted[2], int(counted[3])
        if which == "NEXT":
            return _periods(kind, today, 1, count)
        # today belongs to the last n days; this week, month or year does not belong to the last n
        return _periods(kind, today, -count, count + (kind == "DAY"))
    if ago := _AGO.fullmatch(word):
        return _periods(ago[1], today, -int(ago[2]), 1)
    return None


def _periods(kind: str, today: date, first: int, count: int) -> tuple[date, date]:
    """So many days, weeks or months in a row; the first is counted from that of today."""
    start = _start(kind, today)
    return _later(kind, start, first), _later(kind, start, first + count)


def _start(kind: str, day: date) -> date:
    """The first day of the period that a day is in."""
    if kind == "DAY":
        return day
    if kind == "WEEK":
        return day - day.weekday() * _ONE
    months = _MONTHS[kind]
    return day.replace(month=(day.month - 1) // months * months + 1, day=1)


def _later(kind: str, start: date, count: int) -> date:
    if kind not in _MONTHS:
        return start + count * (7 if kind == "WEEK" else 1) * _ONE
    years, month = divmod(start.year * 12 + start.month - 1 + count * _MONTHS[kind], 12)
    return date(years, month + 1, 1)


def prepare(store: Store) -> None:
    """Lets statements turn a moment to the users' time zone."""
    store.db.create_function("local", 1, local)


def local(moment: str | None) -> str | None:
    """A moment as the users' clocks show it."""
    if moment is None:
        return None
    return datetime.fromisoformat(moment).astimezone(ZoneInfo(ZONE)).strftime("%Y-%m-%dT%H:%M:%S")


def today(store: Store) -> date:
    """The day that the users' calendars show."""
    return store.clock.now().astimezone(ZoneInfo(ZONE)).date()


def midnight(day: date) -> datetime:
    """The moment at which a day of the users begins."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
