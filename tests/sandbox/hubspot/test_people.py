"""What people do in HubSpot, and what the controls tell of it."""

from __future__ import annotations

import pytest
import requests


@pytest.fixture
def act(account):
    """Does something to companies as a person; the answer of the control."""

    def done(**wanted):
        body = {"crm": "hubspot", "object": "companies", **wanted}
        return requests.post(f"{account.url}/_sandbox/people", json=body, timeout=10).json()

    return done


def values(account, **query):
    """What the records hold now."""
    query = {"crm": "hubspot", "object": "companies", **query}
    return requests.get(f"{account.url}/_sandbox/values", params=query, timeout=10).json()


def test_an_edit_is_a_person_s_in_the_history(account, companies, act):
    """And no write of an integration."""
    act(do="edit", id=companies["Alpha"], values={"arr": 5})
    query = {"propertiesWithHistory": "arr"}
    found = account.get(f"/crm/v3/objects/companies/{companies['Alpha']}", params=query)
    (entry,) = found["propertiesWithHistory"]["arr"]
    assert (entry["value"], entry["sourceType"]) == ("5", "CRM_UI")
    log = requests.get(f"{account.url}/_sandbox/writes?object=companies", timeout=10).json()
    assert all(each["fields"].get("arr") is None for each in log)


def test_values_are_told_without_a_token(account, companies, act):
    """Of what is not archived, by id, as text."""
    act(do="archive", id=companies["beta"])
    held = values(account, fields="annualrevenue,name")
    assert held[companies["Alpha"]] == {"annualrevenue": "100", "name": "Alpha"}
    assert companies["beta"] not in held


def test_a_record_is_restored(account, companies, act):
    """With what it held."""
    act(do="delete", id=companies["beta"])
    act(do="restore", id=companies["beta"])
    assert values(account, fields="name")[companies["beta"]] == {"name": "beta"}


def test_people_create_and_merge(account, companies, act):
    """And are told the id of what is left."""
    new = act(do="create", values={"name": "Delta"})["id"]
    assert act(do="merge", id=new, into=companies["Alpha"]) == {"id": companies["Alpha"]}


def test_a_contact_changes_its_company(account, companies, make, act):
    """Contacts move."""
    (contact,) = make(account, 1, "contacts")
    for name in ("Alpha", "beta"):
        act(object="contacts", do="associate", id=contact, other=companies[name],
            primary=True, **{"with": "companies"})  # fmt: skip
    found = requests.get(
        f"{account.url}/_sandbox/values?crm=hubspot&object=contacts&fields=associatedcompanyid",
        timeout=10,
    ).json()
    assert found[contact]["associatedcompanyid"] == companies["beta"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"object": "nonsense", "do": "edit"},
        {"do": "edit", "id": "1"},
        {"do": "dance", "id": None},
        {"do": "create", "values": {"segment": "Huge"}},
        {"do": "create", "values": {"nope": "1"}},
    ],
)
def test_what_nobody_can_do_is_refused(account, companies, act, wanted):
    """With a word about why."""
    given = {**wanted, "id": companies["Alpha"]} if wanted.get("id", "") is None else wanted
    assert "error" in act(**given)


def test_a_third_crm_there_is_not(account):
    """Neither to edit nor to look at."""
    assert "error" in values(account, crm="dynamics")
    assert "error" in values(account, fields="nope")
