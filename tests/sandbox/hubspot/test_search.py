"""Search, with its walls and its lag."""

from __future__ import annotations

import pytest
import requests

from .conftest import both_spellings

pytestmark = both_spellings
AT = "/crm/v3/objects/companies/search"


@pytest.fixture(autouse=True)
def _prompt(account):
    """Search knows at once, except where a test says otherwise."""
    account.control(records={"index_lag": 0}, limits={"mode": "off"})


def found(account, *filters, kind="companies", **more):
    """The names of what a search with one group of filters finds."""
    groups = [{"filters": list(filters)}] if filters else []
    body = {"filterGroups": groups, "properties": ["name"], "limit": 200, **more}
    told = account.post(f"/crm/v3/objects/{kind}/search", body)
    return [each["properties"].get("name") for each in told["results"]]


def where(name, operator, value=None, **more):
    """One filter."""
    value = {} if value is None else {"value": value}
    return {"propertyName": name, "operator": operator, **value, **more}


@pytest.mark.parametrize(
    ("filter_", "names"),
    [
        (where("name", "EQ", "ALPHA"), ["Alpha"]),
        (where("name", "NEQ", "alpha"), ["beta", "Gamma"]),
        (where("annualrevenue", "GT", "9"), ["Alpha"]),
        (where("annualrevenue", "LTE", "9"), ["beta"]),
        (where("annualrevenue", "BETWEEN", "9", highValue="100"), ["Alpha", "beta"]),
        (where("type", "HAS_PROPERTY"), ["Alpha", "Gamma"]),
        (where("type", "NOT_HAS_PROPERTY"), ["beta"]),
        (where("name", "IN", values=["alpha", "gamma"]), ["Alpha", "Gamma"]),
        (where("name", "IN", values=["Alpha", "gamma"]), ["Gamma"]),
        (where("type", "NOT_IN", values=["VENDOR"]), ["Alpha"]),
        (where("domain", "CONTAINS_TOKEN", "*example"), ["Alpha", "beta", "Gamma"]),
        (where("name", "CONTAINS_TOKEN", "bet*"), ["beta"]),
        (where("name", "NOT_CONTAINS_TOKEN", "beta"), ["Alpha", "Gamma"]),
    ],
)
def test_an_operator_finds(account, companies, filter_, names):
    """Numbers as numbers, texts without regard to case, but for IN, which wants lower case."""
    assert found(account, filter_) == names


def test_groups_are_alternatives_and_filters_all_hold(account, companies):
    """One of the groups, every filter in it."""
    groups = [
        {"filters": [where("name", "EQ", "alpha"), where("type", "EQ", "VENDOR")]},
        {"filters": [where("name", "EQ", "beta")]},
    ]
    body = {"filterGroups": groups, "properties": ["name"]}
    assert [each["properties"]["name"] for each in account.post(AT, body)["results"]] == ["beta"]


@pytest.mark.parametrize(
    "body",
    [
        {"filterGroups": [{"filters": [where("name", "EQ", "a")]}] * 6},
        {"filterGroups": [{"filters": [where("name", "EQ", "a")] * 7}]},
        {"filterGroups": [{"filters": [where("name", "EQ", "a")] * 5}] * 4},
        {"sorts": ["name", "domain"]},
        {"limit": 201},
        {"after": "x"},
        {"filterGroups": [{"filters": [where("nope", "EQ", "a")]}]},
        {"filterGroups": [{"filters": [where("name", "LIKE", "a")]}]},
        {"query": "x" * 3_000},
    ],
)
def test_what_goes_beyond_the_limits_is_refused(account, body):
    """Groups, filters, sorts, page, offset, names, operators, length."""
    assert account.call("POST", AT, json=body).status_code == 400


def test_one_sort_either_way(account, companies):
    """By name of a property, or with a direction."""
    up = found(account, sorts=["annualrevenue"])
    down = found(account, sorts=[{"propertyName": "annualrevenue", "direction": "DESCENDING"}])
    assert up[-2:] == ["beta", "Alpha"]
    assert down[:2] == ["Alpha", "beta"]


def test_after_is_an_offset(account, companies):
    """And the total is that of all pages."""
    body = {"limit": 2, "properties": ["name"]}
    first = account.post(AT, body)
    assert (first["total"], first["paging"]["next"]["after"]) == (3, "2")
    second = account.post(AT, {**body, "after": "2"})
    assert len(second["results"]) == 1
    assert "paging" not in second


def test_ten_thousand_results_are_the_wall(account, store):
    """Complaint 5: what lies behind it is not to be had by paging."""
    assert account.call("POST", AT, json={"limit": 200, "after": 9_800}).status_code == 200
    assert account.call("POST", AT, json={"limit": 200, "after": 9_801}).status_code == 400


