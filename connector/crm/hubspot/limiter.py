"""How many requests may be sent, and when: one limiter for all threads of one portal.

HubSpot counts three things: requests of this app within ten seconds, searches of everybody within a
second, requests of everybody within a day. The first is told with every answer, the second with
none, and a refusal names which one was hit.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from time import monotonic, sleep

MAX = "X-HubSpot-RateLimit-Max"
INTERVAL = "X-HubSpot-RateLimit-Interval-Milliseconds"
#: Requests arrive a little earlier or later than they were sent; so much of the limit is used.
USED = 0.97
#: Until the first answer has told the limit: that of the smallest subscription.
FIRST_LIMIT, FIRST_SECONDS = 100, 10.0
SLACK = 0.05


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
        self._sent: deque[float] = deque()
        self._closed = 0.0
        self._lock = threading.Lock()

    def take(self) -> None:
        """Wait until one more may be sent."""
        with self._lock:
            now = self._clock()
            at = max(now, self._closed)
            if len(self._sent) >= self._limit:
                at = max(at, self._sent[-self._limit] + self._seconds + SLACK)
            self._sent.append(at)
            while len(self._sent) > self._limit:
                self._sent.popleft()
        if at > now:
            self._rest(at - now)

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

    def admit(self, lane: str) -> None:
        """Wait until a request of this lane may be sent. Searches have a bucket of their own."""
        (self.search if lane == "search" else self.burst).take()

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
