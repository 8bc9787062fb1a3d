"""Owners, companies and contacts, from users, accounts and contacts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..store import Store
from .kinds import BY_NAME
from .seed_rows import Filling, at, number, rows

COMPANIES, CONTACTS = BY_NAME["companies"], BY_NAME["contacts"]
FIRST_OWNER, FIRST_USER = 31_871_801, 2_506_601
PRIMARY, PLAIN, TO_PARENT, TO_COMPANY = 1, 279, 14, 450
_TYPES = {"Customer": "CUSTOMER", "Prospect": "PROSPECT", "Partner": "PARTNER"}
_STAGES = {"Customer": "customer", "Prospect": "opportunity"}
_ROLES = {"Decision maker": "DECISION_MAKER", "Influencer": "INFLUENCER", "User": "END_USER"}
_SITE = re.compile(r"^(?:https?://)?(?:www\.)?([^/]+)")
#: Fields of an account that have a property of the same meaning.
_OWN: tuple[tuple[str, str, Callable[[Any], str | None]], ...] = (
    ("customer_number", "Customer_Number__c", str),
    ("segment", "Segment__c", str),
    ("arr", "ARR__c", number),
    ("csm_sentiment", "CSM_Sentiment__c", number),
    ("csm_sentiment_date", "CSM_Sentiment_Date__c", str),
    ("advocacy", "Advocacy__c", str),
    ("goals_total", "Goals_Total__c", number),
    ("goals_reached", "Goals_Reached__c", number),
    ("onboarding_status", "Onboarding_Status__c", str),
    ("renewal_date", "Renewal_Date__c", str),
)
#: What HubSpot works out itself: a property, and how to count it by account.
_COUNTED = (
    ("num_associated_contacts", "Contact", "count(*)", "IsDeleted = 0"),
    ("num_associated_deals", "Opportunity", "count(*)", "IsDeleted = 0"),
    ("hs_num_open_deals", "Opportunity", "count(*)", "IsDeleted = 0 and IsClosed = 0"),
    ("num_notes", "Task", "count(*)", "IsDeleted = 0 and IsClosed = 1"),
    ("hs_last_logged_call_date", "Task", "max(CompletedDateTime)", "TaskSubtype = 'Call'"),
    ("hs_last_logged_outgoing_email_date", "Task", "max(CompletedDateTime)",
     "TaskSubtype = 'Email'"),
    ("hs_last_booked_meeting_date", "Event", "max(StartDateTime)", "StartDateTime <= now()"),
    ("notes_next_activity_date", "Event", "min(StartDateTime)", "StartDateTime > now()"),
)  # fmt: skip
_NEEDED = {
    "Contact": {"AccountId"},
    "Opportunity": {"AccountId", "IsClosed"},
    "Task": {"AccountId", "IsClosed", "CompletedDateTime", "TaskSubtype"},
    "Event": {"AccountId", "StartDateTime"},
}


def add_owners(filling: Filling) -> None:
    """Every user owns records, or did."""
    found = []
    columns = ("Id", "Name", "Email", "IsActive", "CreatedDate", "SystemModstamp")
    for n, (id_, name, email, active, created, changed) in enumerate(
        rows(filling.store, "User", *columns)
    ):
        first, _, last = str(name).rpartition(" ")
        owner = FIRST_OWNER + n
        filling.owners[id_] = str(owner)
        found.append(
            (owner, FIRST_USER + n, email, first, last, at(created), at(changed), int(not active))
        )
    filling.store.db.executemany("insert into hs_owners values (?, ?, ?, ?, ?, ?, ?, ?)", found)


def add_companies(filling: Filling) -> None:
    """Every account is a company; one that was merged leads to the other."""
    own = tuple(column for _, column, _ in _OWN)
    columns = ("Id", "IsDeleted", "CreatedDate", "SystemModstamp", "Name", "ParentId", "OwnerId",
               "Type", "Industry", "Website", "BillingCountry", "AnnualRevenue",
               "NumberOfEmployees", "MasterRecordId", *own)  # fmt: skip
    counted, merged = _counted(filling.store), _merged(filling)
    keys: list[tuple[Any, ...]] = []
    parents: list[tuple[int, str]] = []
    for id_, deleted, created, changed, *rest in rows(filling.store, "Account", *columns):
        if rest[9]:
            continue
        number_ = filling.ids[id_]
        values = _company(filling, rest, merged.get(id_, []))
        values |= counted.get(id_, {})
        filling.add(COMPANIES, number_, values, created, changed, deleted=bool(deleted))
        if values["customer_number"] and not deleted:
            keys.append((COMPANIES.code, "customer_number", values["customer_number"], number_))
        if rest[1]:
            parents.append((number_, rest[1]))
    for child, parent in parents:
        filling.link(COMPANIES, child, COMPANIES, filling.ids.get(parent), TO_PARENT, TO_COMPANY)
    filling.store.db.executemany("insert or ignore into hs_unique values (?, ?, ?, ?)", keys)


def _company(filling: Filling, rest: list[Any], merged: list[int]) -> dict[str, str | None]:
    name, parent, owner, type_, industry, site, country, revenue, staff, _, *own = rest
    found = _SITE.match(site or "")
    parent_id = filling.ids.get(parent or "")
    return {
        "name": name,
        "domain": found[1] if found else None,
        "website": site,
        "country": country,
        "industry": industry.upper().replace(" ", "_") if industry else None,
        "type": _TYPES.get(type_, "OTHER") if type_ else None,
        "lifecyclestage": _STAGES.get(type_, "other") if type_ else "lead",
        "annualrevenue": number(revenue),
        "numberofemployees": number(staff),
        "hubspot_owner_id": filling.owners.get(owner or ""),
        "hs_parent_company_id": str(parent_id) if parent_id else None,
        "hs_merged_object_ids": ";".join(map(str, merged)) or None,
        **{
            name: None if value is None else kept(value)
            for (name, _, kept), value in zip(_OWN, own, strict=True)
        },
    }


def _merged(filling: Filling) -> dict[str, list[int]]:
    """Gives every account its id, and tells which were merged into each."""
    found: dict[str, list[int]] = {}
    into: list[tuple[str, str, str]] = []
    for id_, master, changed in rows(
        filling.store, "Account", "Id", "MasterRecordId", "SystemModstamp"
    ):
        filling.ids[id_] = filling.new_id(COMPANIES)
        if master:
            into.append((id_, master, changed))
    for id_, master, _ in into:
        loser = filling.ids[id_]
        found.setdefault(master, []).append(loser)
        filling.store.db.execute(
            "insert into hs_merges values (?, ?, ?, 0)",
            (COMPANIES.code, loser, filling.ids[master]),
        )
        filling.ids[id_] = filling.ids[master]
    return found


def _counted(store: Store) -> dict[str, dict[str, str | None]]:
    """What HubSpot works out for a company from what belongs to it."""
    found: dict[str, dict[str, str | None]] = {}
    for property_, name, sql, where in _COUNTED:
        if name not in store.objects() or not _NEEDED[name] <= set(store.fields(name)):
            continue
        for account, value in store.db.execute(
            f'select AccountId, {sql} from "{name}" where AccountId is not null and {where}'
            " group by AccountId"
        ):
            text = number(value) if isinstance(value, int) else at(value)
            found.setdefault(account, {})[property_] = text
    for values in found.values():
        dates = [values.get(each) for each in ("hs_last_logged_call_date",
                 "hs_last_logged_outgoing_email_date", "hs_last_booked_meeting_date")]  # fmt: skip
        last = max((each for each in dates if each), default=None)
        if last:
            values["notes_last_contacted"] = values["notes_last_updated"] = last
    return found


def add_contacts(filling: Filling, answers: Mapping[str, Mapping[str, str | None]]) -> None:
    """Every contact is one; those who share an address are one person of several companies."""
    seen: dict[str, int] = {}
    columns = ("Id", "IsDeleted", "CreatedDate", "SystemModstamp", "AccountId", "FirstName",
               "LastName", "Email", "Title", "Role__c")  # fmt: skip
    for id_, deleted, created, changed, account, first, last, email, title, role in rows(
        filling.store, "Contact", *columns
    ):
        company = filling.ids.get(account or "")
        key = (email or "").lower()
        if key in seen and not deleted:
            filling.contacts[id_] = seen[key]
            filling.link(CONTACTS, seen[key], COMPANIES, company, PLAIN)
            continue
        number_ = filling.contacts[id_] = filling.new_id(CONTACTS)
        if key and not deleted:
            seen[key] = number_
        values = {
            "email": key or None,
            "firstname": first,
            "lastname": last,
            "jobtitle": title,
            "hs_buying_role": _ROLES.get(role),
            "lifecyclestage": "lead",
            "associatedcompanyid": str(company) if company else None,
            **answers.get(id_, {}),
        }
        filling.add(CONTACTS, number_, values, created, changed, deleted=bool(deleted))
        filling.link(CONTACTS, number_, COMPANIES, company, PRIMARY, PLAIN)
    filling.store.db.executemany(
        "insert into hs_unique values (?, 'email', ?, ?)",
        ((CONTACTS.code, key, number_) for key, number_ in seen.items()),
    )
