"""Chargebee: invoices, paid or not, and subscriptions, by their last change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from ..protocols import Progress, Spool
from ..rest.amounts import major
from ..rest.feed import Feed, fetch, together
from ..rest.known import Known
from ..rest.line import Basic, Line
from ..rest.paging import Cursor
from ..rest.since import clock
from ..secrets import Secret

PER_PAGE = 100
#: What is younger may not be in the list yet.
LAG = timedelta(minutes=5)
BEGINNING = 1_000_000_000


def _moment(column: str) -> str:
    return f"to_timestamp(cast({column} as double))"


INVOICES: Mapping[str, str] = {
    "id": "'invoice-' || invoice.id",
    "kind": "'invoice'",
    "name": "invoice.id",
    "account_key": "who.account",
    "company": "who.company",
    "email": "who.email",
    "subject": "invoice.subscription_id",
    "status": "invoice.status",
    "value": major("invoice.total", "invoice.currency_code"),
    "unit": "upper(invoice.currency_code)",
    "occurred_at": _moment("invoice.date"),
    # What is not yet made out is nobody's debt.
    "due_at": "case when invoice.status <> 'pending' then "
    f"{_moment('coalesce(invoice.due_date, invoice.date)')} end",
    "settled_at": f"case invoice.status when 'paid' then {_moment('invoice.paid_at')} "
    f"when 'voided' then {_moment('coalesce(invoice.voided_at, invoice.updated_at)')} end",
    "modified_at": _moment("invoice.updated_at"),
    "deleted": "invoice.deleted = 'true'",
}
SUBSCRIPTIONS: Mapping[str, str] = {
    "id": "'subscription-' || subscription.id",
    "kind": "'subscription'",
    "name": "subscription.product",
    "account_key": "who.account",
    "company": "who.company",
    "email": "who.email",
    "status": "subscription.status",
    "value": major("subscription.mrr", "subscription.currency_code"),
    "unit": "upper(subscription.currency_code)",
    "occurred_at": _moment("subscription.created_at"),
    "starts_at": _moment("coalesce(subscription.started_at, subscription.start_date)"),
    "ends_at": _moment("coalesce(subscription.cancelled_at, subscription.current_term_end)"),
    "modified_at": _moment("subscription.updated_at"),
    "deleted": "subscription.deleted = 'true'",
}


@dataclass(slots=True)
class Source:
    """A read-only key of a site (Settings → Configure Chargebee → API keys).

    `account_field` is the custom field of a customer that holds the CRM's id of the account.
    """

    url: str
    token: Secret
    account_field: str = "cf_account_id"
    overlap: timedelta = timedelta(days=3)
    name: str = field(default="chargebee", init=False)
    streams: tuple[str, ...] = field(default=("signals",), init=False)
    sure: str = field(default="verified", init=False)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        where = "Settings → Configure Chargebee → API keys"
        signer = Basic("Chargebee", self.token, secret_first=True, made_at=where)
        self._line = Line(self.url, signer, name="Chargebee")

    def check(self) -> None:
        self._line.json("invoices", {"limit": "1"})

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        begun = sum(self._line.calls.values())
        until = int((clock(self._line, self.check) - LAG).timestamp())
        start = min(int(since.timestamp()), until) if since else BEGINNING
        customers = Known(self._customers)
        parts = [
            fetch(self._line, [self._feed(kind, columns, (start, until), customers)],
                  stream, into / kind, progress)
            for kind, columns in (("invoice", INVOICES), ("subscription", SUBSCRIPTIONS))
        ]  # fmt: skip
        return replace(together(parts), calls=sum(self._line.calls.values()) - begun)

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _feed(
        self, kind: str, columns: Mapping[str, str], span: tuple[int, int], customers: Known
    ) -> Feed:
        def dress(found: Sequence[Any]) -> Sequence[Any]:
            customers.learn(each[kind].get("customer_id") for each in found)
            return [
                {kind: _plain(each[kind]), "who": customers.of(each[kind].get("customer_id"))}
                for each in found
            ]

        query = {
            "limit": str(PER_PAGE),
            "updated_at[between]": f"[{span[0]},{span[1]}]",
            "sort_by[asc]": "updated_at",
            "include_deleted": "true",
        }
        paging = Cursor("offset", "next_offset")
        return Feed(columns, f"{kind}s", "list", query, paging=paging, dress=dress)

    def _customers(self, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        query = {"id[in]": orjson.dumps(list(ids)).decode(), "limit": str(PER_PAGE)}
        told = self._line.json("customers", query)
        return {
            each["customer"]["id"]: {
                "account": each["customer"].get(self.account_field),
                "company": each["customer"].get("company"),
                "email": each["customer"].get("email"),
            }
            for each in told["list"]
        }


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with the name of what is sold, old plans and new items alike."""
    items = record.get("subscription_items") or [{}]
    return {**record, "product": record.get("plan_id") or items[0].get("item_price_id")}
