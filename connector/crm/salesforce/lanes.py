"""Which way records are read: page by page, or as a job whose results are files.

The first page says how many there are, so nobody need count beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote_plus

from ... import quicker
from ...errors import ConfigError, Denied, JobsSpent, RemoteError
from ...protocols import Progress, Read, Spool
from . import bulk_read, jobs
from . import read as by_page
from .client import Client
from .write import NOT_TOGETHER

#: Above so many records a job takes fewer calls, and less work, than pages.
JOB_FROM = 20_000
#: Salesforce takes 16,384 bytes of address and headers; a token may need some thousands of them.
LONGEST_ADDRESS, HEADERS = 16_384, 4_096
#: Objects that jobs know nothing of.
PAGES_ONLY = frozenset(
    {
        "AcceptedEventRelation",
        "CaseStatus",
        "ContractStatus",
        "DeclinedEventRelation",
        "EventWhoRelation",
        "OrderStatus",
        "PartnerRole",
        "RecentlyViewed",
        "SolutionStatus",
        "TaskPriority",
        "TaskStatus",
        "TaskWhoRelation",
        "UndecidedEventRelation",
        "UserRecordAccess",
    }
)
#: What Salesforce answers when an object or a field cannot be read by a job.
_NO_JOB = frozenset({"INVALIDENTITY", "FEATURENOTENABLED", "FUNCTIONALITY_NOT_ENABLED"})
#: What Salesforce answers when a query takes too long for a page; a job works in chunks.
_TOO_SLOW = frozenset({"QUERY_TIMEOUT", "OPERATION_TOO_LARGE"})
#: Counts in one call: Salesforce allows five queries in a composite call.
COUNTS = 5


class Unattended:
    """The progress of a read that nobody stops and nothing is remembered of."""

    def recall(self) -> dict[str, Any]:
        return {}

    def remember(self, facts: Mapping[str, Any]) -> None:
        """Keep nothing."""

    def pause(self, seconds: float) -> None:
        sleep(seconds)


def take(
    client: Client, read: Read, types: Mapping[str, str], into: Path, progress: Progress | None
) -> Spool:
    """Read by whichever way is cheaper; what an earlier run has begun goes before both."""
    progress = progress or Unattended()
    if begun := bulk_read.taken_up(client, read, progress):
        return bulk_read.spool(client, read, types, into, progress, begun)
    if is_too_long(read):
        return _by_job_only(client, read, types, into, progress)
    try:
        return _first_by_page(client, read, types, into, progress)
    except RemoteError as error:
        if error.code not in _TOO_SLOW or read.object in PAGES_ONLY:
            raise
    for file in into.glob("*.json"):
        file.unlink()
    return bulk_read.spool(client, read, types, into, progress, rows=read.rows)


def calls(rows: int, pace: float | None, read: Read, per_page: int) -> dict[str, int]:
    """The calls that reading so many records takes; the first page is asked for in any case, unless
    the query is too long for that."""
    if is_too_long(read):
        return {bulk_read.LANE: bulk_read.calls(rows, pace)}
    if rows > per_page and prefers_job(rows, read, per_page):
        return {by_page.LANE: 1, bulk_read.LANE: bulk_read.calls(rows, pace)}
    return {by_page.LANE: max(1, ceil(rows / per_page))}


def is_too_long(read: Read) -> bool:
    """Whether the query does not fit into an address."""
    return len(quote_plus(by_page.soql(read, after="0" * 18))) > LONGEST_ADDRESS - HEADERS


def prefers_job(rows: int, read: Read, per_page: int = 0) -> bool:
    """By the number of pages, by what is clearly quicker, or because so many pages are more than
    the budget has left.

    Pages of wide records hold fewer of them: as many pages, as dear, come of fewer records.
    """
    if read.object in PAGES_ONLY:
        return False
    per_page = per_page or by_page.PAGE
    pages, job = ceil(rows / per_page) - 1, bulk_read.calls(rows, None)
    if read.most_calls is not None and job < pages and read.most_calls < pages:
        return True
    paged = rows / read.page_pace if read.page_pace else None
    waited = jobs.MARGIN * bulk_read.expected(rows, read.pace)
    return quicker.prefers_job(rows * by_page.PAGE / per_page, JOB_FROM, paged, waited)


def changed(client: Client, reads: list[Read]) -> list[int | None]:
    """How many records each read would bring, five counts to a call."""
    found: list[int | None] = []
    for start in range(0, len(reads), COUNTS):
        found += _counts(client, reads[start : start + COUNTS])
    return found


def _counts(client: Client, reads: list[Read]) -> list[int | None]:
    """One call; an org that takes none of this kind does not say, and the reads will tell."""
    body = {"compositeRequest": [_count(client, read, n) for n, read in enumerate(reads)]}
    try:
        told = client.json("POST", "composite", "to count changes", json=body, idempotent=True)
    except RemoteError as error:
        if error.status not in NOT_TOGETHER:
            raise
        return [None] * len(reads)
    return [_counted(each) for each in told["compositeResponse"]]


def _first_by_page(
    client: Client, read: Read, types: Mapping[str, str], into: Path, progress: Progress
) -> Spool:
    """Pages that an earlier run left, or the first page, which tells whether a job is cheaper."""
    if pages := by_page.taken_up(read, progress, into):
        first = by_page.first_page(client, read, pages.after)
        return by_page.spool(client, read, types, into, first, progress, pages)
    began = monotonic()
    first = by_page.first_page(client, read)
    pace = first.rows / (monotonic() - began) if first.next else None
    if first.next and prefers_job(first.total, read, first.rows):
        try:
            made = bulk_read.spool(client, read, types, into, progress, rows=first.total)
        except (RemoteError, Denied) as error:
            if error.code not in _NO_JOB:
                raise
        except JobsSpent:
            pages_left = ceil(first.total / first.rows) - 1
            if read.most_calls is not None and read.most_calls < pages_left:
                raise
        else:
            return replace(made, calls=made.calls + 1, page_pace=pace)
    return replace(by_page.spool(client, read, types, into, first, progress), page_pace=pace)


def _by_job_only(
    client: Client, read: Read, types: Mapping[str, str], into: Path, progress: Progress
) -> Spool:
    if read.object in PAGES_ONLY:
        raise ConfigError(
            f"The query for {read.object} is too long for an address, and jobs do not know it.",
            hint="Read fewer fields of it in the mapping.",
        )
    return bulk_read.spool(client, read, types, into, progress, rows=read.rows)


def _count(client: Client, read: Read, number: int) -> dict[str, str]:
    whole = by_page.soql(read, ordered=False)
    query = "SELECT COUNT()" + whole[whole.index(f" FROM {read.object}") :]
    url = f"/{client.path}/queryAll?q={quote_plus(query)}"
    return {"method": "GET", "url": url, "referenceId": f"count{number}"}


def _counted(answer: Mapping[str, Any]) -> int | None:
    """The count, or None when this one was refused: then the read itself will tell."""
    if answer.get("httpStatusCode") != 200:
        return None
    return int(answer["body"]["totalSize"])
