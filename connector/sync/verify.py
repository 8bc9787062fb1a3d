"""Verify: work out one score of the past again, and say whether it is the one that was kept.

Its receipt is the model's version and a hash over its inputs: the value of every measure, and the
score and tier before. Two proofs are tried: from the records of the lake as they were known then,
and from the kept inputs, of which the account's own columns are asked of the lake.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import ConfigError
from ..model import proof
from ..model.columns import kind_of
from ..model.definition import HealthModel
from ..model.history import HISTORY, Past
from ..model.stages import SCORES
from ..records import MOMENT, NUMBER, TEXT
from . import explain, models, past
from .app import App
from .run import Notify, silent

#: What a score comes to. Its reasons and blind spot may be told anew without another model.
COMPARED = (
    "score",
    "raw",
    "tier",
    "confidence",
    "known",
    "rule",
    "caps",
    "override",
    "scored_as",
    "assumed",
    "held",
    "tier_before",
    "score_before",
)
#: Those of them that are inputs.
BEFORE = ("tier_before", "score_before")
#: Lists that the rows of an earlier build of the lake do not have.
_LATER = ("assumed", "held")
_TENTHS = ("score", "raw", "score_before")


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not what was kept: of the score, or of a measure."""

    name: str
    kept: Any
    again: Any


@dataclass(frozen=True, slots=True)
class Verified:
    """What verifying a score came to. `inputs` are the two hashes; `from_inputs`: whether the
    kept inputs give the kept score."""

    account: str
    past: Past
    series: str | None
    model: str
    score: float | None
    tier: str | None
    inputs: tuple[str, str]
    from_inputs: bool
    differs: tuple[Difference, ...]

    @property
    def equal(self) -> bool:
        """Whether both proofs hold."""
        return self.from_inputs and not self.differs

    def as_dict(self) -> dict[str, Any]:
        """The shape that `--json` prints."""
        return {
            "account": self.account,
            "as_of": self.past.as_of.isoformat(),
            "known_by": self.past.known_by.isoformat(),
            "series": self.series,
            "model": self.model,
            "score": self.score,
            "tier": self.tier,
            "equal": self.equal,
            "inputs": {"kept": self.inputs[0], "again": self.inputs[1]},
            "from_inputs": self.from_inputs,
            "differs": [
                {"name": each.name, "kept": each.kept, "again": each.again} for each in self.differs
            ],
            "calls": 0,
        }


def verify(
    app: App,
    account: str,
    at: datetime | None = None,
    series: str | None = None,
    *,
    notify: Notify = silent,
) -> Verified:
    """Work out the score that an account had at a moment (default: now) again.

    Raises ConfigError when there is none, or when its model is not kept.
    """
    id = explain.id_of(app, account)
    with closing(app.engine()) as engine:
        engine.stage("history", app.lake.every("scores", engine, HISTORY))
        kept = _kept(engine, id, at, series)
        as_of = past.moment_at(kept.pop("as_of"))
        told = kept.pop("known_by")
        view = Past(as_of, as_of if told is None else past.moment_at(told))
        model = models.of(app, str(kept["model"]))
        measures = _kept_measures(app, engine, model, id, view, series)
        before = _values(engine, model, measures, id)
        _again(app, engine, model, view, series, notify)
        again = _one(engine, f"SELECT * FROM scores WHERE account_id = {_text(id)}", COMPARED)
        after = _values(engine, model, "SELECT * FROM measures", id)
        holds = _holds(engine, model, kept, measures, id, as_of)
    inputs = (_hash(before, kept), _hash(after, again) if again else "")
    return Verified(
        id, view, series, model.version, _shown("score", kept["score"]), kept["tier"], inputs,
        holds, tuple(_differences(kept, again, before, after)),
    )  # fmt: skip


def _kept(engine: Any, id: str, at: datetime | None, series: str | None) -> dict[str, Any]:
    until = f" AND epoch_us(as_of) <= {_micros(at)}" if at else ""
    found = _one(
        engine,
        f"SELECT * REPLACE (epoch_us(as_of) AS as_of, epoch_us(known_by) AS known_by)"
        f" FROM history WHERE account_id = {_text(id)} AND {_of(series)}{until}"
        " ORDER BY as_of DESC LIMIT 1",
        ("as_of", "known_by", "model", *COMPARED),
    )
    if found is None:
        when = f" by {at:%Y-%m-%d %H:%M} UTC" if at else ""
        among = f" in series {series}" if series else ""
        raise ConfigError(f"{id} had no score{when}{among}.", hint="Name a later moment with --at.")
    return found


