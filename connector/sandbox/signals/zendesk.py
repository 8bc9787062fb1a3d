"""Zendesk: tickets by export, ratings and survey responses, users and organizations.

`generation` says which way of asking customers is switched on (`ratings`, `surveys`, `both`,
`neither`): both are there in the time after a change, when surveys leave shadows among ratings.
An export shows nothing of the last minute, and deleted tickets as deleted; `zendesk_exports` is how
many are allowed a minute, if that is limited.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from typing import Any

from starlette.routing import Route

from ..store import Store
from ..surveys.serving import Ask, Platform, Refused, key
from . import shelf
from .shelf import Record

NAME, USER = "zendesk", "admin@nordlicht.example"
PAGE, EXPORT, MANY, LAG = 100, 1000, 100, 60
_PRIORITY = {"urgent": "urgent", "high": "high", "medium": "normal", "low": "low"}


def _admits(ask: Ask) -> bool:
    kind, _, sent = ask.header("authorization").partition(" ")
    if kind == "Bearer":
        return sent == key(ask.store, NAME)
    return kind == "Basic" and b64decode(sent).decode() == f"{USER}/token:{key(ask.store, NAME)}"


PLATFORM = Platform("/zendesk/api/v2", _admits, unknown="Couldn't authenticate you")


def routes(store: Store) -> list[Route]:
    """The platform's addresses under `/zendesk/api/v2`."""
    shelf.create(store)
    return PLATFORM.routes(
        store,
        {
            "users/me.json": lambda _: {"user": {"id": 1, "email": USER, "role": "admin"}},
            "incremental/tickets/cursor.json": _export,
            "users/show_many.json": lambda ask: {"users": _many(ask, "users")},
            "organizations/show_many.json": lambda ask: {
                "organizations": _many(ask, "organizations")
            },
            "satisfaction_ratings.json": _ratings,
            "guide/survey_responses.json": _surveys,
        },
    )


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    return {"url": f"{base}{PLATFORM.root}", "user": USER, "token": key(store, NAME)}


def _export(ask: Ask) -> Record:
    """Tickets by their last change, as far as a minute ago."""
    _fill(ask.store)
    _limit(ask.store)
    latest = shelf.now(ask.store) - LAG
    cursor = ask.query("cursor")
    if not cursor and ask.count("start_time", -1) > latest:
        raise Refused(422, "start_time must be more than 60 seconds in the past")
    size = min(ask.count("per_page", PAGE, least=1), EXPORT)
    moved, _, after = cursor.partition("|") if cursor else (ask.query("start_time"), "", "")
    found = [
        each
        for each in shelf.every(ask.store, NAME, "tickets", int(moved), latest)
        if (shelf.seconds(each["updated_at"]), str(each["id"])) > (int(moved), after)
    ]
    page = found[:size]
    last = page[-1] if page else None
    at = f"{shelf.seconds(last['updated_at'])}|{last['id']}" if last else cursor or f"{moved}|"
    if "metric_sets" not in ask.query("include"):
        page = [{name: each[name] for name in each if name != "metric_set"} for each in page]
    return {"tickets": page, "after_cursor": at, "end_of_stream": len(found) <= size}


def _limit(store: Store) -> None:
    allowed, now = store.get("zendesk_exports"), shelf.now(store)
    recent = [at for at in store.passing.get("zendesk_asked", []) if at > now - 60]
    if allowed and len(recent) >= allowed:
        raise Refused(429, "Number of allowed incremental export calls exceeded",
                      {"Retry-After": "93"})  # fmt: skip
    store.passing["zendesk_asked"] = [*recent, now]


def _many(ask: Ask, kind: str) -> list[Record]:
    _fill(ask.store)
    ids = ask.query("ids").split(",")
    if len(ids) > MANY:
        raise Refused(400, "no more than 100 ids")
    found = (shelf.get(ask.store, NAME, kind, id) for id in ids)
    return [each for each in found if each]


def _ratings(ask: Ask) -> Record:
    if (ask.store.get("zendesk_generation") or "ratings") not in {"ratings", "both"}:
        raise Refused(403, "Satisfaction ratings are not enabled")
    first, last = ask.query("start_time", "0"), ask.query("end_time", "9999999999")
    return _page(ask, "satisfaction_ratings", int(first), int(last))


def _surveys(ask: Ask) -> Record:
    if ask.store.get("zendesk_generation") not in {"surveys", "both"}:
        raise Refused(404, "Not found")
    return _page(ask, "survey_responses", int(ask.query("filter[created_at_start]", "0")), 10**10)


