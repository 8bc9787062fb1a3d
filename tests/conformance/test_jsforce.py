"""The sandbox through jsforce, the client on which most tools of this world are built."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.sandbox.test_deploy import SCORE, package

from .conftest import HERE, Node, Org

Jsforce = Callable[..., Any]


@pytest.fixture
def jsforce(org: Org, node: Node) -> Jsforce:
    """Does one thing with jsforce and gives what it gave."""

    def done(topic: str, **given: Any) -> Any:
        said = {"topic": topic, "url": org.url, "token": org.token(), **given}
        ended = node.run("node", str(HERE / "jsforce.mjs"), given=said)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return done


def accounts(org: Org, *more: str) -> list[dict[str, Any]]:
    """The accounts there are, by id."""
    return [{"Id": id_, **row} for id_, row in sorted(org.held("Name", *more).items())]


# reading


def test_a_query_comes_page_by_page(org, jsforce):
    """2,000 records and the way to the next; jsforce follows it to the end."""
    org.store.insert("Contact", ["LastName"], [(f"Page {n}",) for n in range(2_500)])
    soql = "SELECT Id FROM Contact"
    first = jsforce("page", soql=soql)
    rest = jsforce("every", soql=soql)
    ids = {each["Id"] for each in rest["records"]}
    assert (len(first["records"]), first["done"]) == (2_000, False)
    assert len(ids) == len(rest["records"]) == first["totalSize"] > 2_000


def test_scan_all_finds_what_was_deleted(org, jsforce):
    """`queryAll` by jsforce's name for it."""
    (made,) = jsforce("create", object="Account", records=[{"Name": "soon gone"}])
    jsforce("destroy", object="Account", ids=[made["id"]])
    soql = f"SELECT IsDeleted FROM Account WHERE Id = '{made['id']}'"
    assert jsforce("every", soql=soql)["records"] == []
    found = jsforce("every", soql=soql, options={"scanAll": True})["records"]
    assert [each["IsDeleted"] for each in found] == [True]


def test_parents_are_nested(org, jsforce):
    """`Owner.Name` is a record in a record."""
    (found,) = jsforce("page", soql="SELECT Owner.Name FROM Account LIMIT 1")["records"]
    assert found["Owner"]["attributes"]["type"] == "User"


def test_a_mistake_in_a_query_is_an_error_with_its_code(jsforce):
    """jsforce's own error, by the code of the answer."""
    refused = jsforce("refused", soql="SELECT Nope FROM Account")
    assert refused["code"] == "INVALID_FIELD"


def test_describe_tells_of_fields(jsforce):
    """Types, lengths and choices, as forms and tools are built from them."""
    fields = {each["name"]: each for each in jsforce("describe", object="Account")["fields"]}
    assert (fields["Id"]["type"], fields["Name"]["nillable"]) == ("id", False)
    assert fields["AnnualRevenue"]["type"] == "currency"


def test_describe_global_lists_the_objects(jsforce):
    """With their id prefixes."""
    found = {each["name"]: each["keyPrefix"] for each in jsforce("objects")["sobjects"]}
    assert (found["Account"], found["Contact"]) == ("001", "003")


def test_limits_and_usage_are_told(jsforce):
    """By the resource, and by the header of every answer."""
    told = jsforce("limits")
    assert told["limits"]["DailyApiRequests"]["Max"] == 15_000
    assert told["usage"]["apiUsage"]["limit"] == 15_000


# writing


def test_collections_create_read_change_and_delete(org, jsforce):
    """The four calls for up to 200 records."""
    rows = [{"Name": f"made {n}"} for n in range(3)]
    ids = [each["id"] for each in jsforce("create", object="Account", records=rows)]
    changed = [{"Id": each, "NumberOfEmployees": 7} for each in ids]
    assert all(each["success"] for each in jsforce("update", object="Account", records=changed))
    read = jsforce("retrieve", object="Account", ids=ids)
    assert [each["NumberOfEmployees"] for each in read] == [7, 7, 7]
    assert all(each["success"] for each in jsforce("destroy", object="Account", ids=ids))
    assert not set(ids) & org.held("Id").keys()


