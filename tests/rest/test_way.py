"""The environment says through which proxy the world is reached, and whom to trust there."""

from __future__ import annotations

import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connector.crm.hubspot.client import Line
from connector.crm.hubspot.limiter import Limiter
from connector.errors import ConfigError, Unreachable
from connector.rest.pooled import Pooled
from connector.rest.way import way_to

from ..conftest import Answer

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE",
         "CURL_CA_BUNDLE")  # fmt: skip
SECRET = "Basic " + b64encode(b"me:pass word").decode()

Connect = Callable[[str], Pooled]


def plain(url: str) -> Pooled:
    return Pooled(url, name="x")


def hubspot(url: str) -> Pooled:
    return Line(url, None, Limiter(searches=4))


@pytest.fixture(params=[plain, hubspot])
def connect(request) -> Connect:
    """A connection of sources, and the one of HubSpot, whose pool is the vendor's."""
    made: Connect = request.param
    return made


@pytest.fixture(autouse=True)
def environment(monkeypatch) -> None:
    """Nothing of this machine's own."""
    for name in (*NAMES, *map(str.lower, NAMES)):
        monkeypatch.delenv(name, raising=False)


class Proxy(BaseHTTPRequestHandler):
    """Passes on: what is not encrypted as it is, the rest through a tunnel, to those it knows."""

    asked: list[tuple[str, str, str]]
    wants = ""

    def do_CONNECT(self) -> None:
        if not self._lets_in():
            return
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as far:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_pour, args=(far, self.connection))
            back.start()
            _pour(self.connection, far)
            back.join()
        self.close_connection = True

    def do_GET(self) -> None:
        if not self._lets_in():
            return
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def _lets_in(self) -> bool:
        told = self.headers.get("Proxy-Authorization", "")
        self.asked.append((self.command, self.path, told))
        if self.wants and told != self.wants:
            self.send_error(407)
            return False
        return True

    def log_message(self, *args: object) -> None:
        """Nothing."""


def _pour(near: socket.socket, far: socket.socket) -> None:
    with suppress(OSError):
        while piece := near.recv(65536):
            far.sendall(piece)
        far.shutdown(socket.SHUT_WR)


class Origin(BaseHTTPRequestHandler):
    """The far end."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def proxy() -> Iterator[tuple[str, type[Proxy]]]:
    """A proxy on loopback, and what it was asked."""
    handler = type("Noted", (Proxy,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", handler
        server.shutdown()


@pytest.fixture
def signed(tmp_path) -> Iterator[tuple[str, Path]]:
    """A server with a certificate that nobody knows, and that certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    bundle, secret = tmp_path / "own.pem", tmp_path / "key.pem"
    bundle.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle, secret)
    with ThreadingHTTPServer(("127.0.0.1", 0), Origin) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://localhost:{server.server_port}", bundle
        server.shutdown()


def ask(line: Pooled) -> int:
    return line.ask("GET", "thing", True, {}, 1).status_code


def test_what_is_encrypted_goes_through_a_tunnel(connect, proxy, signed, monkeypatch):
    """The proxy learns the host and nothing else; the certificate is that of REQUESTS_CA_BUNDLE."""
    url, bundle = signed
    at, handler = proxy
    monkeypatch.setenv("HTTPS_PROXY", f"http://{at}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    line = connect(url)
    assert (ask(line), ask(line)) == (200, 200)
    line.pool.clear()
    assert handler.asked == [("CONNECT", url.removeprefix("https://"), "")]


def test_a_certificate_that_nobody_named_is_not_trusted(connect, signed, monkeypatch):
    """Only with the bundle of the environment; a bundle that is not there is said."""
    url, bundle = signed
    with pytest.raises(Unreachable, match="certificate"):
        ask(connect(url))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(bundle))
    line = connect(url)
    assert ask(line) == 200
    line.pool.clear()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle.parent / "other.pem"))
    with pytest.raises(ConfigError, match=r"REQUESTS_CA_BUNDLE names .*other\.pem"):
        ask(connect(url))


def test_what_is_not_encrypted_is_passed_on(connect, proxy, monkeypatch):
    """The proxy is told the whole address."""
    at, handler = proxy
    monkeypatch.setenv("HTTP_PROXY", at)
    assert ask(connect("http://127.0.0.2:9")) == 200
    assert handler.asked == [("GET", "http://127.0.0.2:9/thing", "")]


def test_hosts_of_no_proxy_are_reached_as_ever(connect, proxy, scripted, monkeypatch):
    """And only those."""
    at, handler = proxy
    monkeypatch.setenv("HTTP_PROXY", f"http://{at}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert ask(connect(scripted(Answer()).url)) == 200
    assert handler.asked == []


def test_a_proxy_that_wants_a_password_gets_it(connect, proxy, signed, monkeypatch):
    """In a header of its own; without it nothing is let through, and that is said."""
    url, bundle = signed
    at, handler = proxy
    handler.wants = SECRET
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:pass%20word@{at}")
    line = connect(url)
    assert ask(line) == 200
    line.pool.clear()
    monkeypatch.setenv("HTTPS_PROXY", f"http://{at}")
    with pytest.raises(Unreachable, match="the proxy of the environment did not let it through"):
        ask(connect(url))


def test_no_password_of_a_proxy_is_shown():
    """Neither by the object nor by its address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTPS_PROXY", "http://me:hidden@127.0.0.1:1")
        way = way_to("https://api.example")
    assert "hidden" not in repr(way)
    assert way.proxy == "http://127.0.0.1:1"


def test_a_proxy_that_does_not_speak_http_is_refused(monkeypatch):
    """It says what to set instead."""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://me:hidden@127.0.0.1:1")
    with pytest.raises(ConfigError, match=r"none that speaks HTTP \(socks5\)") as caught:
        way_to("https://api.example")
    assert "hidden" not in str(caught.value) + caught.value.hint
    assert "HTTPS_PROXY" in caught.value.hint
