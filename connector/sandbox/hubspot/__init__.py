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

#: The busiest first: an address is looked for from the top.
_PARTS = (
    batches,
    search,
    objects,
    associations,
    labels,
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
        db.execute(records.BY_CHANGE)
        catalogue.prepare(store)
        stages.prepare(store)
    for part in (access, list_store, imports, exports):
        part.prepare(store)


def routes(store: Store) -> list[Route]:
    """Every address of HubSpot."""
    prepare(store)
    entries: list[Entry] = [each for part in _PARTS for each in part.entries()]
    return [*oauth.routes(store), *exports.routes(store), *spread(store, entries)]