def test_four_hundred_records_go_in_two_calls(org, jsforce):
    """jsforce cuts them to the 200 that a call may hold."""
    rows = [{"Name": f"many {n}"} for n in range(400)]
    org.control("reset-stats", {})
    made = jsforce("create", object="Contact", records=[{"LastName": r["Name"]} for r in rows])
    assert sum(each["success"] for each in made) == 400
    calls = {each["route"]: each["requests"] for each in org.control("stats")["routes"]}
    assert calls["/services/data/{version}/composite/sobjects"] == 2


def test_upsert_changes_what_is_there_and_makes_what_is_not(org, jsforce):
    """By an external id."""
    known = accounts(org, "Customer_Number__c")[0]
    records = [
        {"Customer_Number__c": known["Customer_Number__c"], "Name": "known"},
        {"Customer_Number__c": "K-new", "Name": "new"},
    ]
    result = jsforce("upsert", object="Account", records=records, key="Customer_Number__c")
    assert [each["created"] for each in result] == [False, True]
    assert result[0]["id"] == known["Id"]


def test_one_bad_row_costs_its_neighbours_nothing(org, jsforce):
    """Row by row, with code and message."""
    good = accounts(org)[1]["Id"]
    records = [{"Id": good, "NumberOfEmployees": 9}, {"Id": good[:3] + "x" * 12, "Name": "no"}]
    first, second = jsforce("update", object="Account", records=records)
    assert (first["success"], second["success"]) == (True, False)
    assert second["errors"][0]["statusCode"]


def test_composite_passes_results_on(org, jsforce):
    """`@{made.id}` is the id that the request before it got."""
    body = {
        "allOrNone": True,
        "compositeRequest": [
            {
                "method": "POST",
                "url": "/services/data/v66.0/sobjects/Account",
                "referenceId": "made",
                "body": {"Name": "parent"},
            },
            {
                "method": "POST",
                "url": "/services/data/v66.0/sobjects/Contact",
                "referenceId": "child",
                "body": {"LastName": "Child", "AccountId": "@{made.id}"},
            },
        ],
    }
    parent, child = jsforce("composite", body=body)["compositeResponse"]
    assert (parent["httpStatusCode"], child["httpStatusCode"]) == (201, 201)
    held = org.held("AccountId", object="Contact")[child["body"]["id"]]
    assert held["AccountId"] == parent["body"]["id"]


# Bulk 2.0


def test_a_bulk_query_gives_every_row(org, jsforce):
    """Text as it is, parents by their path, nothing as nothing."""
    rows = jsforce("bulkQuery", soql="SELECT Id, Name, Owner.Name, ParentId FROM Account")
    held = org.held("Name")
    assert {each["Id"]: each["Name"] for each in rows} == {i: r["Name"] for i, r in held.items()}
    assert all(each["Owner.Name"] for each in rows)


def test_a_bulk_query_of_everything_includes_the_deleted(org, jsforce):
    """`queryAll` as a job."""
    (made,) = jsforce("create", object="Account", records=[{"Name": "binned"}])
    jsforce("destroy", object="Account", ids=[made["id"]])
    soql = "SELECT Id, IsDeleted FROM Account"
    rows = jsforce("bulkQuery", soql=soql, options={"scanAll": True})
    assert {each["Id"]: each["IsDeleted"] for each in rows}[made["id"]] == "true"


def test_a_bulk_update_tells_of_good_and_bad_rows(org, jsforce):
    """Every row is found again in one of the three results."""
    good, bad = (each["Id"] for each in accounts(org)[2:4])
    records = [
        {"Id": good, "NumberOfEmployees": "11"},
        {"Id": bad, "NumberOfEmployees": "eleven"},
    ]
    done = jsforce("bulkWrite", object="Account", operation="update", records=records)
    assert [each["sf__Id"] for each in done["successfulResults"]] == [good]
    assert [each["Id"] for each in done["failedResults"]] == [bad]
    assert done["unprocessedRecords"] == []
    assert org.held("NumberOfEmployees")[good]["NumberOfEmployees"] == 11


