"""What every Salesforce call has in common: a session, a limit, a version, a way to say no."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ..store import Store
from . import auth, automations, limits, security
from .errors import Refusal, not_found

FIRST_VERSION, LAST_VERSION = 31, 68
#: Up to this version everything is about to go.
LAST_DYING = 40
DYING = (
    "299 - \"This API is deprecated and will be removed by Summer '28. Please see"
    ' https://help.salesforce.com/articleView?id=005321531 for details."'
)
LONGEST_REQUEST = 16_384
WORTH_PACKING = 1_024
JSON_TYPE = "application/json;charset=UTF-8"


@dataclass(frozen=True)
class Call:
    """One authenticated request."""

    store: Store
    request: Request
    body: bytes
    user: str

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
        """The address of the API in the version that was asked for."""
        return f"/services/data/{self.path['version']}"

    @cached_property
    def access(self) -> security.Access:
        """What the user sees of the org's data."""
        return security.access(self.store, self.user, without=frozenset({"CustomField"}))

    def json(self) -> dict[str, Any]:
        """The body, which must be a JSON object."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Refusal(
                "JSON_PARSER_ERROR", f"{error.msg} at [line:{error.lineno}, column:{error.colno}]"
            ) from None
        if not isinstance(found, dict):
            raise Refusal("JSON_PARSER_ERROR", "The HTTP entity body must be a JSON object")
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body and headers of its own.

    The body becomes JSON, unless it is bytes, or an iterator of bytes that go out as they come.
    """

    body: Any = None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Call], Answer]


def route(store: Store, method: str, path: str, handler: Handler) -> Route:
    """A data call: the address under `/services/data/{version}`, and what answers it."""

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(_answered, store, request, body, handler)

    return Route(f"/services/data/{{version}}{path}", endpoint, methods=[method])


def _answered(store: Store, request: Request, body: bytes, handler: Handler) -> Response:
    with store.lock:
        try:
            _check_size(request)
            user = auth.user_of(store, request.headers.get("authorization", ""))
            usage = limits.count_call(store)
        except Refusal as refusal:
            return rendered(Answer(refusal.body(), refusal.status), request)
        headers = {"Sforce-Limit-Info": f"api-usage={usage}"}
        try:
            if _check_version(request.path_params["version"]) <= LAST_DYING:
                headers["Warning"] = DYING
            with automations.asked_by(request.headers):
                answer = handler(Call(store, request, unpacked(request, body), user))
        except Refusal as refusal:
            answer = Answer(refusal.body(), refusal.status)
    return rendered(answer, request, headers)


def rendered(
    answer: Answer, request: Request, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer as bytes, packed if that is wanted and worth it."""
    every = {**dict(answer.headers), **(headers or {})}
    if answer.body is None:
        return Response(status_code=answer.status, headers=every)
    if isinstance(answer.body, Iterator):
        return _streamed(answer.body, request, every, answer.status)
    content = answer.body if isinstance(answer.body, bytes) else orjson.dumps(answer.body)
    accepts = "gzip" in request.headers.get("accept-encoding", "")
    if accepts and len(content) > WORTH_PACKING:
        content = gzip.compress(content, compresslevel=1, mtime=0)
        every["Content-Encoding"] = "gzip"
    every["Vary"] = "Accept-Encoding"
    every.setdefault("Content-Type", JSON_TYPE)
    return Response(content, status_code=answer.status, headers=every)


def _streamed(
    pieces: Iterator[bytes], request: Request, headers: dict[str, str], status: int
) -> Response:
    accepts = "gzip" in request.headers.get("accept-encoding", "")
    if accepts and "Content-Encoding" not in headers:
        pieces = _packed(pieces)
        headers["Content-Encoding"] = "gzip"
    return StreamingResponse(pieces, status, headers)


def _packed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def _check_size(request: Request) -> None:
    address = len(request.scope["raw_path"]) + 1 + len(request.scope["query_string"])
    if address > LONGEST_REQUEST:
        raise Refusal("URI_TOO_LONG", "URI Too Long", status=414)
    lines = sum(len(name) + len(value) + 4 for name, value in request.scope["headers"])
    if address + lines > LONGEST_REQUEST:
        raise Refusal("REQUEST_HEADER_TOO_LARGE", "Request Header Fields Too Large", status=431)


def _check_version(version: str) -> int:
    found = re.fullmatch(r"v(\d\d)\.0", version)
    if found is None or int(found[1]) > LAST_VERSION:
        raise not_found()
    if int(found[1]) < FIRST_VERSION:
        raise Refusal("UNSUPPORTED_API_VERSION", "This API version is no longer there", status=410)
    return int(found[1])


def unpacked(request: Request, body: bytes) -> bytes:
    """The body as it was before it was packed."""
    if request.headers.get("content-encoding", "").lower() != "gzip":
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        raise Refusal("JSON_PARSER_ERROR", "The body is not what gzip makes") from None
