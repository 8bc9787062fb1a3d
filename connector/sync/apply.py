"""Apply: write a plan, row by row accountable.

The plan is on disk before the first write. Right before a chunk is sent its records are read back:
one that has moved since the plan is left alone. Every outcome goes to the journal before the next
chunk is sent. A write whose answer was lost is never repeated blindly: the live value tells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from time import sleep
from typing import Any, Literal

from ..errors import BudgetSpent, UnsafePlan
from ..records import Outcome
from .app import App
from .budget import Budgeted
from .changes import Change, Plan
from .journal import Journal
from .ledger import record
from .run import Run

#: Records read back and written at a time.
STRETCH = 2000
#: How often rows are tried again that failed for a passing reason, in ever smaller chunks.
ROUNDS = (200, 50, 1)
PAUSE = 0.5


@dataclass(slots=True)
class Applied:
    """What applying a plan came to. `moved` are records that changed between plan and write;
    `open` says that rows were sent whose outcome is not known yet."""

    planned: int
    applied: int = 0
    failed: int = 0
    moved: int = 0
    left: int = 0
    open: bool = False
    codes: Counter[str] = field(default_factory=Counter)
    stopped: str = ""

    def count(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.result == "applied":
                self.applied += 1
            elif outcome.result == "moved":
                self.moved += 1
            else:
                self.failed += 1
                self.codes[outcome.code] += 1


EDITED = "EDITED"
GONE = "GONE"


def apply(app: App, run: Run, plan: Plan, *, strict: bool = False) -> Applied:
    """Write what the plan says. `strict` refuses the whole plan if any live value has moved.

    Stops, resumable, when the budget is spent: the next run plans what is left.
    """
    if strict:
        _refuse_if_moved(app, plan)
    journal = Journal(plan.path.with_name("journal.ndjson"))
    done = Applied(plan.changes)
    app.state.mark_plan(plan.id, "applying")
    try:
        _write_all(app, run, plan, journal, done)
    except BudgetSpent as spent:
        done.stopped = spent.message
    finally:
        # Whatever happened, what was written is known to the ledger before anything else.
        record(app, run, plan, journal)
    done.left = plan.changes - done.applied - done.failed - done.moved
    if not done.open:  # otherwise the next run looks up what became of them
        app.state.mark_plan(plan.id, "applied")
    return done


def _write_all(app: App, run: Run, plan: Plan, journal: Journal, done: Applied) -> None:
    settled = journal.settled()
    changes = (change for change in plan.read() if change.id not in settled)
    while stretch := list(islice(changes, STRETCH)):
        _check_budget(app, len(stretch))
        by_id = {change.id: change for change in stretch}
        done.open = True
        for outcomes in _write_stretch(app, plan, stretch):
            journal.add(by_id, outcomes, app.crm.now())
            done.count(outcomes)
            run.notify("apply", plan.object, done.applied + done.failed + done.moved, plan.changes)
        done.open = False


def _write_stretch(
    app: App, plan: Plan, stretch: Sequence[Change]
) -> Iterator[tuple[Outcome, ...]]:
    """Read back, write what has not moved, settle what is in doubt, try again what may pass.

    Before every round the records are read back: whoever held a lock may have saved an edit.
    """
    waiting = {change.id: change for change in stretch}
    for round_, chunk in enumerate(ROUNDS):
        if not waiting:
            return
        if round_:
            sleep(PAUSE * 2**round_)
        steady, moved = _parted(app, plan, list(waiting.values()))
        if moved:
            yield tuple(moved)
        waiting = {change.id: change for change in steady}
        rows = [_row(change) for change in steady]
        for outcomes in app.crm.write(plan.object, rows, chunk):
            final = _final(app, plan, waiting, outcomes, chunk == ROUNDS[-1])
            for outcome in final:
                del waiting[outcome.id]
            if final:
                yield final


def _final(
    app: App, plan: Plan, waiting: Mapping[str, Change], outcomes: Sequence[Outcome], last: bool
) -> tuple[Outcome, ...]:
    """The outcomes that stand: what is in doubt is looked up, what may pass waits for its turn."""
    doubtful = [waiting[o.id] for o in outcomes if o.result == "doubt"]
    settled = {o.id: o for o in _settled(app, plan, doubtful)} if doubtful else {}
    standing = []
    for outcome in outcomes:
        outcome = settled.get(outcome.id, outcome)
        if outcome.result in {"applied", "failed", "moved"}:
            standing.append(outcome)
        elif last:
            standing.append(Outcome(outcome.id, "transient", outcome.code, outcome.message))
    return tuple(standing)


def _settled(app: App, plan: Plan, changes: Sequence[Change]) -> Iterator[Outcome]:
    """Find out by the live values whether writes without an answer were done."""
    sleep(PAUSE)  # a write that is still under way shall have ended
    live = _live(app, plan, changes)
    for change in changes:
        holds = live.get(change.id)
        if holds is None:
            yield Outcome(change.id, "moved", GONE, "The record is not there any more.")
        elif _holds(plan, holds, change, "after"):
            yield Outcome(change.id, "applied")
        elif _holds(plan, holds, change, "before"):
            yield Outcome(change.id, "transient", "NO_ANSWER", "The write did not arrive.")
        else:
            yield Outcome(change.id, "moved", EDITED, "Somebody changed it meanwhile.")


def _parted(app: App, plan: Plan, changes: Sequence[Change]) -> tuple[list[Change], list[Outcome]]:
    """The changes whose records are as planned, and an outcome for each that is not."""
    live = _live(app, plan, changes)
    steady, moved = [], []
    for change in changes:
        holds = live.get(change.id)
        if holds is None:
            moved.append(Outcome(change.id, "moved", GONE, "The record is not there any more."))
        elif _holds(plan, holds, change, "before"):
            steady.append(change)
        else:
            moved.append(Outcome(change.id, "moved", EDITED, "It changed after the plan."))
    return steady, moved


def _refuse_if_moved(app: App, plan: Plan) -> None:
    changes = plan.read()
    while stretch := list(islice(changes, STRETCH)):
        _, moved = _parted(app, plan, stretch)
        if moved:
            names = ", ".join(outcome.id for outcome in moved[:5])
            raise UnsafePlan(
                f"{len(moved)} records have changed since this plan was made: {names}.",
                hint="Make a new plan; nothing was written.",
            )


def _live(app: App, plan: Plan, changes: Sequence[Change]) -> dict[str, dict[str, Any]]:
    fields = sorted({field for change in changes for field in change.after})
    held: dict[str, dict[str, Any]] = app.crm.values(plan.object, [c.id for c in changes], fields)
    return held


def _holds(
    plan: Plan, live: Mapping[str, Any], change: Change, side: Literal["before", "after"]
) -> bool:
    values = change.before if side == "before" else change.after
    return all(same(live.get(name), value, plan.types[name]) for name, value in values.items())


def same(live: Any, ours: Any, kind: str) -> bool:
    """Whether a value as the CRM says it is the value that we mean."""
    if kind == "checkbox":
        return bool(live) == bool(ours)
    if live in (None, "") or ours in (None, ""):
        return live in (None, "") and ours in (None, "")
    if kind == "number":
        return abs(float(live) - float(ours)) < 1e-9
    if kind == "datetime":
        return _instant(live) == _instant(ours)
    return str(live) == str(ours)


def _instant(value: Any) -> datetime:
    moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return moment.astimezone(UTC).replace(microsecond=0)


def _row(change: Change) -> dict[str, Any]:
    return {"id": change.id, **change.after}


def _check_budget(app: App, rows: int) -> None:
    left = Budgeted.of(app).left
    needed = sum(app.crm.write_calls(rows).values())
    if left is not None and needed > left:
        raise BudgetSpent(
            f"{needed} more calls would be needed; {left} are left of this run's share.",
            hint="The next run continues. Raise budget.share to let one run do more.",
        )


# ── after the writes, or after a crash ────────────────────────────────────────────────────────


def recover(app: App, run: Run, plan: Plan) -> int:
    """Settle a plan that was interrupted; the number of rows that had to be looked up.

    Only fields that the user still sees can be looked up; the others do not count.
    """
    journal = Journal(plan.path.with_name("journal.ndjson"))
    settled, looked_up = journal.settled(), 0
    visible = set(app.crm.fields(plan.object) or ())
    doubtful = (_shown(change, visible) for change in plan.read() if change.id not in settled)
    while stretch := [change for change in islice(doubtful, STRETCH) if change.after]:
        known = [o for o in _settled(app, plan, stretch) if o.result == "applied"]
        journal.add({change.id: change for change in stretch}, known, app.crm.now())
        looked_up += len(stretch)
    record(app, run, plan, journal)
    app.state.mark_plan(plan.id, "applied" if journal.settled() else "dropped")
    return looked_up


def _shown(change: Change, visible: set[str]) -> Change:
    before = {name: value for name, value in change.before.items() if name in visible}
    after = {name: value for name, value in change.after.items() if name in visible}
    return Change(change.id, before, after, change.tried)
