"""What the org tells of a statement and of itself, before anything is read."""

from __future__ import annotations

import pytest
import requests


def columns(client, soql: str) -> list[dict]:
    answer = client.call("GET", "/query", params={"q": soql, "columns": "true"})
    return answer.json()["columnMetadata"]


def test_the_columns_of_a_statement_are_told_in_its_order(client):
    """With their types, and without running it."""
    told = columns(client, "SELECT Name, Score__c, Active__c FROM Account")
    kinds = [(e["columnName"], e["textType"], e["numberType"], e["booleanType"]) for e in told]
    assert kinds == [
        ("Name", True, False, False),
        ("Score__c", False, True, False),
        ("Active__c", False, False, True),
    ]


def test_a_parents_columns_lie_in_the_parent(client):
    """Once, however many of its fields are shown."""
    told = columns(client, "SELECT Parent.Name, Parent.Owner.Name, Parent.Industry FROM Account")
    (parent,) = told
    inside = [each["columnName"] for each in parent["joinColumns"]]
    assert (parent["columnName"], inside) == ("Parent", ["Name", "Owner", "Industry"])


def test_an_aggregate_is_a_column_of_its_own(client):
    """By the name under which its value comes."""
    (told,) = columns(client, "SELECT COUNT(Id) many FROM Account")
    assert (told["columnName"], told["aggregate"]) == ("many", True)


def test_a_wrong_statement_has_no_columns(client):
    """It is refused as if it were run."""
    answer = client.call("GET", "/query", params={"q": "SELECT No FROM Account", "columns": "true"})
    assert answer.json()[0]["errorCode"] == "INVALID_FIELD"


@pytest.mark.parametrize(
    ("version", "label"), [("31.0", "Summer '14"), ("59.0", "Winter '24"), ("68.0", "Winter '27")]
)
def test_versions_have_the_name_of_their_season(url, version, label):
    """Those below 31 are gone."""
    told = {
        e["version"]: e["label"] for e in requests.get(f"{url}/services/data", timeout=10).json()
    }
    assert (told[version], "30.0" in told) == (label, False)


def test_the_resources_lead_to_who_i_am(client):
    """The address that clients follow to the user."""
    identity = client.call("GET", "/").json()["identity"]
    answer = requests.get(identity, headers={"Authorization": f"Bearer {client.token}"}, timeout=10)
    assert answer.json()["username"] == "integration@sandbox.example"
