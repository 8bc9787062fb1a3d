"""What both kinds of Bulk API 2.0 jobs have in common: they are waited for, and never left open.

A job is first looked at when it should have ended, and then each time after as long again as has
passed. Whatever the guess was worth, the number of looks hardly depends on it:

    the job takes, of the time expected     0 to 1.5   to 3   to 6   to 12
    looks                                          1      2      3       4

so that a job three times as quick as guessed takes the one look that was predicted, and one three
times as slow takes one more. Nobody waits for more than twice the time of a job that was guessed
too quick. Once an org has shown its pace, the guess is right and there is one look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from time import sleep
from typing import Any

from ...errors import ConnectorError, InDoubt, JobsSpent, Malformed, RemoteError, Throttled
from .client import Client

#: What a job takes before it comes to its first record.
BEGIN_SECONDS = 1.0
#: How many times the expected time passes before the first look.
MARGIN = 1.5
#: Long jobs are looked at so often at least.
LONGEST_PAUSE = 900.0
#: A job that takes longer than this is ended and reported.
LONGEST_JOB = 4 * 3600.0
ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
#: How often a job is created whose number was lost on the way.
CREATIONS = 3
#: The org has had all the jobs of a day; a job that meets the end of their batches says the other.
SPENT, QUOTA = "LIMIT_EXCEEDED", "ExceededQuota"

Job = Mapping[str, Any]


# ── waiting ───────────────────────────────────────────────────────────────────────────────────


def expected(rows: int, pace: float) -> float:
    """The seconds that a job of so many records should take at so many records a second."""
    return BEGIN_SECONDS + rows / pace


def pauses(seconds: float, passed: float = 0.0) -> Iterator[float]:
    """The seconds to wait before each look at a job that should take so many, of which some have
    passed; ends when it has taken too long."""
    waited = passed
    pause = max(MARGIN * seconds - passed, 0.0)
    while True:
        pause = min(pause, LONGEST_PAUSE)
        yield pause
        waited += pause
        pause = max(waited, BEGIN_SECONDS)
        if waited >= LONGEST_JOB:
            return


def looks(seconds: float) -> int:
    """How many looks a job takes that takes as long as expected: one, unless that is very long."""
    waited, count = 0.0, 0
    for pause in pauses(seconds):
        waited, count = waited + pause, count + 1
        if waited >= seconds:
            break
    return count


def wait(client: Client, path: str, doing: str, seconds: float) -> Job:
    """Look at a job until it has ended. Raises Throttled when it takes longer than hours."""
    for pause in pauses(seconds):
        sleep(pause)
        job: Job = client.json("GET", path, doing)
        if job["state"] in ENDED:
            return job
    abort(client, path)
    hours = f"{LONGEST_JOB / 3600:.0f} hours"
    raise Throttled(
        f"Salesforce took longer than {hours} {doing}.",
        hint="Look at Bulk Data Load Jobs in Setup; run again when the org is less busy.",
    )


def pace(rows: int, began: str, ended: str) -> float | None:
    """Records a second between two of Salesforce's own stamps, once it had begun; None for a job
    that had nothing to do."""
    if not (rows and began and ended):
        return None
    took = (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
    return rows / max(took - BEGIN_SECONDS, BEGIN_SECONDS / 2)


# ── beginning and ending ──────────────────────────────────────────────────────────────────────


def create(
    client: Client, path: str, doing: str, body: Mapping[str, str], about: Mapping[str, str]
) -> Job:
    """Create a job. If the answer is lost, what came of it is looked up and ended, and another one
    is created.

    It is not taken up: nothing tells of a query job in the list what it asks.
    """
    for left in reversed(range(CREATIONS)):
        with client.creating:  # nobody else's new job shall be taken for the lost one
            asked = client.now
            try:
                made: Job = client.json("POST", path, doing, json=body)
            except (InDoubt, Malformed):
                sleep(BEGIN_SECONDS)  # one that is still being created shall be there
                _end_lost(client, path, about, asked)
                if not left or client.session.spent():
                    raise
            except RemoteError as error:
                if error.code != SPENT:
                    raise
                raise spent(doing) from error
            else:
                client.jobs.add(made["id"])
                return made
    raise AssertionError("unreachable")


def spent(doing: str) -> JobsSpent:
    """The error that ends a run, unless what it was about to do can go another way."""
    return JobsSpent(
        f"Salesforce takes no more jobs today {doing}.",
        hint="All tools of the org share what a day has (Setup, System Overview). The next run "
        "continues where this one stopped.",
    )


def _end_lost(client: Client, path: str, about: Mapping[str, str], asked: datetime) -> None:
    """End the jobs that we cannot know of: those of our user, created since we asked, that are
    about the same and are none of those whose numbers we were given."""
    for job in _listed(client, path):
        created = datetime.fromisoformat(job["createdDate"])
        ours = client.user and job["createdById"][:15] == client.user[:15]
        same = all(job.get(name) == value for name, value in about.items())
        if not (ours and same and created >= asked) or job["id"] in client.jobs:
            continue
        if job["state"] not in ENDED:
            abort(client, f"{path}/{job['id']}")
        with suppress(ConnectorError):
            client.raw("DELETE", f"{path}/{job['id']}", "to delete a job")


def _listed(client: Client, path: str) -> Iterator[Job]:
    """Every job of the second Bulk API that Salesforce lists, page by page."""
    kind = {"jobs/query": "V2Query", "jobs/ingest": "V2Ingest"}[path]
    where, asked, seen = path, {"jobType": kind, "isPkChunkingEnabled": "false"}, set[str]()
    while where not in seen:
        seen.add(where)
        found = client.json("GET", where, "to look for a job", params=asked)
        yield from found["records"]
        where, asked = found.get("nextRecordsUrl") or where, {}


def abort(client: Client, path: str) -> None:
    """End a job as well as can be; one that has ended already is left alone."""
    with suppress(ConnectorError):
        client.json("PATCH", path, "to end a job", json={"state": "Aborted"})
