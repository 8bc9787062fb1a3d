"""What a user may do with an object as a whole, and what the org says when they may not."""

from __future__ import annotations

from typing import Any

import pytest

NEEDED = {"Case": ("Account", "Contact"), "Contact": ("Account",)}


def names(client) -> set[str]:
    """The objects that the user is told of."""
    return {each["name"] for each in client.call("GET", "/sobjects").json()["sobjects"]}


def described(client, name: str) -> Any:
    return client.call("GET", f"/sobjects/{name}/describe")


def close(client, name: str, **given: bool) -> None:
    client.control("POST", "fls", json={"object": name, "read": False, **given})


def a_set(client) -> str:
    """A permission set that the user has."""
    body = {"Name": "Ours", "Label": "Ours"}
    made = client.call("POST", "/sobjects/PermissionSet", json=body).json()["id"]
    user = client.query("SELECT Id FROM User WHERE Username LIKE 'integration@%'")["records"][0]
    body = {"PermissionSetId": made, "AssigneeId": user["Id"]}
    client.call("POST", "/sobjects/PermissionSetAssignment", json=body)
    return made


def allow(client, holder: str, name: str, **rights: bool) -> Any:
    body = {"ParentId": holder, "SobjectType": name, "PermissionsRead": True, **rights}
    return client.call("POST", "/sobjects/ObjectPermissions", json=body)


def test_an_object_that_may_not_be_read_is_not_there(client):
    """Neither in the list of objects nor by its name, nor as a parent of others."""
    close(client, "Account")
    assert "Account" not in names(client)
    assert described(client, "Account").status_code == 404
    for soql in ("SELECT Id FROM Account", "SELECT Account.Name FROM Contact"):
        answer = client.call("GET", "/query", params={"q": soql})
        assert answer.json()[0]["errorCode"] in {"INVALID_TYPE", "INVALID_FIELD"}
    job = {"operation": "query", "query": "SELECT Id FROM Account"}
    assert client.call("POST", "/jobs/query", json=job).json()[0]["errorCode"] == "INVALID_TYPE"


def test_an_object_that_may_only_be_read_refuses_every_row(client, ids):
    """Describe says so beforehand, of the object and of each field."""
    close(client, "Account", read=True, edit=False)
    told = described(client, "Account").json()
    assert not any([told["updateable"], told["createable"], told["deletable"]])
    assert not any(each["updateable"] for each in told["fields"])
    id_ = client.query("SELECT Id FROM Account LIMIT 1")["records"][0]["Id"]
    row = {"attributes": {"type": "Account"}, "id": id_, "Industry": "x"}
    (done,) = client.update(row)
    assert done["errors"][0]["statusCode"] == "INSUFFICIENT_ACCESS_OR_READONLY"
    made = client.call("POST", "/sobjects/Account", json={"Name": "x"}).json()[0]
    assert made["errorCode"] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    gone = client.call("DELETE", f"/sobjects/Account/{id_}").json()[0]
    assert gone["errorCode"] == "INSUFFICIENT_ACCESS_OR_READONLY"


def test_a_permission_set_opens_an_object_to_whoever_has_it(client):
    """To read, or to read and change; nothing more."""
    close(client, "Account")
    holder = a_set(client)
    row = allow(client, holder, "Account").json()["id"]
    assert not described(client, "Account").json()["updateable"]
    client.call("PATCH", f"/sobjects/ObjectPermissions/{row}", json={"PermissionsEdit": True})
    told = described(client, "Account").json()
    assert (told["updateable"], told["createable"]) == (True, False)


def test_a_user_who_begins_with_nothing_has_what_sets_give(client):
    """Objects and fields alike; what has no permissions of its own is there."""
    who = {"username": "integration@sandbox.example", "bare": True}
    client.control("POST", "users", json=who)
    assert {"Account", "Contact", "Case"}.isdisjoint(names(client))
    assert {"Task", "User"} <= names(client)
    allow(client, a_set(client), "Account")
    fields = {each["name"] for each in described(client, "Account").json()["fields"]}
    assert {"Id", "Name"} <= fields
    assert "Industry" not in fields


@pytest.mark.parametrize("name", ["Task", "User", "EmailMessage", "Nothing__c", "FieldPermissions"])
def test_only_objects_with_permissions_of_their_own_can_be_granted(client, name):
    """The others follow the record that they hang on; describe lists those that can."""
    answer = allow(client, a_set(client), name).json()[0]
    assert answer["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    fields = {e["name"]: e for e in described(client, "ObjectPermissions").json()["fields"]}
    listed = [each["value"] for each in fields["SobjectType"]["picklistValues"]]
    assert "Account" in listed
    assert name not in listed


@pytest.mark.parametrize("name", NEEDED)
def test_reading_an_object_takes_reading_what_it_belongs_to(client, name):
    """The parent first, then the child."""
    holder = a_set(client)
    answer = allow(client, holder, name).json()[0]
    assert answer["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    needed = ", ".join(f"Read {each}" for each in NEEDED[name])
    assert answer["message"] == f"Permission Read {name} depends on permission(s): {needed}"
    for each in (*NEEDED[name], name):
        assert allow(client, holder, each).status_code == 201


def test_changing_takes_reading(client):
    """As the form in Setup ticks both."""
    answer = allow(client, a_set(client), "Account", PermissionsRead=False, PermissionsEdit=True)
    said = "Permission Edit Account depends on permission(s): Read Account"
    assert answer.json()[0]["message"] == said


def test_an_object_is_granted_once_by_a_set(client):
    """A second row would say something else."""
    holder = a_set(client)
    allow(client, holder, "Account")
    assert allow(client, holder, "Account").json()[0]["errorCode"] == "DUPLICATE_VALUE"
