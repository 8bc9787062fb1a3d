"""Reading by Bulk API 2.0: one job per object, its pages of CSV straight to disk as they come.

A job outlives the run that began it. Its number, its statement and the pages that are on disk are
remembered, so that a run which died takes up the same job and fetches only what is missing. A job
that cannot be used again is ended and deleted.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from urllib3.exceptions import HTTPError

from ...errors import ConnectorError, Malformed, RemoteError, Throttled, Unreachable
from ...mapping import casts
from ...protocols import Progress, Read, Spool
from ...records import TEXT
from . import answers, jobs
from .client import Client
from .read import soql

LANE = "bulk_query"
#: Records of a page: as many as Salesforce gives at once.
PAGE = 250_000
#: From so many pages on they are listed, and fetched side by side.
LISTED_FROM = 9
SIDE_BY_SIDE = 2
LIST = 5
#: How often a page is fetched whose connection broke on the way.
DOWNLOADS, BREATH = 5, 0.5
CHUNK = 1 << 20
#: Results are kept for seven days; one is left for fetching them.
KEPT = timedelta(days=6)
#: When a job was begun and when it had ended, by Salesforce's clock.
STAMPS = ("createdDate", "systemModstamp")
#: Until an org has shown its own pace. Rather too little: a job is then looked at once, and the
#: prediction of a first run holds.
ROWS_A_SECOND = 25_000.0


@dataclass(frozen=True, slots=True)
class Page:
    """One page of results: where it is at Salesforce and on disk, and where the next one is."""

    locator: str
    file: str
    rows: int
    next: str


@dataclass(frozen=True, slots=True)
class Job:
    """A query job: what it asks, when it was begun by Salesforce's clock, how many seconds it
    should take, and how far it is."""

    id: str
    soql: str
    version: str
    created: str
    rows: int | None = None
    seconds: float = 0
    pace: float | None = None
    pages: tuple[Page, ...] = ()
    calls: int = 0
    whole: bool = False

    @property
    def path(self) -> str:
        return f"jobs/query/{self.id}"

    @classmethod
    def remembered(cls, facts: Mapping[str, Any]) -> Job | None:
        """The job that an earlier run left behind."""
        if "created" not in facts:
            return None
        return cls(**{**facts, "pages": tuple(Page(**page) for page in facts["pages"])})


def calls(rows: int, pace: float | None) -> int:
    """The calls of one job: create, the looks until it has ended, its pages, delete."""
    pages = ceil(rows / PAGE)
    listed = ceil(pages / LIST) if pages >= LISTED_FROM else 0
    return 1 + jobs.looks(expected(rows, pace)) + pages + listed + 1


def expected(rows: int, pace: float | None) -> float:
    """The seconds that a job of so many records should take."""
    return jobs.expected(rows, pace or ROWS_A_SECOND)


def spool(
    client: Client,
    read: Read,
    types: Mapping[str, str],
    into: Path,
    progress: Progress,
    begun: Job | None = None,
    rows: int = 0,
) -> Spool:
    """Run a job, or go on with one that was begun, and put its pages into a folder.

    So many `rows` are expected; it is the pace of the read that tells when to look.
    """
    into.mkdir(parents=True, exist_ok=True)
    job = _fetched(client, begun or _created(client, read, progress, rows), into, progress)
    files = [into / page.file for page in job.pages if page.rows]
    return Spool(
        relation(files, types) if files else casts.empty(types),
        job.rows or 0,
        LANE,
        job.calls,
        datetime.fromisoformat(job.created),
        job.pace,
    )


def taken_up(client: Client, read: Read, progress: Progress) -> Job | None:
    """The job that an earlier run left, if it asks the same and Salesforce still has it."""
    job = Job.remembered(progress.recall())
    if job is None:
        return None
    young = client.now - datetime.fromisoformat(job.created) < KEPT
    same = job.soql == _statement(read) and job.version == client.version
    if same and young and (job.whole or _is_there(client, job)):
        return replace(job, calls=0 if job.whole else 1)
    discard(client, job.path)
    progress.remember({})
    return None


def discard(client: Client, path: str) -> None:
    """End a job and delete it, as well as can be; Salesforce forgets it by itself in a week."""
    jobs.abort(client, path)
    with suppress(ConnectorError):
        client.raw("DELETE", path, "to delete a job")


def relation(files: list[Path], types: Mapping[str, str]) -> str:
    """Pages of CSV as one flat table. Every column is text, then cast: `NA` is data, not NULL."""
    names = _header(files, types)
    listed = ", ".join(f"{casts.text(name)}: '{TEXT}'" for name in names)
    raw = {name: f'"{name}"' for name in names}
    paths = ", ".join(casts.text(str(file)) for file in files)
    return (
        f"(SELECT {casts.picked(raw, types)} FROM read_csv([{paths}], auto_detect = false, "
        f"header = true, delim = ',', quote = '\"', escape = '\"', columns = {{{listed}}}))"
    )


# ── the job ───────────────────────────────────────────────────────────────────────────────────


def _statement(read: Read) -> str:
    # An order or a limit would switch off the chunks that Salesforce works in.
    return soql(read, ordered=False)


def _created(client: Client, read: Read, progress: Progress, rows: int) -> Job:
    progress.pause(0)
    statement = _statement(read)
    body = {"operation": "queryAll", "query": statement}
    about = {"operation": "queryAll", "object": read.object}
    made = jobs.create(client, "jobs/query", f"to read {read.object}", body, about)
    seconds = expected(rows, read.pace)
    job = Job(
        str(made["id"]),
        statement,
        client.version,
        client.now.isoformat(),
        seconds=seconds,
        calls=1,
    )
    try:
        progress.remember(asdict(job))
    except ConnectorError:
        discard(client, job.path)
        raise
    return job


def _is_there(client: Client, job: Job) -> bool:
    try:
        client.json("GET", job.path, "to look up an earlier job")
    except RemoteError as error:
        if error.status in {404, 409}:
            return False
        raise
    return True


def _fetched(client: Client, job: Job, into: Path, progress: Progress) -> Job:
    """The job with all its pages on disk; from then on Salesforce need not keep it."""
    if job.rows is None:
        job = _completed(client, job, progress)
        progress.remember(asdict(job))
    if job.whole:
        return job
    job = replace(job, pages=tuple(page for page in job.pages if (into / page.file).exists()))
    for page in _missing(client, job, into, progress):
        job = replace(job, pages=(*job.pages, page), calls=job.calls + 1)
        progress.remember(asdict(job))
    _refuse_if_cut(job)
    discarded = replace(job, whole=True, calls=job.calls + 1)
    progress.remember(asdict(discarded))
    with suppress(RemoteError):
        client.raw("DELETE", job.path, "to delete a job that is done")
    return discarded


def _completed(client: Client, job: Job, progress: Progress) -> Job:
    """Look at a job until it has ended; one that failed or takes hours is discarded."""
    passed = (client.now - datetime.fromisoformat(job.created)).total_seconds()
    for looks, pause in enumerate(jobs.pauses(job.seconds, passed), 1):
        progress.pause(pause)
        found = client.json("GET", job.path, "to look at a job")
        if found["state"] == "JobComplete":
            rows = int(found.get("numberRecordsProcessed") or 0)
            pace = jobs.pace(rows, *(str(found.get(at) or "") for at in STAMPS))
            return replace(job, rows=rows, pace=pace, calls=job.calls + looks)
        if found["state"] in jobs.ENDED:
            progress.remember({})
            discard(client, job.path)
            said = answers.shortened(str(found.get("errorMessage") or found["state"]))
            raise RemoteError(
                f"Salesforce could not finish reading: {said}",
                hint="Run again; if it stays, narrow the `where` of this object in the mapping.",
            )
    progress.remember({})
    discard(client, job.path)
    raise Throttled(
        f"Salesforce has not finished reading in {jobs.LONGEST_JOB / 3600:.0f} hours.",
        hint="Look at Bulk Data Load Jobs in Setup; run again when the org is less busy.",
    )


def _refuse_if_cut(job: Job) -> None:
    got = sum(page.rows for page in job.pages)
    if got != job.rows:
        raise Malformed(
            f"Salesforce promised {job.rows} records and its pages hold {got}.",
            hint="Run again; the watermark has not moved.",
        )


# ── its pages ─────────────────────────────────────────────────────────────────────────────────


def _missing(client: Client, job: Job, into: Path, progress: Progress) -> Iterator[Page]:
    """The pages that are not on disk yet, as they arrive."""
    if not job.rows:
        return
    if ceil(job.rows / PAGE) >= LISTED_FROM:
        yield from _side_by_side(client, job, into, progress)
    else:
        yield from _in_turn(client, job, into, progress)


def _in_turn(client: Client, job: Job, into: Path, progress: Progress) -> Iterator[Page]:
    """Each page tells where the next one is."""
    have = {page.locator: page for page in job.pages}
    locator, seen = "", set[str]()
    while True:
        if locator in seen:
            raise Malformed("Salesforce repeats a page of a job.")
        seen.add(locator)
        page = have.get(locator)
        if page is None:
            page = _download(client, job, locator, into, progress, {"maxRecords": str(PAGE)})
            yield page
        locator = page.next
        if not locator:
            return


def _side_by_side(client: Client, job: Job, into: Path, progress: Progress) -> Iterator[Page]:
    """Salesforce lists pages of its own size, five at a time, and several are fetched at once."""
    have = {page.locator for page in job.pages}
    fetch = partial(_download, client, job, into=into, progress=progress, size={})
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for listed in _lists(client, job):
            yield from pool.map(fetch, [each for each in listed if each not in have])


def _lists(client: Client, job: Job) -> Iterator[list[str]]:
    """The locators of all pages, list by list."""
    path, seen = f"{job.path}/resultPages", set[str]()
    while path not in seen:
        seen.add(path)
        found = client.json("GET", path, "to list the pages of a job")
        yield [_locator(page["resultUrl"]) for page in found["resultPages"]]
        path = found.get("nextRecordsUrl") or found.get("nextRecordUrl") or ""
        if found.get("done", True) or not path:
            return
    raise Malformed("Salesforce repeats a list of pages of a job.")


def _locator(url: str) -> str:
    return parse_qs(urlsplit(url).query).get("locator", [""])[0]


def _download(
    client: Client,
    job: Job,
    locator: str,
    into: Path,
    progress: Progress,
    size: Mapping[str, str],
) -> Page:
    """Fetch one page into a file just as it comes; a broken connection begins it again."""
    for left in reversed(range(DOWNLOADS)):
        progress.pause(0)
        try:
            return _saved(client, job, locator, into, size)
        except (HTTPError, requests.RequestException) as error:
            if not left:
                raise Unreachable(
                    "Salesforce: a page of a job broke off again and again.",
                    hint="Run again: the pages that arrived are kept.",
                ) from error
            progress.pause(BREATH)
    raise AssertionError("unreachable")


def _saved(client: Client, job: Job, locator: str, into: Path, size: Mapping[str, str]) -> Page:
    asked = {**size, **({"locator": locator} if locator else {})}
    headers = {"Accept": "text/csv", "Accept-Encoding": "gzip"}
    answer = client.raw(
        "GET", f"{job.path}/results", "to fetch a page", params=asked, headers=headers, stream=True
    )
    ending = "csv.gz" if answer.headers.get("Content-Encoding") == "gzip" else "csv"
    file = into / f"{sha256(locator.encode()).hexdigest()[:16]}.{ending}"
    with answer:
        _write(answer, file)
    following = answer.headers.get("Sforce-Locator") or ""
    rows = int(answer.headers.get("Sforce-NumberOfRecords") or 0)
    return Page(locator, file.name, rows, "" if following == "null" else following)


def _write(answer: requests.Response, file: Path) -> None:
    """Body to file, compressed as it is; the file appears when it is whole."""
    unfinished = file.with_name(f"{file.name}.part")
    with unfinished.open("wb") as out:
        for chunk in answer.raw.stream(CHUNK, decode_content=False):
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    unfinished.replace(file)


def _header(files: list[Path], types: Mapping[str, str]) -> list[str]:
    """The fields in the order in which the pages have them, spelled as we asked."""
    known = {path.casefold(): path for path in types}
    headers = {_first_line(file) for file in files}
    names = [known.get(name.casefold(), "") for name in next(csv.reader([headers.pop()]))]
    if headers or sorted(names) != sorted(types):
        raise Malformed(
            "Salesforce sent pages with other columns than were asked for.",
            hint="Run again. If it stays, something between here and Salesforce changes answers.",
        )
    return names


def _first_line(file: Path) -> str:
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8-sig", newline="") as lines:
        return str(lines.readline()).rstrip("\r\n")
