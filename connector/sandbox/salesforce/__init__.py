"""Salesforce as the connector meets it: sign-in, describe, SOQL, records, tooling, limits."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from ..store import Store
from . import (
    auth,
    bulk_ingest,
    bulk_query,
    changes,
    columns,
    composite,
    composite_tree,
    deploy,
    describe,
    limits,
    query,
    records,
    soap,
    tooling,
    ui_api,
    upserts,
)
from .api import FIRST_VERSION, LAST_VERSION, Answer, Call, rendered, route
from .errors import Refusal, not_found
from .setup import prepare
from .soql_sql import compile_soql

UI = "/ui-api/object-info/{object}/picklist-values"
SEASONS = ("Winter", "Spring", "Summer")
#: Version 59.0 is Winter '24; there are three a year.
WINTER, WINTER_YEAR = 59, 24

__all__ = ["prepare", "routes"]


def routes(store: Store) -> list[Route]:
    """Every address under `/services` and `/id`."""
    plain: composite.Table = (
        ("GET", "/", _resources),
        ("GET", "/limits", _limits),
        ("GET", "/limits/recordCount", _record_counts),
        ("GET", "/query", _query),
        ("GET", "/queryAll", _query_all),
        ("GET", "/query/{locator}", _more),
        ("GET", "/queryAll/{locator}", _more),
        ("GET", "/sobjects", describe.list_objects),
        ("GET", "/sobjects/{object}/describe", describe.describe),
        ("GET", "/sobjects/{object}", describe.basics),
        ("POST", "/sobjects/{object}", records.create_one),
        ("GET", "/sobjects/{object}/deleted", changes.deleted),
        ("GET", "/sobjects/{object}/updated", changes.updated),
        ("GET", "/sobjects/{object}/{id}", records.read_one),
        ("PATCH", "/sobjects/{object}/{id}", records.update_one),
        ("DELETE", "/sobjects/{object}/{id}", records.delete_one),
        ("GET", "/sobjects/{object}/{field}/{value:path}", upserts.read_one),
        ("PATCH", "/sobjects/{object}/{field}/{value:path}", upserts.upsert_one),
        ("DELETE", "/sobjects/{object}/{field}/{value:path}", upserts.delete_one),
        ("POST", "/composite/sobjects", records.create_many),
        ("PATCH", "/composite/sobjects", records.update_many),
        ("DELETE", "/composite/sobjects", records.delete_many),
        ("POST", "/composite/sobjects/{object}", records.read_many),
        ("GET", "/composite/sobjects/{object}", records.read_many),
        ("PATCH", "/composite/sobjects/{object}/{field}", upserts.upsert_many),
        ("POST", "/composite/tree/{object}", composite_tree.create),
        ("GET", f"{UI}/{{record_type}}", ui_api.picklists),
        ("GET", f"{UI}/{{record_type}}/{{field}}", ui_api.picklist),
        *bulk_query.calls(),
        *bulk_ingest.calls(),
        ("POST", "/metadata/deployRequest", deploy.post),
        ("GET", "/metadata/deployRequest/{id}", deploy.show),
        ("PATCH", "/metadata/deployRequest/{id}", deploy.change),
        ("GET", "/tooling/query", tooling.run_query),
        ("POST", "/tooling/sobjects/CustomField", tooling.create_field),
        ("GET", "/tooling/sobjects/CustomField/{id}", tooling.read_field),
        ("PATCH", "/tooling/sobjects/CustomField/{id}", tooling.update_field),
        ("DELETE", "/tooling/sobjects/CustomField/{id}", tooling.delete_field),
    )
    calls = (*plain, *composite.calls(plain))
    # clients differ in whether they end an address with a slash
    every = [
        route(store, method, path.rstrip("/") + end, handler)
        for method, path, handler in calls
        for end in ("", "/")
    ]
    return [
        Route("/services/data", _versions),
        Route("/services/data/", _versions),
        *auth.routes(store),
        *soap.routes(store),
        *every,
        Route("/services/{rest:path}", _nothing, methods=["GET", "POST", "PATCH", "PUT", "DELETE"]),
    ]


def _versions(request: Request) -> Response:
    found = []
    for number in range(FIRST_VERSION, LAST_VERSION + 1):
        years, season = divmod(number - WINTER, len(SEASONS))
        label = f"{SEASONS[season]} '{WINTER_YEAR + years}"
        version = f"{number}.0"
        found.append({"label": label, "url": f"/services/data/v{version}", "version": version})
    return rendered(Answer(found), request)


def _nothing(request: Request) -> Response:
    matches = [(each, each.matches(request.scope)[0]) for each in request.app.routes]
    others = [each for each, match in matches if match is Match.PARTIAL]
    methods = sorted({name for each in others for name in each.methods or ()})
    if not methods:
        refusal = not_found()
        return rendered(Answer(refusal.body(), refusal.status), request)
    said = f"HTTP Method '{request.method}' not allowed. Allowed are {','.join(methods)}"
    refusal = Refusal("METHOD_NOT_ALLOWED", said, status=405)
    allow = (("Allow", ", ".join(methods)),)
    return rendered(Answer(refusal.body(), refusal.status, allow), request)


def _resources(call: Call) -> Answer:
    names = ("composite", "jobs", "limits", "metadata", "query", "queryAll", "sobjects", "tooling")
    host = call.request.headers.get("host", "127.0.0.1")
    identity = f"http://{host}/id/{call.store.get('salesforce_app')['org_id']}/{call.user}"
    return Answer({**{name: f"{call.base}/{name}" for name in names}, "identity": identity})


def _limits(call: Call) -> Answer:
    return Answer(limits.current(call.store))


def _record_counts(call: Call) -> Answer:
    asked = [each for each in call.query.get("sObjects", "").split(",") if each]
    known = [call.access.object(each).name for each in asked] or list(call.access.catalogue)
    return Answer({"sObjects": limits.record_counts(call.store, known)})


def _query(call: Call, *, everything: bool = False) -> Answer:
    if call.query.get("columns", "").lower() == "true":
        compiled = compile_soql(call.query.get("q", ""), call.store, call.access)
        return Answer(columns.told(compiled, call.access.object(compiled.object)))
    batch = query.batch_size(call.request.headers)
    return Answer(
        query.run(
            call.query.get("q", ""),
            call.store,
            call.access,
            base=call.base,
            batch=batch,
            everything=everything,
        )
    )


def _query_all(call: Call) -> Answer:
    return _query(call, everything=True)


def _more(call: Call) -> Answer:
    return Answer(query.more(call.path["locator"], call.store, call.access, base=call.base))
