"""An explanation in words: the lines a person reads, and the one line that fits a field."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from .arithmetic import shown
from .reasons import LENGTH

#: So many causes are named in one line.
MOST = 3
WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "head": "Score {score}, tier {tier}, confidence {confidence} %",
        "none": "No score: nothing is known about this account",
        "part": "{sign} {label}: {value} ({points} points)",
        "rule": "Tier {tier} by rule: {label}",
        "cap": "Capped at {tier}: {label}",
        "held": "Stays in {tier}: {labels} rests on too little",
        "unknown": "Not known, {why}: {labels}",
        "change": "Changed from {from_} to {to} since {since}",
        "term": "  {delta} {text}",
        "aged": "{text} (older)",
        "reach": "To reach {tier}: {actions}",
        "to": "{label} to {to}",
        "by_hand": "{label}: {tier}",
        "until": " until {until}",
        "by": ", by {by}",
        "because": " ({reason})",
        "and": " and ",
        "gone": "no longer known",
        "freed": "no longer held down",
        "over": "no longer: {label}",
        "old": ", 1 day old",
        "olds": ", {days} days old",
        "new_model": "new model",
        "by_a_person": "Set by hand",
        "other": "other",
        "same": "unchanged",
        "first": "first score",
        "next": "To reach {tier}: {label} from {from_} to {to}",
        "lift": "To rise: {label} must end",
        "nothing": "nothing",
        "worst": "unknown, counts as worst",
        "neutral": "unknown, counts as middling",
        "carry": "last known",
    },
    "de": {
        "head": "Wert {score}, Stufe {tier}, Sicherheit {confidence} %",
        "none": "Kein Wert: über dieses Konto ist nichts bekannt",
        "part": "{sign} {label}: {value} ({points} Punkte)",
        "rule": "Stufe {tier} nach Regel: {label}",
        "cap": "Begrenzt auf {tier}: {label}",
        "held": "Bleibt in {tier}: {labels} beruht auf zu wenigen Angaben",
        "unknown": "Nicht bekannt, {why}: {labels}",
        "change": "Von {from_} auf {to} geändert seit {since}",
        "term": "  {delta} {text}",
        "aged": "{text} (gealtert)",
        "reach": "Für {tier}: {actions}",
        "to": "{label} auf {to}",
        "by_hand": "{label}: {tier}",
        "until": " bis {until}",
        "by": ", von {by}",
        "because": " ({reason})",
        "and": " und ",
        "gone": "nicht mehr bekannt",
        "freed": "nicht mehr begrenzt",
        "over": "nicht mehr: {label}",
        "old": ", 1 Tag alt",
        "olds": ", {days} Tage alt",
        "new_model": "neues Modell",
        "by_a_person": "Von Hand gesetzt",
        "other": "Übriges",
        "same": "unverändert",
        "first": "erster Wert",
        "next": "Für {tier}: {label} von {from_} auf {to}",
        "lift": "Für mehr: {label} muss enden",
        "nothing": "nichts",
        "worst": "unbekannt, zählt als schlecht",
        "neutral": "unbekannt, zählt als mittel",
        "carry": "zuletzt bekannt",
    },
}


def text(explanation: Mapping[str, Any], language: str) -> list[str]:
    """The explanation in lines to read, strongest cause first."""
    words = WORDS[language]
    if explanation["score"] is None:
        return [words["none"], *_by_hand(explanation, language)]
    said = {name: _number(explanation[name], language) for name in ("score", "confidence")}
    lines = [words["head"].format(tier=explanation["tier"], **said)]
    lines += _by_hand(explanation, language)
    if rule := explanation["rule"]:
        lines.append(words["rule"].format(tier=rule["tier"], label=rule["label"][language]))
    lines += [
        words["cap"].format(tier=cap["tier"], label=cap["label"][language])
        for cap in explanation["caps"]
    ]
    if held := explanation["held"]:
        told = ", ".join(each["label"][language] for each in held)
        lines.append(words["held"].format(tier=explanation["tier"], labels=told))
    parts = sorted(explanation["contributions"], key=lambda each: -abs(each["contribution"]))
    lines += [_part_line(each, language) for each in parts]
    lines += [
        words["unknown"].format(why=why, labels=", ".join(names))
        for why, names in _by_reason(explanation["unknown"], language).items()
    ]
    lines += _change_lines(explanation["change"], language)
    if reach := explanation["to_reach"]:
        lines.append(_reach(reach, language))
    return [*lines, *(_next_line(each, language) for each in explanation["next_tier"])]


def brief(explanation: Mapping[str, Any], language: str) -> str:
    """Why the score changed and what would lift it, short enough for a field of the CRM.

    The whole numbers add up to the change; what does not fit is one last number.
    """
    end = f" {_reach(reach, language)}." if (reach := explanation["to_reach"]) else ""
    head = _head(explanation, language)
    if len(head) + len(end) + 1 > LENGTH:
        end = ""
    change = explanation["change"]
    terms = _strongest(change, language)
    total = change["shown"]["to"] - change["shown"]["from"] if change else 0
    for kept in range(len(terms), -1, -1):
        parts = [f"{text} {_signed(delta)}" for delta, text in terms[:kept]]
        if rest := total - sum(delta for delta, _ in terms[:kept]):
            parts.append(f"{WORDS[language]['other']} {_signed(rest)}")
        text = f"{head}: {', '.join(parts)}.{end}" if parts else f"{head}.{end}"
        if len(text) <= LENGTH:
            return text
    return head[:LENGTH]


def _head(explanation: Mapping[str, Any], language: str) -> str:
    words, change = WORDS[language], explanation["change"]
    if explanation["score"] is None:
        return words["none"]
    if change is None:
        return f"{math.floor(explanation['score'] + 0.5)} ({words['first']})"
    ends = change["shown"]
    if ends["from"] == ends["to"]:
        told = _strongest(change, language)
        return f"{ends['to']}" if told else f"{ends['to']}, {words['same']}"
    return f"{ends['from']} → {ends['to']}"


def _strongest(change: Mapping[str, Any] | None, language: str) -> list[tuple[int, str]]:
    """The strongest terms as whole numbers with their texts.

    What merely weighs otherwise than before is blamed on nothing. Where age and data of a measure
    would read alike, age says that it is.
    """
    if change is None:
        return []
    deltas = _netted(change["terms"])
    steps = shown(deltas, round(change["from"] * 10))
    told = [
        (delta, step, term)
        for delta, step, term in zip(deltas, steps, change["terms"], strict=True)
        if step and not term["reweighed"]
    ]
    fresh = {(t["name"], t["text"][language]) for _, _, t in told if t["cause"] == "data"}
    found = []
    for _, step, term in sorted(told, key=lambda each: -abs(each[0]))[:MOST]:
        text = term["text"][language]
        alike = term["cause"] == "age" and (term["name"], text) in fresh
        found.append((step, WORDS[language]["aged"].format(text=text) if alike else text))
    return found


def _netted(terms: Sequence[Mapping[str, Any]]) -> list[int]:
    """The terms in tenths. Where age and data of a measure pull in opposite ways, the stronger has
    what is left: that somebody was away, and is back, is no news."""
    found = [round(each["delta"] * 10) for each in terms]
    for i, (one, other) in enumerate(pairwise(terms)):
        same = one["name"] == other["name"] and not (one["reweighed"] or other["reweighed"])
        if same and one["cause"] == "age" and found[i] * found[i + 1] < 0:
            left, first = found[i] + found[i + 1], abs(found[i]) > abs(found[i + 1])
            found[i], found[i + 1] = (left, 0) if first else (0, left)
    return found


def _by_reason(unknown: Iterable[Mapping[str, Any]], language: str) -> dict[str, list[str]]:
    """The names of what is not known, by the reason for it."""
    found: dict[str, list[str]] = {}
    for each in unknown:
        found.setdefault(each["because"][language], []).append(each["label"][language])
    return found


def _signed(delta: int) -> str:
    return f"{delta:+d}".replace("-", "−")


def _by_hand(explanation: Mapping[str, Any], language: str) -> list[str]:
    given = explanation["override"]
    if given is None:
        return []
    words, told = WORDS[language], {**given, "label": given["label"][language]}
    known = {"until": "until", "by": "by", "reason": "because"}
    parts = ["by_hand", *(word for name, word in known.items() if given.get(name))]
    return ["".join(words[part].format(**told) for part in parts)]


def _change_lines(change: Mapping[str, Any] | None, language: str) -> list[str]:
    if change is None:
        return []
    words = WORDS[language]
    ends = {"from_": _number(change["from"], language), "to": _number(change["to"], language)}
    lines = [words["change"].format(**ends, since=change["since"])]
    for each in sorted(change["terms"], key=lambda term: -abs(term["delta"])):
        said = each["text"][language]
        said = words["aged"].format(text=said) if each["cause"] == "age" else said
        delta = _number(each["delta"], language, signed=True)
        lines.append(words["term"].format(delta=delta, text=said))
    return lines


def _reach(reach: Mapping[str, Any], language: str) -> str:
    """The changes that together reach the tier, in words."""
    words = WORDS[language]
    actions = [
        each["action"].get(language)
        or words["to"].format(label=each["label"][language], to=_number(each["to"], language))
        for each in reach["changes"]
    ]
    return words["reach"].format(tier=reach["tier"], actions=words["and"].join(actions))


def _part_line(each: Mapping[str, Any], language: str) -> str:
    return WORDS[language]["part"].format(
        sign=_number(each["contribution"], language, signed=True),
        label=each["label"][language],
        value=_value(each, language),
        points=_number(each["points"], language),
    )


def _value(each: Mapping[str, Any], language: str) -> str:
    """The value, and where it is none of today what stands in for it."""
    shown = _number(each["value"], language)
    told = WORDS[language].get(each["assumed"] or "")
    if told is None:
        return shown
    return told if each["value"] is None else f"{shown} ({told})"


def _next_line(each: Mapping[str, Any], language: str) -> str:
    words = WORDS[language]
    if each["cause"] == "cap":
        return words["lift"].format(label=each["label"][language])
    ends = {
        "from_": _number(each["from"]["value"], language),
        "to": _number(each["to"]["value"], language),
    }
    return words["next"].format(tier=each["tier"], label=each["label"][language], **ends)


def _number(value: float | None, language: str, *, signed: bool = False) -> str:
    if value is None:
        return WORDS[language]["nothing"]
    shown = f"{value:+.1f}" if signed else f"{value:.1f}"
    shown = shown.removesuffix(".0")
    return (
        shown.replace(".", ",").replace("-", "−") if language == "de" else shown.replace("-", "−")
    )
