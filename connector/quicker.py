"""Which way for many records: calls one after another, or one job for all of them.

By their number, unless the org has shown before that the other way is clearly quicker: an org may
be busy with jobs of others, or slow with every page. Time alone does not decide about a million
records, or about ten: the calls of a day are shared with other systems.
"""

from __future__ import annotations

#: How many times quicker the other way must be, and how far the number may be from the usual one:
#: a job for a fifth of it, calls for twice as many.
CLEARLY = 2.0
JOB_SOONER, JOB_LATER = 5, 2


def prefers_job(
    size: float, usual: float, by_calls: float | None = None, by_job: float | None = None
) -> bool:
    """Whether so many records go as a job, which `usual` is the most for calls.

    `by_calls` and `by_job` are the seconds that each way would take; None when that is not known.
    """
    if by_calls and by_job and usual / JOB_SOONER < size <= usual * JOB_LATER:
        if by_calls > CLEARLY * by_job:
            return True
        if by_job > CLEARLY * by_calls:
            return False
    return size > usual
