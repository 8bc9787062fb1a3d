"""Backfill: the scores of many moments of the past, kept as a series of their own in history.

A series is one model looking back from one beginning in one rhythm with one kind of knowledge. Its
scores go on from one another, never from those of another series or of the days themselves. Each
moment is one commit, so a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import hashlib
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from ..errors import BudgetSpent, ConfigError
from ..mapping import expressions
from ..model import columns, history
from ..model.definition import HealthModel
from ..model.history import HISTORY, Past
from ..model.stage import moment
from ..records import FLAG
from . import models, past
from .app import App
from .flow import Receipt, offline
from .past import Known
from .run import Notify, silent

Every = Literal["day", "week", "month", "quarter", "year"]
_MONTHS: Mapping[str, int] = {"month": 1, "quarter": 3, "year": 12}
_DAYS: Mapping[str, int] = {"day": 1, "week": 7}
#: More moments than anybody means.
MOST = 5_000
#: What a later moment of a series must know of an earlier one.
_CHAIN = ("account_id", "as_of", "model", "tier", "score", "rollup_tier")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which moments are asked for, of which accounts (a condition in SQL, "" is all)."""

    begin: datetime
    end: datetime
    every: Every = "month"
    known: Known = "now"
    where: str = ""

    @property
    def moments(self) -> tuple[datetime, ...]:
        """From the beginning in steps, the end included. ConfigError when there are none."""
        found = tuple(_steps(self.begin, self.end, self.every))
        if not found:
            raise ConfigError("--from is after --to.", hint="Turn them around.")
        if len(found) > MOST:
            raise ConfigError(
                f"That is more than {MOST:,} moments.", hint="Take longer steps with --every."
            )
        return found

    def series(self, model: HealthModel) -> str:
        """The name of the series. The same question has the same name, whatever its end."""
        asked = f"{model.version} {self.begin.isoformat()} {self.where}"
        mark = hashlib.sha256(asked.encode()).hexdigest()[:8]
        return f"{self.every}-{self.known}-{self.begin:%Y%m%d}-{mark}"


