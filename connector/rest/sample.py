"""A look at a few records before anything is read: which columns would come of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from ..engines.duckdb import DuckDB
from ..mapping.expressions import identifier
from .feed import Feed, lines, page, read
from .line import Line


def look(line: Line, feed: Feed, stream: str) -> str:
    """Read the first page of a feed, and say what is in none of its records, and what cannot be
    read. No value is said."""
    first = next(iter(feed.paging.pages(lambda step: page(line, feed, step))))
    if not first.records:
        return "answers; there is no record to look at"
    with TemporaryDirectory() as folder, closing(DuckDB(scratch=Path(folder))) as engine:
        file = Path(folder) / "first.ndjson"
        file.write_bytes(b"".join(lines(first.records, feed.given, line.name)))
        sample = read([file], stream, feed)
        counted = ", ".join(f"count({identifier(name)})" for name in feed.columns)
        (has,) = engine.rows(f"SELECT {counted} FROM {sample}")
        words = f"SELECT DISTINCT unnest(string_split(unread, ' ')) FROM {sample} ORDER BY 1"
        unread = [str(name) for (name,) in engine.rows(words)]
    empty = [name for name, many in zip(feed.columns, has, strict=True) if not many]
    return f"answers; {_found(len(first.records), empty, unread)}"


def _found(many: int, empty: Sequence[str], unread: Sequence[str]) -> str:
    absent = [name for name in empty if name not in unread]
    wrong = [f"none of them has {', '.join(absent)}"] if absent else []
    wrong += [f"what is there for {', '.join(unread)} cannot be read"] if unread else []
    return "; ".join([f"looked at {many} records", *(wrong or ["every column has values"])])
