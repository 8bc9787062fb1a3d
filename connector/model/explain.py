"""Why an account has its score, why it changed, and what would lift it: exact, in tenths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .arithmetic import Grade, Part, grade, points, value_at
from .definition import BEST, TIERS, HealthModel, Measure
from .reasons import label

Row = Mapping[str, Any]


def explanation(model: HealthModel, row: Row, previous: Row | None = None) -> dict[str, Any]:
    """Everything about one score: `row` is its line of `scores` joined with that of `measures`.

    Contributions add up to the score before caps less 50, and the terms of the change add up to
    the change.
    """
    return {
        "account": row["account_id"],
        "as_of": row["as_of"],
        "model": row["model"],
        "score": _points(row["score"]),
        "score_before_caps": _points(row["raw"]),
        "tier": row["tier"],
        "confidence": row["confidence"],
        "unknown": [_unknown(each) for each in model.scored if _part(row, each).points is None],
        "contributions": [
            _contribution(each, row) for each in model.scored if _part(row, each).points is not None
        ],
        "caps": _caps(model, row),
        "change": _change(model, row, previous),
        "next_tier": _next_tier(model, row),
    }


def _points(value: int | None) -> float | None:
    return None if value is None else value / 10


def _part(row: Row, measure: Measure) -> Part:
    """What a row says about a measure; a row of another model may lack it."""
    found = row.get(measure.name) or {}
    return Part(found.get("points"), found.get("weight") or 0, found.get("contribution") or 0)


def _value(row: Row, measure: Measure) -> float | None:
    found = (row.get(measure.name) or {}).get("value")
    return float(found) if isinstance(found, int | float) else None


def _labels(item: Any) -> dict[str, str]:
    return {language: label(item, language) for language in ("en", "de")}


def _unknown(measure: Measure) -> dict[str, Any]:
    within = f" within {measure.window} days" if measure.window else ""
    where = "the account has no value" if measure.stream == "accounts" else f"no {measure.stream}"
    return {
        "name": measure.name,
        "group": measure.group,
        "why": f"{where}{within}",
        "label": _labels(measure),
    }


def _contribution(measure: Measure, row: Row) -> dict[str, Any]:
    part = _part(row, measure)
    return {
        "name": measure.name,
        "group": measure.group,
        "value": _value(row, measure),
        "points": _points(part.points),
        "weight": part.weight / 1_000_000,
        "contribution": _points(part.contribution),
        "label": _labels(measure),
    }


def _caps(model: HealthModel, row: Row) -> list[dict[str, Any]]:
    held = row.get("caps") or ()
    return [
        {"name": cap.name, "tier": cap.tier, "label": _labels(cap)}
        for cap in model.caps
        if cap.name in held
    ]


def _change(model: HealthModel, row: Row, previous: Row | None) -> dict[str, Any] | None:
    """The way from the earlier score to this one; None when one of them is unknown."""
    if previous is None or previous["score"] is None or row["score"] is None:
        return None
    terms = _terms(model, row, previous)
    shown = [{**term, "delta": _points(term["delta"])} for term in terms if term["delta"]]
    return {"from": _points(previous["score"]), "to": _points(row["score"]), "terms": shown}


def _terms(model: HealthModel, row: Row, previous: Row) -> list[dict[str, Any]]:
    """Model, data and caps: the model's share is what the earlier values give under this one."""
    before = {each.name: _part(previous, each) for each in model.scored}
    switched = 0
    if previous["model"] != row["model"]:
        again = _regraded(model, previous)
        before, switched = dict(again.parts), (again.score or 0) - previous["raw"]
        if again.score is None:
            switched = 500 - previous["raw"]
    terms = [{"cause": "model", "name": row["model"], "delta": switched}]
    terms += [
        {
            "cause": "data",
            "name": each.name,
            "delta": _part(row, each).contribution - before[each.name].contribution,
        }
        for each in model.scored
    ]
    return [*terms, *_cap_terms(row, previous)]


def _cap_terms(row: Row, previous: Row) -> list[dict[str, Any]]:
    """What caps took before is given back, what they take now is taken."""
    names = [", ".join(each.get("caps") or ()) for each in (previous, row)]
    now, then = row["score"] - row["raw"], previous["score"] - previous["raw"]
    return [{"cause": "cap", "name": names[1] or names[0], "delta": now - then}]


def _regraded(model: HealthModel, previous: Row) -> Grade:
    return grade(model, {m.name: points(m, _value(previous, m)) for m in model.scored})


