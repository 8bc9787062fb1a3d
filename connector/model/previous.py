"""What every account was judged to be before, read once: earlier scores are many.

`previous(key, tier, score, rollup_tier)` is what margins and trends go on from: the latest earlier
score under the same model. An account that has none of its own goes on from that of an account
merged into it. Tiers are numbers there, as the latest of texts takes longer to find. With lines for
fields also `own_at`, `own_score`, `own_capped`, `own_moved`, by whatever model: when an account
itself was last judged and what came of it, at least `KEPT_AGAIN` ago. What is younger may be this
very score, found once more; `terms` looks at it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..mapping.expressions import literal
from . import rollups
from .definition import TIERS, HealthModel
from .stage import Stage, moment

#: A result that is the same is not kept again before: measures age by the day where scores stand.
KEPT_AGAIN = timedelta(days=1)
#: Days, more than there are between any two scores.
_AGES = 400_000
#: Stands for a score that is not known where the latest of several is looked for.
_NO_SCORE = -1
_TIERS, _NAMES = ("tier", "rollup_tier"), "".join(TIERS)


def stage(model: HealthModel, as_of: datetime, *, brief: bool) -> Stage:
    """`previous`, from every earlier row of `lake_scores`."""
    # Its own are later than all others; one moment is compared in half the time of a structure.
    latest = f"CASE WHEN h.own THEN s.as_of ELSE s.as_of - INTERVAL {_AGES} DAY END"
    same = f"CASE WHEN s.model = {literal(model.version)} THEN {latest} END"
    told = {"tier": _number("s.tier"), "score": "s.score"}
    if not rollups.is_own(model):
        told["rollup_tier"] = _number("s.rollup_tier")
    columns = [f"arg_max({sql}, {same}) AS {each}" for each, sql in told.items()]
    columns += [f"CAST(NULL AS BIGINT) AS {each}" for each in _TIERS if each not in told]
    if brief:
        lately = moment(as_of - KEPT_AGAIN)
        at = f"CASE WHEN h.own AND s.as_of <= {lately} THEN s.as_of END"
        columns += [f"{sql} AS own_{name}" for name, sql in latest_of("s", at).items()]
    return Stage(
        "previous",
        f"SELECT h.key, {', '.join(columns)} FROM lake_scores AS s"
        f" JOIN holders AS h ON h.id = s.account_id WHERE s.as_of < {moment(as_of)} GROUP BY h.key",
    )


def apart(tier: str | None, score: int | None) -> Stage:
    """`previous` where accounts are judged apart from the lake: all of them had this tier and
    score, in tenths."""
    return Stage(
        "previous",
        f"SELECT key, {_number(f'CAST({literal(tier)} AS VARCHAR)')} AS tier,"
        f" CAST({literal(score)} AS INTEGER) AS score,"
        " CAST(NULL AS BIGINT) AS rollup_tier FROM accounts",
    )


def named() -> str:
    """A query for `key, score` and both tiers of `previous` by their names."""
    tiers = (f"substr('{_NAMES}', {each}, 1) AS {each}" for each in _TIERS)
    return f"SELECT key, score, {', '.join(tiers)} FROM previous"


def latest_of(row: str, at: str) -> dict[str, str]:
    """The moment of the latest of several scores, its score, and what caps and a person made of
    it; `at` is NULL where one does not count."""
    told = {
        "score": f"coalesce({row}.score, {_NO_SCORE})",
        "capped": ruled(row, person=False),
        "moved": ruled(row, person=True),
    }
    found = {name: f"arg_max({sql}, {at})" for name, sql in told.items()}
    return {"at": f"max({at})", **found, "score": f"nullif({found['score']}, {_NO_SCORE})"}


def _number(tier: str) -> str:
    return f"strpos('{_NAMES}', {tier})"


def ruled(row: str, *, person: bool) -> str:
    """What caps, or a person, made of a score; one excludes the other."""
    mine = f"{row}.override IS {'NOT ' if person else ''}NULL"
    return f"CASE WHEN {mine} THEN coalesce({row}.score - {row}.raw, 0) ELSE 0 END"
