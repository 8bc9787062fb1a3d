"""Each status with which HubSpot says that it cannot just now: what a read and a write do about it.

What was refused before it was begun (429, 423) is sent again, reads and writes alike. An error of
the server may have come before or after the deed: a read is repeated, and of a write somebody looks
at what HubSpot holds. What takes a day (the daily limit, 477) ends the run at once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connector.crm.hubspot import answers
from connector.crm.hubspot.client import ATTEMPTS
from connector.errors import AuthError, BudgetSpent, ConnectorError, RemoteError, Throttled

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
ID = "hs_object_id"


def limited(policy: str, message: str) -> dict[str, Any]:
    """A 429 as it is recorded, or as HubSpot's pages show it."""
    told = {"status": "error", "message": f"You have reached your {message} limit."}
    body = {**told, "policyName": policy} if policy else {**told, "category": "RATE_LIMITS"}
    return {"status": 429, "body": body}


#: Not begun: may be sent again whatever it is.
REFUSED = {
    "429 ten_secondly_rolling": limited("TEN_SECONDLY_ROLLING", "ten_secondly_rolling"),
    "429 secondly": limited("SECONDLY", "secondly"),
    "429 without a policy": limited("", "secondly"),
    "429 with a hint": {**limited("SECONDLY", "secondly"), "headers": {"Retry-After": "1"}},
    "423": {"status": 423, "body": {"status": "error", "category": "LOCKED", "message": "locked"}},
}
#: Perhaps begun, perhaps done.
FAILED = {
    str(status): {"status": status, "body": "<html>"}
    for status in (500, 502, 503, 504, *range(520, 527))
} | {"503 with a hint": {"status": 503, "body": "<html>", "headers": {"Retry-After": "0"}}}
#: Nothing that waiting a minute would help → the error, and what it says.
ENDING = {
    "429 daily": (limited("DAILY", "daily"), BudgetSpent, "midnight"),
    "477": ({"status": 477, "headers": {"Retry-After": "86400"}}, Throttled, "tomorrow"),
    "530": ({"status": 530, "body": "<html>"}, AuthError, "rotated, revoked or cut"),
}
#: The ways of reading, by what their addresses have in common.
READS = (
    "/objects/2026-09/companies$",
    "companies/search",
    "companies/batch/read",
    "/associations/",
)
UPDATE = "batch/update"
TRANSIENT = {**REFUSED, **FAILED}


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Waiting is shortened, not left out."""
    monkeypatch.setattr(answers, "SHORTEST", 0.01)
    monkeypatch.setattr(answers, "LONGEST", 0.01)
    monkeypatch.setattr(answers, "WAITS", dict.fromkeys(answers.WAITS, 0.01))
    monkeypatch.setattr(answers, "LOCK_SECONDS", 0.01)


def everything(portal) -> list[Any]:
    """A read by each of the ways: the same records by all."""
    (firm,) = ids(portal)
    calls = portal.read("calls", ID, "companies.id", since=SINCE, into="calls")
    assert [owner for _, owner in calls] == [firm]
    held = portal.crm.values("companies", [firm], [ID])
    assert list(held) == [firm]
    assert portal.read("companies", ID, since=SINCE, into="changed") == [(firm,)]
    return portal.read("companies", ID, into="all")


def ids(portal) -> list[str]:
    return sorted(portal.held(ID))


@pytest.fixture
def firm(portal) -> str:
    """A company with a call."""
    (firm,) = portal.make(1)
    (call,) = portal.make(1, "calls", hs_timestamp="2026-10-01T10:00:00Z")
    portal.associate("calls", call, "companies", firm)
    return firm


@pytest.mark.parametrize("name", TRANSIENT)
def test_a_read_is_asked_again(portal, firm, name):
    """Whichever way it goes, and nothing is missing."""
    for path in READS:
        portal.fault(path, **TRANSIENT[name])
    assert everything(portal) == [(firm,)]
    assert portal.struck == [1] * len(READS)


@pytest.mark.parametrize("name", ["429 secondly", "423", "500", "503 with a hint", "524"])
def test_a_read_that_never_succeeds_ends_with_what_to_do(portal, firm, name):
    """Attempts are bounded, for each way of reading."""
    portal.crm.fields("companies")
    portal.fault(READS[1], times=None, **TRANSIENT[name])
    with pytest.raises(ConnectorError) as failed:
        portal.read("companies", ID, since=SINCE)
    assert type(failed.value) is (Throttled if name in REFUSED or "hint" in name else RemoteError)
    assert failed.value.status == TRANSIENT[name]["status"]
    assert "run again" in failed.value.hint.lower()
    assert portal.struck == [ATTEMPTS]


@pytest.mark.parametrize("name", REFUSED)
def test_an_update_that_was_not_begun_is_sent_again(portal, firm, name):
    """It is written once, and told so."""
    portal.fault(UPDATE, times=2, **REFUSED[name])
    assert written(portal, firm) == ["applied"]
    assert portal.struck == [2]
    assert len(portal.writes()) == 1


@pytest.mark.parametrize("name", FAILED)
def test_an_update_that_may_have_been_done_is_in_doubt(portal, firm, name):
    """It is not sent again: the live values tell."""
    portal.fault(UPDATE, times=None, **FAILED[name])
    assert written(portal, firm) == ["doubt"]
    assert portal.struck == [1]


@pytest.mark.parametrize("name", ENDING)
@pytest.mark.parametrize("way", ["list", "search", "batch/read", "batch/update"])
def test_what_takes_a_day_ends_the_run_at_once(portal, firm, name, way):
    """One call and no second one; what to do stands beside it."""
    do, error, hint = ENDING[name]
    portal.crm.fields("companies")
    portal.fault(READS[0] if way == "list" else f"companies/{way}", times=None, **do)
    ways = {
        "list": lambda: portal.read("companies", ID),
        "search": lambda: portal.read("companies", ID, since=SINCE),
        "batch/read": lambda: portal.crm.values("companies", [firm], [ID]),
        "batch/update": lambda: written(portal, firm),
    }
    with pytest.raises(error) as failed:
        ways[way]()
    assert type(failed.value) is error
    assert hint in failed.value.hint
    assert portal.struck == [1]


def written(portal, id: str) -> list[str]:
    rows = [{"id": id, "health_score": 1}]
    return [each.result for many in portal.crm.write("companies", rows, 100) for each in many]
