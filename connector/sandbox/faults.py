"""Things that go wrong on purpose: errors, delays, connections cut before or after the deed.

A fault is `{"match": {...}, "do": {...}, "times": n}`. It matches requests by `method` and
`path_regex`; of those it takes the `nth`, or every so many (`every`), or each with a
`probability`. Without any of the three it takes all of them, at most `times`.
"""

from __future__ import annotations

import asyncio
import random
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import ConfigError

CONTROLS = "/_sandbox/"
TRANSPORT = "sandbox.transport"


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests are meant."""

    method: str = ""
    path_regex: str = ""
    nth: int = 0
    every: int = 0
    probability: float = 1.0

    def fits(self, method: str, path: str) -> bool:
        """Whether a request is of the kind that is meant, whichever its number."""
        same = not self.method or self.method.upper() == method
        return same and re.search(self.path_regex, path) is not None

    def takes(self, number: int, chance: float) -> bool:
        """Whether the request of this number among those that fit is taken."""
        if self.nth:
            return number == self.nth
        if self.every:
            return number % self.every == 0
        return chance < self.probability


@dataclass(frozen=True, slots=True)
class Deed:
    """What happens to a request that is taken."""

    status: int = 0
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_ms: int = 0
    drop: Literal["", "before", "after"] = ""
    truncate_at: int | None = None


@dataclass(slots=True)
class Fault:
    """One fault and how often it has met and hit a request."""

    match: Match
    do: Deed
    times: int | None = None
    met: int = 0
    hit: int = 0

    def strikes(self, method: str, path: str, dice: random.Random) -> bool:
        """Counts a request and tells whether it is taken."""
        if not self.match.fits(method, path):
            return False
        self.met += 1
        spent = self.times is not None and self.hit >= self.times
        taken = not spent and self.match.takes(self.met, dice.random())
        self.hit += taken
        return taken


class Faults:
    """The faults that are set at the moment; the same seed gives the same bad luck."""

    def __init__(self, faults: Sequence[Fault] = (), *, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._faults = list(faults)
        self._dice = random.Random(seed)

    def post(self, wanted: object) -> int:
        """Adds faults as JSON gives them and tells how many are set."""
        new = [read_fault(each) for each in (wanted if isinstance(wanted, list) else [wanted])]
        with self._lock:
            self._faults += new
            return len(self._faults)

    def clear(self) -> None:
        """Removes every fault."""
        with self._lock:
            self._faults.clear()

    def told(self) -> list[dict[str, Any]]:
        """Every fault with what it has met and hit."""
        with self._lock:
            return [
                {
                    "match": each.match,
                    "do": each.do,
                    "times": each.times,
                    "met": each.met,
                    "hit": each.hit,
                }
                for each in self._faults
            ]

    def strike(self, method: str, path: str) -> Deed | None:
        """What is to happen to this request; the first fault that takes it decides."""
        with self._lock:
            struck = [each for each in self._faults if each.strikes(method, path, self._dice)]
        return struck[0].do if struck else None


def read_faults(path: Path) -> Faults:
    """The faults of a file."""
    faults = Faults()
    try:
        faults.post(orjson.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    return faults


def read_fault(wanted: object) -> Fault:
    """One fault as JSON gives it; the error says what is wrong with it."""
    if not isinstance(wanted, dict) or not isinstance(wanted.get("do"), dict):
        raise TypeError('a fault is {"match": {...}, "do": {...}, "times": n}')
    try:
        match, deed = Match(**wanted.get("match", {})), Deed(**wanted["do"])
        re.compile(match.path_regex)
    except TypeError as error:
        raise ValueError(str(error).partition("() ")[2]) from None
    except re.error as error:
        raise ValueError(f"path_regex: {error}") from None
    if deed == Deed() or deed.drop not in ("", "before", "after"):
        raise ValueError("do one of: status, delay_ms, drop (before or after), truncate_at")
    return Fault(match, deed, wanted.get("times"))


class FaultyApp:
    """An application around which the faults happen; its own controls are never affected."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self.app = app
        self.faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        free = scope["type"] != "http" or scope["path"].startswith(CONTROLS)
        deed = None if free else self.faults.strike(scope["method"], scope["path"])
        if deed is None:
            await self.app(scope, receive, send)
            return
        if deed.delay_ms:
            await asyncio.sleep(deed.delay_ms / 1000)
        if deed.drop == "before":
            await _cut(scope, receive)
        elif deed.status:
            await _answer(deed, send)
        else:
            await self._spoil(deed, scope, receive, send)

    async def _spoil(self, deed: Deed, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the request take effect, and then spoils its answer."""
        answer = HeldAnswer()
        if deed.drop != "after" and deed.truncate_at is None:
            await self.app(scope, receive, send)
            return
        await self.app(scope, receive, answer.send)
        if deed.drop == "after" or deed.truncate_at is None:
            await _cut(scope, receive)
            return
        await send(answer.start())
        part = bytes(answer.body[: deed.truncate_at])
        await send({"type": "http.response.body", "body": part, "more_body": True})
        scope["extensions"][TRANSPORT].close()
        await _gone(receive)


@dataclass(slots=True)
class HeldAnswer:
    """An answer that is held back."""

    head: Message = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)

    async def send(self, message: Message) -> None:
        """Keeps a part of the answer."""
        if message["type"] == "http.response.start":
            self.head = message
        else:
            self.body += message.get("body", b"")

    def start(self) -> Message:
        """The head of the answer, promising the whole body."""
        headers = [each for each in self.head["headers"] if each[0].lower() != b"content-length"]
        length = (b"content-length", str(len(self.body)).encode())
        return {**self.head, "headers": [*headers, length]}


async def _answer(deed: Deed, send: Send) -> None:
    raw = deed.body.encode() if isinstance(deed.body, str) else orjson.dumps(deed.body)
    body = b"" if deed.body is None else raw
    kind = "text/html" if isinstance(deed.body, str) else "application/json;charset=UTF-8"
    headers = {"content-type": kind, **{key.lower(): text for key, text in deed.headers.items()}}
    headers["content-length"] = str(len(body))
    lines = [(name.encode(), str(text).encode("latin-1")) for name, text in headers.items()]
    await send({"type": "http.response.start", "status": deed.status, "headers": lines})
    await send({"type": "http.response.body", "body": body})


async def _cut(scope: Scope, receive: Receive) -> None:
    """Cuts the connection without a word."""
    scope["extensions"][TRANSPORT].abort()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
