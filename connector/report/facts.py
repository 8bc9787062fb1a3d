"""What the page tells about the accounts, read from the lake in a few statements."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ..model import history, stages
from ..model.nps import interval
from ..sync.app import App
from ..sync.loyalty import Loyalty, loyalty
from ..sync.pull import columns_of
from ..sync.themes import Themes
from ..sync.themes import gather as heard
from ..sync.unmatched import scored_at

#: Tiers whose revenue is at risk, and how many accounts are listed.
AT_RISK = ("C", "D")
LISTED = 25
BINS = 20
_SHAPE = "STRUCT(value DOUBLE, points INTEGER, weight BIGINT, contribution INTEGER)"


@dataclass(frozen=True, slots=True)
class Tier:
    """How many accounts are in a tier, and their revenue; the tier "" is for the unknown."""

    name: str
    accounts: int
    revenue: float


@dataclass(frozen=True, slots=True)
class Account:
    """An account that needs somebody's attention."""

    id: str
    name: str
    owner: str
    revenue: float | None
    score: float
    change: float | None
    tier: str
    tier_before: str | None
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Facts:
    """The state of all accounts, without a word about the people behind them."""

    accounts: int
    scored: int
    revenue: float
    at_risk: float
    answered: int
    answered_revenue: float
    nps: float | None
    nps_by_revenue: float | None
    responses: int
    confidence: float | None
    tiers: tuple[Tier, ...]
    histogram: tuple[int, ...]
    attention: tuple[Account, ...]
    checks: Mapping[str, Mapping[str, str]]
    themes: Themes | None = None
    loyalty: Loyalty | None = None

    @property
    def range(self) -> tuple[float, float] | None:
        """Where the NPS of a year lies in 19 of 20 cases."""
        found = self.loyalty
        return interval(found.year) if found and found.year.answers else None


def gather(app: App) -> Facts:
    """Look at the newest score of every account."""
    at = scored_at(app)
    with closing(app.engine()) as engine:
        _stage(app, engine)
        return Facts(
            **engine.dicts(_HEAD)[0],
            tiers=tuple(Tier(*row) for row in engine.rows(_TIERS)),
            histogram=_histogram(dict(engine.rows(_HISTOGRAM))),
            attention=tuple(_account(row) for row in engine.dicts(_ATTENTION)),
            checks={each.name: each.label for each in app.model.checks},
            themes=heard(app, most=0) if at else None,
            loyalty=loyalty(app, at) if at else None,
        )


def _stage(app: App, engine: Any) -> None:
    """Put one row per account into the engine, as `state`."""
    lake, key = app.lake, ("source", "id")
    for stream in ("accounts", "owners"):
        engine.stage(f"known_{stream}", lake.newest(stream, engine, columns_of(app, stream), key))
    scores = lake.every("scores", engine, history.HISTORY)
    engine.stage("now", f"{history.live(scores, tuple(stages.SCORES))} {_NEWEST}")
    columns = {"account_id": "VARCHAR", "as_of": "TIMESTAMPTZ", "nps": _SHAPE}
    columns["nps_responses"] = _SHAPE
    measures = lake.every("measures", engine, {**columns, **history.MARKS})
    engine.stage("measured", f"{history.live(measures, tuple(columns))} {_NEWEST}")
    engine.stage("state", _STATE, "table")


def _histogram(bins: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(bins.get(number, 0) for number in range(BINS))


def _account(row: Mapping[str, Any]) -> Account:
    reasons = {language: row[f"reason_{language}"] or "" for language in ("en", "de")}
    rest = {name: row[name] for name in row if not name.startswith("reason_")}
    return Account(**rest, reasons=reasons)


_NEWEST = "QUALIFY row_number() OVER (PARTITION BY account_id ORDER BY as_of DESC) = 1"
_STATE = """
SELECT a.id, a.name, coalesce(o.name, '') AS owner, a.revenue, s.score, s.score_before,
    coalesce(s.tier, '') AS tier, s.tier_before, s.confidence, s.reason_en, s.reason_de,
    m.nps.value AS nps, coalesce(m.nps_responses.value, 0) AS responses
FROM known_accounts a
LEFT JOIN now s ON s.account_id = a.id
LEFT JOIN measured m ON m.account_id = a.id
LEFT JOIN known_owners o ON o.id = a.owner_id AND o.source = a.source
WHERE NOT coalesce(a.deleted, false)
"""
_AT_RISK = ", ".join(f"'{tier}'" for tier in AT_RISK)
# The NPS of all answers is the mean of the accounts' NPS, weighted by their answers.
_HEAD = f"""
SELECT count(*) AS accounts, count(score) AS scored, coalesce(sum(revenue), 0) AS revenue,
    coalesce(sum(revenue) FILTER (tier IN ({_AT_RISK})), 0) AS at_risk,
    count(*) FILTER (responses > 0) AS answered,
    coalesce(sum(revenue) FILTER (responses > 0), 0) AS answered_revenue,
    sum(nps * responses) / nullif(sum(responses) FILTER (nps IS NOT NULL), 0) AS nps,
    sum(nps * revenue) / nullif(sum(revenue) FILTER (nps IS NOT NULL AND revenue > 0), 0)
        AS nps_by_revenue,
    CAST(sum(responses) AS BIGINT) AS responses, avg(confidence) AS confidence
FROM state
"""
_TIERS = """
SELECT tier, count(*), coalesce(sum(revenue), 0) FROM state
GROUP BY tier ORDER BY tier = '', tier
"""
_HISTOGRAM = f"""
SELECT least(CAST(floor(score / {1000 // BINS}) AS INTEGER), {BINS - 1}), count(*)
FROM state WHERE score IS NOT NULL GROUP BY 1
"""
_ATTENTION = f"""
SELECT id, name, owner, revenue, score / 10 AS score, (score - score_before) / 10 AS change,
    tier, tier_before, reason_en, reason_de
FROM state WHERE tier IN ({_AT_RISK}) OR tier > tier_before
ORDER BY revenue DESC NULLS LAST, score, id LIMIT {LISTED}
"""
