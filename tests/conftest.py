"""What several tests stand on: a server that answers by script, and a world of one's own."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[1].parent / "shared"
#: For tests that read the data sets beside the checkout; in CI they are there, or the test fails.
beside = pytest.mark.skipif(
    not SHARED.is_dir() and not os.environ.get("CI"),
    reason="the data sets lie beside the checkout, and are not there",
)


def _loopback_only(event: str, args: tuple[object, ...]) -> None:
    """Refuse any connection that leaves this machine."""
    if event != "socket.connect" or not isinstance(args[1], tuple):
        return
    host = str(args[1][0])
    if not (host.startswith("127.") or host in {"::1", "localhost"}):
        raise AssertionError(f"a test would connect to {host}")


sys.addaudithook(_loopback_only)


@dataclass
class Answer:
    """One scripted answer. `cut` sends that many bytes of the body and closes the connection."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    cut: int | None = None


@dataclass
class Scripted:
    """A real HTTP server on loopback that gives one answer after another and notes requests."""

    url: str
    answers: list[Answer]
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    """Start a scripted server; the last answer repeats."""
    servers: list[ThreadingHTTPServer] = []

    def start(*answers: Answer) -> Scripted:
        script = Scripted("", list(answers))

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                script.requests.append((self.command, self.path, dict(self.headers.items())))
                now = script.answers[min(len(script.requests), len(script.answers)) - 1]
                if now.cut == 0:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                self.send_response_only(now.status)
                for name, value in now.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(now.body)))
                self.end_headers()
                self.wfile.write(now.body[: now.cut])
                if now.cut is not None:
                    self.wfile.flush()
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True

            do_GET = do_POST = do_PATCH = answer

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        script.url = f"http://127.0.0.1:{server.server_address[1]}"
        return script

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
