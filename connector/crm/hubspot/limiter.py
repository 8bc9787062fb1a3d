"""How many requests may be sent, and when: one limiter for all threads of one portal.

HubSpot counts four things: requests of this app within ten seconds, among them those for
associations, searches of everybody within a second, requests of everybody within a day. The first
is told with every answer, the next two with none; how many associations may be asked for follows
from the first, since both are of the subscription. A refusal does not tell the first two apart.

When a request is counted we do not know, only that it was before its answer came. So its place is
free again so many seconds after the answer: then no delay on the way makes two windows overlap, and
all of a limit can be used. It is this app's alone; who tries a call by hand with its token may cost
a refusal, after which the request is sent again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from math import ceil
from time import monotonic, sleep

MAX = "X-HubSpot-RateLimit-Max"
INTERVAL = "X-HubSpot-RateLimit-Interval-Milliseconds"
#: Until the first answer has told the limit: that of the smallest subscription.
FIRST_LIMIT, FIRST_SECONDS = 100, 10.0
#: The least limit of all requests → how many of them may ask for associations.
ASSOCIATIONS = ((250, 200), (150, 150), (0, 100))
#: Where the answer is still to come, the request is taken to arrive so many seconds later.
SLACK = 0.05
#: So many answers tell how long one takes of late.
LATELY = 8
#: A request that was not answered for so long is forgotten.
LOST = 600.0
#: A request of a read brings so many records, as a rule.
PAGE = 100
#: Another read is the longest when so many more records are left of it.
LONGER = 10 * PAGE


@dataclass(slots=True, eq=False)
class Place:
    """One request whose answer is still to come: when it is sent, and how much is left to read."""

    at: float
    left: int = 0


@dataclass(slots=True, eq=False)
class Reading:
    """A read that is under way, and how many records are left of it, as far as we know."""

    left: int


class Bucket:
    """So many requests within so many seconds, whichever seconds those are."""

    def __init__(
        self,
        limit: int,
        seconds: float,
        *,
        clock: Callable[[], float] = monotonic,
        rest: Callable[[float], None] = sleep,
    ) -> None:
        self._limit, self._seconds = limit, seconds
        self._clock, self._rest = clock, rest
        self._open: set[Place] = set()
        self._answered: deque[float] = deque()
        self._closed = self._paced = 0.0
        #: How long an answer takes, of late.
        self._took = 0.0
        self._lock = threading.Lock()

    @property
    def counted(self) -> int:
        """How many requests count at the moment."""
        return len(self._open) + len(self._answered)

    def take(self, left: int = 0, *, shares: bool = False) -> Place:
        """Wait until one more may be sent, for a read of which so many records are left.

        Pages come one after another, so the longest read is the last to end if it waits like all
        others. It never waits, and the others share evenly over time what it leaves: if they took
        more, or all at once, it could not go on until places are free again. Of those who wait, the
        one with most left goes first: so all end together, and none of them alone.
        """
        with self._lock:
            now = self._clock()
            self._forget(now)
            at = max(now, self._closed)
            if (over := self.counted - self._limit) >= 0:
                at = max(at, self._free(over))
            if shares:
                at = self._paced = max(at, self._paced + self._seconds / self._left())
            place = Place(at, left)
            before = [each for each in self._open if now < each.at < at and each.left < left]
            for each in sorted(before, key=lambda each: -each.at):
                each.at, place.at = place.at, each.at
            self._open.add(place)
        # While we rest others may go before us, or everything be closed.
        rested = now
        while (turn := max(place.at, self._closed)) > rested:
            self._rest(max(0.0, turn - self._clock()))
            rested = turn
        return place

    def sent(self, place: Place) -> None:
        """A place that was taken before is made use of now."""
        place.at = self._clock()

    def give_back(self, place: Place) -> None:
        """Nothing was sent in its place."""
        with self._lock:
            self._open.discard(place)

    def answered(self, place: Place) -> None:
        """The answer is there: by now the request was counted."""
        with self._lock:
            self._open.discard(place)
            now = self._clock()
            self._answered.append(now)
            took = max(0.0, now - place.at)
            self._took += (took - self._took) / LATELY if self._took else took

    def _forget(self, now: float) -> None:
        while self._answered and self._answered[0] + self._seconds <= now:
            self._answered.popleft()
        lost = [each for each in self._open if each.at + self._seconds + LOST <= now]
        self._open.difference_update(lost)

    def _left(self) -> int:
        """How many places are left beside one read that asks again at every answer; at least half,
        for where answers come at once it could use them all."""
        half = self._limit // 2
        alone = min(half, ceil(self._seconds / self._took)) if self._took else half
        return max(1, self._limit - alone)

    def _free(self, over: int) -> float:
        """When the place is free that has to be: so many are free before it."""
        first = [at + self._seconds for at in islice(self._answered, over + 1)]
        coming = [each.at + self._seconds + SLACK for each in self._open]
        return sorted(first + coming)[over]

    def allow(self, limit: int, seconds: float) -> None:
        """From now on it is so many within so many seconds."""
        with self._lock:
            self._limit, self._seconds = max(1, limit), seconds

    def close(self, seconds: float) -> None:
        """Send nothing for so long: the other side has counted more than we did."""
        with self._lock:
            self._closed = max(self._closed, self._clock() + seconds)


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn of one request: its place in every bucket that counts it."""

    places: tuple[tuple[Bucket, Place], ...]

    def sent(self) -> None:
        """It was taken before and is made use of now."""
        for bucket, place in self.places:
            bucket.sent(place)

    def give_back(self) -> None:
        """Nothing was sent."""
        for bucket, place in self.places:
            bucket.give_back(place)

    def answered(self) -> None:
        """The answer is there."""
        for bucket, place in self.places:
            bucket.answered(place)


