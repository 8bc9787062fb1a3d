"""Intercom: conversations by search, contacts by id, companies by a scroll.

Rules that surprise: a version must be asked for, one scroll at a time, and a search goes on behind
a moment and an id. `intercom_moves` names a conversation that changes between two pages.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import orjson
from starlette.routing import Route

from ..store import Store
from ..surveys.serving import Ask, Platform, Refused, by_bearer, key
from . import shelf
from .shelf import Record

NAME = "intercom"
LARGEST, SCROLLED, SCROLL_LIVES, CUT = 150, 100, 60, 10


PLATFORM = Platform(
    "/intercom",
    by_bearer(NAME),
    lambda _, code: {"type": "error.list", "errors": [{"code": code, "message": code}]},
    "unauthorized",
)


def routes(store: Store) -> list[Route]:
    """The platform's addresses under `/intercom`."""
    shelf.create(store)
    return [
        PLATFORM.route(store, "me", lambda _: {"type": "admin", "id": "1"}),
        PLATFORM.route(store, "conversations/search", _search, "POST"),
        PLATFORM.route(store, "contacts/search", _contacts, "POST"),
        PLATFORM.route(store, "companies/scroll", _scroll),
    ]


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    return {"url": f"{base}{PLATFORM.root}", "token": key(store, NAME)}


def _search(ask: Ask) -> Record:
    if ask.header("intercom-version") != "2.11":
        raise Refused(400, "intercom_version_invalid")
    _fill(ask.store)
    _move(ask.store)
    wanted = ask.json()
    size = int(wanted["pagination"].get("per_page", 20))
    if size > LARGEST:
        raise Refused(400, "parameter_invalid")
    if wanted["sort"] != {"field": "updated_at", "order": "ascending"}:
        raise Refused(400, "sort is not emulated")
    bounds = {each["operator"]: each["value"] for each in wanted["query"]["value"]}
    found = shelf.every(ask.store, NAME, "conversations", bounds[">"] + 1, bounds["<"] - 1)
    after = _decoded(str(wanted["pagination"].get("starting_after", "")))
    rest = [each for each in found if [each["updated_at"], each["id"]] > after]
    page = rest[:size]
    pages: Record = {"type": "pages", "per_page": size, "total_pages": -(-len(found) // size)}
    if len(rest) > size:
        last = orjson.dumps([page[-1]["updated_at"], page[-1]["id"]])
        pages["next"] = {"starting_after": base64.b64encode(last).decode()}
    return {"conversations": page, "pages": pages, "total_count": len(found)}


def _decoded(word: str) -> list[Any]:
    return list(orjson.loads(base64.b64decode(word))) if word else []


def _move(store: Store) -> None:
    """Somebody writes in a conversation while it is being read: from the second page on."""
    id = store.get("intercom_moves")
    if id and store.passing.get("intercom_asked"):
        found = shelf.get(store, NAME, "conversations", id)
        if found:
            moved = shelf.now(store)
            shelf.put(store, NAME, "conversations", moved, {**found, "updated_at": moved})
        store.put("intercom_moves", None)
    store.passing["intercom_asked"] = bool(id)


def _contacts(ask: Ask) -> Record:
    _fill(ask.store)
    query = ask.json()["query"]
    if (query["field"], query["operator"]) != ("id", "IN"):
        raise Refused(400, "query is not emulated")
    found = [one for id in query["value"] if (one := shelf.get(ask.store, NAME, "contacts", id))]
    return {"type": "list", "data": [_cut(each) for each in found], "total_count": len(found)}


def _cut(contact: Record) -> Record:
    """A contact shows no more than ten of its companies."""
    homes = contact["companies"]["data"]
    told = {"data": homes[:CUT], "total_count": len(homes), "has_more": len(homes) > CUT}
    return {**contact, "companies": told}


def _scroll(ask: Ask) -> Record:
    """The next hundred companies; a second scroll is refused while the first one lives."""
    _fill(ask.store)
    now, running = shelf.now(ask.store), ask.store.get("intercom_scroll")
    param = ask.query("scroll_param")
    if not param and running and now - running["asked"] < SCROLL_LIVES:
        raise Refused(400, "scroll_exists")
    if param and (not running or running["param"] != param):
        raise Refused(404, "not_found")
    start = running["start"] if param else 0
    page = shelf.every(ask.store, NAME, "companies")[start : start + SCROLLED]
    word = param or f"scroll-{now}"
    kept = {"param": word, "start": start + SCROLLED, "asked": now} if page else None
    ask.store.put("intercom_scroll", kept)
    return {"type": "list", "data": page, "scroll_param": word}


def _fill(store: Store) -> None:
    shelf.filled(store, NAME, _records)


def _records(store: Store) -> Iterator[tuple[str, float, Record]]:
    """The org's cases as conversations of its contacts, its accounts as companies."""
    homes: dict[str, str] = {}
    for number, (account, name, _website, customer) in enumerate(shelf.companies(store), 1):
        homes[account] = f"co{number:05}"
        yield "companies", 0, company(homes[account], name, customer)
    people: dict[str, str] = {}
    rows = shelf.table(store, "Contact", "Id, AccountId, Email", "IsDeleted = 0")
    for number, (person, account, email) in enumerate(rows, 1):
        if account in homes:
            people[person] = f"u{number:06}"
            yield "contacts", 0, contact(people[person], email, [homes[account]])
    columns = "Id, ContactId, Priority, CreatedDate, ClosedDate, Satisfaction__c"
    for number, (_, person, priority, made, closed, felt) in enumerate(
        shelf.table(store, "Case", columns, "IsDeleted = 0"), 1
    ):
        opened, ended = shelf.seconds(made), shelf.seconds(closed) if closed else None
        one = conversation(f"c{number:06}", people.get(person), opened, ended, felt)
        urgent = str(priority).lower() in {"urgent", "high"}
        one |= {"priority": "priority" if urgent else "not_priority"}
        yield "conversations", one["updated_at"], one


def company(id: str, name: str, customer: str | None) -> Record:
    """A company as it is served."""
    return {"id": id, "company_id": customer or id, "name": name, "custom_attributes": {}}


def contact(id: str, email: str | None, homes: list[str]) -> Record:
    """A contact as it is kept: all of its companies."""
    return {"id": id, "email": email, "external_id": None,
            "companies": {"data": [{"id": home} for home in homes]}}  # fmt: skip


def conversation(
    id: str, person: str | None, opened: int, closed: int | None, felt: float | None = None
) -> Record:
    """A conversation as it is served."""
    whom = [{"type": "contact", "id": person}] if person else []
    rated = {"rating": int(felt), "remark": None, "created_at": closed} if felt and closed else None
    return {
        "id": id, "created_at": opened, "updated_at": closed or opened, "priority": "not_priority",
        "state": "closed" if closed else "open", "contacts": {"contacts": whom},
        "source": {"type": "email", "delivered_as": "customer_initiated"},
        "conversation_rating": rated,
        "statistics": {"last_close_at": closed},
        "tags": {"type": "tag.list", "tags": []},
    }  # fmt: skip
