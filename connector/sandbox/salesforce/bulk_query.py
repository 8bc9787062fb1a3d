"""Bulk API 2.0, query: a statement becomes a file of CSV, and pages are cut from it."""

from __future__ import annotations

import sqlite3
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ..clock import stamp
from ..store import Store
from . import bulk, bulk_csv, bulk_results, limits, security, soql_dates
from .api import Answer, Call, Handler
from .bulk import ABORTED, COMPLETE, RUNNING, UPLOADED, Job
from .errors import Refusal
from .soql_names import AGGREGATES
from .soql_parse import parse
from .soql_sql import compile_lines
from .soql_tree import Call as Function
from .soql_tree import Path as Field
from .soql_tree import Query

KIND = "query"
OPERATIONS = {"query": "", "queryAll": ""}
#: Rows of the largest page, and of a page for which no size is asked.
PAGE = 250_000
PAGES = 5
WINDOW = 20_000
#: Seconds a look waits for a job that is about to complete.
PATIENCE = 0.25
MEGABYTE = 1 << 20
JOBS, STORAGE = "DailyBulkV2QueryJobs", "DailyBulkV2QueryFileStorageMB"
_COMPOUND = frozenset(
    {
        "address",
        "billingaddress",
        "mailingaddress",
        "otheraddress",
        "personmailingaddress",
        "personotheraddress",
        "shippingaddress",
    }
)


def calls() -> tuple[tuple[str, str, Handler], ...]:
    """Every address of query jobs and what answers it."""
    return (
        ("POST", "/jobs/query", _create),
        ("GET", "/jobs/query", _every),
        ("GET", "/jobs/query/{id}", _look),
        ("PATCH", "/jobs/query/{id}", _abort),
        ("DELETE", "/jobs/query/{id}", _drop),
        ("GET", "/jobs/query/{id}/results", _results),
        ("GET", "/jobs/query/{id}/resultPages", _pages),
    )


def _create(call: Call) -> Answer:
    """A new job, which begins at once."""
    asked = call.json()
    operation = bulk.choice(asked, "operation", "", OPERATIONS)
    more = bulk.shape(asked)
    statement = str(asked.get("query") or "")
    name = _checked(statement, call)
    if not limits.spend(call.store, JOBS):
        most = limits.allowed(call.store, JOBS)
        said = f"Max bulk v2 query jobs ({most}) per 24 hrs has been reached ({most + 1})"
        raise Refusal("LIMIT_EXCEEDED", said)
    job = bulk.create(call, KIND, operation, name, statement=statement, **more)
    if not job.error:
        bulk.runs(call.store).ensure(job.id, _work(call.store, job))
    return Answer(bulk.told(job))


def _look(call: Call) -> Answer:
    """A job as it is by now."""
    job = bulk.polled(call.store, bulk.find(call, KIND), _advanced)
    return Answer(bulk.progress(job))


def _advanced(store: Store, job: Job) -> Job | None:
    """The job with what came of it, once it has run."""
    if bulk.pace(store).stall:
        return None
    run = bulk.runs(store).find(job.id)
    if run is None and _file(store, job).exists():
        return _ended(store, job, 0)
    # after a restart nothing is left of a run but its job
    run = run or bulk.runs(store).ensure(job.id, _work(store, job))
    with suppress(TimeoutError):
        return _ended(store, job, run.result(PATIENCE))
    return None


def _every(call: Call) -> Answer:
    return bulk.listed(call, KIND, bulk.told)


def _abort(call: Call) -> Answer:
    job = bulk.find(call, KIND)
    bulk.wanted_state(call, {ABORTED: frozenset({UPLOADED, RUNNING})}, job)
    return Answer(bulk.told(bulk.move(call.store, job, state=ABORTED)))


def _drop(call: Call) -> Answer:
    job = bulk.find(call, KIND)
    bulk.check_state(job, bulk.ENDS, "delete")
    bulk.drop(call.store, job)
    return Answer(status=204)


