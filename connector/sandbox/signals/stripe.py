"""Stripe: invoices and their customers, and a month of events, which appear a little late.

Lists begin with the newest. An event shows its invoice as it was then.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from starlette.routing import Route

from ..files import EXPORTS
from ..store import Store
from ..surveys.serving import Ask, Platform, Refused, by_bearer, key
from . import shelf
from .shelf import Record

NAME = "stripe"
LARGEST, MONTH, DELAY = 100, 30 * 86_400, 10
PLATFORM = Platform(
    "/stripe/v1",
    by_bearer(NAME),
    lambda _, message: {"error": {"type": "invalid_request_error", "message": message}},
    "Invalid API Key provided",
)


def routes(store: Store) -> list[Route]:
    """The platform's addresses under `/stripe/v1`."""
    shelf.create(store)
    table = {"invoices": _invoices, "events": _events, "customers/{id}": _customer}
    return PLATFORM.routes(store, table)


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    return {"url": f"{base}{PLATFORM.root}", "token": key(store, NAME)}


def happen(store: Store, type: str, invoice: Record, at: int) -> None:
    """Something happens to an invoice."""
    count = len(shelf.every(store, NAME, "events")) + 1
    event = {"id": f"evt_{count:06}", "type": type, "created": at, "data": {"object": invoice}}
    shelf.put(store, NAME, "events", at, event)
    if type == "invoice.deleted":
        shelf.drop(store, NAME, "invoices", invoice["id"])
    else:
        shelf.put(store, NAME, "invoices", invoice["created"], invoice)


def _invoices(ask: Ask) -> Record:
    _fill(ask.store)
    found = _newest(ask, "invoices", 10**10)
    if "data.customer" in ask.request.query_params.getlist("expand[]"):
        people = {each["id"]: each for each in shelf.every(ask.store, NAME, "customers")}
        found = [{**each, "customer": people.get(each["customer"])} for each in found]
    return _page(ask, found)


def _events(ask: Ask) -> Record:
    _fill(ask.store)
    query = ask.request.query_params
    types = {value for name, value in query.items() if name.startswith("types[")}
    if len(types) > 20:
        raise Refused(400, "types: at most 20")
    found = _newest(ask, "events", shelf.now(ask.store) - DELAY)
    oldest = shelf.now(ask.store) - MONTH
    kept = [each for each in found if each["created"] >= oldest and each["type"] in types]
    return _page(ask, kept)


def _customer(ask: Ask) -> Record:
    _fill(ask.store)
    found = shelf.get(ask.store, NAME, "customers", ask.path("id"))
    if found is None:
        raise Refused(404, f"No such customer: '{ask.path('id')}'")
    return found


def _newest(ask: Ask, kind: str, latest: int) -> list[Record]:
    first, last = ask.query("created[gte]", "0"), ask.query("created[lte]", str(latest))
    found = shelf.every(ask.store, NAME, kind, int(first), min(int(last), latest))
    return sorted(found, key=lambda each: (-each["created"], each["id"]))


def _page(ask: Ask, found: list[Record]) -> Record:
    size = ask.count("limit", 10, least=1)
    if size > LARGEST:
        raise Refused(400, "limit must be at most 100")
    after = ask.query("starting_after")
    places = [place for place, each in enumerate(found) if each["id"] == after]
    if after and not places:
        raise Refused(400, f"No such object: '{after}'")
    start = places[0] + 1 if places else 0
    return {"object": "list", "data": found[start : start + size],
            "has_more": len(found) > start + size}  # fmt: skip


def _fill(store: Store) -> None:
    shelf.filled(store, NAME, records)


def records(store: Store) -> Iterator[tuple[str, float, Record]]:
    """The invoices of bookkeeping; every other customer carries the account's number."""
    made: dict[str, Record] = {}
    for place, (_, name, _website, number) in enumerate(shelf.companies(store)):
        if number:
            tags = {"account_id": number} if place % 2 == 0 else {}
            made[number] = customer(f"cus_{number}", name, tags)
            yield "customers", 0, made[number]
    columns = ", ".join(f'"{name}"' for name in EXPORTS["invoices.csv"].columns)
    known = "select name from sqlite_master where name = 'file_invoices'"
    rows = (
        shelf.table(store, "file_invoices", columns) if store.db.execute(known).fetchone() else []
    )
    for number, whom, amount, currency, *days in rows:
        created, due, paid = map(_moment, days)
        if whom in made and created and due and amount[:1].isdigit():
            cents = int(amount.replace(".", "").replace(",", ""))
            one = invoice(f"in_{number}", made[whom], cents, currency.lower(), created, due, paid)
            yield "invoices", created, one


def _moment(day: str) -> int | None:
    try:
        return int(datetime.strptime(f"{day} +0000", "%d.%m.%Y %z").timestamp())
    except ValueError:
        return None


def customer(id: str, name: str, metadata: dict[str, str]) -> Record:
    """A customer as it is served."""
    address = f"billing@{id.removeprefix('cus_').lower()}.example"
    return {"id": id, "object": "customer", "name": name, "email": address, "metadata": metadata}


def invoice(
    id: str, whom: Record, amount: int, currency: str, created: int, due: int | None,
    paid: int | None = None,
) -> Record:  # fmt: skip
    """An invoice as it is served."""
    return {
        "id": id, "object": "invoice", "number": id.removeprefix("in_"), "customer": whom["id"],
        "customer_email": whom["email"], "customer_name": whom["name"], "currency": currency,
        "status": "paid" if paid else "open", "amount_due": amount, "created": created,
        "amount_remaining": 0 if paid else amount, "due_date": due, "metadata": {},
        "status_transitions": {"finalized_at": created, "paid_at": paid, "voided_at": None},
    }  # fmt: skip
