"""Provision: the fields that the mapping writes, made in the CRM and visible to our user."""

from __future__ import annotations

from dataclasses import dataclass

from ..records import Org
from .app import App
from .preflight import preflight


@dataclass(frozen=True, slots=True)
class Provision:
    """Fields to create, and fields that are there; what was created and granted."""

    object: str
    present: tuple[str, ...]
    missing: tuple[str, ...]
    created: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()


def look(app: App) -> Provision:
    """Which of our fields the org has. Changes nothing."""
    missing = {field.target for field in preflight(app).missing}
    targets = [field.target for field in app.mapping.fields]
    return Provision(
        app.mapping.object,
        present=tuple(t for t in targets if t not in missing),
        missing=tuple(t for t in targets if t in missing),
    )


def provision(app: App, org: Org) -> Provision:
    """Create what is missing and let our user read and write all of it.

    A field may be missing because it is hidden: granting comes first, so that nothing is made
    twice.
    """
    before = look(app)
    if not before.missing:
        return before
    mapped = {field.target: field for field in app.mapping.fields}
    hidden = app.crm.hidden_fields(app.mapping.object, before.missing)
    absent = [mapped[name] for name in before.missing if name not in hidden]
    created = app.crm.create_fields(app.mapping.object, absent)
    granted = app.crm.grant_fields(app.mapping.object, before.missing, org.user)
    return Provision(before.object, before.present, before.missing, tuple(created), tuple(granted))
