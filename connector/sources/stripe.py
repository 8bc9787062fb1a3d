"""Stripe: invoices, paid or not, from the feed of events or from the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ..protocols import Progress, Spool
from ..rest.amounts import major
from ..rest.feed import Feed, fetch
from ..rest.known import Known
from ..rest.line import Line, bearer
from ..rest.paging import Cursor
from ..rest.since import clock
from ..secrets import Secret

PER_PAGE = 100
VERSION = "2024-06-20"
#: Events are kept for thirty days, and appear with a delay.
KEPT, LAG = timedelta(days=29), timedelta(minutes=1)
#: What happens to invoices. One that is only a draft is nobody's debt yet.
TYPES = (
    "finalized", "paid", "payment_failed", "payment_succeeded", "updated", "overdue",
    "marked_uncollectible", "voided", "deleted",
)  # fmt: skip
PAGES = Cursor("starting_after", "-1.id", more="has_more")

COLUMNS: Mapping[str, str] = {
    "id": "id",
    "kind": "'invoice'",
    "name": "number",
    "account_key": "account",
    "company": "customer_name",
    "email": "coalesce(customer_email, mail)",
    "status": "status",
    "value": major("amount_due", "currency"),
    "unit": "upper(currency)",
    "occurred_at": "to_timestamp(cast(created as double))",
    # What is collected without asking is due when it is made out.
    "due_at": "case when status <> 'draft' then to_timestamp(cast("
    "coalesce(due_date, status_transitions.finalized_at) as double)) end",
    # A debt that was given up is not settled; one that never was, is.
    "settled_at": "to_timestamp(cast("
    "coalesce(status_transitions.paid_at, status_transitions.voided_at) as double))",
    "modified_at": "to_timestamp(cast(told_at as double))",
    "deleted": "gone = 'true'",
}


@dataclass(slots=True)
class Source:
    """A restricted key that reads customers, events and invoices (Developers → API keys).

    `account_property` is the key in the metadata of an invoice, or of its customer, that holds the
    CRM's id of the account. What changed is read from the events; after a month without a run, and
    at first, every invoice is listed.
    """

    token: Secret
    url: str = "https://api.stripe.com/v1"
    account_property: str = "account_id"
    overlap: timedelta = timedelta(days=3)
    name: str = field(default="stripe", init=False)
    streams: tuple[str, ...] = field(default=("signals",), init=False)
    sure: str = field(default="verified", init=False)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        headers = {"Stripe-Version": VERSION}
        signer = bearer("Stripe", self.token, "Developers → API keys")
        self._line = Line(self.url, signer, name="Stripe", headers=headers)

    def check(self) -> None:
        self._line.json("invoices", {"limit": "1"})

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        now = clock(self._line, self.check)
        whole = since is None or since < now - KEPT
        customers = Known(self._customers, 1)
        feed = self._list(now, customers) if whole else self._events(since, now, customers)
        return fetch(self._line, [feed], stream, into, progress)

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _list(self, now: datetime, customers: Known) -> Feed:
        """Every invoice, as it is now."""
        told = {"told_at": str((now - LAG).timestamp())}
        query = {"limit": str(PER_PAGE), "expand[]": "data.customer"}
        return Feed(
            COLUMNS,
            "invoices",
            "data",
            query,
            paging=PAGES,
            given=told,
            dress=lambda found: [self._whose(each, customers) for each in found],
        )

    def _events(self, since: datetime | None, now: datetime, customers: Known) -> Feed:
        """What happened to invoices, the newest first; of each the newest tells how it is."""
        seen = set[str]()

        def dress(found: Sequence[Any]) -> Sequence[Any]:
            kept = []
            for event in found:
                invoice = event["data"]["object"]
                if invoice["id"] not in seen:
                    seen.add(invoice["id"])
                    gone = event["type"] == "invoice.deleted"
                    kept.append({**invoice, "told_at": event["created"], "gone": gone})
            customers.learn(each.get("customer") for each in kept)
            return [self._whose(each, customers) for each in kept]

        assert since is not None
        query = {
            "limit": str(PER_PAGE),
            "created[gte]": str(int(since.timestamp())),
            "created[lte]": str(int((now - LAG).timestamp())),
            **{f"types[{n}]": f"invoice.{kind}" for n, kind in enumerate(TYPES)},
        }
        return Feed(COLUMNS, "events", "data", query, paging=PAGES, dress=dress)

    def _whose(self, invoice: Mapping[str, Any], customers: Known) -> dict[str, Any]:
        """The invoice with the account that it, or its customer, names."""
        there = invoice.get("customer")
        customer = there if isinstance(there, Mapping) else customers.of(there)
        own, theirs = invoice.get("metadata") or {}, customer.get("metadata") or {}
        key = own.get(self.account_property) or theirs.get(self.account_property)
        return {**invoice, "account": key, "mail": customer.get("email")}

    def _customers(self, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        (id,) = ids
        return {id: self._line.json(f"customers/{id}", allowed=frozenset({404}))}
