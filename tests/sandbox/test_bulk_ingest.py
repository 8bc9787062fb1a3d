"""Bulk API 2.0, ingest: how jobs go, what becomes of their rows, and what clients fall over."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
from operator import itemgetter
from typing import Any

import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceOperationError

from connector.sandbox.salesforce import automations, bulk, bulk_ingest, bulk_rows

CSV_TYPE = {"Content-Type": "text/csv"}
RESULTS = ("successfulResults", "failedResults", "unprocessedrecords")


def opened(client, operation: str = "update", name: str = "Account", **more: Any) -> str:
    """The id of a new job."""
    body = {"object": name, "operation": operation, "contentType": "CSV", **more}
    answer = client.call("POST", "/jobs/ingest", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


def fill(client, job: str, data: str | bytes, **headers: str) -> requests.Response:
    """Uploads the data of a job."""
    raw = data if isinstance(data, bytes) else data.encode()
    path = f"/jobs/ingest/{job}/batches"
    return client.call("PUT", path, data=raw, headers={**CSV_TYPE, **headers})


def change(client, job: str, state: str) -> requests.Response:
    """Closes or aborts a job."""
    return client.call("PATCH", f"/jobs/ingest/{job}", json={"state": state})


def look(client, job: str) -> dict[str, Any]:
    """A job as it is."""
    return client.call("GET", f"/jobs/ingest/{job}").json()


def ended(client, data: str | bytes, operation: str = "update", **more: Any) -> str:
    """A job that has run to its end."""
    job = opened(client, operation, **more)
    assert fill(client, job, data).status_code == 201
    change(client, job, "UploadComplete")
    states = [look(client, job)["state"] for _ in range(2)]
    assert states[1] in ("JobComplete", "Failed")
    return job


def rows(client, job: str, kind: str) -> list[dict[str, str]]:
    """The rows of one kind of result."""
    text = client.call("GET", f"/jobs/ingest/{job}/{kind}").content.decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def sf(client) -> Salesforce:
    """The library, told that this instance speaks plain http."""
    host = client.url.removeprefix("http://")
    sf = Salesforce(instance=host, session_id=client.token, version="66.0")
    sf.bulk2_url = sf.bulk2_url.replace("https://", "http://")
    return sf


# how a job goes


def test_a_job_is_opened_filled_closed_and_runs(client, ids):
    """The states a client sees, one step at a time."""
    job = opened(client)
    seen = [look(client, job)["state"]]
    fill(client, job, f"Id,Score__c\n{ids['Alpha']},5\n")
    seen.append(change(client, job, "UploadComplete").json()["state"])
    seen += [look(client, job)["state"] for _ in range(2)]
    assert seen == ["Open", "UploadComplete", "InProgress", "JobComplete"]


def test_a_new_job_tells_where_its_data_go(client):
    """`contentUrl` is relative to the host, and begins without a slash."""
    body = {"object": "account", "operation": "update"}
    told = client.call("POST", "/jobs/ingest", json=body).json()
    assert told["contentUrl"] == f"services/data/v66.0/jobs/ingest/{told['id']}/batches"
    assert (told["object"], told["lineEnding"], told["apiVersion"]) == ("Account", "LF", 66.0)


def test_data_are_given_once(client):
    """A second PUT is refused, as the real one does."""
    job = opened(client)
    answers = [fill(client, job, "Id,Name\n") for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 400]
    assert answers[1].json()[0]["errorCode"] == "CLIENTINPUTERROR"
    assert f"Found multiple contents for job: {job}" in answers[1].json()[0]["message"]


def test_a_closed_job_takes_no_data(client):
    """What is closed stays closed."""
    job = opened(client)
    fill(client, job, "Id,Name\n")
    change(client, job, "UploadComplete")
    assert fill(client, job, "Id\n").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert change(client, job, "UploadComplete").json()[0]["errorCode"] == "INVALIDJOBSTATE"


def test_a_job_without_data_cannot_be_closed(client):
    """There would be nothing to run."""
    assert change(client, opened(client), "UploadComplete").status_code == 400


def test_data_must_be_csv(client):
    """Another media type is not supported."""
    answer = fill(client, opened(client), "{}", **{"Content-Type": "application/json"})
    assert answer.status_code == 415


def test_data_have_a_largest_size(client, monkeypatch):
    """A hundred and fifty megabytes, once they are in base64."""
    monkeypatch.setattr(bulk_ingest, "MOST_BYTES", 40)
    job = opened(client)
    assert fill(client, job, "x" * 31).status_code == 413
    assert fill(client, job, "x" * 30).status_code == 201


def test_results_wait_for_the_end(client):
    """Nothing is told of a job that runs."""
    answer = client.call("GET", f"/jobs/ingest/{opened(client)}/successfulResults")
    assert answer.json()[0]["errorCode"] == "INVALIDJOBSTATE"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"object": "Nope", "operation": "insert"}, "INVALID_TYPE"),
        ({"object": "TaskWhoRelation", "operation": "insert"}, "INVALIDENTITY"),
        ({"object": "Account", "operation": "query"}, "INVALIDJOB"),
        ({"object": "Account", "operation": "insert", "contentType": "XML"}, "INVALIDJOB"),
        ({"object": "Account", "operation": "upsert"}, "INVALIDJOB"),
        (
            {"object": "Account", "operation": "upsert", "externalIdFieldName": "Name"},
            "INVALIDJOB",
        ),
    ],
)
def test_a_job_that_cannot_be_is_refused(client, body, code):
    """At once, with a code."""
    answer = client.call("POST", "/jobs/ingest", json=body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


@pytest.mark.parametrize("data", ["Name,Key__c\nOne,k1\nTwö,k2\n", "Name,Key__c\r\nOne,k1\r\n"])
def test_small_data_can_come_with_the_job(client, store, data):
    """One multipart request makes, fills and closes the job; bytes stay as they are."""
    ending = "CRLF" if "\r" in data else "LF"
    job = {"object": "Account", "operation": "insert", "contentType": "CSV", "lineEnding": ending}
    files = {
        "job": (None, json.dumps(job), "application/json"),
        "content": ("content", data.encode(), "text/csv"),
    }
    told = client.call("POST", "/jobs/ingest", files=files).json()
    assert told["state"] == "UploadComplete"
    assert [look(client, told["id"])["state"] for _ in range(2)][1] == "JobComplete"
    names = {name for (name,) in store.db.execute("select Name from Account where Key__c > ''")}
    assert names == {line.split(",")[0] for line in data.splitlines()[1:]}


def test_data_that_come_with_the_job_are_small(client):
    """A hundred thousand characters at most."""
    job = {"object": "Account", "operation": "insert"}
    files = {
        "job": (None, json.dumps(job), "application/json"),
        "content": ("content", "Name\n" + "x" * 100_000, "text/csv"),
    }
    assert client.call("POST", "/jobs/ingest", files=files).status_code == 400


# values


def value(store, name: str, field: str) -> object:
    """What an account holds."""
    sql = f'select "{field}" from Account where Name = ?'
    return store.db.execute(sql, (name,)).fetchone()[0]


def test_an_empty_cell_leaves_and_a_mark_clears(client, ids, store):
    """Complaint: a blank does not clear (salesforcer#29, SFDX-Data-Move-Utility 5.7.1)."""
    ended(client, f"Id,Industry,AnnualRevenue\n{ids['Alpha']},,#N/A\n")
    assert value(store, "Alpha", "Industry") == "Energy"
    assert value(store, "Alpha", "AnnualRevenue") is None


@pytest.mark.parametrize("text", ["NA", "NULL", "None", "n/a"])
def test_only_the_mark_clears(client, ids, store, text):
    """Complaint: text that looks like nothing is text (airbyte's test_preserve_na_values)."""
    ended(client, f"Id,Industry\n{ids['Alpha']},{text}\n")
    assert value(store, "Alpha", "Industry") == text


@pytest.mark.parametrize(
    ("field", "text", "kept"),
    [
        ("Score__c", "12.55", 12.6),
        ("NumberOfEmployees", "7", 7),
        ("Active__c", "FALSE", 0),
        ("Active__c", "1", 1),
        ("Renewal__c", "2026-11-21", "2026-11-21"),
        ("Seen__c", "2026-11-21T08:00:00Z", "2026-11-21T08:00:00.000+0000"),
        ("Seen__c", "2026-11-21T08:00:00.000Z", "2026-11-21T08:00:00.000+0000"),
        ("Description", '"a ""b""\nc, d"', 'a "b"\nc, d'),
    ],
)
def test_values_are_read_by_the_type_of_their_field(client, ids, store, field, text, kept):
    """Numbers, flags, days, moments, quotes and line breaks."""
    job = ended(client, f"Id,{field}\n{ids['Alpha']},{text}\n")
    assert rows(client, job, "failedResults") == []
    assert value(store, "Alpha", field) == kept


@pytest.mark.parametrize(("field", "text"), [("Score__c", " 5"), ("Active__c", "true ")])
def test_values_are_not_trimmed(client, ids, field, text):
    """A blank beside a number is part of what should be a number."""
    (row,) = rows(client, ended(client, f"Id,{field}\n{ids['Alpha']},{text}\n"), "failedResults")
    assert row["sf__Error"].startswith("INVALID_TYPE_ON_FIELD_IN_RECORD:")


def test_a_parent_is_found_by_its_external_id(client, store, ids):
    """`Parent.Key__c` instead of an id."""
    store.db.execute("update Account set Key__c = 'k9' where Name = 'Alpha'")
    ended(client, f"Id,Parent.Key__c\n{ids['Gamma 100%']},k9\n")
    assert value(store, "Gamma 100%", "ParentId") == ids["Alpha"]


def test_a_parent_of_several_kinds_is_named_with_its_object(client, store, ids):
    """`Account:What.Key__c` on a task."""
    store.db.execute("update Account set Key__c = 'k9' where Name = 'Alpha'")
    ended(client, "Subject,Account:What.Key__c\nnew,k9\n", "insert", name="Task")
    sql = "select WhatId from Task where Subject = 'new'"
    assert store.db.execute(sql).fetchone() == (ids["Alpha"],)


def test_a_parent_that_is_not_there_fails_its_row(client, ids):
    """The others are written."""
    data = f"Id,Parent.Key__c,Score__c\n{ids['Alpha']},nobody,1\n{ids['beta']},,2\n"
    job = ended(client, data)
    (failed,) = rows(client, job, "failedResults")
    assert failed["sf__Error"].startswith("INVALID_FIELD:Foreign key external ID: nobody not found")
    assert [row["Id"] for row in rows(client, job, "successfulResults")] == [ids["beta"]]


# the form of the CSV


@pytest.mark.parametrize(
    ("word", "mark"),
    [("SEMICOLON", ";"), ("TAB", "\t"), ("PIPE", "|"), ("CARET", "^"), ("BACKQUOTE", "`")],
)
def test_the_delimiter_is_the_jobs(client, ids, word, mark):
    """In what is sent, and in what is told."""
    data = f"Id{mark}Name\n{ids['Alpha']}{mark}A, B & C\n"
    job = ended(client, data, columnDelimiter=word)
    told = client.call("GET", f"/jobs/ingest/{job}/successfulResults").text.splitlines()[1]
    quoted = [ids["Alpha"], "false", ids["Alpha"], "A, B & C"]
    assert told == mark.join(f'"{each}"' for each in quoted)


def test_another_delimiter_than_the_jobs_fails_the_job(client, ids):
    """The header is then one long name that nobody knows."""
    told = look(client, ended(client, f"Id;Name\n{ids['Alpha']};x\n"))
    assert told["state"] == "Failed"
    assert told["errorMessage"] == "InvalidBatch : Field name not found : Id;Name"


@pytest.mark.parametrize(("ending", "mark"), [("LF", "\r\n"), ("CRLF", "\n")])
def test_another_line_ending_than_the_jobs_fails_the_job(client, ids, ending, mark):
    """With the words that are all over the web."""
    job = ended(client, f"Id,Name{mark}{ids['Alpha']},x{mark}", lineEnding=ending)
    said = f"LineEnding is invalid on user data. Current LineEnding setting is {ending}"
    assert look(client, job)["errorMessage"] == f"ClientInputError : {said}"


def test_windows_lines_are_fine_when_the_job_says_so(client, ids):
    """CRLF in, CRLF out."""
    job = ended(client, f"Id,Name\r\n{ids['Alpha']},x\r\n", lineEnding="CRLF")
    assert client.call("GET", f"/jobs/ingest/{job}/successfulResults").content.count(b"\r\n") == 2


def test_a_byte_order_mark_is_no_part_of_the_header(client, ids):
    """As spreadsheets write it."""
    data = b"\xef\xbb\xbf" + f"Id,Name\n{ids['Alpha']},x\n".encode()
    assert len(rows(client, ended(client, data), "successfulResults")) == 1


def test_empty_lines_are_no_rows(client, ids):
    """At the end, or between."""
    job = ended(client, f"Id,Name\n\n{ids['Alpha']},x\n\n")
    assert look(client, job)["numberRecordsProcessed"] == 1


def test_data_can_be_packed(client, ids):
    """Content-Encoding: gzip."""
    job = opened(client)
    data = gzip.compress(f"Id,Name\n{ids['Alpha']},packed\n".encode())
    assert fill(client, job, data, **{"Content-Encoding": "gzip"}).status_code == 201
    change(client, job, "UploadComplete")
    assert [look(client, job) for _ in range(2)][1]["numberRecordsProcessed"] == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "Line 0 has 0 columns"),
        ("Id,Name\n001,a,b\n", "Line 2 has 3 columns, the header has 2"),
        ('Id,Name\n"001,a\n', "Failed to parse CSV near line 2"),
        (b"Id,Name\n001,\xff\n", "The CSV is not encoded in UTF-8"),
        (f"Id,Name\n001,{'x' * 131_073}\n", "field larger than field limit"),
    ],
)
def test_a_broken_csv_fails_the_job(client, data, said):
    """The message says where."""
    told = look(client, ended(client, data))
    assert (told["state"], told["numberRecordsProcessed"]) == ("Failed", 0)
    assert said in told["errorMessage"]