def _next_tier(model: HealthModel, row: Row) -> list[dict[str, Any]]:
    """For every measure the least improvement that alone reaches the next tier; or what caps it."""
    if row["tier"] is None or row["tier"] == TIERS[0]:
        return []
    if held := _caps(model, row):
        return [{"name": cap["name"], "cause": "cap", "label": cap["label"]} for cap in held]
    better = TIERS[TIERS.index(row["tier"]) - 1]
    # The tier there is now is kept until its edge is passed by the margin.
    aim = min(model.tiers.low(better) + model.tiers.margin, BEST)
    steps = [_step(model, each, row, aim) for each in model.scored]
    return [{**step, "tier": better} for step in steps if step]


def _step(model: HealthModel, measure: Measure, row: Row, aim: int) -> dict[str, Any] | None:
    now = {each.name: _part(row, each).points for each in model.scored}
    top = max(y for _, y in measure.points) * 10
    low, high = (now[measure.name] or 0), round(top)
    if not _reaches(model, {**now, measure.name: high}, aim):
        return None
    while low < high:
        middle = (low + high) // 2
        reached = _reaches(model, {**now, measure.name: middle}, aim)
        low, high = (low, middle) if reached else (middle + 1, high)
    near = _value(row, measure)
    return {
        "name": measure.name,
        "cause": "data",
        "from": {"value": near, "points": _points(now[measure.name])},
        "to": {"value": value_at(measure, high, near), "points": _points(high)},
        "label": _labels(measure),
    }


def _reaches(model: HealthModel, known: Mapping[str, int | None], aim: int) -> bool:
    score = grade(model, known).score
    return score is not None and score >= aim


_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "head": "Score {score}, tier {tier}, confidence {confidence} %",
        "none": "No score: nothing is known about this account",
        "part": "{sign} {label}: {value} ({points} points)",
        "cap": "Capped at {tier}: {label}",
        "unknown": "Not known: {labels}",
        "change": "Changed from {from_} to {to}",
        "next": "To reach {tier}: {label} from {from_} to {to}",
        "lift": "To rise: {label} must end",
        "nothing": "nothing",
    },
    "de": {
        "head": "Wert {score}, Stufe {tier}, Sicherheit {confidence} %",
        "none": "Kein Wert: über dieses Konto ist nichts bekannt",
        "part": "{sign} {label}: {value} ({points} Punkte)",
        "cap": "Begrenzt auf {tier}: {label}",
        "unknown": "Nicht bekannt: {labels}",
        "change": "Von {from_} auf {to} geändert",
        "next": "Für {tier}: {label} von {from_} auf {to}",
        "lift": "Für mehr: {label} muss enden",
        "nothing": "nichts",
    },
}


def text(explanation: Mapping[str, Any], language: str) -> list[str]:
    """The explanation in lines to read, strongest cause first."""
    words = _WORDS[language]
    if explanation["score"] is None:
        return [words["none"]]
    said = {name: _number(explanation[name], language) for name in ("score", "confidence")}
    lines = [words["head"].format(tier=explanation["tier"], **said)]
    lines += [
        words["cap"].format(tier=cap["tier"], label=cap["label"][language])
        for cap in explanation["caps"]
    ]
    parts = sorted(explanation["contributions"], key=lambda each: -abs(each["contribution"]))
    lines += [_part_line(each, language) for each in parts]
    if unknown := [each["label"][language] for each in explanation["unknown"]]:
        lines.append(words["unknown"].format(labels=", ".join(unknown)))
    if change := explanation["change"]:
        ends = {"from_": _number(change["from"], language), "to": _number(change["to"], language)}
        lines.append(words["change"].format(**ends))
    return [*lines, *(_next_line(each, language) for each in explanation["next_tier"])]


def _part_line(each: Mapping[str, Any], language: str) -> str:
    return _WORDS[language]["part"].format(
        sign=_number(each["contribution"], language, signed=True),
        label=each["label"][language],
        value=_number(each["value"], language),
        points=_number(each["points"], language),
    )


def _next_line(each: Mapping[str, Any], language: str) -> str:
    words = _WORDS[language]
    if each["cause"] == "cap":
        return words["lift"].format(label=each["label"][language])
    ends = {
        "from_": _number(each["from"]["value"], language),
        "to": _number(each["to"]["value"], language),
    }
    return words["next"].format(tier=each["tier"], label=each["label"][language], **ends)


def _number(value: float | None, language: str, *, signed: bool = False) -> str:
    if value is None:
        return _WORDS[language]["nothing"]
    shown = f"{value:+.1f}" if signed else f"{value:.1f}"
    shown = shown.removesuffix(".0")
    return (
        shown.replace(".", ",").replace("-", "−") if language == "de" else shown.replace("-", "−")
    )
