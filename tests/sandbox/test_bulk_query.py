"""Bulk API 2.0, query: jobs, their results in pages, and what Bulk does not do."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import replace
from typing import Any

import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceOperationError

from connector.sandbox.salesforce import bulk, bulk_query, bulk_results
from connector.sandbox.salesforce.setup import ADMIN


def ask(client, soql: str, operation: str = "query", **more: Any) -> requests.Response:
    """Asks for a job."""
    body = {"operation": operation, "query": soql, **more}
    return client.call("POST", "/jobs/query", json=body)


def look(client, job: str) -> dict[str, Any]:
    """A job as it is."""
    return client.call("GET", f"/jobs/query/{job}").json()


def run(client, soql: str, operation: str = "query", **more: Any) -> str:
    """A job that is complete."""
    job = ask(client, soql, operation, **more).json()["id"]
    states = [look(client, job)["state"] for _ in range(2)]
    assert states == ["InProgress", "JobComplete"]
    return job


def results(client, job: str, **params: Any) -> requests.Response:
    """One page of what a job found."""
    return client.call("GET", f"/jobs/query/{job}/results", params=params)


def table(answer: requests.Response) -> list[dict[str, str]]:
    """The rows of a page."""
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))


def renewed(client):
    """The same client with a session of its own."""
    app = client.control("GET", "credentials")["salesforce"]
    form = {
        "grant_type": "client_credentials",
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
    }
    answer = requests.post(f"{client.url}/services/oauth2/token", data=form, timeout=10)
    return replace(client, token=answer.json()["access_token"])


@pytest.fixture
def sf(client) -> Salesforce:
    """The library, told that this instance speaks plain http."""
    host = client.url.removeprefix("http://")
    sf = Salesforce(instance=host, session_id=client.token, version="66.0")
    sf.bulk2_url = sf.bulk2_url.replace("https://", "http://")
    return sf


def test_a_job_waits_runs_and_completes(client):
    """The states a client sees, one look at a time."""
    first = ask(client, "SELECT Id FROM Account").json()
    seen = [look(client, first["id"])["state"] for _ in range(3)]
    assert [first["state"], *seen] == ["UploadComplete", "InProgress", "JobComplete", "JobComplete"]


@pytest.mark.parametrize("polls", [0, 3])
def test_looks_before_completion_can_be_set(client, polls):
    """As many looks as the control says find the job in progress."""
    client.control("POST", "bulk", json={"polls": polls})
    job = ask(client, "SELECT Id FROM Account").json()["id"]
    seen = [look(client, job)["state"] for _ in range(polls + 1)]
    assert seen == ["InProgress"] * polls + ["JobComplete"]


def test_a_job_tells_about_itself(client):
    """What clients read of a job that is complete."""
    told = look(client, run(client, "SELECT Id FROM Account"))
    assert told["numberRecordsProcessed"] == 4
    assert (told["object"], told["operation"], told["jobType"]) == ("Account", "query", "V2Query")
    assert (told["apiVersion"], told["contentType"], told["retries"]) == (66.0, "CSV", 0)


def test_results_are_not_there_before_the_job_is_complete(client):
    """A client that does not wait is told so."""
    job = ask(client, "SELECT Id FROM Account").json()["id"]
    answer = results(client, job)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALIDJOBSTATE")


def test_every_value_is_quoted_and_written_as_salesforce_does(client, ids):
    """Moments with Z, flags in words, numbers with a point, parents by path, nothing for null."""
    soql = (
        "SELECT Id, Name, Parent.Name, AnnualRevenue, Active__c, SystemModstamp, Renewal__c,"
        " Industry FROM Account WHERE Name IN ('Alpha', 'beta') ORDER BY Name"
    )
    assert results(client, run(client, soql)).text.splitlines() == [
        '"Id","Name","Parent.Name","AnnualRevenue","Active__c","SystemModstamp","Renewal__c",'
        '"Industry"',
        f'"{ids["Alpha"]}","Alpha","","100.5","true","2026-03-04T05:06:07.000Z","2026-01-31","Energy"',
        f'"{ids["beta"]}","beta","Alpha","","false","2026-03-04T05:06:07.000Z","2026-02-28","Retail"',
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0.0"),
        (12, "12.0"),
        (9_999_999.5, "9999999.5"),
        (10_000_000, "1.0E7"),
        (350_000_000, "3.5E8"),
        (-123_456_789.01, "-1.2345678901E8"),
    ],
)
def test_large_numbers_have_an_exponent(client, store, number, text):
    """Ten millions and more are written as Java writes them."""
    store.db.execute("update Account set AnnualRevenue = ? where Name = 'Alpha'", (number,))
    job = run(client, "SELECT AnnualRevenue FROM Account WHERE Name = 'Alpha'")
    assert table(results(client, job)) == [{"AnnualRevenue": text}]


def test_quotes_and_line_breaks_survive(client, store):
    """A quote is doubled, a line break stands as it is."""
    name = 'He said "no",\r\nthen left'
    store.insert("Account", ["Name", "Key__c"], [(name, "q")])
    (row,) = table(results(client, run(client, "SELECT Name FROM Account WHERE Key__c = 'q'")))
    assert row["Name"] == name


@pytest.mark.parametrize("text", ["NA", "N/A", "NULL", "None", "nan", "0", " "])
def test_text_that_looks_like_nothing_is_text(client, store, text):
    """Complaint: `NA` was read as null (salesforcer#29, airbyte's test_preserve_na_values)."""
    store.insert("Account", ["Name", "Industry"], [("odd", text)])
    job = run(client, "SELECT Industry FROM Account WHERE Name = 'odd'")
    assert table(results(client, job)) == [{"Industry": text}]


def test_text_can_hold_nul_bytes(client):
    """Complaint: NUL bytes in text break readers (airbyte#8300)."""
    client.control("POST", "bulk", json={"nul_bytes": True})
    names = [row["Name"] for row in table(results(client, run(client, "SELECT Name FROM Account")))]
    assert [each for each in names if "\0" in each]
    assert sorted(each.replace("\0", "") for each in names) == [
        "Alpha",
        "Gamma 100%",
        "O'Hara",
        "beta",
    ]


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"columnDelimiter": "SEMICOLON"}, b'"Alpha";"Energy"\n'),
        ({"columnDelimiter": "TAB"}, b'"Alpha"\t"Energy"\n'),
        ({"lineEnding": "CRLF"}, b'"Alpha","Energy"\r\n'),
    ],
)
def test_the_form_of_the_csv_can_be_chosen(client, asked, line):
    """Delimiter and line ending are as the job says."""
    job = run(client, "SELECT Name, Industry FROM Account WHERE Name = 'Alpha'", **asked)
    assert results(client, job).content.endswith(line)


