"""Which names the SQL of a model may use, and of which type they are."""

from __future__ import annotations

from ..mapping import expressions
from ..mapping.expressions import BadSql
from ..records import COUNT, FLAG, MOMENT, NUMBER, STREAMS, TEXT, WORDS
from .definition import HealthModel, Measure

#: The stream that is looked at row by row; all others are aggregated.
ACCOUNTS = "accounts"
#: Streams of which nothing is measured: they say who, whose and how much others are.
LOOSE = frozenset({"owners", "rates", "subjects"})
#: Where an account stands in its hierarchy: the id at the top, and how far below it is.
TREE = {"root_id": TEXT, "depth": COUNT}
#: What is known of an account.
ACCOUNT = {**STREAMS[ACCOUNTS].columns, **TREE}
#: What a measure may use besides the columns of its stream.
EXTRA = {"age_days": NUMBER, "decay": NUMBER, "as_of": MOMENT}
#: What is known of an answer once its account and its sender are.
ANSWER = {"role_weight": COUNT, "is_latest": FLAG}
#: What a result has besides account columns and measures, and the columns of a score.
RESULT = {
    "score": NUMBER,
    "score_before": NUMBER,
    "tier": TEXT,
    "tier_before": TEXT,
    "trend": TEXT,
    "confidence": COUNT,
    "known_groups": COUNT,
    "rule": TEXT,
    "caps": WORDS,
    "override": TEXT,
    "blind_spot": TEXT,
    "scored_as": TEXT,
    "assumed": WORDS,
    "held": WORDS,
    "alerts": WORDS,
    "rollup_score": NUMBER,
    "rollup_tier": TEXT,
    "reason_en": TEXT,
    "reason_de": TEXT,
    "brief_en": TEXT,
    "brief_de": TEXT,
    "as_of": MOMENT,
    "model": TEXT,
}
#: What only a rule for tiers may ask: how many percent of the scored accounts are better.
RANK = "rank"

_TEXTS = frozenset({"reason_en", "reason_de", "brief_en", "brief_de"})
_NOT_ASKED = _TEXTS | frozenset({"alerts", "caps", "assumed", "held", "model"})


def of_measure(measure: Measure) -> dict[str, str]:
    """The columns that the SQL of a measure may use."""
    return {**of_rows(measure.stream), **EXTRA}


def of_rows(stream: str) -> dict[str, str]:
    """The columns of a stream's records once their accounts were found."""
    return {**of_stream(stream), **(ANSWER if stream == "responses" else {})}


def of_stream(name: str) -> dict[str, str]:
    """The columns of a stream's records once they were seen; empty when there is no such stream."""
    stream = STREAMS.get(name)
    tree = TREE if name == ACCOUNTS else {}
    return {**(stream.all_columns if stream else {}), **tree}


def of_caps(model: HealthModel) -> dict[str, str]:
    """The columns that the condition of a cap may use."""
    values = {each.name: kind_of(each) for each in model.measures}
    return {**ACCOUNT, **values, "known_groups": COUNT}


def of_rules(model: HealthModel) -> dict[str, str]:
    """The columns that the condition of a rule for tiers may use."""
    return {**of_caps(model), "score": NUMBER, "tier_before": TEXT, RANK: COUNT}


def of_alerts(model: HealthModel) -> dict[str, str]:
    """The columns that the condition of an alert may use: all of a result but texts and alerts."""
    found = of_results(model)
    return {name: found[name] for name in found if name not in _NOT_ASKED}


def of_results(model: HealthModel) -> dict[str, str]:
    """The columns of a result, for mappings."""
    values = {each.name: kind_of(each) for each in model.measures}
    return {**ACCOUNT, **RESULT, **values}


def kind_of(measure: Measure) -> str:
    """The type of a measure's value: a number, or for facts also a moment or a text."""
    try:
        kind = expressions.type_of(measure.value, of_measure(measure))
    except BadSql:
        return NUMBER
    return kind if kind in (MOMENT, TEXT) else NUMBER


def moment_of(measure: Measure) -> str | None:
    """The column that says when a row of a measure happened."""
    return measure.at or STREAMS[measure.stream].moment
