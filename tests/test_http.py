"""The session: what it repeats, what it never repeats, and whom it does not follow."""

from __future__ import annotations

import socket
import threading

import pytest

from connector import http
from connector.errors import AuthError, InDoubt, Malformed, Throttled, Unreachable
from connector.http import Session

from .conftest import Answer


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Back-off without the waiting."""
    monkeypatch.setattr(http, "_backoff", lambda state: 0.0)


class Badge:
    """Credentials that count their renewals."""

    def __init__(self) -> None:
        self.number = 1
        self.renewals = 0
        self.lock = threading.Lock()

    def header(self) -> str:
        return f"Bearer t{self.number}"

    def renew(self, stale: str) -> None:
        with self.lock:
            if stale == f"Bearer t{self.number}":
                self.number += 1
                self.renewals += 1


def test_a_read_is_repeated_when_the_line_is_cut(scripted):
    """The second attempt brings the answer."""
    script = scripted(Answer(cut=0), Answer(body=b'{"a": 1}'))
    assert Session(script.url, name="x").json("GET", "thing") == {"a": 1}
    assert len(script.requests) == 2


def test_a_read_whose_body_is_cut_is_repeated(scripted):
    """Half a body is no answer."""
    script = scripted(Answer(body=b'{"a": 1}', cut=4), Answer(body=b'{"a": 1}'))
    assert Session(script.url, name="x").json("GET", "thing") == {"a": 1}


def test_a_write_whose_answer_is_lost_is_in_doubt_and_not_repeated(scripted):
    """The request was sent once; nobody knows whether it was done."""
    script = scripted(Answer(cut=0))
    with pytest.raises(InDoubt):
        Session(script.url, name="x").request("PATCH", "thing", data=b"{}")
    assert len(script.requests) == 1


def test_a_write_that_meets_a_server_error_is_in_doubt(scripted):
    """A 500 may come before or after the deed."""
    script = scripted(Answer(status=500))
    with pytest.raises(InDoubt):
        Session(script.url, name="x").request("PATCH", "thing", data=b"{}")
    assert len(script.requests) == 1


def test_a_write_that_was_never_sent_is_repeated_and_then_unreachable():
    """A refused connection carries nothing, so trying again is safe."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        session = Session(f"http://127.0.0.1:{port}", name="x")
        with pytest.raises(Unreachable):
            session.request("PATCH", "thing", data=b"{}")
        assert session.calls["PATCH /thing"] == http.ATTEMPTS


def test_the_server_says_how_long_to_wait(scripted):
    """Retry-After is obeyed for writes too: a 429 means that nothing was done."""
    busy = Answer(status=429, headers={"Retry-After": "0"})
    script = scripted(busy, Answer(body=b"{}"))
    assert Session(script.url, name="x").request("PATCH", "thing").status_code == 200
    assert len(script.requests) == 2


def test_a_read_that_is_put_off_is_repeated_and_a_write_is_in_doubt(scripted):
    """A gateway may answer 503 after it has passed the call on, whatever it says of later."""
    away = Answer(status=503, headers={"Retry-After": "0"})
    script = scripted(away, Answer(body=b"{}"), away)
    session = Session(script.url, name="x")
    assert session.request("GET", "thing").status_code == 200
    with pytest.raises(InDoubt):
        session.request("PATCH", "thing", data=b"{}")
    assert len(script.requests) == 3


