"""connector fields"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import Options, group

if TYPE_CHECKING:
    from ..protocols import Access, FieldPlan, FieldStep
    from ..records import Org
    from ..sync.app import App
    from ..sync.provision import Provision

Settings = Callable[..., Any]


def _settings(body: Settings) -> Settings:
    """The options that say how far provisioning goes."""
    adopt = "Take over fields and permission sets that somebody else made."
    assign = "Give the writer permission set to the running user."
    with_adopt = click.option("--adopt", is_flag=True, help=adopt)(body)
    return click.option("--assign/--no-assign", default=True, show_default=True, help=assign)(
        with_adopt
    )


@group()
def fields(options: Options) -> None:
    """The CRM fields that the mapping writes: look at them, make them, hand them to an admin."""


@fields.part
@_settings
def plan(options: Options, *, adopt: bool, assign: bool) -> int:
    """Show what would be made, changed and granted, and what is left alone. Changes nothing."""
    from ..errors import EXIT_DONE, UnsafePlan
    from .talk import answer

    _, _, found = _look(options, adopt=adopt, assign=assign)
    answer(options, found.as_dict(), *_shown(found.plan))
    return UnsafePlan.exit_code if found.plan.refused else EXIT_DONE


@fields.part
@_settings
def apply(options: Options, *, adopt: bool, assign: bool) -> int:
    """Make and change the fields, and let the running user read and write them.

    A second time there is nothing to do. What the connector did not make is used, never changed.
    """
    from ..report.terminal import provision
    from ..sync.provision import carry_out, refuse
    from .talk import answer, confirm

    app, org, found = _look(options, adopt=adopt, assign=assign)
    refuse(found.plan)
    if found.plan.todo:
        confirm(options, f"In {org.url}: {_question(found.plan)}?")
        found = carry_out(app, found)
    answer(options, found.as_dict(), provision(found), *_done(found))
    return found.exit


@fields.part
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--offline", is_flag=True, help="From the mapping alone: no network, no secrets.")
@click.option("--adopt", is_flag=True, help="Write what somebody else made as well.")
def export(options: Options, folder: Path, *, offline: bool, adopt: bool) -> None:
    """Write fields and permission sets as a folder for `sf project deploy start`.

    For whoever has the rights that the integration user should not have. Fields that are in the
    org and were not made by the connector are left out; offline nothing is known of them.
    """
    from ..config import load
    from .talk import answer

    if offline:
        loaded = load(options.config)
        files = loaded.crm.export_fields(loaded.mapping, folder)
    else:
        app, _, found = _look(options, adopt=adopt, assign=False)
        files = app.crm.export_fields(app.mapping, folder, found.plan)
    document = {"folder": str(folder), "files": [str(path) for path in files]}
    answer(options, document, *_ways_on(folder, files))


def _look(options: Options, *, adopt: bool, assign: bool) -> tuple[App, Org, Provision]:
    from ..config import open_app
    from ..sync.preflight import pin_org
    from ..sync.provision import look

    app = open_app(options.config)
    org = app.crm.check()
    pin_org(app, org)
    return app, org, look(app, org, adopt=adopt, assign=assign)


def _question(plan: FieldPlan) -> str:
    """What is to be agreed to: `create 9 fields on Account, grant …, assign …`."""
    counts = {do: sum(step.do == do for step in plan.steps) for do in ("create", "change")}
    parts = [
        f"{do} {count} field{'s' * (count != 1)} of {plan.object}"
        for do, count in counts.items()
        if count
    ]
    parts += [f"{access.do} the permission set {access.name}" for access in _sets_to_do(plan)]
    parts += [f"translate {len(plan.words)}"] if plan.words else []
    parts += [f"assign {plan.assign} to the running user"] if plan.assign else []
    return ", ".join(parts)


def _sets_to_do(plan: FieldPlan) -> list[Access]:
    return [access for access in plan.access if access.do in {"create", "change"}]


def _shown(plan: FieldPlan) -> Iterator[Any]:
    """A plan as a person reads it."""
    from ..report.terminal import table

    rows = [(step.target, str(step.do), line) for step in plan.steps for line in _about(step)]
    yield table(f"Fields of {plan.object}", ("field", "", ""), _once(rows))
    sets = [(each.name, str(each.do), line) for each in plan.access for line in _grants(each)]
    yield table("\nPermission sets", ("name", "", ""), _once(sets))
    if plan.words:
        rows = [(name, "", line) for name, told in plan.words.items() for line in _texts(told)]
        yield table("\nIn the other language", ("field", "", ""), _once(rows))
    yield from (f"\n{note}" for note in plan.notes)
    if plan.assign:
        yield f"\n{plan.assign} would be assigned to the running user, {plan.user}."
    if plan.absent:
        yield "\nRead by the mapping, and not in the org (or the user may not see it):"
        yield from (f"  {name}" for name in plan.absent)
    yield _verdict(plan)


def _texts(told: Mapping[str, Any]) -> Iterator[str]:
    """The texts of a field, line by line."""
    yield from (f"{what}: {told[what]}" for what in ("label", "help") if what in told)
    for value in told.get("picklistValues", ()):
        yield f"{value['masterLabel']}: {value['translation']}"


def _about(step: FieldStep) -> list[str]:
    """What is said of one field, line by line."""
    told = [
        f"{what}: {'' if before is None else f'{_value(before)} → '}{_value(after)}"
        for what, before, after in step.changes
        if (step.do, what) != ("create", "description")
    ]
    return [*told, *step.why] or ["as the mapping says"]


def _grants(access: Access) -> list[str]:
    """What a permission set would newly grant, and how much it grants in all."""
    new = set(access.new)
    told = [
        f"records of {name}: {', '.join(rights)}"
        for name, rights in access.objects.items()
        if name in new
    ]
    told += [
        f"{right}: {', '.join(each for each in some if each in new)}"
        for right, some in (("edit", access.edit), ("read", access.read))
        if new.intersection(some)
    ]
    whole = f"grants {len(access.edit)} fields to edit, {len(access.read)} to read"
    whole += f", on {len(access.objects)} object{'s' * (len(access.objects) != 1)}"
    return [access.why] if access.why else told or [whole]


def _once(rows: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The rows, with a name only where it is new."""
    names = [name for name, _, _ in rows]
    before = [None, *names]
    return [
        row if row[0] != last else ("", "", row[2]) for row, last in zip(rows, before, strict=False)
    ]


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return "yes" if value is True else str(value)


