"""Accounts that are people, made and changed through the API."""

from __future__ import annotations

import pytest

from connector.sandbox.store import Field

SOQL = (
    "SELECT Id, Name, FirstName, LastName, PersonEmail, Hobby__pc, IsPersonAccount,"
    " RecordType.DeveloperName, PersonContact.Id, PersonContact.AccountId, PersonContact.Name,"
    " PersonContact.Email, PersonContact.Hobby__c, PersonContact.IsPersonAccount FROM Account"
)


@pytest.fixture(autouse=True)
def people(client, store):
    """An org in which accounts can be people, and nobody is one yet but Alpha."""
    for each in (
        Field("FirstName", "string", length=40),
        Field("Name", "string", createable=False, updateable=False),
        Field("Hobby__c", "string", length=80),
    ):
        store.add_field("Contact", each)
    told = client.control("POST", "org", json={"person_accounts": 1})
    assert told["person_accounts"] == 1, told


def made(client, **values):
    """A new account by API, as a query finds it."""
    answer = client.call("POST", "/sobjects/Account", json=values)
    assert answer.status_code == 201, answer.text
    return found(client, answer.json()["id"])


def found(client, id_):
    """An account as a query finds it."""
    (row,) = client.query(f"{SOQL} WHERE Id = '{id_}'")["records"]
    return row


def error(client, **values):
    """Code and fields of the refusal of a new account."""
    (told,) = client.call("POST", "/sobjects/Account", json=values).json()
    return told["errorCode"], told["fields"]


def record_type(client, **more):
    """A record type of accounts."""
    wanted = {"object": "Account", **more}
    return client.control("POST", "record-types", json=wanted)["id"]


def test_a_last_name_without_a_name_makes_a_person(client):
    """With a name made of both, the record type of people, and a contact of its own."""
    row = made(client, FirstName="Ada", LastName="Kay", PersonEmail="ada@kay.de", Hobby__pc="Go")
    assert (row["Name"], row["IsPersonAccount"]) == ("Ada Kay", True)
    assert row["RecordType"]["DeveloperName"] == "PersonAccount"
    contact = row["PersonContact"]
    assert (contact["AccountId"], contact["IsPersonAccount"]) == (row["Id"], True)
    assert (contact["Name"], contact["Email"], contact["Hobby__c"]) == (
        "Ada Kay", "ada@kay.de", "Go")  # fmt: skip


def test_a_name_makes_a_company_as_before(client):
    """No contact, and no record type but what was given."""
    row = made(client, Name="Kay AG")
    assert (row["IsPersonAccount"], row["PersonContact"], row["RecordType"]) == (False, None, None)


def test_the_record_type_decides(client):
    """One for people makes a person, another a company."""
    patient = record_type(client, name="Patient", person=True)
    partner = record_type(client, name="Partner")
    assert made(client, LastName="Kay", RecordTypeId=patient)["IsPersonAccount"] is True
    assert made(client, Name="Kay", RecordTypeId=partner)["IsPersonAccount"] is False
    wrong = ("INVALID_FIELD_FOR_INSERT_UPDATE", ["LastName"])
    assert error(client, Name="Kay", LastName="Kay", RecordTypeId=partner) == wrong
    wrong = ("INVALID_FIELD_FOR_INSERT_UPDATE", ["Name"])
    assert error(client, Name="Kay", LastName="Kay", RecordTypeId=patient) == wrong
    missing = ("REQUIRED_FIELD_MISSING", ["LastName"])
    assert error(client, FirstName="Ada", RecordTypeId=patient) == missing


def test_without_a_record_type_a_first_name_belongs_to_nobody(client):
    """Neither name nor last name: the account has no name."""
    assert error(client, Name="Kay", FirstName="Ada") == (
        "INVALID_FIELD_FOR_INSERT_UPDATE", ["FirstName"])  # fmt: skip
    assert error(client, Industry="Retail") == ("REQUIRED_FIELD_MISSING", ["Name"])


def test_whether_it_is_a_person_cannot_be_written(client):
    """The flag and the contact follow from the rest."""
    code, fields = error(client, LastName="Kay", IsPersonAccount=True)
    assert (code, fields) == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["IsPersonAccount"])


