"""Writing many changes from a file: batch after batch through several threads, outcomes to files.

A line of the file is one record as HubSpot takes it, so nothing is decoded on the way out. What is
not told here, because a call failed as a whole, stays open and goes record by record.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import orjson

from ...errors import ConnectorError
from ...mapping import casts
from ...protocols import Spool
from ...records import Outcome
from . import write
from .client import Client
from .write import Batch

#: Records of one file. What moved is looked for before each; after a crash one is looked up.
MOST = 100_000
#: What a line begins with; its id follows.
_BEGIN = b'{"id":"'
#: The name of a job that nobody but the records themselves remembers.
JOB = "updates"

Outcomes = list[tuple[Outcome, ...]]


def load(
    client: Client, kind: str, file: Path, into: Path, note: Callable[[str], None], threads: int
) -> Spool:
    """Send a file of updates; a spool of `id, result, code, message`."""
    note(JOB)
    applied, told, rows = into / "applied.csv", into / "told.json", 0
    with applied.open("wb") as good, told.open("wb") as bad:
        for outcomes in _sent(client, kind, file, threads):
            for outcome in outcomes:
                rows += 1
                if outcome.result == "applied":
                    good.write(outcome.id.encode() + b"\n")
                else:
                    bad.write(orjson.dumps(outcome, option=orjson.OPT_APPEND_NEWLINE))
    return Spool(_relation(applied, told), rows)


def _sent(client: Client, kind: str, file: Path, threads: int) -> Iterator[tuple[Outcome, ...]]:
    """Every batch of a file; a few more are under way than there are threads, and no more."""
    under_way: deque[Future[Outcomes]] = deque()
    stopped = False
    with ThreadPoolExecutor(threads) as pool, file.open("rb") as lines:
        for batch in _batches(lines):
            under_way.append(pool.submit(_outcomes, client, kind, batch))
            while len(under_way) > 2 * threads:
                stopped |= yield from _ended(under_way.popleft())
            if stopped:
                break
        while under_way:
            yield from _ended(under_way.popleft())


def _ended(each: Future[Outcomes]) -> Generator[tuple[Outcome, ...], None, bool]:
    """What one batch came to; whether the others would fare no better."""
    try:
        yield from each.result()
    except ConnectorError:  # whoever goes on record by record meets it again, and tells
        return True
    return False


def _outcomes(client: Client, kind: str, batch: Batch) -> Outcomes:
    return list(write.send(client, kind, batch))


def _batches(lines: Iterator[bytes]) -> Iterator[Batch]:
    while batch := [(_id(line), line.rstrip()) for line in islice(lines, write.CHUNK)]:
        yield batch


def _id(line: bytes) -> str:
    return line[len(_BEGIN) : line.index(b'"', len(_BEGIN))].decode()


def _relation(applied: Path, told: Path) -> str:
    columns = dict.fromkeys(("id", "result", "code", "message"), "VARCHAR")
    return (
        f"(SELECT id, 'applied' AS result, '' AS code, '' AS message "
        f"FROM read_csv({casts.text(str(applied))}, header = false, columns = {{id: 'VARCHAR'}}, "
        "auto_detect = false) UNION ALL BY NAME "
        f"SELECT * FROM read_json({casts.text(str(told))}, columns = {columns}, "
        "format = 'newline_delimited'))"
    )
