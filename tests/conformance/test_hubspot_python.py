"""HubSpot's own Python client drives the sandbox, and its models take every answer.

The models check what they are given: what has to be there, and the values of enumerations. Of a
boolean the client writes `True` into addresses, which a strict server refuses: it gets the text.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from hubspot import HubSpot
from hubspot.crm.companies.exceptions import ApiException

from .conftest import Org

#: Kinds of which the account has some, as the client calls their API.
KINDS = ("calls", "emails", "feedback_submissions", "meetings", "notes", "tasks")


@pytest.fixture
def keys(org: Org) -> dict[str, Any]:
    """What signs in; the account has its records."""
    org.control("hubspot", {"fill": True, "records": {"index_lag": 0}})
    found: dict[str, Any] = org.control("credentials")["hubspot"]
    return found


@pytest.fixture
def client(org: Org, keys: dict[str, Any]) -> HubSpot:
    """The client with a service key, speaking to this machine."""
    return HubSpot(access_token=keys["token"], host=org.url)


def ids(org: Org, object: str = "companies", name: str = "name") -> list[str]:
    """The records of a kind that there are."""
    return sorted(org.control(f"values?crm=hubspot&object={object}&fields={name}"))


# records


def test_companies_are_listed_with_what_belongs_to_them(org, client):
    """Page by page, contacts beside each; and by the client's own `get_all`."""
    api = client.crm.companies
    page = api.basic_api.get_page(limit=2, properties=["name"], associations=["contacts"])
    after = page.paging.next.after
    second = api.basic_api.get_page(limit=2, after=after)
    assert len({each.id for each in (*page.results, *second.results)}) == 4
    assert sorted(each.id for each in api.get_all()) == ids(org)


def test_history_batches_upserts_and_merges(org, client):
    """207 and all."""
    api = client.crm.companies
    inputs = [{"properties": {"name": name}, "associations": []} for name in ("Alpha", "Beta")]
    made = [each.id for each in api.batch_api.create({"inputs": inputs}).results]
    found = api.basic_api.get_by_id(made[0], properties_with_history=["name"])
    assert found.properties_with_history["name"][0].value == "Alpha"
    asked = {"properties": ["name"], "propertiesWithHistory": [],
             "inputs": [{"id": each} for each in (*made, "5")]}  # fmt: skip
    told = api.batch_api.read(asked)
    assert (len(told.results), told.num_errors) == (2, 1)
    one = {"id": made[0], "properties": {"customer_number": "K-python"}}
    assert api.batch_api.update({"inputs": [one]}).results[0].id == made[0]
    key = {"id": "K-python", "idProperty": "customer_number", "properties": {"city": "Ulm"}}
    assert api.batch_api.upsert({"inputs": [key]}).results[0].new is False
    merged = api.basic_api.merge({"primaryObjectId": made[0], "objectIdToMerge": made[1]})
    assert merged.id == made[0]


def test_search_finds_and_counts(org, client):
    """With a cursor for the rest."""
    one = {"propertyName": "name", "operator": "HAS_PROPERTY"}
    found = client.crm.companies.search_api.do_search(
        {"filterGroups": [{"filters": [one]}], "limit": 5}
    )
    assert (found.total, found.paging.next.after) == (len(ids(org)), "5")


@pytest.mark.parametrize("kind", KINDS)
def test_activities_and_answers_are_listed_and_searched(client, kind):
    """Each kind by the API that the client has for it."""
    api = getattr(client.crm.objects, kind)
    listed = api.basic_api.get_page(limit=3, properties=["hs_lastmodifieddate"]).results
    request = {"filterGroups": [], "limit": 3}
    assert client.crm.objects.search_api.do_search(kind, request).total >= len(listed) > 0
    assert all(each.properties["hs_lastmodifieddate"] for each in listed)


def test_a_communication_is_made_and_listed(client):
    """The kind of which a fresh account has none."""
    api = client.crm.objects.communications.basic_api
    values = {"hs_communication_channel_type": "WHATS_APP", "hs_communication_logged_from": "CRM",
              "hs_timestamp": "2026-10-01T10:00:00Z"}  # fmt: skip
    made = api.create({"properties": values, "associations": []})
    listed = api.get_page(properties=["hs_communication_channel_type"]).results
    assert [each.id for each in listed] == [made.id]


@pytest.mark.parametrize("kind", ["contacts", "deals", "tickets"])
def test_contacts_deals_and_tickets_are_listed(client, kind):
    """With the companies they belong to."""
    listed = getattr(client.crm, kind).basic_api.get_page(limit=20, associations=["companies"])
    assert any((each.associations or {}).get("companies") for each in listed.results)


def test_associations_and_labels_are_read(org, client):
    """In the fourth version, with its models."""
    deal, company = ids(org, "deals", "dealname")[0], ids(org)[0]
    v4 = client.crm.associations.v4
    v4.basic_api.create_default("deals", deal, "companies", company)
    told = v4.batch_api.get_page("deals", "companies", {"inputs": [{"id": deal}, {"id": "5"}]})
    assert company in {str(each.to_object_id) for each in told.results[0].to}
    labels = v4.schema.definitions_api.get_all("contacts", "companies").results
    assert {1, 279} <= {each.type_id for each in labels}


# definitions


