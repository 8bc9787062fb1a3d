"""Rows that are held, automations that fail, an org that is busy."""

from __future__ import annotations

import pytest


def codes(results):
    """The code of each row's error, None for a row that was written."""
    return [each["errors"][0]["statusCode"] if each["errors"] else None for each in results]


def many(store, count):
    """So many new accounts."""
    made = store.new_ids("Account", count)
    owner = store.db.execute("select Id from User").fetchone()[0]
    store.insert("Account", ["Id", "Name", "OwnerId"], [(each, "x", owner) for each in made])
    return made


def test_unable_to_lock_row_passes_after_so_many_attempts(client, ids):
    """The row is refused twice; its neighbour is written at once."""
    client.control("POST", "locks", json={"object": "Account", "ids": [ids["Alpha"]], "times": 2})
    rows = [{"id": ids["Alpha"], "Score__c": 1}, {"id": ids["beta"], "Score__c": 1}]
    told = [codes(client.update(*rows)) for _ in range(3)]
    held = "UNABLE_TO_LOCK_ROW"
    assert told == [[held, None], [held, None], [None, None]]


def test_an_attempt_that_is_rolled_back_counts_as_well(client, ids):
    """All or none fails once, not for ever."""
    client.control("POST", "locks", json={"object": "Account", "ids": [ids["Alpha"]]})
    row = {"id": ids["Alpha"], "Score__c": 1}
    told = [codes(client.update(row, all_or_none=True)) for _ in range(2)]
    assert told == [["UNABLE_TO_LOCK_ROW"], [None]]


def test_a_locked_parent_holds_its_children(client, ids):
    """beta stands below Alpha, Gamma below beta."""
    lock = {"object": "Account", "parents": [ids["Alpha"]], "times": 1}
    client.control("POST", "locks", json=lock)
    rows = [{"id": ids[each], "Score__c": 1} for each in ("Alpha", "beta", "Gamma 100%")]
    assert codes(client.update(*rows)) == [None, "UNABLE_TO_LOCK_ROW", None]


def test_a_lock_may_hold_large_transactions_only(client, ids, store):
    """What fails among two hundred goes through alone."""
    lock = {"object": "Account", "ids": [ids["Alpha"]], "times": None, "chunk_above": 1}
    client.control("POST", "locks", json=lock)
    alpha, beta = ({"id": ids[each], "Score__c": 1} for each in ("Alpha", "beta"))
    assert codes(client.update(alpha, beta)) == ["UNABLE_TO_LOCK_ROW", None]
    assert codes(client.update(alpha)) == [None]


def test_a_record_in_approval_stays_locked(client, ids):
    """Until somebody releases it."""
    lock = {"object": "Account", "ids": [ids["Alpha"]], "code": "ENTITY_IS_LOCKED"}
    client.control("POST", "locks", json=lock)
    row = {"id": ids["Alpha"], "Score__c": 1}
    assert [codes(client.update(row)) for _ in range(3)] == [["ENTITY_IS_LOCKED"]] * 3
    client.control("DELETE", "locks")
    assert codes(client.update(row)) == [None]


def test_a_locked_record_is_refused_by_itself_as_well(client, ids):
    """400 with the code, and it is not deleted either."""
    lock = {"object": "Account", "ids": [ids["Alpha"]], "times": 2}
    client.control("POST", "locks", json=lock)
    at = f"/sobjects/Account/{ids['Alpha']}"
    answers = [client.call("PATCH", at, json={"Score__c": 1}), client.call("DELETE", at)]
    assert [each.json()[0]["errorCode"] for each in answers] == ["UNABLE_TO_LOCK_ROW"] * 2


@pytest.mark.parametrize(
    "lock",
    [
        {"object": "Nope", "ids": ["001Sb0000000001IAA"]},
        {"object": "Account"},
        {"object": "Account", "ids": ["x"]},
        {"object": "Account", "ids": ["001Sb0000000001IAA"], "code": "NOPE"},
    ],
)
def test_a_lock_that_makes_no_sense_is_refused(client, lock):
    """A typing error is not a lock that never holds."""
    assert "error" in client.control("POST", "locks", json=lock)


TRIGGER = {
    "object": "Account",
    "code": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "message": "AccountTrigger: System.LimitException: Too many future calls: 51",
    "chunk_above": 50,
}


def test_two_hundred_row_chunks_blow_customer_triggers(client, store):
    """Every row of a chunk above fifty fails; fifty go through."""
    client.control("POST", "automations", json=[TRIGGER])
    rows = [{"id": each, "Score__c": 1} for each in many(store, 200)]
    whole = client.update(*rows)
    assert codes(whole) == [TRIGGER["code"]] * 200
    assert whole[0]["errors"][0]["message"] == TRIGGER["message"]
    assert codes(client.update(*rows[:50])) == [None] * 50


