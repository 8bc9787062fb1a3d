"""A score from the values that were kept with it: every step after the aggregates, once more."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ..mapping.expressions import identifier
from . import few, previous, rules, scorecard, scores
from .definition import HealthModel
from .measures import newest
from .rows import Row
from .stage import Stage

#: What must come out again. Confidence, and what was carried, hang on how old the records behind a
#: value were, which is not kept.
JUDGED = ("score", "raw", "tier", "known", "rule", "caps", "override", "scored_as")


def query(model: HealthModel, kept: Row, account: str, values: str, as_of: datetime) -> str:
    """One row with the columns `JUDGED`; none without the account.

    `kept` is the row of `scores`, of which the score and tier before and the measures with too few
    rows are taken. `account` is a query for the account's columns and its `key`, `values` for a
    column per measure.
    """
    model = _ruled(model, kept["rule"])
    named = ", ".join(f"v.{identifier(each.name)}" for each in model.measures)
    beside = [
        f"CAST(NULL AS TIMESTAMPTZ) AS {newest(each)}" for each in model.measures if each.max_age
    ]
    beside += few.as_enough(model, kept["held"] or ())
    steps = (
        Stage("accounts", account),
        Stage(
            "raw",
            f"SELECT {', '.join(['a.key', 'a.id AS account_id', named, *beside])}"
            f" FROM accounts AS a CROSS JOIN ({values}) AS v",
        ),
        previous.apart(kept["tier_before"], kept["score_before"]),
        Stage("graded", scorecard.graded(model, as_of)),
        Stage("judged", scores.judged(model, as_of)),
    )
    told = ", ".join(f"{step.name} AS ({step.sql})" for step in steps)
    return f"WITH {told} SELECT {', '.join(JUDGED)} FROM judged"


def _ruled(model: HealthModel, rule: str | None) -> HealthModel:
    """A rank hangs on the scores of all others: where rules ask for it, the one that decided is
    taken as it is."""
    if not rules.ranks(model):
        return model
    own = tuple(replace(each, when="TRUE") for each in model.rules if each.name == rule)
    return replace(model, rules=own)
