"""The sandbox through simple-salesforce: reading, writing, jobs, limits, tooling, deploying."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

from tests.sandbox.test_deploy import SCORE, package

from .conftest import Org

#: Seconds between two looks at a job.
WAIT = 0.02


class ToSandbox(HTTPAdapter):
    """Sends to the sandbox whatever is meant for Salesforce; the library knows https alone."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> Any:
        request.url = self.url + request.path_url
        request.headers["Host"] = self.url.removeprefix("http://")
        return super().send(request, *args, **more)


@pytest.fixture
def session(org: Org) -> requests.Session:
    """What the library is given to speak through."""
    session = requests.Session()
    session.mount("https://", ToSandbox(org.url))
    return session


@pytest.fixture
def sf(org: Org, session: requests.Session) -> Salesforce:
    """The library, signed in by a session that it is given."""
    instance = org.url.removeprefix("http://")
    sf = Salesforce(
        instance=instance, session_id=org.token(), session=session, version="66.0", domain="test"
    )
    # the SOAP client inside speaks through a session of its own
    sf.metadata_url = f"{org.url}/services/Soap/m/66.0/"
    return sf


def table(text: str) -> list[dict[str, str]]:
    """The rows of a CSV."""
    return list(csv.DictReader(io.StringIO(text)))


# signing in


def test_a_key_signs_in(org, session, tmp_path):
    """JWT bearer, with the audience of a sandbox."""
    sf = Salesforce(
        username=org.keys["username"],
        consumer_key=org.keys["client_id"],
        privatekey=org.keys["private_key"],
        domain="test",
        session=session,
    )
    assert sf.query("SELECT Id FROM Organization")["totalSize"] == 1


def test_client_credentials_sign_in(org, session):
    """By the company's own domain."""
    sf = Salesforce(
        consumer_key=org.keys["client_id"],
        consumer_secret=org.keys["client_secret"],
        domain="acme.my",
        session=session,
    )
    assert sf.query("SELECT Id FROM Organization")["totalSize"] == 1


def test_a_password_does_not_sign_in(session):
    """SOAP `login()` is switched off, in the words that the library passes on."""
    with pytest.raises(SalesforceAuthenticationFailed, match="disabled by default"):
        Salesforce(username="a", password="b", security_token="c", session=session)


# reading


def test_describe_tells_of_objects_and_fields(sf):
    """All objects, and one in full."""
    assert "Account" in {each["name"] for each in sf.describe()["sobjects"]}
    assert "Customer_Number__c" in {each["name"] for each in sf.Account.describe()["fields"]}


def test_query_all_brings_every_page(org, sf):
    """Two pages, every record once."""
    org.store.insert("Contact", ["LastName"], [(f"Page {n}",) for n in range(2_500)])
    found = sf.query_all("SELECT Id FROM Contact")
    assert found["done"]
    assert len({each["Id"] for each in found["records"]}) == org.count("Contact") > 2_500


def test_query_more_takes_locator_and_address(org, sf):
    """Both ways lead to the same page."""
    org.store.insert("Contact", ["LastName"], [(f"More {n}",) for n in range(2_500)])
    page = sf.query("SELECT Id FROM Contact")
    locator = page["nextRecordsUrl"].rpartition("/")[2]
    by_locator = sf.query_more(locator)
    by_address = sf.query_more(page["nextRecordsUrl"], identifier_is_url=True)
    assert by_locator["records"] == by_address["records"]


def test_deleted_records_are_found_if_wanted(sf):
    """`include_deleted` is `queryAll`."""
    id_ = sf.Account.create({"Name": "soon gone"})["id"]
    sf.Account.delete(id_)
    soql = f"SELECT Id FROM Account WHERE Id = '{id_}'"
    assert sf.query(soql)["totalSize"] == 0
    assert sf.query(soql, include_deleted=True)["totalSize"] == 1


def test_a_wrong_query_raises_the_librarys_error(sf):
    """With the code in its content."""
    with pytest.raises(SalesforceMalformedRequest, match="INVALID_FIELD"):
        sf.query("SELECT Nope FROM Account")


def test_limits_and_usage(sf):
    """The resource, and the header that the library reads."""
    assert sf.limits()["DailyApiRequests"]["Max"] == 15_000
    assert sf.api_usage["api-usage"].total == 15_000


def test_the_org_is_known_for_a_production_one_or_a_sandbox(sf):
    """By a query for the organization."""
    assert sf.is_sandbox() is True


# writing


def test_a_record_is_made_read_changed_and_deleted(sf):
    """The everyday calls."""
    id_ = sf.Account.create({"Name": "made"})["id"]
    assert sf.Account.update(id_, {"NumberOfEmployees": 5}) == 204
    assert sf.Account.get(id_)["NumberOfEmployees"] == 5
    assert sf.Account.delete(id_) == 204
    with pytest.raises(SalesforceResourceNotFound):
        sf.Account.get(id_)


def test_a_record_is_found_and_made_by_external_id(sf):
    """201 for a new one, 200 for one that is there."""
    assert sf.Account.upsert("Customer_Number__c/K-simple", {"Name": "new"}) == 201
    assert sf.Account.upsert("Customer_Number__c/K-simple", {"Name": "known"}) == 200
    assert sf.Account.get_by_custom_id("Customer_Number__c", "K-simple")["Name"] == "known"


def test_collections_change_two_hundred_at_a_time(org, sf):
    """By the library's way to any address."""
    ids = sorted(org.held("Name"))[:200]
    rows = [{"attributes": {"type": "Account"}, "id": e, "NumberOfEmployees": 3} for e in ids]
    done = sf.restful("composite/sobjects", method="PATCH", json={"records": rows})
    assert [each["id"] for each in done if each["success"]] == ids


