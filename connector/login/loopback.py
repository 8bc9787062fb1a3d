"""A browser is sent out with a challenge, and comes back to this machine with a code."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Thread
from urllib.parse import parse_qsl, urlsplit

from ..errors import AuthError, ConfigError

HERE = "127.0.0.1"
LOOPBACK = frozenset({"localhost", HERE})
#: A browser may open a connection and say nothing.
SILENCE = 10
PAGES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "done": "{system} has answered. You can close this page; the rest is in the terminal.",
        "refused": "{system} has refused. You can close this page; the terminal says why.",
        "foreign": "This page does not belong to the login that is waiting. Start it anew.",
    },
    "de": {
        "done": "{system} hat geantwortet. Sie können diese Seite schließen; "
        "weiter geht es im Terminal.",
        "refused": "{system} hat abgelehnt. Sie können diese Seite schließen; "
        "warum, steht im Terminal.",
        "foreign": "Diese Seite gehört nicht zu der Anmeldung, die gerade wartet. "
        "Bitte beginnen Sie von vorn.",
    },
}
HTML = """<!doctype html><html lang="{language}"><meta charset="utf-8"><title>Connector</title>
<body style="font: 1.1rem system-ui; margin: 20vh auto; max-width: 34rem"><p>{text}</p></html>"""

Answers = Queue[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Proof:
    """What one login knows and nobody else: its state, and the verifier of its challenge."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(64), repr=False)
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def query(self) -> dict[str, str]:
        """What goes out with the browser."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return {
            "state": self.state,
            "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }


def checked(callback: str) -> None:
    """ValueError unless it is an address of this machine with its port."""
    parts = urlsplit(callback)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK or not parts.port:
        raise ValueError(
            "the callback is an address of this machine with its port, such as "
            "http://localhost:1717/callback"
        )


def language_of(accepted: str) -> str:
    """The language of a page: the one that an Accept-Language header likes best."""
    liked: list[tuple[float, str]] = []
    for part in accepted.split(","):
        tag, _, weight = part.strip().partition(";q=")
        rank = float(weight) if weight.replace(".", "", 1).isdigit() else 1.0
        liked.append((-rank, tag.partition("-")[0].lower()))
    return next((name for rank, name in sorted(liked) if name in PAGES and rank), "en")


def answer(answers: Answers, patience: float, system: str, *, hint: str) -> dict[str, str]:
    """What the browser brings back; AuthError with the hint if nobody comes."""
    try:
        return answers.get(timeout=patience)
    except Empty:
        raise AuthError(
            f"Nobody came back from {system}'s login page within {patience:.0f} seconds.",
            hint=hint,
        ) from None


@contextmanager
def listening(callback: str, state: str, system: str) -> Iterator[Answers]:
    """Listen where the browser is sent back to; only the answer with our state is taken."""
    parts = urlsplit(callback)
    server = _server(parts.port or 0, parts.path or "/", state, system)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.answers
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, path: str, state: str, system: str) -> None:
        super().__init__((HERE, port), _Callback)
        self.path, self.state, self.system = path, state, system
        self.answers: Answers = Queue()


def _server(port: int, path: str, state: str, system: str) -> _Server:
    try:
        return _Server(port, path, state, system)
    except OSError as error:
        raise ConfigError(
            f"Port {port} of this machine is taken, and the login comes back to it: "
            f"{error.strerror}.",
            hint="End what listens there, or register a `callback` with another port at the app.",
        ) from error


class _Callback(BaseHTTPRequestHandler):
    """Takes one answer for the login, and shows a page."""

    timeout = SILENCE
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        answer = dict(parse_qsl(parts.query))
        if parts.path != self.server.path:
            self.send_error(404)
        elif not hmac.compare_digest(answer.get("state", "").encode(), self.server.state.encode()):
            self._show(400, "foreign")
        else:
            self._show(200, "done" if "code" in answer else "refused")
            self.server.answers.put(answer)

    def _show(self, status: int, text: str) -> None:
        language = language_of(self.headers.get("Accept-Language", ""))
        said = PAGES[language][text].format(system=escape(self.server.system))
        page = HTML.format(language=language, text=said).encode()
        self.send_response_only(status)
        for name, value in (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(page))),
            ("Cache-Control", "no-store"),
            ("Connection", "close"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Say nothing: the address holds the code."""
