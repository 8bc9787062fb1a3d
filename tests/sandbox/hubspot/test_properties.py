"""Definitions of properties and their groups."""

from __future__ import annotations

import pytest

from .conftest import both_spellings

pytestmark = both_spellings
AT = "/crm/v3/properties/companies"
TIER = {
    "name": "health_tier",
    "label": "Health tier",
    "type": "enumeration",
    "fieldType": "select",
    "groupName": "companyinformation",
    "options": [{"label": each, "value": each} for each in "ABC"],
}
SCORE = {**TIER, "name": "health_score", "type": "number", "fieldType": "number", "options": []}


def test_a_property_can_be_used_as_soon_as_it_is_made(account, companies):
    """Its definition comes back whole, and records take its values."""
    made = account.post(AT, TIER)
    assert made["modificationMetadata"]["readOnlyValue"] is False
    assert [each["value"] for each in made["options"]] == ["A", "B", "C"]
    at = f"/crm/v3/objects/companies/{companies['Alpha']}"
    answer = account.call("PATCH", at, json={"properties": {"health_tier": "B"}})
    assert answer.json()["properties"]["health_tier"] == "B"


def test_a_name_that_is_there_already_is_a_conflict(account):
    """409, with the names that the platform has for it, and nothing is changed."""
    account.post(AT, TIER)
    answer = account.call("POST", AT, json={**TIER, "label": "Other"})
    assert answer.status_code == 409
    told = answer.json()
    assert told["category"] == "OBJECT_ALREADY_EXISTS"
    assert told["subCategory"] == "Properties.PROPERTY_WITH_NAME_EXISTS"
    assert account.get(f"{AT}/health_tier")["label"] == "Health tier"


def test_the_name_of_an_archived_property_brings_that_one_back(account):
    """201, and whatever the new definition says, the old one stands."""
    account.post(AT, TIER)
    assert account.call("DELETE", f"{AT}/health_tier").status_code == 204
    assert account.call("GET", f"{AT}/health_tier").status_code == 404
    answer = account.call("POST", AT, json={**SCORE, "name": "health_tier"})
    assert answer.status_code == 201
    assert answer.json()["type"] == "enumeration"


def test_options_replace_the_whole_list_and_stay_when_not_sent(account):
    """What is left out of the list is gone."""
    account.post(AT, TIER)
    one = {"options": [{"label": "A", "value": "A"}]}
    told = account.call("PATCH", f"{AT}/health_tier", json=one).json()
    assert [each["value"] for each in told["options"]] == ["A"]
    told = account.call("PATCH", f"{AT}/health_tier", json={"label": "Tier"}).json()
    assert (told["label"], len(told["options"])) == ("Tier", 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Health"},
        {"name": "hs_health"},
        {"name": "1st"},
        {"name": "x" * 101},
        {"fieldType": "text"},
        {"type": "money"},
        {"groupName": "nowhere"},
        {"options": []},
        {"options": [{"label": "A", "value": "A"}, {"label": "B", "value": "A"}]},
        {"options": [{"label": "A"}]},
        {"hasUniqueValue": True},
        {"label": None},
    ],
)
def test_a_definition_that_does_not_fit_together_is_refused(account, wrong):
    """Names, types, inputs, groups, options."""
    assert account.call("POST", AT, json={**TIER, **wrong}).status_code == 400


def test_a_type_does_not_change_to_one_of_another_kind(account):
    """A number stays a number."""
    account.post(AT, SCORE)
    change = {"type": "string", "fieldType": "text"}
    assert account.call("PATCH", f"{AT}/health_score", json=change).status_code == 400


def test_what_is_calculated_cannot_be_written(account, companies):
    """Flags in the definition tell so beforehand."""
    told = account.get(f"{AT}/notes_last_contacted")
    assert told["calculated"] is True
    assert told["modificationMetadata"]["readOnlyValue"] is True
    formula = {**SCORE, "fieldType": "calculation_equation", "calculationFormula": "arr * 2"}
    assert account.post(AT, formula)["calculated"] is True
    at = f"/crm/v3/objects/companies/{companies['Alpha']}"
    assert account.call("PATCH", at, json={"properties": {"health_score": "1"}}).status_code == 400


def test_a_batch_makes_what_it_can_and_tells_the_rest(account):
    """207 with both."""
    account.post(AT, TIER)
    answer = account.call("POST", f"{AT}/batch/create", json={"inputs": [TIER, SCORE]})
    assert answer.status_code == 207
    told = answer.json()
    assert [each["name"] for each in told["results"]] == ["health_score"]
    assert told["errors"][0]["category"] == "OBJECT_ALREADY_EXISTS"
    assert account.call("POST", f"{AT}/batch/create", json={"inputs": []}).status_code == 201


def test_a_batch_reads_names_and_tells_those_there_are_not(account):
    """207 once more."""
    body = {"archived": False, "inputs": [{"name": "name"}, {"name": "nope"}]}
    answer = account.call("POST", f"{AT}/batch/read", json=body)
    assert answer.status_code == 207
    assert [each["name"] for each in answer.json()["results"]] == ["name"]


def test_a_batch_archives(account):
    """And archived ones are listed apart."""
    account.post(AT, TIER)
    body = {"inputs": [{"name": "health_tier"}]}
    assert account.call("POST", f"{AT}/batch/archive", json=body).status_code == 204
    (gone,) = account.get(AT, params={"archived": "true"})["results"]
    assert gone["archivedAt"]


def test_what_hubspot_made_cannot_be_archived(account):
    """Nor what a segment filters by."""
    assert account.call("DELETE", f"{AT}/name").status_code == 400


def test_ten_properties_can_be_unique(account):
    """The eleventh is refused."""
    text = {**SCORE, "type": "string", "fieldType": "text", "hasUniqueValue": True}
    for n in range(9):
        account.post(AT, {**text, "name": f"key_{n}"})
    assert account.call("POST", AT, json={**text, "name": "key_9"}).status_code == 400


def test_groups_are_made_changed_and_archived(account):
    """One with properties in it stays."""
    group = {"name": "customer_health", "label": "Customer health", "displayOrder": -1}
    assert account.call("POST", f"{AT}/groups", json=group).status_code == 201
    assert account.call("POST", f"{AT}/groups", json=group).status_code == 409
    at = f"{AT}/groups/customer_health"
    assert account.call("PATCH", at, json={"label": "Health"}).json()["label"] == "Health"
    account.post(AT, {**TIER, "groupName": "customer_health"})
    assert account.call("DELETE", at).status_code == 400
    account.call("DELETE", f"{AT}/health_tier")
    assert account.call("DELETE", at).status_code == 204
    assert "customer_health" not in {
        each["name"] for each in account.get(f"{AT}/groups")["results"]
    }


def test_definitions_want_a_scope_of_their_own(account):
    """Reading records is not enough to make properties."""
    scopes = ["crm.objects.companies.read", "crm.objects.companies.write"]
    account.control(app={"app": "service_key", "scopes": scopes})
    answer = account.call("POST", AT, json=TIER)
    assert answer.status_code == 403
    required = answer.json()["errors"][0]["context"]["requiredGranularScopes"]
    assert required == ["crm.schemas.companies.write"]
