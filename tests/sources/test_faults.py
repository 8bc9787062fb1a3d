"""Whatever a platform or somebody in between sends, of every source that is listed: bad luck is
repaired, a lie is refused in words, and no credential goes anywhere else."""

from __future__ import annotations

import ast
import gzip
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from inspect import getsource
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic
from typing import Any

import pytest
import requests

from connector import http
from connector.errors import AuthError, ConnectorError, Malformed
from connector.rest import pooled
from connector.rest.line import Line, Signed
from connector.sandbox.server import running
from connector.secrets import Secret
from connector.shipped import available
from connector.sources.rest import ByBasic, Pages
from tests.conftest import Answer
from tests.kept import filled
from tests.sources.cases import CASES

Keys = Mapping[str, str]
#: Types that ask nobody for anything: files lie here, and hooks are called.
SILENT = {"file", "webhook"}
#: Where pages are not as small as in the contract.
LISTS = {"asknicely": r"/responses/asc/"}
RENEWING = {case.name for case in CASES if case.renews}


@dataclass(frozen=True, slots=True)
class System:
    """How a source is made of its keys, and what it asks for first that brings records."""

    name: str
    asks: str
    settings: Callable[[Keys], Mapping[str, Any]]
    secret: str = "token"
    keys: str = ""


def some(*names: str) -> Callable[[Keys], Mapping[str, Any]]:
    return lambda keys: {name: keys[name] for name in names}


def described(keys: Keys) -> Mapping[str, Any]:
    """Delighted, as a table describes it."""
    return {
        "url": keys["url"],
        "stream": "responses",
        "path": "survey_responses.json",
        "columns": {"id": "id", "score": "score", "submitted_at": "to_timestamp(created_at::int)"},
        "query": {"per_page": "100"},
        "paging": Pages("number", short=100),
    }


SYSTEMS = (
    *(
        System(case.name, LISTS.get(case.name, case.lists), case.settings, case.secret)
        for case in CASES
    ),
    System("zendesk", r"/incremental/tickets", some("url", "user")),
    System("mixpanel", r"/engage$", some("url", "profiles_url", "project", "user", "zone")),
    System("intercom", r"/conversations/search$", some("url")),
    System("stripe", r"/invoices$", some("url")),
    System("chargebee", r"/invoices$", some("url")),
    System("attest", r"/structure$", some("url", "study")),
    System("rest", r"/survey_responses\.json$", described, "auth", "delighted"),
)


@dataclass
class Reached:
    """A sandbox with every platform, and what each source brings while all is well."""

    url: str
    keys: Mapping[str, Keys]
    folder: Path
    well: dict[str, int]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    folder = tmp_path_factory.mktemp("faults")
    store = filled(folder / "sandbox", accounts=8, seed=5)
    with running(store) as url:
        keys = requests.get(f"{url}/_sandbox/credentials", timeout=60).json()
        yield Reached(url, keys, folder, {})
    store.close()


@dataclass
class Place:
    """One platform, and a source that reads it."""

    system: System
    here: Reached

    @property
    def keys(self) -> Keys:
        """With the parts that some platforms leave to whoever reads them."""
        found = dict(self.here.keys[self.system.keys or self.system.name])
        return {"project": "1", "study": "1", **found}

    @property
    def said(self) -> str:
        """The secret itself."""
        return self.keys.get("token") or self.keys["secret"]

    def source(self) -> Any:
        path = self.here.folder / f"{self.system.name}.secret"
        path.write_text(self.said)
        secret: Any = Secret(f"file:{path}")
        if self.system.secret == "auth":
            secret = ByBasic(secret, secret_first=True)
        made = import_module(f"connector.sources.{self.system.name}").Source
        return made(**{**self.system.settings(self.keys), self.system.secret: secret})

    def read(self) -> int:
        """How many records the first stream brings; of a source without streams, none."""
        source = self.source()
        if not source.streams:
            source.check()
            return 0
        folder = Path(mkdtemp(dir=self.here.folder))
        return int(source.pull(source.streams[0], None, folder).rows)

    def well(self) -> int:
        """How many they are while all is well."""
        if self.system.name not in self.here.well:
            self.here.well[self.system.name] = self.read()
        return self.here.well[self.system.name]

    def fault(self, do: dict[str, Any], times: int = 1) -> None:
        fault = {"match": {"path_regex": self.system.asks}, "do": do, "times": times}
        url = f"{self.here.url}/_sandbox/faults"
        requests.post(url, json=[fault], timeout=30).raise_for_status()

    def refuses(self, error: type[ConnectorError], words: str) -> ConnectorError:
        """The error that ends the pull, in words that name the platform and hold no secret."""
        source = self.source()
        with pytest.raises(error, match=words) as refused:
            self.read()
        told = f"{refused.value.message} {refused.value.hint}"
        assert source._line.name in told or "export" in told
        assert self.said not in f"{told} {refused.value!r} {source!r}"
        return refused.value


