"""Logging in with a browser: out with a challenge, back to this machine with a code."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Thread
from urllib.parse import parse_qsl, urlencode, urlsplit

from ...errors import AuthError, ConfigError
from . import kept
from .flows import Browser
from .refusals import LoginRefused
from .tokens import Token, TokenHost

SCOPES = "api id refresh_token"
HERE = "127.0.0.1"
#: A browser may open a connection and say nothing.
SILENCE = 10
PAGES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "done": "Salesforce has answered. You can close this page; the rest is in the terminal.",
        "refused": "Salesforce has refused. You can close this page; the terminal says why.",
        "foreign": "This page does not belong to the login that is waiting. Start it anew.",
    },
    "de": {
        "done": "Salesforce hat geantwortet. Sie können diese Seite schließen; "
        "weiter geht es im Terminal.",
        "refused": "Salesforce hat abgelehnt. Sie können diese Seite schließen; "
        "warum, steht im Terminal.",
        "foreign": "Diese Seite gehört nicht zu der Anmeldung, die gerade wartet. "
        "Bitte beginnen Sie von vorn.",
    },
}
HTML = """<!doctype html><html lang="{language}"><meta charset="utf-8"><title>Connector</title>
<body style="font: 1.1rem system-ui; margin: 20vh auto; max-width: 34rem"><p>{text}</p></html>"""

Answers = Queue[dict[str, str]]


def log_in(
    host: TokenHost, auth: Browser, show: Callable[[str], None], *, patience: float
) -> Token:
    """Have a person allow it, at the address that is shown, and keep the login."""
    verifier, state = secrets.token_urlsafe(64), secrets.token_urlsafe(32)
    with _listening(auth.callback, state) as answers:
        show(_address(host, auth, verifier, state))
        code = _code(answers, patience)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": auth.callback,
        "code_verifier": verifier,
        **auth.client,
    }
    token = host.token(form, repeatable=False)
    if not token.refresh:
        raise AuthError(
            "Salesforce gave no refresh token, so the login would end with this session.",
            hint="Select the scope refresh_token (offline_access) in the app's OAuth settings.",
        )
    kept.begin(auth.refresh_token, auth.client_id, token)
    return token


def language_of(accepted: str) -> str:
    """The language of a page: the one that an Accept-Language header likes best."""
    liked: list[tuple[float, str]] = []
    for part in accepted.split(","):
        tag, _, weight = part.strip().partition(";q=")
        rank = float(weight) if weight.replace(".", "", 1).isdigit() else 1.0
        liked.append((-rank, tag.partition("-")[0].lower()))
    return next((name for rank, name in sorted(liked) if name in PAGES and rank), "en")


def _address(host: TokenHost, auth: Browser, verifier: str, state: str) -> str:
    challenge = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": auth.client_id,
        "redirect_uri": auth.callback,
        "scope": SCOPES,
        "state": state,
        "code_challenge": urlsafe_b64encode(challenge).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return f"{host.session.base}/services/oauth2/authorize?{urlencode(query)}"


def _code(answers: Answers, patience: float) -> str:
    try:
        answer = answers.get(timeout=patience)
    except Empty:
        raise AuthError(
            f"Nobody came back from Salesforce's login page within {patience:.0f} seconds.",
            hint="Run it again. If the page showed an error: redirect_uri_mismatch means that "
            "`callback` is not registered at the app letter for letter, “app must be installed” "
            "that the app is not one of this org.",
        ) from None
    if "code" not in answer:
        raise LoginRefused(answer.get("error", "no code"), answer.get("error_description", ""))
    return answer["code"]


@contextmanager
def _listening(callback: str, state: str) -> Iterator[Answers]:
    """Listen where the browser is sent back to; only the answer with our state is taken."""
    parts = urlsplit(callback)
    server = _server(parts.port or 0, parts.path or "/", state)
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

    def __init__(self, port: int, path: str, state: str) -> None:
        super().__init__((HERE, port), _Callback)
        self.path, self.state = path, state
        self.answers: Answers = Queue()


def _server(port: int, path: str, state: str) -> _Server:
    try:
        return _Server(port, path, state)
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
        page = HTML.format(language=language, text=PAGES[language][text]).encode()
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
