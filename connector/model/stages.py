"""The whole way from the lake to results, as statements to run in this order.

The engine provides `lake_<stream>` (newest version of every record, deleted ones included),
`lake_scores` and `lake_placements` (every earlier row of what was kept of them),
`aliases(key, account_id)`, `free_mail(domain)` and `registrable(domain, registrable)`. Every moment
is a literal; nothing reads a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from . import (
    ageing,
    answers,
    briefs,
    identity,
    measures,
    money,
    oddities,
    placements,
    previous,
    results,
    scorecard,
    scores,
    seen,
)
from .definition import HealthModel
from .matching import USUAL, Matching
from .scores import NEWS, SCORES
from .stage import Stage, spent

__all__ = ["NEWS", "SCORES", "Stage", "placing", "stages"]


def placing(
    *, as_of: datetime, matching: Matching = USUAL, asked: Sequence[str] | None = None
) -> tuple[Stage, ...]:
    """Every step to the records and their accounts; `asked` as in `seen.placed`."""
    return (
        *money.stages(),
        *seen.views(as_of),
        *seen.accounts(as_of),
        *seen.placed(as_of, matching, asked),
        *identity.stages(matching),
        *placements.stages(matching, as_of),
    )


def stages(
    model: HealthModel, *, as_of: datetime, matching: Matching = USUAL, brief: bool = False
) -> tuple[Stage, ...]:
    """Every step of a scoring run. `brief`: with the lines that tell what changed, which need
    `lake_measures`, too; without they are NULL."""
    return (
        *placing(as_of=as_of, matching=matching, asked=ageing.activities(model)),
        *answers.stages(model.roles, matching.own),
        *measures.stages(model, as_of),
        *(() if brief else (spent(seen.OTHERS),)),
        *scorecard.stages(model, as_of),
        previous.stage(model, as_of, brief=brief),
        *scores.stages(model, as_of),
        spent("judged"),
        *(briefs.stages(model, as_of, NEWS) if brief else (spent("previous"),)),
        *results.stages(model, brief=brief),
        *oddities.stages(model, as_of),
    )
