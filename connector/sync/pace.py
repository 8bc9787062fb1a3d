"""The pace of an org: how many records it bears at once, and how many a second it gets through.

A customer's triggers and flows run once per chunk; some fail at two hundred records and work at
fifty. The size that worked is remembered; a run in which nothing was too much tries the next
larger one the next time. So is, object by object, how fast the CRM's jobs read and write, and how
fast its records come page by page and go call by call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..records import Outcome
from .app import App

#: What a job of the CRM does.
Work = Literal["read", "load"]
#: What goes call after call.
Step = Literal["page", "write"]
#: What a whole chunk is divided by, step by step; the last step is one record at a time.
STEPS = (1, 4, 20)
#: From this share of a chunk on it is the size that fails, and not a record of it.
TOO_MANY = 0.5


@dataclass(slots=True)
class Pace:
    """The sizes to try, the largest first, and where among them we are."""

    most: int
    at: int = 0
    strained: bool = field(default=False, init=False)

    @classmethod
    def remembered(cls, most: int, size: str | None) -> Pace:
        """Begin with the size that worked the last time."""
        made = cls(most)
        known = int(size) if size and size.isdecimal() else most
        made.at = next((n for n, each in enumerate(made.sizes) if each <= known), 0)
        return made

    @property
    def sizes(self) -> tuple[int, ...]:
        """Every size once, ending with one."""
        return tuple(dict.fromkeys([*(max(1, self.most // step) for step in STEPS), 1]))

    @property
    def size(self) -> int:
        """How many records the next transaction has."""
        return self.sizes[self.at]

    @property
    def rounds(self) -> tuple[int, ...]:
        """The sizes for one stretch of records: what fails is tried again, smaller."""
        left = self.sizes[self.at :]
        return left if len(left) > 1 else (1, 1)

    def learn(self, size: int, outcomes: Sequence[Outcome]) -> None:
        """Take note of a chunk: if most of it was too much, everything after it goes smaller."""
        failed = sum(outcome.result in {"crowded", "transient"} for outcome in outcomes)
        if size > 1 and len(outcomes) > 1 and failed >= TOO_MANY * len(outcomes):
            self.strained = True
            self.at = max(self.at, min(self.sizes.index(size) + 1, len(self.sizes) - 1))

    @property
    def next(self) -> int:
        """The size to begin the next run with."""
        return self.sizes[self.at if self.strained else max(0, self.at - 1)]


def remembered(app: App, object: str) -> Pace:
    """The pace at which the records of an object were written the last time."""
    return Pace.remembered(app.crm.chunk, app.state.setting(_name(object)))


def keep(app: App, object: str, pace: Pace, before: int) -> None:
    """Remember the size to begin the next run with, if it is another than before."""
    if pace.next != before:
        app.state.remember(_name(object), str(pace.next))


def _name(object: str) -> str:
    return f"pace:{object}"


def speed(app: App, work: Work, object: str, rows: int) -> float | None:
    """The records a second of the last job of about that size that read or wrote an object; None
    before the first.

    A job of few records mostly waits for its turn: what it tells of one of many would make us look
    at that a quarter of an hour late.
    """
    size = rows.bit_length()
    for each in (size, size - 1, size + 1):
        if said := app.state.setting(_speed(work, object, each)):
            return float(said)
    return None


def keep_speed(app: App, work: Work, object: str, rows: int, measured: float | None) -> None:
    """Remember how fast a job of so many records was, if it told."""
    if measured:
        app.state.remember(_speed(work, object, rows.bit_length()), f"{measured:.1f}")


def stride(app: App, step: Step, object: str) -> float | None:
    """The records a second of the last calls that read or wrote an object; None before the first.

    Unlike a job they do not wait for their turn: few go as fast as many.
    """
    said = app.state.setting(f"pace:{step}:{object}")
    return float(said) if said else None


def keep_stride(app: App, step: Step, object: str, measured: float | None) -> None:
    """Remember how fast full pages came or full chunks went, if there were any."""
    if measured:
        app.state.remember(f"pace:{step}:{object}", f"{measured:.1f}")


def _speed(work: Work, object: str, size: int) -> str:
    """Sizes are powers of two."""
    return f"pace:{work}:{object}:{size}"
