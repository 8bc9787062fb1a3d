"""The rules by which a record finds its account, from the surest down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One rung of the ladder: its place, its name, and how far its answer is to be trusted.

    Equal names are one rule that is asked more than once, of other words each time.
    """

    rung: int
    name: str
    confidence: float


RECORD_ID, ALIAS_OF_KEY, EXTERNAL_ID, ALIAS_OF_ADDRESS, EMAIL = 1, 2, 3, 4, 5
EMAIL_PLUS, ALIAS_OF_COMPANY, DOMAIN, DOMAIN_PARENT, NAME = 6, 7, 8, 9, 10

RULES = (
    Rule(RECORD_ID, "record_id", 1.00),
    Rule(ALIAS_OF_KEY, "alias", 0.95),
    Rule(EXTERNAL_ID, "external_id", 0.98),
    Rule(ALIAS_OF_ADDRESS, "alias", 0.95),
    Rule(EMAIL, "email", 0.95),
    Rule(EMAIL_PLUS, "email_plus", 0.95),
    Rule(ALIAS_OF_COMPANY, "alias", 0.95),
    Rule(DOMAIN, "domain", 0.80),
    Rule(DOMAIN_PARENT, "domain_parent", 0.50),
    Rule(NAME, "name", 0.60),
)
BY_RUNG: Mapping[int, Rule] = {rule.rung: rule for rule in RULES}
#: What a person has written down.
ALIASES = (ALIAS_OF_KEY, ALIAS_OF_ADDRESS, ALIAS_OF_COMPANY)
#: Rules that may have found the account through a contact, who may move to another.
THROUGH_CONTACT = (RECORD_ID, EMAIL, EMAIL_PLUS)


def below(least: float) -> tuple[int, ...]:
    """The rungs that are not trusted enough; a person's word always is."""
    return tuple(r.rung for r in RULES if r.confidence < least and r.rung not in ALIASES)


def listed(rungs: tuple[int, ...]) -> str:
    """Rungs as a list in SQL."""
    return f"({', '.join(map(str, rungs))})"


def named(rung: str) -> str:
    """SQL for the name of a rule."""
    whens = " ".join(f"WHEN {r.rung} THEN '{r.name}'" for r in RULES)
    return f"CASE {rung} {whens} END"


def trusted(rung: str) -> str:
    """SQL for the confidence of a rule."""
    whens = " ".join(f"WHEN {r.rung} THEN CAST({r.confidence} AS DOUBLE)" for r in RULES)
    return f"CASE {rung} {whens} END"
