"""What a token may do is known before anything is read or written."""

from __future__ import annotations

import pytest

from connector.crm.hubspot import access
from connector.errors import AuthError, ConfigError

from .conftest import Portal

KINDS = ("companies", "contacts", "deals", "feedback_submissions", "owners", "tickets", "calls")
NOBODY_TELLS = {"match": {"path_regex": "access-token-info"}, "do": {"status": 404, "body": {}}}


def shut(portal: Portal, *kinds: str) -> tuple[dict[str, str], str]:
    """What a run finds at its beginning."""
    crm = portal.another()
    crm.check()
    barred, unwritable = crm.shut(kinds or KINDS, "companies")
    return dict(barred), unwritable


def test_the_account_says_which_kind_it_is(portal):
    """Whoever reads it knows whether it is the one that counts."""
    assert portal.crm.check().about == "standard account, data in na1"
    portal.set(portal={"account_type": "DEVELOPER_TEST"})
    assert portal.another().check().about == "developer test account, data in na1"
    portal.set(portal={"account_type": "SANDBOX", "hosting": "eu1"})
    assert portal.another().check().about == "sandbox account, data in eu1"


def test_the_account_is_told_by_its_number(portal):
    """It is what an installation is pinned to."""
    org = portal.crm.check()
    assert (org.id, org.user) == ("44810221", "52001")


def test_all_is_well_without_one_call_more(portal):
    """Scopes are compared; nothing is tried."""
    crm = portal.another()
    crm.check()
    before = dict(crm.calls())
    assert crm.shut(("companies", "owners"), "companies") == ({}, "")
    assert dict(crm.calls()) == {**before, "properties": 1}


def test_nodejs_50_a_missing_scope_is_named_in_hubspots_own_words(portal):
    """For each kind of record the scope that its 403 asks for."""
    portal.scopes("crm.objects.deals.read", "crm.schemas.deals.read", "crm.schemas.deals.write",
                  "crm.objects.owners.read")  # fmt: skip
    barred, unwritable = shut(portal)
    assert barred == {
        "deals": "the token lacks the scope crm.objects.deals.read",
        "owners": "the token lacks the scope crm.objects.owners.read",
    }
    assert unwritable == ""


def test_airbyte_40591_properties_that_may_be_read_do_not_hide_records_that_may_not(portal):
    """The definitions of deals are open, the deals are not."""
    portal.scopes("crm.objects.deals.read")
    assert shut(portal)[0] == {"deals": "the token lacks the scope crm.objects.deals.read"}


def test_a_token_that_may_not_write_is_found_out_by_its_scopes(portal):
    """Before anything is read."""
    portal.scopes("crm.objects.companies.write")
    assert shut(portal) == ({}, "the token lacks the scope crm.objects.companies.write")


def test_a_product_without_a_licence_is_told_like_a_scope(portal):
    """The scope goes with the product, and cannot be had without."""
    portal.set(portal={"products": {"tickets": False, "feedback_submissions": False}})
    assert set(shut(portal)[0]) == {"tickets", "feedback_submissions"}


def test_where_scopes_cannot_be_asked_for_each_object_is_tried_once(portal):
    """One record of each, and one update of nothing; the calls were predicted."""
    portal.scopes("crm.objects.companies.write", "crm.objects.owners.read")
    portal.control("faults", [NOBODY_TELLS])
    crm = portal.another()
    crm.check()
    barred, unwritable = crm.shut(KINDS, "companies")
    assert set(barred) == {"owners"}
    assert "crm.objects.companies.write" in unwritable
    assert dict(crm.calls()) == crm.opening_calls(len(KINDS))
    assert crm.calls()["list"] == len(KINDS) - 1


@pytest.mark.parametrize("status", [404, 410])
def test_where_scopes_are_not_told_any_more_each_object_is_tried(portal, status):
    """The address that tells them has one spelling, of a version that will be switched off."""
    told = {"status": status, "body": {"status": "error", "message": "gone"}}
    portal.control("faults", [{"match": {"path_regex": "access-token-info"}, "do": told}])
    crm = portal.another()
    crm.check()
    assert crm.shut(["companies"], "companies") == ({}, "")


def test_a_release_that_hubspot_does_not_serve_is_said_so(portal):
    """Its answer is a page for people, as behind a proxy."""
    with pytest.raises(ConfigError, match="release 2099-03") as failed:
        portal.another(api_version="2099-03").check()
    assert "api_version" in failed.value.hint


def test_a_maker_who_has_left_is_told_apart_from_a_scope(portal):
    """The token of the private app goes on reading, and stops writing."""
    portal.set(app={"app": "private_app", "creator_gone": True})
    portal.control("faults", [NOBODY_TELLS])
    (portal.folder / "token").write_text(portal.keys["private_app_token"])
    portal.keys["token"] = portal.keys["private_app_token"]
    barred, unwritable = shut(portal, "companies")
    assert barred == {}
    assert "has left" in unwritable


def test_the_opening_calls_are_predicted(portal):
    """Account, token, and the properties of each kind."""
    crm = portal.another()
    crm.check()
    crm.shut(KINDS, "companies")
    assert dict(crm.calls()) == {k: n for k, n in crm.opening_calls(len(KINDS)).items() if n}


def test_a_token_by_oauth_tells_its_scopes_by_itself(logged_in):
    """Those that were granted, not those that the app could have had; no call is made for it."""
    crm = logged_in.crm()
    crm.check()
    barred, unwritable = crm.shut(("companies", "contacts"), "companies")
    assert (barred, unwritable) == ({}, "")
    assert logged_in.portal.asked("introspect") == 0


def test_a_scope_that_was_not_granted_is_named(portal, person):
    """Somebody left out the deals when they installed the app."""
    granted = tuple(each for each in person.auth.scopes if "deals" not in each)
    person.log_in(scopes=granted)
    crm = person.crm()
    crm.check()
    barred, _ = crm.shut(("companies", "deals"), "companies")
    assert "crm.objects.deals.read" in barred["deals"]


def test_a_token_that_was_rotated_is_said_so(portal):
    """With the place where it is kept; it is asked once."""
    portal.set(app={"app": "service_key", "rotate": "now"})
    with pytest.raises(AuthError, match="does not accept the token in file:") as told:
        portal.another().check()
    assert "Service keys" in told.value.hint
    assert portal.keys["token"] not in f"{told.value.message}{told.value.hint}"


def test_a_token_that_was_cut_is_said_so(portal):
    """HubSpot answers 530 to what does not look like a token."""
    portal.keys["token"] = portal.keys["token"][:20]
    with pytest.raises(AuthError, match="does not accept the token"):
        portal.another().check()


def test_status_of_a_service_key_says_whose_it_is(portal):
    """User, app and scopes; it does not expire."""
    found = access.status(portal.another())
    assert (found.hub, found.user, found.app) == ("44810221", "52001", "3100001")
    assert "tickets" in found.scopes
    assert found.expires_at is None


def test_status_where_nobody_tells_whose_it_is(portal):
    """The account is told all the same."""
    portal.control("faults", [NOBODY_TELLS])
    found = access.status(portal.another())
    assert (found.hub, found.user, found.scopes) == ("44810221", "", None)
