"""A filter in the CRM's own language names fields; what it compares them with is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping.filters import names


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("", ()),
        ("IsRecurrence = false", ("IsRecurrence",)),
        ("IsChild = false and IsRecurrence = false", ("IsChild", "IsRecurrence")),
        ("Status != '5'", ("Status",)),
        ("Status!='5'AND(Type=null)", ("Status", "Type")),
        ("Name = 'Type = 1 AND Rating = 2'", ("Name",)),
        (r"Name = 'O\'Neil AND Type' OR Rating = 'x'", ("Name", "Rating")),
        ("Name = 'never closed AND Type = 1", ("Name",)),
        ("CreatedDate > 2026-01-01T00:00:00Z AND CloseDate < 2026-02-01", ("CreatedDate",
                                                                          "CloseDate")),
        ("CreatedDate = 2026-01-01T00:00:00.000+01:00 AND A__c = 1", ("CreatedDate", "A__c")),
        ("CreatedDate = LAST_N_DAYS:30 OR CreatedDate=TODAY", ("CreatedDate",)),
        ("Amount > USD5000.50 AND Amount < -1.5e3", ("Amount",)),
        ("Amount > - 5 AND A__c = 1", ("Amount", "A__c")),
        ("Account.Owner.Name LIKE 'A%'", ("Account.Owner.Name",)),
        ("Account . Industry = 'x'", ("Account.Industry",)),
        ("Health__r.Level__c IN ('A', 'B')", ("Health__r.Level__c",)),
        ("Type NOT IN ('A', 'B') AND NOT (Rating = 'Hot')", ("Type", "Rating")),
        ("not Type = 'x'", ("Type",)),
        ("Areas__c INCLUDES ('A;B', 'C') or Areas__c excludes ('D')", ("Areas__c",)),
        ("CALENDAR_YEAR(CreatedDate) = 2026", ("CreatedDate",)),
        ("DAY_ONLY(convertTimezone(CreatedDate)) = 2026-01-01", ("CreatedDate",)),
        ("toLabel(Status) = 'Neu'", ("Status",)),
        ("DISTANCE(Place__c, GEOLOCATION(37.1, -122.2), 'km') < 20", ("Place__c",)),
        ("Id IN (SELECT AccountId FROM Contact WHERE (Title = 'CEO')) AND Type = 'x'", ("Id",
                                                                                       "Type")),
        ("Id NOT IN (SELECT AccountId FROM Case", ("Id",)),
        ("What.Type IN ('Account', 'Opportunity')", ("What.Type",)),
        ("Type =", ("Type",)),
    ],
)  # fmt: skip
def test_fields_are_told_from_what_they_are_compared_with(where, found):
    """Texts, dates, amounts, lists and queries over other objects name no field of this one."""
    assert names(where) == found


@given(st.text())
def test_no_text_is_too_odd_to_be_read(where):
    """Whether it is a filter at all, the CRM will say."""
    assert len(set(names(where))) == len(names(where))


@given(st.text(alphabet=st.characters(exclude_characters="'\\", exclude_categories=["Cs"])))
def test_nothing_in_a_text_is_a_field(inside):
    """Whatever a customer is called."""
    assert names(f"Name = '{inside}' AND Type = null") == ("Name", "Type")
