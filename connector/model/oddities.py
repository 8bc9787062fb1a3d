"""Records that are strange but not fatal: counted, and listed by id so that a person can look."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

import sqlglot
from sqlglot import exp

from ..mapping.expressions import DIALECT, literal, parse
from ..records import STREAMS
from . import money, segments, trees
from .definition import HealthModel
from .stage import Stage, moment, union

#: Where the moment goes; a letter that no SQL has otherwise.
_AS_OF = '"\ue000as_of"'
#: What is always counted; the model file adds its own checks.
_ALWAYS = (
    "SELECT stream, why AS rule, id FROM placements WHERE key IS NULL",
    "SELECT 'responses' AS stream, verdict AS rule, id FROM answers WHERE verdict IS NOT NULL",
    "SELECT 'accounts' AS stream, 'same_name' AS rule, a.id FROM accounts AS a"
    " JOIN (SELECT lower(trim(name)) AS name FROM accounts GROUP BY lower(trim(name))"
    " HAVING count(*) > 1) AS twice ON twice.name = lower(trim(a.name))",
    # Something to map is told apart from people without an account, of whom every org has many.
    "SELECT 'activities' AS stream, rule, id FROM strays"
    " WHERE id NOT IN (SELECT id FROM shared WHERE accounts > 1)",
    "SELECT 'activities' AS stream, 'of_several_accounts' AS rule, id FROM shared"
    " WHERE accounts > 1",
    *money.unknown(),
    trees.RINGS,
)


def stages(model: HealthModel, as_of: datetime) -> tuple[Stage, ...]:
    """`oddities(stream, rule, id)`."""
    now = moment(as_of)
    found = [_found(c.stream, c.name, c.when).replace(_AS_OF, now) for c in model.checks]
    return (Stage("oddities", union([*_ALWAYS, *found, *_told(model)])),)


def _told(model: HealthModel) -> list[str]:
    """Accounts about which the model wants somebody to be told: blind spots and alerts."""
    names = ", ".join(literal(each.name) for each in model.blind_spots if each.listed)
    told = "SELECT 'accounts' AS stream, blind_spot AS rule, account_id AS id FROM scores"
    found = [f"{told} WHERE blind_spot IN ({names})"] if names else []
    found += segments.without(model)
    if model.alerts:
        found.append("SELECT 'accounts' AS stream, rule, account_id AS id FROM alarms")
    return found


@lru_cache(maxsize=256)
def _found(stream: str, name: str, when: str) -> str:
    """The query of a check, with a hole for the moment."""
    head = f"SELECT {literal(stream)} AS stream, {literal(name)} AS rule"
    query = sqlglot.parse_one(f"{head}, {stream}.id FROM {stream} WHERE {when}", read=DIALECT)
    for table in query.find_all(exp.Table):
        if table.name in STREAMS:
            table.replace(_seen(table))
    for column in list(query.find_all(exp.Column)):
        if column.name == "as_of":
            column.replace(parse(_AS_OF))
    return str(query.sql(DIALECT))


def _seen(table: exp.Table) -> exp.Expr:
    """The stream as it was seen, still under the name that the check uses."""
    name = "accounts" if table.name == "accounts" else f"seen_{table.name}"
    return exp.alias_(exp.to_table(name), table.alias or table.name, table=True)
