"""Budget: how many API calls this run may still make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from .. import quicker
from ..errors import BudgetSpent
from ..mapping import pulls
from ..protocols import Read
from . import pace
from .app import App


@dataclass(frozen=True, slots=True)
class Budgeted:
    """The allowance as the CRM's headers say it: used by everybody and allowed per day; our share
    of it for one run, what this run has used, and what is kept for people."""

    used: int
    allowed: int
    ours: int
    made: int = 0
    kept: int = 0

    @classmethod
    def of(cls, app: App) -> Budgeted:
        """What the CRM has said so far; our share is of the whole day's allowance."""
        used, allowed = app.crm.allowance()
        made = sum(app.crm.calls().values())
        share, kept = int(allowed * app.budget.share), int(allowed * app.budget.reserve)
        return cls(used, allowed, share, made, kept)

    @property
    def left(self) -> int | None:
        """Calls left before our share is gone, or all but what is kept for people; None when not
        known."""
        if not self.allowed:
            return None
        return max(0, min(self.ours - self.made, self.allowed - self.kept - self.used))

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def as_file(app: App, rows: int, chunk: int) -> bool:
    """Whether so many changes go as a file: by their number, unless records have been clearly
    quicker, or because the calls run short.

    That a file may be quicker is no reason: while it is gone through, edits are not seen.

    Where the org's automation does not bear full chunks a file would fail in the same way.
    """
    if chunk < app.crm.chunk:
        return False
    left = Budgeted.of(app).left
    one_by_one = sum(app.crm.write_calls(rows, chunk).values())
    if left is not None and sum(load_calls(app, rows).values()) <= left < one_by_one:
        return True
    if rows < app.crm.bulk_from:
        return False
    called, loaded = (
        speed and rows / speed
        for speed in (
            pace.stride(app, "write", app.mapping.object),
            pace.speed(app, "load", app.mapping.object, rows),
        )
    )
    return quicker.prefers_job(rows, app.crm.bulk_from - 1, called, loaded)


def write_calls(app: App, rows: int, chunk: int) -> dict[str, int]:
    """Lane → the calls that writing so many changes takes, whichever way they go, and those of
    reading them to the end."""
    as_such = load_calls(app, rows) if as_file(app, rows, chunk) else None
    writing = app.crm.write_calls(rows, chunk) if as_such is None else as_such
    return dict(Counter(writing) + Counter(closing_calls(app, rows)))


def load_calls(app: App, rows: int) -> dict[str, int]:
    """Lane → the calls that writing so many changes from files takes."""
    each = min(rows, app.crm.most)
    return dict(app.crm.load_calls(rows, pace.speed(app, "load", app.mapping.object, each)))


def closing_calls(app: App, rows: int) -> dict[str, int]:
    """Lane → the calls of the closing read after so many writes; none where there is none."""
    if not app.crm.echoes(rows):
        return {}
    object = app.mapping.object
    spec = next(p for p in app.mapping.pull if (p.stream, p.object) == ("accounts", object))
    asked = Read(object, (*pulls.fields(spec), *app.mapping.targets), None, spec.modified)
    return dict(app.crm.read_calls(rows, pace.speed(app, "read", object, rows), asked))


def stop_if_spent(app: App) -> None:
    """Raise BudgetSpent when nothing is left of this run's share."""
    if (left := Budgeted.of(app).left) is not None and left <= 0:
        raise BudgetSpent(
            "This run's share of the API calls is used up.",
            hint="What was read is kept, and the next run goes on. Raise budget.share to let one "
            "run do more.",
        )


def check(app: App, needed: Mapping[str, int]) -> None:
    """Raise BudgetSpent when so many calls are more than are left."""
    left, calls = Budgeted.of(app).left, sum(needed.values())
    if left is not None and calls > left:
        raise BudgetSpent(
            f"{calls} more calls would be needed; {left} are left of this run's share.",
            hint="The next run continues. Raise budget.share to let one run do more.",
        )
