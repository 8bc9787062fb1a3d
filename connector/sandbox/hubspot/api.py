"""What every HubSpot call has in common: a token with scopes, a limit, two spellings of addresses.

A call is declared once, by its name in the older spelling without the version:
`("GET", "/crm/{v}/objects/{type}", handler)`. It is served there and in the dated spelling.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..store import Store
from . import auth, limits, seed
from .errors import Refusal, invalid

#: The versions of addresses with a date in them.
DATED = ("2026-03", "2026-09")
LONGEST_ADDRESS = 16_000
WORTH_PACKING = 1_024


@dataclass(frozen=True)
class Call:
    """One authenticated request; `app` is whose token it carries."""

    store: Store
    request: Request
    body: bytes
    app: auth.App

    @property
    def path(self) -> Mapping[str, str]:
        """What the address says."""
        return self.request.path_params

    @property
    def query(self) -> Mapping[str, str]:
        """What follows the question mark."""
        return self.request.query_params

    @property
    def base(self) -> str:
        """The address of the sandbox as the caller knows it."""
        return f"http://{self.request.headers.get('host', '127.0.0.1')}"

    @property
    def dated(self) -> bool:
        """Whether the address has a date in it."""
        return any(f"/{version}/" in f"{self.request.url.path}/" for version in DATED)

    def json(self) -> dict[str, Any]:
        """The body, which must be a JSON object."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise invalid("Invalid input JSON on line 1, column 1") from None
        if not isinstance(found, dict):
            raise invalid("Invalid input JSON on line 1, column 1: an object is expected")
        return found

    def json_list(self) -> list[Any]:
        """The body, which must be a JSON list."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise invalid("Invalid input JSON on line 1, column 1") from None
        if not isinstance(found, list):
            raise invalid("Invalid input JSON on line 1, column 1: a list is expected")
        return found

    def need(self, *scopes: str) -> None:
        """Refuse unless the token has one of these scopes."""
        auth.need(self.app, scopes)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body that becomes JSON (or bytes as they are), and headers of its own."""

    body: Any = None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Call], Answer]
#: Method, address in the older spelling, and what answers it.
Entry = tuple[str, str, Handler]


def spread(store: Store, entries: Iterable[Entry]) -> list[Route]:
    """Each call in both spellings, with and without a slash at its end."""
    every = [(method, path, does) for method, old, does in entries for path in spellings(old)]
    # those with a slash are few, and wait at the end
    return [
        _route(store, method, path + end, does) for end in ("", "/") for method, path, does in every
    ]


def spellings(path: str) -> list[str]:
    """The addresses of a call: `/crm/v3/objects/…`, and with each date where dates stand.

    `{v}` is v3, `{v4}` is v4; dates follow the name of the API: `/crm/objects/2026-09/…`.
    """
    old = path.replace("{v}", "v3").replace("{v4}", "v4")
    if old == path:
        return [path]
    root, _, rest = path.replace("{v4}", "{v}").partition("/{v}/")
    name, slash, after = rest.partition("/")
    return [old, *(f"{root}/{name}/{date}{slash}{after}" for date in DATED)]


def _route(store: Store, method: str, path: str, handler: Handler) -> Route:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(_answered, store, request, body, handler)

    return Route(path, endpoint, methods=[method])


def _answered(store: Store, request: Request, body: bytes, handler: Handler) -> Response:
    headers: Mapping[str, str] = {}
    with store.lock:
        try:
            _check_size(request)
            app = auth.app_of(store, request.headers.get("authorization", ""))
            headers = limits.admit(store, app, request.method, request.url.path)
            seed.ensure(store)
            answer = handler(Call(store, request, _unpacked(request, body), app))
        except Refusal as refusal:
            answer = Answer(refusal.body(), refusal.status, tuple(refusal.headers.items()))
    return rendered(answer, request, headers)


def rendered(
    answer: Answer, request: Request, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer as bytes, packed if that is wanted and worth it."""
    every = {**(headers or {}), **dict(answer.headers)}
    if answer.body is None:
        return Response(status_code=answer.status, headers=every)
    content = answer.body if isinstance(answer.body, bytes) else orjson.dumps(answer.body)
    accepts = "gzip" in request.headers.get("accept-encoding", "")
    if accepts and len(content) > WORTH_PACKING:
        content = gzip.compress(content, compresslevel=1, mtime=0)
        every["Content-Encoding"] = "gzip"
    every["Vary"] = "Accept-Encoding"
    every.setdefault("Content-Type", "application/json;charset=utf-8")
    return Response(content, status_code=answer.status, headers=every)


def _check_size(request: Request) -> None:
    address = len(request.scope["raw_path"]) + 1 + len(request.scope["query_string"])
    if address > LONGEST_ADDRESS:
        raise Refusal("", "URI Too Long", status=414)


def _unpacked(request: Request, body: bytes) -> bytes:
    """The body as it was before it was packed."""
    if request.headers.get("content-encoding", "").lower() != "gzip":
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        raise invalid("The body is not what gzip makes") from None
