"""Two records that become one."""

from __future__ import annotations

import pytest

from .conftest import both_spellings

pytestmark = both_spellings
AT = "/crm/v3/objects/companies"


def merge(account, winner, loser, kind="companies"):
    """Merges the second into the first."""
    body = {"primaryObjectId": winner, "objectIdToMerge": loser}
    return account.post(f"/crm/v3/objects/{kind}/merge", body)


def test_the_loser_is_gone_and_its_id_leads_to_the_winner(account, companies):
    """Complaint 14: no list has it, neither of the living nor of the archived."""
    winner, loser = companies["Alpha"], companies["beta"]
    merge(account, winner, loser)
    query = {"properties": "name,hs_merged_object_ids"}
    found = account.get(f"{AT}/{loser}", params=query)
    assert found["id"] == winner
    assert found["properties"]["hs_merged_object_ids"] == loser
    assert loser not in {each["id"] for each in account.get(AT)["results"]}
    assert account.get(AT, params={"archived": "true"})["results"] == []
    body = {"inputs": [{"id": loser}]}
    assert account.call("POST", f"{AT}/batch/read", json=body).status_code == 207


def test_a_merge_of_merges_tells_every_id(account, companies):
    """The list of the last winner has those that its losers had."""
    merge(account, companies["beta"], companies["Alpha"])
    merge(account, companies["Gamma"], companies["beta"])
    query = {"properties": "hs_merged_object_ids"}
    found = account.get(f"{AT}/{companies['Alpha']}", params=query)
    assert found["id"] == companies["Gamma"]
    assert found["properties"]["hs_merged_object_ids"].split(";") == [
        companies["Alpha"],
        companies["beta"],
    ]


def test_the_calculated_list_of_contacts_misses_chained_merges(account, make):
    """Whoever reads only that one loses the first."""
    one, two, three = make(account, 3, "contacts")
    merge(account, two, one, "contacts")
    query = {"properties": "hs_calculated_merged_vids,hs_merged_object_ids"}
    merge(account, three, two, "contacts")
    held = account.get(f"/crm/v3/objects/contacts/{three}", params=query)["properties"]
    assert one not in held["hs_calculated_merged_vids"]
    assert held["hs_merged_object_ids"] == f"{one};{two}"


def test_what_the_winner_does_not_hold_comes_from_the_loser(account, companies):
    """What it holds stays."""
    merge(account, companies["beta"], companies["Alpha"])
    query = {"properties": "name,type"}
    held = account.get(f"{AT}/{companies['beta']}", params=query)["properties"]
    assert (held["name"], held["type"]) == ("beta", "PARTNER")


def test_activities_go_with_the_loser_to_the_winner(account, companies, activity):
    """And nothing leads to the loser any more."""
    call = activity(account)
    pair = {"inputs": [{"from": {"id": call}, "to": {"id": companies["beta"]}}]}
    account.post("/crm/v4/associations/calls/companies/batch/associate/default", pair)
    merge(account, companies["Alpha"], companies["beta"])
    told = account.post(
        "/crm/v4/associations/calls/companies/batch/read", {"inputs": [{"id": call}]}
    )
    assert [str(each["toObjectId"]) for each in told["results"][0]["to"]] == [companies["Alpha"]]


def test_a_merge_can_make_a_new_id(account, companies):
    """Then both old ones lead to it, and it holds the winner's unique values."""
    account.call(
        "PATCH", f"{AT}/{companies['Alpha']}", json={"properties": {"customer_number": "K"}}
    )
    account.control(records={"merge_makes_new_id": True})
    new = merge(account, companies["Alpha"], companies["beta"])
    assert new["id"] not in companies.values()
    for name in ("Alpha", "beta"):
        assert account.get(f"{AT}/{companies[name]}")["id"] == new["id"]
    assert account.get(f"{AT}/K", params={"idProperty": "customer_number"})["id"] == new["id"]


@pytest.mark.parametrize("pair", [("1", "1"), ("", "1"), ("x", "1")])
def test_a_merge_wants_two_ids(account, pair):
    """Of two records."""
    body = {"primaryObjectId": pair[0], "objectIdToMerge": pair[1]}
    assert account.call("POST", f"{AT}/merge", json=body).status_code == 400


def test_activities_cannot_be_merged(account):
    """Companies, contacts, deals and tickets can."""
    body = {"primaryObjectId": "1", "objectIdToMerge": "2"}
    assert account.call("POST", "/crm/v3/objects/calls/merge", json=body).status_code == 404
