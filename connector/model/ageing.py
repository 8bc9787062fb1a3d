"""What the clock alone does to an account: the records of an earlier moment, looked at later.

On demand and for one account: a run does not need it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..mapping.expressions import identifier, literal
from . import answers, identity, measures, money, placements, seen
from .definition import HealthModel
from .matching import USUAL, Matching
from .stage import Stage, double


@dataclass(frozen=True, slots=True)
class Aged:
    """A measure over the records of an earlier moment: its value then and by now.

    `days` is the age of the newest record behind it, where the model limits that age.
    """

    then: float | None
    now: float | None
    days: int | None = None


def stages(
    model: HealthModel,
    account: str,
    before: datetime,
    now: datetime,
    matching: Matching = USUAL,
) -> tuple[Stage, ...]:
    """`aged`: one row with what `read` reads; no row if there was no such account yet."""
    model = replace(model, measures=model.scored)
    streams = measures.streams(model)
    alone = f"FROM accounts AS a WHERE a.id = {literal(account)}"
    mine = f"WHERE v.key IN (SELECT a.key {alone})"
    past = [Stage(f"past_{name}", f"SELECT v.* FROM v_{name} AS v {mine}") for name in streams]
    return (
        *money.stages(),
        *seen.views(before),
        *seen.accounts(before),
        *seen.placed(before, matching),
        *identity.stages(matching),
        *placements.stages(matching, before),
        *answers.stages(model.roles, matching.own),
        *past,
        Stage("past_account", f"SELECT a.* {alone}"),
        *(Stage(f"v_{name}", f"SELECT * FROM past_{name}", "view") for name in streams),
        Stage("accounts", "SELECT * FROM past_account"),
        *measures.stages(model, before),
        Stage("later", measures.raw(model, now)),
        Stage("aged", _aged(model, now), "view"),
    )


def read(model: HealthModel, found: Mapping[str, Any] | None) -> dict[str, Aged]:
    """The row of `aged` by measure."""
    if found is None:
        return {}
    return {
        each.name: Aged(
            found[f"{each.name}__then"],
            found[f"{each.name}__now"],
            found.get(f"{each.name}__days"),
        )
        for each in model.scored
    }


def _aged(model: HealthModel, now: datetime) -> str:
    seconds = double(now.timestamp())
    columns = []
    for each in model.measures:
        name = identifier(each.name)
        columns.append(f"t.{name} AS {identifier(f'{each.name}__then')}")
        columns.append(f"l.{name} AS {identifier(f'{each.name}__now')}")
        if each.max_age:
            age = f"floor(({seconds} - epoch(l.{measures.newest(each)})) / 86400)"
            columns.append(f"CAST({age} AS INTEGER) AS {identifier(f'{each.name}__days')}")
    return f"SELECT {', '.join(columns)} FROM raw AS t JOIN later AS l ON l.key = t.key"
