"""A field of the mapping as Salesforce's metadata, and what may change in one that is there.

Nothing that is in an org is ever made smaller: digits, lengths and values are only added to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...mapping.objects import Field, Kind, Labels
from ...mapping.wanted import length

#: Stands in the description of what we may change.
MARK = "crm-health-connector: managed"
DESCRIPTION = f"{MARK}. Written by the customer health sync. Remove this note to keep it from that."

TYPES: Mapping[Kind, str] = {
    "number": "Number",
    "text": "Text",
    "long_text": "LongTextArea",
    "choice": "Picklist",
    "date": "Date",
    "datetime": "DateTime",
    "checkbox": "Checkbox",
}
#: Other types that can hold the same values; whoever chose one keeps it.
_HOLDS: Mapping[Kind, frozenset[str]] = {
    "number": frozenset({"Number", "Currency", "Percent"}),
    "text": frozenset({"Text", "TextArea", "LongTextArea", "Url"}),
    "long_text": frozenset({"LongTextArea"}),
    "choice": frozenset({"Picklist", "Text"}),
}
LONGEST_VALUE = 255
LONGEST_LABEL, LONGEST_HELP, LONGEST_DESCRIPTION, MOST_DIGITS, SHORTEST_LONG_TEXT = (
    40, 510, 1000, 18, 256,
)  # fmt: skip
LANGUAGES = ("en", "de")

Metadata = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """What to set in a field that is there; what stays as it is, and why; or why nothing can be."""

    sets: Mapping[str, Any] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    refused: str = ""


def metadata(field: Field) -> dict[str, Any]:
    """The whole metadata of a field of the mapping."""
    kind = TYPES[field.type]
    made: dict[str, Any] = {"type": kind, "label": label(field), "description": DESCRIPTION}
    if text := _both(field.help):
        made["inlineHelpText"] = text
    if field.history:
        made["trackHistory"] = True
    return {**made, **_own(field, kind)}


def label(field: Field, language: str = "en") -> str:
    """The label in a language, or whatever label there is."""
    texts = (field.label.get(language), *field.label.values(), field.target)
    return cut(next(text for text in texts if text), LONGEST_LABEL)


def cut(text: str, most: int) -> str:
    """A text on one line, without what cannot be printed, and no longer than that."""
    plain = "".join(each for each in " ".join(text.split()) if each.isprintable())
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"


def owned(have: Metadata) -> bool:
    """Whether the description says that the connector may change this field."""
    return MARK in (have.get("description") or "")


def compare(field: Field, have: Metadata, choices: Sequence[str] = ()) -> Difference:
    """What a field that is there lacks; `choices` are the values that describe shows."""
    if refused := _unfit(field, have):
        return Difference(refused=refused)
    sized = _sized(field, have, choices)
    if sized.refused:
        return sized
    kept = sized.kept
    if have["type"] != TYPES[field.type]:
        kept = (f"is a {have['type']}, which holds a {field.type} as well", *kept)
    return Difference({**_words(field, have), **sized.sets}, kept)


def unowned(field: Field, have: Metadata, choices: Sequence[str] = ()) -> Difference:
    """What is to be said of a field that somebody else made: it is used, or it cannot be."""
    found = compare(field, have, choices)
    if found.refused:
        return found
    small = {"scale", "length"} & found.sets.keys()
    lacking = [each for each in field.values if each not in names(have)]
    closed = "valueSet" in found.sets and have["valueSet"].get("restricted")
    if small or (closed and lacking):
        there, needed = type_words(have), type_words({**have, **found.sets})
        lacks = f"{there} is too small for {needed}" if small else "values are missing"
        why = f"was not made by the connector, and {lacks}: change it by hand, or use --adopt"
        return Difference(refused=why)
    return Difference(kept=("was not made by the connector: used, never changed",))


def changes(before: Metadata, after: Metadata) -> tuple[tuple[str, Any, Any], ...]:
    """What differs between two states of a field, in a person's words."""
    old, new = _shown(before), _shown(after)
    return tuple((what, old.get(what), new[what]) for what in new if old.get(what) != new[what])


