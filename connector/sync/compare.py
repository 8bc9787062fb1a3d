"""Compare: who would be in another tier under another model, with how much revenue, and why.

Both models score what the lake knows now, each going on from its own history as it would if it were
in use: the one in use keeps tiers by its margin, a new one has nothing to keep yet. No score is
kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..model import moves
from ..model.definition import HealthModel
from ..model.history import Past
from . import past
from .app import App
from .run import Notify, silent

#: How many causes are named.
CAUSES = 3


@dataclass(frozen=True, slots=True)
class Cause:
    """What makes a difference, in points: a measure, a cap, or the edges of tiers (0)."""

    cause: str
    name: str
    delta: float


@dataclass(frozen=True, slots=True)
class Move:
    """Accounts that go from one tier to another (None: no tier), and mostly why.

    `revenue` is the sum of what is known, in the company's currency; `unknown` of the accounts have
    none. Causes are means over the accounts.
    """

    tiers: tuple[str | None, str | None]
    accounts: int
    revenue: float
    unknown: int
    why: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Mover:
    """One account in another tier."""

    account: str
    name: str | None
    revenue: float | None
    tiers: tuple[str | None, str | None]
    scores: tuple[float | None, float | None]
    why: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """Two models over the same accounts. `changed`: how many scores differ, tier or not."""

    as_of: datetime
    models: tuple[str, str]
    accounts: int
    changed: int
    revenue: float
    moves: tuple[Move, ...]
    movers: tuple[Mover, ...]

    @property
    def moved(self) -> int:
        """How many accounts are in another tier."""
        return sum(each.accounts for each in self.moves)

    @property
    def moved_revenue(self) -> float:
        """Their revenue."""
        return sum(each.revenue for each in self.moves)

    def as_dict(self) -> dict[str, Any]:
        """The shape that `--json` prints."""
        return {
            "as_of": self.as_of.isoformat(),
            "models": list(self.models),
            "accounts": self.accounts,
            "changed": self.changed,
            "moved": self.moved,
            "revenue": self.revenue,
            "moved_revenue": self.moved_revenue,
            "moves": [_move(each) for each in self.moves],
            "movers": [_mover(each) for each in self.movers],
            "calls": 0,
        }


def compare(
    app: App, a: HealthModel, b: HealthModel, *, most: int = 20, notify: Notify = silent
) -> Compared:
    """Score the lake with both models; the `most` valuable accounts that move are listed."""
    with closing(app.engine()) as engine:
        _, last = past.bounds(app, engine)
        past.stage_records(app, engine, Past(last, last))
        engine.stage("lake_scores", past.scored_live(app, engine))
        for name, model in (("side_a", a), ("side_b", b)):
            past.run_stages(app, engine, model, last, notify)
            engine.stage(name, moves.side(model), "table")
        engine.stage("compared", moves.both(a, b))
        engine.stage(
            "moved", "SELECT * FROM compared WHERE tier_a IS DISTINCT FROM tier_b", "table"
        )
        accounts, changed, revenue = engine.rows(
            "SELECT count(*), count(*) FILTER (WHERE b.score IS DISTINCT FROM a.score),"
            " coalesce(round(fsum(b.revenue), 2), 0)"
            " FROM side_a AS a JOIN side_b AS b USING (account_id)"
        )[0]
        return Compared(
            last,
            (a.version, b.version),
            accounts,
            changed,
            revenue,
            tuple(_moves(engine)),
            tuple(_movers(engine, most)),
        )


def _moves(engine: Any) -> Sequence[Move]:
    why = _causes(engine)
    rows = engine.rows(
        "SELECT tier_a, tier_b, count(*), coalesce(round(fsum(revenue), 2), 0),"
        " count(*) FILTER (WHERE revenue IS NULL) FROM moved GROUP BY tier_a, tier_b"
        " ORDER BY tier_a NULLS LAST, tier_b NULLS LAST"
    )
    return [
        Move((a, b), accounts, revenue, unknown, _first(why.get((a, b), ()), accounts))
        for a, b, accounts, revenue, unknown in rows
    ]


def _causes(engine: Any) -> Mapping[tuple[Any, Any], Sequence[tuple[str, str, int]]]:
    """Each move's causes with their sums over its accounts, the largest first."""
    found: dict[tuple[Any, Any], list[tuple[str, str, int]]] = {}
    for a, b, cause, name, delta in engine.rows(
        "SELECT tier_a, tier_b, t.cause, t.name, sum(t.delta) FROM"
        " (SELECT tier_a, tier_b, unnest(terms) AS t FROM moved)"
        " GROUP BY ALL ORDER BY abs(sum(t.delta)) DESC, t.name"
    ):
        found.setdefault((a, b), []).append((cause, name, delta))
    return found


def _movers(engine: Any, most: int) -> Sequence[Mover]:
    rows = engine.dicts(
        f"SELECT * REPLACE (terms[1:{CAUSES}] AS terms) FROM moved"
        f" ORDER BY revenue DESC NULLS LAST, abs(score_b - score_a) DESC, account_id LIMIT {most}"
    )
    return [
        Mover(
            row["account_id"],
            row["name"],
            row["revenue"],
            (row["tier_a"], row["tier_b"]),
            (_points(row["score_a"]), _points(row["score_b"])),
            _first([(t["cause"], t["name"], t["delta"]) for t in row["terms"]], 1),
        )
        for row in rows
    ]


def _first(terms: Sequence[tuple[str, str, int]], accounts: int) -> tuple[Cause, ...]:
    if not terms:
        return (Cause(moves.TIERS, "edges", 0.0),)
    return tuple(
        Cause(cause, name, round(delta / 10 / accounts, 1)) for cause, name, delta in terms[:CAUSES]
    )


def _points(tenths: int | None) -> float | None:
    return None if tenths is None else tenths / 10


def _move(each: Move) -> dict[str, Any]:
    return {
        "from": each.tiers[0],
        "to": each.tiers[1],
        "accounts": each.accounts,
        "revenue": each.revenue,
        "revenue_unknown": each.unknown,
        "why": [_cause(cause) for cause in each.why],
    }


def _mover(each: Mover) -> dict[str, Any]:
    return {
        "account": each.account,
        "name": each.name,
        "revenue": each.revenue,
        "from": {"tier": each.tiers[0], "score": each.scores[0]},
        "to": {"tier": each.tiers[1], "score": each.scores[1]},
        "why": [_cause(cause) for cause in each.why],
    }


def _cause(each: Cause) -> dict[str, Any]:
    return {"cause": each.cause, "name": each.name, "delta": each.delta}