# pages


@pytest.fixture
def many(client, store) -> str:
    """A complete job about 1,004 accounts."""
    store.insert("Account", ["Name"], [(f"m{n}",) for n in range(1_000)])
    return run(client, "SELECT Id FROM Account")


def pages(client, job: str, size: int) -> list[requests.Response]:
    """Every page, one locator after the other."""
    found, locator = [], ""
    while locator != "null":
        found.append(results(client, job, maxRecords=size, locator=locator))
        locator = found[-1].headers["Sforce-Locator"]
    return found


def test_results_of_several_pages_are_neither_cut_nor_repeated(client, many, store):
    """Complaint: multi-page results crash or truncate (jsforce#1546, #1693, #162)."""
    found = pages(client, many, 300)
    rows = [row["Id"] for page in found for row in table(page)]
    ids = [id_ for (id_,) in store.db.execute("select Id from Account where IsDeleted = 0")]
    assert [int(page.headers["Sforce-NumberOfRecords"]) for page in found] == [300, 300, 300, 104]
    assert sorted(rows) == sorted(ids)


def test_no_row_is_there_twice_where_pages_meet(client, many):
    """Complaint: duplicates on the borders of chunks (airbyte#20471, #29455)."""
    rows = [row["Id"] for page in pages(client, many, 7) for row in table(page)]
    assert len(rows) == len(set(rows)) == 1_004


def test_the_sums_of_the_pages_agree_with_the_job(client, many):
    """`Sforce-NumberOfRecords` adds up to `numberRecordsProcessed`."""
    counted = sum(int(each.headers["Sforce-NumberOfRecords"]) for each in pages(client, many, 250))
    assert counted == look(client, many)["numberRecordsProcessed"]


def test_every_page_has_the_header(client, many):
    """Each page is a CSV of its own."""
    assert {page.text.splitlines()[0] for page in pages(client, many, 500)} == {'"Id"'}


