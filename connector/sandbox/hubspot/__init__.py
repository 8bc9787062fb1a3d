"""HubSpot as the connector meets it: records, search, associations, properties, sign-in, limits."""

from __future__ import annotations

from starlette.routing import Route

from ..store import Store
from . import (
    access,
    account,
    associations,
    batches,
    catalogue,
    exports,
    imports,
    labels,
    links,
    list_store,
    lists,
    memberships,
    oauth,
    objects,
    owners,
    pipelines,
    properties,
    records,
    search,
    search_sql,
    stages,
)
from .api import Entry, spread

#: What has a fixed word in its address comes before what has an id there.
_PARTS = (
    search,
    batches,
    labels,
    associations,
    objects,
    properties,
    pipelines,
    owners,
    memberships,
    lists,
    imports,
    exports,
    account,
)

__all__ = ["prepare", "routes"]


def prepare(store: Store) -> None:
    """Makes what is missing; an account that is complete stays as it is."""
    search_sql.prepare(store)
    with store.transaction() as db:
        for schema in (records.SCHEMA, links.SCHEMA, catalogue.SCHEMA, owners.SCHEMA):
            for statement in filter(str.strip, schema.split(";")):
                db.execute(statement)
        catalogue.prepare(store)
        stages.prepare(store)
    for part in (access, list_store, imports, exports):
        part.prepare(store)


def routes(store: Store) -> list[Route]:
    """Every address of HubSpot."""
    prepare(store)
    entries: list[Entry] = [each for part in _PARTS for each in part.entries()]
    return [*oauth.routes(store), *exports.routes(store), *spread(store, entries)]
