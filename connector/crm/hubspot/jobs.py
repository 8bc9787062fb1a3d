"""What exports and imports have in common: HubSpot works on them in its own time, and we look."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat

#: Seconds between two looks: short work is seen soon, long work is not asked about often.
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
LONGEST_PAUSE = 30.0
#: Work that takes longer than this is given up.
LONGEST_JOB = 4 * 3600.0


def pauses() -> Iterator[float]:
    """The seconds to wait before each look; ends when it has taken too long."""
    waited = 0.0
    for pause in chain(PAUSES, repeat(LONGEST_PAUSE)):
        if waited >= LONGEST_JOB:
            return
        waited += pause
        yield pause


def looks(seconds: float) -> int:
    """How many looks work of so many seconds takes."""
    waited, count = 0.0, 0
    for pause in pauses():
        waited, count = waited + pause, count + 1
        if waited >= seconds:
            break
    return count
