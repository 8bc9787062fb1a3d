"""What became of a record: its live values against what a plan found and what it wants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..mapping.alike import alike
from ..records import Outcome
from .app import App
from .changes import Change, Plan

EDITED = "EDITED"
GONE = "GONE"


def parted(app: App, plan: Plan, changes: Sequence[Change]) -> tuple[list[Change], list[Outcome]]:
    """The changes whose records are as planned, and an outcome for each of the others."""
    live = _live(app, plan, changes)
    steady, moved = [], []
    for change in changes:
        holds = live.get(change.id)
        if holds is None:
            moved.append(_gone(change.id))
        elif _holds(plan, holds, change.before):
            steady.append(change)
        elif _holds(plan, holds, change.after):  # written already, and its answer was lost
            moved.append(Outcome(change.id, "applied"))
        else:
            moved.append(Outcome(change.id, "moved", EDITED, "It changed after the plan."))
    return steady, moved


def settled(app: App, plan: Plan, changes: Sequence[Change]) -> Iterator[Outcome]:
    """Find out by the live values whether writes without an answer were done."""
    live = _live(app, plan, changes)
    for change in changes:
        holds = live.get(change.id)
        if holds is None:
            yield _gone(change.id)
        elif _holds(plan, holds, change.after) or _landed(plan, holds, change):
            yield Outcome(change.id, "applied")
        elif _holds(plan, holds, change.before):
            yield Outcome(change.id, "transient", "NO_ANSWER", "The write did not arrive.")
        else:
            yield Outcome(change.id, "moved", EDITED, "Somebody changed it meanwhile.")


def _landed(plan: Plan, live: Mapping[str, Any], change: Change) -> bool:
    """Whether our update arrived although somebody has edited a field of it since.

    An update is taken whole or not at all: some field holds its new value, and none that was to
    change still holds the old one. Otherwise somebody set that one value, and not we.
    """
    told = [
        (live.get(name), change.before[name], value, plan.types[name])
        for name, value in change.after.items()
        if not alike(change.before[name], value, plan.types[name])
    ]
    arrived = any(alike(now, after, kind) for now, _, after, kind in told)
    return arrived and not any(alike(now, before, kind) for now, before, _, kind in told)


def _gone(id: str) -> Outcome:
    return Outcome(id, "moved", GONE, "The record is not there any more.")


def _live(app: App, plan: Plan, changes: Sequence[Change]) -> dict[str, dict[str, Any]]:
    fields = sorted({field for change in changes for field in change.after})
    held: dict[str, dict[str, Any]] = app.crm.values(plan.object, [c.id for c in changes], fields)
    return held


def _holds(plan: Plan, live: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether a record holds these values; most are equal as they stand."""
    return all(
        live.get(name) == value or alike(live.get(name), value, plan.types[name])
        for name, value in values.items()
    )
