"""Rules that decide a tier where the edges of the score would: SQL over all that is known."""

from __future__ import annotations

from sqlglot import exp

from ..mapping.expressions import literal, parse, paths, replaced
from .caps import plain
from .columns import ACCOUNT, RANK
from .definition import HealthModel, Rule

#: Of the scored accounts, how many percent have a higher score; those of one score share a rank.
_BETTER = "rank() OVER (ORDER BY g.score DESC NULLS LAST) - 1"
_RANK = f"(100 * ({_BETTER})) // nullif(count(g.score) OVER (), 0)"
_LED = {
    "known_groups": "g.known",
    "score": "CAST(g.score AS DOUBLE) / 10",
    "tier_before": "e.tier",
    RANK: _RANK,
}


def decides(model: HealthModel) -> str:
    """The name of the first rule that holds, where `graded`, `raw` and accounts are joined."""
    if not model.rules:
        return "CAST(NULL AS VARCHAR)"
    cases = " ".join(f"WHEN {_condition(each)} THEN {literal(each.name)}" for each in model.rules)
    return f"CASE WHEN g.score IS NULL THEN NULL {cases} END"


def tier(model: HealthModel) -> str:
    """The cases of a tier by the rule that decides."""
    return " ".join(f"WHEN rule = {literal(each.name)} THEN '{each.tier}'" for each in model.rules)


def ranks(model: HealthModel) -> bool:
    """Whether the tier of an account hangs on the scores of others."""
    return any(RANK in paths(parse(plain(each.when))) for each in model.rules)


def _condition(rule: Rule) -> str:
    def column(name: str) -> exp.Expr:
        if name in _LED:
            return exp.Paren(this=parse(_LED[name]))
        table = "a" if name in ACCOUNT else "r"
        return exp.column(exp.to_identifier(name, quoted=True), table)

    return replaced(plain(rule.when), column)