@pytest.mark.parametrize(
    ("operation", "header", "unknown"),
    [
        ("update", "Id,Nope__c", "Nope__c"),
        ("update", "Id,Parent.Nope__c", "Parent.Nope__c"),
        ("update", "Id,What.Key__c", "What.Key__c"),
        ("insert", "Id,Name", "Id"),
        ("delete", "Id,Name", "Name"),
    ],
)
def test_an_unknown_column_fails_the_whole_job(client, operation, header, unknown):
    """Every row is unprocessed."""
    job = ended(client, f"{header}\n1,a\n2,b\n", operation)
    told = look(client, job)
    assert told["errorMessage"] == f"InvalidBatch : Field name not found : {unknown}"
    assert [len(rows(client, job, kind)) for kind in RESULTS] == [0, 0, 2]


def test_a_hidden_column_is_an_unknown_one(client, ids):
    """Complaint: a field the user may not see fails the job without naming permissions."""
    client.control("POST", "fls", json={"object": "Account", "field": "Score__c", "read": False})
    told = look(client, ended(client, f"Id,Score__c\n{ids['Alpha']},1\n"))
    assert told["errorMessage"] == "InvalidBatch : Field name not found : Score__c"


# rows


def test_a_job_of_which_every_row_failed_is_complete(client, ids):
    """Complaint: the job says complete, but rows failed (simple-salesforce#643, cli#1888)."""
    job = ended(client, f"Id,Tier__c\n{ids['Alpha']},Z\n{ids['beta']},Y\n")
    told = look(client, job)
    assert (told["state"], told["numberRecordsFailed"]) == ("JobComplete", 2)
    assert [len(rows(client, job, kind)) for kind in RESULTS] == [0, 2, 0]


