"""Requests that hold only if a record is still what the caller knows."""

from __future__ import annotations

from datetime import UTC, timedelta
from email.utils import format_datetime

import pytest


def http_date(store, **ago):
    """A moment of the sandbox as headers write it."""
    return format_datetime((store.clock.now() - timedelta(**ago)).astimezone(UTC), usegmt=True)


@pytest.fixture
def alpha(ids):
    """The address of an account."""
    return f"/sobjects/Account/{ids['Alpha']}"


@pytest.fixture
def smith(store):
    """The address of a contact."""
    (id_,) = store.db.execute("select Id from Contact where LastName = 'Smith'").fetchone()
    return f"/sobjects/Contact/{id_}"


def write(client, at, **headers):
    """A change of a record under conditions: the status, and the code of a refusal."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"Score__c": 2} if "Account" in at else {"LastName": "Smythe"}
    answer = client.call("PATCH", at, json=body, headers=named)
    return answer.status_code, answer.json()[0]["errorCode"] if answer.content else ""


def tag(client, at, **headers):
    """The entity tag of a record."""
    return client.call("GET", at, headers=headers).headers["ETag"]


def test_a_record_that_was_changed_meanwhile_is_left_alone(client, ids, store, alpha):
    """412 for what was saved after the moment that the caller knows."""
    client.update({"id": ids["Alpha"], "Score__c": 1})
    before = http_date(store, hours=1)
    assert write(client, alpha, If_Unmodified_Since=before) == (412, "PRECONDITION_FAILED")
    assert client.call("GET", alpha, headers={"If-Unmodified-Since": before}).status_code == 412
    assert len(client.control("GET", "writes")) == 1


def test_a_record_that_was_not_changed_meanwhile_is_written(client, store, alpha):
    """The moment is after the last save."""
    assert write(client, alpha, If_Unmodified_Since=http_date(store, hours=-1)) == (204, "")


def test_a_record_is_sent_again_only_when_it_has_changed(client, ids, store, alpha):
    """304 without a body, and the moment of the last save in a header."""
    first = client.call("GET", alpha)
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    again = client.call("GET", alpha, headers=since)
    client.update({"id": ids["Alpha"], "Score__c": 1})
    after = client.call("GET", alpha, headers={"If-Modified-Since": http_date(store, hours=1)})
    assert (again.status_code, again.content, after.status_code) == (304, b"", 200)


def test_a_deletion_knows_no_conditions(client, store, alpha):
    """The real one does not look at them either."""
    client.call("PATCH", alpha, json={"Score__c": 1})
    headers = {"If-Unmodified-Since": http_date(store, hours=1), "If-Match": '"other"'}
    assert client.call("DELETE", alpha, headers=headers).status_code == 204


def test_an_account_is_written_in_the_version_that_was_read(client, alpha):
    """The tag changes with the record; the old one is refused, among others or alone."""
    old = tag(client, alpha)
    assert write(client, alpha, If_Match=old) == (204, "")
    assert write(client, alpha, If_Match=old) == (412, "PRECONDITION_FAILED")
    assert write(client, alpha, If_Match=f'{old}, {tag(client, alpha)}, "x"') == (204, "")
    assert write(client, alpha, If_Match="*") == (204, "")


def test_a_write_tells_the_tag_of_what_it_made(client, alpha):
    """So the next one needs no reading."""
    answer = client.call("PATCH", alpha, json={"Score__c": 1})
    assert answer.headers["ETag"] == tag(client, alpha)


def test_a_tag_says_whether_the_answer_may_be_packed(client, alpha):
    """It is good for a condition all the same."""
    packed = tag(client, alpha, **{"Accept-Encoding": "gzip"})
    plain = tag(client, alpha, **{"Accept-Encoding": "identity"})
    assert packed == plain[:-1] + '--gzip"'
    assert write(client, alpha, If_Match=plain, Accept_Encoding="gzip") == (204, "")


def test_an_account_that_is_known_is_not_sent_again(client, alpha):
    """304 for a reader, 412 for a writer, until it is another version."""
    known = tag(client, alpha)
    again = client.call("GET", alpha, headers={"If-None-Match": known})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", known)
    assert write(client, alpha, If_None_Match=known) == (412, "PRECONDITION_FAILED")
    client.call("PATCH", alpha, json={"Score__c": 1})
    assert client.call("GET", alpha, headers={"If-None-Match": known}).status_code == 200


def test_only_accounts_have_tags(client, smith):
    """Others give none, and do not look at those they are sent."""
    assert "ETag" not in client.call("GET", smith).headers
    assert write(client, smith, If_Match='"other"') == (204, "")
    assert write(client, smith, If_None_Match="*") == (204, "")


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match", "If-Unmodified-Since"])
def test_a_condition_that_makes_no_sense_fails_a_write(client, alpha, header):
    """400, while a reader is simply answered."""
    answer = client.call("PATCH", alpha, json={"Score__c": 1}, headers={header: "yesterday"})
    assert answer.status_code == 400
    assert client.call("GET", alpha, headers={header: "yesterday"}).status_code == 200
