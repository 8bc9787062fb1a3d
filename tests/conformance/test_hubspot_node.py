"""The sandbox's HubSpot through the client for Node that HubSpot makes from its own API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import HERE, Node, Org

Hubspot = Callable[..., Any]
SEARCH = {"filterGroups": [], "sorts": [], "properties": [], "limit": 1, "after": "0"}


@pytest.fixture
def keys(org: Org) -> dict[str, Any]:
    """What signs in; the account has its records."""
    org.control("hubspot", {"fill": True, "records": {"index_lag": 0}})
    found: dict[str, Any] = org.control("credentials")["hubspot"]
    return found


@pytest.fixture
def asked(org: Org, node: Node, keys: dict[str, Any]) -> Hubspot:
    """Does one thing with the client, and gives what it gave or how it refused."""

    def done(topic: str, **given: Any) -> Any:
        said = {"topic": topic, "url": org.url, "token": keys["token"], **given}
        ended = node.run("node", str(HERE / "hubspot.mjs"), given=said)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return done


@pytest.fixture
def hubspot(asked: Hubspot) -> Hubspot:
    """Does one thing that goes well."""

    def done(topic: str, **given: Any) -> Any:
        told = asked(topic, **given)
        assert "answer" in told, told
        return told["answer"]

    return done


def companies(org: Org, *names: str) -> dict[str, dict[str, Any]]:
    """What the companies hold, by id."""
    fields = ",".join(names or ("name",))
    found: dict[str, Any] = org.control(f"values?crm=hubspot&object=companies&fields={fields}")
    return dict(sorted(found.items()))


# reading


def test_companies_come_page_by_page_with_what_belongs_to_them(org, hubspot):
    """The next page by its cursor; contacts beside each company."""
    first = hubspot("page", limit=5, properties=["name"], associations=["contacts"])
    after = first["paging"]["next"]["after"]
    second = hubspot("page", limit=5, after=after, properties=["name"])
    ids = [each["id"] for page in (first, second) for each in page["results"]]
    assert len(set(ids)) == 10
    held = companies(org)
    assert all(each["properties"]["name"] == held[each["id"]]["name"] for each in first["results"])
    assert any(each["associations"]["contacts"]["results"] for each in first["results"])


def test_the_client_s_own_get_all_reads_every_company(org, hubspot):
    """It follows the cursors to the end."""
    assert sorted(each["id"] for each in hubspot("every", limit=100)) == list(companies(org))


def test_history_of_a_property_is_told(org, hubspot):
    """With moment and source."""
    id_ = next(iter(companies(org)))
    hubspot("update", request={"inputs": [{"id": id_, "properties": {"city": "Ulm"}}]})
    told = hubspot("one", id=id_, history=["city"])["propertiesWithHistory"]["city"]
    assert (told[0]["value"], told[0]["sourceType"]) == ("Ulm", "INTEGRATION")


def test_a_search_finds_sorts_and_counts(org, hubspot):
    """Filters, an order, a total and the way to the next page."""
    one = {"propertyName": "name", "operator": "HAS_PROPERTY"}
    request = {"filterGroups": [{"filters": [one]}], "sorts": ["name"], "properties": ["name"],
               "limit": 3, "after": "0"}  # fmt: skip
    told = hubspot("search", request=request)
    assert (told["total"], len(told["results"])) == (len(companies(org)), 3)
    assert told["paging"]["next"]["after"] == "3"


# writing


def test_a_batch_read_tells_of_what_is_not_there(org, hubspot):
    """207: the client gives results and errors at once."""
    id_ = next(iter(companies(org)))
    request = {"properties": ["name"], "propertiesWithHistory": [],
               "inputs": [{"id": id_}, {"id": "5"}]}  # fmt: skip
    told = hubspot("read", request=request)
    assert ([each["id"] for each in told["results"]], told["numErrors"]) == ([id_], 1)
    assert told["errors"][0]["context"]["ids"] == ["5"]


def test_a_batch_update_changes_what_is_there(org, hubspot):
    """And tells of the one that is not, in the same answer."""
    id_ = list(companies(org))[1]
    inputs = [{"id": each, "properties": {"city": "Jena"}} for each in (id_, "5")]
    told = hubspot("update", request={"inputs": inputs})
    assert ([each["id"] for each in told["results"]], told["numErrors"]) == ([id_], 1)
    assert companies(org, "city")[id_]["city"] == "Jena"


def test_an_upsert_changes_and_makes(org, hubspot):
    """By a property with unique values; `new` says which."""
    known = next(iter(companies(org, "customer_number").values()))["customer_number"]
    inputs = [
        {"id": each, "idProperty": "customer_number", "properties": {"city": "Trier"}}
        for each in (known, "K-node")
    ]
    told = hubspot("upsert", request={"inputs": inputs})
    assert sorted(each["_new"] for each in told["results"]) == [False, True]


def test_two_companies_are_made_merged_and_archived(org, hubspot):
    """Of two one is left, and then none."""
    inputs = [{"properties": {"name": f"made {n}"}, "associations": []} for n in range(2)]
    made = [each["id"] for each in hubspot("create", request={"inputs": inputs})["results"]]
    request = {"primaryObjectId": made[0], "objectIdToMerge": made[1]}
    merged = hubspot("merge", request=request)["id"]
    assert set(made) & companies(org).keys() == {merged}
    hubspot("archive", request={"inputs": [{"id": merged}]})
    assert not set(made) & companies(org).keys()


def test_associations_are_read_in_a_batch(org, hubspot):
    """A pair is made; whoever has none is named."""
    deal, other = sorted(org.control("values?crm=hubspot&object=deals&fields=dealname"))[:2]
    id_ = next(iter(companies(org)))
    hubspot("associate", **{"from": "deals", "id": deal, "to": "companies", "other": id_})
    inputs = [{"id": deal}, {"id": other}, {"id": "5"}]
    told = hubspot("associations", **{"from": "deals", "to": "companies", "inputs": inputs})
    found = {each["_from"]["id"]: each["to"] for each in told["results"]}
    assert id_ in [str(each["toObjectId"]) for each in found[deal]]
    assert told["numErrors"] == 1
    labels = hubspot("labels", **{"from": "deals", "to": "companies"})["results"]
    assert {each["category"] for each in labels} == {"HUBSPOT_DEFINED"}


# definitions


def test_properties_and_their_group_are_made_listed_and_changed(hubspot):
    """One by one and in a batch, where what is there already is an error of its own."""
    hubspot("group", request={"name": "node", "label": "Node", "displayOrder": -1})
    assert "node" in [each["name"] for each in hubspot("groups")["results"]]
    one = {"name": "by_node", "label": "By Node", "type": "number", "fieldType": "number",
           "groupName": "node"}  # fmt: skip
    assert hubspot("property", request=one)["name"] == "by_node"
    told = hubspot("propertyBatch", inputs=[one, {**one, "name": "by_batch"}])
    assert ([each["name"] for each in told["results"]], told["numErrors"]) == (["by_batch"], 1)
    hubspot("change", name="by_node", request={"label": "Changed"})
    known = {each["name"]: each["label"] for each in hubspot("properties")["results"]}
    assert (known["by_node"], known["by_batch"]) == ("Changed", "By Node")


def test_pipelines_and_owners_are_listed(hubspot):
    """Stages in their order, people with their addresses."""
    (pipeline, *_) = hubspot("pipelines", object="deals")["results"]
    assert [each["displayOrder"] for each in pipeline["stages"]] == list(
        range(len(pipeline["stages"]))
    )
    page = hubspot("owners", limit=2)
    assert all("@" in each["email"] for each in page["results"])


def test_a_list_is_made_found_by_its_name_and_filled(org, hubspot):
    """It has the companies for which its filter holds."""
    id_ = next(iter(companies(org)))
    hubspot("update", request={"inputs": [{"id": id_, "properties": {"city": "Wismar"}}]})
    operation = {"operationType": "MULTISTRING", "operator": "IS_EQUAL_TO", "values": ["Wismar"]}
    one = {"filterType": "PROPERTY", "property": "city", "operation": operation}
    both = {"filterBranchType": "AND", "filterBranchOperator": "AND", "filterBranches": [],
            "filters": [one]}  # fmt: skip
    root = {"filterBranchType": "OR", "filterBranchOperator": "OR", "filterBranches": [both],
            "filters": []}  # fmt: skip
    request = {"name": "In Wismar", "objectTypeId": "0-2", "processingType": "DYNAMIC",
               "filterBranch": root}  # fmt: skip
    told = hubspot("list", request=request)
    assert told["byName"]["listId"] == told["list"]["listId"]
    assert [each["recordId"] for each in told["members"]] == [id_]


# files


def test_an_import_is_followed_to_its_end(org, hubspot):
    """What it changed is there, what it could not is told by the line."""
    id_ = next(iter(companies(org)))
    columns = [
        {"columnObjectTypeId": "0-2", "columnName": "Record ID", "propertyName": "hs_object_id",
         "columnType": "HUBSPOT_OBJECT_ID"},
        {"columnObjectTypeId": "0-2", "columnName": "city", "propertyName": "city"},
    ]  # fmt: skip
    page = {"hasHeader": True, "columnMappings": columns}
    file = {"fileName": "changes.csv", "fileFormat": "CSV", "fileImportPage": page}
    request = {"name": "By Node", "importOperations": {"0-2": "UPDATE"}, "files": [file]}
    told = hubspot("import", request=request, csv=f"Record ID,city\n{id_},Gera\n5,Gera\n")
    assert (told["ended"]["state"], len(told["errors"])) == ("DONE", 1)
    assert told["errors"][0]["sourceData"]["lineNumber"] == 3
    assert "By Node" in [each["importName"] for each in told["known"]]
    assert companies(org, "city")[id_]["city"] == "Gera"


def test_an_export_is_waited_for_and_fetched(org, hubspot):
    """A file with a line for each company."""
    request = {
        "exportType": "VIEW",
        "format": "CSV",
        "exportName": "All companies",
        "objectType": "COMPANY",
        "objectProperties": ["name"],
        "language": "EN",
        "exportInternalValuesOptions": ["NAMES", "VALUES"],
        "overrideAssociatedObjectsPerDefinitionPerRowLimit": False,
    }
    told = hubspot("export", request=request)
    assert told["status"] == "COMPLETE"
    assert len(told["file"].strip().splitlines()) == 1 + len(companies(org))


# signing in, and being refused


def test_a_code_signs_in_and_the_refresh_token_renews(org, keys, hubspot):
    """By the client's own calls; the second token is good."""
    org.control("hubspot", {"oauth": {"consent": "auto", "pkce": False}})
    told = hubspot(
        "code",
        clientId=keys["client_id"],
        clientSecret=keys["client_secret"],
        redirectUri=keys["redirect_uri"],
        authorizeUrl=keys["authorize_url"],
        scope="oauth crm.objects.companies.read",
    )
    assert told["first"]["accessToken"] != told["second"]["accessToken"]
    assert (told["companies"], told["about"]["hubId"]) == (1, 44810221)


