"""Looking back: which version of a record counts at a moment, and whose history a score goes on.

Two times are kept apart. Valid time is when a thing was so: `seen` cuts there. Known time is when
we were told: a version counts only if it had been pulled by then. Looking back with all that is
known today, the version that held at the moment is taken; of a record that we only know as it was
later, the one that comes closest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..records import MOMENT, TEXT
from .stage import moment
from .stages import SCORES

#: What a row of history says besides its score: the series it was worked out for (NULL: it was
#: scored on the day itself), and what was known when it was.
MARKS: Mapping[str, str] = {"series": TEXT, "known_by": MOMENT}
HISTORY: Mapping[str, str] = {**SCORES, **MARKS}
#: Whether a chosen version is from after the moment.
LATE = "late"


@dataclass(frozen=True, slots=True)
class Past:
    """A moment to look at, and up to when we count what we were told.

    With `known_by` equal to `as_of` it is what a run at that moment would have found.
    """

    as_of: datetime
    known_by: datetime


def chosen(
    single: str, several: str, columns: Sequence[str], key: Sequence[str], past: Past
) -> str:
    """One version of each record, with `late`: whether it is only known as it was later.

    `single` are the records with one version, `several` all versions of the others. What had been
    pulled by the moment is as it was then. Of what came later, a version counts as of that time
    when its own stamp says so; but not a deletion, which is often without a stamp.
    """
    order = (
        f"{LATE}, CASE WHEN {LATE} THEN NULL ELSE modified_at END DESC NULLS LAST,"
        f" CASE WHEN {LATE} THEN NULL ELSE pulled_at END DESC NULLS LAST,"
        " modified_at NULLS LAST, pulled_at"
    )
    return (
        f"{_known(single, columns, past)} UNION ALL"
        f" (SELECT * FROM ({_known(several, columns, past)})"
        f" QUALIFY row_number() OVER (PARTITION BY {_listed(key)} ORDER BY {order}) = 1)"
    )


def _known(versions: str, columns: Sequence[str], past: Past) -> str:
    """What had been pulled in time, marked where it is from after the moment."""
    as_of = moment(past.as_of)
    after = f"(modified_at IS NULL OR modified_at > {as_of} OR coalesce(deleted, FALSE))"
    return (
        f"SELECT {_listed(columns)}, (pulled_at > {as_of} AND {after}) AS {LATE}"
        f" FROM ({versions}) WHERE pulled_at <= {moment(past.known_by)}"
    )


def live(every: str, columns: Sequence[str]) -> str:
    """The rows of history that were scored on the day itself."""
    return f"SELECT {_listed(columns)} FROM ({every}) WHERE series IS NULL"


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)
