"""Line: how one account's score went, never two histories in one.

A line is what was scored on the days themselves, or one series of a backfill. Where another model
began to score, the point says so: the way to it is not a change of the customer.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from ..model.history import HISTORY
from . import explain
from .app import App


@dataclass(frozen=True, slots=True)
class Stop:
    """One score on the way. `switched`: the model is another one than at the stop before."""

    as_of: str
    model: str
    score: float | None
    tier: str | None
    confidence: int
    switched: bool


@dataclass(frozen=True, slots=True)
class Line:
    """The scores of an account in order, and the names of the series that it is in."""

    account: str
    series: str | None
    every: tuple[str, ...]
    stops: tuple[Stop, ...]

    def as_dict(self) -> dict[str, Any]:
        """The shape that `--json` prints."""
        return {
            "account": self.account,
            "series": self.series,
            "every_series": list(self.every),
            "history": [
                {
                    "as_of": each.as_of,
                    "model": each.model,
                    "score": each.score,
                    "tier": each.tier,
                    "confidence": each.confidence,
                    "switched": each.switched,
                }
                for each in self.stops
            ],
        }


def line(app: App, account: str, series: str | None = None) -> Line:
    """The line of an account. ConfigError when there is no such account or series."""
    id = explain.id_of(app, account)
    with closing(app.engine()) as engine:
        every = app.lake.every("scores", engine, HISTORY)
        engine.stage("mine", f"SELECT * FROM ({every}) WHERE account_id = {_text(id)}", "table")
        named = engine.rows("SELECT DISTINCT series FROM mine WHERE series NOTNULL ORDER BY series")
        names = tuple(str(name) for (name,) in named)
        if series is not None and series not in names:
            known = f"It is in {', '.join(names)}." if names else "It is in none."
            raise ConfigError(f"{id} is in no series {series!r}.", hint=known)
        rows = engine.rows(
            "SELECT strftime(as_of AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ'), model, score / 10,"
            " tier, confidence, coalesce(model <> lag(model) OVER (ORDER BY as_of), FALSE)"
            f" FROM mine WHERE series IS NOT DISTINCT FROM {_text(series)} ORDER BY as_of"
        )
    return Line(id, series, names, tuple(Stop(*row) for row in rows))


def _text(value: str | None) -> str:
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"
