"""What the account tells of itself."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_the_account_says_who_it_is(account, version):
    """In every spelling; a client pins the number."""
    told = account.get(f"/account-info/{version}/details")
    assert told == {
        "portalId": account.keys["portal_id"],
        "accountType": "STANDARD",
        "timeZone": "Europe/Berlin",
        "companyCurrency": "EUR",
        "additionalCurrencies": ["USD"],
        "utcOffset": "+01:00",
        "utcOffsetMilliseconds": 3_600_000,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }


def test_a_key_without_any_scope_may_ask_who_the_account_is(account):
    """As was seen of service keys."""
    account.control(app={"scopes": []})
    assert account.call("GET", "/account-info/v3/details").ok


def test_another_account_behind_the_same_token_shows(account):
    """So that a client can be tested that must not write there."""
    told = account.control(portal={"id": 99, "account_type": "SANDBOX", "time_zone": "US/Eastern"})
    assert told["portal"]["id"] == 99
    told = account.get("/account-info/v3/details")
    assert (told["portalId"], told["accountType"], told["utcOffset"]) == (99, "SANDBOX", "-05:00")


def test_the_calls_of_the_day_are_told_to_private_apps(account):
    """Those of service keys count, too, but a service key is told nothing."""
    path = "/account-info/2026-09/api-usage/daily/private-apps"
    account.control(plan="professional", limits={"used": {"daily": 40}})
    assert account.get(path)["results"] == []
    (told,) = account.get(path, token=account.keys["private_app_token"])["results"]
    assert (told["usageLimit"], told["currentUsage"]) == (650_000, 42)
    assert told["resetsAt"] == "2026-11-03T00:00:00+01:00"


@pytest.mark.parametrize("path", ["/crm/v3/limits", "/crm/limits/2026-09"])
def test_the_room_for_properties_is_told(account, path):
    """One more property is one more used; HubSpot's own do not count."""
    account.control(portal={"custom_properties": 500})

    def used():
        told = account.get(f"{path}/custom-properties")["byObjectType"]
        (found,) = (each for each in told if each["objectTypeId"] == "0-2")
        return found

    before = used()
    assert before["limit"] == 500
    group = {"groupName": "companyinformation", "type": "number", "fieldType": "number"}
    account.post("/crm/v3/properties/companies", {"name": "room", "label": "Room", **group})
    assert used()["usage"] == before["usage"] + 1
