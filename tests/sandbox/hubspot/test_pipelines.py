"""Pipelines, owners, and the properties that take their ids."""

from __future__ import annotations

import pytest


def test_stages_are_ids_that_only_the_pipeline_explains(account):
    """Whether a stage is closed and how likely it is stands in its metadata."""
    (pipeline,) = account.get("/crm/pipelines/2026-09/deals")["results"]
    stages = {each["label"]: each for each in pipeline["stages"]}
    assert stages["Closed Won"]["metadata"] == {"isClosed": "true", "probability": "1.0"}
    assert stages["Closed Won"]["id"].isdigit()
    at = f"/crm/v3/pipelines/0-3/{pipeline['id']}/stages/{stages['Proposal']['id']}"
    assert account.get(at)["label"] == "Proposal"
    assert account.call("GET", "/crm/v3/pipelines/deals/1").status_code == 404


def test_tickets_tell_open_from_closed_by_their_state(account):
    """The metadata of their stages is another one."""
    (pipeline,) = account.get("/crm/v3/pipelines/tickets")["results"]
    assert pipeline["stages"][-1]["metadata"]["ticketState"] == "CLOSED"


def test_what_was_archived_is_listed_no_more(account):
    """A stage or a pipeline; the record that is in it keeps its id."""
    at = "/crm/v3/pipelines/deals"
    values = {"dealname": "Renewal", "dealstage": "140213555"}
    made = account.post("/crm/v3/objects/deals", {"properties": values})
    assert account.call("DELETE", f"{at}/72318054/stages/140213555").status_code == 204
    (pipeline,) = account.get(at)["results"]
    assert "140213555" not in {each["id"] for each in pipeline["stages"]}
    kept = account.get(f"/crm/v3/objects/deals/{made['id']}", params={"properties": "dealstage"})
    assert kept["properties"]["dealstage"] == "140213555"
    assert account.call("DELETE", f"{at}/72318054").status_code == 204
    assert account.get(at)["results"] == []
    assert account.call("DELETE", f"{at}/72318054").status_code == 404


def test_a_deal_that_is_won_follows_its_stage(account):
    """Calculated properties change with it; a stage that there is not is refused."""
    values = {"dealname": "Renewal", "dealstage": "140213555"}
    made = account.post("/crm/v3/objects/deals", {"properties": values})["properties"]
    assert (made["pipeline"], made["hs_is_closed_won"]) == ("72318054", "true")
    wrong = {"properties": {**values, "dealstage": "closedwon"}}
    assert account.call("POST", "/crm/v3/objects/deals", json=wrong).status_code == 400


@pytest.fixture
def owners(account, store):
    """Two people; one of them has left."""
    account.get("/crm/v3/owners")
    row = ("x@example.com", "Ann", "Lee", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
    store.db.execute("delete from hs_owners")
    sql = "insert into hs_owners values (?, ?, ?, ?, ?, ?, ?, ?)"
    store.db.executemany(sql, [(11, 21, *row, 0), (12, 22, *row, 1)])


def test_owners_who_left_are_archived(account, owners):
    """And a record cannot be given to them."""
    assert [each["id"] for each in account.get("/crm/v3/owners/")["results"]] == ["11"]
    gone = account.get("/crm/owners/2026-03", params={"archived": "true"})["results"]
    assert [each["id"] for each in gone] == ["12"]
    body = {"properties": {"name": "x", "hubspot_owner_id": "12"}}
    assert account.call("POST", "/crm/v3/objects/companies", json=body).status_code == 400
    body["properties"]["hubspot_owner_id"] = "11"
    assert account.call("POST", "/crm/v3/objects/companies", json=body).status_code == 201


def test_an_owner_is_found_by_number_of_the_user_too(account, owners):
    """With idProperty."""
    found = account.get("/crm/v3/owners/21", params={"idProperty": "userId"})
    assert (found["id"], found["firstName"]) == ("11", "Ann")
    assert account.call("GET", "/crm/v3/owners/99").status_code == 404
