"""Records that must be taken apart before they are rows: answers inside of a response."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import Malformed
from .paging import Ask, Page, Paging, at

Make = Callable[[Any], Iterable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Shaped:
    """Pages of another kind of paging, each of their records made into one or several rows.

    `total` is where the platform says how many records there are; rows are another number, so it
    is compared here. With an `id` each counts once: where a list moves while it is read, a record
    that came twice stands for one that did not come.
    """

    inner: Paging
    make: Make
    total: str = ""
    id: str = ""

    def pages(self, ask: Ask) -> Iterator[Page]:
        got, promised, seen = 0, None, set[str]()
        for page in self.inner.pages(ask):
            if self.id:
                seen |= {str(at(record, self.id)) for record in page.records}
            got = len(seen) if self.id else got + len(page.records)
            told = at(page.body, self.total)
            promised = told if isinstance(told, int) else promised
            rows = [row for record in page.records for row in self.make(record)]
            yield Page(rows, page.body, page.reply)
        if promised is not None and got < promised:
            raise Malformed(
                f"{promised} records were promised and {got} sent.",
                hint="Run again; the watermark has not moved.",
            )
