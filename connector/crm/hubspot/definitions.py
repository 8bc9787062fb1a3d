"""A field of the mapping as the definition of a property, and what may change in one that is there.

Nothing that is in an account is ever made smaller: options are only added, types stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ...mapping.objects import Field, Kind, Labels

#: Stands in the description of what we may change; HubSpot shows descriptions to people.
MARK = "crm-health-connector: managed"
_NOTE = f"[{MARK}]"
GROUP = "crm_health"
GROUP_LABELS: Labels = {"en": "Customer health", "de": "Kundengesundheit"}
Language = Literal["en", "de"]

#: Type and input of the property that is made for each kind of field.
TYPES: Mapping[Kind, tuple[str, str]] = {
    "number": ("number", "number"),
    "text": ("string", "text"),
    "long_text": ("string", "textarea"),
    "choice": ("enumeration", "select"),
    "date": ("date", "date"),
    "datetime": ("datetime", "date"),
    "checkbox": ("bool", "booleancheckbox"),
}
#: Other types that can hold the same values; whoever chose one keeps it.
_HOLDS: Mapping[Kind, frozenset[str]] = {"choice": frozenset({"enumeration", "string"})}
YES_NO: Mapping[str, tuple[str, str]] = {"en": ("Yes", "No"), "de": ("Ja", "Nein")}
LONGEST_LABEL, LONGEST_DESCRIPTION = 100, 1_000
#: What may be called like this; the names of HubSpot's own begin with hs_.
NAME = re.compile(r"(?!hs_)[a-z][a-z0-9_]{0,99}")

Definition = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """What to set in a property that is there; what stays, and why; or why nothing can be."""

    sets: Mapping[str, Any] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    refused: str = ""


def definition(field: Field, place: int, language: Language) -> dict[str, Any]:
    """The whole definition of a field of the mapping, as HubSpot takes it."""
    kind, input = TYPES[field.type]
    made: dict[str, Any] = {
        "name": field.target,
        "label": label(field, language),
        "description": description(field.help, language),
        "groupName": GROUP,
        "type": kind,
        "fieldType": input,
        "formField": False,
        "displayOrder": place,
        "hasUniqueValue": False,
    }
    if field.type == "number":
        made["numberDisplayHint"] = "formatted"
    if field.type == "choice":
        made["options"] = [_option(each, each, n) for n, each in enumerate(field.values)]
    if field.type == "checkbox":
        yes, no = YES_NO[language]
        made["options"] = [_option("true", yes, 0), _option("false", no, 1)]
    return made


def label(field: Field, language: Language) -> str:
    """The label in a language, or whatever label there is: HubSpot keeps one."""
    texts = (field.label.get(language), *field.label.values(), field.target)
    return cut(next(text for text in texts if text), LONGEST_LABEL)


def description(help: Labels, language: Language) -> str:
    """The help text in both languages, ours first, and the mark behind them."""
    order = [language, *(each for each in ("en", "de") if each != language)]
    texts = [help[each] for each in order if help.get(each)]
    room = LONGEST_DESCRIPTION - len(_NOTE) - 1
    said = cut(" · ".join(texts), room) if texts else ""
    return f"{said} {_NOTE}".strip()


def group(language: Language) -> dict[str, Any]:
    """The group that our properties stand in."""
    return {"name": GROUP, "label": GROUP_LABELS[language], "displayOrder": -1}


def cut(text: str, most: int) -> str:
    """A text on one line, without what cannot be printed, and no longer than that."""
    plain = "".join(each for each in " ".join(text.split()) if each.isprintable())
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"


def owned(have: Definition) -> bool:
    """Whether the description says that the connector may change this property."""
    return MARK in (have.get("description") or "")


def is_hubspots(have: Definition) -> bool:
    """Whether HubSpot itself defines it; nobody can change such a property."""
    told = have.get("modificationMetadata") or {}
    return bool(have.get("hubspotDefined") or told.get("readOnlyDefinition"))


def compare(field: Field, wanted: Definition, have: Definition) -> Difference:
    """What a property that is ours lacks; an admin's own arrangement of it stays."""
    if refused := unfit(field, have):
        return Difference(refused=refused)
    sets = {key: wanted[key] for key in ("label",) if wanted[key] != have.get(key)}
    if said := _described(wanted, have):
        sets["description"] = said
    kept: list[str] = []
    if have["type"] != wanted["type"]:
        kept.append(f"is a {words(have)}, which holds a {field.type} as well")
    elif "options" in wanted:
        grown = with_options(have, wanted)
        sets |= {"options": grown} if grown != _listed(have) else {}
        kept += _foreign(have, wanted)
    return Difference(sets, tuple(kept))