def _kept_measures(
    app: App, engine: Any, model: HealthModel, id: str, view: Past, series: str | None
) -> str:
    """The measures of a kept score; what the lake never had is NULL."""
    columns = {"account_id": TEXT, "as_of": MOMENT, "series": TEXT}
    shapes = {
        each.name: f"STRUCT(value {kind_of(each)}, points INTEGER, weight BIGINT,"
        " contribution INTEGER)"
        for each in model.measures
    }
    every = app.lake.every("measures", engine, {**columns, **shapes})
    return (
        f"SELECT * FROM ({every}) WHERE account_id = {_text(id)} AND {_of(series)}"
        f" AND epoch_us(as_of) = {_micros(view.as_of)}"
    )


def _again(
    app: App, engine: Any, model: HealthModel, view: Past, series: str | None, notify: Notify
) -> None:
    """Score the moment with what was known and with the history that there was."""
    past.stage_records(app, engine, view)
    listed = ", ".join(SCORES)
    engine.stage("lake_scores", f"SELECT {listed} FROM history WHERE {_of(series)}")
    past.run_stages(app, engine, model, view.as_of, notify)


def _values(engine: Any, model: HealthModel, rows: str, id: str) -> dict[str, Any]:
    """The value of every measure: numbers as they are, facts of other kinds as text."""
    listed = ", ".join(
        f'CAST(m."{each.name}".value AS {NUMBER if kind_of(each) == NUMBER else TEXT})'
        f' AS "{each.name}"'
        for each in model.measures
    )
    sql = f"SELECT {listed} FROM ({rows}) AS m WHERE account_id = {_text(id)}"
    found = engine.dicts(sql)
    return dict(found[0]) if found else {}


def _one(engine: Any, sql: str, names: tuple[str, ...]) -> dict[str, Any] | None:
    found = engine.dicts(f"SELECT {', '.join(names)} FROM ({sql})")
    return dict(found[0]) if found else None


def _differences(
    kept: Mapping[str, Any],
    again: Mapping[str, Any] | None,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> list[Difference]:
    if again is None:
        return [Difference("account", "scored", "not among the accounts of that moment")]
    found = [
        Difference(name, _shown(name, kept[name]), _shown(name, again[name]))
        for name in COMPARED
        if kept[name] != again[name] and not (name in _LATER and kept[name] is None)
    ]
    return found + [
        Difference(name, before.get(name), value)
        for name, value in after.items()
        if _said(before.get(name)) != _said(value)
    ]


def _holds(
    engine: Any,
    model: HealthModel,
    kept: Mapping[str, Any],
    measures: str,
    id: str,
    as_of: datetime,
) -> bool:
    """Whether the kept values give the kept score, with the account as it was known then."""
    named = ", ".join(f'm."{each.name}".value AS "{each.name}"' for each in model.measures)
    account = f"SELECT * FROM accounts WHERE id = {_text(id)}"
    sql = proof.query(model, kept, account, f"SELECT {named} FROM ({measures}) AS m", as_of)
    again = _one(engine, sql, proof.JUDGED)
    return again is not None and all(kept[name] == again[name] for name in proof.JUDGED)


def _hash(values: Mapping[str, Any], score: Mapping[str, Any]) -> str:
    """12 characters over all inputs of a score; numbers to twelve digits."""
    told = {name: _said(value) for name, value in values.items()}
    told |= {name: _said(score[name]) for name in BEFORE}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def _said(value: Any) -> str | None:
    return f"{value + 0.0:.12g}" if isinstance(value, int | float) else value


def _shown(name: str, value: Any) -> Any:
    return value / 10 if name in _TENTHS and value is not None else value


def _of(series: str | None) -> str:
    return "series IS NULL" if series is None else f"series = {_text(series)}"


def _micros(at: datetime) -> int:
    return (at - past.EPOCH) // past.MICROSECOND


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