def _ended(store: Store, job: Job, milliseconds: int) -> Job:
    file = _file(store, job)
    if not limits.spend(store, STORAGE, file.stat().st_size // MEGABYTE):
        return bulk.move(store, job, error="Max bulk v2 query file storage has been reached")
    rows = bulk_results.count(file) - 1
    return bulk.move(store, job, processed=rows, milliseconds=milliseconds, moved=job.moved)


# what may be asked


def _checked(statement: str, call: Call) -> str:
    """The object of a statement, if Bulk takes it."""
    query = parse(statement)
    bulk.check_object(query.object)
    if said := _unsupported(query):
        raise Refusal("FUNCTIONALITY_NOT_ENABLED", f"{said} not supported in Bulk Query")
    compile_lines(statement, call.store, call.access, everything=True, line=lambda _: "1")
    return call.access.object(query.object).name


def _unsupported(query: Query) -> str:
    """What of a statement Bulk does not do; empty if it does everything."""
    asked = [each.what for each in query.items]
    functions = {each.name for each in asked if isinstance(each, Function)}
    paths = [each.text for each in asked if isinstance(each, Field)]
    found = {
        "Aggregate Relationships": query.children,
        "TYPEOF": query.typeofs,
        "Aggregate functions and GROUP BY": query.group or functions & set(AGGREGATES),
        "OFFSET": query.offset,
        "Selecting compound data": [
            each for each in paths if each.rpartition(".")[2].lower() in _COMPOUND
        ],
    }
    return next((name for name, there in found.items() if there), "")


# the work


@dataclass(frozen=True, slots=True)
class _Work:
    """Runs a statement over a view of the store that nobody disturbs, and nobody waits for."""

    database: Path
    now: str
    sql: str
    header: bytes
    seed: int | None
    target: Path

    def __call__(self) -> None:
        with closing(sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True)) as db:
            db.create_function("today", 0, lambda: self.now[:10])
            db.create_function("now", 0, lambda: self.now)
            db.create_function("local", 1, soql_dates.local)
            db.create_function("scientific", 1, bulk_csv.scientific, deterministic=True)
            found = _windows(db.execute(self.sql))
            rows = found if self.seed is None else bulk_results.mixed(found, self.seed)
            bulk_results.write(self.target, chain([[self.header]], rows))


def _work(store: Store, job: Job) -> _Work:
    seen = security.access(store, job.user, without=frozenset({"CustomField"}))
    shape = bulk.DELIMITERS[job.delimiter], bulk.LINE_ENDINGS[job.line_ending]
    spoil = bulk.pace(store).nul_bytes
    compiled = compile_lines(
        job.statement,
        store,
        seen,
        everything=job.operation == "queryAll",
        line=lambda columns: bulk_csv.line(columns, *shape, nul_bytes=spoil),
    )
    return _Work(
        bulk.database(store),
        stamp(store.clock.now()),
        compiled.ids,
        bulk_csv.header(compiled.columns, *shape),
        # an order that was asked for is kept
        None if parse(job.statement).order else job.seed,
        _file(store, job),
    )


def _windows(found: sqlite3.Cursor) -> Iterator[list[bytes]]:
    while rows := found.fetchmany(WINDOW):
        yield [row[0] for row in rows]


def _file(store: Store, job: Job) -> Path:
    return bulk.folder(store) / f"{job.id}.csv"


# results


def _results(call: Call) -> Answer:
    """One page: the header, and as many rows as are asked for."""
    _, file = _readable(call)
    total, start = bulk_results.count(file) - 1, _start(call)
    if start > max(total - 1, 0):
        raise _bad_locator(call)
    rows = min(_page_size(call), total - start)
    end = start + rows
    headers = {
        "Content-Type": "text/csv",
        "Sforce-Locator": _locator(end) if end < total else "null",
        "Sforce-NumberOfRecords": str(rows),
    }
    if not bulk.pace(call.store).gzip:
        headers["Content-Encoding"] = "identity"
    # the header is a line of the file like any other
    body = chain(bulk_results.cut(file, 0, 1), bulk_results.cut(file, start + 1, rows))
    return Answer(body, headers=tuple(headers.items()))


def _pages(call: Call) -> Answer:
    """The addresses of up to five pages, which can be read side by side."""
    job, file = _readable(call)
    total, start = bulk_results.count(file) - 1, _start(call)
    starts = list(range(start, max(total, 1), PAGE))
    here = f"{call.base}/jobs/query/{job.id}"
    pages = [{"resultUrl": f"{here}/results?locator={_locator(each)}"} for each in starts[:PAGES]]
    if not pages:
        raise _bad_locator(call)
    answer: dict[str, object] = {"resultPages": pages, "done": len(starts) <= PAGES}
    if len(starts) > PAGES:
        answer["nextRecordsUrl"] = f"{here}/resultPages?locator={_locator(starts[PAGES])}"
    return Answer(answer)


def _readable(call: Call) -> tuple[Job, Path]:
    job = bulk.find(call, KIND)
    bulk.check_version(call, job)
    bulk.check_state(job, frozenset({COMPLETE}), "read results")
    return job, _file(call.store, job)


def _page_size(call: Call) -> int:
    asked = call.query.get("maxRecords", str(PAGE))
    if not asked.isdecimal() or int(asked) < 1:
        raise Refusal("INVALID_ARGUMENT", f"maxRecords cannot be {asked}")
    return min(int(asked), PAGE)


def _locator(start: int) -> str:
    return urlsafe_b64encode(str(start).encode()).decode().rstrip("=")


def _start(call: Call) -> int:
    """The row at which the page of a locator begins."""
    given = call.query.get("locator", "")
    if not given:
        return 0
    try:
        return int(urlsafe_b64decode(given + "=" * (-len(given) % 4)))
    except ValueError:
        raise _bad_locator(call) from None


def _bad_locator(call: Call) -> Refusal:
    return Refusal("INVALID_QUERY_LOCATOR", f"Invalid locator: {call.query.get('locator')}")
