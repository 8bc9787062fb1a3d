"""Chargebee: invoices and subscriptions by their last change, customers by id.

What changed in the last five minutes may be missing: half of it is.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import orjson
from starlette.routing import Route

from ..store import Store
from ..surveys.serving import Ask, Platform, Refused, key
from . import shelf, stripe
from .shelf import Record

NAME = "chargebee"
LARGEST, SOON = 100, 300


def _admits(ask: Ask) -> bool:
    kind, _, sent = ask.header("authorization").partition(" ")
    return kind == "Basic" and b64decode(sent).decode() == f"{key(ask.store, NAME)}:"


PLATFORM = Platform(
    "/chargebee/api/v2",
    _admits,
    lambda status, message: {"message": message, "http_status_code": status},
    "Sorry, authentication failed. Invalid api key",
)


def routes(store: Store) -> list[Route]:
    """The platform's addresses under `/chargebee/api/v2`."""
    shelf.create(store)
    return PLATFORM.routes(
        store,
        {
            "invoices": lambda ask: _list(ask, "invoice"),
            "subscriptions": lambda ask: _list(ask, "subscription"),
            "customers": _customers,
        },
    )


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    return {"url": f"{base}{PLATFORM.root}", "token": key(store, NAME)}


def _list(ask: Ask, kind: str) -> Record:
    _fill(ask.store)
    first, last = orjson.loads(ask.query("updated_at[between]", "[0, 9999999999]"))
    found = [
        each
        for each in shelf.every(ask.store, NAME, kind, first, last)
        if not _is_late(ask.store, each)
        and (not each["deleted"] or ask.query("include_deleted") == "true")
    ]
    return _page(ask, found, kind)


def _is_late(store: Store, record: Record) -> bool:
    young = int(record["updated_at"]) > shelf.now(store) - SOON
    return young and sum(map(ord, str(record["id"]))) % 2 == 0


def _customers(ask: Ask) -> Record:
    _fill(ask.store)
    ids = orjson.loads(ask.query("id[in]", "[]"))
    found = (shelf.get(ask.store, NAME, "customer", id) for id in ids)
    return _page(ask, [each for each in found if each], "customer")


def _page(ask: Ask, found: list[Record], kind: str) -> Record:
    size, offset = ask.count("limit", 10, least=1), ask.query("offset", "[]")
    if size > LARGEST:
        raise Refused(400, "limit : cannot be more than 100")
    start = int(offset.strip("[]") or 0)
    body: Record = {"list": [{kind: each} for each in found[start : start + size]]}
    return body | ({"next_offset": f"[{start + size}]"} if len(found) > start + size else {})


def _fill(store: Store) -> None:
    shelf.filled(store, NAME, _records)


def _records(store: Store) -> Iterator[tuple[str, float, Record]]:
    """Customers, their invoices, and what they subscribed to."""
    for kind, created, record in stripe.records(store):
        if kind == "customers":
            number = str(record["id"]).removeprefix("cus_")
            one = {"id": number, "company": record["name"], "email": record["email"],
                   "cf_account_id": record["metadata"].get("account_id")}  # fmt: skip
            yield "customer", 0, one
            yield "subscription", 10**9, subscription(f"S{number}", number, 10**9, None)
        else:
            whom = str(record["customer"]).removeprefix("cus_")
            paid = record["status_transitions"]["paid_at"]
            made = invoice(record["number"], whom, record["amount_due"], int(created),
                           record["due_date"], paid)  # fmt: skip
            yield "invoice", made["updated_at"], made


def invoice(
    id: str, whom: str, total: int, created: int, due: int | None, paid: int | None = None
) -> Record:
    """An invoice as it is served."""
    return {
        "id": id, "customer_id": whom, "subscription_id": f"S{whom}", "total": total,
        "currency_code": "EUR", "status": "paid" if paid else "payment_due", "date": created,
        "amount_due": 0 if paid else total, "due_date": due, "updated_at": paid or created,
        "deleted": False, **({"paid_at": paid} if paid else {}),
    }  # fmt: skip


def subscription(id: str, whom: str, started: int, cancelled: int | None) -> Record:
    """A subscription as it is served."""
    return {
        "id": id, "customer_id": whom, "status": "cancelled" if cancelled else "active",
        "mrr": 9_900, "currency_code": "EUR", "created_at": started, "started_at": started,
        "current_term_end": started + 31_536_000, "updated_at": cancelled or started,
        "subscription_items": [{"item_price_id": "pro-yearly"}], "deleted": False,
        **({"cancelled_at": cancelled} if cancelled else {}),
    }  # fmt: skip