def test_a_bad_value_is_the_client_s_exception(org, asked):
    """400, with the reason in the body as the client reads it."""
    bad = {"id": next(iter(companies(org))), "properties": {"annualrevenue": "much"}}
    told = asked("update", request={"inputs": [bad]})
    assert (told["name"], told["code"]) == ("ApiException", 400)
    assert "INVALID_NUMBER" in told["body"]["message"]


def test_an_unknown_token_is_401(asked):
    """With the category by which clients know that another token is needed."""
    told = asked("page", token="pat-na1-00000000-0000-4000-8000-000000000000")
    assert (told["code"], told["body"]["category"]) == (401, "INVALID_AUTHENTICATION")


def test_a_missing_scope_is_403_and_named(org, asked):
    """Where the client's caller finds it."""
    held = org.control("hubspot")["apps"]["private_app"]["scopes"]
    left = [each for each in held if each != "crm.objects.companies.read"]
    org.control("hubspot", {"app": {"app": "private_app", "scopes": left}})
    token = org.control("credentials")["hubspot"]["private_app_token"]
    told = asked("page", token=token)
    org.control("hubspot", {"app": {"app": "private_app", "scopes": held}})
    assert (told["code"], told["body"]["category"]) == (403, "MISSING_SCOPES")
    context = told["body"]["errors"][0]["context"]
    assert context["requiredGranularScopes"] == ["crm.objects.companies.read"]


def test_what_is_not_there_is_404(asked):
    """A record by its id."""
    assert asked("one", id="5")["code"] == 404


def test_a_limit_is_429_with_what_it_is_about(org, asked):
    """As an error, when the client is not asked to try again."""
    org.control("hubspot", {"limits": {"search": 0}})
    told = asked("search", request=SEARCH)
    assert (told["code"], told["body"]["category"]) == (429, "RATE_LIMITS")


def test_the_client_s_own_retry_gets_through(org, asked, hubspot):
    """Of two searches at once one is refused; the client waits a second by itself."""
    org.control("hubspot", {"limits": {"search": 1}, "forget": True})
    assert len(hubspot("searches", request=SEARCH, retries=3)) == 2
    refused = org.control("hubspot")["limits"]["refused"]
    org.control("hubspot", {"limits": {"search": 500}})
    assert refused["SECONDLY"] >= 1


def test_the_client_tries_again_after_a_bad_moment(org, hubspot):
    """A 502 that passes."""
    bad = {"status": 502, "body": {"status": "error", "message": "Bad Gateway"}}
    fault = {"match": {"path_regex": "objects/companies"}, "do": bad, "times": 1}
    org.control("faults", [fault])
    assert hubspot("page", limit=1, retries=2)["results"]
