"""What the emulations of platforms share: addresses, the key to them, and refusals in JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...errors import ConnectorError
from ..store import Store


class Refused(ConnectorError):
    """A request the platform answers with an error."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to a platform."""

    store: Store
    request: Request
    body: bytes = b""

    def query(self, name: str, default: str = "") -> str:
        """What follows the question mark under this name."""
        return str(self.request.query_params.get(name, default))

    def count(self, name: str, default: int, *, least: int = 0, status: int = 400) -> int:
        """A whole number from the query."""
        text = self.query(name, str(default))
        if not text.isdecimal() or int(text) < least:
            raise Refused(status, f"{name} must be a number from {least}")
        return int(text)

    def path(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])

    def header(self, name: str) -> str:
        """A header; empty if it was not sent."""
        return str(self.request.headers.get(name, ""))

    def json(self) -> Any:
        """The body."""
        return orjson.loads(self.body or b"{}")

    @property
    def base(self) -> str:
        """The address of the sandbox as the caller knows it."""
        return f"http://{self.request.headers.get('host', '127.0.0.1')}"


Answering = Callable[[Ask], Any]


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform under `root`: what it asks of a request, and how it words an error."""

    root: str
    admits: Callable[[Ask], bool]
    error: Callable[[int, str], Any] = field(default=lambda _, message: {"error": message})
    unknown: str = "Unauthorized"

    def route(self, store: Store, path: str, answering: Answering, method: str = "GET") -> Route:
        """One address of the platform."""

        def answered(ask: Ask) -> Response:
            try:
                if not self.admits(ask):
                    raise Refused(401, self.unknown)
                with store.lock:
                    told = answering(ask)
            except Refused as refused:
                said = self.error(refused.status, refused.message)
                return reply(said, refused.status, refused.headers)
            return told if isinstance(told, Response) else reply(told)

        async def endpoint(request: Request) -> Response:
            return await run_in_threadpool(answered, Ask(store, request, await request.body()))

        return Route(f"{self.root}/{path}", endpoint, methods=[method])

    def routes(self, store: Store, table: Mapping[str, Answering]) -> list[Route]:
        """Several addresses that are read."""
        return [self.route(store, path, answering) for path, answering in table.items()]


def reply(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON, as it goes out."""
    return Response(orjson.dumps(body), status, dict(headers or {}), media_type="application/json")


def key(store: Store, name: str) -> str:
    """The secret that lets into a platform: made once, the same for the same sandbox."""
    kept = store.get(f"{name}_token")
    if not kept:
        seed = f"{name} {store.get('zenloop_token') or store.get('clock')['created']}"
        kept = sha256(seed.encode()).hexdigest()[:40]
        store.put(f"{name}_token", kept)
    return str(kept)


def by_bearer(name: str) -> Callable[[Ask], bool]:
    """Whether a request brings the platform's token."""
    return lambda ask: ask.header("authorization") == f"Bearer {key(ask.store, name)}"