def test_a_wait_longer_than_we_are_willing_to_is_an_error(scripted):
    """An hour is not slept away."""
    script = scripted(Answer(status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(Throttled):
        Session(script.url, name="x").request("GET", "thing")
    assert len(script.requests) == 1


def test_html_for_json_is_said_so(scripted):
    """A login page with status 200 is not an answer."""
    page = Answer(body=b"<html>Sign in</html>", headers={"Content-Type": "text/html"})
    with pytest.raises(Malformed, match="text/html where JSON was promised"):
        Session(scripted(page).url, name="x").json("GET", "thing")


def test_credentials_do_not_follow_a_redirect(scripted):
    """The other host is never called."""
    elsewhere = scripted(Answer())
    script = scripted(Answer(status=302, headers={"Location": f"{elsewhere.url}/x"}))
    with pytest.raises(Malformed, match="redirects"):
        Session(script.url, name="x", credentials=Badge()).request("GET", "thing")
    assert elsewhere.requests == []


def test_an_address_on_another_host_is_refused(scripted):
    """A next-page link cannot send us elsewhere."""
    script = scripted(Answer())
    with pytest.raises(Malformed, match="another host"):
        Session(script.url, name="x").request("GET", "http://127.0.0.1:1/next")
    assert script.requests == []


def test_plain_http_is_for_this_machine_only():
    """A token is never sent in the clear."""
    with pytest.raises(AuthError, match="not https"):
        Session("http://crm.example", name="x")


@pytest.mark.parametrize(
    "host", ["127.evil.example", "127.0.0.1.evil.example", "localhost.example"]
)
def test_a_name_that_looks_like_this_machine_is_not(host):
    """127.evil.example is somebody's server."""
    with pytest.raises(AuthError, match="not https"):
        Session(f"http://{host}", name="x")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "[::1]"])
def test_this_machine_has_several_names(host):
    """All of them take plain http."""
    assert Session(f"http://{host}:1", name="x").base == f"http://{host}:1"


def test_a_netrc_does_not_replace_our_token(scripted, tmp_path, monkeypatch):
    """A password for the same host in ~/.netrc is another program's."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    script = scripted(Answer())
    Session(script.url, name="x", credentials=Badge()).request("GET", "me")
    Session(script.url, name="x").request("GET", "me")
    assert [seen[2].get("Authorization") for seen in script.requests] == ["Bearer t1", None]


def test_a_proxy_of_the_environment_is_used(scripted, monkeypatch):
    """Many machines reach the world only through one."""
    proxy = scripted(Answer())
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, proxy.url)
    Session("http://127.0.0.2:9", name="x").request("GET", "thing")
    assert proxy.requests[0][1] == "http://127.0.0.2:9/thing"


def test_an_expired_token_is_renewed_once(scripted):
    """The request is sent again with the new token."""
    script = scripted(Answer(status=401), Answer(body=b'{"ok": true}'))
    badge = Badge()
    assert Session(script.url, name="x", credentials=badge).json("GET", "me") == {"ok": True}
    assert badge.renewals == 1
    assert [seen[2]["Authorization"] for seen in script.requests] == ["Bearer t1", "Bearer t2"]


def test_a_second_refusal_is_the_end(scripted):
    """Logging in again and again locks users out."""
    script = scripted(Answer(status=401))
    badge = Badge()
    with pytest.raises(AuthError):
        Session(script.url, name="x", credentials=badge).request("GET", "me")
    assert (badge.renewals, len(script.requests)) == (1, 2)


def test_the_server_clock_is_remembered(scripted):
    """Its Date header is what `as_of` is made of."""
    dated = Answer(headers={"Date": "Mon, 02 Nov 2026 08:00:00 GMT"})
    session = Session(scripted(dated).url, name="x")
    session.request("GET", "thing")
    assert session.server_now is not None
    assert session.server_now.isoformat() == "2026-11-02T08:00:00+00:00"


def test_a_query_string_never_reaches_a_message(scripted):
    """What is asked for may be personal."""
    script = scripted(Answer(status=500))
    with pytest.raises(Exception, match="500") as failed:
        Session(script.url, name="x").request("GET", "find", params={"email": "a@b.example"})
    assert "b.example" not in str(failed.value)


def test_a_system_that_has_moved_is_called_at_its_new_address(scripted):
    """Also by what still names the old one: a next page, a library's base address."""
    old, new = scripted(Answer()), scripted(Answer())
    session = Session(old.url, name="x")
    session.move(new.url)
    session.request("GET", "one")
    session.request("GET", f"{old.url}/two?page=2")
    assert [path for _, path, _ in new.requests] == ["/one", "/two?page=2"]
    assert old.requests == []


def test_a_system_does_not_move_to_where_tokens_are_read_by_others():
    """The new address is trusted no more than the first."""
    with pytest.raises(AuthError, match="not https"):
        Session("https://crm.example", name="x").move("http://crm.example")
