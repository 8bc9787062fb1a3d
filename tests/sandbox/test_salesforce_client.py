"""The sandbox through the eyes of simple-salesforce."""

from __future__ import annotations

import pytest
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceExpiredSession, SalesforceMalformedRequest


@pytest.fixture
def sf(client) -> Salesforce:
    """The library, told that this instance speaks plain http."""
    sf = Salesforce(
        instance=client.url.removeprefix("http://"), session_id=client.token, version="66.0"
    )
    for name in (
        "base_url",
        "apex_url",
        "bulk_url",
        "bulk2_url",
        "metadata_url",
        "tooling_url",
        "oauth2_url",
    ):
        setattr(sf, name, getattr(sf, name).replace("https://", "http://"))
    return sf


def test_a_query_gives_records(sf):
    """Parents nested."""
    found = sf.query("SELECT Id, Parent.Name FROM Account WHERE Name = 'beta'")
    assert found["records"][0]["Parent"]["Name"] == "Alpha"


def test_a_query_is_followed_page_by_page(sf, store):
    """`query_more` by locator until it is done."""
    store.insert("Account", ["Name"], [(f"m{n}",) for n in range(2_500)])
    page = sf.query("SELECT Id FROM Account")
    rest = sf.query_more(page["nextRecordsUrl"].rpartition("/")[2])
    assert (len(page["records"]), len(rest["records"]), rest["done"]) == (2_000, 504, True)


def test_query_all_includes_the_bin(sf):
    """As the library asks for it."""
    assert sf.query("SELECT Id FROM Account", include_deleted=True)["totalSize"] == 5


def account(sf: Salesforce):
    """The library's account, which speaks https too unless it is told."""
    found = sf.Account
    found.base_url = found.base_url.replace("https://", "http://")
    return found


def test_a_record_is_described_changed_and_read(sf, ids):
    """The everyday calls."""
    assert account(sf).describe()["keyPrefix"] == "001"
    assert account(sf).update(ids["Alpha"], {"Score__c": 12.3}) == 204
    assert account(sf).get(ids["Alpha"])["Score__c"] == 12.3


def test_collections_go_through_restful(sf, ids):
    """Up to 200 rows in a call."""
    rows = [{"attributes": {"type": "Account"}, "id": ids["Alpha"], "Score__c": 1}]
    (result,) = sf.restful("composite/sobjects", method="PATCH", json={"records": rows})
    assert result == {"id": ids["Alpha"], "success": True, "errors": []}


def test_a_wrong_query_is_the_librarys_malformed_request(sf):
    """Its own exception, by the status."""
    with pytest.raises(SalesforceMalformedRequest, match="INVALID_FIELD"):
        sf.query("SELECT Nope FROM Account")


def test_an_ended_session_is_the_librarys_expired_session(sf, client):
    """Its own exception, by the status."""
    client.control("POST", "expire-tokens")
    with pytest.raises(SalesforceExpiredSession):
        sf.query("SELECT Id FROM Account")


def test_the_library_learns_the_usage(sf):
    """From the header of every answer."""
    sf.query("SELECT Id FROM Account")
    assert sf.api_usage["api-usage"].total == 15_000
