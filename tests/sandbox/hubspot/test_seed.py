"""Both CRMs tell of the same world."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import pytest
import requests

from connector.sandbox.hubspot.kinds import BY_NAME
from connector.sandbox.seed import fill
from connector.sandbox.server import running
from connector.sandbox.store import Store

ACCOUNTS = 60


def world(path, seed=3):
    """A small world on disk."""
    store = Store(path / "sandbox.sqlite")
    fill(store, ACCOUNTS, seed)
    return store


@pytest.fixture(scope="module")
def seeded(tmp_path_factory, account_at):
    """The store of a small world, and its HubSpot."""
    store = world(tmp_path_factory.mktemp("seeded"))
    with running(store) as url:
        account = account_at(url, store)
        account.control(limits={"mode": "off"}, fill=True)
        yield store, account
    store.close()


def everything(account, kind, properties):
    """Every record of a type, a hundred at a time."""
    found, query = [], {"limit": 100, "properties": properties}
    while True:
        page = account.get(f"/crm/v3/objects/{kind}", params=query)
        found += page["results"]
        if "paging" not in page:
            return found
        query["after"] = page["paging"]["next"]["after"]


def count(store, sql):
    """One number of the Salesforce side."""
    return store.db.execute(sql).fetchone()[0]


def test_every_account_is_a_company_with_the_same_key_and_values(seeded):
    """Number, revenue, sentiment, renewal: field by field."""
    store, account = seeded
    wanted = {
        key: (name, segment, arr, felt, renewal)
        for key, name, segment, arr, felt, renewal in store.db.execute(
            "select Customer_Number__c, Name, Segment__c, ARR__c, CSM_Sentiment__c,"
            " Renewal_Date__c from Account where IsDeleted = 0"
        )
    }
    names = "customer_number,name,segment,arr,csm_sentiment,renewal_date"
    found = {}
    for each in everything(account, "companies", names):
        held = each["properties"]
        number = [None if held[n] is None else float(held[n]) for n in ("arr", "csm_sentiment")]
        found[held["customer_number"]] = (
            held["name"], held["segment"], *number, held["renewal_date"])  # fmt: skip
    assert found == wanted


def test_contacts_that_share_an_address_are_one(seeded):
    """As HubSpot has it: an address belongs to one contact."""
    store, account = seeded
    alive = count(store, "select count(*) from Contact where IsDeleted = 0 and Email is null")
    shared = count(store, "select count(distinct lower(Email)) from Contact where IsDeleted = 0")
    contacts = everything(account, "contacts", "email,associatedcompanyid")
    emails = [each["properties"]["email"] for each in contacts if each["properties"]["email"]]
    assert len(set(emails)) == len(emails) == shared
    assert len(contacts) == alive + shared


def test_what_happened_is_told_once(seeded):
    """A mail is one record, not a task and a message; an invitation is no second meeting."""
    store, account = seeded
    calls = count(
        store,
        "select count(*) from Task where IsDeleted = 0 and TaskSubtype = 'Call'"
        " and IsRecurrence = 0",
    )
    meetings = count(
        store, "select count(*) from Event where IsDeleted = 0 and IsChild + IsRecurrence = 0"
    )
    mails = count(store, "select count(*) from EmailMessage where IsDeleted = 0") + count(
        store,
        "select count(*) from Task where IsDeleted = 0 and TaskSubtype = 'Email' and Id not in"
        " (select ActivityId from EmailMessage where ActivityId is not null)",
    )
    assert len(everything(account, "calls", "")) == calls
    assert len(everything(account, "meetings", "")) == meetings
    assert len(everything(account, "emails", "")) == mails


def test_deals_and_tickets_keep_their_stage(seeded):
    """Opaque ids, as many won and closed as on the other side."""
    store, account = seeded
    deals = everything(account, "deals", "hs_is_closed_won,amount")
    won = Counter(each["properties"]["hs_is_closed_won"] for each in deals)
    assert won["true"] == count(
        store, "select count(*) from Opportunity where IsDeleted = 0 and IsWon = 1"
    )
    tickets = everything(account, "tickets", "hs_is_closed,time_to_close,createdate,closed_date")
    closed = [each["properties"] for each in tickets if each["properties"]["closed_date"]]
    assert len(closed) == count(
        store, "select count(*) from Case where IsDeleted = 0 and ClosedDate is not null".replace(
            "from Case", 'from "Case"')
    )  # fmt: skip
    for held in closed:
        took = datetime.fromisoformat(held["closed_date"]) - datetime.fromisoformat(
            held["createdate"]
        )
        assert took.total_seconds() * 1000 == float(held["time_to_close"])


def test_some_mail_is_only_with_the_contact(seeded):
    """The company is found through the contact's primary company."""
    _, account = seeded
    page = account.get(
        "/crm/v3/objects/emails", params={"limit": 100, "associations": "companies,contacts"}
    )
    links = [each.get("associations", {}) for each in page["results"]]
    only = [each for each in links if "contacts" in each and "companies" not in each]
    assert 5 < len(only) < 50


def test_a_merged_account_leads_to_the_company(seeded):
    """Its id resolves, and the company tells of it."""
    store, account = seeded
    sql = "select old, new from hs_merges where type = ?"
    old, new = store.db.execute(sql, (BY_NAME["companies"].code,)).fetchone()
    found = account.get(
        f"/crm/v3/objects/companies/{old}", params={"properties": "hs_merged_object_ids"}
    )
    assert (found["id"], found["properties"]["hs_merged_object_ids"]) == (str(new), str(old))


def test_feedback_belongs_to_a_contact_and_not_to_a_company(seeded):
    """NPS of the surveys and satisfaction with tickets."""
    store, account = seeded
    every = everything(account, "feedback_submissions", "hs_survey_type,hs_value")
    types = Counter(each["properties"]["hs_survey_type"] for each in every)
    assert types["NPS"] == count(store, "select count(*) from answers where score between 0 and 10")
    assert types["CSAT"] == count(
        store,
        'select count(*) from "Case" where IsDeleted = 0 and Satisfaction__c is not null',
    )
    body = {"inputs": [{"id": each["id"]} for each in every[:20]]}
    to = "/crm/v4/associations/feedback_submissions"
    assert account.post(f"{to}/contacts/batch/read", body)["results"]
    assert account.post(f"{to}/companies/batch/read", body)["results"] == []


def test_the_same_seed_gives_the_same_records(seeded, tmp_path):
    """Ids and values, whenever it is filled."""
    first, _ = seeded
    other = world(tmp_path)
    with running(other) as url:
        body = {"fill": True}
        requests.post(f"{url}/_sandbox/hubspot", json=body, timeout=60).raise_for_status()
    sql = "select type, id, properties from hs_records order by type, id"
    assert other.db.execute(sql).fetchall() == first.db.execute(sql).fetchall()
    other.close()


def test_nothing_is_filled_before_somebody_asks(tmp_path, account_at):
    """An org that is used with Salesforce alone pays nothing for it."""
    store = world(tmp_path)
    with running(store) as url:
        requests.get(f"{url}/_sandbox/health", timeout=10)
        assert count(store, "select count(*) from hs_records") == 0
        account = account_at(url, store)
        assert account.get("/crm/v3/objects/companies", params={"limit": 1})["results"]
        assert count(store, "select count(*) from hs_records") > ACCOUNTS
    store.close()
