"""Apply: write a plan, row by row accountable.

The plan is on disk before the first write. Many changes go in files, few record by record; what a
file leaves open goes record by record, too. Right before anything is sent, records that have moved
since the plan are found and left alone. Every outcome goes to the journal before the next records
are sent. A write whose answer was lost is never repeated blindly: the live value tells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from time import monotonic, sleep

from ..errors import BudgetSpent, Denied, RemoteError
from ..records import Outcome, Result
from . import load, pace, refused
from .app import App
from .budget import as_file, check, load_calls
from .changes import Change, Plan
from .journal import Journal
from .ledger import record
from .pace import Pace
from .run import Run
from .settle import parted, settled

#: Records read back and written at a time. After a crash no more than these are in doubt.
STRETCH = 2000
PAUSE = 0.5
#: Calls without an answer, and records that fail alone, in a row, after which the run ends.
SILENT, REFUSED = 3, 20
#: Outcomes that end the whole run: the next row would fare the same.
STOP = "stop"
#: How an outcome that stands is kept. What is not the record's own fault is planned again.
STANDING: Mapping[str, Result] = {
    "applied": "applied",
    "failed": "failed",
    "moved": "moved",
    "later": "transient",
    STOP: "transient",
}


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
            self.add(outcome.result, outcome.code, 1)

    def add(self, result: str, code: str, many: int) -> None:
        if result == "applied":
            self.applied += many
        elif result == "moved":
            self.moved += many
        else:
            self.failed += many
            self.codes[code] += many

    @property
    def done(self) -> int:
        return self.applied + self.failed + self.moved


def apply(app: App, run: Run, plan: Plan, *, strict: bool = False) -> Applied:
    """Write what the plan says. `strict` refuses the whole plan if any live value has moved.

    Stops, resumable, when the budget is spent: the next run plans what is left.
    """
    if strict:
        load.refuse_if_moved(app, run, plan)
    journal = Journal(plan.path.with_name("journal.ndjson"))
    done = Applied(plan.changes)
    app.state.mark_plan(plan.id, "applying")
    try:
        _write_files(app, run, plan, journal, done)
        _write_records(app, run, plan, journal, done)
    except BudgetSpent as spent:
        done.stopped = spent.message
    finally:
        # Whatever happened, what was written is known to the ledger before anything else.
        record(app, run, plan, journal)
        if done.failed:
            refused.tell_news(run, journal)
    done.left = plan.changes - done.done
    if not done.open:  # otherwise the next run looks up what became of them
        app.state.mark_plan(plan.id, "applied")
    return done


# ── as a file ─────────────────────────────────────────────────────────────────────────────────


def _write_files(app: App, run: Run, plan: Plan, journal: Journal, done: Applied) -> None:
    """Send the changes in files; what a file leaves open goes record by record."""
    size = pace.remembered(app, plan.object).size
    if not plan.changes or not as_file(app, plan.changes, size):
        return
    check(app, load_calls(app, plan.changes))
    done.open = True
    for result, code, many in load.load(app, run, plan, journal):
        done.add(result, code, many)
        run.notify("apply", plan.object, done.done, plan.changes)
    done.open = False


# ── record by record ──────────────────────────────────────────────────────────────────────────


def _write_records(app: App, run: Run, plan: Plan, journal: Journal, done: Applied) -> None:
    if done.done == plan.changes:
        return
    known = journal.settled()
    speed = pace.remembered(app, plan.object)
    before = speed.size
    changes = (change for change in plan.read() if change.id not in known)
    writer, began, done_before = _Writer(app, plan, speed), monotonic(), done.done
    try:
        while stretch := list(islice(changes, STRETCH)):
            check(app, app.crm.write_calls(len(stretch), speed.size))
            done.open = True
            for outcomes in writer.write(stretch):
                journal.add(outcomes, app.crm.now())
                done.count(outcomes)
                run.notify("apply", plan.object, done.done, plan.changes)
            done.open = False
        if (wrote := done.done - done_before) >= app.crm.chunk:
            pace.keep_stride(app, "write", plan.object, wrote / (monotonic() - began))
    finally:
        pace.keep(app, plan.object, speed, before)


@dataclass(slots=True)
class _Writer:
    """Writes stretches of records, and gives up when the CRM takes nothing at all any more.

    `silent` counts calls in a row that were not answered and had not arrived, `refused` records in
    a row that failed alone in their transaction because of the customer's automation.
    """

    app: App
    plan: Plan
    pace: Pace
    silent: int = 0
    refused: int = 0

    def write(self, stretch: Sequence[Change]) -> Iterator[tuple[Outcome, ...]]:
        """Every record is tried at the pace of the org, and what may pass again in smaller
        chunks."""
        waiting = {change.id: change for change in stretch}
        rounds = self.pace.rounds
        for number, chunk in enumerate(rounds):
            if not waiting:
                return
            if number:
                sleep(PAUSE * 2**number)
            last = number == len(rounds) - 1
            yield from self._round(waiting, chunk, last=last)

    def _round(
        self, waiting: dict[str, Change], chunk: int, *, last: bool
    ) -> Iterator[tuple[Outcome, ...]]:
        """Read back a few calls' worth, write what has not moved, settle what is in doubt."""
        open_, span = list(waiting.values()), self.app.crm.span(chunk)
        for start in range(0, len(open_), span):
            steady, known = parted(self.app, self.plan, open_[start : start + span])
            yield from _taken(waiting, known)
            rows = [{"id": change.id, **change.after} for change in steady]
            for outcomes in self.app.crm.write(self.plan.object, rows, chunk):
                self.pace.learn(chunk, outcomes)
                final = _final(self.app, self.plan, waiting, outcomes, last=last)
                yield from _taken(waiting, final)
                _stop_at(self.app, outcomes, self.plan)
                self._give_up(outcomes, final)

    def _give_up(self, outcomes: Sequence[Outcome], final: Sequence[Outcome]) -> None:
        """End the run when call after call comes to nothing: the next records would fare the
        same."""
        landed = any(outcome.result == "applied" for outcome in final)
        lost = bool(outcomes) and all(outcome.result == "doubt" for outcome in outcomes)
        self.silent = self.silent + 1 if lost and not landed else 0
        if self.silent >= SILENT:
            raise RemoteError(
                f"The CRM answered {self.silent} writes of {self.plan.object} in a row with "
                "nothing, and none of them arrived.",
                hint="Run again when it is well; what was written is recorded.",
            )
        crowded = [outcome for outcome in outcomes if outcome.result == "crowded"]
        alone = [outcome for outcome in final if outcome.result == "failed"]
        self.refused = 0 if landed else self.refused + min(len(crowded), len(alone))
        if self.refused >= REFUSED:
            raise Denied(
                f"The CRM's own automation fails for every {self.plan.object}, one by one: "
                f"{crowded[0].code} {crowded[0].message}",
                hint="Ask an admin to look at triggers, flows and workflows. The other records "
                "were not sent.",
                code=crowded[0].code,
            )


