"""The objects of the seeded org: what Salesforce ships, and what this company added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from .store import Field, Store


@dataclass(frozen=True, slots=True)
class Kind:
    """One object: its id prefix and its fields besides the system's own."""

    prefix: str
    fields: tuple[Field, ...]


def text(name: str, length: int = 255, **more: Any) -> Field:
    """A line of text."""
    return Field(name, "string", length=length, **more)


def choice(name: str, *choices: str, **more: Any) -> Field:
    """A picklist; the company's own ones take no other values than these."""
    return Field(name, "picklist", choices=choices, restricted=name.endswith("__c"), **more)


def number(name: str, scale: int = 0, **more: Any) -> Field:
    """A number with so many decimals."""
    return Field(name, "double", scale=scale, **more)


def money(name: str, **more: Any) -> Field:
    """An amount in the currency of the org."""
    return Field(name, "currency", scale=2, **more)


def day(name: str, **more: Any) -> Field:
    """A date."""
    return Field(name, "date", **more)


def moment(name: str, **more: Any) -> Field:
    """A date and time."""
    return Field(name, "datetime", **more)


def flag(name: str, **more: Any) -> Field:
    """Yes or no; never empty."""
    return Field(name, "boolean", nillable=False, default=False, **more)


def link(name: str, *objects: str, **more: Any) -> Field:
    """A reference to another record."""
    path = name[:-1] + "r" if name.endswith("__c") else name.removesuffix("Id")
    return Field(name, "reference", length=18, refers=objects, relationship=path, **more)


#: Set by the system, never by a caller.
COMPUTED: Mapping[str, Any] = MappingProxyType({"createable": False, "updateable": False})
_ABOUT = ("Account", "Opportunity", "Case")

