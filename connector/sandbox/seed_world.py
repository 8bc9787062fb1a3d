"""The hidden truth behind the seeded data: who is well, who drifts away, and when.

Days are counted from a fixed number of years before the clock's start, moments in seconds from
there, so that the whole world is arithmetic on small numbers and one seed always gives one world.
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import accumulate
from random import Random

from .store import Store

Row = tuple[object, ...]

#: Who made a record and who changed it last: here the account manager, never an integration.
AUTHORS = ("CreatedById", "LastModifiedById")

DAY = 86_400
TODAY = 3_650  # the day of the clock's start, counted from ten years before
HISTORY = 548  # activities reach back eighteen months
AHEAD = 800  # renewals and planned meetings lie in the future
BUNCH = 2_000  # ids are fetched so many at a time

# hardly anything happens on Saturdays and Sundays
_WEEKDAYS = (1.1, 1.15, 1.15, 1.05, 0.8, 0.03, 0.02)


@dataclass(frozen=True, slots=True)
class Path:
    """How an account fares: mood and activity before its turning point, and after it."""

    name: str
    share: float
    level: float
    mood: tuple[float, float]
    pace: tuple[float, float]
    span: int


PATHS = (
    Path("healthy", 0.40, 1.0, (0.55, 0.55), (1.0, 1.0), 90),
    Path("advocate", 0.13, 1.5, (0.75, 0.90), (1.0, 1.1), 90),
    Path("drifting", 0.14, 1.0, (0.40, -0.35), (1.0, 0.3), 120),
    Path("leaving", 0.10, 1.0, (0.20, -0.80), (1.0, 0.04), 75),
    Path("silent", 0.12, 0.12, (0.05, -0.10), (1.0, 0.6), 90),
    Path("new", 0.11, 1.0, (0.35, 0.50), (0.0, 1.8), 1),
)


@dataclass(frozen=True, slots=True)
class Person:
    """A contact as the other records refer to it."""

    id: str
    first: str
    last: str
    email: str | None


@dataclass(frozen=True, slots=True)
class Company:
    """One account and the truth about it that no record holds."""

    id: str
    number: int
    name: str
    domain: str
    website: str | None
    country: str
    type: str
    path: Path
    since: int
    turn: int
    left: int | None
    segment: str
    revenue: int
    arr: float
    owner: str
    parent: str | None
    people: tuple[Person, ...]

    @property
    def key(self) -> str:
        """The customer number."""
        return f"K-{self.number:06d}"

    @property
    def german(self) -> bool:
        """Whether people there speak German."""
        return self.country in {"Germany", "Austria", "Switzerland"}

    @property
    def pays(self) -> bool:
        """Whether it is or was a customer."""
        return self.type in {"Customer", "Former Customer"}

    def mood(self, day: int) -> float:
        """How content it is on a day, from -1 to 1."""
        return _between(self.path.mood, day, self.turn, self.path.span)

    def until(self) -> int:
        """The last day it was a customer, today for those who still are."""
        return TODAY if self.left is None else self.left


def _between(ends: tuple[float, float], day: int, turn: int, span: int) -> float:
    way = min(max((day - turn) / span, 0.0), 1.0)
    return ends[0] + (ends[1] - ends[0]) * way


class Calendar:
    """Days and moments around the clock's start, written as records hold them."""

    def __init__(self, start: datetime) -> None:
        first = start.date() - timedelta(days=TODAY)
        dates = [first + timedelta(days=n) for n in range(TODAY + AHEAD)]
        self.now = TODAY * DAY + start.hour * 3600
        self.days = [each.isoformat() for each in dates]
        self.busy = [_WEEKDAYS[each.weekday()] * _season(each.month, each.day) for each in dates]
        self._times = _times()
        self._curves: dict[tuple[str, int], list[float]] = {}

    def stamp(self, moment: int) -> str:
        """The moment as Salesforce writes it."""
        return self.days[moment // DAY] + self._times[moment % DAY]

    def curve(self, path: Path, turn: int) -> list[float]:
        """Running totals of how busy such an account is, day by day through the history."""
        if (path.name, turn) not in self._curves:
            days = range(TODAY - HISTORY, TODAY)
            shape = (self.busy[d] * _between(path.pace, d, turn, path.span) for d in days)
            self._curves[path.name, turn] = list(accumulate(shape))
        return self._curves[path.name, turn]


def _season(month: int, day: int) -> float:
    if (month, day) >= (12, 20) or (month, day) <= (1, 5):
        return 0.1
    return 0.45 if month == 8 else 1.0


@cache
def _times() -> tuple[str, ...]:
    return tuple(
        f"T{hour:02d}:{minute:02d}:{second:02d}.000+0000"
        for hour in range(24)
        for minute in range(60)
        for second in range(60)
    )


@dataclass(slots=True)
class World:
    """What every part of the seed draws on: chance, calendar, fresh ids and rows to insert."""

    store: Store
    calendar: Calendar
    rng: Random
    owners: list[str] = field(default_factory=list)
    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    tally: Counter[str] = field(default_factory=Counter)
    _ids: dict[str, Callable[[], str]] = field(default_factory=dict)

    def fresh(self, name: str) -> Callable[[], str]:
        """The source of new ids of an object."""
        if name not in self._ids:
            self._ids[name] = _supply(self.store, name).__next__
        return self._ids[name]

    def count(self, name: str) -> int:
        """The next number of a series that starts at one."""
        self.tally[name] += 1
        return self.tally[name]

    def busy_days(self, company: Company, mean: float) -> list[int]:
        """Days on which something happened with this company; `mean` is for a steady one."""
        curve = self.calendar.curve(company.path, company.turn)
        steady = self.calendar.curve(PATHS[0], TODAY)[-1]
        count = self.some(mean * curve[-1] / steady)
        first, total, chance = TODAY - HISTORY, curve[-1], self.rng.random
        days = [first + bisect(curve, chance() * total, hi=HISTORY - 1) for _ in range(count)]
        return [day for day in days if day >= company.since]

    def some(self, mean: float) -> int:
        """A whole number of things, `mean` on average, none for many."""
        return int(self.rng.expovariate(1.0) * mean + self.rng.random())


def _supply(store: Store, name: str) -> Iterator[str]:
    while True:
        yield from store.new_ids(name, BUNCH)
