"""What an admin demands of records, since 2026-09 of the API as well."""

from __future__ import annotations

OLD, NEW = "/crm/v3/objects/companies", "/crm/objects/2026-09/companies"
RULE = {"object": "companies", "when": {"type": "PARTNER"}, "requires": ["phone"]}


def test_a_score_is_refused_because_another_property_is_missing(account, companies):
    """Only the record that the rule concerns, and only in the newest version."""
    account.control(rules=[RULE])
    inputs = [{"id": each, "properties": {"arr": "1"}} for each in companies.values()]
    old = account.call("POST", f"{OLD}/batch/update", json={"inputs": inputs})
    new = account.call("POST", f"{NEW}/batch/update", json={"inputs": inputs})
    assert (old.status_code, new.status_code) == (200, 207)
    told = new.json()
    assert {each["id"] for each in told["results"]} == {companies["beta"], companies["Gamma"]}
    (error,) = told["errors"]
    assert error["context"]["ids"] == [companies["Alpha"]]
    assert error["errors"][0]["code"] == "MISSING_CONDITIONAL_REQUIRED_PROPERTY"
    assert error["errors"][0]["context"] == {"propertyName": ["phone"]}


def test_what_is_required_may_come_with_the_write(account, companies):
    """Then the record is in order."""
    account.control(rules=[RULE])
    at = f"{NEW}/{companies['Alpha']}"
    assert account.call("PATCH", at, json={"properties": {"arr": "1"}}).status_code == 400
    both = {"properties": {"arr": "1", "phone": "1"}}
    assert account.call("PATCH", at, json=both).status_code == 200


def test_a_demand_of_new_records_leaves_old_ones_alone(account, companies):
    """`on: create`."""
    account.control(rules=[{"object": "companies", "requires": ["phone"], "on": "create"}])
    at = f"{NEW}/{companies['Alpha']}"
    assert account.call("PATCH", at, json={"properties": {"arr": "1"}}).status_code == 200
    assert account.call("POST", NEW, json={"properties": {"name": "x"}}).status_code == 400