def type_words(have: Metadata) -> str:
    """`Number(4, 1)`, `Text(255)`, `Picklist`."""
    sizes = [
        str(have[key]) for key in ("precision", "scale", "length") if have.get(key) is not None
    ]
    return f"{have['type']}({', '.join(sizes)})" if sizes else str(have["type"])


def names(have: Metadata, *, active: bool = True) -> list[str]:
    """The values of a picklist; with `active`, only those that may be chosen."""
    return [_name(each) for each in _listed(have) if not active or _is_active(each)]


def _own(field: Field, kind: str) -> dict[str, Any]:
    """What belongs to this type alone."""
    match kind:
        case "Number":
            return {"precision": field.precision, "scale": field.scale}
        case "Text":
            return {"length": length(field)}
        case "LongTextArea":
            return {"length": max(length(field), SHORTEST_LONG_TEXT), "visibleLines": 4}
        case "Picklist":
            return {"valueSet": _value_set(field)}
        case "Checkbox":
            return {"defaultValue": "false"}
        case _:
            return {}


def _value_set(field: Field) -> dict[str, Any]:
    listed = [_value(field, each) for each in field.values]
    return {"restricted": True, "valueSetDefinition": {"sorted": False, "value": listed}}


def value_label(field: Field, value: str) -> str:
    """What people see in place of a value; records and programs keep the value itself."""
    return cut(field.value_labels.get(value, {}).get("en") or value, LONGEST_VALUE)


def _value(field: Field, name: str) -> dict[str, Any]:
    return {"valueName": name, "label": value_label(field, name), "default": False}


def _both(help: Labels) -> str:
    """All languages in the one help text there is; each gets its share of the room."""
    texts = [help[each] for each in LANGUAGES if help.get(each)]
    whole = cut(" · ".join(texts), LONGEST_HELP * 2)
    if len(whole) <= LONGEST_HELP:
        return whole
    share = (LONGEST_HELP - 3) // len(texts)
    return " · ".join(cut(each, share) for each in texts)


def _words(field: Field, have: Metadata) -> dict[str, Any]:
    """Label, help, history and our mark, where they differ."""
    wanted = metadata(field)
    told = ("label", "inlineHelpText", "trackHistory")
    sets = {key: wanted[key] for key in told if key in wanted and wanted[key] != have.get(key)}
    if not owned(have):
        said = f"{DESCRIPTION}\n{have.get('description') or ''}".strip()
        sets["description"] = said[:LONGEST_DESCRIPTION]
    return sets


def _unfit(field: Field, have: Metadata) -> str:
    """Why a field of this type cannot be used at all; empty if it can."""
    if have.get("formula"):
        return "is a formula, which nobody can write: name another `target` in the mapping"
    kind = TYPES[field.type]
    if have["type"] in _HOLDS.get(field.type, {kind}):
        return ""
    return (
        f"is a {have['type']}, the mapping wants a {kind}, and a change of type can lose values: "
        "name another `target` in the mapping, or rename or delete the old field in Setup"
    )


def _sized(field: Field, have: Metadata, choices: Sequence[str]) -> Difference:
    """What a field has too little of."""
    match have["type"]:
        case "Number" | "Currency" | "Percent":
            return _digits(field, have)
        case "Text" | "LongTextArea":
            return _length(field, have)
        case "Picklist":
            return _values(field, have, choices)
        case _:
            return Difference()


def _digits(field: Field, have: Metadata) -> Difference:
    scale = max(field.scale, have["scale"])
    whole = max(field.precision - field.scale, have["precision"] - have["scale"])
    if whole + scale > MOST_DIGITS:
        why = f"would need {whole} digits and {scale} decimals; Salesforce keeps {MOST_DIGITS}"
        return Difference(refused=f"{why}: lower `precision` or `scale` in the mapping")
    wanted = {"precision": whole + scale, "scale": scale}
    sets = {key: new for key, new in wanted.items() if new != have[key]}
    kept = []
    if have["scale"] > field.scale:
        kept.append(
            f"keeps {have['scale']} decimals where the mapping wants {field.scale}: "
            "fewer would cut values; change it in Setup if meant"
        )
    if have["precision"] - have["scale"] > field.precision - field.scale:
        kept.append("has room for more digits than the mapping needs")
    return Difference(sets, tuple(kept))


