"""Exports: asked for, waited for, and fetched from an address that is good for a while.

One is worked on at a time; the others wait. How far the work is depends on how often somebody
asks: after the first question it is pending, then it is under way, then it is done.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..store import Store
from . import auth, catalogue, list_store, records
from .api import Answer, Call, Entry
from .errors import Refusal, invalid, not_found
from .export_files import Columns, content, passing
from .kinds import kind_of
from .times import iso, now_ms

SCHEMA = """
create table if not exists hs_exports (
    id text primary key, number integer not null, request text not null,
    requested integer not null, polls integer not null default 0, started integer,
    completed integer, name text, rows integer, content blob
) without rowid;
create table if not exists hs_export_links (
    key text primary key, export text not null, ends integer not null
) without rowid;
"""
DAY_MS = 86_400_000
KEY = "hubspot_exports"
#: How exports go; `POST /_sandbox/hubspot {"exports": …}` changes it.
OPTIONS: dict[str, int] = {
    "polls": 2,  # so many questions are answered before it is done
    "part": 1_000_000,  # rows to a file
    "link_seconds": 300,  # how long an address is good
    "daily": 30,
}
FORMATS, TYPES = ("CSV", "XLS", "XLSX"), ("VIEW", "LIST")
CHUNK = 5_000
EXPIRED = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"""


def prepare(store: Store) -> None:
    """Makes the tables, if they are not there."""
    store.db.executescript(SCHEMA)


def options(store: Store) -> dict[str, int]:
    """How exports go now."""
    return {**OPTIONS, **(store.get(KEY) or {})}


def change(store: Store, wanted: Mapping[str, Any]) -> None:
    """Sets some of the options."""
    if unknown := wanted.keys() - OPTIONS.keys():
        raise ValueError(f"there is no {', '.join(unknown)}; there are {', '.join(OPTIONS)}")
    new = {**options(store), **{name: int(value) for name, value in wanted.items()}}
    if new["part"] < 1:
        raise ValueError("part is at least one row")
    store.put(KEY, new)


def entries() -> tuple[Entry, ...]:
    """The calls with a token."""
    return (
        ("POST", "/crm/{v}/exports/export/async", _start),
        ("GET", "/crm/{v}/exports/export/async/tasks/{task}/status", _status),
    )


def routes(store: Store) -> list[Route]:
    """The address of files, which wants no token: who has it may read."""

    def answered(key: str) -> Response:
        with store.lock:
            return _download(store, key)

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answered, request.path_params["key"])

    return [Route("/hubspot-exports/{key}/{name}", endpoint, methods=["GET"])]


def _start(call: Call) -> Answer:
    call.need("crm.export")
    wanted, store, now = call.json(), call.store, now_ms(call.store)
    _columns(call, wanted)
    _rows(call.store, wanted)
    recent = "select count(*) from hs_exports where requested > ?"
    (used,) = store.db.execute(recent, (now - DAY_MS,)).fetchone()
    if used >= options(store)["daily"]:
        said = f"You have reached the limit of {options(store)['daily']} exports in 24 hours."
        raise Refusal("RATE_LIMITS", said, status=429)
    id_ = str(uuid4().int % 10**11)
    store.db.execute(
        "insert into hs_exports (id, number, request, requested)"
        " select ?, ifnull(max(number), 0) + 1, ?, ? from hs_exports",
        (id_, orjson.dumps(wanted).decode(), now),
    )
    link = f"{call.base}{call.request.url.path.rstrip('/')}/tasks/{id_}/status"
    return Answer({"id": id_, "links": {"status": link}}, 202)


def _status(call: Call) -> Answer:
    """How far an export is; with an address of its file when it is done."""
    call.need("crm.export")
    if _found(call.store, call.path["task"]) is None:
        raise not_found(f"Export {call.path['task']} does not exist")
    _work(call)
    row = _found(call.store, call.path["task"])
    assert row is not None
    requested, polls, started, completed, name, id_ = row
    told = {
        "status": "COMPLETE" if completed else "PROCESSING" if polls > 1 else "PENDING",
        "requestedAt": iso(requested),
        "startedAt": iso(started or requested),
        "completedAt": iso(completed or started or requested),
    }
    if completed:
        told["result"] = f"{call.base}/hubspot-exports/{_new_link(call.store, id_)}/{name}"
    return Answer(told)