OBJECTS: Mapping[str, Kind] = MappingProxyType(
    {
        "User": Kind(
            "005",
            (
                text("Name", 121, nillable=False, **COMPUTED),
                Field("Email", "email", length=128, nillable=False),
                text("Username", 80, nillable=False),
                flag("IsActive"),
            ),
        ),
        "Account": Kind(
            "001",
            (
                text("Name", nillable=False),
                link("ParentId", "Account"),
                link("OwnerId", "User", nillable=False),
                choice("Type", "Customer", "Prospect", "Partner", "Former Customer"),
                choice("Industry"),
                Field("Website", "url"),
                text("BillingCountry", 80),
                Field("AnnualRevenue", "currency", scale=0),
                Field("NumberOfEmployees", "int", precision=8),
                link("MasterRecordId", "Account", **COMPUTED),
                day("LastActivityDate", **COMPUTED),
                money("ARR__c", label="ARR"),
                text("Customer_Number__c", 30, label="Customer Number", external_id=True),
                choice("Segment__c", "Enterprise", "Mid-Market", "Small", label="Segment"),
                number("CSM_Sentiment__c", 1, precision=3, label="CSM Sentiment"),
                day("CSM_Sentiment_Date__c", label="CSM Sentiment Date"),
                choice(
                    "Advocacy__c",
                    "Reference",
                    "Quiet advocate",
                    "Neutral",
                    "Critic",
                    label="Advocacy",
                ),
                number("Goals_Total__c", label="Goals Total"),
                number("Goals_Reached__c", label="Goals Reached"),
                choice("Onboarding_Status__c", "Running", "Done", "Stalled", label="Onboarding"),
                day("Renewal_Date__c", label="Renewal Date"),
                number(
                    "Contract_Age__c",
                    1,
                    label="Contract Age",
                    calculated=True,
                    formula="round((julianday(today()) - julianday(substr(CreatedDate, 1, 10)))"
                    " / 365.25, 1)",
                    **COMPUTED,
                ),
            ),
        ),
        "Contact": Kind(
            "003",
            (
                link("AccountId", "Account"),
                text("FirstName", 40),
                text("LastName", 80, nillable=False),
                text("Name", 121, nillable=False, **COMPUTED),
                Field("Email", "email", length=80),
                text("Title", 128),
                choice("Role__c", "Decision maker", "Influencer", "User", label="Role"),
                link("MasterRecordId", "Contact", **COMPUTED),
            ),
        ),
        "Task": Kind(
            "00T",
            (
                text("Subject"),
                link("WhoId", "Contact", "Lead"),
                link("WhatId", *_ABOUT),
                link("AccountId", "Account", **COMPUTED),
                link("OwnerId", "User", nillable=False),
                choice("Status", "Not Started", "In Progress", "Completed", nillable=False),
                flag("IsClosed", **COMPUTED),
                choice("Priority", "High", "Normal", "Low", nillable=False),
                choice("TaskSubtype", "Task", "Email", "Call", updateable=False),
                choice("CallType", "Inbound", "Outbound"),
                Field("CallDurationInSeconds", "int", precision=8),
                day("ActivityDate"),
                moment("CompletedDateTime", **COMPUTED),
                flag("IsArchived", **COMPUTED),
                flag("IsRecurrence", updateable=False),
            ),
        ),
        "Event": Kind(
            "00U",
            (
                text("Subject"),
                link("WhoId", "Contact", "Lead"),
                link("WhatId", *_ABOUT),
                link("AccountId", "Account", **COMPUTED),
                link("OwnerId", "User", nillable=False),
                moment("StartDateTime"),
                moment("EndDateTime"),
                Field("DurationInMinutes", "int", precision=8),
                choice("EventSubtype", "Event", updateable=False),
                flag("IsChild", **COMPUTED),
                flag("IsArchived", **COMPUTED),
                flag("IsRecurrence", updateable=False),
                choice("Meeting_Outcome__c", "Held", "No show", "Cancelled", label="Outcome"),
            ),
        ),
        "EmailMessage": Kind(
            "02s",
            (
                link("ParentId", "Case"),
                link("RelatedToId", *_ABOUT),
                link("ActivityId", "Task"),
                flag("Incoming"),
                choice("Status", "0", "1", "2", "3", "4", "5", nillable=False),
                moment("MessageDate"),
                text("Subject", 3000),
                Field("FromAddress", "email", length=1000),
            ),
        ),
        "EmailMessageRelation": Kind(
            "9aR",
            (
                link("EmailMessageId", "EmailMessage", nillable=False, updateable=False),
                link("RelationId", "Contact", "Lead", "User", updateable=False),
                text("RelationObjectType", 40, **COMPUTED),
                choice(
                    "RelationType",
                    "ToAddress",
                    "CcAddress",
                    "BccAddress",
                    "FromAddress",
                    "OtherAddress",
                    nillable=False,
                    updateable=False,
                ),
                text("RelationAddress", 1000, updateable=False),
            ),
        ),
        "Opportunity": Kind(
            "006",
            (
                link("AccountId", "Account"),
                link("OwnerId", "User", nillable=False),
                text("Name", 120, nillable=False),
                choice("Type", "New Business", "Expansion", "Renewal"),
                choice(
                    "StageName",
                    "Prospecting",
                    "Qualification",
                    "Proposal",
                    "Negotiation",
                    "Closed Won",
                    "Closed Lost",
                    nillable=False,
                ),
                money("Amount"),
                day("CloseDate", nillable=False),
                Field("Probability", "percent", precision=3),
                flag("IsClosed", **COMPUTED),
                flag("IsWon", **COMPUTED),
                text("Product__c", 80, label="Product"),
            ),
        ),
        "Case": Kind(
            "500",
            (
                link("AccountId", "Account"),
                link("ContactId", "Contact"),
                text("Subject"),
                choice("Status", "New", "Working", "Waiting", "Closed", nillable=False),
                choice("Priority", "High", "Medium", "Low", "Urgent"),
                choice("Type", "Question", "Problem", "Complaint"),
                flag("IsClosed", **COMPUTED),
                flag("IsEscalated"),
                moment("ClosedDate", **COMPUTED),
                choice("Origin", "Email", "Phone", "Web"),
                number("Satisfaction__c", 1, precision=3, label="Satisfaction"),
            ),
        ),
    }
)


def create_objects(store: Store) -> None:
    """Makes every object the store does not have yet."""
    there = store.objects()
    for name, kind in OBJECTS.items():
        if name not in there:
            store.create(name, kind.fields, prefix=kind.prefix)
