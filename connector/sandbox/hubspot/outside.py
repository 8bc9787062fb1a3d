"""Properties whose options are kept elsewhere: owners, and the stages of pipelines."""

from __future__ import annotations

from collections.abc import Iterable

from ..store import Store
from . import owners, stages
from .kinds import Kind

#: Which property names a pipeline and which a stage of it.
PIPELINE = {"deals": ("pipeline", "dealstage"), "tickets": ("hs_pipeline", "hs_pipeline_stage")}


def values(store: Store, kind: Kind, given: Iterable[str]) -> dict[str, frozenset[str]]:
    """What those of the given properties may hold whose options are kept elsewhere."""
    found: dict[str, frozenset[str]] = {}
    pipeline, stage = PIPELINE.get(kind.name, ("", ""))
    for name in given:
        if name == "hubspot_owner_id":
            found[name] = owners.ids(store)
        elif name and name == pipeline:
            found[name] = frozenset(each["id"] for each in stages.all_of(store, kind))
        elif name and name == stage:
            every = stages.all_of(store, kind)
            found[name] = frozenset(s["id"] for each in every for s in each["stages"])
    return found


def defaults(store: Store, kind: Kind) -> dict[str, str]:
    """The pipeline of a new record that names none."""
    pipeline, _ = PIPELINE.get(kind.name, ("", ""))
    if not pipeline:
        return {}
    return {pipeline: stages.all_of(store, kind)[0]["id"]}
