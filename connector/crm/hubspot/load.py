"""Writing many changes from a file: batch after batch through several threads, outcomes to files.

A line of the file is one record as HubSpot takes it, so nothing is decoded on the way out. Right
before a batch is sent it is asked when its records last changed. What is not told here, because
somebody has touched it or a call failed as a whole, stays open and goes record by record, where
values are compared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
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

#: Records of one file.
MOST = 100_000
#: What a line begins with; its id follows.
_BEGIN = b'{"id":"'
#: The name of a job that nobody but the records themselves remembers.
JOB = "updates"

Outcomes = list[tuple[Outcome, ...]]


def load(
    client: Client,
    kind: str,
    file: Path,
    into: Path,
    note: Callable[[str], None],
    threads: int,
    since: datetime | None = None,
) -> Spool:
    """Send a file of updates; a spool of `id, result, code, message`.

    Records that have changed or gone since a moment are left out, and nothing is told of them.
    """
    note(JOB)
    applied, told, rows = into / "applied.csv", into / "told.json", 0
    with applied.open("wb") as good, told.open("wb") as bad:
        for outcomes in _sent(file, threads, partial(_outcomes, client, kind, since)):
            for outcome in outcomes:
                rows += 1
                if outcome.result == "applied":
                    good.write(outcome.id.encode() + b"\n")
                else:
                    bad.write(orjson.dumps(outcome, option=orjson.OPT_APPEND_NEWLINE))
    return Spool(_relation(applied, told), rows)


def steady(client: Client, kind: str, file: Path, since: datetime, threads: int) -> Path:
    """The lines of a file whose records nobody has touched since a moment, as a file beside it."""
    kept = file.with_suffix(".steady")
    with (
        ThreadPoolExecutor(threads) as pool,
        file.open("rb") as lines,
        kept.open("wb") as out,
    ):
        ask = partial(write.untouched, client, kind, since=since)
        for batch in pool.map(ask, _batches(lines)):
            out.writelines(line + b"\n" for _, line in batch)
    return kept


def _sent(
    file: Path, threads: int, send: Callable[[Batch], Outcomes]
) -> Iterator[tuple[Outcome, ...]]:
    """Every batch of a file; a few more are under way than there are threads, and no more."""
    under_way: deque[Future[Outcomes]] = deque()
    stopped = False
    with ThreadPoolExecutor(threads) as pool, file.open("rb") as lines:
        for batch in _batches(lines):
            under_way.append(pool.submit(send, batch))
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


def _outcomes(client: Client, kind: str, since: datetime | None, batch: Batch) -> Outcomes:
    steady = write.untouched(client, kind, batch, since=since) if since else batch
    return list(write.send(client, kind, steady)) if steady else []


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
