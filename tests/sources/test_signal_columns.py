"""Every column that a desk, a usage or a billing platform tells arrives, and nothing besides: one
record of each kind that has everything, shaped as its platform documents it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.records import STREAMS
from connector.sandbox.signals import mixpanel, shelf
from connector.shipped import available
from tests.sources.signals import Desk, serving
from tests.sources.test_signal_contract import CASES_OF_SIGNALS as SIGNALS
from tests.sources.test_signal_contract import ELSEWHERE, PEOPLE

HOUR = 3600
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Whole:
    """One kind of record: `put` adds it at a moment, and tells what is to be read of it."""

    platform: str
    stream: str
    put: Callable[[Desk, int], Row]
    settings: Mapping[str, Any]


def _person(desk: Desk) -> dict[str, str]:
    """Somebody of a company at Zendesk, and what the CRM knows them by."""
    user = {"id": 55, "email": "p@kunde.example", "external_id": "K-P", "organization_id": 7}
    home = {"id": 7, "name": "Kunde AG", "external_id": "A-1001", "domain_names": ["kunde.example"],
            "organization_fields": {}}  # fmt: skip
    shelf.put(desk.store, "zendesk", "users", 0, user)
    shelf.put(desk.store, "zendesk", "organizations", 0, home)
    return {"account_key": "A-1001", "contact_key": "K-P", "company": "Kunde AG",
            "email": "p@kunde.example"}  # fmt: skip


def ticket(desk: Desk, at: int) -> Row:
    opened, solved = at - 3 * HOUR, at - HOUR
    record = {
        "id": 900_001, "organization_id": 7, "requester_id": 55, "status": "solved",
        "priority": "normal", "type": "Problem", "tags": ["bug"],
        "satisfaction_rating": {"score": "bad", "comment": "slow"},
        "created_at": shelf.iso(opened), "updated_at": shelf.iso(at),
        "metric_set": {"solved_at": shelf.iso(solved)},
    }  # fmt: skip
    shelf.put(desk.store, "zendesk", "tickets", at, record)
    return {
        **_person(desk), "kind": "problem", "priority": "medium", "status": "solved",
        "is_closed": True, "satisfaction": 1, "opened_at": opened, "closed_at": solved,
        "modified_at": at, "deleted": False,
    }  # fmt: skip


def _rated(desk: Desk, at: int) -> None:
    record = {
        "id": 900_001, "ticket_id": 91, "requester_id": 55, "score": "bad", "comment": "slow",
        "reason": "Response time", "reason_code": 5, "created_at": shelf.iso(at - HOUR),
        "updated_at": shelf.iso(at),
    }  # fmt: skip
    shelf.put(desk.store, "zendesk", "satisfaction_ratings", at - HOUR, record)


def rating(desk: Desk, at: int) -> Row:
    _rated(desk, at)
    return {
        **_person(desk), "platform": "zendesk", "survey": "satisfaction_ratings",
        "kind": "transactional", "metric": "csat", "touchpoint": "support", "scale_min": 0,
        "scale_max": 1, "score": 0, "comment": "slow", "labels": ["Response time"],
        "asked_at": at - HOUR, "submitted_at": at, "modified_at": at,
    }  # fmt: skip


def offered(desk: Desk, at: int) -> Row:
    _rated(desk, at)
    return {
        **_person(desk), "platform": "zendesk", "survey": "satisfaction_ratings",
        "status": "answered", "asked_at": at - HOUR, "modified_at": at,
    }  # fmt: skip


def surveyed(desk: Desk, at: int) -> Row:
    desk.store.put("zendesk_generation", "surveys")
    stamps = {"created_at": shelf.iso(at - HOUR), "updated_at": shelf.iso(at)}
    options = [{"rating": number} for number in range(1, 8)]
    record = {
        "id": "01J9", "responder_id": 55, "survey": {"id": "01J58", "version": 1},
        "answers": [
            {"type": "rating_scale", "rating": 6, "question": {"options": options}, **stamps},
            {"type": "open_ended", "value": "fast", "question": {}, **stamps},
        ],
    }  # fmt: skip
    shelf.put(desk.store, "zendesk", "survey_responses", at - HOUR, record)
    return {
        **_person(desk), "platform": "zendesk", "survey": "01J58", "kind": "transactional",
        "metric": "csat", "touchpoint": "support", "scale_min": 1, "scale_max": 7, "score": 6,
        "comment": "fast", "partial": False, "asked_at": at - HOUR, "submitted_at": at,
        "modified_at": at,
    }  # fmt: skip


def _talk(desk: Desk, at: int) -> dict[str, str]:
    company = {"id": "co-1", "company_id": "A-1001", "name": "Kunde AG", "custom_attributes": {}}
    contact = {"id": "65", "external_id": "u1", "email": "p@kunde.example",
               "companies": {"data": [{"id": "co-1"}]}}  # fmt: skip
    record = {
        "id": "c1", "created_at": at - 3 * HOUR, "updated_at": at, "state": "closed",
        "priority": "priority", "source": {"type": "chat", "delivered_as": "customer_initiated"},
        "contacts": {"contacts": [{"id": "65", "external_id": "u1"}]},
        "tags": {"tags": [{"id": "1", "name": "billing"}]},
        "statistics": {"last_close_at": at - HOUR},
        "conversation_rating": {"rating": 2, "remark": "too slow", "created_at": at - 60},
    }  # fmt: skip
    for kind, moved, told in (("companies", 0, company), ("contacts", 0, contact),
                              ("conversations", at, record)):  # fmt: skip
        shelf.put(desk.store, "intercom", kind, moved, told)
    return {"account_key": "A-1001", "contact_key": "u1", "company": "Kunde AG",
            "email": "p@kunde.example"}  # fmt: skip


def conversation(desk: Desk, at: int) -> Row:
    return {
        **_talk(desk, at), "kind": "conversation", "priority": "high", "status": "closed",
        "is_closed": True, "satisfaction": 2, "opened_at": at - 3 * HOUR, "closed_at": at - HOUR,
        "modified_at": at,
    }  # fmt: skip


def remark(desk: Desk, at: int) -> Row:
    return {
        **_talk(desk, at), "platform": "intercom", "survey": "conversation_rating",
        "kind": "transactional", "metric": "csat", "touchpoint": "support", "channel": "chat",
        "scale_min": 1, "scale_max": 5, "score": 2, "comment": "too slow", "labels": ["billing"],
        "submitted_at": at - 60, "modified_at": at,
    }  # fmt: skip


def invoice(desk: Desk, at: int) -> Row:
    customer = {"id": "cus_9", "email": "billing@kunde.example", "metadata": {}}
    record = {
        "id": "in_9", "number": "R-9", "customer": "cus_9", "customer_name": "Kunde AG",
        "customer_email": None, "status": "paid", "created": at - 3 * HOUR, "due_date": at + HOUR,
        "amount_due": 120_000, "amount_remaining": 0, "currency": "eur",
        "metadata": {"account_id": "A-1001"}, "status_transitions": {"paid_at": at - HOUR},
    }  # fmt: skip
    event = {"id": "evt_9", "type": "invoice.paid", "created": at, "data": {"object": record}}
    shelf.put(desk.store, "stripe", "customers", 0, customer)
    shelf.put(desk.store, "stripe", "events", at, event)
    return {
        "account_key": "A-1001", "company": "Kunde AG", "email": "billing@kunde.example",
        "kind": "invoice", "name": "R-9", "status": "paid", "value": 1200, "unit": "EUR",
        "occurred_at": at - 3 * HOUR, "due_at": at + HOUR, "settled_at": at - HOUR,
        "modified_at": at, "deleted": False,
    }  # fmt: skip


def _customer(desk: Desk) -> dict[str, str]:
    shelf.put(
        desk.store, "chargebee", "customer", 0,
        {"id": "C9", "company": "Kunde AG", "email": "p@kunde.example", "cf_account_id": "A-1001"},
    )  # fmt: skip
    return {"account_key": "A-1001", "company": "Kunde AG", "email": "p@kunde.example"}


def bill(desk: Desk, at: int) -> Row:
    record = {
        "id": "R-9", "customer_id": "C9", "subscription_id": "S9", "status": "paid",
        "total": 120_000, "amount_due": 0, "currency_code": "EUR", "date": at - 3 * HOUR,
        "due_date": at + HOUR, "paid_at": at - HOUR, "updated_at": at, "deleted": False,
    }  # fmt: skip
    shelf.put(desk.store, "chargebee", "invoice", at, record)
    return {
        **_customer(desk), "kind": "invoice", "name": "R-9", "subject": "S9", "status": "paid",
        "value": 1200, "unit": "EUR", "occurred_at": at - 3 * HOUR, "due_at": at + HOUR,
        "settled_at": at - HOUR, "modified_at": at, "deleted": False,
    }  # fmt: skip


def subscription(desk: Desk, at: int) -> Row:
    record = {
        "id": "S9", "customer_id": "C9", "plan_id": "pro", "status": "active", "mrr": 9_900,
        "currency_code": "EUR", "created_at": at - 3 * HOUR, "started_at": at - 2 * HOUR,
        "current_term_end": at + HOUR, "updated_at": at, "deleted": False,
    }  # fmt: skip
    shelf.put(desk.store, "chargebee", "subscription", at, record)
    return {
        **_customer(desk), "kind": "subscription", "name": "pro", "status": "active", "value": 99,
        "unit": "EUR", "occurred_at": at - 3 * HOUR, "starts_at": at - 2 * HOUR,
        "ends_at": at + HOUR, "modified_at": at, "deleted": False,
    }  # fmt: skip


WHO = {"account_key": "A-1001", "contact_key": "u1", "email": "p@kunde.example", "kind": "usage"}


def event(desk: Desk, at: int) -> Row:
    noon = at - at % 86_400 - 86_400 + 12 * HOUR
    told = {"time": noon, "distinct_id": "u1", "$insert_id": "c5eed127", "account_id": "A-1001",
            "$email": "p@kunde.example"}  # fmt: skip
    record = {"id": "c5eed127", "event": "Report opened", "properties": told}
    shelf.put(desk.store, "mixpanel", "events", noon, record)
    moments = {"occurred_at": noon, "modified_at": noon}
    return {**WHO, "name": "Report opened", "value": 1, "unit": "events", **moments}


def person(desk: Desk, at: int) -> Row:
    local = datetime.fromtimestamp(at, ZoneInfo(mixpanel.ZONE))
    told = {"$email": "p@kunde.example", "$last_seen": f"{local:%Y-%m-%dT%H:%M:%S}",
            "account_id": "A-1001"}  # fmt: skip
    record = {"id": "u1", "$distinct_id": "u1", "$properties": told}
    shelf.put(desk.store, "mixpanel", "people", at, record)
    moments = {"occurred_at": at, "modified_at": at}
    return {**WHO, "name": "seen", "value": 1, "unit": "people", **moments}


KINDS = (
    Whole("zendesk", "tickets", ticket, {}),
    Whole("zendesk", "responses", rating, {}),
    Whole("zendesk", "responses", surveyed, {}),
    Whole("zendesk", "invitations", offered, {}),
    Whole("intercom", "tickets", conversation, {}),
    Whole("intercom", "responses", remark, {}),
    Whole("stripe", "signals", invoice, {}),
    Whole("chargebee", "signals", bill, {}),
    Whole("chargebee", "signals", subscription, {}),
    Whole("mixpanel", "signals", event, {}),
    Whole("mixpanel", "signals", person, PEOPLE),
)


@pytest.mark.parametrize("whole", KINDS, ids=lambda each: f"{each.platform}-{each.put.__name__}")
def test_everything_that_the_platform_tells_arrives(whole, tmp_path, monkeypatch):
    """As it is told, and no column more."""
    with serving(tmp_path, monkeypatch, whole.platform, accounts=0) as desk:
        at = shelf.now(desk.store) - HOUR
        expected = whole.put(desk, at)
        case = next(each for each in SIGNALS if each.platform == whole.platform)
        made = replace(case, settings=whole.settings)
        source = made.source(desk)
        since = desk.now() - timedelta(days=2) - source.overlap
        (row,) = desk.rows(source, whole.stream, since)
    assert (row["odd"], row["unread"]) == (None, None)
    has = {*STREAMS[whole.stream].columns, "modified_at", "deleted"} - {"id"}
    told = {name: _plain(row[name]) for name in has if row.get(name) is not None}
    assert told == expected


def test_every_stream_of_every_platform_is_looked_at():
    """One that is added is added here."""
    types = {case.platform for case in SIGNALS} & set(available("sources")) - set(ELSEWHERE)
    streams = {
        (name, stream)
        for name in types
        for stream in _source(name).__dataclass_fields__["streams"].default
    }
    assert streams == {(each.platform, each.stream) for each in KINDS}


def _source(name: str) -> Any:
    return import_module(f"connector.sources.{name}").Source


def _plain(value: Any) -> Any:
    return int(value.astimezone(UTC).timestamp()) if isinstance(value, datetime) else value
