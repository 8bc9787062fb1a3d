"""Before anything is read or written: is this the right org, and can we see what we need?"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ..errors import UnsafePlan
from ..mapping import pulls, wanted
from ..records import CrmField, Org
from .app import App

#: HubSpot counts no day for an app with OAuth; its own count of one is for private apps alone.
UNMETERED = (
    "The CRM does not say how many calls of the day are left (with OAuth HubSpot never does): "
    "`share` and `reserve` in [budget] hold nothing back."
)


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found: the type of each CRM field path, pull by pull (None: the org lacks the
    object and may); the target fields that are not there; what is gone without, and why; what is
    `left_out` because the org lacks it or hides it, and the mapping allows for that; and whether it
    says how many calls of the day are left."""

    types: tuple[Mapping[str, str] | None, ...]
    missing: tuple[Any, ...]
    notices: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    metered: bool = True

    @property
    def lasting(self) -> tuple[str, ...]:
        """What an org simply does not have, in words."""
        told = () if self.metered else (UNMETERED,)
        if not self.left_out:
            return told
        names = ", ".join(self.left_out)
        return (*told, f"Left out, as the CRM lacks it or hides it from us: {names}")

    @property
    def told(self) -> tuple[str, ...]:
        """All that is gone without, in words."""
        return (*self.notices, *self.lasting)


def pin_org(app: App, org: Org) -> None:
    """Refuse any org but the one this installation belongs to."""
    for pinned in (app.guards.org_id, app.state.setting("org")):
        if not pinned or pinned[:15] == org.id[:15]:
            continue
        raise UnsafePlan(
            f"This is org {org.id}; this installation belongs to {pinned}.",
            hint="Use a separate folder and configuration for each org.",
        )
    if not app.state.setting("org"):
        app.state.remember("org", org.id)


def preflight(app: App) -> Preflight:
    """Look at every object and field the mapping names; UnsafePlan says all that is wrong."""
    objects = sorted({pull.object for pull in app.mapping.pull})
    with ThreadPoolExecutor(app.pulling.parallel) as pool:
        known = dict(zip(objects, pool.map(app.crm.fields, objects), strict=True))
    shut, unwritable = app.crm.shut(objects, app.mapping.object)
    wrong = [f"{app.mapping.object}: cannot be written: {unwritable}"] if unwritable else []
    types: list[Mapping[str, str] | None] = []
    notices: dict[str, None] = {}
    left_out: set[str] = set()
    for pull in app.mapping.pull:
        if known[pull.object] is None or pull.object in shut:
            types.append(None)
            why = shut.get(pull.object) or "no such object, or the user may not see it"
            if not pull.optional:
                wrong.append(f"{pull.object}: {why}")
            elif pull.object in shut:
                notices[f"{pull.object} is left out: {why}"] = None
            else:
                left_out.add(pull.object)
            continue
        paths = pulls.fields(pull)
        found = app.crm.path_types(pull.object, paths)
        types.append(found)
        filtered = app.crm.path_types(pull.object, pulls.filtered(pull), exact=False)
        absent = pulls.absent(pull, {**filtered, **found})
        wrong += [f"{pull.object}.{path}: not there, or hidden from the user" for path in absent]
        left_out |= {f"{pull.object}.{path}" for path in {*paths} - {*found} - {*absent}}
    there = app.crm.fields(app.mapping.object) or {}
    if any(field.type == "choice" for field in app.mapping.fields):
        app.crm.choices(app.mapping.object)  # asked for now, so that it counts before the reading
    wrong += [text for field in app.mapping.fields if (text := _misfit(field, there))]
    if wrong:
        raise UnsafePlan(
            "The org does not have what the mapping needs:\n"
            + "\n".join(f"  {text}" for text in sorted(wrong)),
            hint=app.crm.remedy,
        )
    missing = tuple(field for field in app.mapping.fields if field.target not in there)
    metered = app.crm.allowance()[1] > 0
    return Preflight(tuple(types), missing, tuple(notices), tuple(sorted(left_out)), metered)


def news(app: App, found: Preflight) -> tuple[str, ...]:
    """What is gone without. What an org simply does not have is told once, and when it changes."""
    said = " ".join(found.lasting)
    if app.state.setting("left_out") == said:
        return found.notices
    app.state.remember("left_out", said)
    return found.told


def require_fields(found: Preflight, object: str) -> None:
    """Refuse to go on while fields that we write are missing."""
    if found.missing:
        names = ", ".join(field.target for field in found.missing)
        raise UnsafePlan(
            f"{object} lacks fields that the mapping writes: {names}.",
            hint="Create them with `connector fields apply`, which also shows those that are only "
            "hidden from the user; an admin takes what `connector fields export DIR` writes.",
        )


def _misfit(field: Any, there: Mapping[str, CrmField]) -> str | None:
    """Why a field that exists cannot take what we would write; None if it can."""
    have = there.get(field.target)
    if have is None:
        return None
    if have.calculated or not have.writable:
        return f"{field.target}: the user may not write it"
    if field.type not in have.holds:
        return f"{field.target}: is a {have.type}; the mapping writes {field.type}"
    if field.type in {"text", "long_text"} and have.length < wanted.length(field):
        return (
            f"{field.target}: holds {have.length} characters; "
            f"the mapping writes {wanted.length(field)}"
        )
    if field.type == "number" and have.precision and have.scale < field.scale:
        return f"{field.target}: keeps {have.scale} decimals; the mapping writes {field.scale}"
    lacking = [value for value in field.values or () if value not in have.choices]
    if field.type == "choice" and have.restricted and lacking:
        return f"{field.target}: has no value {', '.join(lacking)}"
    return None
