"""Making the fields that a mapping writes, and letting people see them.

A field that was made by API is invisible to everybody, admins included, until a permission set
shows it. We keep two: a writer for the integration user, and a reader for account managers. No
profile, no layout, and no field or permission set without our mark is ever touched.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...errors import RemoteError
from ...fieldplan import FieldPlan, FieldsMade, FieldStep
from ...mapping.objects import CrmMapping, Field
from . import history, objects, permissions, setup, translations
from . import metadata as shapes
from .by_hand import by_hand
from .client import Client
from .fields import Describe
from .permissions import READER, WRITER, wanted
from .readable import Look, readable

_PACKAGED = re.compile(r"[A-Za-z0-9]+__\w+__c")
_CLOSED = "is there; only a user with View Setup and Configuration sees whose: used, never changed"
_FIELDS = "tooling/sobjects/CustomField"


def plan(
    client: Client, mapping: CrmMapping, look: Look, user: str, *, adopt: bool, assign: bool
) -> FieldPlan:
    """What the org needs so that the user can write the fields of a mapping. Changes nothing."""
    seen = {raw["name"]: raw for raw in (look(mapping.object) or {"fields": ()})["fields"]}
    steps = tuple(_steps(client, mapping, seen, adopt=adopt))
    known = objects.grantable(client)
    found = readable(client, mapping.pull, look, known)
    ours = [f"{mapping.object}.{s.target}" for s in steps if _grantable(s, seen.get(s.target))]
    read = [name for name in found.fields if name not in ours]
    all_read = objects.rights(found.objects, mapping.object, known)
    own_read = {name: objects.READ for name in all_read if name == mapping.object}
    asks = (wanted(WRITER, read, ours, all_read), wanted(READER, ours, (), own_read))
    writer, reader = (permissions.access(client, each, adopt=adopt) for each in asks)
    asked = assign and writer.do != "refuse"
    words = _words(client, mapping, steps)
    made = FieldPlan(
        mapping.object,
        user,
        steps,
        (writer, reader),
        assign=WRITER if asked and not permissions.is_assigned(client, WRITER, user) else "",
        hidden=tuple(step.target for step in steps if step.target not in seen),
        absent=found.absent,
        words=words or {},
        notes=() if words is not None else (translations.why_none(client),),
    )
    lacking = setup.lacking(client, _rights(made))
    return replace(made, lacking=lacking, by_hand=tuple(by_hand(made)))


def make(client: Client, plan: FieldPlan) -> FieldsMade:
    """Do what a plan says.

    What is refused does not cost the others: whatever was made is granted, so that nothing is
    left that nobody sees, and the next plan goes on from there.
    """
    done, failed = _make_fields(client, plan)
    created = tuple(step.target for step in done if step.do == "create")
    changed = tuple(step.target for step in done if step.do == "change")
    unmade = {step.target for step in plan.steps if step.do == "create"}.difference(created)
    granted, assigned, refused = _show(client, plan, unmade)
    translated, notes = _translate(client, plan, unmade)
    failed = {**failed, **refused}
    return FieldsMade(created, changed, granted, assigned, failed, translated, notes)


def _translate(
    client: Client, plan: FieldPlan, unmade: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the fields that are there their texts in the other language, or say why not."""
    told = {name: plan.words[name] for name in plan.words if name not in unmade}
    if not told:
        return (), plan.notes
    if problem := translations.deploy(client, plan.object, told.values()):
        return (), (*plan.notes, f"{translations.OFF} Salesforce said: {problem}")
    return tuple(told), plan.notes


def _words(
    client: Client, mapping: CrmMapping, steps: Sequence[FieldStep]
) -> Mapping[str, Mapping[str, Any]] | None:
    """The texts that our own fields lack in the other language; None when they cannot be kept."""
    ours = {step.target for step in steps if step.definition}
    fields = [field for field in mapping.fields if field.target in ours]
    return translations.lacking(client, mapping.object, fields)


def _show(
    client: Client, plan: FieldPlan, unmade: Collection[str]
) -> tuple[tuple[str, ...], str, dict[str, str]]:
    """Let people see the fields that are there: what was granted, assigned and refused."""
    without = {f"{plan.object}.{target}" for target in unmade}
    granted: dict[str, None] = {}
    failed: dict[str, str] = {}
    try:
        for access in plan.access:
            given, refused = permissions.grant(client, access, without)
            granted |= dict.fromkeys(given)
            failed |= refused
        if plan.assign:
            permissions.assign(client, plan.assign, plan.user)
    except RemoteError as error:
        return tuple(granted), "", {**failed, "permissions": error.message}
    return tuple(granted), plan.assign, failed


def _steps(
    client: Client, mapping: CrmMapping, seen: Mapping[str, Describe], *, adopt: bool
) -> Iterator[FieldStep]:
    """What is to be done about each field of the mapping."""
    known = _ids(client, mapping)
    full = history.beyond(client, mapping.object, mapping.fields)
    for field in mapping.fields:
        wanted = replace(field, history=False) if field.target in full else field
        step = _step(client, wanted, known, seen.get(field.target), adopt=adopt)
        untracked = wanted is not field and bool(step.definition)
        yield replace(step, why=(*step.why, history.FULL)) if untracked else step