def test_a_page_can_be_read_again(client, many):
    """A locator stands for the same rows as often as it is used."""
    locator = results(client, many, maxRecords=10).headers["Sforce-Locator"]
    one, other = (results(client, many, locator=locator, maxRecords=10).text for _ in range(2))
    assert one == other


def test_a_download_goes_on_with_a_new_session(client, many):
    """Complaint: a long download dies when the token is renewed (tap-salesforce#222)."""
    locator = results(client, many, maxRecords=1_000).headers["Sforce-Locator"]
    client.control("POST", "expire-tokens")
    assert results(client, many, locator=locator).status_code == 401
    again = renewed(client)
    assert results(again, many, locator=locator).headers["Sforce-NumberOfRecords"] == "4"


@pytest.mark.parametrize("params", [{"maxRecords": "0"}, {"maxRecords": "x"}, {"locator": "MTA"}])
def test_a_page_that_cannot_be_is_refused(client, params):
    """A size of nothing, a locator beyond the end."""
    answer = results(client, run(client, "SELECT Id FROM Account"), **params)
    assert (answer.status_code, list(answer.json()[0])) == (400, ["message", "errorCode"])


def test_nothing_found_is_a_page_without_rows(client):
    """The header alone, no record, no locator."""
    answer = results(client, run(client, "SELECT Id FROM Account WHERE Name = 'nobody'"))
    assert (answer.text, answer.headers["Sforce-NumberOfRecords"]) == ('"Id"\n', "0")
    assert answer.headers["Sforce-Locator"] == "null"


def test_pages_can_be_read_side_by_side(client, many, monkeypatch):
    """Up to five addresses at a time, which together give every row once."""
    monkeypatch.setattr(bulk_query, "PAGE", 150)
    first = client.call("GET", f"/jobs/query/{many}/resultPages").json()
    second = client.call("GET", first["nextRecordsUrl"]).json()
    urls = [each["resultUrl"] for each in first["resultPages"] + second["resultPages"]]
    rows = [row["Id"] for url in urls for row in table(client.call("GET", url))]
    assert (len(first["resultPages"]), first["done"], second["done"]) == (5, False, True)
    assert len(rows) == len(set(rows)) == 1_004


def test_a_large_page_is_sent_in_pieces(tmp_path):
    """Complaint: memory explodes on large jobs (simple-salesforce#738, forcedotcom/cli#1995)."""
    target = tmp_path / "job.csv"
    bulk_results.write(target, ([b"x" * 99 + b"\n"] * 10_000 for _ in range(5)))
    sizes = [len(piece) for piece in bulk_results.cut(target, 1, 49_998)]
    assert (sum(sizes), max(sizes)) == (4_999_800, bulk_results.PIECE)


# order and time


def test_rows_come_in_no_certain_order(client, many):
    """Nobody can rely on ids that rise."""
    rows = [row["Id"] for row in table(results(client, many))]
    assert rows != sorted(rows)


def test_an_order_that_is_asked_for_is_kept(client, store):
    """ORDER BY means what it says."""
    store.insert("Account", ["Name"], [(f"m{n}",) for n in range(500)])
    rows = table(results(client, run(client, "SELECT Id FROM Account ORDER BY Id DESC")))
    ids = [row["Id"] for row in rows]
    assert ids == sorted(ids, reverse=True)


def test_results_are_what_was_there_when_the_job_ran(client, ids):
    """What changes later is not in them."""
    job = run(client, "SELECT Name FROM Account WHERE Name LIKE 'A%'")
    client.update({"id": ids["Alpha"], "Name": "Another"})
    assert table(results(client, job)) == [{"Name": "Alpha"}]


@pytest.mark.parametrize(("operation", "subjects"), [("query", 3), ("queryAll", 4)])
def test_the_archive_shows_in_query_all_only(client, operation, subjects):
    """Archived activities are hidden from a plain query."""
    job = run(client, "SELECT Subject FROM Task", operation)
    assert len(table(results(client, job))) == subjects


def test_the_bin_shows_in_query_all(client):
    """Deleted records too, and that they are."""
    job = run(client, "SELECT Name, IsDeleted FROM Account WHERE IsDeleted = true", "queryAll")
    assert table(results(client, job)) == [{"Name": "Gone", "IsDeleted": "true"}]


# what Bulk does not do


