"""The receiver of webhooks: proves each request over its raw body, keeps it once, answers at once.

It is a WSGI application, so it runs behind any server; `serve` runs it on this machine. Nothing of
a body is looked into before its signature is proved, and neither address nor body is ever logged:
the one may hold a secret, the other a person.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from socketserver import ThreadingMixIn
from threading import Lock
from typing import Any, Protocol
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from ..errors import ConfigError, ConnectorError
from ..rest.signatures import Sent

#: The most bytes of a body; no platform sends so many about one event.
LARGEST = 1024 * 1024
#: Seconds that a caller may stay silent in the middle of a request.
SILENCE = 10.0
ROOT = "hooks"

log = logging.getLogger("connector.webhooks")


class Hook(Protocol):
    """A source that takes what is sent to it."""

    at: str

    def accepts(self, sent: Sent, now: datetime) -> bool: ...

    def keep(self, sent: Sent) -> bool: ...


@dataclass(slots=True)
class Receiver:
    """The WSGI application. `counts` says what became of the requests of each hook."""

    hooks: Mapping[str, Hook]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: Any = field(default_factory=Lock, repr=False)

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        status, said = self._answer(environ)
        start(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(said)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [said]

    def _answer(self, environ: Mapping[str, Any]) -> tuple[str, bytes]:
        root, _, rest = str(environ.get("PATH_INFO", "")).strip("/").partition("/")
        at, _, behind = rest.partition("/")
        hook = self.hooks.get(at) if root == ROOT else None
        if hook is None:
            return "404 Not Found", b""
        if environ["REQUEST_METHOD"] == "HEAD":  # some platforms look first whether we are there
            return "200 OK", b""
        if environ["REQUEST_METHOD"] != "POST":
            return "405 Method Not Allowed", b""
        size = str(environ.get("CONTENT_LENGTH") or "")
        if not size.isdecimal():
            return self._no(at, "411 Length Required", "refused_without_length")
        if int(size) > LARGEST:
            return self._no(at, "413 Content Too Large", "refused_too_large")
        try:
            body = environ["wsgi.input"].read(int(size))
        except OSError:  # silence in the middle of it
            body = b""
        if len(body) < int(size):
            return self._no(at, "400 Bad Request", "refused_cut_short")
        return self._take(at, hook, Sent(body, _headers(environ), behind))

    def _take(self, at: str, hook: Hook, sent: Sent) -> tuple[str, bytes]:
        if not hook.accepts(sent, self.now()):
            return self._no(at, "401 Unauthorized", "refused_signature")
        try:
            is_new = hook.keep(sent)
        except OSError as error:
            log.error("%s: the inbox could not be written: %s", at, error.strerror)
            return self._no(at, "503 Service Unavailable", "not_kept")
        self._count(at, "kept" if is_new else "known_already")
        return "200 OK", b"ok"

    def _no(self, at: str, status: str, why: str) -> tuple[str, bytes]:
        self._count(at, why)
        log.warning("%s: %s (%s so far)", at, why, self.counts[at, why])
        return status, b""

    def _count(self, at: str, what: str) -> None:
        with self._lock:
            self.counts[at, what] += 1


def receiver(sources: Mapping[str, Any]) -> Receiver:
    """The application for the hooks among some sources. ConfigError if there are none."""
    hooks: dict[str, Hook] = {}
    for name, source in sources.items():
        if not hasattr(source, "accepts"):
            continue
        if source.at in hooks:
            raise ConfigError(
                f"[sources.{name}]: another hook is at {source.at!r} already.",
                hint="Give each hook an `at` of its own.",
            )
        hooks[source.at] = source
    if not hooks:
        raise ConfigError(
            "There is no source of the type webhook.", hint="docs/sources/webhook.md shows one."
        )
    return Receiver(hooks)


@contextmanager
def serving(application: Receiver, host: str, port: int) -> Iterator[WSGIServer]:
    """A server for the application; it listens until the context ends."""
    try:
        server = make_server(host, port, application, _Server, _Requests)
    except OSError as error:
        raise ConnectorError(
            f"{host}:{port} cannot be listened to: {error.strerror}.", hint="Choose another --port."
        ) from error
    try:
        yield server
    finally:
        server.server_close()


class _Server(ThreadingMixIn, WSGIServer):
    """One thread for each request."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Without asking for the name of this machine, which may take long."""
        from socketserver import TCPServer

        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        log.warning("A request broke off.")


class _Requests(WSGIRequestHandler):
    """Requests that are not logged, from callers that do not stay silent for long."""

    timeout = SILENCE

    def log_message(self, format: str, *args: Any) -> None:
        """Addresses may hold secrets."""


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    return {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