def _verdict(plan: FieldPlan) -> str:
    """What the plan comes to, and what to do next."""
    if plan.refused:
        return f"\nRefused until this is put right: {', '.join(plan.refused)}."
    if not plan.todo:
        return "\nNothing left to do."
    if not plan.lacking:
        return "\nTo do it: connector fields apply"
    lines = "\n".join(f"  {line}" for line in plan.by_hand)
    return (
        f"\nThe user lacks the right to {', '.join(plan.lacking)}. An admin deploys what "
        f"`connector fields export DIR` writes, or does by hand:\n{lines}"
    )


def _done(found: Provision) -> Iterator[str]:
    """What was done besides making fields, and what was not."""
    if found.changed:
        yield f"\nChanged: {', '.join(found.changed)}."
    if found.permissions:
        opened = [name for name in found.permissions if "." not in name]
        shown = len(found.permissions) - len(opened)
        yield f"\nGranted {shown} fields in {_names(found.plan)}."
        yield from ([f"Opened: {', '.join(opened)}."] if opened else [])
    if found.assigned:
        yield f"{found.assigned} is assigned to the running user."
    yield from (f"Left alone: {a.name} {a.why}." for a in found.plan.access if a.why)
    if found.translated:
        yield f"Translated {len(found.translated)} fields."
    yield from (f"\n{note}" for note in found.notes)
    if found.failed:
        yield "\nRefused by the CRM:"
        yield from (f"  {name}: {why}" for name, why in found.failed.items())
        yield "What was made is kept. Run it again to go on."


def _names(plan: FieldPlan) -> str:
    return " and ".join(access.name for access in _sets_to_do(plan))


def _ways_on(folder: Path, files: list[Path]) -> Iterator[str]:
    """How an admin deploys what was written."""
    yield f"{len(files)} files are in {folder}. An admin deploys them from there:"
    yield "  sf project deploy start --source-dir force-app"
    if any("translations" in path.parts for path in files):
        yield "and, where the Translation Workbench is on with German:"
        yield "  sf project deploy start --source-dir translations"