@pytest.mark.parametrize(
    ("soql", "code", "said"),
    [
        ("SELECT COUNT() FROM Account", "FUNCTIONALITY_NOT_ENABLED", "Aggregate"),
        ("SELECT MAX(Name) FROM Account", "FUNCTIONALITY_NOT_ENABLED", "Aggregate"),
        ("SELECT Name FROM Account GROUP BY Name", "FUNCTIONALITY_NOT_ENABLED", "GROUP BY"),
        ("SELECT Id FROM Account LIMIT 9 OFFSET 1", "FUNCTIONALITY_NOT_ENABLED", "OFFSET"),
        ("SELECT Id, BillingAddress FROM Account", "FUNCTIONALITY_NOT_ENABLED", "compound data"),
        (
            "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
            "FUNCTIONALITY_NOT_ENABLED",
            "Aggregate Relationships",
        ),
        (
            "SELECT TYPEOF What WHEN Account THEN Name END FROM Task",
            "FUNCTIONALITY_NOT_ENABLED",
            "TYPEOF",
        ),
        ("SELECT Id FROM TaskWhoRelation", "INVALIDENTITY", "not supported by the Bulk API"),
        ("SELECT Id FROM Nope", "INVALID_TYPE", "Nope"),
        ("SELECT Nope FROM Account", "INVALID_FIELD", "No such column 'Nope'"),
        ("SELECT Id FRM Account", "MALFORMED_QUERY", "unexpected token"),
    ],
)
def test_a_statement_that_bulk_cannot_run_is_refused_at_once(client, soql, code, said):
    """No job is made of it."""
    answer = ask(client, soql)
    (error,) = answer.json()
    assert (answer.status_code, error["errorCode"]) == (400, code)
    assert said in error["message"]
    assert client.call("GET", "/jobs/query").json()["records"] == []


def test_a_semi_join_is_no_subquery(client):
    """What stands behind WHERE is allowed."""
    soql = "SELECT Name FROM Account WHERE Id IN (SELECT AccountId FROM Contact)"
    assert table(results(client, run(client, soql))) == [{"Name": "Alpha"}]


def test_days_of_the_users_time_zone_can_be_asked_for(client):
    """Functions in a condition work as in a plain query."""
    soql = (
        "SELECT Name FROM Account"
        " WHERE DAY_ONLY(convertTimezone(SystemModstamp)) = 2026-03-04 AND Name = 'beta'"
    )
    assert table(results(client, run(client, soql))) == [{"Name": "beta"}]


def test_a_hidden_field_is_not_there(client):
    """To a user who may not see it, a field does not exist."""
    client.control("POST", "fls", json={"object": "Account", "field": "Score__c", "read": False})
    assert ask(client, "SELECT Score__c FROM Account").json()[0]["errorCode"] == "INVALID_FIELD"


