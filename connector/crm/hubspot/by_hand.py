"""What an admin does in HubSpot's settings to get what a plan would make, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...fieldplan import Extra, FieldPlan, FieldStep
from .definitions import words
from .segments import SEGMENT

#: What the form calls the types of properties.
FORM: Mapping[str, str] = {
    "number/number": "Number",
    "string/text": "Single-line text",
    "string/textarea": "Multi-line text",
    "enumeration/select": "Dropdown select",
    "enumeration/radio": "Radio select",
    "date/date": "Date picker",
    "datetime/date": "Date and time picker",
    "bool/booleancheckbox": "Single checkbox",
}
SETTINGS = "Settings → Data Management → Properties"


def by_hand(plan: FieldPlan) -> Iterator[str]:
    """One line for everything that is to be done."""
    yield from (_group(plan, each) for each in plan.extras if _todo(each) and not _segment(each))
    for step in plan.steps:
        if step.do == "create":
            yield _restore(plan, step) if step.id else _new(plan, step)
        elif step.do == "change":
            told = "; ".join(f"{what}: {_value(after)}" for what, _, after in step.changes)
            yield f"{_place(plan)} → {step.target} → Edit: {told}"
    yield from (_list(plan, each) for each in plan.extras if _todo(each) and _segment(each))


def _group(plan: FieldPlan, extra: Extra) -> str:
    label = extra.definition["label"]
    return f"{_place(plan)} → Groups → Create group: name “{label}”, internal name {extra.name}"


def _new(plan: FieldPlan, step: FieldStep) -> str:
    have = step.definition
    parts = [
        f"group {have['groupName']}",
        f"label “{have['label']}”",
        f"internal name {step.target}",
        f"description “{have['description']}”",
        f"field type {FORM.get(words(have), words(have))}",
    ]
    if have["type"] == "enumeration":
        values = ", ".join(each["value"] for each in have["options"])
        parts.append(f"options {values}, label and internal value the same")
    return f"{_place(plan)} → Create property: {'; '.join(parts)}"


def _restore(plan: FieldPlan, step: FieldStep) -> str:
    told = "; ".join(f"{what}: {_value(after)}" for what, _, after in step.changes)
    return f"{_place(plan)} → Archived properties → {step.target} → Restore; then Edit: {told}"


def _list(plan: FieldPlan, extra: Extra) -> str:
    (_, _, told), *_ = extra.changes
    return f"CRM → Segments → Create segment: {plan.object}, active, name “{extra.name}”; {told}"


def _todo(extra: Extra) -> bool:
    return extra.do == "create"


def _segment(extra: Extra) -> bool:
    return extra.kind == SEGMENT


def _place(plan: FieldPlan) -> str:
    return f"{SETTINGS} → {plan.object}"


def _value(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else f"“{value}”"
