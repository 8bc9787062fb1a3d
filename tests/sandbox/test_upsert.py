"""Records found, changed and added by an external id."""

from __future__ import annotations

import pytest

from connector.sandbox.store import Field

AT = "/sobjects/Account/Key__c"


def test_an_unknown_key_makes_a_record(client):
    """201, and the key is the one of the address."""
    made = client.call("PATCH", f"{AT}/k 1", json={"Name": "New"})
    read = client.call("GET", f"{AT}/k%201?fields=Name,Key__c").json()
    assert (made.status_code, made.json()["created"]) == (201, True)
    assert (read["Name"], read["Key__c"]) == ("New", "k 1")


def test_a_known_key_changes_its_record(client, ids):
    """200, the same id, and nothing is made."""
    client.update({"id": ids["Alpha"], "Key__c": "k1"})
    changed = client.call("PATCH", f"{AT}/k1", json={"Score__c": 4})
    assert changed.status_code == 200
    assert changed.json() == {"id": ids["Alpha"], "success": True, "errors": [], "created": False}


def test_a_key_may_hold_a_slash(client, ids):
    """What is escaped in the address is one value."""
    client.update({"id": ids["Alpha"], "Key__c": "a/b"})
    assert client.call("GET", f"{AT}/a%2Fb").json()["Id"] == ids["Alpha"]


def test_a_key_that_several_have_answers_with_their_addresses(client, ids, store):
    """300 and a list; nothing is written."""
    store.add_field("Account", Field("Group__c", "string", external_id=True))
    client.update({"id": ids["Alpha"], "Group__c": "g"}, {"id": ids["beta"], "Group__c": "g"})
    answer = client.call("PATCH", "/sobjects/Account/Group__c/g", json={"Score__c": 4})
    base = "/services/data/v66.0/sobjects/Account"
    assert (answer.status_code, answer.json()) == (
        300,
        [f"{base}/{ids['Alpha']}", f"{base}/{ids['beta']}"],
    )
    assert len(client.control("GET", "writes")) == 2


def test_the_key_must_not_be_in_the_body_as_well(client):
    """As the real one says it."""
    answer = client.call("PATCH", f"{AT}/k1", json={"Key__c": "k1", "Name": "New"})
    assert answer.json()[0]["errorCode"] == "INVALID_FIELD"


def test_a_field_that_is_no_key_is_an_address_where_nothing_is(client):
    """Name finds nobody."""
    answer = client.call("PATCH", "/sobjects/Account/Name/Alpha", json={"Score__c": 4})
    assert answer.status_code == 404
    assert "Provided external ID field does not exist" in answer.json()[0]["message"]


def test_a_record_can_be_deleted_by_its_key(client, ids):
    """204, and it is in the bin."""
    client.update({"id": ids["Alpha"], "Key__c": "k1"})
    assert client.call("DELETE", f"{AT}/k1").status_code == 204
    assert client.call("GET", f"{AT}/k1").status_code == 404


def upsert(client, *records, key="Key__c"):
    """Many accounts by key."""
    rows = [{"attributes": {"type": "Account"}, **each} for each in records]
    return client.call("PATCH", f"/composite/sobjects/Account/{key}", json={"records": rows}).json()


def test_many_records_are_changed_or_made_by_key(client, ids):
    """Each row tells whether it was new."""
    client.update({"id": ids["Alpha"], "Key__c": "k1"})
    told = upsert(
        client, {"Key__c": "k1", "Score__c": 4}, {"Key__c": "k2", "Name": "New"}, {"Name": "x"}
    )
    assert [each.get("created") for each in told] == [False, True, None]
    assert told[2]["errors"][0]["statusCode"] == "MISSING_ARGUMENT"


def test_the_same_key_twice_in_one_call_fails_the_second_time(client):
    """One record is made."""
    first, second = upsert(client, {"Key__c": "k", "Name": "a"}, {"Key__c": "k", "Name": "b"})
    assert first["success"] is True
    assert second["errors"][0]["statusCode"] == "DUPLICATE_VALUE"


def test_records_are_upserted_by_id_as_well(client, ids):
    """With an id it is a change, without one a new record."""
    told = upsert(client, {"Id": ids["beta"], "Score__c": 4}, {"Id": None, "Name": "n"}, key="Id")
    assert [each["created"] for each in told] == [False, True]


@pytest.mark.parametrize("value", ["nobody", "@", "a@b"])
def test_an_address_that_cannot_be_is_refused(client, value):
    """E-mail fields hold addresses."""
    answer = client.call("POST", "/sobjects/Contact", json={"LastName": "Kay", "Email": value})
    assert answer.json()[0]["errorCode"] == "INVALID_EMAIL_ADDRESS"