def unowned(field: Field, wanted: Definition, have: Definition) -> Difference:
    """What is to be said of a property that somebody else made: it is used, or it cannot be."""
    found = compare(field, wanted, have)
    if found.refused:
        return found
    whose = "is HubSpot's own" if is_hubspots(have) else "was not made by the connector"
    if "options" in found.sets:
        lacking = ", ".join(lacks(have, wanted))
        way = "add them by hand" if is_hubspots(have) else "add them by hand, or use --adopt"
        return Difference(refused=f"{whose}, and has no option {lacking}: {way}")
    return Difference(kept=(f"{whose}: used, never changed",))


def unfit(field: Field, have: Definition) -> str:
    """Why a property cannot take the values of this field at all; empty if it can."""
    told = have.get("modificationMetadata") or {}
    elsewhere = "name another `target` in the mapping"
    if have.get("calculated") or have.get("calculationFormula"):
        return f"is calculated, and nobody can write it: {elsewhere}"
    if told.get("readOnlyValue"):
        return f"is read-only, and nobody can write it: {elsewhere}"
    kind, _ = TYPES[field.type]
    many = have.get("type") == "enumeration" and have.get("fieldType") == "checkbox"
    if have.get("type") in _HOLDS.get(field.type, {kind}) and not many:
        external = field.type == "choice" and have.get("externalOptions")
        return f"takes its options from elsewhere: {elsewhere}" if external else ""
    return (
        f"is a {words(have)}, the mapping wants a {'/'.join(TYPES[field.type])}, and a change of "
        f"type can lose values: {elsewhere}, or archive the old property in HubSpot"
    )


def lacks(have: Definition, wanted: Definition) -> list[str]:
    """The options that are not there, or hidden."""
    shown = {each["value"] for each in have.get("options") or () if not each.get("hidden")}
    return [each["value"] for each in wanted.get("options") or () if each["value"] not in shown]


def with_options(have: Definition, wanted: Definition) -> list[dict[str, Any]]:
    """All options that are there, whoever added them, and those that are lacking behind them.

    HubSpot replaces the whole list by the one it is sent, and drops what is not in it.
    """
    lacking, listed = lacks(have, wanted), _listed(have)
    known = {each["value"] for each in listed}
    listed = [{**each, "hidden": False} if each["value"] in lacking else each for each in listed]
    last = max((each["displayOrder"] for each in listed), default=-1)
    new = [each for each in wanted.get("options") or () if each["value"] not in known]
    return [*listed, *({**each, "displayOrder": last + n} for n, each in enumerate(new, 1))]


def changes(before: Definition, after: Definition) -> tuple[tuple[str, Any, Any], ...]:
    """What differs between two states of a property, in a person's words."""
    old, new = _shown(before), _shown(after)
    return tuple((what, old.get(what), new[what]) for what in new if old.get(what) != new[what])


def words(have: Definition) -> str:
    """`number/number`, `enumeration/select`."""
    return f"{have.get('type')}/{have.get('fieldType')}"


def _option(value: str, label: str, place: int) -> dict[str, Any]:
    return {"value": value, "label": label, "displayOrder": place, "hidden": False}


def _listed(have: Definition) -> list[dict[str, Any]]:
    """The options as HubSpot takes them back, nothing of them lost."""
    listed = []
    for place, each in enumerate(have.get("options") or ()):
        option = _option(each["value"], each.get("label") or each["value"], place)
        option |= {key: each[key] for key in ("displayOrder", "hidden") if key in each}
        if each.get("description"):
            option["description"] = each["description"]
        listed.append(option)
    return listed


def _described(wanted: Definition, have: Definition) -> str:
    """The description to set: ours up to the mark; what somebody wrote there stays behind it."""
    before, ours = str(have.get("description") or ""), str(wanted["description"])
    theirs = before.partition(_NOTE)[2] if owned(have) else before
    after = cut(f"{ours} {theirs}", LONGEST_DESCRIPTION)
    return "" if after == cut(before, LONGEST_DESCRIPTION) else after


def _foreign(have: Definition, wanted: Definition) -> list[str]:
    ours = {each["value"] for each in wanted["options"]}
    old = [each["value"] for each in have.get("options") or () if each["value"] not in ours]
    if not old:
        return []
    return [f"keeps {', '.join(old)}, which the mapping does not write: companies may hold it"]


def _shown(have: Definition) -> dict[str, Any]:
    """What a person is told of a property."""
    if not have:
        return {}
    shown: Sequence[Any] = have.get("options") or ()
    told = {
        "type": words(have),
        "options": [each["value"] for each in shown if not each.get("hidden")] or None,
        "label": have.get("label"),
        "group": have.get("groupName"),
        "description": have.get("description"),
    }
    return {what: value for what, value in told.items() if value}
