"""The receiver over real HTTP: proved before anything, kept once, answered at once."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connector.errors import ConfigError
from connector.secrets import Secret
from connector.service import webhooks
from connector.service.webhooks import LARGEST, Receiver, receiver, serving
from connector.sources.webhook import Source

BODY = b'{"event_id": "e1", "email": "anna@kunde.example"}'


class Place:
    """A receiver that listens, and its inbox."""

    def __init__(self, application: Receiver, port: int, inbox: Path) -> None:
        self.application, self.port, self.inbox = application, port, inbox

    def send(
        self, body: bytes = BODY, *, at: str = "survey", secret: str = "s1", method: str = "POST",
        **headers: str,
    ) -> int:  # fmt: skip
        signed = hmac.new(secret.encode(), body, "sha256").hexdigest()
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        line.request(method, f"/hooks/{at}", body, {"Hmac": signed, **headers})
        status = line.getresponse().status
        line.close()
        return status

    @property
    def kept(self) -> list[bytes]:
        return [path.read_bytes() for path in self.inbox.glob("*/*") if path.is_file()]


def hook(folder: Path, **settings: object) -> Source:
    secret = folder / "s1.secret"
    secret.write_text("s1")
    given = {"at": "survey", "platform": "survicate", "event": "event_id", "hints": "it"}
    inbox = folder / "data" / "inbox"
    return Source(secret=Secret(f"file:{secret}"), inbox=inbox, **{**given, **settings})


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    old = tmp_path / "old.secret"
    old.write_text("s0")
    hooks = {
        "a": hook(tmp_path, old_secret=Secret(f"file:{old}")),
        "b": hook(tmp_path, at="open", platform="trustmary"),
        "c": object(),
    }
    application = receiver(hooks)
    with serving(application, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Place(application, server.server_port, tmp_path / "data" / "inbox")
        server.shutdown()
        thread.join()


def test_a_signed_body_is_kept_as_it_came_and_for_its_owner_alone(place: Place) -> None:
    """Byte for byte, under a name that tells nothing."""
    assert place.send() == 200
    assert place.kept == [BODY]
    [path] = [each for each in place.inbox.glob("survey/*") if each.is_file()]
    assert path.name == hashlib.sha256(b"survey\0e1").hexdigest()
    assert path.stat().st_mode & 0o777 == 0o600
    assert {each.stat().st_mode & 0o777 for each in list(path.parents)[:3]} == {0o700}


def test_a_wrong_signature_leaves_no_trace_but_its_count(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """401; neither body nor address is logged."""
    with caplog.at_level(logging.DEBUG):
        assert place.send(secret="s2") == 401
        assert place.send(Hmac="") == 401
        assert place.send(at="open/guess-of-a-secret") == 401
    assert not place.inbox.exists()
    assert place.application.counts == {
        ("survey", "refused_signature"): 2, ("open", "refused_signature"): 1,
    }  # fmt: skip
    assert "refused_signature" in caplog.text
    assert not {"anna", "guess"} & set(caplog.text.replace("@", " ").replace("-", " ").split())


def test_a_wrong_signature_is_found_before_the_body_is_looked_into(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No decoder ever sees what nobody signed."""
    from connector.sources import webhook

    seen: list[bytes] = []
    decoded = webhook._decoded
    monkeypatch.setattr(webhook, "_decoded", lambda body: seen.append(body) or decoded(body))
    assert (place.send(secret="s2"), seen) == (401, [])
    assert (place.send(), seen) == (200, [BODY])


def test_the_secret_before_this_one_still_counts(place: Place) -> None:
    """So that it can be replaced while events come in."""
    assert place.send(secret="s0") == 200
    assert place.send(at="open/s1") == 200


def test_an_event_that_comes_again_is_kept_once(place: Place) -> None:
    """Also when many come at the same moment, and after a run has taken it."""
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: place.send(), range(16))) == {200}
    assert place.kept == [BODY]
    assert place.application.counts["survey", "kept"] == 1
    source = place.application.hooks["survey"]
    assert isinstance(source, Source)
    source.look()
    source.settle()
    assert place.kept == []
    assert place.send() == 200
    assert place.kept == []
    assert place.send(b'{"event_id": "e2"}') == 200
    assert len(place.kept) == 1


def test_without_an_id_of_the_event_the_same_body_is_the_same_event(place: Place) -> None:
    """An update of the same answer is another body."""
    for body in (b'{"a": 1}', b'{"a": 1}', b'{"a": 2}', b"a=1", b"\xff"):
        assert place.send(body) == 200
    assert len(place.kept) == 4


@pytest.mark.parametrize(
    ("asked", "status"),
    [({"at": "nobody"}, 404), ({"method": "GET"}, 405), ({"method": "PUT"}, 405),
     ({"method": "HEAD"}, 200)],
)  # fmt: skip
def test_other_requests_are_told_so(place: Place, asked: dict[str, str], status: int) -> None:
    """A platform may look whether we are there before it sends anything."""
    assert place.send(**asked) == status
    assert place.kept == []


def raw(port: int, head: str, body: bytes = b"") -> bytes:
    """What is answered to a request that no client would write; the sender then hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(f"POST /hooks/survey HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode() + body)
        line.shutdown(socket.SHUT_WR)
        return line.recv(64)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("Transfer-Encoding: chunked\r\n", b"411"),
        ("Content-Length: -1\r\n", b"411"),
        (f"Content-Length: {LARGEST + 1}\r\n", b"413"),
        ("Content-Length: 10\r\n", b"400"),
    ],
)
def test_a_body_has_an_honest_and_bounded_length(place: Place, head: str, status: bytes) -> None:
    """What is too large is not even read; what breaks off is nothing."""
    assert raw(place.port, head, b"abc").split()[1] == status
    assert place.kept == []


def test_who_stays_silent_is_hung_up_on(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """And holds up nobody else meanwhile."""
    monkeypatch.setattr(webhooks._Requests, "timeout", 0.2)
    with socket.create_connection(("127.0.0.1", place.port), timeout=10) as line:
        line.sendall(b"POST /hooks/survey HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc")
        assert place.send() == 200
        assert line.recv(64).split()[1] == b"400"


def test_an_inbox_that_cannot_be_written_asks_to_be_sent_it_again(place: Place) -> None:
    """The platform tries later; we have not said that we have it."""
    place.inbox.parent.mkdir()
    place.inbox.write_text("in the way")
    assert place.send() == 503
    place.inbox.unlink()
    assert place.send() == 200


def test_hooks_are_told_apart_by_their_names(tmp_path: Path) -> None:
    """Two at one address are a mistake, and so is none at all."""
    with pytest.raises(ConfigError, match="another hook is at 'survey'"):
        receiver({"a": hook(tmp_path), "b": hook(tmp_path)})
    with pytest.raises(ConfigError, match="no source of the type webhook"):
        receiver({"a": object()})


def test_a_hook_says_one_of_the_two_things_that_it_can_do(tmp_path: Path) -> None:
    """And how its platform signs."""
    for wrong in ({"columns": {"id": "id"}, "stream": "responses"}, {"hints": ""}):
        with pytest.raises(ValueError, match="either `hints`"):
            hook(tmp_path, **wrong)
    with pytest.raises(ValueError, match="how it signs"):
        hook(tmp_path, platform="other")
    with pytest.raises(ValueError, match="use letters"):
        hook(tmp_path, at="../x")