def test_a_person_is_renamed_by_first_and_last_name(client):
    """Not by name, and never to nothing."""
    row = made(client, FirstName="Ada", LastName="Kay")
    told = client.update({"id": row["Id"], "LastName": "May", "PersonEmail": "a@may.de"})
    assert told[0]["success"] is True
    after = found(client, row["Id"])
    assert (after["Name"], after["PersonContact"]["Name"]) == ("Ada May", "Ada May")
    assert after["PersonContact"]["Email"] == "a@may.de"
    for change, code in (
        ({"Name": "x"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"LastName": None}, "REQUIRED_FIELD_MISSING"),
    ):
        (told,) = client.update({"id": row["Id"], **change})
        assert told["errors"][0]["statusCode"] == code


def test_what_the_contact_says_the_account_says(client, store):
    """One person, whichever side is written; the account's stamp moves too."""
    row = made(client, FirstName="Ada", LastName="Kay")
    store.db.execute("update Account set SystemModstamp = '2026-01-01T00:00:00.000+0000'")
    at = f"/sobjects/Contact/{row['PersonContact']['Id']}"
    change = {"Email": "new@kay.de", "FirstName": "Eva", "Hobby__c": "Go"}
    assert client.call("PATCH", at, json=change).status_code == 204
    after = found(client, row["Id"])
    assert (after["PersonEmail"], after["Name"], after["Hobby__pc"]) == (
        "new@kay.de", "Eva Kay", "Go")  # fmt: skip
    recent = "SELECT COUNT() FROM Account WHERE SystemModstamp > 2026-01-02T00:00:00Z"
    assert client.query(recent)["totalSize"] == 1


def test_collections_make_people_and_companies(client):
    """Each row by what it says."""
    rows = [
        {"attributes": {"type": "Account"}, "LastName": "Kay"},
        {"attributes": {"type": "Account"}, "Name": "Kay AG"},
        {"attributes": {"type": "Account"}, "Name": "Kay", "LastName": "Kay"},
    ]
    told = client.call("POST", "/composite/sobjects", json={"records": rows}).json()
    assert [each["success"] for each in told] == [True, True, False]
    ids = [each["id"] for each in told[:2]]
    assert [found(client, each)["IsPersonAccount"] for each in ids] == [True, False]


def run(client, operation, data):
    """A bulk job to its end: the rows that failed, as text."""
    body = {"object": "Account", "operation": operation, "contentType": "CSV"}
    job = client.call("POST", "/jobs/ingest", json=body).json()["id"]
    at = f"/jobs/ingest/{job}"
    client.call("PUT", f"{at}/batches", data=data, headers={"Content-Type": "text/csv"})
    client.call("PATCH", at, json={"state": "UploadComplete"})
    states = [client.call("GET", at).json()["state"] for _ in range(2)]
    assert states[-1] == "JobComplete"
    return client.call("GET", f"{at}/failedResults").text


def test_bulk_makes_and_changes_people(client):
    """The same rules as for one record, told by row."""
    failed = run(client, "insert", "Name,FirstName,LastName\n,Ada,Kay\nKay AG,,\nx,,Kay\n")
    assert failed.count("INVALID_FIELD_FOR_INSERT_UPDATE") == 1
    (ada,) = client.query(f"{SOQL} WHERE Name = 'Ada Kay'")["records"]
    failed = run(client, "update", f"Id,LastName,PersonEmail\n{ada['Id']},May,a@may.de\n")
    after = found(client, ada["Id"])
    assert (after["Name"], after["PersonContact"]["Email"]) == ("Ada May", "a@may.de")
    failed = run(client, "update", f"Id,Name\n{ada['Id']},Eva\n")
    assert "Account: bad field names on insert/update call: Name:Name --" in failed


def test_a_person_has_one_contact(client):
    """Nobody else works there, and the person is not deleted without the account."""
    row = made(client, LastName="Kay")
    contact = {"LastName": "Else", "AccountId": row["Id"]}
    answer = client.call("POST", "/sobjects/Contact", json=contact)
    assert answer.json()[0]["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    own = f"/sobjects/Contact/{row['PersonContact']['Id']}"
    assert client.call("DELETE", own).json()[0]["errorCode"] == "DELETE_FAILED"
    assert client.call("DELETE", f"/sobjects/Account/{row['Id']}").status_code == 204
    assert client.call("GET", own).status_code == 404


def test_record_types_tell_whether_they_are_for_people(client):
    """As the real org's do once accounts can be people."""
    record_type(client, name="Partner")
    soql = "SELECT DeveloperName, IsPersonType FROM RecordType WHERE SobjectType = 'Account'"
    told = {each["DeveloperName"]: each["IsPersonType"] for each in client.query(soql)["records"]}
    assert told == {"PersonAccount": True, "Partner": False}
