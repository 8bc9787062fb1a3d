"""The rows of an ingest job: read from CSV, written 200 at a time, told in no certain order."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from time import sleep

import orjson

from ..store import Store
from . import automations, bulk, limits, security
from .bulk import ABORTED, DELIMITERS, LINE_ENDINGS, Job
from .bulk_cells import Cell, cells, written
from .errors import Refusal
from .security import Access
from .writes import Result, Writer, each_row

CHUNK, BATCH = 200, 10_000
BATCHES = "DailyBulkApiBatches"
MOST_FIELDS, LONGEST_RECORD = 5_000, 400_000
DONE, REFUSED, LEFT = "done", "failed", "left"
#: Seconds between two transactions of a large job, in which others are served.
BREATH = 0.0005
#: A prime just above the size of a batch: multiples of anything visit every row of it once.
_PRIME, _STRIDE = 10_007, 7_919


def upload(store: Store, job: Job) -> Path:
    """Where the CSV of a job is kept."""
    return bulk.folder(store) / f"{job.id}.upload"


# reading


def load(store: Store, job: Job) -> Job:
    """Keeps every row of the upload; what is wrong with its form becomes the job's error."""
    names: list[str] = []
    count, error = 0, job.error
    with store.transaction() as db:
        db.execute("delete from bulk_rows where job = ?", (job.id,))
    try:
        rows = _read(upload(store, job), job)
        names = next(rows)
        while batch := list(islice(rows, BATCH)):
            _keep(store, job, count, batch)
            count += len(batch)
    except Refusal as refusal:
        error = error or f"{refusal.code} : {refusal.message}"
    with store.transaction():
        if not limits.spend(store, BATCHES, -(-count // BATCH)):
            error = error or "ExceededQuota : ApiBatchItems Limit exceeded."
        left = _leave(store, job, count)
        header = orjson.dumps(names).decode()
        return bulk.move(
            store, job, total=count - left, statement=header, error=error, moved=job.moved
        )


def _keep(store: Store, job: Job, first: int, batch: Sequence[Sequence[str]]) -> None:
    sql = "insert into bulk_rows (job, number, line) values (?, ?, ?)"
    lines = ((job.id, first + n, _line(row, job)) for n, row in enumerate(batch))
    with store.transaction() as db:
        db.executemany(sql, lines)


def _leave(store: Store, job: Job, count: int) -> int:
    """Sets rows aside that will not be processed, and tells how many."""
    left = round(count * bulk.pace(store).unprocessed_share)
    sql = "update bulk_rows set outcome = ? where job = ? and number >= ?"
    store.db.execute(sql, (LEFT, job.id, count - left))
    return left


def _read(path: Path, job: Job) -> Iterator[list[str]]:
    """The header and the rows, all of one width."""
    _check_line_ending(path, job)
    # utf-8-sig: a byte order mark in front is no part of the first name
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, delimiter=DELIMITERS[job.delimiter], strict=True)
        try:
            header = next(rows, [])
            _check_width(header, len(header), rows.line_num)
            yield header
            for row in filter(None, rows):
                _check_width(row, len(header), rows.line_num)
                yield row
        except csv.Error as error:
            said = f"Failed to parse CSV near line {rows.line_num}: {error}"
            raise Refusal("InvalidBatch", said) from None
        except UnicodeDecodeError:
            raise Refusal("InvalidBatch", "The CSV is not encoded in UTF-8") from None


def _check_line_ending(path: Path, job: Job) -> None:
    with path.open("rb") as file:
        first = file.readline()
    if first.endswith(b"\n") and first.endswith(b"\r\n") != (job.line_ending == "CRLF"):
        said = (
            f"LineEnding is invalid on user data. Current LineEnding setting is {job.line_ending}"
        )
        raise Refusal("ClientInputError", said)


def _check_width(row: Sequence[str], width: int, line: int) -> None:
    if len(row) != width or not width:
        said = f"Line {line} has {len(row)} columns, the header has {width}"
        raise Refusal("InvalidBatch", said)
    if width > MOST_FIELDS or sum(map(len, row)) > LONGEST_RECORD:
        raise Refusal("InvalidBatch", f"Line {line} has too many fields or characters")


def _line(row: Sequence[str], job: Job) -> str:
    texts = (each.replace('"', '""') if '"' in each else each for each in row)
    between = f'"{DELIMITERS[job.delimiter]}"'
    return f'"{between.join(texts)}"{LINE_ENDINGS[job.line_ending]}'


# writing


def process(store: Store, id_: str, *, breath: float = 0.0) -> None:
    """Writes the rows that are left of a job, as long as it is not aborted."""
    with store.lock:
        job = bulk.kept(store, id_)
    if job and job.total is None and not job.error:
        job = load(store, job)
    if job is None or job.error:
        return
    access = security.access(store, job.user, without=frozenset({"CustomField"}))
    plan = _planned(store, job, access)
    # Jobs take no header for duplicates, and none of the request that happens to look at them.
    with automations.asked_by({}):
        while plan and _chunk(store, job.id, access, plan):
            sleep(breath)


def _planned(store: Store, job: Job, access: Access) -> list[Cell]:
    """What the columns are for; a job with an unknown one has no plan, but an error."""
    try:
        return cells(access, job, orjson.loads(job.statement))
    except Refusal as refusal:
        with store.lock:
            bulk.move(store, job, error=f"{refusal.code} : {refusal.message}")
        return []


def _chunk(store: Store, id_: str, access: Access, plan: Sequence[Cell]) -> bool:
    """Writes the next rows in one transaction, and tells whether there were any."""
    with store.transaction() as db:
        job = bulk.kept(store, id_)
        if job is None or job.state == ABORTED or not (size := _size(store, job)):
            return False
        sql = "select line from bulk_rows where job = ? and number >= ? order by number limit ?"
        lines = [line for (line,) in db.execute(sql, (job.id, job.processed, size))]
        texts = list(csv.reader(lines, delimiter=DELIMITERS[job.delimiter], strict=True))
        found = _written(Writer(store, access, job.user), job, plan, texts)
        sql = "update bulk_rows set outcome = ?, id = ?, created = ?, error = ?"
        rows = ((*each, job.id, job.processed + n) for n, each in enumerate(found))
        db.executemany(f"{sql} where job = ? and number = ?", rows)
        failed = sum(1 for each in found if each[0] == REFUSED)
        # the stamp tells when it began; the look that sees its end puts that there
        bulk.move(
            store,
            job,
            processed=job.processed + size,
            failed=job.failed + failed,
            moved=job.moved,
        )
    return True


def _written(
    writer: Writer, job: Job, plan: Sequence[Cell], texts: Sequence[Sequence[str]]
) -> list[tuple[str, str, str, str]]:
    """What came of each row: outcome, id, whether it is new, and what went wrong."""
    rows = [partial(written, writer, job, plan, each) for each in texts]
    place = next((n for n, each in enumerate(plan) if each.field.name == "Id"), None)
    ids = ("" if place is None else each[place] for each in texts)
    found = each_row(writer.store, rows, all_or_none=False)
    return [_told(each, id_, writer.made) for each, id_ in zip(found, ids, strict=True)]


def _size(store: Store, job: Job) -> int:
    """How many rows come next; a job that stalls does so half-way."""
    total = job.total or 0
    goal = total // 2 if bulk.pace(store).stall else total
    return max(0, min(CHUNK, goal - job.processed))


def _told(result: Result, id_: str, made: set[str]) -> tuple[str, str, str, str]:
    if result["success"]:
        return DONE, result["id"], "true" if result["id"] in made else "false", ""
    error = result["errors"][0]
    fields = ", ".join(error["fields"])
    said = f"{error['statusCode']}:{error['message']}:{fields + ' ' if fields else ''}--"
    return REFUSED, id_, "", said


# telling


def results(store: Store, job: Job, outcome: str) -> Iterator[bytes]:
    """The rows that ended in one way, as CSV, in an order that promises nothing."""
    names: list[str] = orjson.loads(job.statement or "[]")
    own = {DONE: ["sf__Id", "sf__Created"], REFUSED: ["sf__Id", "sf__Error"], LEFT: []}[outcome]
    yield _line([*own, *names], job).encode()
    sql = "select ifnull(max(number), -1) / ? + 1 from bulk_rows where job = ?"
    with store.lock:
        (batches,) = store.db.execute(sql, (BATCH, job.id)).fetchone()
    for batch in random.Random(job.seed).sample(range(batches), batches):
        yield _batch(store, job, outcome, batch * BATCH)


def _batch(store: Store, job: Job, outcome: str, first: int) -> bytes:
    quote, between = "'\"' || ", f" || '\"{DELIMITERS[job.delimiter]}\"' || "
    shut = f" || '\"{DELIMITERS[job.delimiter]}' || "
    own = {
        DONE: f"{quote} id {between} created {shut}",
        REFUSED: f"{quote} id {between} replace(error, '\"', '\"\"') {shut}",
        LEFT: "",
    }
    sql = f"select {own[outcome]} line from bulk_rows where job = ? and number >= ?"
    sql += f" and number < ? and ifnull(outcome, '{LEFT}') = ?"
    sql += f" order by (number * {_STRIDE} + ?) % {_PRIME}"
    with store.lock:
        rows = store.db.execute(sql, (job.id, first, first + BATCH, outcome, job.seed)).fetchall()
    return "".join(line for (line,) in rows).encode()