# Bulk 2.0


def test_a_bulk_query_gives_every_row_in_pages(org, sf):
    """A hundred rows a page, followed by locator."""
    soql = "SELECT Id, Name FROM Account"
    pages = list(sf.bulk2.Account.query(soql, max_records=100, wait=WAIT))
    rows = [row for page in pages for row in table(page)]
    assert len(pages) > 1
    assert {each["Id"]: each["Name"] for each in rows} == {
        id_: row["Name"] for id_, row in org.held("Name").items()
    }


def test_a_bulk_query_includes_the_deleted_if_wanted(sf):
    """`queryAll` as a job."""
    id_ = sf.Account.create({"Name": "binned"})["id"]
    sf.Account.delete(id_)
    (page,) = sf.bulk2.Account.query_all("SELECT Id, IsDeleted FROM Account", wait=WAIT)
    assert {each["Id"]: each["IsDeleted"] for each in table(page)}[id_] == "true"


def test_a_bulk_query_is_downloaded_to_files(org, sf, tmp_path):
    """The sum of the pages is the number of records."""
    done = sf.bulk2.Contact.download(
        "SELECT Id FROM Contact", path=str(tmp_path), max_records=500, wait=WAIT
    )
    rows = [row for each in done for row in table(Path(each["file"]).read_text())]
    assert sum(each["number_of_records"] for each in done) == len(rows) == org.count("Contact")


def test_a_bulk_update_tells_every_rows_fate(org, sf):
    """Good and bad rows, matched by id: the results come in any order."""
    good, bad = sorted(org.held("Name"))[:2]
    records = [
        {"Id": good, "NumberOfEmployees": "21"},
        {"Id": bad, "NumberOfEmployees": "many"},
    ]
    (job,) = sf.bulk2.Account.update(records=records, wait=WAIT)
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (2, 1)
    assert [e["sf__Id"] for e in table(sf.bulk2.Account.get_successful_records(job["job_id"]))] == [
        good
    ]
    (failed,) = table(sf.bulk2.Account.get_failed_records(job["job_id"]))
    assert failed["Id"] == bad
    assert failed["sf__Error"].startswith("INVALID_TYPE_ON_FIELD_IN_RECORD:")
    assert table(sf.bulk2.Account.get_unprocessed_records(job["job_id"])) == []


def test_bulk_makes_and_deletes(org, sf):
    """A hundred new contacts, and gone again."""
    before = org.count("Contact")
    rows = [{"LastName": f"Bulk {n}"} for n in range(100)]
    (job,) = sf.bulk2.Contact.insert(records=rows, wait=WAIT)
    made = [e["sf__Id"] for e in table(sf.bulk2.Contact.get_successful_records(job["job_id"]))]
    assert org.count("Contact") == before + 100
    sf.bulk2.Contact.delete(records=[{"Id": each} for each in made], wait=WAIT)
    assert org.count("Contact") == before


def test_bulk_upserts_by_external_id(sf):
    """`sf__Created` says which were made."""
    sf.Account.create({"Name": "known", "Customer_Number__c": "K-there"})
    rows = [{"Customer_Number__c": key, "Name": key} for key in ("K-there", "K-first")]
    (job,) = sf.bulk2.Account.upsert(
        records=rows, external_id_field="Customer_Number__c", wait=WAIT
    )
    done = table(sf.bulk2.Account.get_successful_records(job["job_id"]))
    assert {each["Customer_Number__c"]: each["sf__Created"] for each in done} == {
        "K-there": "false",
        "K-first": "true",
    }


# metadata


def waited(look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The state of a deploy once it is done."""
    while (found := look())["state"] in ("Pending", "InProgress"):
        pass
    return found


def test_a_package_is_deployed(org, sf):
    """From zip to field, by the library's SOAP."""
    content = package(SCORE.replace("Health__c", "By_simple__c"), names=("By_simple__c",))
    begun = sf.deploy(io.BytesIO(content), sandbox=True)
    done = waited(lambda: sf.checkDeployStatus(begun["asyncId"]))
    assert (done["state"], done["deployment_detail"]["deployed_count"]) == ("Succeeded", "1")
    assert "By_simple__c" in org.store.fields("Account")


def test_a_failed_deploy_says_why(sf):
    """Type, file and message of the component."""
    begun = sf.deploy(io.BytesIO(package(SCORE.replace("<scale>1</scale>", ""))), sandbox=False)
    done = waited(lambda: sf.checkDeployStatus(begun["asyncId"]))
    (error,) = done["deployment_detail"]["errors"]
    assert (done["state"], error["type"], error["file"]) == (
        "Failed",
        "CustomField",
        "objects/Account.object",
    )
    assert "scale" in error["message"]


def test_metadata_is_described_listed_and_read(sf):
    """By the library's typed client, which checks answers against the vendor's WSDL."""
    types = {each.xmlName for each in sf.mdapi.describe_metadata().metadataObjects}
    assert {"CustomObject", "PermissionSet"} <= types
    query = sf.mdapi.ListMetadataQuery(type="CustomField")
    listed = {each.fullName for each in sf.mdapi.list_metadata([query])}
    assert "Account.Customer_Number__c" in listed
    (field,) = [sf.mdapi.CustomField.read("Account.Customer_Number__c")]
    assert (field.type, field.length) == ("Text", 30)


def test_tooling_knows_custom_fields(sf):
    """The tooling API's query."""
    soql = "SELECT+DeveloperName+FROM+CustomField+WHERE+TableEnumOrId='Account'"
    found = sf.toolingexecute(f"query/?q={soql}")
    assert "Customer_Number" in {each["DeveloperName"] for each in found["records"]}
