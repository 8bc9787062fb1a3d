"""What a mapping can write: one row per account with columns, score and measures side by side."""

from __future__ import annotations

from sqlglot import exp

from ..mapping.expressions import identifier, literal, parse, replaced
from . import columns as names
from . import rollups, segments
from .caps import plain
from .definition import Alert, HealthModel
from .stage import Stage

_BRIEFS = ("brief_en", "brief_de")


def columns(model: HealthModel) -> dict[str, str]:
    """The columns of `results` and their types."""
    return names.of_results(model)


def stages(model: HealthModel, *, brief: bool = False) -> tuple[Stage, ...]:
    """`results`, with scores in points again, and `alarms(rule, account_id)` if any are wanted."""
    whole = Stage("results", sql(model, brief=brief), "view")
    return (whole, Stage("alarms", _alarms(), "view")) if model.alerts else (whole,)


def sql(model: HealthModel, *, brief: bool = False) -> str:
    """A query over accounts, scores and raw values; with `brief` also over `briefs`."""
    account = [f"a.{name}" for name in names.ACCOUNT]
    told = {name: f"t.{name}" if brief else "CAST(NULL AS VARCHAR)" for name in _BRIEFS}
    score = [f"{told.get(name) or _result(model, name)} AS {name}" for name in names.RESULT]
    values = [f"r.{identifier(each.name)}" for each in model.measures]
    rolled = rollups.joined(model, "s")
    rolled += " LEFT JOIN briefs AS t ON t.key = a.key" if brief else ""
    return (
        f"SELECT {', '.join([*account, *score, *values])} FROM accounts AS a"
        f" JOIN scores AS s ON s.account_id = a.id JOIN raw AS r ON r.key = a.key{rolled}"
    )


def _alarms() -> str:
    return "SELECT id AS account_id, unnest(alerts) AS rule FROM results"


def _result(model: HealthModel, name: str) -> str:
    if name in ("score", "score_before"):
        return f"CAST(s.{name} AS DOUBLE) / 10"
    if name == "trend":
        return _trend(model)
    if name in ("confidence", "known_groups"):
        return f"CAST(s.{'known' if name == 'known_groups' else name} AS BIGINT)"
    if name == "rollup_score":
        return f"CAST({'s' if rollups.is_own(model) else 'u'}.score AS DOUBLE) / 10"
    if name == "alerts":
        return _alerts(model)
    return f"s.{name}"


def _alerts(model: HealthModel) -> str:
    """The names of the alerts whose condition holds, in the order of the file."""
    if not model.alerts:
        return "CAST([] AS VARCHAR[])"
    listed = ", ".join(
        f"CASE WHEN {_condition(model, each)} THEN {literal(each.name)} END"
        for each in model.alerts
    )
    return f"list_filter([{listed}], lambda name: name IS NOT NULL)"


def _condition(model: HealthModel, alert: Alert) -> str:
    """The condition with every name led to what it stands for in a result."""

    def column(name: str) -> exp.Expr:
        if name in names.RESULT:
            return exp.Paren(this=parse(_result(model, name)))
        return exp.column(name, "a" if name in names.ACCOUNT else "r")

    return replaced(plain(alert.when), column)


def _trend(model: HealthModel) -> str:
    """Up or down when the score moved by more than the margin of a tier."""
    moved = "s.score - s.score_before"
    margin = segments.edge(model, lambda tiers: tiers.margin, "s.scored_as")
    return (
        f"CASE WHEN {moved} > {margin} THEN 'up' WHEN {moved} < -({margin}) THEN 'down'"
        f" WHEN {moved} IS NOT NULL THEN 'steady' END"
    )
