"""What a model file says: the format of `mappings/health.toml`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field

from ..mapping.expressions import normal
from ..mapping.objects import Labels, Scalar
from ..mapping.periods import Days

TierName = Literal["A", "B", "C", "D"]
#: What an unknown counts as: nothing at all, the least points, the middle, or what was known last.
Missing = Literal["exclude", "worst", "neutral", "carry"]
TIERS: tuple[TierName, ...] = ("A", "B", "C", "D")
#: Points and scores are whole tenths: 1000 is the best there is, 500 is neither good nor bad.
TENTHS, BEST, MIDDLE = 10, 1000, 500


def tenths(points: float) -> int:
    """Points as written in a file, in whole tenths."""
    return round(points * TENTHS)


@dataclass(frozen=True, slots=True)
class Tiers:
    """The least score of every tier, and by how much a threshold must be passed to move."""

    A: float = 80
    B: float = 60
    C: float = 40
    D: float = 0
    hysteresis: float = 2

    def low(self, tier: TierName) -> int:
        """The least score of a tier, in tenths."""
        return tenths({"A": self.A, "B": self.B, "C": self.C, "D": self.D}[tier])

    def limit(self, tier: TierName) -> int:
        """The highest score that is still in a tier, in tenths."""
        better = TIERS.index(tier) - 1
        return self.low(TIERS[better]) - 1 if better >= 0 else BEST

    @property
    def margin(self) -> int:
        """The hysteresis in tenths."""
        return tenths(self.hysteresis)


class Labelled(Protocol):
    """What has a name, and texts for it in several languages."""

    @property
    def name(self) -> str: ...

    @property
    def label(self) -> Labels: ...


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a measure gives for the rows of its example; value "" means unknown."""

    value: Scalar | None = None
    points: float | None = None


@dataclass(frozen=True, slots=True)
class MeasureExample:
    """Rows of one account and what the measure makes of them; `days_ago` sets the moment."""

    rows: tuple[dict[str, Scalar], ...]
    expect: Expectation


@dataclass(frozen=True, slots=True)
class Shrink:
    """What few rows are drawn towards: the value is as if `weight` more rows had said `toward`.

    `evidence` is an aggregate: how many rows of equal weight those of the measure are worth.
    """

    toward: float
    weight: float
    evidence: str = "count(*)"


@dataclass(frozen=True, slots=True)
class Measure:
    """One number per account: an aggregate over one stream, or SQL over the account's columns.

    Besides the stream's columns the SQL may use `age_days`, `decay` (1 now, one half after
    `half_life`) and `as_of`; over responses also `role_weight` and `is_latest`: whether the person
    has not answered the same question again. With weight 0 it is a fact: computed and mappable, not
    scored.
    `reason` says the value in a sentence, `zero` says it when it is 0 ("" passes it over), `action`
    says what a person does to improve it.

    `missing` says what is done where it is unknown. By default the others carry its weight.
    "worst" and "neutral" count it as its least points or as the middle; "carry" takes the value
    that it had when it was known last, if that is not longer ago than `max_age`. None of the three
    adds to confidence.

    `shrink` draws the value of few rows towards an ordinary one. `enough` is a condition over the
    rows, an aggregate: where it does not hold, the measure alone moves no account to another tier.
    """

    name: str
    stream: Annotated[str, Field(alias="from")]
    value: str
    group: str = ""
    label: Labels = field(default_factory=dict)
    where: str = ""
    at: str = ""
    window: Days | None = None
    absent: float | None = None
    points: tuple[tuple[float, float], ...] = ()
    weight: int = 1
    half_life: Days | None = None
    max_age: Days | None = None
    missing: Missing = "exclude"
    shrink: Shrink | None = None
    enough: str = ""
    reason: Labels = field(default_factory=dict)
    zero: Labels = field(default_factory=dict)
    action: Labels = field(default_factory=dict)
    examples: tuple[MeasureExample, ...] = ()

    @property
    def scored(self) -> bool:
        return self.weight > 0

    @property
    def carried(self) -> bool:
        """Whether the last known value stands in for an unknown one."""
        return self.missing == "carry" and bool(self.window and self.max_age)

    @property
    def fresh_for(self) -> Days | None:
        """Up to which age, in days, a value adds to confidence; a carried one does not."""
        return self.window if self.carried else self.max_age