@pytest.mark.parametrize(
    ("values", "error"),
    [
        (
            {"Tier__c": "Z"},
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:"
            "Tier: bad value for restricted picklist field: Z:Tier__c --",
        ),
        (
            {"Key__c": "x" * 21},
            f"STRING_TOO_LONG:Key__c: data value too large: {'x' * 21} (max length=20):Key__c --",
        ),
        ({"ParentId": "001Sb0000000zzzIAA"}, None),
        ({"Score__c": "1000"}, None),
        ({"Score__c": "many"}, None),
        ({"Twice__c": "1"}, None),
        ({"Renewal__c": "31.01.2026"}, None),
    ],
)
def test_a_row_fails_as_it_would_in_a_collection(client, ids, values, error):
    """Same code, same message, same fields; written `CODE:message:fields --`."""
    ((name, text),) = values.items()
    (row,) = rows(client, ended(client, f"Id,{name}\n{ids['Alpha']},{text}\n"), "failedResults")
    (same,) = client.update({"id": ids["Alpha"], **values})[0]["errors"]
    assert row["sf__Error"].startswith(f"{same['statusCode']}:{same['message']}:")
    assert row["sf__Error"].endswith("".join(f"{each} " for each in same["fields"]) + "--")
    assert error in (None, row["sf__Error"])