class Limiter:
    """The buckets of one portal, shared by all threads."""

    def __init__(self, searches: int) -> None:
        self.burst = Bucket(FIRST_LIMIT, FIRST_SECONDS)
        self.associations = Bucket(FIRST_LIMIT, FIRST_SECONDS)
        self.search = Bucket(searches, 1.0)
        self._heard = ("", "")
        self._mine = threading.local()
        self._reads: list[Reading] = []
        self._longest: Reading | None = None
        self._lock = threading.Lock()

    @contextmanager
    def reading(self, rows: int) -> Iterator[None]:
        """What this thread asks meanwhile is for a read of so many records."""
        read = self._mine.read = Reading(rows)
        with self._lock:
            self._reads.append(read)
        try:
            yield
        finally:
            self._mine.read = None
            with self._lock:
                self._reads.remove(read)

    def admit(self, lane: str) -> Turn:
        """Wait until a request of this lane may be sent.

        Searches count by themselves. Associations wait for a place of their own first, and hold
        none of the others' while they do.
        """
        own = self._own(lane)
        buckets = (self.search,) if own is self.search else (own, self.burst)
        left, shares = self._ahead()
        places = [(each, each.take(left, shares=shares)) for each in dict.fromkeys(buckets)]
        turn = Turn(tuple(places))
        turn.sent()  # the first place may have waited for the second
        return turn

    def _ahead(self) -> tuple[int, bool]:
        """What is left of the read of this thread, and whether another one is the longest: that is
        so until much more is left of a third, or two would go first in turns."""
        read: Reading | None = getattr(self._mine, "read", None)
        with self._lock:
            most = max(self._reads, key=lambda each: each.left, default=None)
            longest = self._longest if self._longest in self._reads else most
            if most and longest and most.left > longest.left + LONGER:
                longest = most
            self._longest = longest
            if read is None:
                return 0, longest is not None
            left, read.left = read.left, max(0, read.left - PAGE)
            return left, read is not longest

    def hear(self, headers: Mapping[str, str]) -> None:
        """Take the limit from an answer that tells it."""
        said = (headers.get(MAX) or "", headers.get(INTERVAL) or "")
        if said == self._heard or not all(each.isdigit() for each in said):
            return
        self._heard = said
        most, seconds = int(said[0]), int(said[1]) / 1000
        self.burst.allow(most, seconds)
        links = next(links for least, links in ASSOCIATIONS if most >= least)
        self.associations.allow(links, FIRST_SECONDS)

    def close(self, lane: str, seconds: float) -> None:
        """Nobody sends anything of this kind for so long."""
        self._own(lane).close(seconds)

    def _own(self, lane: str) -> Bucket:
        """The bucket that a refusal of this lane is about."""
        return {"search": self.search, "associations": self.associations}.get(lane, self.burst)