def test_properties_and_groups_are_made_changed_and_listed(client):
    """Twice is an error of its own; archived ones are listed apart."""
    group = {"name": "python", "label": "Python", "displayOrder": -1}
    assert client.crm.properties.groups_api.create("companies", group).name == "python"
    new = {"name": "by_python", "label": "By Python", "type": "number", "fieldType": "number",
           "groupName": "python"}  # fmt: skip
    api = client.crm.properties
    assert api.core_api.create("companies", new).name == "by_python"
    assert api.batch_api.create("companies", {"inputs": [new]}).num_errors == 1
    assert api.core_api.update("companies", "by_python", {"label": "Changed"}).label == "Changed"
    assert "python" in {each.name for each in api.groups_api.get_all("companies").results}
    api.core_api.archive("companies", "by_python")
    archived = api.core_api.get_all("companies", archived="true").results
    assert "by_python" in {each.name for each in archived}


def test_pipelines_and_owners_are_read(client):
    """Of deals and of tickets; people with their addresses."""
    for object in ("deals", "tickets"):
        assert client.crm.pipelines.pipelines_api.get_all(object).results[0].stages
    assert client.crm.owners.owners_api.get_page(limit=5).results[0].email


def test_a_list_is_made_and_found_by_its_name(org, client):
    """With its members."""
    company = ids(org)[1]
    one = {"id": company, "properties": {"city": "Wismar"}}
    client.crm.companies.batch_api.update({"inputs": [one]})
    operation = {"operationType": "MULTISTRING", "operator": "IS_EQUAL_TO", "values": ["Wismar"]}
    filter = {"filterType": "PROPERTY", "property": "city", "operation": operation}
    both = {"filterBranchType": "AND", "filterBranches": [], "filters": [filter]}
    root = {"filterBranchType": "OR", "filterBranches": [both], "filters": []}
    wanted = {"name": "In Wismar", "objectTypeId": "0-2", "processingType": "DYNAMIC",
              "filterBranch": root}  # fmt: skip
    api = client.crm.lists
    made = api.lists_api.create(wanted).list
    found = api.lists_api.get_by_name(list_name="In Wismar", object_type_id="0-2").list
    assert found.list_id == made.list_id
    members = api.memberships_api.get_page(made.list_id).results
    assert [each.record_id for each in members] == [company]


# files


def test_an_import_is_followed_to_its_end(org, client, tmp_path):
    """Its counters and its errors are models, too."""
    company, file = ids(org)[2], tmp_path / "changes.csv"
    file.write_text(f"Record ID,city\n{company},Gera\n5,Gera\n", encoding="utf-8")
    api = client.crm.imports
    begun = api.core_api.create(import_request=json.dumps(_import(file)), files=[str(file)])
    until = time.monotonic() + 30
    while (now := api.core_api.get_by_id(begun.id)).state != "DONE":
        assert time.monotonic() < until, now.state
    errors = api.public_imports_api.get_errors(begun.id).results
    assert [each.source_data.line_number for each in errors] == [3]
    assert begun.id in [each.id for each in api.core_api.get_page().results]


def _import(file: Path) -> dict[str, Any]:
    key = {"columnObjectTypeId": "0-2", "columnName": "Record ID",
           "propertyName": "hs_object_id", "columnType": "HUBSPOT_OBJECT_ID"}  # fmt: skip
    city = {"columnObjectTypeId": "0-2", "columnName": "city", "propertyName": "city"}
    page = {"hasHeader": True, "columnMappings": [key, city]}
    given = {"fileName": file.name, "fileFormat": "CSV", "fileImportPage": page}
    return {"name": "By Python", "importOperations": {"0-2": "UPDATE"}, "files": [given]}


def test_an_export_is_waited_for_and_fetched(org, client):
    """A line for each company."""
    wanted = {
        "exportType": "VIEW",
        "format": "CSV",
        "exportName": "All companies",
        "objectType": "COMPANY",
        "objectProperties": ["name"],
        "language": "EN",
        "exportInternalValuesOptions": ["NAMES", "VALUES"],
        "overrideAssociatedObjectsPerDefinitionPerRowLimit": False,
    }
    api = client.crm.exports.public_exports_api
    task, until = api.start(wanted), time.monotonic() + 30
    while (now := api.get_status(task.id)).status != "COMPLETE":
        assert time.monotonic() < until, now.status
    lines = requests.get(now.result, timeout=30).text.strip().splitlines()
    assert len(lines) == 1 + len(ids(org))


# signing in, and being refused


def test_a_refresh_token_renews_and_is_known(org, client, keys):
    """By the client's own calls, the first of which takes a code."""
    org.control("hubspot", {"oauth": {"consent": "auto", "pkce": False}})
    asked = {"client_id": keys["client_id"], "redirect_uri": keys["redirect_uri"],
             "scope": "oauth crm.objects.companies.read"}  # fmt: skip
    page = requests.get(keys["authorize_url"], params=asked, allow_redirects=False, timeout=30)
    code = page.headers["Location"].partition("code=")[2].partition("&")[0]
    app = {name: keys[name] for name in ("client_id", "client_secret", "redirect_uri")}
    tokens = client.oauth.tokens_api
    first = tokens.create(grant_type="authorization_code", code=code, **app)
    second = tokens.create(grant_type="refresh_token", refresh_token=first.refresh_token, **app)
    assert second.access_token != first.access_token
    assert client.oauth.access_tokens_api.get(second.access_token).hub_id == 44_810_221


def test_a_bad_value_is_the_client_s_exception(org, client):
    """With the body as the server sent it."""
    bad = {"id": ids(org)[0], "properties": {"segment": "small"}}
    with pytest.raises(ApiException) as caught:
        client.crm.companies.batch_api.update({"inputs": [bad]})
    assert caught.value.status == 400
    assert "INVALID_OPTION" in caught.value.body
