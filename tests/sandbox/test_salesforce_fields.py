"""Custom fields and who sees them."""

from __future__ import annotations

import pytest

USER, ADMIN = "005000000000001AAA", "005000000000002AAA"
SCORE = {"type": "Number", "label": "Health", "precision": 4, "scale": 1}


@pytest.fixture
def make(client):
    """Makes a custom field."""

    def post(name: str = "Account.Health__c", **metadata):
        body = {"FullName": name, "Metadata": metadata or SCORE}
        return client.call("POST", "/tooling/sobjects/CustomField", json=body)

    return post


@pytest.fixture
def grant(client):
    """Gives the user a permission set with rights to a field."""

    def give(*, edit: bool, user: str = USER):
        made = client.call("POST", "/sobjects/PermissionSet", json={"Name": "W", "Label": "W"})
        permission = {
            "ParentId": made.json()["id"],
            "SobjectType": "Account",
            "Field": "Account.Health__c",
            "PermissionsRead": True,
            "PermissionsEdit": edit,
        }
        client.call("POST", "/sobjects/FieldPermissions", json=permission)
        assigned = {"PermissionSetId": made.json()["id"], "AssigneeId": user}
        return client.call("POST", "/sobjects/PermissionSetAssignment", json=assigned)

    return give


def described(client) -> dict:
    """The fields of the account as the user sees them."""
    fields = client.call("GET", "/sobjects/Account/describe").json()["fields"]
    return {each["name"]: each for each in fields}


def test_a_new_field_is_there_and_invisible(client, make, ids):
    """Absent from describe, unknown to a query, and to an update."""
    assert make().json()["success"]
    assert "Health__c" not in described(client)
    asked = client.query("SELECT Health__c FROM Account")
    (written,) = client.update({"id": ids["Alpha"], "Health__c": 1})
    assert asked[0]["errorCode"] == written["errors"][0]["statusCode"] == "INVALID_FIELD"


def test_a_permission_set_makes_a_field_visible_and_writable(client, make, grant, ids):
    """Set, permission, assignment: only all three together do."""
    make()
    grant(edit=True)
    assert described(client)["Health__c"]["precision"] == 4
    (written,) = client.update({"id": ids["Alpha"], "Health__c": 1})
    assert written["success"]