def _taken(
    waiting: dict[str, Change], outcomes: Sequence[Outcome]
) -> Iterator[tuple[Outcome, ...]]:
    """Outcomes that stand, and whose records wait no longer."""
    for outcome in outcomes:
        del waiting[outcome.id]
    if outcomes:
        yield tuple(outcomes)


def _final(
    app: App, plan: Plan, waiting: Mapping[str, Change], outcomes: Sequence[Outcome], *, last: bool
) -> tuple[Outcome, ...]:
    """The outcomes that stand: what is in doubt is looked up, what may pass waits for its turn."""
    doubtful = [waiting[o.id] for o in outcomes if o.result == "doubt"]
    told = {o.id: o for o in _looked_up(app, plan, doubtful)} if doubtful else {}
    standing = []
    for outcome in outcomes:
        outcome = told.get(outcome.id, outcome)
        result = STANDING.get(outcome.result)
        if result is None and last:
            # One record alone, and the customer's automation still fails: it is this record.
            result = "failed" if outcome.result == "crowded" else "transient"
        if result is not None:
            standing.append(Outcome(outcome.id, result, outcome.code, outcome.message))
    return tuple(standing)


def _looked_up(app: App, plan: Plan, changes: Sequence[Change]) -> Iterator[Outcome]:
    sleep(PAUSE)  # a write that is still under way shall have ended
    return settled(app, plan, changes)


def _stop_at(app: App, outcomes: Sequence[Outcome], plan: Plan) -> None:
    """End the run at an error that is not of one record."""
    for outcome in outcomes:
        if outcome.result == STOP:
            raise Denied(
                f"The CRM no longer lets us write {plan.object}: {outcome.code} {outcome.message}",
                hint=f"{app.crm.remedy} What was written is recorded; the next run continues.",
                code=outcome.code,
            )


# ── after a crash ─────────────────────────────────────────────────────────────────────────────


def recover(app: App, run: Run, plan: Plan) -> int:
    """Settle a plan that was interrupted; the number of rows that had to be looked up.

    A file that was under way is waited for. Of the records written one by one only those of the
    stretch under way can be in doubt. Only fields that the user still sees can be looked up.
    """
    journal = Journal(plan.path.with_name("journal.ndjson"))
    journal.settled()  # a line that was cut short is gone before anything is added
    load.take_up(app, run, plan, journal)
    known = journal.settled()
    visible = set(app.crm.fields(plan.object) or ())
    doubtful = (_shown(change, visible) for change in plan.read() if change.id not in known)
    stretch = [change for change in islice(doubtful, STRETCH) if change.after]
    if stretch:
        done = [o for o in _looked_up(app, plan, stretch) if o.result == "applied"]
        journal.add(done, app.crm.now())
    record(app, run, plan, journal)
    app.state.mark_plan(plan.id, "applied" if journal.settled() else "dropped")
    return len(stretch)


def _shown(change: Change, visible: set[str]) -> Change:
    before = {name: value for name, value in change.before.items() if name in visible}
    after = {name: value for name, value in change.after.items() if name in visible}
    return replace(change, before=before, after=after)
