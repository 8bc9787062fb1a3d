"""What was changed and deleted since when."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest


@pytest.fixture
def span(client, store):
    """Asks what changed between two moments, given in minutes from now."""

    def ask(kind, start, end):
        now = store.clock.now()
        stamps = {
            name: (now + timedelta(minutes=minutes)).isoformat()
            for name, minutes in (("start", start), ("end", end))
        }
        return client.call("GET", f"/sobjects/Account/{kind}/", params=stamps)

    return ask


def advance(client, time):
    """Lets time pass, with sessions that survive it."""
    client.control("POST", "session", json={"seconds": 10**9})
    client.control("POST", "clock", json={"advance": time})


def test_changed_records_are_listed_by_id(client, ids, span):
    """Those that were written, and the ids have 18 characters."""
    client.update({"id": ids["Alpha"], "Score__c": 1})
    advance(client, "2m")
    told = span("updated", -10, 0).json()
    assert told["ids"] == [ids["Alpha"]]
    assert set(told) == {"ids", "latestDateCovered"}


def test_deleted_records_are_listed_with_their_moment(client, ids, span):
    """Changed ones are not among them, nor the other way round."""
    client.call("DELETE", "/sobjects/Account/" + ids["O'Hara"])
    advance(client, "2m")
    told = span("deleted", -10, 0).json()
    assert [each["id"] for each in told["deletedRecords"]] == [ids["O'Hara"]]
    assert set(told) == {"deletedRecords", "earliestDateAvailable", "latestDateCovered"}
    assert span("updated", -10, 0).json()["ids"] == []


def test_a_change_that_commits_late_has_an_early_stamp(client, ids):
    """That of the moment its saving began: who has read beyond that misses it."""
    person(client, "edit", ids["Alpha"], values={"Name": "Late"}, late="20m")
    soql = "SELECT SystemModstamp, LastModifiedDate FROM Account WHERE Name = 'Late'"
    (row,) = client.query(soql)["records"]
    assert row["SystemModstamp"] == row["LastModifiedDate"]
    person(client, "edit", ids["beta"], values={"Name": "On time"})
    soql = "SELECT SystemModstamp FROM Account WHERE Name = 'On time'"
    (on_time,) = client.query(soql)["records"]
    early, late = (datetime.fromisoformat(each["SystemModstamp"]) for each in (row, on_time))
    assert timedelta(minutes=19) < late - early < timedelta(minutes=21)


def test_seconds_are_ignored(client, ids, store):
    """A span of less than a whole minute is no span."""
    now = store.clock.now().replace(second=5, microsecond=0)
    params = {"start": now.isoformat(), "end": (now + timedelta(seconds=40)).isoformat()}
    answer = client.call("GET", "/sobjects/Account/updated", params=params)
    assert answer.json()[0]["errorCode"] == "INVALID_REPLICATION_DATE"


@pytest.mark.parametrize(("kind", "days"), [("updated", 30), ("deleted", 15)])
def test_the_log_reaches_back_for_so_many_days(span, kind, days):
    """A start before that is an error, and not an empty list."""
    assert span(kind, -days * 1440 + 60, 0).status_code == 200
    answer = span(kind, -days * 1440 - 60, 0)
    assert answer.json()[0]["errorCode"] == "INVALID_REPLICATION_DATE"


@pytest.mark.parametrize("start", ["", "yesterday", "2026-11-02T08:00:00"])
def test_a_moment_that_is_none_is_refused(client, start):
    """Missing, in words, without a zone."""
    params = {"start": start, "end": "2026-11-02T09:00:00Z"}
    answer = client.call("GET", "/sobjects/Account/updated", params=params)
    assert answer.json()[0]["errorCode"] == "INVALID_REPLICATION_DATE"


def person(client, do, id_, **more):
    """A person does something to an account, and it must work."""
    told = client.control("POST", "people", json={"object": "Account", "do": do, "id": id_, **more})
    assert "error" not in told, told


def held(client, everything=False):
    """The names of all accounts."""
    path = "/queryAll" if everything else "/query"
    rows = client.call("GET", path, params={"q": "SELECT Name FROM Account"}).json()["records"]
    return {each["Name"] for each in rows}


def test_what_is_deleted_with_an_account_comes_back_with_it(client, ids, store):
    """Its contacts go and return; a contact that was deleted before stays in the bin."""
    sql = "select Id from Contact where AccountId = ?"
    (smith,) = store.db.execute(sql, (ids["Alpha"],)).fetchone()
    (before,) = store.new_ids("Contact", 1)
    columns = ["Id", "LastName", "AccountId"]
    store.insert("Contact", columns, [(before, "Old", ids["Alpha"])])
    client.call("DELETE", f"/sobjects/Contact/{before}")
    client.call("DELETE", f"/sobjects/Account/{ids['Alpha']}")
    assert client.call("GET", f"/sobjects/Contact/{smith}").status_code == 404
    person(client, "undelete", ids["Alpha"])
    assert client.call("GET", f"/sobjects/Contact/{smith}").status_code == 200
    assert client.call("GET", f"/sobjects/Contact/{before}").status_code == 404


def test_an_activity_on_a_case_goes_with_the_account_of_the_case(client, ids, store):
    """Two levels down, and back."""
    sql = "select IsDeleted from Task where Subject = 'mail'"
    person(client, "delete", ids["beta"])
    gone = store.db.execute(sql).fetchone()
    person(client, "undelete", ids["beta"])
    assert (gone, store.db.execute(sql).fetchone()) == ((1,), (0,))


def test_a_record_that_is_destroyed_leaves_no_trace(client, ids, span):
    """Neither queryAll nor the log of deletions knows it."""
    person(client, "destroy", ids["Alpha"])
    advance(client, "2m")
    assert "Alpha" not in held(client, everything=True)
    assert span("deleted", -10, 0).json()["deletedRecords"] == []


def test_the_bin_is_emptied_after_fifteen_days(client, ids):
    """Until then queryAll shows what was deleted."""
    person(client, "delete", ids["Alpha"])
    advance(client, "14d")
    assert "Alpha" in held(client, everything=True)
    advance(client, "2d")
    assert "Alpha" not in held(client, everything=True)


def test_merges_make_chains(client, ids):
    """The loser of the first points to the loser of the second, who points to the winner."""
    person(client, "merge", ids["Alpha"], into=ids["beta"])
    person(client, "merge", ids["beta"], into=ids["O'Hara"])
    soql = (
        "SELECT Id, MasterRecordId FROM Account WHERE IsDeleted = true AND MasterRecordId != null"
    )
    rows = client.call("GET", "/queryAll", params={"q": soql}).json()["records"]
    found = {each["Id"]: each["MasterRecordId"] for each in rows}
    assert found == {ids["Alpha"]: ids["beta"], ids["beta"]: ids["O'Hara"]}


def test_a_loser_that_is_undeleted_stands_on_its_own(client, ids):
    """It comes back without its master, and without its children."""
    person(client, "merge", ids["Alpha"], into=ids["beta"])
    person(client, "undelete", ids["Alpha"])
    (row,) = client.query("SELECT MasterRecordId FROM Account WHERE Name = 'Alpha'")["records"]
    contacts = client.query(f"SELECT COUNT() FROM Contact WHERE AccountId = '{ids['beta']}'")
    assert (row["MasterRecordId"], contacts["totalSize"]) == (None, 1)


def test_what_is_archived_is_for_query_all_only(client, store):
    """A person, or age, puts an activity there; its stamps do not move."""
    sql = "select Id, SystemModstamp from Task where Subject = 'call'"
    id_, before = store.db.execute(sql).fetchone()
    client.control("POST", "people", json={"object": "Task", "do": "archive", "id": id_})
    assert client.query("SELECT COUNT() FROM Task WHERE Subject = 'call'")["totalSize"] == 0
    everything = client.call("GET", "/queryAll", params={"q": "SELECT COUNT() FROM Task"})
    assert everything.json()["totalSize"] == 4
    assert store.db.execute(sql).fetchone()[1] == before


def test_a_year_later_closed_tasks_are_archived(tmp_path):
    """Activities that a plain query found are gone when they are old, as happens by night."""
    from connector.sandbox.salesforce import archive, prepare
    from connector.sandbox.server import opened

    store = opened(tmp_path, accounts=20, seed=1, start=None)
    prepare(store)
    sql = "select sum(IsArchived), count(*) from Task where IsClosed = 1 and IsDeleted = 0"
    at_first, every = store.db.execute(sql).fetchone()
    store.clock.advance(timedelta(days=400))
    swept = archive.sweep(store)
    after = store.db.execute(sql).fetchone()[0]
    store.close()
    assert 0 < at_first < every
    assert (after > at_first + every // 4, swept > 0) == (True, True)


def test_the_moment_of_a_deletion_is_that_of_the_sandbox(client, ids, store, span):
    """Forty days later it is forty days later."""
    advance(client, "40d")
    person(client, "delete", ids["beta"])
    advance(client, "2m")
    (row,) = span("deleted", -10, 0).json()["deletedRecords"]
    at = datetime.fromisoformat(row["deletedDate"])
    assert abs(store.clock.now() - at) < timedelta(minutes=5)