def test_a_field_that_may_only_be_read_cannot_be_written(client, make, grant, ids):
    """Visible, and refused with another code than an invisible one."""
    make()
    grant(edit=False)
    (written,) = client.update({"id": ids["Alpha"], "Health__c": 1})
    assert written["errors"][0]["statusCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_a_permission_set_that_is_not_assigned_shows_nothing(client, make):
    """The user is not in it."""
    make()
    parent = client.call("POST", "/sobjects/PermissionSet", json={"Name": "V", "Label": "V"})
    body = {
        "ParentId": parent.json()["id"],
        "SobjectType": "Account",
        "Field": "Account.Health__c",
        "PermissionsRead": True,
    }
    assert client.call("POST", "/sobjects/FieldPermissions", json=body).status_code == 201
    assert "Health__c" not in described(client)


def test_a_permission_set_of_somebody_else_shows_nothing(client, make, grant):
    """What the administrator may see is the administrator's."""
    make()
    assert grant(edit=True, user=ADMIN).status_code == 201
    assert "Health__c" not in described(client)


def test_the_same_permission_twice_is_a_duplicate(client, make, grant):
    """As is the same assignment."""
    make()
    grant(edit=True)
    parent = client.query("SELECT ParentId FROM FieldPermissions")["records"][0]["ParentId"]
    body = {
        "ParentId": parent,
        "SobjectType": "Account",
        "Field": "Account.Health__c",
        "PermissionsRead": True,
    }
    answer = client.call("POST", "/sobjects/FieldPermissions", json=body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "DUPLICATE_VALUE")


def test_edit_without_read_makes_no_sense(client, make):
    """And is refused."""
    make()
    parent = client.call("POST", "/sobjects/PermissionSet", json={"Name": "V", "Label": "V"})
    body = {
        "ParentId": parent.json()["id"],
        "SobjectType": "Account",
        "Field": "Account.Health__c",
        "PermissionsEdit": True,
    }
    answer = client.call("POST", "/sobjects/FieldPermissions", json=body)
    assert answer.json()[0]["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"


def test_a_seeded_field_can_be_hidden(client):
    """As an administrator does by mistake."""
    client.control("POST", "fls", json={"object": "Account", "field": "Score__c", "read": False})
    assert "Score__c" not in described(client)
    client.control("POST", "fls", json={"object": "Account", "field": "Score__c", "read": True})
    assert "Score__c" in described(client)


def test_a_field_granted_by_a_set_can_be_hidden_again(client, make, grant):
    """The control is stronger than the permission set."""
    make()
    grant(edit=True)
    client.control("POST", "fls", json={"object": "Account", "field": "Health__c", "read": False})
    assert "Health__c" not in described(client)


@pytest.mark.parametrize(
    ("metadata", "kind"),
    [
        (SCORE, "double"),
        ({"type": "Text", "label": "T", "length": 100}, "string"),
        ({"type": "LongTextArea", "label": "T", "length": 5_000, "visibleLines": 3}, "textarea"),
        ({"type": "Date", "label": "T"}, "date"),
        ({"type": "DateTime", "label": "T"}, "datetime"),
        ({"type": "Checkbox", "label": "T", "defaultValue": False}, "boolean"),
        ({"type": "Percent", "label": "T", "precision": 5, "scale": 2}, "percent"),
        ({"type": "Currency", "label": "T", "precision": 18, "scale": 2}, "currency"),
    ],
)
def test_every_kind_of_field_can_be_made(client, make, metadata, kind):
    """And describe tells its type once it is visible."""
    make(**metadata)
    client.control("POST", "fls", json={"object": "Account", "field": "Health__c"})
    assert described(client)["Health__c"]["type"] == kind


def test_a_restricted_picklist_keeps_to_its_values(client, make, ids):
    """The values are those of the metadata."""
    values = [{"fullName": each, "label": each, "default": False} for each in ("Good", "Bad")]
    definition = {"sorted": False, "value": values}
    make(
        type="Picklist", label="T", valueSet={"restricted": True, "valueSetDefinition": definition}
    )
    client.control("POST", "fls", json={"object": "Account", "field": "Health__c"})
    results = [
        client.update({"id": ids["Alpha"], "Health__c": each})[0] for each in ("Good", "Ugly")
    ]
    assert [each["success"] for each in results] == [True, False]


@pytest.mark.parametrize(
    ("name", "metadata", "code"),
    [
        ("Account.Score__c", SCORE, "DUPLICATE_DEVELOPER_NAME"),
        ("Account.Health", SCORE, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.Hea__lth__c", SCORE, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.1st__c", SCORE, "FIELD_INTEGRITY_EXCEPTION"),
        ("Nope.Health__c", SCORE, "INVALID_CROSS_REFERENCE_KEY"),
        ("Account.H__c", {"type": "Colour", "label": "T"}, "JSON_PARSER_ERROR"),
        ("Account.H__c", {"type": "Date"}, "REQUIRED_FIELD_MISSING"),
        ("Account.H__c", {"type": "Number", "label": "T"}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.H__c", {**SCORE, "scale": 9}, "FIELD_INTEGRITY_EXCEPTION"),
        (
            "Account.H__c",
            {"type": "Text", "label": "T", "length": 256},
            "FIELD_INTEGRITY_EXCEPTION",
        ),
        ("Account.H__c", {"type": "Picklist", "label": "T"}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.H__c", {"type": "Checkbox", "label": "T"}, "FIELD_INTEGRITY_EXCEPTION"),
    ],
)
def test_a_field_that_cannot_be_is_refused(make, name, metadata, code):
    """Code by code."""
    answer = make(name, **metadata)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_a_user_who_may_not_customise_is_refused(client, make):
    """403; the daily user should not have this right."""
    client.control("POST", "rights", json={"CustomizeApplication": False})
    answer = make()
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (403, "INSUFFICIENT_ACCESS")


def test_a_field_is_found_changed_and_removed(client, make):
    """By query, by its id, and gone in the end."""
    id_ = make().json()["id"]
    asked = "SELECT Id, DeveloperName FROM CustomField WHERE TableEnumOrId = 'Account'"
    found = client.call("GET", "/tooling/query", params={"q": asked}).json()["records"]
    assert {"Score", "Health"} <= {each["DeveloperName"] for each in found}
    at = f"/tooling/sobjects/CustomField/{id_}"
    assert client.call("PATCH", at, json={"Metadata": {**SCORE, "label": "Now"}}).status_code == 204
    assert client.call("GET", at).json()["Metadata"]["label"] == "Now"
    assert client.call("DELETE", at).status_code == 204
    assert client.call("GET", at).status_code == 404


def test_the_type_of_a_field_stays(client, make):
    """A number with values does not become a text."""
    at = f"/tooling/sobjects/CustomField/{make().json()['id']}"
    body = {"Metadata": {"type": "Text", "label": "T", "length": 10}}
    assert client.call("PATCH", at, json=body).json()[0]["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"


def test_definitions_of_fields_can_be_asked_for(client):
    """By object, with their types."""
    asked = (
        "SELECT QualifiedApiName, DataType FROM FieldDefinition"
        " WHERE EntityDefinition.QualifiedApiName = 'Account' AND QualifiedApiName = 'Score__c'"
    )
    (row,) = client.call("GET", "/tooling/query", params={"q": asked}).json()["records"]
    assert row["DataType"] == "double"


def test_what_metadata_says_of_a_field_is_told_again(client, make):
    """History, description, help: a tool that reads it back finds what it wrote."""
    told = {"trackHistory": True, "description": "d", "inlineHelpText": "h"}
    at = f"/tooling/sobjects/CustomField/{make(**SCORE, **told).json()['id']}"
    have = client.call("GET", at).json()["Metadata"]
    assert {key: have[key] for key in told} == told


def test_a_value_left_out_of_a_list_is_switched_off(client, make, ids):
    """It is not gone: records may hold it, and it can be switched on again."""

    def listed(*names: str, **more):
        values = [{"valueName": each, "label": each, **more} for each in names]
        definition = {"sorted": False, "value": values}
        value_set = {"restricted": True, "valueSetDefinition": definition}
        return {"type": "Picklist", "label": "T", "valueSet": value_set}

    def values() -> dict[str, bool]:
        have = client.call("GET", at).json()["Metadata"]["valueSet"]["valueSetDefinition"]
        return {each["valueName"]: each["isActive"] for each in have["value"]}

    at = f"/tooling/sobjects/CustomField/{make(**listed('A', 'B')).json()['id']}"
    client.control("POST", "fls", json={"object": "Account", "field": "Health__c"})
    client.call("PATCH", at, json={"Metadata": listed("A")})
    assert values() == {"A": True, "B": False}
    assert not client.update({"id": ids["Alpha"], "Health__c": "B"})[0]["success"]
    client.call("PATCH", at, json={"Metadata": listed("A", "B", isActive=True)})
    assert values() == {"A": True, "B": True}


def test_a_user_is_told_its_own_rights(client):
    """All of them, unless they were taken away."""
    client.control("POST", "rights", json={"ModifyMetadata": False})
    asked = "SELECT PermissionsCustomizeApplication, PermissionsModifyMetadata"
    (row,) = client.query(f"{asked} FROM UserPermissionAccess")["records"]
    assert (row["PermissionsCustomizeApplication"], row["PermissionsModifyMetadata"]) == (
        True, False,
    )  # fmt: skip


@pytest.mark.parametrize("right", ["CustomizeApplication", "ModifyMetadata"])
def test_making_a_field_takes_both_rights(client, make, right):
    """One alone is not enough."""
    client.control("POST", "rights", json={right: False})
    assert make().json()[0]["errorCode"] == "INSUFFICIENT_ACCESS"


def test_permission_sets_take_a_right_of_their_own(client, make, grant):
    """As does assigning them."""
    client.control("POST", "rights", json={"AssignPermissionSets": False})
    make()
    assert grant(edit=True).json()[0]["errorCode"] == "INSUFFICIENT_ACCESS"
    client.control("POST", "rights", json={"ManageProfilesPermissionsets": False})
    answer = client.call("POST", "/sobjects/PermissionSet", json={"Name": "V", "Label": "V"})
    assert answer.json()[0]["errorCode"] == "INSUFFICIENT_ACCESS"


@pytest.mark.parametrize("name", ["Name", "Id", "OwnerId", "Nowhere__c"])
def test_a_field_that_everybody_sees_cannot_be_granted(client, name):
    """Required and system fields have no security of their own."""
    parent = client.call("POST", "/sobjects/PermissionSet", json={"Name": "V", "Label": "V"})
    body = {
        "ParentId": parent.json()["id"],
        "SobjectType": "Account",
        "Field": f"Account.{name}",
        "PermissionsRead": True,
    }
    answer = client.call("POST", "/sobjects/FieldPermissions", json=body)
    assert answer.json()[0]["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_definitions_tell_whether_a_field_can_be_granted(client, make):
    """Of hidden fields, too."""
    make()
    asked = (
        "SELECT QualifiedApiName, IsFlsEnabled FROM FieldDefinition"
        " WHERE EntityDefinition.QualifiedApiName = 'Account'"
        " AND QualifiedApiName IN ('Health__c', 'Name')"
    )
    rows = client.call("GET", "/tooling/query", params={"q": asked}).json()["records"]
    told = {each["QualifiedApiName"]: each["IsFlsEnabled"] for each in rows}
    assert told == {"Health__c": True, "Name": False}