@pytest.mark.parametrize("wanted", [{"operation": "insert"}, {"columnDelimiter": "DOT"}])
def test_a_job_with_unknown_words_is_refused(client, wanted):
    """The error names what there is."""
    body = {"operation": "query", "query": "SELECT Id FROM Account", **wanted}
    answer = client.call("POST", "/jobs/query", json=body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALIDJOB")


# jobs over time


def test_results_need_the_version_of_the_job(client):
    """Another version of the API is a conflict."""
    job = run(client, "SELECT Id FROM Account")
    at = f"/services/data/v65.0/jobs/query/{job}"
    assert client.call("GET", f"{at}/results").status_code == 409
    assert client.call("GET", f"{at}/resultPages").status_code == 409


def test_a_job_that_is_not_there_is_not_found(client):
    """Neither an unknown id, nor that of another kind of job."""
    body = {"object": "Account", "operation": "insert"}
    other = client.call("POST", "/jobs/ingest", json=body).json()["id"]
    answers = [client.call("GET", f"/jobs/query/{each}") for each in (other, "750Sb00000000zz")]
    assert [(each.status_code, each.json()[0]["errorCode"]) for each in answers] == [
        (404, "NOT_FOUND")
    ] * 2


def test_the_job_of_another_user_is_not_found(client, store):
    """Jobs belong to those who made them."""
    job = run(client, "SELECT Id FROM Account")
    store.db.execute("update bulk_jobs set user = ?", (ADMIN,))
    assert results(client, job).status_code == 404


def test_results_are_gone_after_a_week(client):
    """Seven days of the sandbox's clock."""
    job = run(client, "SELECT Id FROM Account")
    client.control("POST", "clock", json={"advance": "8d"})
    again = renewed(client)
    assert results(again, job).status_code == 404
    assert again.call("GET", "/jobs/query").json()["records"] == []


def test_a_job_can_be_aborted(client):
    """It stays so, and has no results."""
    job = ask(client, "SELECT Id FROM Account").json()["id"]
    answer = client.call("PATCH", f"/jobs/query/{job}", json={"state": "Aborted"})
    assert (answer.json()["state"], look(client, job)["state"]) == ("Aborted", "Aborted")
    assert results(client, job).status_code == 400


def test_a_complete_job_cannot_be_aborted(client):
    """There is nothing left to stop."""
    job = run(client, "SELECT Id FROM Account")
    answer = client.call("PATCH", f"/jobs/query/{job}", json={"state": "Aborted"})
    assert answer.json()[0]["errorCode"] == "INVALIDJOBSTATE"


def test_a_job_can_be_deleted(client, store):
    """With everything that was kept of it."""
    job = run(client, "SELECT Id FROM Account")
    assert client.call("DELETE", f"/jobs/query/{job}").status_code == 204
    assert client.call("GET", f"/jobs/query/{job}").status_code == 404
    assert list(bulk.folder(store).iterdir()) == []


def test_a_running_job_cannot_be_deleted(client):
    """It has to end first."""
    job = ask(client, "SELECT Id FROM Account").json()["id"]
    assert client.call("DELETE", f"/jobs/query/{job}").json()[0]["errorCode"] == "INVALIDJOBSTATE"


def test_a_job_outlives_a_restart(client, store):
    """What was asked for is run by the next server."""
    job = ask(client, "SELECT Id FROM Account").json()["id"]
    bulk.runs(store).ensure(job, lambda: None).result()
    store.passing.clear()
    for each in bulk.folder(store).iterdir():
        each.unlink()
    assert [look(client, job)["state"] for _ in range(2)][-1] == "JobComplete"
    assert len(table(results(client, job))) == 4


def test_jobs_are_listed(client):
    """All of a user's query jobs, and nothing else."""
    job = run(client, "SELECT Id FROM Account")
    client.call("POST", "/jobs/ingest", json={"object": "Account", "operation": "insert"})
    found = client.call("GET", "/jobs/query").json()
    assert [(each["id"], each["state"]) for each in found["records"]] == [(job, "JobComplete")]
    assert (found["done"], found["nextRecordsUrl"]) == (True, None)


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({"jobType": "V2Query"}, 1),
        ({"jobType": "Classic"}, 0),
        ({"isPkChunkingEnabled": "true"}, 0),
        ({"isPkChunkingEnabled": "false", "concurrencyMode": "parallel"}, 1),
        ({"concurrencyMode": "serial"}, 0),
    ],
)
def test_the_list_can_be_narrowed(client, params, count):
    """By kind, chunking and concurrency."""
    ask(client, "SELECT Id FROM Account")
    found = client.call("GET", "/jobs/query", params=params).json()
    assert len(found["records"]) == count


def test_the_list_has_pages(client, monkeypatch):
    """`nextRecordsUrl` leads to the rest."""
    monkeypatch.setattr(bulk, "MOST_LISTED", 2)
    jobs = [ask(client, "SELECT Id FROM Account").json()["id"] for _ in range(3)]
    first = client.call("GET", "/jobs/query").json()
    rest = client.call("GET", first["nextRecordsUrl"]).json()
    found = [each["id"] for each in first["records"] + rest["records"]]
    assert (found, first["done"], rest["done"]) == (jobs, False, True)


# what goes wrong on demand


def test_a_job_can_stall(client):
    """It stays in progress until it is let go."""
    client.control("POST", "bulk", json={"stall": True})
    job = ask(client, "SELECT Id FROM Account").json()["id"]
    stalled = {look(client, job)["state"] for _ in range(5)}
    client.control("POST", "bulk", json={"stall": False})
    assert (stalled, look(client, job)["state"]) == ({"InProgress"}, "JobComplete")


