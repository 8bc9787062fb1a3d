"""Prism between a client and the sandbox: each request, and what Prism finds wrong with it."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import urllib3

from ..conftest import SHARED
from .conftest import MODULES, Node

SPECS = SHARED / "specs" / "hubspot"
NEWEST = "2026-09"
#: Where the files, made from a client without unions, keep the first of several shapes alone: the
#: schema, and the names of those of its file that may stand there, as HubSpot's reference has it.
#: Of lists these are the segments by properties; with all shapes a request takes half a minute.
UNIONS = {
    "PublicExportRequest": r"PublicExport(List|View)Request",
    "PublicPropertyAssociationFilterBranchFilterBranchesInner": r"Public(And|Or)FilterBranch",
    "PublicPropertyAssociationFilterBranchFiltersInner": r"Public(Property|InList)Filter",
    "PublicSurveyMonkeyValueFilterValueComparison": (
        r"Public(Enumeration|Bool|Number|String)PropertyOperation"
    ),
}
#: Prism reads some thirty files before it listens.
START_SECONDS = 60
_LISTENS = re.compile(r"Prism is listening on (http://\S+)")
#: Headers that belong to one connection, not to what is said over it.
_OWN = {"connection", "content-length", "host", "keep-alive", "transfer-encoding", "date"}


@dataclass(frozen=True)
class Violation:
    """Where something is not as the files say, and how."""

    where: str
    message: str


@dataclass(frozen=True)
class Judged:
    """One request, and what Prism said to it and to its answer."""

    method: str
    path: str
    status: int
    violations: tuple[Violation, ...]

    def of(self, part: str) -> tuple[Violation, ...]:
        """Violations of the `request` or of the `response`."""
        return tuple(each for each in self.violations if each.where.startswith(part))


@dataclass
class Judge:
    """A server that hands everything to Prism, and keeps its verdicts.

    What `unknown` matches is in no file: it goes to the sandbox directly.
    """

    prism: str
    sandbox: str
    unknown: re.Pattern[str]
    url: str = ""
    judged: list[Judged] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(maxsize=16, retries=False)
    )

    def carry(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> urllib3.BaseHTTPResponse:
        """Send a request on, and note what was said to it."""
        path = target.partition("?")[0]
        if self.unknown.fullmatch(path):
            self.passed.append(f"{method} {path}")
            return self._send(self.sandbox, method, target, headers, body)
        answer = self._send(self.prism, method, target, headers, body)
        self.judged.append(Judged(method, path, answer.status, tuple(_violations(answer))))
        return answer

    def _send(
        self, to: str, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> urllib3.BaseHTTPResponse:
        return self.pool.request(
            method, to + target, headers=headers, body=body or None, redirect=False, timeout=60
        )


def _violations(answer: urllib3.BaseHTTPResponse) -> Iterator[Violation]:
    if "problem+json" in answer.headers.get("Content-Type", ""):
        problem = answer.json()
        found = problem.get("validation") or ()
        yield from (Violation(".".join(map(str, e["location"])), e["message"]) for e in found)
        if not found:
            yield Violation("request", f"{problem['title']}: {problem['detail']}")
        return
    for each in json.loads(answer.headers.get("sl-violations", "[]")):
        if each["severity"] == "Error":
            yield Violation(".".join(map(str, each["location"])), each["message"])


def index(folder: Path, version: str) -> Path:
    """One file for Prism that refers to each address in the files of a version."""
    copies = folder / version
    copies.mkdir()
    paths: dict[str, Any] = {}
    schemes: dict[str, Any] = {}
    for file in sorted(SPECS.glob("*.json")):
        if (NEWEST in file.name) is not (version == NEWEST):
            continue
        spec = json.loads(file.read_text(encoding="utf-8"))
        schemes |= spec["components"].get("securitySchemes", {})
        _mend(spec["components"]["schemas"])
        copy = copies / file.name
        copy.write_text(json.dumps(spec), encoding="utf-8")
        for path in spec["paths"]:
            place = path.replace("~", "~0").replace("/", "~1")
            # The vendor's client writes `/crm/v3/owners/`, the vendor's reference without the end.
            paths[path.rstrip("/")] = {"$ref": f"{copy}#/paths/{place}"}
    whole = {
        "openapi": "3.0.3",
        "info": {"title": f"HubSpot {version}", "version": version},
        "paths": paths,
        "components": {"securitySchemes": schemes},
    }
    made = folder / f"{version}.json"
    made.write_text(json.dumps(whole), encoding="utf-8")
    return made


def _mend(schemas: dict[str, Any]) -> None:
    """Let each of the shapes that a file knows stand where the file has one of them.

    And a label may be null and the id of an associated record a number, as they are in recorded
    answers of HubSpot.
    """
    if "AssociationSpecWithLabel" in schemas:
        schemas["AssociationSpecWithLabel"]["properties"]["label"]["nullable"] = True
    if "MultiAssociatedObjectWithLabel" in schemas:
        named = schemas["MultiAssociatedObjectWithLabel"]["properties"]
        named["toObjectId"] = {"anyOf": [{"type": "string"}, {"type": "integer"}]}
    for name, shape in UNIONS.items():
        if name in schemas:
            names = [each for each in schemas if re.fullmatch(shape, each)]
            schemas[name] = {"anyOf": [{"$ref": f"#/components/schemas/{each}"} for each in names]}


@contextmanager
def judging(node: Node, spec: Path, sandbox: str, unknown: str) -> Iterator[Judge]:
    """Prism as a validating proxy before the sandbox, for as long as the block lasts."""
    with _prism(node, spec, sandbox) as prism:
        judge = Judge(prism, sandbox, re.compile(unknown))
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(judge))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        judge.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield judge
        finally:
            server.shutdown()
            server.server_close()
            judge.pool.clear()


@contextmanager
def _prism(node: Node, spec: Path, sandbox: str) -> Iterator[str]:
    log = node.home / f"prism-{spec.stem}.log"
    program = str(MODULES / "@stoplight/prism-cli/dist/index.js")
    command = ("node", program, "proxy", str(spec), sandbox, "--errors", "--port", "0")
    with log.open("wb") as out:
        running = subprocess.Popen(
            command, env=node.environment, cwd=node.home, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        yield _address(running, log)
    finally:
        running.terminate()
        running.wait(30)


def _address(running: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and running.poll() is None:
        if found := _LISTENS.search(log.read_text(encoding="utf-8")):
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(f"Prism did not start: {log.read_text(encoding='utf-8')[-2000:]}")


def _handler(judge: Judge) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told = judge.carry(self.command, self.path, _passing(self.headers), body)
            self.send_response_only(told.status)
            for name, value in _passing(told.headers).items():
                if name.lower() != "content-encoding":
                    self.send_header(name, value)
            self.send_header("Date", told.headers.get("Date", ""))
            self.send_header("Content-Length", str(len(told.data)))
            self.end_headers()
            self.wfile.write(told.data)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _passing(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _OWN}
