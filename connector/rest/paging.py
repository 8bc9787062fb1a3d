"""How a list goes on: by number, by offset, by cursor, or by the address of the next page.

A page is asked for by a function that takes what changes from page to page. Each way ends by what
the platform promises, and a page or a cursor that repeats is an error, never an endless loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from ..errors import Malformed
from .pooled import Reply

#: Pages of one list; more is a loop.
MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Step:
    """What the next request says: its address if that changes, and what goes into its query."""

    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its records, the body they came in, and the answer around it."""

    records: Sequence[Any]
    body: Any
    reply: Reply


Ask = Callable[[Step], Page]


class Paging(Protocol):
    """A way in which a list goes on."""

    def pages(self, ask: Ask) -> Iterator[Page]:
        """Every page, as it arrives."""
        ...


@dataclass(frozen=True, slots=True)
class Single:
    """Everything at once."""

    def pages(self, ask: Ask) -> Iterator[Page]:
        yield ask(Step())


@dataclass(frozen=True, slots=True)
class Numbered:
    """Pages by number. Ends when a page is empty, at the platform's own total (`total`, or
    `last`: how many pages), or, where the platform always fills its pages, with a `short` one.

    Where the number is part of the address, `path` is that address with `{page}` in it.
    """

    param: str = "page"
    first: int = 1
    total: str = ""
    last: str = ""
    short: int = 0
    path: str = ""

    def pages(self, ask: Ask) -> Iterator[Page]:
        got, before = 0, None
        for number in range(self.first, self.first + MOST):
            page = ask(self._step(number))
            _refuse_repeated(page.records, before)
            yield page
            got, before = got + len(page.records), page.records
            if self._ends(page, number, got):
                return

    def _step(self, number: int) -> Step:
        if self.path:
            return Step(path=self.path.replace("{page}", str(number)))
        return Step(query={self.param: str(number)})

    def _ends(self, page: Page, number: int, got: int) -> bool:
        if not page.records:
            return True
        total, last = count(page.body, self.total), count(page.body, self.last)
        if total is not None:
            return got >= total
        if last is not None:
            return number >= last
        return len(page.records) < self.short


@dataclass(frozen=True, slots=True)
class Offset:
    """Records by their place. `size` is how many are asked for at once; ends with a short page."""

    size: int
    param: str = "offset"

    def pages(self, ask: Ask) -> Iterator[Page]:
        start, before = 0, None
        for _ in range(MOST):
            page = ask(Step(query={self.param: str(start)} if start else {}))
            _refuse_repeated(page.records, before)
            yield page
            start, before = start + len(page.records), page.records
            if len(page.records) < self.size:
                return


@dataclass(frozen=True, slots=True)
class Cursor:
    """A word from the answer goes into the next request; none, or an empty page, is the end.

    `at` is where it stands in the body (`meta.after`, or `-1.id`: the id of the last record);
    `more`, where given, is where the body says whether there is more. With `in_body` it goes into
    the body of a POST.
    """

    param: str
    at: str
    more: str = ""
    until_empty: bool = False
    in_body: bool = False

    def pages(self, ask: Ask) -> Iterator[Page]:
        step, seen = Step(), set[str]()
        for _ in range(MOST):
            page = ask(step)
            yield page
            word = self._next(page)
            if not word:
                return
            if word in seen:
                raise Malformed(REPEATED)
            seen.add(word)
            step = self._step(word)

    def _next(self, page: Page) -> str:
        if self.more and not at(page.body, self.more):
            return ""
        if (self.until_empty or self.at.startswith("-1.")) and not page.records:
            return ""
        word = (
            at(page.records[-1], self.at[3:])
            if self.at.startswith("-1.")
            else at(page.body, self.at)
        )
        return "" if word in (None, "", False) else str(word)

    def _step(self, word: str) -> Step:
        if self.in_body:
            return Step(body=nested(self.param, word))
        return Step(query={self.param: word})


@dataclass(frozen=True, slots=True)
class Link:
    """The answer tells the address of the next page, in its body (`at`) or in its Link header.

    `relative_to` is put before an address without a host; the host itself is pinned by the line.
    """

    at: str = ""
    relative_to: str = ""
    more: str = ""

    def pages(self, ask: Ask) -> Iterator[Page]:
        step, seen = Step(), set[str]()
        for _ in range(MOST):
            page = ask(step)
            yield page
            address = self._next(page)
            if not address:
                return
            if address in seen:
                raise Malformed(REPEATED)
            seen.add(address)
            step = Step(path=address)

    def _next(self, page: Page) -> str:
        if self.more and not at(page.body, self.more):
            return ""
        found = at(page.body, self.at) if self.at else _from_header(page.reply)
        if not isinstance(found, str) or not found:
            return ""
        return found if "://" in found else f"{self.relative_to}{found}"


REPEATED = "A page came again: the list would have no end. Nothing of it was kept; run again."


def at(body: Any, path: str) -> Any:
    """What stands at a path of names and places (`data.0.id`); None if nothing does."""
    if not path:
        return None
    for step in path.split("."):
        if isinstance(body, Mapping):
            body = body.get(step)
        elif isinstance(body, list) and _is_place(step, body):
            body = body[int(step)]
        else:
            return None
    return body


def count(body: Any, path: str) -> int | None:
    """How many there are, where a body says so: as a number, or as digits."""
    told = at(body, path)
    if isinstance(told, str) and told.isdecimal():
        return int(told)
    return told if isinstance(told, int) and not isinstance(told, bool) else None


def _is_place(step: str, body: Sequence[Any]) -> bool:
    return step.lstrip("-").isdigit() and -len(body) <= int(step) < len(body)


def nested(path: str, value: Any) -> dict[str, Any]:
    """`a.b` and a value → `{"a": {"b": value}}`."""
    for step in reversed(path.split(".")):
        value = {step: value}
    return dict(value)


def query_of(address: str) -> dict[str, str]:
    """What an address asks for."""
    return dict(parse_qsl(urlsplit(address).query))


def _refuse_repeated(records: Sequence[Any], before: Sequence[Any] | None) -> None:
    if records and before is not None and list(records) == list(before):
        raise Malformed(REPEATED)


def _from_header(reply: Reply) -> str:
    for part in (reply.headers.get("Link") or "").split(","):
        address, _, rest = part.partition(";")
        if 'rel="next"' in rest or "rel=next" in rest:
            return address.strip().strip("<>")
    return ""