def test_an_error_without_fields_ends_at_once(client, ids):
    """`CODE:message:--`, as for the records that are gone."""
    (row,) = rows(client, ended(client, f"Id,Name\n{ids['Gone']},x\n"), "failedResults")
    assert row["sf__Error"] == "ENTITY_IS_DELETED:entity is deleted:--"
    assert row["Id"] == ids["Gone"]


def test_validation_rules_speak(client, ids):
    """The message of the rule, in the row."""
    rule = {"object": "Account", "when": "Score__c > 90", "message": "Too good, to be true"}
    client.control("POST", "validation-rules", json=[rule])
    (row,) = rows(client, ended(client, f"Id,Score__c\n{ids['Alpha']},91\n"), "failedResults")
    assert row["sf__Error"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION:Too good, to be true:--"


def test_triggers_see_two_hundred_rows(client, store):
    """Complaint: 200-row chunks blow customer triggers (EloquentSalesForce#70)."""
    automations.replace(store, [{"object": "Account", "chunk_above": 199}])
    ids = accounts(store, 250)
    job = ended(client, "Id,Score__c\n" + "".join(f"{each},1\n" for each in ids))
    failed = rows(client, job, "failedResults")
    assert {row["Id"] for row in failed} == set(ids[:200])
    assert "Too many future calls: 51" in failed[0]["sf__Error"]


def accounts(store, count: int) -> list[str]:
    """New accounts."""
    ids = store.new_ids("Account", count)
    store.insert("Account", ["Id", "Name"], [(each, "many") for each in ids])
    return ids


def test_an_id_that_is_there_twice_fails_once(client, ids):
    """Within two hundred rows, as in a collection."""
    job = ended(client, f"Id,Score__c\n{ids['Alpha']},1\n{ids['Alpha']},2\n")
    (row,) = rows(client, job, "failedResults")
    assert (row["sf__Error"].partition(":")[0], row["Score__c"]) == ("DUPLICATE_VALUE", "2")


def test_an_id_may_come_again_in_another_transaction(client, store):
    """Beyond two hundred rows nobody notices."""
    ids = accounts(store, 200)
    data = "".join(f"{each},1\n" for each in [*ids, ids[0]])
    assert rows(client, ended(client, f"Id,Score__c\n{data}"), "failedResults") == []


def test_results_are_in_no_certain_order(client, store):
    """Complaint: which rows failed? They must be matched by id (simple-salesforce#698)."""
    ids = accounts(store, 300)
    data = "".join(f"{each},{'A' if n % 3 else 'Z'}\n" for n, each in enumerate(ids))
    job = ended(client, f"Id,Tier__c\n{data}")
    found = [[row["Id"] for row in rows(client, job, kind)] for kind in RESULTS]
    assert [len(each) for each in found] == [200, 100, 0]
    assert sorted(found[0] + found[1]) == ids
    assert found[0] != sorted(found[0])


def test_results_of_many_batches_hold_every_row_once(client, store, monkeypatch):
    """Whatever the batches are, the sum is what was sent."""
    monkeypatch.setattr(bulk_rows, "BATCH", 64)
    ids = accounts(store, 500)
    job = ended(client, "Id,Score__c\n" + "".join(f"{each},1\n" for each in ids))
    assert sorted(row["Id"] for row in rows(client, job, "successfulResults")) == ids


# operations


def test_new_records_say_so(client, store):
    """`sf__Created` is true, and the id is that of the record."""
    (row,) = rows(client, ended(client, "Name\nNew\n", "insert"), "successfulResults")
    assert (row["sf__Created"], row["sf__Id"]) == ("true", value(store, "New", "Id"))


def test_an_upsert_adds_or_changes(client, store):
    """By external id, one of each."""
    store.db.execute("update Account set Key__c = 'old' where Name = 'Alpha'")
    data = "NAME,KEY__C\nAlpha 2,old\nFresh,new\n"
    job = ended(client, data, "upsert", externalIdFieldName="Key__c")
    found = rows(client, job, "successfulResults")
    assert {row["KEY__C"]: row["sf__Created"] for row in found} == {"old": "false", "new": "true"}
    assert value(store, "Alpha 2", "Industry") == "Energy"


def test_an_upsert_without_its_key_fails(client):
    """The column must be there."""
    told = look(client, ended(client, "Name\nx\n", "upsert", externalIdFieldName="Key__c"))
    assert told["errorMessage"] == "InvalidBatch : Field name not found : Key__c"


def test_deleted_records_go_to_the_bin(client, ids, store):
    """They are there, and marked."""
    ended(client, f"Id\n{ids['Alpha']}\n", "delete")
    assert value(store, "Alpha", "IsDeleted") == 1


def test_hard_deleted_records_are_gone(client, ids, store):
    """As if they had never been."""
    ended(client, f"Id\n{ids['Alpha']}\n", "hardDelete")
    sql = "select count(*) from Account where Name = 'Alpha'"
    assert store.db.execute(sql).fetchone() == (0,)


def test_a_hard_delete_needs_a_right(client):
    """Which an integration user should not have."""
    client.control("POST", "rights", json={"BulkApiHardDelete": False})
    body = {"object": "Account", "operation": "hardDelete"}
    assert client.call("POST", "/jobs/ingest", json=body).json()[0]["errorCode"] == (
        "FEATURENOTENABLED"
    )


def test_every_row_is_in_the_log_of_writes(client, ids):
    """With the fields that were sent."""
    ended(client, f"Id,Score__c,Tier__c\n{ids['Alpha']},5,\n")
    (write,) = client.control("GET", "writes")
    assert (write["id"], write["fields"]) == (ids["Alpha"], {"Id": ids["Alpha"], "Score__c": "5"})


# jobs that end otherwise


def test_an_abort_half_way_leaves_rows_unprocessed(client, store):
    """What was written stays written."""
    client.control("POST", "bulk", json={"stall": True})
    ids = accounts(store, 10)
    job = opened(client)
    fill(client, job, "Id,Score__c\n" + "".join(f"{each},1\n" for each in ids))
    change(client, job, "UploadComplete")
    seen = {look(client, job)["state"] for _ in range(4)}
    assert (seen, change(client, job, "Aborted").json()["state"]) == ({"InProgress"}, "Aborted")
    done, failed, left = (rows(client, job, kind) for kind in RESULTS)
    assert [row["Id"] for row in sorted(done, key=itemgetter("Id"))] == ids[:5]
    assert (failed, sorted(row["Id"] for row in left)) == ([], ids[5:])


def test_a_job_that_stalled_goes_on(client, store):
    """Every row is written once."""
    client.control("POST", "bulk", json={"stall": True})
    ids = accounts(store, 10)
    job = opened(client)
    fill(client, job, "Id,Score__c\n" + "".join(f"{each},1\n" for each in ids))
    change(client, job, "UploadComplete")
    for _ in range(3):
        look(client, job)
    client.control("POST", "bulk", json={"stall": False})
    assert look(client, job)["state"] == "JobComplete"
    assert sorted(row["id"] for row in client.control("GET", "writes")) == ids


def test_a_job_can_leave_rows_unprocessed(client, store):
    """Complaint: unprocessed rows are neither successes nor failures (OpenFn/adaptors#886)."""
    client.control("POST", "bulk", json={"unprocessed_share": 0.3})
    ids = accounts(store, 10)
    job = ended(client, "Id,Score__c\n" + "".join(f"{each},1\n" for each in ids))
    assert look(client, job)["state"] == "JobComplete"
    assert [len(rows(client, job, kind)) for kind in RESULTS] == [7, 0, 3]


def test_an_open_job_stays_open(client):
    """Complaint: jobs are left open after a time-out (action-destinations#1529)."""
    job = opened(client)
    found = client.call("GET", "/jobs/ingest").json()["records"]
    assert [(each["id"], each["state"]) for each in found] == [(job, "Open")]
    assert client.control("GET", "bulk")["jobs"] == {"Open": 1}


def test_an_open_job_can_be_aborted(client, ids):
    """All it was given is unprocessed."""
    job = opened(client)
    fill(client, job, f"Id,Name\n{ids['Alpha']},x\n")
    change(client, job, "Aborted")
    assert [len(rows(client, job, kind)) for kind in RESULTS] == [0, 0, 1]
    assert client.control("GET", "writes") == []


def test_an_open_job_can_be_continued_for_a_day(client):
    """Then only an abort is left."""
    job = opened(client)
    client.control("POST", "session", json={"seconds": 10**6})
    client.control("POST", "clock", json={"advance": "25h"})
    assert fill(client, job, "Id\n").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert change(client, job, "Aborted").status_code == 200


def test_a_job_that_is_made_to_fail_writes_nothing(client, ids):
    """All its rows are unprocessed."""
    client.control("POST", "bulk", json={"fail": "InternalServerError : no luck"})
    job = ended(client, f"Id,Name\n{ids['Alpha']},x\n")
    told = look(client, job)
    assert (told["state"], told["errorMessage"]) == ("Failed", "InternalServerError : no luck")
    assert [len(rows(client, job, kind)) for kind in RESULTS] == [0, 0, 1]


def test_a_job_that_has_ended_can_be_deleted(client, ids, store):
    """With its rows and its file; an open one cannot."""
    job, other = ended(client, f"Id,Name\n{ids['Alpha']},x\n"), opened(client)
    answers = [client.call("DELETE", f"/jobs/ingest/{each}").status_code for each in (job, other)]
    assert answers == [204, 400]
    assert list(bulk.folder(store).iterdir()) == []
    assert store.db.execute("select count(*) from bulk_rows").fetchone() == (0,)


# large jobs


@pytest.fixture
def large(monkeypatch) -> None:
    """Every job is a large one."""
    monkeypatch.setattr(bulk_ingest, "SMALL", 0)


def wait(client, job: str) -> dict[str, Any]:
    """A job that has ended, sooner or later."""
    until = time.monotonic() + 20
    while (told := look(client, job))["state"] in ("UploadComplete", "InProgress"):
        assert time.monotonic() < until
        time.sleep(0.01)
    return told


@pytest.mark.usefixtures("large")
def test_a_large_job_runs_while_others_are_served(client, store):
    """It is done when it is done, and tells how far it is."""
    ids = accounts(store, 1_000)
    job = opened(client)
    fill(client, job, "Id,Score__c\n" + "".join(f"{each},1\n" for each in ids))
    change(client, job, "UploadComplete")
    told = wait(client, job)
    assert (told["state"], told["numberRecordsProcessed"]) == ("JobComplete", 1_000)


@pytest.mark.usefixtures("large")
def test_a_large_job_with_an_unknown_column_fails(client):
    """Like a small one."""
    job = opened(client)
    fill(client, job, "Id,Nope\n1,2\n")
    change(client, job, "UploadComplete")
    assert wait(client, job)["errorMessage"] == "InvalidBatch : Field name not found : Nope"


@pytest.mark.usefixtures("large")
def test_a_large_job_goes_on_after_a_restart(client, store):
    """No row is written twice, none is left out."""
    client.control("POST", "bulk", json={"stall": True})
    ids = accounts(store, 1_000)
    job = opened(client)
    fill(client, job, "Id,Score__c\n" + "".join(f"{each},1\n" for each in ids))
    change(client, job, "UploadComplete")
    bulk.runs(store).ensure(job, lambda: None).result()
    store.passing.clear()
    client.control("POST", "bulk", json={"stall": False})
    wait(client, job)
    assert [row["id"] for row in client.control("GET", "writes")] == ids


# limits


def test_ten_thousand_rows_are_a_batch(client, monkeypatch, ids):
    """Batches of the day are counted, begun ones too."""
    monkeypatch.setattr(bulk_rows, "BATCH", 2)
    before = client.call("GET", "/limits").json()["DailyBulkApiBatches"]["Remaining"]
    ended(client, "Name\na\nb\nc\n", "insert")
    after = client.call("GET", "/limits").json()["DailyBulkApiBatches"]["Remaining"]
    assert before - after == 2


def test_batches_are_limited_by_the_day(client, ids):
    """A job that needs one too many fails."""
    client.control("POST", "limits", json={"DailyBulkApiBatches": {"max": 0}})
    told = look(client, ended(client, f"Id,Name\n{ids['Alpha']},x\n"))
    assert (told["state"], told["errorMessage"].partition(" ")[0]) == ("Failed", "ExceededQuota")


def test_a_write_of_any_size_is_a_handful_of_calls(client, store):
    """Create, data, close, two looks, three results."""
    before = client.call("GET", "/limits").json()["DailyApiRequests"]["Remaining"]
    job = ended(client, "Id,Score__c\n" + "".join(f"{each},1\n" for each in accounts(store, 900)))
    for kind in RESULTS:
        rows(client, job, kind)
    after = client.call("GET", "/limits").json()["DailyApiRequests"]["Remaining"]
    assert before - after == 8 + 1


# by others


def test_the_library_updates_and_tells_which_rows_failed(sf, ids):
    """simple-salesforce's own bulk update, and its three kinds of results."""
    records = [
        {"Id": ids["Alpha"], "Tier__c": "A"},
        {"Id": ids["beta"], "Tier__c": "Z"},
    ]
    (told,) = sf.bulk2.Account.update(records=records, wait=0)
    assert (told["numberRecordsTotal"], told["numberRecordsFailed"]) == (2, 1)
    found = sf.bulk2.Account.get_all_ingest_records(told["job_id"])
    assert [row["Id"] for row in found["successfulRecords"]] == [ids["Alpha"]]
    assert [row["Id"] for row in found["failedRecords"]] == [ids["beta"]]
    assert found["unprocessedRecords"] == []


def test_the_library_inserts_upserts_and_deletes(sf, store):
    """In jobs of two records each."""
    names = [{"Name": f"n{n}", "Key__c": f"k{n}"} for n in range(4)]
    assert len(sf.bulk2.Account.insert(records=names, batch_size=2, wait=0)) == 2
    again = [{"Name": "changed", "Key__c": "k1"}]
    sf.bulk2.Account.upsert(records=again, external_id_field="Key__c", wait=0)
    gone = [{"Id": value(store, "changed", "Id")}]
    sf.bulk2.Account.delete(records=gone, wait=0)
    assert value(store, "changed", "IsDeleted") == 1


def test_the_library_sees_a_failed_job(sf, ids):
    """Its own exception, with our message."""
    with pytest.raises(SalesforceOperationError, match="Field name not found : Nope"):
        sf.bulk2.Account.update(records=[{"Id": ids["Alpha"], "Nope": "1"}], wait=0)


def test_a_cell_that_is_too_long_fails_the_job(client, ids):
    """131,072 characters are the most, whatever the field would hold."""
    cells = {131_072: "STRING_TOO_LONG", 131_073: "larger than field limit (131072)"}
    for size, said in cells.items():
        job = ended(client, f"Id,Description\n{ids['Alpha']},{'x' * size}\n")
        told = look(client, job).get("errorMessage", "")
        told += client.call("GET", f"/jobs/ingest/{job}/failedResults").text
        assert said in told
