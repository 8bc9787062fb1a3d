"""From the scorecard to what an account is given: score, tier, caps and the reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from sqlglot import exp

from ..mapping.expressions import identifier, literal, replaced
from ..records import DAY, MOMENT, TEXT, WORDS
from . import few, previous, reasons, rollups, rules, segments, tiers
from .caps import plain
from .columns import ACCOUNT, kind_of
from .definition import BEST, TIERS, Cap, HealthModel, TierName
from .reasons import LANGUAGES
from .stage import Stage, moment

#: The columns of `scores` and their types, as they are kept in the lake.
SCORES: Mapping[str, str] = {
    "account_id": TEXT,
    "as_of": MOMENT,
    "model": TEXT,
    "score": "INTEGER",
    "raw": "INTEGER",
    "tier": TEXT,
    "confidence": "INTEGER",
    "known": "INTEGER",
    "rule": TEXT,
    "caps": WORDS,
    "override": TEXT,
    "override_until": DAY,
    "override_by": TEXT,
    "override_reason": TEXT,
    "blind_spot": TEXT,
    "scored_as": TEXT,
    "assumed": WORDS,
    "held": WORDS,
    "tier_before": TEXT,
    "score_before": "INTEGER",
    "rollup_tier": TEXT,
    "reason_en": TEXT,
    "reason_de": TEXT,
}

_OVERRIDE = ("override", "override_until", "override_by", "override_reason")
#: Those that all scores of a run have in common.
_SAME = ("as_of", "model")
#: Those that make a score another one: what an account was before is not news about it.
NEWS = tuple(each for each in SCORES if each not in {"as_of", "tier_before", "score_before"})


def stages(model: HealthModel, as_of: datetime) -> tuple[Stage, ...]:
    """`measures` and `scores`, one row per account each; `judged` is all of a score but its reason
    and what those below come to, and the causes that lead to its `phrases`. `scored` has what
    differs in `scores`, `key`, and `asks<i>`: whether the condition of a cap holds."""
    return (
        Stage("measures", measures(model, as_of), "view"),
        Stage("judged", judged(model, as_of)),
        *rollups.stages(model),
        Stage("phrases", reasons.phrases(model, "judged")),
        Stage("scored", scores(model)),
        Stage("scores", _stamped(model, as_of), "view"),
    )


def _stamped(model: HealthModel, as_of: datetime) -> str:
    """All columns of a score; what is the same for all of them is in no table."""
    same = dict(zip(_SAME, (moment(as_of), literal(model.version)), strict=True))
    listed = ", ".join(f"{same[each]} AS {each}" if each in same else each for each in SCORES)
    return f"SELECT {listed} FROM scored"


def measures(model: HealthModel, as_of: datetime) -> str:
    """Every measure of every account with its points, weight and contribution."""
    places = {each.name: i for i, each in enumerate(model.scored)}
    columns = [
        _structure(each.name, kind_of(each), places.get(each.name)) for each in model.measures
    ]
    stamp = f"{moment(as_of)} AS as_of, {literal(model.version)} AS model"
    return (
        f"SELECT r.account_id, {stamp}, {', '.join(columns)}"
        " FROM raw AS r JOIN graded AS g ON g.key = r.key"
    )


def scores(model: HealthModel) -> str:
    """What was judged, with the reason and the tier of the roll-up, its key and what caps ask."""
    told = {f"reason_{each}": reasons.sentence(f"r.ruled_{each}", each) for each in LANGUAGES}
    told["rollup_tier"] = rollups.tier(model, "r")
    named = [each for each in SCORES if each not in _SAME]
    columns = [f"{told[each]} AS {each}" if each in told else f"r.{each}" for each in named]
    columns += ["r.key", *(f"r.asks{i}" for i in range(len(model.caps)))]
    joined = f"{rollups.joined(model, 'r')}{reasons.joined()}"
    return f"SELECT {', '.join(columns)} FROM judged AS r{joined}"


def judged(model: HealthModel, as_of: datetime) -> str:
    """The score of every account, and what leads to its reason; what is not known is NULL, never
    0."""
    ruled = [f"{reasons.rulings(model, each)} AS ruled_{each}" for each in LANGUAGES]
    columns = [
        "key",
        "account_id",
        f"{_capped(model)} AS score",
        "score AS raw",
        "tier",
        "confidence",
        "known",
        "rule",
        f"{_cap_names(model)} AS caps",
        *_OVERRIDE,
        "blind_spot",
        "scored_as",
        "assumed",
        "held",
        "tier_before",
        "score_before",
        "rolled_before",
        *(f"asks{i}" for i in range(len(model.caps))),
        *ruled,
        *reasons.causes(),
    ]
    ranked = reasons.ranked(model, f"({_applied(model, as_of)})")
    return f"SELECT {', '.join(columns)} FROM ({ranked})"


def _structure(name: str, kind: str, place: int | None) -> str:
    value = f"CAST(r.{identifier(name)} AS {kind})"
    points, weight, part = ("NULL", "0", "0") if place is None else _columns(place)
    return (
        f"{{'value': {value}, 'points': CAST({points} AS INTEGER),"
        f" 'weight': CAST({weight} AS BIGINT), 'contribution': CAST({part} AS INTEGER)}}"
        f" AS {identifier(name)}"
    )


def _columns(place: int) -> tuple[str, str, str]:
    return f"g.p{place}", f"g.w{place}", f"g.c{place}"


def _applied(model: HealthModel, as_of: datetime) -> str:
    """The scorecard with tier, earlier tier and `cap<i>`: whether a cap holds and takes away."""
    columns = ["g.key", "r.account_id", "g.score", "g.known", "g.confidence", "g.assumed"]
    for i, each in enumerate(model.scored):
        columns += [f"g.c{i}", f"r.{identifier(each.name)}"]
    for i, cap in enumerate(model.caps):
        columns.append(f"coalesce({condition(cap.when, model)}, FALSE) AS asks{i}")
    columns.append(f"{_blind_spot(model)} AS blind_spot")
    columns.append(f"{segments.name_of(model, 'a')} AS scored_as")
    columns.append(f"{rules.decides(model)} AS rule")
    columns += few.columns(model)
    columns += _override(model, as_of)
    inner = (
        f"SELECT {', '.join(columns)},"
        " e.tier AS tier_before, e.score AS score_before, e.rollup_tier AS rolled_before"
        " FROM graded AS g JOIN raw AS r ON r.key = g.key JOIN accounts AS a ON a.key = g.key"
        f" LEFT JOIN ({previous.named()}) AS e ON e.key = r.key"
    )
    free = f"SELECT *, {_tier(model)} AS free_tier, {_held(model)} AS held FROM ({inner})"
    caps = [f"{_takes(model, cap, i)} AS cap{i}" for i, cap in enumerate(model.caps)]
    ruled = f"SELECT {', '.join(['*', *caps])} FROM ({free})"
    return f"SELECT *, {_bounded(model)} AS tier FROM ({ruled})"


def condition(when: str, model: HealthModel) -> str:
    """The condition with every name led to the table that holds it."""
    return _led(when, tuple(each.name for each in model.measures))


@lru_cache(maxsize=256)
def _led(when: str, measures: tuple[str, ...]) -> str:
    tables = {**dict.fromkeys(ACCOUNT, "a"), **dict.fromkeys(measures, "r")}

    def column(name: str) -> exp.Expr:
        return (
            exp.column("known", "g") if name == "known_groups" else exp.column(name, tables[name])
        )

    return replaced(plain(when), column)


def _blind_spot(model: HealthModel) -> str:
    """The first reason that holds why a group is unknown."""
    cases = " ".join(
        f"WHEN {_nothing_known(model, each.group)} AND ({condition(each.when, model)})"
        f" THEN {literal(each.name)}"
        for each in model.blind_spots
    )
    return f"CASE {cases} END" if cases else "CAST(NULL AS VARCHAR)"


def _nothing_known(model: HealthModel, group: str) -> str:
    values = ", ".join(f"r.{identifier(each.name)}" for each in model.of_group(group))
    return f"coalesce({values}) IS NULL" if values else "TRUE"


def _override(model: HealthModel, as_of: datetime) -> list[str]:
    """The tier that a person gave, until when, who it was and why, while it holds."""
    own = model.override
    if own is None:
        return [f"CAST(NULL AS {SCORES[name]}) AS {name}" for name in _OVERRIDE]
    tier, until, by, reason = (
        replaced(sql, lambda name: exp.column(name, "a")) if sql else "NULL"
        for sql in (own.tier, own.until, own.by, own.reason)
    )
    tier, until = f"upper(trim({tier}))", f"CAST({until} AS DATE)"
    holds = f"{until} >= CAST({moment(as_of)} AS DATE) AND {tier} IN {TIERS}"
    told = (tier, until, *(f"nullif(trim(CAST({each} AS VARCHAR)), '')" for each in (by, reason)))
    return [
        f"CASE WHEN {holds} THEN {sql} END AS {name}"
        for sql, name in zip(told, _OVERRIDE, strict=True)
    ]


def _tier(model: HealthModel) -> str:
    """The tier of the score before caps; the earlier one stays until its edge is passed clearly."""
    kept = [tiers.stays(model, tier) for tier in TIERS]
    if few.asking(model):
        kept += [_within_without_few(model, tier) for tier in TIERS]
    stays = " ".join(f"WHEN {each} THEN tier_before" for each in kept)
    ruled = rules.tier(model)
    return f"CASE WHEN score IS NULL THEN NULL {ruled} {stays} {tiers.plain(model)} END"


def _within_without_few(model: HealthModel, tier: TierName) -> str:
    within = few.within(model, tiers.least(model, tier), tiers.most(model, tier))
    return f"tier_before = '{tier}' AND {within}"


def _held(model: HealthModel) -> str:
    """The measures that would have moved the account, and of which too little is known to do so."""
    if not few.asking(model):
        return "CAST([] AS VARCHAR[])"
    kept = " OR ".join(
        f"({_within_without_few(model, tier)} AND NOT ({tiers.stays(model, tier)}))"
        for tier in TIERS
    )
    return few.names(model, f"score IS NOT NULL AND rule IS NULL AND ({kept})")


def _takes(model: HealthModel, cap: Cap, i: int) -> str:
    """Tier names sort from best to worst, so `<` means better. A person's word beats every cap."""
    above = f"score > {tiers.limit(model, cap.tier)} OR free_tier < '{cap.tier}'"
    free = " AND override IS NULL" if model.override else ""
    return f"asks{i} AND score IS NOT NULL{free} AND ({above})"