def test_a_bulk_upsert_makes_and_changes(org, jsforce):
    """`sf__Created` says which."""
    known = accounts(org, "Customer_Number__c")[4]
    records = [
        {"Customer_Number__c": known["Customer_Number__c"], "Name": known["Name"]},
        {"Customer_Number__c": "K-bulk", "Name": "bulk"},
    ]
    done = jsforce(
        "bulkWrite",
        object="Account",
        operation="upsert",
        key="Customer_Number__c",
        records=records,
    )
    created = {e["Customer_Number__c"]: e["sf__Created"] for e in done["successfulResults"]}
    assert created == {known["Customer_Number__c"]: "false", "K-bulk": "true"}


# signing in


def test_a_signed_assertion_signs_in(org, jsforce):
    """JWT bearer by jsforce's own `authorize`; the identity is the user's."""
    claims = {
        "iss": org.keys["client_id"],
        "sub": org.keys["username"],
        "aud": "https://login.salesforce.com",
        "exp": int(time.time()) + 120,
    }
    signed = jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(org.keys["private_key"]))
    found = jsforce("authorize", assertion=signed, clientId=org.keys["client_id"])
    assert found["username"] == org.keys["username"]


def test_a_code_signs_in_and_a_dead_session_is_renewed(org, jsforce):
    """PKCE and the refresh token that came with the code, all by jsforce itself."""
    org.control("oauth", {"consent": "auto", "callbacks": ["http://127.0.0.1:1/back"]})
    done = jsforce(
        "code",
        clientId=org.keys["client_id"],
        clientSecret=org.keys["client_secret"],
        redirectUri="http://127.0.0.1:1/back",
    )
    assert done == {"orgs": 1, "renewed": 1}


def test_identity_says_who_and_which_org(org, jsforce):
    """By the address that the token came with."""
    found = jsforce("identity")
    assert (found["organization_id"], found["username"]) == (
        org.keys["org_id"],
        org.keys["username"],
    )


# metadata


def test_metadata_is_described_listed_and_read(org, jsforce):
    """The three calls with which tools look around."""
    told = jsforce("metadata", field="Account.Customer_Number__c")
    assert {"CustomObject", "PermissionSet"} <= set(told["types"])
    assert "Account.Customer_Number__c" in {each["fullName"] for each in told["fields"]}
    assert (told["field"]["type"], told["field"]["length"]) == ("Text", 30)


@pytest.mark.parametrize("rest", [False, True])
def test_a_package_is_deployed_by_either_interface(org, jsforce, rest):
    """SOAP and REST give the same result."""
    name = f"By_{'rest' if rest else 'soap'}__c"
    content = package(SCORE.replace("Health__c", name), names=(name,))
    done = jsforce(
        "deploy",
        zip=base64.b64encode(content).decode(),
        rest=rest,
        options={"rollbackOnError": True, "singlePackage": True},
    )
    assert (done["status"], done["numberComponentsDeployed"]) == ("Succeeded", 1)
    assert name in org.store.fields("Account")


def test_a_failed_deploy_tells_of_its_components(jsforce):
    """One failure, with its problem."""
    content = package(SCORE.replace("<scale>1</scale>", ""))
    packed = base64.b64encode(content).decode()
    done = jsforce("deploy", zip=packed, rest=True, options={"rollbackOnError": True})
    assert (done["status"], done["numberComponentErrors"]) == ("Failed", 1)
    assert "scale" in done["details"]["componentFailures"][0]["problem"]


def test_custom_fields_are_found_by_tooling(jsforce):
    """The tooling API's own query."""
    soql = "SELECT DeveloperName FROM CustomField WHERE TableEnumOrId = 'Account'"
    names = {each["DeveloperName"] for each in jsforce("tooling", soql=soql)["records"]}
    assert "Customer_Number" in names
