"""The model card: what a model means, what it weighs and needs, and where its limits are.

Everything is said from the model file, in German and English; so are the help texts of the CRM's
fields, which change when the model does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..mapping.objects import CrmMapping, Labels
from . import scorecard
from .arithmetic import WHOLE
from .definition import TIERS, HealthModel, Measure
from .reasons import LANGUAGES, label
from .words import CARD, STREAMS


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of how many accounts each measure was known when they were last scored; of how many nothing
    was known from people, by the blind spot they lie in."""

    as_of: str
    accounts: int
    confidence: int
    known: Mapping[str, int]
    blind: Mapping[str, int] = field(default_factory=dict)


def card(model: HealthModel, language: str, coverage: Coverage | None = None) -> str:
    """The card as Markdown."""
    parts = (
        _meaning(model, language),
        _weights(model, language, coverage),
        _tiers(model, language),
        _needs(model, language),
        _coverage(model, language, coverage),
        _limits(model, language),
    )
    return "\n".join(line for part in parts for line in part)


def helps(model: HealthModel) -> dict[str, Labels]:
    """Help texts for what depends on the model, by the name of the result."""
    found = {
        "score": {each: _score_help(model, each) for each in LANGUAGES},
        "tier": {each: _tier_help(model, each) for each in LANGUAGES},
        "confidence": {each: CARD[each]["confidence"] for each in LANGUAGES},
    }
    facts = {m.name: {each: _measure_help(m, each) for each in LANGUAGES} for m in model.measures}
    return {**found, **facts}


def explained(mapping: CrmMapping, model: HealthModel) -> CrmMapping:
    """The mapping with the model's own words for fields that have no help text."""
    texts = helps(model)
    fields = (
        each if each.help else replace(each, help=texts.get(each.source, {}))
        for each in mapping.fields
    )
    return replace(mapping, fields=tuple(fields))


def _meaning(model: HealthModel, language: str) -> Iterator[str]:
    words = CARD[language]
    yield f"# {words['title']}: {model.name}"
    yield ""
    yield f"{words['version']} `{model.version}`"
    yield ""
    if about := _text(model.about, language):
        yield about
        yield ""
    yield words["meaning"]
    yield ""


def _weights(model: HealthModel, language: str, coverage: Coverage | None) -> Iterator[str]:
    words, shares = CARD[language], _shares(model)
    yield f"## {words['weights']}"
    yield ""
    head = [words["group"], words["share"], words["measure"], words["share"], words["points"]]
    yield from _table([*head, *([words["known"]] if coverage else [])])
    for group, share in shares.items():
        named, told = group_label(model, group, language), f"{share} %"
        for each in model.of_group(group):
            cells = [named, told, label(each, language), _share(model, each), _line(each, language)]
            yield _row([*cells, *([_known(coverage, each)] if coverage else [])])
            named = told = ""
    yield ""
    if model.roles:
        told = ", ".join(f"{label(each, language)} {each.weight}" for each in model.roles)
        yield f"{words['roles'].format(roles=told)}"
        yield ""
    for segment in model.segments:
        own = _shares(model.in_segment(segment.name))
        told = ", ".join(f"{group_label(model, name, language)} {own[name]} %" for name in own)
        yield f"- {label(segment, language)}: {told}"


def _tiers(model: HealthModel, language: str) -> Iterator[str]:
    words = CARD[language]
    yield f"## {words['tiers']}"
    yield ""
    for tier in TIERS:
        yield f"- **{tier}** {words['from']} {_number(model.tiers.low(tier) / 10, language)}"
    yield ""
    yield words["margin"].format(margin=_number(model.tiers.hysteresis, language))
    yield ""
    for segment in model.segments:
        if segment.tiers:
            own = model.in_segment(segment.name)
            told = words["margin"].format(margin=_margin(own, language))
            yield f"- {label(segment, language)}: {_edges(own, language)}. {told}"
    for rule in model.rules:
        yield f"- {words['by_rule'].format(tier=rule.tier)}: {label(rule, language)}"
    for cap in model.caps:
        yield f"- {words['at_most'].format(tier=cap.tier)}: {label(cap, language)}"
    if model.override:
        yield f"- {label(model.override, language)}: {words['override']}"
    yield ""


def _needs(model: HealthModel, language: str) -> Iterator[str]:
    words = CARD[language]
    yield f"## {words['needs']}"
    yield ""
    yield from _table([words["stream"], words["window"], words["used_for"]])
    for stream in dict.fromkeys(each.stream for each in model.measures):
        own = [each for each in model.measures if each.stream == stream]
        longest = max((each.window or 0 for each in own), default=0)
        window = words["days"].format(days=longest) if longest else "–"
        yield _row([STREAMS[language][stream], window, ", ".join(label(m, language) for m in own)])
    yield ""


