"""Doing what a plan for properties says; what is refused costs no other property."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...errors import RemoteError
from ...fieldplan import Extra, FieldPlan, FieldsMade, FieldStep
from . import answers, definitions, segments
from .client import Client
from .definitions import Definition

#: Definitions that are made in one call.
MOST = 100
EXISTS = 409


def make(client: Client, plan: FieldPlan) -> FieldsMade:
    """Make the group, the properties, their changes and the segments, in this order."""
    groups, failed = _extras(client, plan, segment=False)
    if failed:
        return FieldsMade(failed=failed)
    created, refused = _create(client, plan)
    changed, unchanged = _change(client, plan)
    failed |= refused | unchanged
    lists, unmade = _extras(client, plan, segment=True)
    return FieldsMade(
        tuple(created), tuple(changed), extras=(*groups, *lists), failed={**failed, **unmade}
    )


def _extras(client: Client, plan: FieldPlan, *, segment: bool) -> tuple[list[str], dict[str, str]]:
    """Make what stands beside the properties; what is made, and what was refused."""
    made: list[str] = []
    failed: dict[str, str] = {}
    for each in plan.extras:
        if each.do != "create" or (each.kind == segments.SEGMENT) is not segment:
            continue
        try:
            segments.make(client, each) if segment else _group(client, plan.object, each)
        except RemoteError as error:
            failed[each.name] = error.message
        else:
            made.append(each.name)
    return made, failed


def _group(client: Client, kind: str, group: Extra) -> None:
    """Make the group; one that somebody has just made is the same."""
    path = client.paths.crm("properties", kind, "groups")
    try:
        client.json("POST", path, f"to make the group {group.name}", body=dict(group.definition))
    except RemoteError as error:
        if error.status != EXISTS:
            raise


def _create(client: Client, plan: FieldPlan) -> tuple[list[str], dict[str, str]]:
    """Make new properties, many at once; each is looked at as HubSpot gives it back."""
    new = [each for each in plan.steps if each.do == "create"]
    made: list[str] = []
    failed: dict[str, str] = {}
    for start in range(0, len(new), MOST):
        batch = new[start : start + MOST]
        given, refused = _batch(client, plan.object, batch)
        failed |= refused
        for step in batch:
            if step.target in refused:
                continue
            if why := _settled(client, plan.object, step, given[step.target]):
                failed[step.target] = why
            else:
                made.append(step.target)
    return made, failed


def _batch(
    client: Client, kind: str, steps: Sequence[FieldStep]
) -> tuple[dict[str, Definition], dict[str, str]]:
    """One call: what was made as it is now, and why the others were not.

    A call that is refused as a whole says nothing of the single property: then one by one.
    """
    path = client.paths.crm("properties", kind, "batch", "create")
    body = {"inputs": [dict(each.definition) for each in steps]}
    try:
        told = client.json("POST", path, "to make properties", body=body)
    except RemoteError as error:
        if error.status == 400 and len(steps) > 1:
            return _one_by_one(client, kind, steps)
        return {}, {each.target: error.message for each in steps}
    given = {each["name"]: each for each in told.get("results") or ()}
    reasons = dict(_reasons(told))
    others = " ".join(dict.fromkeys(reasons.values())) or "HubSpot did not say what became of it"
    refused = {
        each.target: reasons.get(each.target, others)
        for each in steps
        if each.target not in given
    }  # fmt: skip
    return given, refused


def _one_by_one(
    client: Client, kind: str, steps: Sequence[FieldStep]
) -> tuple[dict[str, Definition], dict[str, str]]:
    given: dict[str, Definition] = {}
    refused: dict[str, str] = {}
    for step in steps:
        made, why = _batch(client, kind, [step])
        given |= made
        refused |= why
    return given, refused


def _reasons(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name → why it was not made, from an answer that tells both."""
    for each in told.get("errors") or ():
        context = each.get("context") or {}
        names = [*(context.get("name") or ()), *(context.get("propertyName") or ())]
        said = answers.refused(each)
        taken = "EXISTS" in said.code
        why = "somebody has just made it: nothing was changed; plan again" if taken else said.said
        yield from ((str(name), why) for name in names or [""])


def _settled(client: Client, kind: str, step: FieldStep, given: Definition) -> str:
    """Why what HubSpot gives back is not what was meant; empty if all is well.

    An archived property of the name comes back as it was, whatever was asked for.
    """
    wanted = step.definition
    if definitions.words(given) != definitions.words(wanted):
        return (
            "an archived property of this name came back with its old definition, a "
            f"{definitions.words(given)}: archive it again, or name another `target`"
        )
    if step.id or not definitions.owned(given) or definitions.lacks(given, wanted):
        if not step.id:
            return (
                "an archived property of this name came back with its old definition: plan again "
                "with --adopt if it may be used"
            )
        return _put(client, kind, step, given)
    return ""


def _change(client: Client, plan: FieldPlan) -> tuple[list[str], dict[str, str]]:
    changed: list[str] = []
    failed: dict[str, str] = {}
    for step in plan.steps:
        if step.do != "change":
            continue
        path = client.paths.crm("properties", plan.object, step.target)
        try:
            have = client.json("GET", path, f"to look at {step.target} once more")
        except RemoteError as error:
            failed[step.target] = error.message
            continue
        if why := _put(client, plan.object, step, have):
            failed[step.target] = why
        else:
            changed.append(step.target)
    return changed, failed


def _put(client: Client, kind: str, step: FieldStep, have: Definition) -> str:
    """Change a property from what it is now; why that was refused, or nothing.

    Options that somebody added since the plan was made are kept.
    """
    wanted = step.definition
    sets = {
        key: wanted[key]
        for key in ("label", "description")
        if wanted.get(key) != have.get(key)
    }  # fmt: skip
    if definitions.lacks(have, wanted):
        sets["options"] = definitions.with_options(have, wanted)
    path = client.paths.crm("properties", kind, step.target)
    try:
        if sets:
            client.json("PATCH", path, f"to change {step.target}", body=sets)
    except RemoteError as error:
        return error.message
    return ""
