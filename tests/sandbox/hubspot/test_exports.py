"""Exports: asked for, waited for, fetched."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import pytest
import requests

EXPORTS = "/crm/v3/exports/export/async"


@pytest.fixture
def start(account):
    """Asks for an export of companies; its number."""

    def start_(path: str = EXPORTS, **changed: Any) -> str:
        wanted = {
            "exportType": "VIEW",
            "format": "CSV",
            "exportName": "All companies",
            "objectType": "COMPANY",
            "objectProperties": ["name", "type", "createdate"],
            "language": "EN",
            "exportInternalValuesOptions": ["NAMES", "VALUES"],
            **changed,
        }
        return account.post(path, wanted)["id"]

    return start_


@pytest.fixture
def status(account):
    """How far an export is."""
    return lambda id_, path=EXPORTS: account.get(f"{path}/tasks/{id_}/status")


@pytest.fixture
def fetch(account, start, status):
    """Asks for an export and waits for it; its file."""

    def fetch_(**changed: Any) -> requests.Response:
        account.control(exports={"polls": 0})
        answer = requests.get(status(start(**changed))["result"], timeout=10)
        answer.raise_for_status()
        return answer

    return fetch_


def rows(content: bytes) -> list[list[str]]:
    """What a file of an export says."""
    return list(csv.reader(io.StringIO(content.decode())))


@pytest.mark.parametrize("path", [EXPORTS, "/crm/exports/2026-09/export/async"])
def test_an_export_is_pending_then_under_way_then_done(companies, start, status, path):
    """Only then there is an address."""
    id_ = start(path)
    told = [status(id_, path) for _ in range(3)]
    assert [each["status"] for each in told] == ["PENDING", "PROCESSING", "COMPLETE"]
    assert ["result" in each for each in told] == [False, False, True]


def test_the_file_wants_no_token_and_no_tools(companies, fetch):
    """Whoever has the address may read; all that is inside as the API tells it."""
    answer = fetch()
    assert answer.headers["Content-Type"].startswith("text/csv")
    head, *found = rows(answer.content)
    assert head == ["Record ID", "name", "type", "createdate"]
    assert [each[:3] for each in found] == [
        [companies["Alpha"], "Alpha", "PARTNER"],
        [companies["beta"], "beta", ""],
        [companies["Gamma"], "Gamma", "VENDOR"],
    ]
    assert found[0][3].startswith("2026-11-02T08:00")
    assert answer.text.startswith('"Record ID","name"')


def test_labels_are_for_people(companies, fetch):
    """Moments too: to the minute, where the account is."""
    head, alpha, *_ = rows(fetch(exportInternalValuesOptions=[]).content)
    assert head == ["Record ID", "Company name", "Type", "Create date"]
    assert alpha[2:] == ["Partner", "2026-11-02 09:00"]


def test_names_and_values_are_asked_for_one_by_one(companies, fetch):
    """Internal names over labels, or the other way round."""
    head, alpha, *_ = rows(fetch(exportInternalValuesOptions=["NAMES"]).content)
    assert (head[2], alpha[2]) == ("type", "Partner")
    head, alpha, *_ = rows(fetch(exportInternalValuesOptions=["VALUES"]).content)
    assert (head[2], alpha[2]) == ("Type", "PARTNER")


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ([{"propertyName": "annualrevenue", "operator": "GT", "value": "9"}], ["Alpha"]),
        ([{"propertyName": "type", "operator": "NOT_HAS_PROPERTY"}], ["beta"]),
        ([{"propertyName": "name", "operator": "IN", "values": ["alpha"]}], ["Alpha"]),
        ([{"propertyName": "createdate", "operator": "LT", "value": "0"}], []),
    ],
)
def test_a_view_can_be_filtered(companies, fetch, filters, names):
    """A number as a number, a moment as a moment."""
    view = {"filters": filters, "query": "", "sorts": []}
    assert [each[1] for each in rows(fetch(publicCrmSearchRequest=view).content)[1:]] == names


def test_a_list_can_be_exported(account, companies, fetch):
    """Its records and no others."""
    made = {"name": "x", "objectTypeId": "0-2", "processingType": "MANUAL"}
    id_ = account.post("/crm/v3/lists", made)["list"]["listId"]
    account.call("PUT", f"/crm/v3/lists/{id_}/memberships/add", json=[companies["beta"]])
    found = rows(fetch(exportType="LIST", listId=id_).content)
    assert [each[1] for each in found[1:]] == ["beta"]


def test_associated_records_have_a_column(account, companies, fetch):
    """Their ids, joined."""
    ids = []
    for email in ("a@alpha.example", "b@alpha.example"):
        to = {
            "to": {"id": companies["Alpha"]},
            "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}],
        }
        made = {"properties": {"email": email}, "associations": [to]}
        ids.append(account.post("/crm/v3/objects/contacts", made)["id"])
    head, alpha, beta, _ = rows(fetch(associatedObjectType="CONTACT").content)
    assert head[-1] == "Associated Contact IDs"
    assert (alpha[-1], beta[-1]) == (";".join(ids), "")


def test_what_is_long_comes_in_parts_and_packed(account, companies, fetch):
    """Each part has a header; together they have every record once."""
    account.control(exports={"part": 2})
    answer = fetch()
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        parts = [rows(archive.read(name)) for name in archive.namelist()]
    assert [len(each) for each in parts] == [3, 2]
    assert {each[0][0] for each in parts} == {"Record ID"}
    assert [row[0] for each in parts for row in each[1:]] == list(companies.values())


def test_an_address_is_good_for_five_minutes(account, companies, start, status):
    """Then it is refused as the store of files refuses; asking again gives another one."""
    account.control(exports={"polls": 0})
    id_ = start()
    old = status(id_)["result"]
    account.advance("6m")
    answer = requests.get(old, timeout=10)
    assert answer.status_code == 403
    assert "Request has expired" in answer.text
    assert requests.get(status(id_)["result"], timeout=10).ok


def test_one_export_is_worked_on_at_a_time(companies, start, status):
    """The second one waits for the first."""
    first, second = start(), start()
    assert [status(second)["status"] for _ in range(2)] == ["PENDING"] * 2
    assert status(first)["status"] == "COMPLETE"
    assert [status(second)["status"] for _ in range(3)][-1] == "COMPLETE"


def test_there_are_so_many_exports_in_a_day(account, start):
    """One more is refused; a day later there is room."""
    account.control(exports={"daily": 2})
    start(), start()
    wanted = {"exportType": "VIEW", "format": "CSV", "exportName": "x", "objectType": "0-2"}
    assert account.call("POST", EXPORTS, json=wanted).status_code == 429
    account.advance("25h")
    assert account.call("POST", EXPORTS, json=wanted).status_code == 202


@pytest.mark.parametrize(
    "changed",
    [
        {"exportType": "DREAM"},
        {"exportName": ""},
        {"objectType": "unicorns"},
        {"objectProperties": ["colour"]},
        {"exportType": "LIST", "listId": "x"},
        {"publicCrmSearchRequest": {"filters": [{"propertyName": "name", "operator": "NEAR"}]}},
    ],
)
def test_an_export_that_cannot_be_is_refused(account, changed):
    """At once, and it does not count."""
    wanted = {"exportType": "VIEW", "format": "CSV", "exportName": "x", "objectType": "0-2"}
    assert account.call("POST", EXPORTS, json={**wanted, **changed}).status_code == 400
    assert account.control()["exports"]["asked"] == 0


def test_an_export_wants_its_scope_and_that_of_its_records(account):
    """One alone is not enough."""
    wanted = {"exportType": "VIEW", "format": "CSV", "exportName": "x", "objectType": "0-2"}
    for scope in ("crm.export", "crm.objects.companies.read"):
        account.control(app={"scopes": [scope]})
        assert account.call("POST", EXPORTS, json=wanted).status_code == 403