def test_the_next_job_can_be_made_to_fail(client):
    """With a message, and only that one."""
    client.control("POST", "bulk", json={"fail": "InternalServerError : no luck"})
    job = ask(client, "SELECT Id FROM Account").json()["id"]
    told = [look(client, job) for _ in range(2)][-1]
    assert (told["state"], told["errorMessage"]) == ("Failed", "InternalServerError : no luck")
    run(client, "SELECT Id FROM Account")


@pytest.mark.parametrize(
    "wanted",
    [{"speed": 3}, {"polls": True}, {"stall": 1}, {"polls": "x"}, {"unprocessed_share": 2}],
)
def test_a_control_that_makes_no_sense_is_refused(client, wanted):
    """Unknown names and wrong kinds of values."""
    answer = requests.post(f"{client.url}/_sandbox/bulk", json=wanted, timeout=10)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_the_control_counts_jobs(client):
    """How many are in which state, for those who must leave none open."""
    run(client, "SELECT Id FROM Account")
    ask(client, "SELECT Id FROM Account")
    told = client.control("GET", "bulk")
    assert (told["polls"], told["jobs"]) == (1, {"JobComplete": 1, "UploadComplete": 1})


# packing and limits


@pytest.mark.parametrize(
    ("accept", "control", "encoding"),
    [("gzip", True, "gzip"), ("identity", True, None), ("gzip", False, "identity")],
)
def test_results_are_packed_for_those_who_take_it(client, accept, control, encoding):
    """Unless the control says that this server does not."""
    client.control("POST", "bulk", json={"gzip": control})
    job = run(client, "SELECT Id FROM Account")
    headers = {"Accept-Encoding": accept}
    answer = client.call("GET", f"/jobs/query/{job}/results", headers=headers, stream=True)
    raw = answer.raw.read(decode_content=False)
    assert answer.headers.get("Content-Encoding") == encoding
    assert (gzip.decompress(raw) if encoding == "gzip" else raw).count(b"\n") == 5


def test_every_call_of_a_job_counts(client):
    """Create, two looks, results: four calls, and one query job."""
    before = client.call("GET", "/limits").json()
    results(client, run(client, "SELECT Id FROM Account"))
    after = client.call("GET", "/limits").json()
    spent = {each: before[each]["Remaining"] - after[each]["Remaining"] for each in before}
    assert (spent["DailyApiRequests"], spent["DailyBulkV2QueryJobs"]) == (5, 1)


def test_query_jobs_are_limited_by_the_day(client):
    """The one too many is refused."""
    client.control("POST", "limits", json={"DailyBulkV2QueryJobs": {"max": 1}})
    ask(client, "SELECT Id FROM Account")
    answer = ask(client, "SELECT Id FROM Account")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "LIMIT_EXCEEDED")


# by others


def test_the_library_reads_every_page(sf, store):
    """simple-salesforce's own generator over locators."""
    store.insert("Account", ["Name"], [(f"m{n}",) for n in range(100)])
    found = list(sf.bulk2.Account.query("SELECT Id FROM Account", max_records=30, wait=0))
    assert [len(each.splitlines()) - 1 for each in found] == [30, 30, 30, 14]


def test_the_library_reads_the_bin(sf):
    """Its `query_all` is ours."""
    (found,) = sf.bulk2.Account.query_all("SELECT Name FROM Account", wait=0)
    assert "Gone" in found


def test_the_library_downloads_to_files(sf, tmp_path):
    """Page by page, with the number of records of each."""
    folder = tmp_path / "pages"
    folder.mkdir()
    found = sf.bulk2.Account.download(
        "SELECT Id FROM Account", path=str(folder), max_records=3, wait=0
    )
    assert [each["number_of_records"] for each in found] == [3, 1]
    assert len(list(folder.iterdir())) == 2


def test_the_library_sees_a_failed_job(sf, client):
    """Its own exception, with our message."""
    client.control("POST", "bulk", json={"fail": "InternalServerError : no luck"})
    with pytest.raises(SalesforceOperationError, match="no luck"):
        list(sf.bulk2.Account.query("SELECT Id FROM Account", wait=0))


def test_a_statement_that_is_too_complicated_is_no_job(client):
    """Formulas are written out for bulk as well."""
    condition = " AND ".join(f"Twice__c != {each}" for each in range(50))
    soql = f"SELECT Id FROM Account WHERE {condition}"
    answer = client.call("POST", "/jobs/query", json={"operation": "query", "query": soql})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "QUERY_TOO_COMPLICATED")
