"""The whole story: pull → score → plan → apply, under one lock, with a receipt at the end."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..errors import EXIT_DONE, EXIT_PARTLY, BudgetSpent, ConfigError, ConnectorError, UnsafePlan
from . import echo, ledger
from .app import App
from .apply import Applied, apply, recover
from .budget import Budgeted, write_calls
from .changes import Plan, kept, load
from .closing import close
from .housekeeping import keep_house
from .pace import remembered
from .plan import plan
from .preflight import Preflight, news, pin_org, preflight, require_fields
from .pull import Pulled, expected_calls, forget_what_is_lost, pull, wanted
from .reads import Wanted
from .run import Notify, Run, new_id, silent
from .score import Scored, score

#: What a shell calls a program that was stopped by Ctrl-C.
STOPPED = 130


@dataclass(slots=True)
class Receipt:
    """What a run did, in the shape that `--json` prints."""

    run: str
    command: str
    as_of: str = ""
    org: str = ""
    model: str = ""
    streams: dict[str, dict[str, Any]] = field(default_factory=dict)
    scored: int = 0
    accounts: int = 0
    tiers: dict[str, int] = field(default_factory=dict)
    links: dict[str, int] = field(default_factory=dict)
    unmatched: int = 0
    changes: dict[str, int] = field(default_factory=dict)
    fields: dict[str, dict[str, int]] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    recovered: int = 0
    quarantined: int = 0
    odd: list[dict[str, Any]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    calls: dict[str, dict[str, int]] = field(default_factory=dict)
    allowance: dict[str, int] = field(default_factory=dict)
    skew_seconds: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    memory_mb: dict[str, int] = field(default_factory=dict)
    plan: str = ""
    stopped: str = ""
    exit: int = EXIT_DONE

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class _Journey:
    """A run with what it has found so far; turned into a receipt even when it fails."""

    app: App
    run: Run
    receipt: Receipt
    predicted: dict[str, int] = field(default_factory=dict)

    def expect(self, calls: Mapping[str, int]) -> None:
        for lane, count in calls.items():
            self.predicted[lane] = self.predicted.get(lane, 0) + count

    def close(self) -> None:
        receipt, actual = self.receipt, dict(self.app.crm.calls())
        lanes = sorted({*actual, *self.predicted})
        receipt.calls = {
            lane: {"predicted": self.predicted.get(lane, 0), "actual": actual.get(lane, 0)}
            for lane in lanes
        }
        used, allowed = self.app.crm.allowance()
        receipt.allowance = {"used": used, "allowed": allowed}
        receipt.notices += self.app.crm.notes()
        receipt.skew_seconds = round(self.app.crm.skew(), 1)
        receipt.odd = [
            {"stream": o.stream, "rule": o.rule, "count": o.count, "ids": list(o.ids)}
            for o in self.run.oddities
        ]
        receipt.seconds = dict(self.run.seconds)
        receipt.cpu_seconds = dict(self.run.cpu_seconds)
        receipt.memory_mb = dict(self.run.memory_mb)


@contextmanager
def _journey(app: App, command: str, notify: Notify) -> Iterator[_Journey]:
    """One run under the lock: right org, interrupted plans settled, a receipt whatever happens."""
    with app.state.lease():
        begun = datetime.now(UTC)
        id = new_id(begun)
        app.state.begin(id, command, begun)
        engine = app.engine()
        receipt = Receipt(run=id, command=command, model=app.model.version)
        try:
            org = app.crm.check()
            pin_org(app, org)
            receipt.as_of, receipt.org = org.now.isoformat(), org.id
            app.crm.ration(lambda: Budgeted.of(app).left)
            journey = _Journey(app, Run(id, org, engine, notify), receipt)
            receipt.recovered = _recover(app, journey.run)
            try:
                yield journey
            finally:
                journey.close()
        finally:
            engine.close()
            _end(app, receipt, sys.exc_info()[1])


@contextmanager
def offline(app: App, command: str) -> Iterator[Receipt]:
    """A run under the lock that asks no other system; its receipt is kept whatever happens."""
    with app.state.lease():
        begun = datetime.now(UTC)
        receipt = Receipt(run=new_id(begun), command=command, model=app.model.version)
        app.state.begin(receipt.run, command, begun)
        try:
            yield receipt
        finally:
            _end(app, receipt, sys.exc_info()[1])


def _recover(app: App, run: Run) -> int:
    """Settle every interrupted plan. One whose file is gone cannot be, and is reported."""
    looked_up = 0
    for id in app.state.unfinished_plans():
        try:
            plan = load(app.plans / id / "plan.json")
        except ConfigError:
            app.state.mark_plan(id, "dropped")
            run.odd("plans", "interrupted_plan_lost", 1, [id])
        else:
            looked_up += recover(app, run, plan)
    return looked_up


def _end(app: App, receipt: Receipt, error: BaseException | None) -> None:
    """Note how a run ended, also when it was stopped by hand or by a fault of ours."""
    said = ""
    if isinstance(error, ConnectorError):
        receipt.exit, said = error.exit_code, error.message
    elif error is not None:
        receipt.exit = STOPPED if isinstance(error, KeyboardInterrupt) else 1
        said = f"stopped by {type(error).__name__}"
    app.state.end(receipt.run, datetime.now(UTC), receipt.exit, receipt.as_dict(), said)


def sync(app: App, *, notify: Notify = silent, adopt: bool = False, force: bool = False) -> Receipt:
    """Pull, score, plan and apply. Raises ConnectorError; a partial success is in `exit`."""
    with _journey(app, "sync", notify) as journey:
        found = _ready(journey)
        require_fields(found, app.mapping.object)
        _pull(journey, found)
        _score(journey)
        made = _plan(journey, adopt=adopt, force=force)
        if adopt:
            ledger.adopt(app, journey.run)
        _apply(journey, made)
        if notice := keep_house(app, journey.run):
            journey.receipt.notices.append(notice)
    return journey.receipt


def make_plan(
    app: App, *, notify: Notify = silent, adopt: bool = False, force: bool = False
) -> tuple[Receipt, Plan]:
    """Pull, score and plan; nothing is written to the CRM."""
    with _journey(app, "plan", notify) as journey:
        found = _ready(journey)
        require_fields(found, app.mapping.object)
        _pull(journey, found)
        _score(journey)
        made = _plan(journey, adopt=adopt, force=force)
    return journey.receipt, made


def pull_only(app: App, *, notify: Notify = silent) -> Receipt:
    """Bring the lake up to date."""
    with _journey(app, "pull", notify) as journey:
        _pull(journey, _ready(journey))
    return journey.receipt


def score_only(app: App, *, notify: Notify = silent) -> Receipt:
    """Score what is in the lake."""
    with _journey(app, "score", notify) as journey:
        _score(journey)
    return journey.receipt


def apply_plan(app: App, made: Plan, *, notify: Notify = silent) -> Receipt:
    """Execute exactly a saved plan. Refused if it is of another org or if live values moved."""
    with _journey(app, "apply", notify) as journey:
        _guard_saved(app, journey.run, made)
        made = kept(made, app.plans)
        app.state.keep_plan(made.id, journey.run.id, datetime.now(UTC), {})
        # What has moved since the plan is asked as a whole first, and again as it is written.
        journey.expect(app.crm.opening_calls(1))
        journey.expect(app.crm.read_calls(made.changes if app.crm.tells_late else 0))
        size = remembered(app, made.object).size
        journey.expect(write_calls(app, made.changes, size))
        _apply(journey, made, strict=True)
    return journey.receipt


# ── the phases ────────────────────────────────────────────────────────────────────────────────


def _ready(journey: _Journey) -> Preflight:
    app = journey.app
    with journey.run.phase("preflight"):
        found = preflight(app)
    journey.receipt.notices = list(news(app, found))
    journey.expect(app.crm.opening_calls(len({p.object for p in app.mapping.pull})))
    return found


def _pull(journey: _Journey, found: Preflight) -> None:
    app, run = journey.app, journey.run
    forget_what_is_lost(app)
    wants = _expect_reads(journey, found)
    with run.phase("pull"):
        pulled = pull(app, run, wants)
    journey.receipt.streams = _streams(pulled)


def _expect_reads(journey: _Journey, found: Preflight) -> tuple[Wanted, ...]:
    """What is read of each object, and the calls that it will take.

    The calls for counting beforehand are known when it is done.
    """
    app = journey.app
    before = Counter(app.crm.calls())
    wants = wanted(app, journey.run, found.types)
    journey.expect(Counter(app.crm.calls()) - before)
    for calls in expected_calls(app, wants):
        journey.expect(calls)
    return wants


def _streams(pulled: Sequence[Pulled]) -> dict[str, dict[str, Any]]:
    """What was pulled, stream by stream, and how each object of the CRM was read."""
    streams: dict[str, dict[str, Any]] = {}
    for each in pulled:
        sums = streams.setdefault(each.stream, {"pulled": 0, "new": 0, "calls": 0})
        for name in ("pulled", "new", "calls"):
            sums[name] += getattr(each, name)
        if each.extent:
            read = {
                "read": each.extent,
                "since": each.since and each.since.isoformat(),
                "until": each.until and each.until.isoformat(),
                "lane": each.lane,
                "gone": each.gone,
            }
            sums.setdefault("objects", {})[each.origin] = read
    return streams


def _score(journey: _Journey) -> Scored:
    with journey.run.phase("score"):
        found = score(journey.app, journey.run)
    receipt = journey.receipt
    receipt.accounts, receipt.scored, receipt.tiers = found.accounts, found.scored, found.tiers
    receipt.links, receipt.unmatched = found.links, found.unmatched
    return found


def _plan(journey: _Journey, *, adopt: bool, force: bool) -> Plan:
    with journey.run.phase("plan"):
        made = plan(journey.app, journey.run, adopt=adopt, force=force)
    receipt = journey.receipt
    journey.expect(made.calls)
    receipt.plan, receipt.fields = made.id, {k: dict(v) for k, v in made.fields.items()}
    receipt.quarantined = max((w["failed"] + w["unfit"] for w in made.fields.values()), default=0)
    receipt.changes = {
        "planned": made.changes,
        "applied": 0,
        "failed": 0,
        "conflicts": made.conflicts,
        "skipped": made.accounts - made.changes,
    }
    return made


def _apply(journey: _Journey, made: Plan, *, strict: bool = False) -> Applied:
    app, run, receipt = journey.app, journey.run, journey.receipt
    with run.phase("apply"):
        if made.changes and not app.crm.names_author:
            echo.forget(app, made)
        done = apply(app, run, made, strict=strict)
    receipt.plan = made.id
    receipt.changes = {
        "planned": made.changes,
        "applied": done.applied,
        "failed": done.failed,
        "conflicts": made.conflicts + done.moved,
        "skipped": made.accounts - made.changes + done.left,
    }
    receipt.refusals = dict(done.codes)
    receipt.stopped = done.stopped
    if done.stopped:
        receipt.exit = BudgetSpent.exit_code
    elif done.failed or receipt.quarantined:
        receipt.exit = EXIT_PARTLY
    if done.applied and not (app.crm.names_author or done.open or done.moved):
        echo.expect(app, made)
    _close(journey, made, done)
    return done


def _close(journey: _Journey, made: Plan, done: Applied) -> None:
    """Read the changes of a large write to their end."""
    app, run, receipt = journey.app, journey.run, journey.receipt
    if done.open or not done.applied or not app.crm.echoes(made.changes):
        return
    with run.phase("apply"):
        closed = close(app, run, made)
    if closed:
        sums = receipt.streams.setdefault(closed.stream, {"pulled": 0, "new": 0, "calls": 0})
        sums["calls"] += closed.calls


def _guard_saved(app: App, run: Run, made: Plan) -> None:
    if made.org != run.org.id or made.object != app.mapping.object:
        raise UnsafePlan(
            f"This plan is for {made.object} in org {made.org}; we are connected to {run.org.id}.",
            hint="Apply it with the configuration it was made with.",
        )
    unknown = sorted(set(made.types) - set(app.mapping.targets))
    if unknown:
        raise UnsafePlan(
            f"This plan writes fields that the mapping no longer has: {', '.join(unknown)}.",
            hint="Make a new plan.",
        )
    if app.state.plan_status(made.id) == "applied":
        raise UnsafePlan("This plan was applied before, or begun.", hint="Make a new plan.")