def _capped(model: HealthModel) -> str:
    limits = [
        f"CASE WHEN cap{i} THEN {tiers.limit(model, cap.tier)} ELSE {BEST} END"
        for i, cap in enumerate(model.caps)
    ]
    capped = f"least({', '.join(['score', *limits])})" if limits else "score"
    return f"CASE WHEN score IS NOT NULL THEN {_moved(model, capped)} END"


def _moved(model: HealthModel, score: str) -> str:
    """The score led into the tier that a person gave."""
    if not model.override:
        return score
    bounds = " ".join(
        f"WHEN '{each}' THEN"
        f" least(greatest(score, {tiers.low(model, each)}), {tiers.limit(model, each)})"
        for each in TIERS
    )
    return f"CASE override {bounds} ELSE {score} END"


def _bounded(model: HealthModel) -> str:
    limits = [
        f"CASE WHEN cap{i} THEN '{cap.tier}' ELSE 'A' END" for i, cap in enumerate(model.caps)
    ]
    tier = f"greatest({', '.join(['free_tier', *limits])})" if limits else "free_tier"
    tier = f"CASE WHEN score IS NOT NULL THEN {tier} END"
    return f"coalesce(override, {tier})" if model.override else tier


def _cap_names(model: HealthModel) -> str:
    names = [f"CASE WHEN cap{i} THEN {literal(cap.name)} END" for i, cap in enumerate(model.caps)]
    listed = ", ".join(names) or "CAST(NULL AS VARCHAR)"
    return f"list_filter([{listed}], lambda name: name IS NOT NULL)"
