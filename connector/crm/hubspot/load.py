"""Writing many changes from a file: batch after batch through several threads, outcomes to files.

A line of the file is one record as HubSpot takes it, so nothing is decoded on the way out; behind
it stands what the plan found there. Right before a batch is sent it is read back and compared. What
is not told here, because it holds something else or a call failed as a whole, stays open and goes
record by record.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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
from .write import Alike, Batch, Look

#: Records of one file.
MOST = 100_000
#: What a line begins with; its id follows.
_BEGIN = b'{"id":"'
#: The name of a job that nobody but the records themselves remembers.
JOB = "updates"

#: What stands between a record to set and what the plan found there; no line of JSON holds it.
APART = b"\x1f"
#: Lines of a file: id, the record as HubSpot takes it, and what it is to hold until then.
Lines = Sequence[tuple[str, bytes, bytes]]
Outcomes = list[tuple[Outcome, ...]]


def load(
    client: Client,
    kind: str,
    file: Path,
    into: Path,
    note: Callable[[str], None],
    threads: int,
    alike: Alike | None = None,
) -> Spool:
    """Send a file of updates; a spool of `id, result, code, message`.

    With `alike` records that hold something else than the plan found are left out, and nothing is
    told of them.
    """
    note(JOB)
    applied, told, rows = into / "applied.csv", into / "told.json", 0
    with applied.open("wb") as good, told.open("wb") as bad:
        for outcomes in _sent(file, threads, partial(_outcomes, client, kind, alike)):
            for outcome in outcomes:
                rows += 1
                if outcome.result == "applied":
                    good.write(outcome.id.encode() + b"\n")
                else:
                    bad.write(orjson.dumps(outcome, option=orjson.OPT_APPEND_NEWLINE))
    return Spool(_relation(applied, told), rows)


def steady(client: Client, kind: str, file: Path, alike: Alike, threads: int) -> Path:
    """The lines of a file whose records hold what the plan found, as a file beside it."""
    kept = file.with_suffix(".steady")
    with (
        ThreadPoolExecutor(threads) as pool,
        file.open("rb") as lines,
        kept.open("wb") as out,
    ):
        ask = partial(_steady, client, kind, alike)
        for batch in pool.map(ask, _batches(lines)):
            out.writelines(line + b"\n" for _, line in batch)
            client.stamps.settle(id for id, _ in batch)
    return kept


def _sent(
    file: Path, threads: int, send: Callable[[Lines], Outcomes]
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


def _outcomes(client: Client, kind: str, alike: Alike | None, lines: Lines) -> Outcomes:
    batch = [(id, line) for id, line, _ in lines]
    look = _look(client, kind, alike, lines) if alike else None
    return write.sent(client, kind, batch, look)


def _steady(client: Client, kind: str, alike: Alike, lines: Lines) -> Batch:
    return _look(client, kind, alike, lines)([(id, line) for id, line, _ in lines])


def _look(client: Client, kind: str, alike: Alike, lines: Lines) -> Look:
    held = {id: before for id, _, before in lines}
    return lambda batch: write.untouched(client, kind, batch, held, alike)


def _batches(lines: Iterator[bytes]) -> Iterator[Lines]:
    while batch := [_taken(line) for line in islice(lines, write.CHUNK)]:
        yield batch


def _taken(line: bytes) -> tuple[str, bytes, bytes]:
    record, _, held = line.rstrip().partition(APART)
    return _id(record), record, held


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
