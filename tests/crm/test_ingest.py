"""Bulk API 2.0 ingest: a file goes, and an outcome of every row comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.crm.salesforce import ingest, jobs
from connector.engines.duckdb import DuckDB
from connector.errors import BudgetSpent, ConnectorError, InDoubt


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Waiting is shortened, not left out."""
    monkeypatch.setattr(jobs, "BEGIN_SECONDS", 0.01)
    monkeypatch.setattr(jobs, "LONGEST_PAUSE", 0.02)


def file(folder: Path, *lines: str) -> Path:
    path = folder / "rows.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def outcomes(engine: DuckDB, relation: str) -> dict[str, tuple[str, str, str]]:
    rows = engine.rows(f"SELECT id, result, code, message FROM {relation}")
    assert len({row[0] for row in rows}) == len(rows)
    return {id: (result, code, message) for id, result, code, message in rows}


def test_simple_salesforce_698_every_row_has_its_outcome_whatever_the_order(org, engine, tmp_path):
    """Successful and failed rows are matched by Id."""
    ids = org.ids(3)
    rows = [f"{ids[0]},Small", f"{ids[1]},Nonsense", f"{ids[2]},Small"]
    noted: list[str] = []
    spool = org.crm.load("Account", file(tmp_path, "Id,Segment__c", *rows), tmp_path, noted.append)
    told = outcomes(engine, spool.relation)
    assert {id: result for id, (result, _, _) in told.items()} == {
        ids[0]: "applied", ids[1]: "failed", ids[2]: "applied"
    }  # fmt: skip
    assert told[ids[1]][1] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert len(noted) == 1


def test_quotes_and_commas_arrive_as_they_are(org, engine, tmp_path):
    """And so does what the results say of such rows."""
    id = org.ids(1)[0]
    rows = file(tmp_path, "Id,Name", f'{id},"One, ""two""; ä €"')
    spool = org.crm.load("Account", rows, tmp_path, lambda job: None)
    assert outcomes(engine, spool.relation)[id][0] == "applied"
    held = org.control("values?crm=salesforce&object=Account&fields=Name")
    assert held[id]["Name"] == 'One, "two"; ä €'


def test_what_an_earlier_run_began_is_found_by_its_number(org, engine, tmp_path):
    """Its results are those of the job; a job that never got its file did nothing."""
    id, noted = org.ids(1)[0], []
    org.crm.load("Account", file(tmp_path, "Id,Segment__c", f"{id},Small"), tmp_path, noted.append)
    again = org.another().loaded(noted[0], tmp_path)
    assert again is not None
    assert outcomes(engine, again.relation)[id][0] == "applied"
    body = {"object": "Account", "operation": "update", "contentType": "CSV"}
    open_ = org.crm._client.json("POST", "jobs/ingest", "to open a job", json=body)["id"]
    empty = org.another().loaded(open_, tmp_path)
    assert empty is not None
    assert (empty.rows, outcomes(engine, empty.relation)) == (0, {})
    assert org.control("bulk")["jobs"].get("Open", 0) == 0
    assert org.another().loaded("750000000000999AAA", tmp_path) is None


LIMIT = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]


@pytest.mark.parametrize("by", ["the daily limit", "the keyboard", "the network"])
def test_an_upload_that_is_stopped_leaves_nothing_to_look_up(
    org, engine, tmp_path, monkeypatch, by
):
    """Its job is ended without having run, and whoever asks for its outcomes learns of none."""
    rows, noted = file(tmp_path, "Id,Segment__c", f"{org.ids(1)[0]},Small"), []
    org.crm.check()
    match = {"method": "PUT", "path_regex": "batches$"}
    if by == "the keyboard":
        monkeypatch.setattr(ingest, "_put", stopped)
    elif by == "the daily limit":
        org.control("faults", {"match": match, "do": {"status": 403, "body": LIMIT}, "times": 1})
    else:
        org.control("faults", {"match": match, "do": {"drop": "before"}})
    with pytest.raises((BudgetSpent, InDoubt, KeyboardInterrupt)):
        org.crm.load("Account", rows, tmp_path, noted.append)
    assert noted
    assert noted[-1] == ""
    assert set(org.control("bulk")["jobs"]) == {"Aborted"}
    for job in filter(None, noted):
        nothing = org.another().loaded(job, tmp_path)
        assert nothing is not None
        assert (nothing.rows, outcomes(engine, nothing.relation)) == (0, {})