def _work(call: Call) -> None:
    """The export that is the first in the queue gets a little further."""
    store, now = call.store, now_ms(call.store)
    row = store.db.execute(
        "update hs_exports set polls = polls + 1, started = ifnull(started, ?) where number ="
        " (select min(number) from hs_exports where completed is null)"
        " returning id, polls, request",
        (now,),
    ).fetchall()
    if not row or row[0][1] <= options(store)["polls"]:
        return
    id_, _, request = row[0]
    wanted = orjson.loads(request)
    stem = f"{str(wanted['exportName']).replace('/', '-').replace(' ', '-').lower()}-{id_}"
    columns, part = _columns(call, wanted), options(store)["part"]
    name, file, count = content(store, columns, _rows(store, wanted), stem, part)
    store.db.execute(
        "update hs_exports set completed = ?, name = ?, rows = ?, content = ? where id = ?",
        (now, name, count, file, id_),
    )


def _columns(call: Call, wanted: Mapping[str, Any]) -> Columns:
    """What the file is to hold; refuses what is missing or not there."""
    for name in ("exportType", "format", "exportName", "objectType"):
        if not wanted.get(name):
            raise invalid(f"Some required fields were not set: [{name}]")
    if wanted["exportType"] not in TYPES or wanted["format"] not in FORMATS:
        raise invalid(f"exportType is one of {TYPES}, format one of {FORMATS}")
    if wanted["format"] != "CSV":
        raise invalid("This sandbox exports CSV alone")
    kind = kind_of(str(wanted["objectType"]))
    auth.need_product(call.app, kind.name)
    call.need(*kind.reads)
    properties = tuple(map(str, wanted.get("objectProperties") or ()))
    known = catalogue.known(call.store, kind)
    if unknown := [each for each in properties if each not in known]:
        raise invalid(f"Properties do not exist: {', '.join(unknown)}")
    far = wanted.get("associatedObjectType") or []
    inside = wanted.get("exportInternalValuesOptions") or []
    return Columns(
        kind=kind,
        properties=tuple(each for each in properties if each != "hs_object_id"),
        associated=tuple(kind_of(str(each)) for each in ([far] if isinstance(far, str) else far)),
        names="NAMES" in inside,
        values="VALUES" in inside,
        every_associate=bool(wanted.get("overrideAssociatedObjectsPerDefinitionPerRowLimit")),
    )


def _rows(store: Store, wanted: Mapping[str, Any]) -> Iterator[records.Row]:
    """The records of a view or list; what is wrong with the question is told at once."""
    kind = kind_of(str(wanted["objectType"]))
    if wanted["exportType"] == "LIST":
        listed = list_store.list_of(store, _number(wanted.get("listId")))
        if listed.kind != kind:
            raise invalid(f"List {listed.id} is not one of {kind.name}")
        ids = {id_ for id_, _ in list_store.members(store, listed)}
        return (row for row in _all(store, wanted) if row.id in ids)
    view = wanted.get("publicCrmSearchRequest") or {}
    test = passing(store, kind, view.get("filters") or [])
    return (row for row in _all(store, wanted) if test(row))


def _all(store: Store, wanted: Mapping[str, Any]) -> Iterator[records.Row]:
    kind, after = kind_of(str(wanted["objectType"])), 0
    while page := records.page(store, kind, after, CHUNK, archived=False):
        yield from page
        after = page[-1].id + 1


def _number(text: Any) -> int:
    if not str(text).isdecimal():
        raise invalid("Some required fields were not set: [listId]")
    return int(text)


def _found(store: Store, id_: str) -> Any:
    sql = "select requested, polls, started, completed, name, id from hs_exports where id = ?"
    return store.db.execute(sql, (id_,)).fetchone()


def _new_link(store: Store, export: str) -> str:
    key = secrets.token_urlsafe(24)
    ends = now_ms(store) + options(store)["link_seconds"] * 1000
    store.db.execute("insert into hs_export_links values (?, ?, ?)", (key, export, ends))
    return key


def _download(store: Store, key: str) -> Response:
    row = store.db.execute(
        "select content, name, ends from hs_export_links l join hs_exports e on e.id = l.export"
        " where key = ?",
        (key,),
    ).fetchone()
    if row is None or row[2] <= now_ms(store):
        return Response(EXPIRED, status_code=403, media_type="application/xml")
    file, name, _ = row
    kind = "application/zip" if name.endswith(".zip") else "text/csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(file, media_type=kind, headers=headers)


def told(store: Store) -> dict[str, Any]:
    """Options, and how many exports there were."""
    (asked, done) = store.db.execute("select count(*), count(completed) from hs_exports").fetchone()
    return {"options": options(store), "asked": asked, "done": done}
