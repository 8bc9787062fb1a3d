"""The sandbox's own controls."""

from __future__ import annotations

import pytest


def edit(client, **wanted):
    """Lets a person do something to an account."""
    return client.control("POST", "people", json={"object": "Account", **wanted})


def test_requests_are_counted_by_route_and_not_by_address(client, ids):
    """Two records, one route."""
    for name in ("Alpha", "beta"):
        client.call("GET", f"/sobjects/Account/{ids[name]}")
    routes = client.control("GET", "stats")["routes"]
    counted = {(each["method"], each["route"]): each for each in routes}
    found = counted["GET", "/services/data/{version}/sobjects/{object}/{id}"]
    assert found["requests"] == 2
    assert found["bytes"] > 200


def test_counting_can_begin_anew(client, ids):
    """Requests and writes, but not the log of writes."""
    client.update({"id": ids["Alpha"], "Score__c": 1})
    client.control("POST", "reset-stats")
    assert client.control("GET", "stats") == {"routes": [], "writes": {}}
    assert len(client.control("GET", "writes")) == 1


def test_a_record_written_twice_shows_in_the_statistics(client, ids):
    """Rows, records, and how many of them were written more than once."""
    client.update({"id": ids["Alpha"], "Score__c": 1}, {"id": ids["beta"], "Score__c": 1})
    client.update({"id": ids["Alpha"], "Score__c": 2})
    assert client.control("GET", "stats")["writes"] == {
        "Account": {"rows": 3, "records": 2, "records_written_more_than_once": 1}
    }


def test_the_log_of_writes_tells_what_and_who(client, ids):
    """One entry per row, with the values as they were sent."""
    client.update({"id": ids["Alpha"], "Score__c": 1.23})
    (entry,) = client.control("GET", "writes", params={"object": "Account"})
    assert entry["id"] == ids["Alpha"]
    assert entry["fields"] == {"id": ids["Alpha"], "Score__c": 1.23}
    assert entry["user"] == "005000000000001AAA"


def test_values_are_what_the_org_holds_whoever_may_see_it(client, ids):
    """Hidden fields too; deleted records not."""
    client.control("POST", "fls", json={"object": "Account", "field": "Industry", "read": False})
    held = client.control(
        "GET", "values", params={"object": "Account", "fields": "Industry,Active__c"}
    )
    assert held[ids["Alpha"]] == {"Industry": "Energy", "Active__c": True}
    assert ids["Gone"] not in held


def test_values_of_an_unknown_field_are_refused(client):
    """A typing error is not an empty answer."""
    answer = client.control("GET", "values", params={"object": "Account", "fields": "Nope"})
    assert answer == {"error": "Account has no field Nope"}


def test_the_clock_leaps_and_stamps_follow(client, ids, store):
    """A write forty days later is stamped forty days later."""
    then = client.control("POST", "clock", json={"advance": "40d"})["now"]
    client.control("POST", "session", json={"seconds": 10**8})
    client.update({"id": ids["Alpha"], "Score__c": 1})
    sql = "select SystemModstamp from Account where Id = ?"
    assert store.db.execute(sql, (ids["Alpha"],)).fetchone()[0] >= then


def test_a_clock_control_without_a_duration_is_refused(client):
    """The error says what is missing."""
    assert client.control("POST", "clock", json={}) == {"error": "'advance' is missing"}


def test_a_person_edits_a_record(client, ids, store):
    """As somebody else than the integration, with new stamps, and not in the log of writes."""
    edit(client, id=ids["Alpha"], do="edit", values={"Tier__c": "B"})
    sql = "select Tier__c, LastModifiedById, SystemModstamp from Account where Id = ?"
    tier, user, stamp = store.db.execute(sql, (ids["Alpha"],)).fetchone()
    assert (tier, user) == ("B", "005000000000002AAA")
    assert stamp.startswith("2026-11-02")
    assert client.control("GET", "writes") == []


def test_a_person_deletes_and_restores_a_record(client, ids):
    """Into the bin and out of it."""
    count = "SELECT COUNT() FROM Account"
    edit(client, id=ids["Alpha"], do="delete")
    assert client.query(count)["totalSize"] == 3
    edit(client, id=ids["Alpha"], do="undelete")
    assert client.query(count)["totalSize"] == 4


def test_a_person_merges_two_records(client, ids, store):
    """The loser points to the winner, who gets the children with new stamps."""
    edit(client, id=ids["Alpha"], do="merge", into=ids["beta"])
    sql = "select IsDeleted, MasterRecordId from Account where Id = ?"
    assert store.db.execute(sql, (ids["Alpha"],)).fetchone() == (1, ids["beta"])
    children = store.db.execute(
        "select AccountId, SystemModstamp from Contact where LastName = 'Smith'"
    )
    account, stamp = children.fetchone()
    assert account == ids["beta"]
    assert stamp.startswith("2026-11-02")
    assert store.db.execute("select WhatId from Task where Subject = 'call'").fetchone() == (
        ids["beta"],
    )


def test_a_winner_does_not_become_its_own_parent(client, ids, store):
    """A child that wins over its parent has no parent any more."""
    edit(client, id=ids["Alpha"], do="merge", into=ids["beta"])
    sql = "select ParentId from Account where Id = ?"
    assert store.db.execute(sql, (ids["beta"],)).fetchone() == (None,)


def test_a_person_makes_a_record(client, store):
    """With the defaults of its fields."""
    id_ = edit(client, do="create", values={"Name": "Fresh"})["id"]
    sql = "select Name, Active__c, CreatedById from Account where Id = ?"
    assert store.db.execute(sql, (id_,)).fetchone() == ("Fresh", 0, "005000000000002AAA")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"id": "x", "do": "edit"}, "there is no Account with the id 'x'"),
        ({"object": "Nope", "do": "edit"}, "there is no object Nope"),
        ({"do": "create", "values": {"Nope": 1}}, "has no field to write called Nope"),
        ({"do": "create", "values": {"Score__c": "x"}}, "not of required type"),
    ],
)
def test_what_a_person_cannot_do_is_refused(client, wanted, said):
    """With the reason."""
    assert said in edit(client, **wanted)["error"]


def test_credentials_are_what_a_client_needs(client, url, app):
    """Address, app, user and key."""
    found = client.control("GET", "credentials")
    assert found["salesforce"] == {"login_url": url, **app}
    assert found["zenloop"]["url"] == f"{url}/zenloop/v1"


def test_a_limit_that_does_not_exist_is_refused(client):
    """A typing error would make a test prove nothing."""
    assert (
        "there is no limit Daily" in client.control("POST", "limits", json={"Daily": {}})["error"]
    )


def test_a_validation_rule_that_does_not_work_is_refused(client):
    """When it is set, and not when a record meets it."""
    rule = {"object": "Account", "when": "Nope__c > 1", "message": "x"}
    assert "no such column" in client.control("POST", "validation-rules", json=[rule])["error"]
