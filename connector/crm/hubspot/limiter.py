"""How many requests may be sent, and when: one limiter for all threads of one portal.

HubSpot counts three things: requests of this app within ten seconds, searches of everybody within a
second, requests of everybody within a day. The first is told with every answer, the second with
none, and a refusal names which one was hit.

When a request is counted we do not know, only that it was before its answer came. So its place is
free again so many seconds after the answer: then no delay on the way makes two windows overlap.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from time import monotonic, sleep

MAX = "X-HubSpot-RateLimit-Max"
INTERVAL = "X-HubSpot-RateLimit-Interval-Milliseconds"
#: So much of the limit is used: a little is left for whoever tries a call by hand.
USED = 0.98
#: Until the first answer has told the limit: that of the smallest subscription.
FIRST_LIMIT, FIRST_SECONDS = 100, 10.0
#: Where the answer is still to come, the request is taken to arrive so many seconds later.
SLACK = 0.05
INSTANT = 0.001
#: A request that was not answered for so long is forgotten.
LOST = 600.0


@dataclass(slots=True, eq=False)
class Place:
    """One request whose answer is still to come, and when it was sent."""

    at: float


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
        self._closed = 0.0
        self._lock = threading.Lock()

    @property
    def counted(self) -> int:
        """How many requests count at the moment."""
        return len(self._open) + len(self._answered)

    def take(self) -> Place:
        """Wait until one more may be sent."""
        with self._lock:
            now = self._clock()
            self._forget(now)
            at = max(now, self._closed)
            if (over := self.counted - self._limit) >= 0:
                at = max(at, self._free(over))
            place = Place(at)
            self._open.add(place)
        if at > now:
            self._rest(at - now)
            while (more := self._closed - self._clock()) > INSTANT:  # closed while we rested
                self._rest(more)
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
            self._answered.append(self._clock())

    def _forget(self, now: float) -> None:
        while self._answered and self._answered[0] + self._seconds <= now:
            self._answered.popleft()
        lost = [each for each in self._open if each.at + self._seconds + LOST <= now]
        self._open.difference_update(lost)

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


class Limiter:
    """The buckets of one portal, shared by all threads."""

    def __init__(self, searches: int) -> None:
        self.burst = Bucket(int(FIRST_LIMIT * USED), FIRST_SECONDS)
        self.search = Bucket(searches, 1.0)
        self._heard = ("", "")

    def admit(self, lane: str) -> tuple[Bucket, Place]:
        """Wait until a request of this lane may be sent. Searches have a bucket of their own."""
        bucket = self.search if lane == "search" else self.burst
        return bucket, bucket.take()

    def hear(self, headers: Mapping[str, str]) -> None:
        """Take the limit from an answer that tells it."""
        said = (headers.get(MAX) or "", headers.get(INTERVAL) or "")
        if said == self._heard or not all(each.isdigit() for each in said):
            return
        self._heard = said
        self.burst.allow(int(int(said[0]) * USED), int(said[1]) / 1000)

    def close(self, *, search: bool, seconds: float) -> None:
        """Nobody sends anything of this kind for so long."""
        (self.search if search else self.burst).close(seconds)