def _coverage(model: HealthModel, language: str, coverage: Coverage | None) -> Iterator[str]:
    words = CARD[language]
    yield f"## {words['coverage']}"
    yield ""
    if coverage is None:
        yield words["no_coverage"]
    else:
        yield words["covered"].format(
            accounts=coverage.accounts, confidence=coverage.confidence, as_of=coverage.as_of
        )
        many = [(coverage.blind.get(each.name, 0), each) for each in model.blind_spots]
        if told := ", ".join(f"{label(each, language)} {count}" for count, each in many if count):
            yield ""
            yield words["blind"].format(spots=told)
    yield ""


def _limits(model: HealthModel, language: str) -> Iterator[str]:
    words = CARD[language]
    yield f"## {words['limits']}"
    yield ""
    told = [text for each in model.limits if (text := _text(each, language))]
    spots = "; ".join(label(each, language) for each in model.blind_spots)
    told += [words["blind_spots"].format(spots=spots)] if spots else []
    told += [words["old"].format(measures=old)] if (old := _aging(model, language)) else []
    told += _stand_ins(model, language)
    told += [words["few"], words["people"]]
    yield from (f"- {text}" for text in told)
    yield ""


def _stand_ins(model: HealthModel, language: str) -> Iterator[str]:
    """What an unknown counts as, where it does not just lower confidence."""
    words = CARD[language]
    for rule in ("worst", "neutral", "carry"):
        named = [
            f"{label(each, language)} ({words['days'].format(days=each.max_age)})"
            if each.carried
            else label(each, language)
            for each in model.scored
            if each.missing == rule
        ]
        named += [
            words["whole_group"].format(group=group_label(model, group, language))
            for group, own in model.group_missing.items()
            if own == rule
        ]
        if named:
            yield words[f"missing_{rule}"].format(measures="; ".join(named))


def _aging(model: HealthModel, language: str) -> str:
    days = CARD[language]["days"]
    return "; ".join(
        f"{label(each, language)} ({days.format(days=each.max_age)})"
        for each in model.scored
        if each.max_age and not each.carried
    )


def _score_help(model: HealthModel, language: str) -> str:
    groups = ", ".join(
        f"{group_label(model, group, language)} {share} %"
        for group, share in _shares(model).items()
    )
    return CARD[language]["score_help"].format(groups=groups)


def _tier_help(model: HealthModel, language: str) -> str:
    told = {"edges": _edges(model, language), "margin": _margin(model, language)}
    parts = [CARD[language]["tier_help"].format(**told)]
    others = [label(each, language) for each in model.segments if each.tiers]
    if others:
        parts.append(CARD[language]["other_edges"].format(segments=", ".join(others)))
    return " ".join(parts)


def _edges(model: HealthModel, language: str) -> str:
    """The least score of every tier but the last."""
    since = CARD[language]["from"]
    return ", ".join(
        f"{tier} {since} {_number(model.tiers.low(tier) / 10, language)}" for tier in TIERS[:-1]
    )


def _margin(model: HealthModel, language: str) -> str:
    return _number(model.tiers.hysteresis, language)


def _measure_help(measure: Measure, language: str) -> str:
    words = CARD[language]
    name, stream = label(measure, language), STREAMS[language].get(measure.stream, measure.stream)
    within = f", {words['last'].format(days=measure.window)}" if measure.window else ""
    return f"{name} ({stream}{within})."


def group_label(model: HealthModel, group: str, language: str) -> str:
    """The name of an ingredient for people."""
    told = model.group_labels.get(group, {})
    return told.get(language) or told.get("en") or group


def _shares(model: HealthModel) -> dict[str, int]:
    """What every group weighs of all, in whole percent."""
    groups = model.live_groups
    whole = sum(groups.values())
    return {name: (200 * weight + whole) // (2 * whole) for name, weight in groups.items()}


def _share(model: HealthModel, measure: Measure) -> str:
    share = scorecard.nominal(model)[measure.name]
    return f"{(200 * share + WHOLE) // (2 * WHOLE)} %"


def _line(measure: Measure, language: str) -> str:
    """The line of points as its corners."""
    return " · ".join(f"{_number(x, language)} → {_number(y, language)}" for x, y in measure.points)


def _known(coverage: Coverage, measure: Measure) -> str:
    if not coverage.accounts:
        return "–"
    share = 100 * coverage.known.get(measure.name, 0) / coverage.accounts
    return f"{share:.0f} %"


def _number(value: float, language: str) -> str:
    text = f"{value:g}".replace("-", "−")
    return text.replace(".", ",") if language == "de" else text


def _text(labels: Labels, language: str) -> str:
    return labels.get(language) or labels.get("en") or ""


def _table(head: Iterable[str]) -> Iterator[str]:
    names = list(head)
    yield _row(names)
    yield _row(["---"] * len(names))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
