"""What an admin does in Setup to get what a plan would make, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...protocols import Access, FieldPlan, FieldStep
from .metadata import DESCRIPTION, names
from .translations import SPOKEN


def by_hand(plan: FieldPlan) -> Iterator[str]:
    """One line for everything that is to be done."""
    for step in plan.steps:
        if step.do == "create":
            yield _new(plan.object, step)
        elif step.do == "change":
            told = "; ".join(f"{what}: {_value(after)}" for what, _, after in step.changes)
            yield f"{_fields(plan.object)} → {step.target} → Edit: {told}"
    for access in plan.access:
        if access.do in {"create", "change"}:
            yield _permissions(access)
    for name, texts in plan.words.items():
        yield f"Setup → Translation Workbench → Translate: {SPOKEN}, Custom Field, {name}: " + (
            "; ".join(_texts(texts))
        )
    if plan.assign:
        yield f"{_set(plan.assign)} → Manage Assignments → Add: the user {plan.user}"


def _new(object: str, step: FieldStep) -> str:
    have = step.definition
    name = step.target.removesuffix("__c")
    parts = [_type(have), f"label “{have['label']}”", f"field name {name}"]
    if values := names(have):
        parts.append(f"values {', '.join(values)} and no others")
    if text := have.get("inlineHelpText"):
        parts.append(f"help text “{text}”")
    if have.get("trackHistory"):
        parts.append("history tracked")
    return f"{_fields(object)} → New: {'; '.join([*parts, f'description “{DESCRIPTION}”'])}"


def _type(have: Any) -> str:
    """The type as the form in Setup asks for it: there, length is the digits before the point."""
    if "precision" in have:
        whole = have["precision"] - have["scale"]
        return f"{have['type']}, length {whole}, decimal places {have['scale']}"
    return f"{have['type']}, length {have['length']}" if "length" in have else str(have["type"])


def _permissions(access: Access) -> str:
    both = (("edit", access.edit), ("read", access.read))
    new = [(right, [each for each in some if each in access.new]) for right, some in both]
    opened = [f"{name}: {', '.join(access.objects[name])}" for name in access.objects]
    opened = [each for each in opened if each.partition(":")[0] in access.new]
    told = "; ".join([*opened, *(f"{right} {', '.join(some)}" for right, some in new if some)])
    about = f"description “{DESCRIPTION}”"
    if access.do == "create":
        named = f"label “{access.label}”, API name {access.name}, {about}"
        return f"Setup → Permission Sets → New: {named}; Object Settings: {told}"
    return f"{_set(access.name)} → {f'Object Settings: {told}' if told else f'Edit: {about}'}"


def _texts(told: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{what} “{told[what]}”" for what in ("label", "help") if what in told)
    for each in told.get("picklistValues", ()):
        yield f"value {each['masterLabel']} “{each['translation']}”"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return "on" if value is True else f"“{value}”"


def _fields(object: str) -> str:
    return f"Setup → Object Manager → {object} → Fields & Relationships"


def _set(name: str) -> str:
    return f"Setup → Permission Sets → {name}"
