"""Loyalty: the NPS of all answers of a year, of the last quarter, and against the quarter before.

Asked of the lake alone, as of the last run that scored; nothing is kept.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..model import nps, themes
from ..model.nps import Difference, Voices
from ..model.stage import moment
from .app import App
from .themes import YEAR, stage_answers

QUARTER = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Loyalty:
    """The answers of a year and of the last quarter; `change` is None where one of two has none."""

    year: Voices
    quarter: Voices
    change: Difference | None


def loyalty(app: App, as_of: datetime) -> Loyalty:
    """Look at the answers to relationship surveys that found an account."""
    with closing(app.engine()) as engine:
        stage_answers(app, engine)
        for stage in themes.answered(as_of, app.matching.own):
            engine.stage(stage.name, stage.sql, stage.kind)
        year, quarter, before = (
            _voices(engine, as_of - begin, as_of - end)
            for begin, end in (
                (YEAR, timedelta()), (QUARTER, timedelta()), (2 * QUARTER, QUARTER)
            )
        )  # fmt: skip
    change = nps.difference(before, quarter) if before.answers and quarter.answers else None
    return Loyalty(year, quarter, change)


def _voices(engine: Any, since: datetime, until: datetime) -> Voices:
    kinds = (
        "count(*) FILTER (WHERE score >= 9) AS p, count(*) FILTER (WHERE score <= 6) AS d,"
        " count(*) AS n"
    )
    span = f"submitted_at > {moment(since)} AND submitted_at <= {moment(until)}"
    each = (
        f"SELECT key, {kinds} FROM answers WHERE verdict IS NULL AND key IS NOT NULL"
        f" AND metric = 'nps' AND kind = 'relationship' AND score IS NOT NULL AND {span}"
        " GROUP BY key"
    )
    accounts, promoters, detractors, answers, *squares = engine.rows(
        "SELECT count(*), coalesce(sum(p), 0), coalesce(sum(d), 0), coalesce(sum(n), 0),"
        " coalesce(sum((p - d) * (p - d)), 0), coalesce(sum((p - d) * n), 0),"
        f" coalesce(sum(n * n), 0) FROM ({each}) AS e"
    )[0]
    plain = Voices(int(promoters), int(detractors), int(answers))
    if not answers:
        return plain
    share = (plain.promoters - plain.detractors) / plain.answers
    xx, xn, nn = map(int, squares)
    spread = xx - 2 * share * xn + share**2 * nn
    together = nps.alike(int(accounts), int(answers), plain, spread)
    return Voices(plain.promoters, plain.detractors, plain.answers, together)
