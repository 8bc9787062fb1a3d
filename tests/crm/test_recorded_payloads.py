"""Answers that real orgs gave to others go through our readers as they are.

What is asked in a way that we never ask has no reader here: Bulk API 1.0 (`bulk_api_v1`), CSV with
another delimiter than the comma that we ask for (`…_backquote.csv`), searches, list views, counts,
deleted and updated ids by time, and records one by one by an external id (`upsert_*`, of which the
outcome and the error have the shapes of others). Calls that were recorded as JSON inside JSON are
spelled anew; the pages of `restforce_json` are the bytes that were sent.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.crm.salesforce import answers, bulk_read, fields, read
from connector.crm.salesforce.auth import Login
from connector.crm.salesforce.client import Client
from connector.crm.salesforce.flows import ClientCredentials
from connector.crm.salesforce.tokens import TokenHost
from connector.engines.duckdb import DuckDB
from connector.errors import AuthError, RemoteError
from connector.protocols import Read
from connector.records import DAY, FLAG, MOMENT, NUMBER, TEXT
from connector.secrets import Secret
from tests.conftest import SHARED, Answer

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not SHARED.is_dir() and not os.environ.get("CI"),
        reason="the recorded answers lie beside the checkout, and are not there",
    ),
]

RECORDED = SHARED / "data" / "api_payloads" / "salesforce"
RESTFORCE = RECORDED / "restforce_json"
WRITTEN = "account_write_back_composite"
#: The version that the recorded list of versions has.
VERSION = "20.0"

Connected = Callable[..., Client]


def interactions(name: str, **wanted: Any) -> Iterator[dict[str, Any]]:
    """The recorded calls of a file whose address and method are these."""
    for each in json.loads((RECORDED / f"{name}.json").read_text())["interactions"]:
        path = each["request"]["url"].partition("?")[0].rstrip("/")
        if path.endswith(wanted["path"]) and each["request"]["method"] == wanted["method"]:
            yield each


def bodies(name: str, *, path: str, method: str = "GET") -> list[Any]:
    """What was answered to those calls."""
    return [each["response"]["body"] for each in interactions(name, path=path, method=method)]


@pytest.fixture
def connected(scripted, tmp_path) -> Connected:
    """A client of ours whose org gives the recorded answers one after the other."""

    def client(*content: bytes, status: int = 200) -> Client:
        script = scripted(Answer())
        token = json.loads((RESTFORCE / "auth_success_response.json").read_bytes())
        opening = [
            json.dumps({**token, "instance_url": script.url}).encode(),
            (RESTFORCE / "services_data_success_response.json").read_bytes(),
        ]
        script.answers[:] = [Answer(body=each) for each in opening]
        script.answers += [Answer(body=each, status=status) for each in content]
        (tmp_path / "secret").write_text("hush")
        secret = Secret(f"file:{tmp_path / 'secret'}")
        return Client(Login(script.url, ClientCredentials("app", secret)), VERSION)

    return client


def rows(relation: str, scratch: Path) -> list[dict[str, str | None]]:
    """What our engine makes of a relation, as text."""
    engine = DuckDB(scratch=scratch / "spill", threads=1)
    found = engine.dicts(f"SELECT COLUMNS(*)::VARCHAR FROM {relation}")
    engine.close()
    return found


# tokens


@pytest.mark.parametrize("name", ["auth_success", "reauth_success", "refresh_success"])
def test_a_recorded_token_is_read(scripted, name):
    """Neither scopes nor a new refresh token need be told; an old one then stays good."""
    body = (RESTFORCE / f"{name}_response.json").read_bytes()
    token = TokenHost(scripted(Answer(body=body)).url).token({}, repeatable=True)
    said = json.loads(body)
    assert (token.access, token.instance_url) == (said["access_token"], said["instance_url"])
    assert said["id"].endswith(f"/id/{token.org}/{token.user}")
    assert (token.scopes, token.refresh) == ((), "")


# describes


@pytest.mark.parametrize("object", ["Account", "Opportunity", "Case", "Event"])
def test_every_field_of_a_recorded_describe_is_read(connected, object):
    """Fifty to a hundred fields each, of every type there is."""
    (body,) = bodies("describe_calls", path=f"/{object}/describe")
    found = fields.describe(connected(json.dumps(body).encode()), object)
    assert found is not None
    made = {raw["name"]: fields.field_of(raw) for raw in found["fields"]}
    assert len(made) == len(body["fields"]) > 30
    assert made["Id"].type == "id"
    assert not made["SystemModstamp"].writable


def test_choices_of_a_recorded_picklist_are_read():
    """Those that are active."""
    (body,) = bodies("describe_calls", path="/Opportunity/describe")
    (raw,) = [each for each in body["fields"] if each["name"] == "StageName"]
    active = [each["value"] for each in raw["picklistValues"] if each["active"]]
    assert list(fields.field_of(raw).choices) == active != []


def test_a_path_is_followed_through_recorded_describes():
    """From the opportunity to its account, and to what type a field has there."""
    known = {
        each: bodies("describe_calls", path=f"/{each}/describe")[0]
        for each in ("Opportunity", "Account")
    }
    assert fields.path_type("Account.AnnualRevenue", "Opportunity", known.get) == NUMBER
    assert fields.path_type("Account.CreatedDate", "Opportunity", known.get) == MOMENT
    assert fields.path_type("Nobody.Name", "Opportunity", known.get) is None


def test_a_describe_of_what_is_not_there_is_none(connected):
    """The recorded 404 is no failure of ours."""
    body = (RESTFORCE / "sobject_describe_error_response.json").read_bytes()
    assert fields.describe(connected(body, status=404), "Nope") is None


def test_an_older_describe_is_read(connected):
    """Of an API version with fewer keys."""
    body = (RESTFORCE / "sobject_describe_success_response.json").read_bytes()
    found = fields.describe(connected(body), "Whizbang")
    assert found is not None
    assert [fields.field_of(raw).name for raw in found["fields"]]


# pages


def test_recorded_pages_are_followed_to_the_last(connected, tmp_path):
    """Pretty-printed, with the locator of an old version."""
    names = ("query_paginated_first_page_response", "query_paginated_last_page_response")
    pages = [(RESTFORCE / f"{name}.json").read_bytes() for name in names]
    types = {"Id": TEXT, "Text_Label": TEXT}
    wanted = Read("Whizbang", tuple(types), None, "")
    spool = read.spool(connected(*pages), wanted, types, tmp_path / "pages")
    found = [row["Text_Label"] for row in rows(spool.relation, tmp_path)]
    assert (found, spool.rows) == (["First Page", "Last Page"], 2)


def test_a_recorded_record_keeps_every_kind_of_value(connected, tmp_path):
    """Text, flag, day, moment, and what its parent says."""
    page = (RESTFORCE / "query_success_response.json").read_bytes()
    types = {
        "Text_Label": TEXT,
        "Checkbox_Label": FLAG,
        "Date_Label": DAY,
        "DateTime_Label": MOMENT,
        "ParentWhizbang__r.Name": TEXT,
    }
    wanted = Read("Whizbang", tuple(types), None, "")
    spool = read.spool(connected(page), wanted, types, tmp_path / "pages")
    (row,) = rows(spool.relation, tmp_path)
    assert (row["Text_Label"], row["Checkbox_Label"], row["Date_Label"]) == (
        "Hi there!",
        "false",
        "2010-01-01",
    )
    assert str(row["DateTime_Label"]).startswith("2011-07-07 00:37:00")
    assert row["ParentWhizbang__r.Name"] == "Parent Whizbang"


def test_a_recorded_empty_answer_is_no_rows(connected, tmp_path):
    """Not an error, and not a row of nothing."""
    page = (RESTFORCE / "query_empty_response.json").read_bytes()
    wanted = Read("Account", ("Id",), None, "")
    spool = read.spool(connected(page), wanted, {"Id": TEXT}, tmp_path / "pages")
    assert rows(spool.relation, tmp_path) == []


def test_the_recorded_answer_to_who_we_are_is_a_page_of_one(connected, tmp_path):
    """With an id of 15 characters, as it was sent."""
    page = (RESTFORCE / "org_query_response.json").read_bytes()
    wanted = Read("Organization", ("Id",), None, "")
    spool = read.spool(connected(page), wanted, {"Id": TEXT}, tmp_path / "pages")
    (row,) = rows(spool.relation, tmp_path)
    assert row["Id"] == "00Dx0000000BV7z"


@pytest.mark.parametrize("name", ["query_and_composite", WRITTEN])
def test_every_recorded_query_is_read_to_the_last_record(connected, tmp_path, name):
    """Whatever was asked for: as many ids come out as went in."""
    found = [each for each in bodies(name, path="/query") if each["done"] and each["records"]]
    flat = [each for each in found if "Id" in each["records"][0]]
    assert flat
    for number, body in enumerate(flat):
        wanted = Read("Any", ("Id",), None, "")
        client = connected(json.dumps(body).encode())
        spool = read.spool(client, wanted, {"Id": TEXT}, tmp_path / str(number))
        ids = [row["Id"] for row in rows(spool.relation, tmp_path)]
        assert ids == [each["Id"] for each in body["records"]]


# rows that were written


def test_every_recorded_outcome_of_a_write_is_told(tmp_path):
    """Made, changed and deleted by another product in 2021: applied, or failed with a code."""
    answered = [
        row
        for method in ("POST", "PATCH", "DELETE")
        for body in bodies(
            "account_write_back_composite", path="/composite/sobjects", method=method
        )
        for row in body
    ]
    told = [answers.outcome_of("001", row) for row in answered]
    assert len(told) >= 20
    for row, outcome in zip(answered, told, strict=True):
        assert (outcome.result == "applied") == row["success"]
        if not row["success"]:
            assert outcome.code == row["errors"][0]["statusCode"]


def test_a_recorded_upsert_that_made_a_record_is_applied():
    """One row alone has the shape of a row among others."""
    row = json.loads((RESTFORCE / "upsert_created_success_response.json").read_bytes())
    assert answers.outcome_of("001", row).result == "applied"


# errors


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("auth_error_response", "invalid_grant"),
        ("refresh_error_response", "invalid_grant"),
        ("expired_session_response", "INVALID_SESSION_ID"),
        ("query_error_response", "INVALID_FIELD"),
        ("write_error_response", "INVALID_FIELD"),
        ("sobject_find_error_response", "NOT_FOUND"),
        ("search_error_response", "MALFORMED_SEARCH"),
        ("upsert_error_response", "NOT_FOUND"),
    ],
)
def test_a_recorded_error_has_code_and_message(name, code):
    """In the list form of data calls and in the form of sign-ins."""
    body = json.loads((RESTFORCE / f"{name}.json").read_text())
    found, message = answers.code_in(body)
    assert (found, bool(message)) == (code, True)


def test_a_recorded_error_ends_a_read_with_its_code(connected, tmp_path):
    """As the error of ours that the engine knows."""
    page = (RESTFORCE / "query_error_response.json").read_bytes()
    with pytest.raises(RemoteError) as caught:
        read.first_page(connected(page, status=400), Read("Account", ("Id",), None, ""))
    assert caught.value.code == "INVALID_FIELD"


def test_a_recorded_dead_session_ends_in_a_request_to_sign_in(connected):
    """Once again is tried; the same answer again is for a person."""
    body = (RESTFORCE / "expired_session_response.json").read_bytes()
    with pytest.raises(AuthError, match="INVALID_SESSION_ID"):
        fields.describe(connected(body, status=401), "Account")


# CSV


@pytest.mark.parametrize("name", ["Account_bulk1_test", "Account_bulk2_test"])
def test_a_recorded_csv_is_read_like_a_csv(tmp_path, name):
    """Values over several lines, quotes, gaps and numbers with an exponent."""
    file = RECORDED / "bulk_csv" / f"{name}.csv"
    with file.open(newline="", encoding="utf-8-sig") as lines:
        expected = list(csv.DictReader(lines))
    types = dict.fromkeys(expected[0], TEXT) | {"ANNUALREVENUE": NUMBER}
    found = rows(bulk_read.relation([file], types), tmp_path)
    assert len(found) == len(expected) > 0
    for column in expected[0].keys() - {"ANNUALREVENUE"}:
        assert sorted(row[column] or "" for row in found) == sorted(e[column] for e in expected)
    revenue = sorted(float(each["ANNUALREVENUE"]) for each in expected if each["ANNUALREVENUE"])
    assert sorted(float(r["ANNUALREVENUE"]) for r in found if r["ANNUALREVENUE"]) == revenue
