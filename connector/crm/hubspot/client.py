"""One connection to one portal: the vendor's pool underneath, our manners, our limiter on top.

The vendor's client makes a new pool at every attribute access, sends without a time-out, repeats no
POST and builds an object per record. So of it one configuration and one pool are used, for every
call of either spelling, and bytes come back as they are.
"""

from __future__ import annotations

import threading
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, BinaryIO
from urllib.parse import urlencode

import orjson

from ...errors import Malformed, Throttled
from ...http import READS, Again, Credentials, body_of
from ...rest.pooled import CONNECTIONS, HEADERS, Pooled, Reply
from ...rest.way import way_to
from . import answers, paths
from .limiter import Limiter
from .paths import Paths
from .stamps import Stamps

ATTEMPTS = 8
#: What has a limit of its own besides that of calls.
DAILY_LANES = frozenset({"exports", "imports"})
DAILY, DAILY_LEFT = "X-HubSpot-RateLimit-Daily", "X-HubSpot-RateLimit-Daily-Remaining"


class Line(Pooled):
    """The connection: nothing is sent before the limiter lets it."""

    headers: Mapping[str, str] = {**HEADERS, "Content-Type": "application/json"}

    def __init__(self, base: str, credentials: Credentials | None, limiter: Limiter) -> None:
        super().__init__(
            base, name="HubSpot", credentials=credentials, lane=paths.lane, attempts=ATTEMPTS
        )
        self.limiter = limiter
        self._admitted = threading.local()

    def admit(self, lane: str) -> None:
        kept = getattr(self._admitted, "kept", None)
        if kept is None or kept[0] != lane:
            self._admitted.now = self.limiter.admit(lane)
            return
        self._admitted.kept, self._admitted.now = None, kept[1]
        self._admitted.now.sent()

    @contextmanager
    def turn(self, lane: str) -> Iterator[None]:
        """Wait for the turn of the next request of this lane in this thread; then it need not."""
        turn = self.limiter.admit(lane)
        self._admitted.kept = lane, turn
        try:
            yield
        finally:
            if self._admitted.kept is not None:
                self._admitted.kept = None
                turn.give_back()

    def carry(self, method: str, url: str, options: Mapping[str, Any]) -> Reply:
        """Send once; the limiter learns when the answer was there, or the connection broken."""
        try:
            return super().carry(method, url, options)
        finally:
            self._admitted.now.answered()

    def judge(self, answer: Reply, method: str, url: str, safe: bool) -> None:
        """Limits and locks first: what they refuse has not been begun and may be sent again."""
        self.limiter.hear(answer.headers)
        status = answer.status_code
        lane = self._lane(method, url)
        if status == 429:
            if lane in DAILY_LANES and not answers.is_rate(answer):
                return  # so many exports a day: whoever asked looks for another way
            self._slow_down(answer, lane)
        if status == answers.LOCKED:
            locked = Throttled(
                "HubSpot has locked the records for somebody else.",
                status=status,
                hint="An import or a merge is at work on them: run again in some minutes. What was "
                "done is recorded.",
            )
            raise Again(locked, answers.LOCK_SECONDS)
        if status == answers.MIGRATING:
            raise Throttled(
                "HubSpot is moving this account to another data centre.",
                hint="It may take a day; run again tomorrow. Nothing was lost.",
                status=status,
            )
        if status == answers.BAD_TOKEN:
            raise answers.error_of(Reply(status, answer.headers, b"{}"), "the token")
        super().judge(answer, method, url, safe)

    def _slow_down(self, answer: Reply, lane: str) -> None:
        asked = answers.slow_down(answer, search=lane == "search")
        if isinstance(asked, Again) and asked.wait:
            self.limiter.close(lane, asked.wait)
            asked.wait = 0.0  # the limiter makes everybody wait, this request included
        raise asked

    @cached_property
    def pool(self) -> Any:
        """The vendor's."""
        from hubspot.crm.objects.configuration import Configuration
        from hubspot.crm.objects.rest import RESTClientObject

        settings = Configuration(host=self.base)
        settings.retries = False
        way = way_to(self.base)
        settings.proxy, settings.proxy_headers = way.proxy or None, dict(way.headers)
        pool = RESTClientObject(settings, maxsize=CONNECTIONS).pool_manager
        pool.connection_pool_kw.update(way.trust)
        return pool


class Client:
    """Sends calls to one portal. Connects when first used."""

    def __init__(self, base: str, credentials: Credentials, version: str, searches: int) -> None:
        self.paths = Paths(version)
        self.limiter = Limiter(searches)
        self.stamps = Stamps()
        self._notes: dict[str, None] = {}
        self.line = Line(base, credentials, self.limiter)

    def raw(
        self,
        method: str,
        path: str,
        doing: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
        safe: bool | None = None,
        refusals: Container[int] = (),
        once: bool = False,
    ) -> Reply:
        """One call: the answer as it is, or our error.

        `safe` marks a POST that only reads; `refusals` are statuses that the caller wants to see;
        `once` leaves it to the caller to ask again.
        """
        address = f"{path}?{urlencode(query, safe=',')}" if query else path
        options: dict[str, Any] = {"data": body, "headers": headers}
        safe = method in READS if safe is None else safe
        answer = self.line.ask(method, address, safe, options, 1 if once else None)
        if answer.status_code >= 400 and answer.status_code not in refusals:
            raise answers.error_of(answer, doing)
        return answer

    def json(self, method: str, path: str, doing: str, *, body: Any = None, **options: Any) -> Any:
        """One call and its decoded body; `body` is what becomes JSON."""
        data = None if body is None else orjson.dumps(body)
        answer = self.raw(method, path, doing, body=data, **options)
        return body_of(answer, "HubSpot") if answer.content else None

    def note(self, what: str) -> None:
        """Keep what whoever reads the receipt should know."""
        self._notes[what] = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What was noted, each once."""
        return tuple(self._notes)

    @property
    def now(self) -> datetime:
        """HubSpot's clock, as of its last answer."""
        return self.line.server_now or datetime.now(UTC)

    @property
    def allowance(self) -> tuple[int, int]:
        """Calls used and allowed today, by all integrations; (0, 0) when HubSpot does not say."""
        seen = self.line.seen
        if not (seen.get(DAILY, "").isdigit() and seen.get(DAILY_LEFT, "").isdigit()):
            return 0, 0
        most = int(seen[DAILY])
        return most - int(seen[DAILY_LEFT]), most


def results_of(body: Any, doing: str) -> list[Any]:
    """The list that an answer promises."""
    found = body.get("results") if isinstance(body, dict) else None
    if not isinstance(found, list):
        raise Malformed(
            f"HubSpot answered without results when asked {doing}.",
            hint="Run again; if it stays, run with -v and ask HubSpot's support.",
        )
    return found
