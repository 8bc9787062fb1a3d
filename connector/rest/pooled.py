"""A connection without the weight of a full session: bytes out, bytes in, over a kept pool.

A `requests.Session` costs about a millisecond a call; of a hundred records a page that is most of
what reading them costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProxyError,
    SSLError,
)
from urllib3.exceptions import TimeoutError as TimedOut

from ..errors import Malformed
from ..http import ANSWER_SECONDS, CONNECT_SECONDS, Broken, Polite
from .way import way_to

PIECE = 1 << 20
#: The longest body that is taken into memory, unpacked.
LARGEST = 64 * 1024 * 1024
#: Made once: for every page they would cost as much as a record.
ONCE = urllib3.Retry(False, redirect=False)
SECONDS = urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS)
#: Connections that are kept: as many as threads send at once.
CONNECTIONS = 16
HEADERS: Mapping[str, str] = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": "crm-health-connector",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, read to its end."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes


class Pooled(Polite[Reply]):
    """The manners of `Polite` over a pool of connections; `data` is bytes."""

    headers: Mapping[str, str] = HEADERS

    @cached_property
    def pool(self) -> Any:
        """Where connections are kept."""
        return way_to(self.base).pool(maxsize=CONNECTIONS, retries=False)

    def carry(self, method: str, url: str, options: Mapping[str, Any]) -> Reply:
        """Send once. With `into` what comes goes to that file, and no further than `most` bytes;
        into memory no more than LARGEST is taken."""
        into = options.get("into")
        start = url.find("/", url.find("://") + 3)
        origin, target = (url, "/") if start < 0 else (url[:start], url[start:])
        try:
            # The manager would parse the whole address for every page; the pool takes the rest.
            pool = self._pool_of(origin)
            answer = pool.urlopen(
                method,
                # A proxy passes on what is not encrypted, and wants to know where.
                url if pool.proxy and origin.startswith("http:") else target,
                body=options.get("data"),
                headers={**self.headers, **(options.get("headers") or {})},
                timeout=SECONDS,
                retries=ONCE,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
            )
            if into is not None and answer.status < 300:
                with answer:
                    self._save(answer, into, int(options["most"]))
                return Reply(answer.status, answer.headers, b"")
            return Reply(answer.status, answer.headers, self._whole(answer))
        except HTTPError as error:
            raise Broken(_reason(error), unsent=_is_unsent(error)) from error

    def _pool_of(self, origin: str) -> Any:
        found = self._pools.get(origin)
        if found is None:
            found = self._pools[origin] = self.pool.connection_from_url(origin)
        return found

    @cached_property
    def _pools(self) -> dict[str, Any]:
        """The pool of each origin."""
        return {}

    def _whole(self, answer: Any) -> bytes:
        """A body. One that does not say how long it is, or is packed, is taken piece by piece."""
        length = answer.headers.get("Content-Length") or ""
        if length.isdecimal() and "Content-Encoding" not in answer.headers:
            if int(length) > LARGEST:
                answer.close()
                raise self._too_long()
            return bytes(answer.read())
        pieces, size = [], 0
        for piece in answer.stream(PIECE, decode_content=True):
            size += len(piece)
            if size > LARGEST:
                answer.close()
                raise self._too_long()
            pieces.append(piece)
        return b"".join(pieces)

    def _too_long(self) -> Malformed:
        return Malformed(
            f"{self.name} sends an answer of more than {LARGEST // 1_000_000} MB.",
            hint="Is `url` right? Nothing of it was kept.",
        )

    def _save(self, answer: Any, into: Path, most: int) -> None:
        """Body to file, piece by piece; what is larger than it may be is an error."""
        size = 0
        with into.open("wb") as out:
            for piece in answer.stream(PIECE, decode_content=True):
                size += len(piece)
                if size > most:
                    raise Malformed(
                        f"{self.name} sends a file of more than {most // 1_000_000} MB.",
                        hint="Read a shorter period at a time.",
                    )
                out.write(piece)


def _is_unsent(error: HTTPError) -> bool:
    """Whether a request cannot have arrived."""
    return isinstance(error, NewConnectionError | ConnectTimeoutError | ProxyError | SSLError)


def _reason(error: HTTPError) -> str:
    if isinstance(error, SSLError):
        return "the certificate was not accepted"
    if isinstance(error, ProxyError):
        return "the proxy of the environment did not let it through"
    if isinstance(error, TimedOut):
        return "timed out"
    return "the connection was cut or refused"