def stopped(*_):
    raise KeyboardInterrupt


def test_a_column_that_nobody_may_see_is_refused_whole(org, tmp_path):
    """Told in words, with what would help."""
    rows = file(tmp_path, "Id,Nonsense__c", f"{org.ids(1)[0]},1")
    with pytest.raises(ConnectorError, match="Nonsense__c") as refused:
        org.crm.load("Account", rows, tmp_path, lambda job: None)
    assert "connector fields plan" in refused.value.hint


def test_a_job_that_takes_for_ever_is_ended(org, tmp_path, monkeypatch):
    """Loops are bounded; nothing is left running (simple-salesforce#482)."""
    monkeypatch.setattr(jobs, "LONGEST_JOB", 0.1)
    org.control("bulk", {"stall": True})
    rows = file(tmp_path, "Id,Segment__c", f"{org.ids(1)[0]},Small")
    with pytest.raises(ConnectorError, match="took longer"):
        org.crm.load("Account", rows, tmp_path, lambda job: None)
    states = org.control("bulk")["jobs"]
    assert set(states) <= jobs.ENDED


@pytest.mark.parametrize("guess", [1, 20, 300])
@pytest.mark.parametrize(("times", "looks"), [(0, 1), (0.33, 1), (1, 1), (1.5, 1), (3, 2), (6, 3)])
def test_a_wrong_guess_of_the_pace_costs_a_look_at_most(monkeypatch, guess, times, looks):
    """Three times as quick costs none, three times as slow one more than was predicted."""
    monkeypatch.undo()
    waited, made = 0.0, 0
    for pause in jobs.pauses(guess):
        waited, made = waited + pause, made + 1
        if waited >= guess * times:
            break
    assert (made, jobs.looks(guess)) == (looks, 1)
    assert waited <= max(jobs.MARGIN * guess, 2 * guess * times)


def test_a_very_long_job_is_looked_at_every_quarter_of_an_hour(monkeypatch):
    """Also when that was known beforehand."""
    monkeypatch.undo()
    assert jobs.looks(3600) == 4
    assert sum(jobs.pauses(3600)) >= jobs.LONGEST_JOB


def test_a_job_whose_number_was_lost_is_ended_and_another_one_begun(org, engine, tmp_path):
    """None is left open, and a job that somebody else's program has open is left alone."""
    theirs = {"object": "Contact", "operation": "update", "contentType": "CSV"}
    org.crm.check()
    other = org.crm._client.json("POST", "jobs/ingest", "to open a job", json=theirs)["id"]
    match = {"method": "POST", "path_regex": "jobs/ingest/?$"}
    org.control("faults", {"match": match, "do": {"drop": "after"}, "times": 1})
    id = org.ids(1)[0]
    rows = file(tmp_path, "Id,Segment__c", f"{id},Small")
    spool = org.crm.load("Account", rows, tmp_path, lambda job: None)
    assert outcomes(engine, spool.relation)[id][0] == "applied"
    listed = org.crm._client.json("GET", "jobs/ingest", "to list jobs")["records"]
    assert [job["id"] for job in listed if job["state"] == "Open"] == [other]


def test_a_creation_that_is_lost_again_and_again_leaves_nothing_open(org, tmp_path):
    """The run ends, and says so."""
    org.crm.check()
    match = {"method": "POST", "path_regex": "jobs/ingest/?$"}
    org.control("faults", {"match": match, "do": {"drop": "after"}})
    rows = file(tmp_path, "Id,Segment__c", f"{org.ids(1)[0]},Small")
    with pytest.raises(ConnectorError, match="got no answer"):
        org.crm.load("Account", rows, tmp_path, lambda job: None)
    assert org.control("bulk")["jobs"].get("Open", 0) == 0