def _page(ask: Ask, kind: str, first: int, last: int) -> Record:
    """A page of what was asked of customers in a span of time."""
    _fill(ask.store)
    size, start = min(ask.count("page[size]", PAGE, least=1), PAGE), ask.count("page[after]", 0)
    found = shelf.every(ask.store, NAME, kind, first, last)
    more = len(found) > start + size
    meta = {"has_more": more, "after_cursor": str(start + size) if more else None}
    return {kind: found[start : start + size], "meta": meta}


def _fill(store: Store) -> None:
    shelf.filled(store, NAME, _records)


def _records(store: Store) -> Iterator[tuple[str, float, Record]]:
    """The org's cases as tickets, its accounts as organizations, its contacts as users."""
    homes: dict[str, int] = {}
    for number, (account, name, website, customer) in enumerate(shelf.companies(store), 1):
        homes[account] = 700_000 + number
        yield "organizations", 0, organization(homes[account], name, customer, website)
        # who calls without being known: a user of the organization, and nothing more
        yield "users", 0, _user(homes[account] - 100_000, homes[account], None)
    users: dict[str, int] = {}
    for number, (contact, account, email) in enumerate(
        shelf.table(store, "Contact", "Id, AccountId, Email", "IsDeleted = 0")
    ):
        if account in homes:
            users[contact] = 500_000 + number
            yield "users", 0, _user(users[contact], homes[account], email)
    columns = "Id, AccountId, ContactId, Priority, Type, CreatedDate, ClosedDate, Satisfaction__c"
    cases = shelf.table(store, "Case", columns, "IsDeleted = 0")
    for number, (_, account, contact, priority, kind, made, closed, felt) in enumerate(cases, 1):
        if account not in homes:
            continue
        opened, ended = shelf.seconds(made), shelf.seconds(closed) if closed else None
        one = ticket(number, opened, ended, _PRIORITY.get(str(priority).lower()), felt)
        requester = users.get(contact, homes[account] - 100_000)
        one |= {"requester_id": requester, "organization_id": homes[account]}
        yield "tickets", ended or opened, {**one, "type": str(kind or "question").lower()}
        if ended:
            yield "satisfaction_ratings", ended, rating(one, ended, felt)


def _user(id: int, home: int, email: str | None) -> Record:
    return {"id": id, "email": email, "external_id": None, "organization_id": home}


def organization(id: int, name: str, external_id: str | None, website: str | None) -> Record:
    """An organization as it is served."""
    host = (website or "").partition("//")[2] or (website or "")
    domain = host.removeprefix("www.").strip("/")
    domains = [domain] if domain else []
    return {
        "id": id, "name": name, "external_id": external_id, "domain_names": domains,
        "organization_fields": {},
    }  # fmt: skip


def ticket(
    id: int, opened: int, solved: int | None, priority: str | None, felt: float | None = None
) -> Record:
    """A ticket as it is served, with its metrics beside it."""
    score = "offered" if felt is None else "good" if felt >= 4 else "bad"
    return {
        "id": id, "type": "problem", "priority": priority, "organization_id": None,
        "status": "closed" if solved else "open", "requester_id": None, "tags": [],
        "satisfaction_rating": {"score": score if solved else "unoffered"},
        "created_at": shelf.iso(opened), "updated_at": shelf.iso(solved or opened),
        "metric_set": {"ticket_id": id, "reopens": 0, "replies": 1,
                       "solved_at": shelf.iso(solved) if solved else None},
    }  # fmt: skip


def rating(of: Record, at: int, felt: float | None) -> Record:
    """A satisfaction rating as it is served."""
    return {
        "id": 900_000 + of["id"], "ticket_id": of["id"], "requester_id": of["requester_id"],
        "score": of["satisfaction_rating"]["score"], "comment": "danke" if felt == 5 else None,
        "reason": "No reason provided", "reason_code": 0,
        "created_at": shelf.iso(at), "updated_at": shelf.iso(at),
    }  # fmt: skip


def response(id: str, person: int, ticket: int, at: int, rating: int | None) -> Record:
    """A survey response as it is served; without a rating it was skipped."""
    question = {"type": "rating_scale_emoji", "options": [{"rating": n} for n in range(1, 6)]}
    stamps = {"created_at": shelf.iso(at), "updated_at": shelf.iso(at)}
    rated: Record = {"type": "skipped", "question": question, **stamps}
    if rating is not None:
        good = "good" if rating > 3 else "bad"
        rated |= {"type": "rating_scale", "rating": rating, "rating_category": good}
    said = {"type": "skipped", "question": {"type": "open_ended"}, **stamps}
    return {
        "id": id, "responder_id": person, "survey": {"id": "01J58", "version": 1},
        "subject_zrns": [f"zen:ticket:{ticket}"], "answers": [rated, said],
    }  # fmt: skip
