"""What both kinds of Bulk API 2.0 jobs have in common: they are waited for, and never left open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain, repeat
from time import sleep
from typing import Any

from ...errors import ConnectorError, Throttled
from .client import Client

#: Seconds between two looks at a job: short ones are seen soon, long ones are not asked often.
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
LONGEST_PAUSE = 30.0
#: A job that takes longer than this is ended and reported.
LONGEST_JOB = 4 * 3600.0
ENDED = frozenset({"JobComplete", "Failed", "Aborted"})

Job = Mapping[str, Any]


def pauses() -> Iterator[float]:
    """The seconds to wait before each look at a job; ends when a job has taken too long."""
    waited = 0.0
    for pause in chain(PAUSES, repeat(LONGEST_PAUSE)):
        if waited >= LONGEST_JOB:
            return
        waited += pause
        yield pause


def looks(seconds: float) -> int:
    """How many looks a job of so many seconds takes."""
    waited, count = 0.0, 0
    for pause in pauses():
        waited, count = waited + pause, count + 1
        if waited >= seconds:
            break
    return count


def wait(client: Client, path: str, doing: str) -> Job:
    """Look at a job until it has ended. Raises Throttled when it takes longer than hours."""
    for pause in pauses():
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


def abort(client: Client, path: str) -> None:
    """End a job as well as can be; one that has ended already is left alone."""
    with suppress(ConnectorError):
        client.json("PATCH", path, "to end a job", json={"state": "Aborted"})
