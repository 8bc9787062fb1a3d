"""Several feeds for one stream, each with columns of its own: surveys ask different questions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..protocols import Progress, Spool
from .feed import Feed, Got, read, take
from .line import Line


def fetch_each(
    line: Line, feeds: Iterable[Feed], stream: str, into: Path, progress: Progress | None = None
) -> Spool:
    """Everything that some feeds bring for one stream, each read by its own columns and rules."""
    into.mkdir(parents=True, exist_ok=True)
    before = sum(line.calls.values())
    parts = [
        (feed, take(line, feed, into / f"{number:05}.ndjson", progress))
        for number, feed in enumerate(feeds)
    ]
    return joined(parts, stream, calls=sum(line.calls.values()) - before)


def joined(parts: Iterable[tuple[Feed, Got]], stream: str, *, calls: int) -> Spool:
    """Files that are there, and the SQL that reads each by the feed it came from."""
    alike: dict[str, tuple[Feed, list[Path]]] = {}
    rows = 0
    for feed, got in parts:
        if got.rows:
            shape = repr((sorted(feed.columns.items()), list(feed.odd.items())))
            alike.setdefault(shape, (feed, []))[1].append(got.file)
            rows += got.rows
    tables = [f"SELECT * FROM {read(files, stream, feed)}" for feed, files in alike.values()]
    return Spool(f"({' UNION ALL BY NAME '.join(tables)})" if tables else "", rows, calls=calls)
