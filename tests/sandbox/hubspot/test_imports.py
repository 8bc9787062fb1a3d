"""Imports: files that become records, row by row."""

from __future__ import annotations

import json
from typing import Any

import pytest

IMPORTS = "/crm/v3/imports"
COMPANIES = "/crm/v3/objects/companies"
BY_ID = {
    "columnName": "Record ID",
    "propertyName": "hs_object_id",
    "columnType": "HUBSPOT_OBJECT_ID",
}


def column(name: str, **more: str) -> dict[str, str]:
    """A column that has the name of its property."""
    return {"columnName": name, "propertyName": name, **more}


@pytest.fixture
def send(account):
    """Sends a file of companies; the answer."""

    def send_(
        columns: list[dict[str, Any]],
        *rows: str,
        path: str = IMPORTS,
        type_: str = "0-2",
        **changed: Any,
    ) -> Any:
        mappings = [{"columnObjectTypeId": type_, **each} for each in columns]
        head = ",".join(each["columnName"] for each in columns)
        wanted = {
            "name": "Scores",
            "importOperations": {type_: "UPSERT"},
            "dateFormat": "DAY_MONTH_YEAR",
            "files": [
                {
                    "fileName": "scores.csv",
                    "fileFormat": "CSV",
                    "fileImportPage": {"hasHeader": True, "columnMappings": mappings},
                }
            ],
            **changed,
        }
        file = ("scores.csv", "\r\n".join([head, *rows]), "text/csv")
        form = {"importRequest": json.dumps(wanted)}
        return account.call("POST", path, data=form, files={"files": file})

    return send_


@pytest.fixture
def done(account, send):
    """Sends a file and waits; the import as it is then."""

    def done_(*told: Any, **changed: Any) -> dict[str, Any]:
        account.control(imports={"polls": 0})
        answer = send(*told, **changed)
        answer.raise_for_status()
        found: dict[str, Any] = account.get(f"{IMPORTS}/{answer.json()['id']}")
        return found

    return done_


@pytest.fixture
def held(account):
    """What a company holds."""

    def held_(id_: str, *names: str) -> list[str | None]:
        found = account.get(f"{COMPANIES}/{id_}?properties={','.join(names)}")
        return [found["properties"][name] for name in names]

    return held_


@pytest.fixture
def errors(account):
    """The errors of an import: line, type, value."""

    def errors_(import_: dict[str, Any]) -> list[tuple[int, str, str | None]]:
        found = account.get(f"{IMPORTS}/{import_['id']}/errors")["results"]
        return [
            (each["sourceData"]["lineNumber"], each["errorType"], each.get("invalidValue"))
            for each in found
        ]

    return errors_


@pytest.mark.parametrize("path", [IMPORTS, "/crm/imports/2026-09"])
def test_an_import_is_started_then_under_way_then_done(account, companies, send, held, path):
    """Two rows: half of them are written while it is under way, the rest when it is done."""
    alpha, beta = companies["Alpha"], companies["beta"]
    columns = [BY_ID, column("annualrevenue")]
    told = send(columns, f"{alpha},1", f"{beta},2", path=path).json()
    assert (told["state"], told["mappedObjectTypeIds"]) == ("STARTED", ["0-2"])
    asked = [account.get(f"{path}/{told['id']}") for _ in range(2)]
    assert [each["state"] for each in asked] == ["STARTED", "PROCESSING"]
    assert [held(each, "annualrevenue") for each in (alpha, beta)] == [["1"], ["9"]]
    last = account.get(f"{path}/{told['id']}")
    assert last["state"] == "DONE"
    assert last["metadata"]["counters"] == {
        "TOTAL_ROWS": 2,
        "UPDATED_OBJECTS": 2,
        "UNIQUE_OBJECTS_WRITTEN": 2,
        "PROPERTY_VALUES_EMITTED": 2,
    }
    assert held(beta, "annualrevenue") == ["2"]


def test_one_bad_row_does_not_cost_the_others(companies, done, errors, held):
    """Each mistake has its line and its type; what is good is written."""
    alpha, beta, gamma = companies.values()
    rows = [f"{alpha},1", "12345,2", "abc,3", f"{beta},4", f"{beta},5", f"{gamma},6,7"]
    told = done([BY_ID, column("annualrevenue")], *rows)
    assert [held(each, "annualrevenue") for each in (alpha, beta, gamma)] == [["1"], ["4"], [None]]
    assert errors(told) == [
        (3, "INVALID_RECORD_ID", "12345"),
        (4, "INVALID_OBJECT_ID", "abc"),
        (6, "DUPLICATE_RECORD_ID", beta),
        (7, "INCORRECT_NUMBER_OF_COLUMNS", None),
    ]
    counters = told["metadata"]["counters"]
    assert (counters["TOTAL_ROWS"], counters["UPDATED_OBJECTS"], counters["ERRORS"]) == (6, 2, 4)


