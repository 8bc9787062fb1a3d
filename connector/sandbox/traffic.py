"""Counts what passes, and gives every answer the sandbox's own time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from email.utils import format_datetime
from typing import Any

from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .clock import Clock

UNKNOWN = "(unknown)"
OWN = ("/_sandbox/stats", "/_sandbox/reset-stats", "/_sandbox/health")


class Traffic:
    """Requests and bytes by route, since the start or the last reset."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._bytes: Counter[tuple[str, str]] = Counter()

    def count(self, method: str, template: str, size: int) -> None:
        """Counts one request and the bytes of its answer."""
        with self._lock:
            self._requests[method, template] += 1
            self._bytes[method, template] += size

    def reset(self) -> None:
        """Begins anew."""
        with self._lock:
            self._requests.clear()
            self._bytes.clear()

    def told(self) -> list[dict[str, Any]]:
        """Every route that was called, the busiest first."""
        with self._lock:
            return [
                {
                    "method": method,
                    "route": template,
                    "requests": number,
                    "bytes": self._bytes[method, template],
                }
                for (method, template), number in self._requests.most_common()
            ]


class CountedApp:
    """An application whose traffic is counted and whose answers carry the sandbox's date."""

    def __init__(
        self, app: ASGIApp, traffic: Traffic, clock: Clock, routes: Sequence[BaseRoute]
    ) -> None:
        self.app = app
        self.traffic = traffic
        self.clock = clock
        self.routes = routes
        found = [each for each in routes if isinstance(each, Route)]
        several = Counter(each.endpoint for each in found)
        #: What tells the route of a request without looking for it a second time.
        self._only = {each.endpoint: _told(each) for each in found if several[each.endpoint] == 1}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        size = 0

        async def counting(message: Message) -> None:
            nonlocal size
            if message["type"] == "http.response.start":
                date = format_datetime(self.clock.now(), usegmt=True).encode()
                message["headers"] = [*message.get("headers", ()), (b"date", date)]
            size += len(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, counting)
        if scope["path"] not in OWN:
            self.traffic.count(scope["method"], self._template(scope), size)

    def _template(self, scope: Scope) -> str:
        endpoint = scope.get("endpoint")
        if endpoint in self._only:
            return self._only[endpoint]
        for each in self.routes:
            if isinstance(each, Route) and each.matches(scope)[0] is Match.FULL:
                return _told(each)
        return UNKNOWN


def _told(route: Route) -> str:
    return route.path_format.rstrip("/") or "/"
