"""The vendor's own Python client drives the sandbox, and its models take every answer."""

from __future__ import annotations

import pytest
from hubspot import HubSpot
from hubspot.crm.companies.exceptions import ApiException


@pytest.fixture
def client(account):
    """The client with a service key, speaking to this machine."""
    return HubSpot(access_token=account.keys["token"], host=account.url)


def test_companies_are_listed_read_written_and_merged(client, companies):
    """With associations and history, in batches, 207 and all."""
    api = client.crm.companies
    page = api.basic_api.get_page(limit=2, properties=["name"], associations=["contacts"])
    assert page.paging.next.after
    ids = list(companies.values())
    found = api.basic_api.get_by_id(ids[0], properties_with_history=["name"])
    assert found.properties_with_history["name"][0].value == "Alpha"
    inputs = [{"id": each} for each in (*ids, "5")]
    asked = {"properties": ["name"], "propertiesWithHistory": [], "inputs": inputs}
    told = api.batch_api.read(asked)
    assert (len(told.results), told.num_errors) == (3, 1)
    one = {"id": ids[0], "properties": {"customer_number": "K-1"}}
    assert api.batch_api.update({"inputs": [one]}).results[0].id == ids[0]
    key = {"id": "K-1", "idProperty": "customer_number", "properties": {"arr": "1"}}
    assert api.batch_api.upsert({"inputs": [key]}).results[0].new is False
    merged = api.basic_api.merge({"primaryObjectId": ids[0], "objectIdToMerge": ids[1]})
    assert merged.id == ids[0]


def test_search_associations_and_labels_are_read(client, account, companies, activity):
    """In the fourth version, with its models."""
    account.control(records={"index_lag": 0})
    found = client.crm.companies.search_api.do_search(
        {"filterGroups": [{"filters": [{"propertyName": "name", "operator": "HAS_PROPERTY"}]}]}
    )
    assert found.total == 3
    call = activity(account)
    v4 = client.crm.associations.v4
    v4.basic_api.create_default("calls", call, "companies", companies["beta"])
    told = v4.batch_api.get_page("calls", "companies", {"inputs": [{"id": call}, {"id": "5"}]})
    assert str(told.results[0].to[0].to_object_id) == companies["beta"]
    labels = v4.schema.definitions_api.get_all("contacts", "companies").results
    assert {each.type_id for each in labels} == {1, 279}


def test_definitions_pipelines_and_owners_are_read(client):
    """And a property is made, once."""
    new = {
        "name": "health_score",
        "label": "Health score",
        "type": "number",
        "fieldType": "number",
        "groupName": "companyinformation",
    }
    assert client.crm.properties.core_api.create("companies", new).name == "health_score"
    again = client.crm.properties.batch_api.create("companies", {"inputs": [new]})
    assert again.num_errors == 1
    assert client.crm.properties.groups_api.get_all("companies").results
    assert client.crm.pipelines.pipelines_api.get_all("deals").results[0].stages
    assert client.crm.owners.owners_api.get_page().results[0].email


def test_a_bad_value_is_the_client_s_exception(client, companies):
    """With the body as the server sent it."""
    bad = {"id": companies["Alpha"], "properties": {"segment": "small"}}
    with pytest.raises(ApiException) as caught:
        client.crm.companies.batch_api.update({"inputs": [bad]})
    assert caught.value.status == 400
    assert "INVALID_OPTION" in caught.value.body