def test_parts_of_a_composite_are_transactions_of_their_own(client, store):
    """Fifty rows each are not a hundred rows."""
    client.control("POST", "automations", json=[TRIGGER])
    rows = [{"attributes": {"type": "Account"}, "id": each} for each in many(store, 100)]
    parts = [
        {
            "method": "PATCH",
            "url": "/services/data/v66.0/composite/sobjects",
            "referenceId": f"p{start}",
            "body": {"records": [{**each, "Score__c": 1} for each in rows[start : start + 50]]},
        }
        for start in (0, 50)
    ]
    told = client.call("POST", "/composite", json={"compositeRequest": parts}).json()
    results = [row for each in told["compositeResponse"] for row in each["body"]]
    assert codes(results) == [None] * 100


@pytest.mark.parametrize("code", ["APEX_ERROR", "FLOW_EXCEPTION", "CANNOT_EXECUTE_FLOW_TRIGGER"])
def test_a_flow_fails_for_the_rows_it_is_about(client, ids, code):
    """Every time, however few they are; nothing of the row is written."""
    flow = {"object": "Account", "code": code, "message": "No.", "when": "Industry = 'Retail'"}
    client.control("POST", "automations", json=[flow])
    rows = [{"id": ids[each], "Score__c": 1} for each in ("Alpha", "beta")]
    assert codes(client.update(*rows)) == [None, code]
    held = client.control("GET", "values", params={"object": "Account", "fields": "Score__c"})
    assert held[ids["beta"]]["Score__c"] is None


def test_automations_are_replaced_as_a_whole(client, ids):
    """An empty list and nothing fails any more."""
    client.control("POST", "automations", json=[{"object": "Account", "code": "APEX_ERROR"}])
    assert codes(client.update({"id": ids["Alpha"], "Score__c": 1})) == ["APEX_ERROR"]
    client.control("POST", "automations", json=[])
    assert codes(client.update({"id": ids["Alpha"], "Score__c": 1})) == [None]


def test_an_automation_with_a_condition_that_does_not_work_is_refused(client):
    """The error says what the database says."""
    flow = {"object": "Account", "code": "APEX_ERROR", "when": "Nope = 1"}
    assert "no such column" in client.control("POST", "automations", json=[flow])["error"]


def test_a_busy_org_refuses_calls_and_does_not_count_them(client):
    """403 with the words of the concurrent limit, so many times; the day's calls are untouched."""
    client.control("POST", "busy", json={"times": 2})
    answers = [client.call("GET", "/limits") for _ in range(3)]
    assert [each.status_code for each in answers] == [403, 403, 200]
    assert answers[0].json() == [
        {
            "message": "ConcurrentPerOrgLongTxn Limit exceeded.",
            "errorCode": "REQUEST_LIMIT_EXCEEDED",
        }
    ]
    assert answers[2].headers["Sforce-Limit-Info"].startswith("api-usage=1/")


SAVE = {"Sforce-Duplicate-Rule-Header": "allowSave=true; includeRecordDetails=false"}


@pytest.fixture
def duplicates(client):
    """A rule that objects to every account of the energy industry."""
    rule = {
        "object": "Account",
        "code": "DUPLICATES_DETECTED",
        "message": "Use one of these records?",
        "when": "Industry = 'Energy'",
    }
    assert client.control("POST", "automations", json=[rule]) == {"automations": 1}


def test_a_duplicate_is_saved_only_for_those_who_say_so(client, ids, duplicates):
    """The header decides; what it says of anything else changes nothing."""
    rows = {"records": [{"attributes": {"type": "Account"}, "id": ids["Alpha"], "Score__c": 1}]}
    told = [
        codes(client.call("PATCH", "/composite/sobjects", json=rows, headers=headers).json())
        for headers in ({}, {"Sforce-Duplicate-Rule-Header": "allowSave=false"}, SAVE)
    ]
    assert told == [["DUPLICATES_DETECTED"], ["DUPLICATES_DETECTED"], [None]]


def test_a_part_of_a_composite_says_so_itself(client, ids, duplicates):
    """It has the headers that it names, and not those of the whole."""
    at = "/services/data/v66.0/composite/sobjects"
    rows = {"records": [{"attributes": {"type": "Account"}, "id": ids["Alpha"], "Score__c": 1}]}
    one = {"method": "PATCH", "url": at, "referenceId": "one", "body": rows}
    other = {**one, "referenceId": "two", "httpHeaders": SAVE}
    asked = {"compositeRequest": [one, other]}
    answer = client.call("POST", "/composite", json=asked, headers=SAVE)
    told = [codes(each["body"]) for each in answer.json()["compositeResponse"]]
    assert told == [["DUPLICATES_DETECTED"], [None]]


def test_a_job_saves_no_duplicates_whoever_looks_at_it(client, ids, duplicates):
    """Bulk API 2.0 takes no such header, neither with the job nor with a later request."""
    body = {"object": "Account", "operation": "update", "contentType": "CSV"}
    job = client.call("POST", "/jobs/ingest", json=body, headers=SAVE).json()["id"]
    at, data = f"/jobs/ingest/{job}", f"Id,Score__c\n{ids['Alpha']},1\n"
    client.call("PUT", f"{at}/batches", data=data, headers={**SAVE, "Content-Type": "text/csv"})
    client.call("PATCH", at, json={"state": "UploadComplete"}, headers=SAVE)
    ended = [client.call("GET", at, headers=SAVE).json() for _ in range(2)][-1]
    assert (ended["state"], ended["numberRecordsFailed"]) == ("JobComplete", 1)
