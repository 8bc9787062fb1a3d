"""Whose token it is, and what it may do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.sandbox.server import running

COMPANIES = "/crm/v3/objects/companies"
NOBODY = "pat-na1-00000000-0000-4000-8000-000000000000"


def test_a_service_key_and_a_private_app_read(account):
    """Two tokens, two apps, one account."""
    for token in (account.keys["token"], account.keys["private_app_token"]):
        assert account.call("GET", COMPANIES, token=token).status_code == 200


@pytest.mark.parametrize("authorization", ["", "Bearer", "Basic abc", f"Bearer {NOBODY}"])
def test_a_call_without_a_good_token_is_told_so(account, authorization):
    """401, and the category that says that signing in again may help."""
    answer = account.call("GET", COMPANIES, headers={"Authorization": authorization})
    assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")


def test_what_is_no_token_does_not_get_as_far_as_the_api(account):
    """The gate in front of it answers, with a status of its own."""
    assert account.call("GET", COMPANIES, token="my token").status_code == 530


def test_a_missing_scope_is_named(account):
    """Where the body says it, and clients read it."""
    account.control(app={"scopes": ["crm.objects.contacts.read"]})
    answer = account.call("GET", COMPANIES)
    assert (answer.status_code, answer.json()["category"]) == (403, "MISSING_SCOPES")
    (error,) = answer.json()["errors"]
    assert error["context"]["requiredGranularScopes"] == ["crm.objects.companies.read"]


def test_a_revoked_key_is_unknown(account):
    """At once; the other app goes on."""
    account.control(app={"revoke": True})
    assert account.call("GET", COMPANIES).status_code == 401
    assert account.call("GET", COMPANIES, token=account.keys["private_app_token"]).ok


def test_a_rotated_key_has_seven_days_of_grace(account, url):
    """The old one goes on for a week, the new one is good at once."""
    account.control(app={"rotate": "grace"})
    new = account.get("/_sandbox/credentials", headers={})["hubspot"]["token"]
    assert new != account.keys["token"]
    assert account.call("GET", COMPANIES, token=new).ok
    account.advance("6d")
    assert account.call("GET", COMPANIES).ok
    account.advance("2d")
    assert account.call("GET", COMPANIES).status_code == 401
    assert account.call("GET", COMPANIES, token=new).ok


def test_a_key_rotated_now_ends_now(account):
    """Without grace there is none."""
    account.control(app={"rotate": "now"})
    assert account.call("GET", COMPANIES).status_code == 401


def test_a_downgrade_takes_scopes_away(account):
    """Feedback submissions go with the plan; companies stay, and nothing was set by hand."""
    feedback = "/crm/v3/objects/feedback_submissions"
    assert account.call("GET", feedback).ok
    account.control(portal={"plan": "starter"})
    answer = account.call("GET", feedback)
    assert answer.status_code == 403
    required = answer.json()["errors"][0]["context"]["requiredGranularScopes"]
    assert required == ["crm.objects.feedback_submissions.read"]
    assert account.call("GET", COMPANIES).ok


def test_a_product_can_be_taken_alone(account):
    """Tickets, on whatever plan; null gives back what the plan has."""
    tickets = "/crm/v3/objects/tickets"
    account.control(portal={"products": {"tickets": False}})
    assert account.call("GET", tickets).status_code == 403
    account.control(portal={"products": {"tickets": None}})
    assert account.call("GET", tickets).ok


def test_an_app_whose_creator_left_cannot_write(account):
    """A private app reads on; whoever rotates its token is its creator from then on."""
    old = account.keys["private_app_token"]
    account.control(app={"app": "private_app", "creator_gone": True})
    assert account.call("GET", COMPANIES, token=old).ok
    answer = account.call("POST", COMPANIES, token=old, json={"properties": {"name": "x"}})
    assert answer.json()["category"] == "USER_DOES_NOT_HAVE_PERMISSIONS"
    account.control(app={"app": "private_app", "rotate": "now"})
    new = account.get("/_sandbox/credentials")["hubspot"]["private_app_token"]
    assert account.call("POST", COMPANIES, token=new, json={"properties": {"name": "x"}}).ok


@pytest.mark.parametrize(
    "wanted",
    [
        {"colour": "blue"},
        {"plan": "gold"},
        {"portal": {"products": {"socks": True}}},
        {"portal": {"time_zone": "Mars/Olympus"}},
        {"app": {"app": "nobody"}},
        {"app": {"app": "oauth", "rotate": "now"}},
    ],
)
def test_a_control_refuses_what_there_is_not(account, wanted):
    """With 400, and nothing is set."""
    answer = account.call("POST", "/_sandbox/hubspot", json=wanted)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_what_is_half_wrong_sets_nothing(account):
    """One part that is refused undoes the others."""
    wanted = {"plan": "free", "portal": {"time_zone": "Mars/Olympus"}}
    assert account.call("POST", "/_sandbox/hubspot", json=wanted).status_code == 400
    told = account.control()
    assert (told["portal"]["plan"], told["limits"]["mode"]) == ("enterprise", "generous")


def test_keys_and_limits_outlive_a_restart(account, store):
    """The rotated key, and what of the day is used."""
    account.control(app={"rotate": "now"}, limits={"daily": 10, "used": {"daily": 4}})
    new = account.get("/_sandbox/credentials")["hubspot"]["token"]
    with running(store) as url:
        again = replace(account, url=url)
        assert again.call("GET", COMPANIES).status_code == 401
        answer = again.call("GET", COMPANIES, token=new)
    assert answer.headers["X-HubSpot-RateLimit-Daily-Remaining"] == "5"