def test_archived_records_are_not_found(account, companies):
    """At once, whatever the lag."""
    account.call("DELETE", f"/crm/v3/objects/companies/{companies['beta']}")
    assert found(account) == ["Alpha", "Gamma"]


def test_a_search_from_the_epoch_is_an_error_of_the_server(account):
    """A second later it works."""
    body = {"filterGroups": [{"filters": [where("hs_lastmodifieddate", "GTE", "0")]}]}
    assert account.call("POST", AT, json=body).status_code == 500
    body["filterGroups"][0]["filters"][0]["value"] = "1000"
    assert account.call("POST", AT, json=body).status_code == 200


def test_a_new_record_is_found_only_some_seconds_later(account, make):
    """Complaint 4: the index lags behind."""
    account.control(records={"index_lag": 60})
    make(account, 1)
    assert found(account) == []
    account.advance("61s")
    assert found(account) == ["Company 0"]


def test_a_changed_record_shows_its_old_values_until_it_is_indexed(account, companies):
    """And it is found by them; the batch read knows better."""
    account.control(records={"index_lag": 60})
    at = f"/crm/v3/objects/companies/{companies['beta']}"
    account.call("PATCH", at, json={"properties": {"name": "Beta two"}})
    account.call("PATCH", at, json={"properties": {"name": "Beta three"}})
    assert found(account, where("name", "EQ", "beta")) == ["beta"]
    assert account.get(at)["properties"]["name"] == "Beta three"
    account.advance("61s")
    assert found(account, where("name", "EQ", "beta three")) == ["Beta three"]


def test_results_can_be_out_of_order(account, companies):
    """Complaint 6: neighbours change places."""
    account.control(records={"out_of_order": True})
    assert found(account, sorts=["hs_object_id"]) == ["beta", "Alpha", "Gamma"]


def test_a_bulk_edit_stamps_more_records_than_a_page_with_one_millisecond(account, make):
    """Complaint 3: equal moments do not tell records apart, ids do."""
    ids = make(account, 250)
    act = {"crm": "hubspot", "object": "companies", "do": "edit-all", "values": {"phone": "1"}}
    requests.post(f"{account.url}/_sandbox/people", json=act, timeout=10).raise_for_status()
    last = account.get(f"/crm/v3/objects/companies/{ids[0]}")["properties"]["hs_lastmodifieddate"]
    same, rest = where("hs_lastmodifieddate", "EQ", last), where("hs_object_id", "GT", ids[199])
    body = {"filterGroups": [{"filters": [same, rest]}], "sorts": ["hs_object_id"], "limit": 200}
    told = account.post(AT, body)
    assert [each["id"] for each in told["results"]] == ids[200:]


def test_a_calculated_value_does_not_move_a_record(account, companies):
    """Complaint 15: no search by change finds it."""
    at = f"/crm/v3/objects/companies/{companies['beta']}"
    before = account.get(at)["updatedAt"]
    act = {"crm": "hubspot", "object": "companies", "do": "compute", "id": companies["beta"],
           "values": {"num_notes": 7}}  # fmt: skip
    account.advance("1h")
    requests.post(f"{account.url}/_sandbox/people", json=act, timeout=10).raise_for_status()
    after = account.get(at, params={"properties": "num_notes"})
    assert (after["updatedAt"], after["properties"]["num_notes"]) == (before, "7")


def test_activities_are_found_by_what_they_are_about(account, companies, activity):
    """The pseudo-property takes the singular and an id."""
    call = activity(account)
    activity(account)
    pair = {"inputs": [{"from": {"id": call}, "to": {"id": companies["Alpha"]}}]}
    account.post("/crm/v4/associations/calls/companies/batch/associate/default", pair)
    about = where("associations.company", "EQ", companies["Alpha"])
    body = {"filterGroups": [{"filters": [about]}]}
    told = account.post("/crm/v3/objects/calls/search", body)
    assert [each["id"] for each in told["results"]] == [call]


def test_a_search_of_moments_compares_milliseconds(account, store, activity):
    """Also for properties that are kept as words with and without them."""
    for text in ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:01Z"):
        activity(account, "calls", hs_timestamp=text, hs_call_title=text)
    window = where("hs_timestamp", "BETWEEN", "1767225600001", highValue="1767225600999")
    body = {"filterGroups": [{"filters": [window]}], "properties": ["hs_timestamp"]}
    told = account.post("/crm/v3/objects/calls/search", body)["results"]
    assert [each["properties"]["hs_timestamp"] for each in told] == ["2026-01-01T00:00:00.500Z"]