def _length(field: Field, have: Metadata) -> Difference:
    wanted = metadata(field).get("length", length(field))
    if have["length"] < wanted:
        return Difference({"length": wanted})
    if have["length"] > wanted:
        why = f"keeps {have['length']:,} characters where the mapping wants {wanted:,}"
        return Difference(kept=(f"{why}: fewer could cut texts; change it in Setup if meant",))
    return Difference()


def _values(field: Field, have: Metadata, choices: Sequence[str]) -> Difference:
    kept = _open_and_old(field, have)
    if shared := (have.get("valueSet") or {}).get("valueSetName"):
        lacking = [each for each in field.values if each not in choices]
        if not lacking:
            return Difference(kept=(f"takes its values from the global value set {shared}", *kept))
        why = f"takes its values from the global value set {shared}, which other fields use too"
        return Difference(refused=f"{why}: add {', '.join(lacking)} there by hand")
    lacking = [each for each in field.values if each not in names(have)]
    listed = _grown(field, have, lacking)
    same = listed == (have.get("valueSet") or {})
    return Difference({} if same else {"valueSet": listed}, tuple(kept))


def _open_and_old(field: Field, have: Metadata) -> list[str]:
    kept = []
    if old := [each for each in names(have) if each not in field.values]:
        what = f"keeps {', '.join(old)}, which the mapping does not write"
        kept.append(f"{what}: accounts may hold it; deactivate it in Setup if nobody does")
    if not (have.get("valueSet") or {}).get("restricted"):
        kept.append("takes any value: others may be in use, so it is not restricted")
    return kept


def _grown(field: Field, have: Metadata, lacking: Sequence[str]) -> dict[str, Any]:
    """The value set with more values: those that were switched off on again, new ones last.

    A value that the mapping gives a label to is called so; what somebody else calls one stays.
    """
    known = names(have, active=False)
    listed = [
        {**each, "isActive": True} if _name(each) in lacking else each for each in _listed(have)
    ]
    listed = [
        {**each, "label": value_label(field, _name(each))}
        if field.value_labels.get(_name(each), {}).get("en")
        else each
        for each in listed
    ]
    listed += [_value(field, each) for each in lacking if each not in known]
    before = have.get("valueSet") or {}
    definition = {**(before.get("valueSetDefinition") or {"sorted": False}), "value": listed}
    return {**before, "valueSetDefinition": definition}


def _listed(have: Metadata) -> list[dict[str, Any]]:
    definition = (have.get("valueSet") or {}).get("valueSetDefinition") or {}
    return list(definition.get("value") or ())


def _value_labels(have: Metadata) -> list[str]:
    """Those values that are called something else: `Up: Rising`."""
    active = [each for each in _listed(have) if _is_active(each)]
    return [
        f"{_name(each)}: {each['label']}"
        for each in active
        if each.get("label") and each["label"] != _name(each)
    ]


def _name(value: Mapping[str, Any]) -> str:
    """Tooling calls it valueName, metadata files call it fullName."""
    return str(value.get("valueName") or value.get("fullName") or value.get("label"))


def _is_active(value: Mapping[str, Any]) -> bool:
    return value.get("isActive") is not False


def _shown(have: Metadata) -> dict[str, Any]:
    """What a person is told of a field."""
    if not have:
        return {}
    told = {
        "type": type_words(have),
        "values": names(have) or None,
        "labels": _value_labels(have) or None,
        "label": have.get("label"),
        "help": have.get("inlineHelpText"),
        "history": have.get("trackHistory") or None,
        "description": have.get("description"),
    }
    return {what: value for what, value in told.items() if value}