def _step(
    client: Client,
    field: Field,
    known: Mapping[str, str] | None,
    there: Describe | None,
    *,
    adopt: bool,
) -> FieldStep:
    """What is to be done about one field; `known` are the ids of those that Setup knows."""
    if not field.target.endswith("__c"):
        return _left(field, "is a standard field: used, never changed")
    if known is None and there is not None:
        return _left(field, _CLOSED)
    if id := (known or {}).get(field.target):
        return _present(client, field, id, there, adopt=adopt)
    return _absent(field)


def _left(field: Field, why: str, id: str = "") -> FieldStep:
    return FieldStep(field.target, "leave", why=(why,), id=id)


def _absent(field: Field) -> FieldStep:
    if _PACKAGED.fullmatch(field.target):
        why = "belongs to a package that is not installed: install it, or name another `target`"
        return FieldStep(field.target, "refuse", why=(why,))
    wanted = shapes.metadata(field)
    return FieldStep(field.target, "create", shapes.changes({}, wanted), definition=wanted)


def _present(
    client: Client, field: Field, id: str, there: Describe | None, *, adopt: bool
) -> FieldStep:
    """A field that exists, seen or hidden: ours to change, or somebody else's to use."""
    have = setup.definition(client, id)
    if have is None:
        return _left(field, _CLOSED, id)
    choices = [each["value"] for each in (there or {}).get("picklistValues") or ()]
    ours = shapes.owned(have) or (adopt and not _PACKAGED.fullmatch(field.target))
    found = (shapes.compare if ours else shapes.unowned)(field, have, choices)
    if found.refused:
        return FieldStep(field.target, "refuse", why=(found.refused,), id=id)
    if not ours:
        return FieldStep(field.target, "leave", why=found.kept, id=id)
    wanted = {**have, **found.sets}
    if not found.sets:
        return FieldStep(field.target, "leave", (), found.kept, wanted, id)
    return FieldStep(field.target, "change", shapes.changes(have, wanted), found.kept, wanted, id)


def _ids(client: Client, mapping: CrmMapping) -> dict[str, str] | None:
    """The ids of those of our fields that exist, whoever sees them; None when we may not look."""
    names = ", ".join(f"'{_developer_name(field.target)}'" for field in mapping.fields)
    if not names:
        return {}
    rows = setup.tooling(
        client,
        "SELECT Id, DeveloperName, NamespacePrefix FROM CustomField "
        f"WHERE EntityDefinition.QualifiedApiName = '{mapping.object}' "
        f"AND DeveloperName IN ({names})",
    )
    return None if rows is None else {_api_name(row): str(row["Id"]) for row in rows}


def _developer_name(target: str) -> str:
    """`Health_Score__c` is called Health_Score, and so is `ns__Health_Score__c`."""
    bare = target.removesuffix("__c")
    return bare.partition("__")[2] or bare


def _api_name(row: Mapping[str, Any]) -> str:
    prefix = row.get("NamespacePrefix")
    return f"{prefix}__{row['DeveloperName']}__c" if prefix else f"{row['DeveloperName']}__c"


def _grantable(step: FieldStep, seen: Describe | None) -> bool:
    """Whether a permission set can show a field; a required one is always shown."""
    return step.do != "refuse" and (seen is None or bool(seen.get("permissionable", True)))


def _rights(plan: FieldPlan) -> Iterator[str]:
    """The rights that a plan needs, by their API names."""
    if any(step.do in {"create", "change"} for step in plan.steps):
        yield from ("CustomizeApplication", "ModifyMetadata")
    if any(access.do in {"create", "change"} for access in plan.access):
        yield "ManageProfilesPermissionsets"
    if plan.words:
        yield "ModifyMetadata"
    if plan.assign:
        yield "AssignPermissionSets"


def _make_fields(client: Client, plan: FieldPlan) -> tuple[list[FieldStep], dict[str, str]]:
    """Make and change fields; what is done, and what was refused and why."""
    done: list[FieldStep] = []
    failed: dict[str, str] = {}
    for step in plan.steps:
        if step.do not in {"create", "change"}:
            continue
        try:
            _put(client, plan.object, step)
        except RemoteError as error:
            failed[step.target] = error.message
            # What is not about this one field would be the same for the next one.
            if error.status != 400:
                break
        else:
            done.append(step)
    return done, failed


def _put(client: Client, object: str, step: FieldStep) -> None:
    """Make a field or change it, whole: Tooling forgets what the metadata leaves out."""
    body = {"FullName": f"{object}.{step.target}", "Metadata": dict(step.definition)}
    if step.do == "create":
        client.call("POST", _FIELDS, f"to create {step.target}", json=body)
    else:
        client.call("PATCH", f"{_FIELDS}/{step.id}", f"to change {step.target}", json=body)