@pytest.fixture(params=SYSTEMS, ids=lambda system: system.name)
def place(request: Any, sandbox: Reached, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(http, "_backoff", lambda state: 0.01)
    module = import_module(f"connector.sources.{request.param.name}")
    if hasattr(module, "FIRST_LOOK"):
        monkeypatch.setattr(module, "FIRST_LOOK", 0.01)
    made = Place(request.param, sandbox)
    made.well()
    yield made
    requests.delete(f"{sandbox.url}/_sandbox/faults", timeout=30)


def test_every_source_that_is_listed_is_tried():
    """One that is added is added here."""
    assert {system.name for system in SYSTEMS} == set(available("sources")) - SILENT


@pytest.mark.parametrize(
    "do",
    [{"truncate_at": 12}, {"drop": "before"}, {"drop": "after"}, {"status": 503}],
    ids=["cut body", "no answer", "lost answer", "down"],
)
def test_what_breaks_off_is_asked_for_again(place, do):
    """A truncated body, a line that is cut, a server that is down: all comes all the same."""
    place.fault(do)
    assert place.read() == place.well()


def test_we_slow_down_when_asked_to(place):
    """429 with Retry-After: waited for, and then asked again."""
    place.fault({"status": 429, "headers": {"Retry-After": "1"}})
    began = monotonic()
    assert place.read() == place.well()
    assert monotonic() - began >= 1


def test_a_token_that_has_expired(place):
    """Renewed where it can be; else an error that says where to make a new one."""
    place.fault({"status": 401})
    if place.system.name in RENEWING:
        assert place.read() == place.well()
        return
    assert "Make a new one" in place.refuses(AuthError, "refuses the (token|key)").hint


def test_no_redirect_is_followed(place, scripted):
    """Nor does anything reach where it leads: not one request, and so no credential."""
    elsewhere = scripted(Answer())
    place.fault({"status": 302, "body": "", "headers": {"Location": elsewhere.url}}, 9)
    place.refuses(Malformed, "redirects")
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    "body", ["[" * 200_000, '{"a":' * 200_000, "<html>maintenance</html>"],
    ids=["deep list", "deep object", "a page"],
)  # fmt: skip
def test_what_is_not_json_is_refused(place, body):
    """Nesting without an end, or a page for people, with the status of success."""
    place.fault({"status": 200, "body": body}, 9)
    place.refuses(Malformed, "JSON|no list|no record")


def test_a_body_without_measure_is_refused(place, monkeypatch):
    """Before it fills the memory."""
    monkeypatch.setattr(pooled, "LARGEST", 500_000)
    assert place.read() == place.well()
    place.fault({"status": 200, "body": "x" * 500_001}, 9)
    place.refuses(Malformed, "answer of more than")


def test_every_source_talks_through_a_line_that_is_pinned():
    """One way out: whatever address comes back, another host is refused (`tests/rest`)."""
    for name in available("sources"):
        tree = ast.parse(getsource(import_module(f"connector.sources.{name}")))
        found = {
            each.name.partition(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for each in node.names
        } | {str(n.module) for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and not n.level}
        assert not found & {
            "requests",
            "urllib3",
            "httpx",
            "socket",
            "http.client",
            "urllib.request",
        }


def test_only_qualtrics_sends_archives():
    """So an archive that is cut or a bomb is its own case: `test_qualtrics.py`."""
    found = {
        name
        for name in available("sources")
        if "rest.unpack" in getsource(import_module(f"connector.sources.{name}"))
    }
    assert found == {"qualtrics"}


def test_a_packed_body_is_unpacked_no_further_than_it_may(scripted, tmp_path, monkeypatch):
    """A few bytes that unpack to many: a piece more than allowed is taken, no more."""
    monkeypatch.setattr(pooled, "LARGEST", 3_000_000)
    bomb = gzip.compress(b" " * 20_000_000)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    (tmp_path / "token").write_text("t")
    made = Line(
        scripted(Answer(body=bomb, headers=headers)).url,
        Signed("It", Secret(f"file:{tmp_path / 'token'}")),
        name="It",
    )
    with pytest.raises(Malformed, match="answer of more than 3 MB"):
        made.json("x")


def test_a_packed_body_is_read(scripted, tmp_path):
    """One that is honest."""
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    (tmp_path / "token").write_text("t")
    answer = Answer(body=gzip.compress(b'{"a": 1}'), headers=headers)
    signer = Signed("It", Secret(f"file:{tmp_path / 'token'}"))
    assert Line(scripted(answer).url, signer, name="It").json("x") == {"a": 1}