@dataclass(frozen=True, slots=True)
class Cap:
    """A condition under which an account is at most in one tier, whatever its score."""

    name: str
    when: str
    tier: Literal["B", "C", "D"]
    label: Labels = field(default_factory=dict)
    action: Labels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition that decides the tier where the edges of the score would; the first that holds.

    Besides measures and account columns it may ask about `score`, `tier_before`, `known_groups` and
    `rank`: how many percent of the scored accounts have a higher score. Caps still lower the tier.
    """

    name: str
    when: str
    tier: TierName
    label: Labels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BlindSpot:
    """Why nothing is known of a group: a condition like that of a cap; the first that holds counts.

    Accounts with a `listed` one are counted and named in every run.
    """

    name: str
    group: str
    when: str
    label: Labels = field(default_factory=dict)
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Override:
    """Where a person's word on an account is found: SQL over its columns.

    `tier` gives A to D or nothing, `until` the last day on which it holds. Without an end it does
    not hold at all: nobody remembers to take it back. `by` gives whose word it is and `reason` why,
    for whoever reads the score; neither changes it.
    """

    tier: str
    until: str
    label: Labels = field(default_factory=dict)
    by: str = ""
    reason: str = ""

    @property
    def name(self) -> str:
        return "override"


@dataclass(frozen=True, slots=True)
class Segment:
    """Accounts that are judged otherwise: SQL over account columns; the first match wins.

    `groups` holds the weights that differ from those of the model, `tiers` the edges that do, and
    `toward` what the few rows of a measure are drawn to here.
    """

    name: str
    when: str
    groups: dict[str, int] = field(default_factory=dict)
    label: Labels = field(default_factory=dict)
    tiers: dict[Literal["A", "B", "C", "hysteresis"], float] = field(default_factory=dict)
    toward: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Role:
    """What an answer weighs by who gave it: SQL over contact columns; the first match wins.

    Measures over responses multiply by `role_weight`; it is 1 for people in no role, and for those
    whom the CRM does not know.
    """

    name: str
    when: str
    weight: int
    label: Labels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """What a parent account shows of itself and all below it: `rollup_score`, `rollup_tier`.

    `worst` is the least score and the worst tier, `revenue` the mean weighted by revenue, `own`
    what it has itself. Accounts of which nothing is known count neither for nor against.
    """

    rollup: Literal["own", "worst", "revenue"] = "own"


@dataclass(frozen=True, slots=True)
class Alert:
    """A condition on a result of which somebody should be told: `alerts`, and counted in every run.

    Besides measures and account columns it may ask about the score itself, and the one before.
    """

    name: str
    when: str
    label: Labels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """A condition that marks strange records of one stream, to be counted and listed."""

    name: str
    stream: Annotated[str, Field(alias="from")]
    when: str
    label: Labels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelExample:
    """Values of measures (and account columns) and the score they make; "" means unknown."""

    given: dict[str, Scalar]
    expect: dict[str, Scalar]


@dataclass(frozen=True)
class HealthModel:
    """A whole model file."""

    name: str
    groups: dict[str, int]
    about: Labels = field(default_factory=dict)
    group_labels: dict[str, Labels] = field(default_factory=dict)
    group_missing: dict[str, Literal["exclude", "worst", "neutral"]] = field(default_factory=dict)
    limits: tuple[Labels, ...] = ()
    tiers: Tiers = field(default_factory=Tiers)
    measures: tuple[Measure, ...] = ()
    rules: tuple[Rule, ...] = ()
    caps: tuple[Cap, ...] = ()
    override: Override | None = None
    blind_spots: tuple[BlindSpot, ...] = ()
    segments: tuple[Segment, ...] = ()
    roles: tuple[Role, ...] = ()
    hierarchy: Hierarchy = field(default_factory=Hierarchy)
    alerts: tuple[Alert, ...] = ()
    checks: tuple[Check, ...] = ()
    examples: tuple[ModelExample, ...] = ()

    @cached_property
    def version(self) -> str:
        """12 characters that change when a score could change, and only then."""
        text = json.dumps(_essence(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def in_segment(self, name: str | None) -> HealthModel:
        """The model as it weighs in a segment; as it is outside of all."""
        own = next((each for each in self.segments if each.name == name), None)
        if own is None:
            return replace(self, segments=())
        groups, tiers = {**self.groups, **own.groups}, replace(self.tiers, **own.tiers)
        return replace(self, groups=groups, tiers=tiers, segments=())

    @property
    def scored(self) -> tuple[Measure, ...]:
        """The measures that count, in the order of the file."""
        return tuple(each for each in self.measures if each.scored)

    @property
    def by_name(self) -> Mapping[str, Measure]:
        return {each.name: each for each in self.measures}

    def of_group(self, group: str) -> tuple[Measure, ...]:
        """The scored measures of one group."""
        return tuple(each for each in self.scored if each.group == group)

    def assumed(self, measure: Measure, *, alone: bool) -> int | None:
        """The points that stand in for an unknown value; None when it is left out.

        `alone`: nothing at all is known of its group, which may have a rule of its own.
        """
        rule = measure.missing
        if rule == "exclude" and alone:
            rule = self.group_missing.get(measure.group, rule)
        if rule == "worst":
            return min(tenths(y) for _, y in measure.points)
        return MIDDLE if rule == "neutral" else None

    @property
    def assumes(self) -> bool:
        """Whether anything at all is done about unknown values."""
        rules = [*(each.missing for each in self.scored), *self.group_missing.values()]
        return any(rule != "exclude" for rule in rules)

    @property
    def live_groups(self) -> dict[str, int]:
        """The groups that have measures, with their weights."""
        return {name: weight for name, weight in self.groups.items() if self.of_group(name)}


def _essence(model: HealthModel) -> dict[str, Any]:
    """Everything that numbers depend on, without texts and with SQL in one spelling."""
    measures = [_without_texts(asdict(each)) for each in model.measures]
    essence = {
        "groups": model.groups,
        "tiers": asdict(model.tiers),
        "measures": measures,
        "caps": [_without_texts(asdict(each)) for each in model.caps],
    }
    if model.rules:
        essence["rules"] = [_without_texts(asdict(each)) for each in model.rules]
    if model.override:
        essence["override"] = [normal(model.override.tier), normal(model.override.until)]
    if model.group_missing:
        essence["group_missing"] = model.group_missing
    if model.roles:
        essence["roles"] = [_without_texts(asdict(each)) for each in model.roles]
    if model.segments:
        essence["segments"] = [_without_texts(asdict(each)) for each in model.segments]
    return essence


_TEXTS = ("label", "reason", "zero", "action", "examples")
_SQL = ("where", "value", "when", "enough", "evidence")
#: What was added later: at these values a model is the one that it was before.
_AS_BEFORE: Mapping[str, Any] = {
    "missing": "exclude", "tiers": {}, "shrink": None, "enough": "", "toward": {},
}  # fmt: skip


def _without_texts(item: dict[str, Any]) -> dict[str, Any]:
    kept = {
        key: item[key]
        for key in item
        if key not in _TEXTS and not (key in _AS_BEFORE and item[key] == _AS_BEFORE[key])
    }
    if kept.get("shrink"):
        kept["shrink"] = _without_texts(kept["shrink"])
    return {key: normal(kept[key]) if key in _SQL else kept[key] for key in kept}