def test_a_bad_value_costs_itself_alone(companies, done, errors, held):
    """The other values of its row are written."""
    alpha = companies["Alpha"]
    columns = [BY_ID, column("annualrevenue"), column("type"), column("city")]
    told = done(columns, f"{alpha},many,SOMEBODY,Bern")
    assert errors(told) == [
        (2, "COULD_NOT_PARSE_NUMBER", "many"),
        (2, "INVALID_ENUMERATION_OPTION", "SOMEBODY"),
    ]
    assert held(alpha, "annualrevenue", "type", "city") == ["100", "PARTNER", "Bern"]


def test_an_empty_cell_says_nothing(companies, done, held):
    """It does not clear what is there: an import cannot."""
    alpha = companies["Alpha"]
    told = done([BY_ID, column("annualrevenue"), column("city")], f"{alpha},,Bern")
    assert held(alpha, "annualrevenue", "city") == ["100", "Bern"]
    assert "ERRORS" not in told["metadata"]["counters"]


def test_rows_that_name_no_record_make_one(account, companies, done, held):
    """Companies are found by their domain; the others are new."""
    columns = [column("domain", columnType="HUBSPOT_ALTERNATE_ID"), column("name")]
    told = done(columns, "beta.example,Beta", "delta.example,Delta")
    counters = told["metadata"]["counters"]
    assert (counters["UPDATED_OBJECTS"], counters["CREATED_OBJECTS"]) == (1, 1)
    assert held(companies["beta"], "name") == ["Beta"]
    names = [each["properties"]["name"] for each in account.get(COMPANIES)["results"]]
    assert names == ["Alpha", "Beta", "Gamma", "Delta"]


@pytest.mark.parametrize(
    ("operation", "error", "line"),
    [("UPDATE", "UPDATE_ONLY_IMPORT", 3), ("CREATE", "CREATE_ONLY_IMPORT", 2)],
)
def test_an_import_can_be_for_new_records_or_old_ones_only(
    companies, done, errors, operation, error, line
):
    """The rows of the other kind are mistakes."""
    columns = [column("domain", columnType="HUBSPOT_ALTERNATE_ID"), column("name")]
    rows = ("beta.example,Beta", "delta.example,Delta")
    told = done(columns, *rows, importOperations={"0-2": operation})
    assert [each[:2] for each in errors(told)] == [(line, error)]
    assert told["metadata"]["counters"]["UNIQUE_OBJECTS_WRITTEN"] == 1


def test_contacts_are_found_by_their_address(account, done):
    """In any case of it; the company that a row names is associated."""
    company = account.post(COMPANIES, {"properties": {"name": "Alpha"}})["id"]
    made = account.post("/crm/v3/objects/contacts", {"properties": {"email": "a@b.example"}})
    columns = [column("email", columnType="HUBSPOT_ALTERNATE_ID"), column("associatedcompanyid")]
    told = done(columns, f"A@b.example,{company}", type_="0-1")
    assert told["metadata"]["counters"]["UPDATED_OBJECTS"] == 1
    found = account.get(f"/crm/v3/objects/contacts/{made['id']}?associations=companies")
    linked = {each["id"] for each in found["associations"]["companies"]["results"]}
    assert linked == {company}


def test_a_new_record_without_what_it_must_have_is_not_made(account, done, errors):
    """A note without its moment; the one with it is."""
    columns = [column("hs_note_body"), column("hs_timestamp")]
    told = done(columns, "never,", "then,2026-10-01T00:00:00Z", type_="0-46")
    assert [each[:2] for each in errors(told)] == [(2, "MISSING_REQUIRED_PROPERTY")]
    assert told["metadata"]["counters"]["CREATED_OBJECTS"] == 1


def test_days_are_read_as_the_import_says(account, companies, done, errors, held):
    """The third of April, or no day at all."""
    body = {"name": "renewal", "label": "Renewal", "groupName": "companyinformation"}
    account.post("/crm/v3/properties/companies", {**body, "type": "date", "fieldType": "date"})
    alpha, beta, _ = companies.values()
    told = done([BY_ID, column("renewal")], f"{alpha},03.04.2027", f"{beta},2027-04-03")
    assert held(alpha, "renewal") == ["2027-04-03"]
    assert errors(told) == [(3, "COULD_NOT_PARSE_DATE", "2027-04-03")]


def test_one_value_that_must_be_unique_costs_its_row(account, companies, done, errors, held):
    """The rows around it are written."""
    body = {"name": "key", "label": "Key", "groupName": "companyinformation"}
    more = {"type": "string", "fieldType": "text", "hasUniqueValue": True}
    account.post("/crm/v3/properties/companies", {**body, **more})
    alpha, beta, gamma = companies.values()
    account.call("PATCH", f"{COMPANIES}/{alpha}", json={"properties": {"key": "k1"}})
    told = done([BY_ID, column("key")], f"{beta},k1", f"{gamma},k2")
    assert [each[:2] for each in errors(told)] == [(2, "DUPLICATE_UNIQUE_PROPERTY_VALUE")]
    assert [held(each, "key") for each in (beta, gamma)] == [[None], ["k2"]]


