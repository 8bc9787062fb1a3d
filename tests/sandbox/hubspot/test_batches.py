"""Many records in one call."""

from __future__ import annotations

import orjson
import pytest

BATCH = "/crm/v3/objects/companies/batch"


def update(account, *inputs, version="v3"):
    """Sends one batch of updates."""
    path = (
        f"{BATCH}/update" if version == "v3" else f"/crm/objects/{version}/companies/batch/update"
    )
    return account.call("POST", path, json={"inputs": list(inputs)})


def test_what_is_not_there_is_told_beside_what_is(account, companies):
    """Status 207, the ids that are missing in the context of an error."""
    body = {"properties": ["name"], "inputs": [{"id": companies["Alpha"]}, {"id": "77"}]}
    answer = account.call("POST", f"{BATCH}/read", json=body)
    assert answer.status_code == 207
    told = answer.json()
    assert [each["properties"]["name"] for each in told["results"]] == ["Alpha"]
    assert told["numErrors"] == 1
    assert told["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert told["errors"][0]["context"] == {"ids": ["77"]}


def test_results_are_not_in_the_order_of_inputs(account, companies):
    """Whoever matches by position is wrong."""
    ids = sorted(companies.values(), key=int, reverse=True)
    body = {"inputs": [{"id": each} for each in ids]}
    found = [each["id"] for each in account.post(f"{BATCH}/read", body)["results"]]
    assert found == ids[::-1]


def test_one_bad_value_fails_the_whole_batch(account, companies):
    """Complaint 17: nothing is written, and the message names the property inside of JSON."""
    good = {"id": companies["Alpha"], "properties": {"name": "New"}}
    bad = {"id": companies["beta"], "properties": {"segment": "enterprise"}}
    answer = update(account, good, bad)
    assert answer.status_code == 400
    told = answer.json()
    (wrong,) = orjson.loads(told["message"].partition(": ")[2])
    assert (wrong["error"], wrong["name"]) == ("INVALID_OPTION", "segment")
    assert "errors" not in told
    assert account.get(f"/crm/v3/objects/companies/{companies['Alpha']}")["properties"]["name"] == (
        "Alpha"
    )


def test_dated_addresses_tell_errors_as_a_list_too(account, companies):
    """The code and the property, without looking into the message."""
    bad = {"id": companies["beta"], "properties": {"nope": "1"}}
    told = update(account, bad, version="2026-09").json()
    (error,) = told["errors"]
    assert error["code"] == "PROPERTY_DOESNT_EXIST"
    assert error["context"] == {"propertyName": ["nope"]}


def test_an_update_by_record_id_takes_no_id_property(account, companies):
    """Complaint 16: with hs_object_id named as the key it fails."""
    good = {"id": companies["Alpha"], "properties": {"name": "New"}}
    assert update(account, {**good, "idProperty": "hs_object_id"}).status_code == 400
    assert update(account, good).json()["results"][0]["properties"]["name"] == "New"


def test_an_update_by_a_unique_property_finds_its_record(account, companies):
    """The customer number leads to one company."""
    update(account, {"id": companies["Alpha"], "properties": {"customer_number": "K-1"}})
    by = {"id": "K-1", "idProperty": "customer_number", "properties": {"name": "New"}}
    (result,) = update(account, by).json()["results"]
    assert result["id"] == companies["Alpha"]


def test_a_company_that_is_not_there_is_told_and_the_others_are_written(account, companies):
    """207 with both."""
    there = {"id": companies["Alpha"], "properties": {"name": "New"}}
    answer = update(account, there, {"id": "77", "properties": {"name": "x"}})
    assert answer.status_code == 207
    assert [each["id"] for each in answer.json()["results"]] == [companies["Alpha"]]
    assert answer.json()["errors"][0]["context"] == {"ids": ["77"]}


def test_an_id_that_comes_twice_is_refused(account, companies):
    """Also when the two inputs say different things."""
    one = {"id": companies["Alpha"], "properties": {"name": "1"}}
    answer = update(account, one, {**one, "properties": {"name": "2"}})
    assert answer.status_code == 400
    assert answer.json()["context"] == {"ids": [companies["Alpha"]]}


@pytest.mark.parametrize("body", [{}, {"inputs": []}, {"input": [{"id": "1"}]}])
def test_no_inputs_are_answered_with_200_and_nothing_done(account, companies, body):
    """A body with a typing error in it is a success, too."""
    answer = account.call("POST", f"{BATCH}/update", json=body)
    assert (answer.status_code, answer.json()["results"]) == (200, [])


def test_a_hundred_and_one_inputs_are_too_many(account):
    """The limit of a batch is 100."""
    inputs = [{"id": str(n), "properties": {}} for n in range(101)]
    assert update(account, *inputs).status_code == 400


def test_a_trace_id_comes_back_with_result_and_error(account, companies):
    """It maps results to inputs whatever the order."""
    account.control(rules=[{"object": "companies", "requires": ["phone"], "when": {"name": "bad"}}])
    good = {"id": companies["Alpha"], "objectWriteTraceId": "a", "properties": {"name": "good"}}
    bad = {"id": companies["beta"], "objectWriteTraceId": "b", "properties": {"name": "bad"}}
    told = update(account, good, bad, version="2026-09").json()
    assert [each["objectWriteTraceId"] for each in told["results"]] == ["a"]
    assert told["errors"][0]["context"]["objectWriteTraceId"] == ["b"]


def test_an_upsert_makes_what_it_does_not_find(account):
    """The key decides; each result tells whether it is new."""
    given = {"id": "K-9", "idProperty": "customer_number", "properties": {"name": "Nine"}}
    first = account.post(f"{BATCH}/upsert", {"inputs": [given]})["results"][0]
    second = account.post(f"{BATCH}/upsert", {"inputs": [given]})["results"][0]
    assert (first["new"], second["new"]) == (True, False)
    assert first["id"] == second["id"]
    assert first["properties"]["customer_number"] == "K-9"


def test_an_upsert_without_a_key_is_refused(account):
    """idProperty is needed in every input."""
    body = {"inputs": [{"id": "1", "properties": {"name": "x"}}]}
    assert account.call("POST", f"{BATCH}/upsert", json=body).status_code == 400


def test_a_unique_value_belongs_to_one_record(account, companies):
    """The second one is refused with the property's name."""
    update(account, {"id": companies["Alpha"], "properties": {"customer_number": "K-1"}})
    answer = update(account, {"id": companies["beta"], "properties": {"customer_number": "K-1"}})
    assert answer.status_code == 400
    assert "CONFLICTING_UNIQUE_VALUE" in answer.json()["message"]


def test_all_records_of_a_batch_are_stamped_with_one_moment(account, companies):
    """Complaint 3: many records share a millisecond."""
    inputs = [{"id": each, "properties": {"phone": "1"}} for each in companies.values()]
    told = update(account, *inputs).json()
    assert len({each["updatedAt"] for each in told["results"]}) == 1


def test_locked_companies_are_answered_with_423(account, companies):
    """As often as the control says."""
    account.control(records={"locked": 1})
    good = {"id": companies["Alpha"], "properties": {"name": "New"}}
    assert [update(account, good).status_code for _ in range(2)] == [423, 200]


def test_batches_carry_no_associations(account, companies):
    """Complaint 11: neither does search; only the list and the single record do."""
    body = {"inputs": [{"id": companies["Alpha"]}]}
    (found,) = account.post(f"{BATCH}/read?associations=contacts", body)["results"]
    assert "associations" not in found


def test_archiving_a_batch_says_nothing(account, companies):
    """204, also for ids that are not there."""
    body = {"inputs": [{"id": companies["Alpha"]}, {"id": "77"}]}
    assert account.call("POST", f"{BATCH}/archive", json=body).status_code == 204
    assert len(account.get("/crm/v3/objects/companies")["results"]) == 2


def test_history_in_a_batch_is_for_fifty(account, make):
    """As in the list."""
    ids = make(account, 51)
    body = {"inputs": [{"id": each} for each in ids], "propertiesWithHistory": ["name"]}
    assert account.call("POST", f"{BATCH}/read", json=body).status_code == 400
    body["inputs"].pop()
    told = account.post(f"{BATCH}/read", body)["results"][0]["propertiesWithHistory"]
    assert told["name"][0]["value"] == "Company 0"


def test_what_was_written_shows_in_the_log_of_writes(account, companies, url):
    """Type, id and the values as they are kept."""
    import requests

    update(account, {"id": companies["Alpha"], "properties": {"arr": 12.5}})
    log = requests.get(f"{url}/_sandbox/writes", params={"object": "companies"}, timeout=10).json()
    assert log[-1]["fields"] == {"id": companies["Alpha"], "arr": "12.5"}


def test_the_key_of_an_archived_company_is_free(account, companies):
    """Another company may have it, and then the first one does not come back with it."""
    path, body = f"{BATCH}/upsert", {"id": "K-1", "idProperty": "customer_number"}
    given = {"inputs": [{**body, "properties": {"name": "One"}}]}
    old = account.post(path, given)["results"][0]["id"]
    account.call("DELETE", f"/crm/v3/objects/companies/{old}")
    (new,) = account.post(path, given)["results"]
    assert (new["new"], new["id"] == old) == (True, False)
