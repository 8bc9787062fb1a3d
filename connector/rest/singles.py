"""Records that are asked for one by one, by their ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import Malformed
from ..http import body_of
from ..protocols import Progress, Singles, Spool
from .feed import Feed, lines, read
from .line import Line
from .paging import at

GONE = frozenset({404, 410})


def kept(
    line: Line,
    asked: Mapping[str, str],
    query: Mapping[str, str],
    file: Path,
    *,
    inside: str = "",
    given: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> tuple[str, ...]:
    """Write the records at these addresses, by their ids, to a file; the ids of those that are
    gone. Only a platform that says so makes a record gone: any other refusal is an error."""
    gone = []
    with file.open("wb") as out:
        for id, path in asked.items():
            if progress:
                progress.pause(0)
            reply = line.raw(path, query, allowed=GONE)
            if reply.status_code in GONE:
                gone.append(id)
                continue
            out.writelines(lines([_record(body_of(reply, line.name), inside, line.name)],
                                 given or {}, line.name))  # fmt: skip
    return tuple(gone)


def one_by_one(
    line: Line,
    feed: Feed,
    asked: Mapping[str, str],
    query: Mapping[str, str],
    stream: str,
    into: Path,
    progress: Progress | None = None,
) -> Singles:
    """The records at these addresses, read as those of a feed."""
    into.mkdir(parents=True, exist_ok=True)
    before, file = sum(line.calls.values()), into / "singles.ndjson"
    gone = kept(line, asked, query, file, progress=progress)
    rows, calls = len(asked) - len(gone), sum(line.calls.values()) - before
    relation = read([file], stream, feed) if rows else ""
    return Singles(Spool(relation, rows, calls=calls), gone)


def by_place(hints: Iterable[Any]) -> dict[str, list[str]]:
    """The ids of records, by the survey or form they are in."""
    found: dict[str, list[str]] = {}
    for each in hints:
        found.setdefault(each.within, []).append(each.record)
    return found


def _record(body: Any, inside: str, name: str) -> dict[str, Any]:
    found = at(body, inside) if inside else body
    if not isinstance(found, dict):
        raise Malformed(f"{name} sent no record.", hint="Run again.")
    return found