def test_all_rows_share_one_moment(account, companies, done):
    """As bulk jobs stamp them, many records with one millisecond."""
    account.advance("1h")
    done([BY_ID, column("city")], *(f"{id_},Bern" for id_ in companies.values()))
    found = account.get(f"{COMPANIES}?properties=hs_lastmodifieddate")["results"]
    moments = {each["properties"]["hs_lastmodifieddate"] for each in found}
    assert len(moments) == 1
    assert moments.pop().startswith("2026-11-02T09:")


def test_what_is_written_comes_from_an_import(account, companies, done):
    """The history of a property says so."""
    alpha = companies["Alpha"]
    done([BY_ID, column("city")], f"{alpha},Bern")
    found = account.get(f"{COMPANIES}/{alpha}?propertiesWithHistory=city")
    newest = found["propertiesWithHistory"]["city"][0]
    assert (newest["value"], newest["sourceType"]) == ("Bern", "IMPORT")


def test_an_import_that_is_cancelled_has_written_half(account, companies, send, held):
    """What is written stays; the rest does not come, and it cannot be cancelled again."""
    alpha, beta, _ = companies.values()
    id_ = send([BY_ID, column("city")], f"{alpha},Bern", f"{beta},Bern").json()["id"]
    for _ in range(2):
        account.get(f"{IMPORTS}/{id_}")
    assert account.post(f"{IMPORTS}/{id_}/cancel", {})["status"] == "CANCELED"
    assert account.get(f"{IMPORTS}/{id_}")["state"] == "CANCELED"
    assert [held(each, "city") for each in (alpha, beta)] == [["Bern"], [None]]
    assert account.call("POST", f"{IMPORTS}/{id_}/cancel").status_code == 400


def test_an_import_can_fail_as_a_whole(account, companies, send, held):
    """Then nothing of it is written; the next one goes well."""
    account.control(imports={"polls": 0, "fail": 1})
    alpha = companies["Alpha"]
    for state, city in (("FAILED", None), ("DONE", "Bern")):
        id_ = send([BY_ID, column("city")], f"{alpha},Bern").json()["id"]
        assert account.get(f"{IMPORTS}/{id_}")["state"] == state
        assert held(alpha, "city") == [city]


def test_errors_come_page_by_page_with_row_and_message_if_asked_for(account, companies, done):
    """Without being asked they are short."""
    told = done([BY_ID, column("city")], "1,Bern", "2,Bern", "3,Bern")
    path = f"{IMPORTS}/{told['id']}/errors"
    first = account.get(f"{path}?limit=2")
    after = first["paging"]["next"]["after"]
    assert first["results"][0]["sourceData"]["rowData"] == []
    assert "errorMessage" not in first["results"][0]
    rest = account.get(f"{path}?after={after}&includeRowData=true&includeErrorMessage=true")
    (last,) = rest["results"]
    assert "paging" not in rest
    assert last["sourceData"]["rowData"] == ["3", "Bern"]
    assert last["errorMessage"]
    assert (last["objectType"], last["objectTypeId"]) == ("COMPANY", "0-2")
    ids = {each["id"] for each in (*first["results"], last)}
    assert len(ids) == 3


def test_imports_are_listed_the_newest_first(account, companies, done):
    """Page by page."""
    made = [done([BY_ID, column("city")], f"{companies['beta']},x")["id"] for _ in range(2)]
    first = account.get(f"{IMPORTS}?limit=1")
    assert [each["id"] for each in first["results"]] == [made[1]]
    after = first["paging"]["next"]["after"]
    rest = account.get(f"{IMPORTS}?limit=1&after={after}")
    assert [each["id"] for each in rest["results"]] == [made[0]]
    assert "paging" not in rest


@pytest.mark.parametrize(
    "changed",
    [
        {"name": ""},
        {"files": []},
        {"files": [{"fileName": "other.csv"}]},
        {"dateFormat": "ROMAN"},
        {"importOperations": {"0-2": "GUESS"}},
    ],
)
def test_an_import_that_cannot_be_is_refused(companies, send, changed):
    """With 400, before anything is written."""
    assert send([BY_ID, column("city")], "1,Bern", **changed).status_code == 400


@pytest.mark.parametrize("name", ["colour", "createdate"])
def test_a_column_for_what_cannot_be_written_is_refused(companies, send, name):
    """A property that is not there, or that HubSpot keeps for itself."""
    assert send([BY_ID, column(name)], "1,x").status_code == 400


def test_an_import_wants_a_form_and_its_scope(account, send):
    """415 for what is no form, 403 without the scope."""
    assert account.call("POST", IMPORTS, json={"name": "x"}).status_code == 415
    account.control(app={"scopes": ["crm.objects.companies.write"]})
    assert send([BY_ID, column("city")], "1,Bern").status_code == 403