@dataclass(frozen=True, slots=True)
class Point:
    """One moment of a series. `kept`: whether it was in history before, is now, or is not."""

    as_of: datetime
    kept: Literal["before", "now", "no"]
    accounts: int = 0
    scored: int = 0
    tiers: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The shape that `--json` prints."""
        return {
            "as_of": self.as_of.isoformat(),
            "kept": self.kept,
            "accounts": self.accounts,
            "scored": self.scored,
            "tiers": dict(self.tiers),
        }


@dataclass(frozen=True, slots=True)
class Filled:
    """What a backfill came to. A dry run has points without numbers, but for `accounts`: how many
    there are at its last moment. `left`: moments for which the time did not suffice."""

    series: str
    model: str
    known: Known
    points: tuple[Point, ...]
    accounts: int = 0
    run: str = ""
    left: int = 0

    @property
    def exit(self) -> int:
        """With what the command leaves: 5 as long as there is something left."""
        return BudgetSpent.exit_code if self.left else 0

    def as_dict(self) -> dict[str, Any]:
        """The shape that `--json` prints."""
        return {
            "run": self.run,
            "series": self.series,
            "model": self.model,
            "known": self.known,
            "accounts": self.accounts,
            "moments": [each.as_dict() for each in self.points],
            "written": sum(each.accounts for each in self.points if each.kept == "now"),
            "left": self.left,
            "calls": 0,
        }


def _never() -> bool:
    return False


def backfill(
    app: App,
    asked: Asked,
    *,
    write: bool = False,
    spent: Callable[[], bool] = _never,
    notify: Notify = silent,
) -> Filled:
    """Score every moment that is asked for; with `write`, keep what history does not have yet.

    Once `spent` is true no other moment is begun; one is always scored, so that it gets on.
    """
    _check(asked)
    noted = offline(app, "backfill") if write else nullcontext()
    with noted as receipt, closing(app.engine()) as engine:
        filling = _Filling(app, engine, asked, write)
        points: list[Point] = []
        moments = asked.moments
        for at in (moments[-1], moments[0]):
            past.look(app, engine, at, asked.known)
        for number, at in enumerate(moments, 1):
            if any(each.kept != "before" for each in points) and spent():
                break
            points.append(filling.point(at))
            notify("backfill", f"{at:%Y-%m-%d}", number, len(moments))
        done = Filled(
            filling.series, app.model.version, asked.known, tuple(points), points[-1].accounts,
            receipt.run if receipt else "", len(moments) - len(points),
        )  # fmt: skip
        if receipt:
            _note(receipt, done)
    return done


def foreseen(app: App, asked: Asked) -> Filled:
    """What a backfill would do: its moments, and how many accounts there are at the last."""
    _check(asked)
    with closing(app.engine()) as engine:
        filling = _Filling(app, engine, asked, write=False)
        view = past.look(app, engine, asked.moments[-1], asked.known)
        points = tuple(Point(at, "before" if at in filling.kept else "no") for at in asked.moments)
        past.stage_records(app, engine, view)
        past.run_stages(app, engine, app.model, view.as_of, last="accounts")
        accounts = engine.one(f"SELECT count(*) FROM ({past.accounts(asked.where)})")
    return Filled(filling.series, app.model.version, asked.known, points, int(accounts))


class _Filling:
    """One series under way: what history has of it, and what its next score goes on from."""

    def __init__(self, app: App, engine: Any, asked: Asked, write: bool) -> None:
        self.app, self.engine, self.asked, self.write = app, engine, asked, write
        self.series = asked.series(app.model)
        every = app.lake.every("scores", engine, HISTORY)
        mine = f"SELECT * FROM ({every}) WHERE series = '{self.series}'"
        self.kept = _points(engine, mine)
        eyes = engine.one(f"SELECT epoch_us(max(known_by)) FROM ({mine})")
        #: A series looks with the same eyes as long as it can, also after it was interrupted.
        self.eyes = None if eyes is None else past.moment_at(eyes)
        listed = ", ".join(_CHAIN)
        engine.table("chain", f"SELECT {listed} FROM ({mine}) {_LATEST}")
        engine.stage("lake_scores", "SELECT * FROM chain")

    def point(self, at: datetime) -> Point:
        """One moment: out of history, or scored."""
        if found := self.kept.get(at):
            return found
        view = past.look(self.app, self.engine, at, self.asked.known)
        if self.asked.known == "now" and self.eyes and self.eyes >= at:
            view = Past(at, self.eyes)
        past.stage_records(self.app, self.engine, view)
        past.run_stages(self.app, self.engine, self.app.model, at)
        rows = (
            f"SELECT * FROM scores SEMI JOIN ({past.accounts(self.asked.where)}) AS k"
            " ON k.id = account_id"
        )
        if self.write:
            models.keep(self.app)
            self._keep(view, rows)
        listed = ", ".join(_CHAIN)
        self.engine.run(f"INSERT INTO chain SELECT {listed} FROM ({rows})")
        self.engine.stage("chain_now", f"SELECT * FROM chain {_LATEST}", "table")
        self.engine.table("chain", "SELECT * FROM chain_now")
        kept: Literal["now", "no"] = "now" if self.write else "no"
        return _points(self.engine, rows, kept).get(at, Point(at, kept))

    def _keep(self, view: Past, rows: str) -> None:
        """Measures first: a moment is in history once its scores are.

        A run that was killed between the two has left its measures behind; they are the same.
        """
        lake, engine = self.app.lake, self.engine
        marks = f"'{self.series}' AS series, {moment(view.known_by)} AS known_by"
        keys = {"as_of": "TIMESTAMPTZ", **history.MARKS}
        there = (
            f"SELECT 1 FROM ({lake.every('measures', engine, keys)})"
            f" WHERE series = '{self.series}' AND as_of = {moment(view.as_of)} LIMIT 1"
        )
        if not engine.one(f"SELECT count(*) FROM ({rows})"):
            return
        if not engine.rows(there):
            lake.append(
                "measures",
                engine,
                f"SELECT *, {marks} FROM measures SEMI JOIN"
                f" ({past.accounts(self.asked.where)}) AS k ON k.id = account_id",
            )
        listed = ", ".join(
            f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in HISTORY.items()
        )
        lake.append("scores", engine, f"SELECT {listed} FROM (SELECT *, {marks} FROM ({rows}))")


_LATEST = "QUALIFY row_number() OVER (PARTITION BY account_id ORDER BY as_of DESC) = 1"


def _points(
    engine: Any, rows: str, kept: Literal["before", "now", "no"] = "before"
) -> dict[datetime, Point]:
    """The moments of some scores, with how many there are in each tier."""
    counted: dict[datetime, dict[str | None, tuple[int, int]]] = {}
    count = "SELECT epoch_us(as_of), tier, count(*), count(score)"
    for micros, tier, accounts, scored in engine.rows(
        f"{count} FROM ({rows}) GROUP BY ALL ORDER BY ALL"
    ):
        counted.setdefault(past.moment_at(micros), {})[tier] = (accounts, scored)
    return {
        at: Point(
            at,
            kept,
            sum(accounts for accounts, _ in tiers.values()),
            sum(scored for _, scored in tiers.values()),
            {tier: accounts for tier, (accounts, _) in tiers.items() if tier},
        )
        for at, tiers in counted.items()
    }


def _note(receipt: Receipt, done: Filled) -> None:
    last, receipt.exit = done.points[-1], done.exit
    receipt.as_of, receipt.accounts = last.as_of.isoformat(), last.accounts
    receipt.scored, receipt.tiers = last.scored, dict(last.tiers)


def _check(asked: Asked) -> None:
    """ConfigError for a condition that is none."""
    if asked.where:
        found = expressions.mistakes(asked.where, (), columns.ACCOUNT, wanted=FLAG)
        if found:
            said = "; ".join(f"{each.what} → {each.fix}" for each in found)
            raise ConfigError(
                f"--where {asked.where!r}: {said}",
                hint="It is a condition in SQL over the columns of accounts.",
            )


def _steps(begin: datetime, end: datetime, every: Every) -> Iterator[datetime]:
    """The moments of a rhythm. A month that lacks the day of the beginning has its last day."""
    number, at = 0, begin
    while at <= end and number <= MOST:
        yield at
        number += 1
        at = _later(begin, every, number)


def _later(begin: datetime, every: Every, number: int) -> datetime:
    if every in _DAYS:
        return begin + timedelta(days=_DAYS[every] * number)
    years, month = divmod(begin.month - 1 + _MONTHS[every] * number, 12)
    year = begin.year + years
    day = min(begin.day, monthrange(year, month + 1)[1])
    return begin.replace(year=year, month=month + 1, day=day)
