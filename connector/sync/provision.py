"""Provision: the fields that the mapping writes, made in the CRM and visible to our user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import EXIT_DONE, EXIT_PARTLY, ConnectorError, Denied, UnsafePlan
from ..protocols import Access, FieldPlan, FieldStep
from ..records import Org
from .app import App

#: Nothing to do, for nobody.
_NOTHING = FieldPlan("", "", ())


@dataclass(frozen=True, slots=True)
class Provision:
    """Fields that are there and fields that are not, for our user; and what was done about it."""

    object: str
    present: tuple[str, ...]
    missing: tuple[str, ...]
    created: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    assigned: str = ""
    failed: Mapping[str, str] = field(default_factory=dict)
    translated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    plan: FieldPlan = _NOTHING

    @property
    def exit(self) -> int:
        """The exit code: all done, some of it, or nothing."""
        if not self.failed:
            return EXIT_DONE
        done = (*self.created, *self.changed, *self.permissions, *self.translated)
        done += (self.assigned,) if self.assigned else ()
        return EXIT_PARTLY if done else ConnectorError.exit_code

    def as_dict(self) -> dict[str, Any]:
        """What is printed as JSON."""
        done = ("created", "granted", "changed", "permissions", "assigned", "translated")
        names = ("object", "present", "missing", *done, "failed", "notes")
        told = {name: getattr(self, name) for name in names}
        return told | _planned(self.plan)


def look(app: App, org: Org, *, adopt: bool = False, assign: bool = True) -> Provision:
    """What the org has, and what it needs. Changes nothing."""
    plan = app.crm.plan_fields(app.mapping, org.user, adopt=adopt, assign=assign)
    targets = [field.target for field in app.mapping.fields]
    return Provision(
        app.mapping.object,
        present=tuple(t for t in targets if t not in plan.hidden),
        missing=plan.hidden,
        notes=plan.notes,
        plan=plan,
    )


def provision(app: App, org: Org, *, adopt: bool = False, assign: bool = True) -> Provision:
    """Make and change what the mapping needs, and let our user read and write all of it."""
    return carry_out(app, look(app, org, adopt=adopt, assign=assign))


def carry_out(app: App, found: Provision) -> Provision:
    """Do what was found to be needed; a plan that cannot be carried out whole is refused."""
    refuse(found.plan)
    if not found.plan.todo:
        return found
    made = app.crm.make_fields(found.plan)
    there = app.crm.fields(found.object) or {}
    return replace(
        found,
        created=made.created,
        changed=made.changed,
        granted=tuple(name for name in found.missing if name in there),
        permissions=made.granted,
        assigned=made.assigned,
        failed=made.failed,
        translated=made.translated,
        notes=made.notes,
    )


def refuse(plan: FieldPlan) -> None:
    """Stop if a field cannot be what the mapping wants, or the user may not make the changes."""
    if plan.refused:
        told = "\n".join(f"  {name}: {why}" for name, why in plan.refused.items())
        raise UnsafePlan(
            f"{plan.object} cannot be made to hold what the mapping writes:\n{told}",
            hint="Nothing was changed. Do what is said at each, then repeat.",
        )
    if plan.todo and plan.lacking:
        lines = "\n".join(f"  {line}" for line in plan.by_hand)
        raise Denied(
            f"The user lacks the right to {', '.join(plan.lacking)}. Nothing was changed.",
            hint="An admin deploys what `connector fields export DIR` writes, or does by hand:\n"
            + lines,
        )


def _planned(plan: FieldPlan) -> dict[str, Any]:
    return {
        "fields": [_step(each) for each in plan.steps],
        "permission_sets": [_access(each) for each in plan.access],
        "translations": tuple(plan.words),
        "assign": plan.assign,
        "user": plan.user,
        "absent": plan.absent,
        "lacking": plan.lacking,
        "by_hand": plan.by_hand,
    }


def _step(step: FieldStep) -> dict[str, Any]:
    changes = [{"what": w, "before": before, "after": after} for w, before, after in step.changes]
    return {"field": step.target, "do": step.do, "changes": changes, "why": step.why}


def _access(access: Access) -> dict[str, Any]:
    names = ("name", "do", "read", "edit", "objects", "new", "why")
    return {name: getattr(access, name) for name in names}
