"""Associations: read in batches, page by page, and written with their types."""

from __future__ import annotations

import pytest

V4 = "/crm/v4/associations"
DEFINED = "HUBSPOT_DEFINED"


def link(account, pair, one, other, type_id, version="v4"):
    """Associates two records with a type and gives the answer."""
    near, far = pair
    types = [{"associationCategory": DEFINED, "associationTypeId": type_id}]
    body = {"inputs": [{"from": {"id": one}, "to": {"id": other}, "types": types}]}
    root = V4 if version == "v4" else f"/crm/associations/{version}"
    return account.call("POST", f"{root}/{near}/{far}/batch/create", json=body)


def read(account, near, far, *inputs, version="v4"):
    """What a batch read answers."""
    root = V4 if version == "v4" else f"/crm/associations/{version}"
    return account.post(f"{root}/{near}/{far}/batch/read", {"inputs": list(inputs)})


@pytest.fixture
def call(account, activity, companies):
    """A call that was logged with Alpha."""
    id_ = activity(account)
    link(account, ("calls", "companies"), id_, companies["Alpha"], 182)
    return id_


def test_both_directions_are_there_with_their_own_types(account, companies, call):
    """182 from the call, 181 from the company."""
    there = read(account, "calls", "companies", {"id": call})["results"][0]
    back = read(account, "companies", "calls", {"id": companies["Alpha"]})["results"][0]
    assert there["to"][0]["associationTypes"] == [
        {"category": DEFINED, "typeId": 182, "label": None}
    ]
    assert back["to"][0]["associationTypes"][0]["typeId"] == 181


def test_ids_are_numbers_in_v4_and_texts_in_dated_answers(account, companies, call):
    """A reader must take both."""
    old = read(account, "calls", "companies", {"id": call})
    new = read(account, "calls", "companies", {"id": call}, version="2026-09")
    assert old["results"][0]["to"][0]["toObjectId"] == int(companies["Alpha"])
    assert new["results"][0]["to"][0]["toObjectId"] == companies["Alpha"]


def test_a_record_without_any_is_an_error_of_207_or_simply_absent(account, call, activity):
    """Complaint 12: either way it means that there is none."""
    alone = activity(account)
    told = read(account, "calls", "companies", {"id": call}, {"id": alone})
    assert [each["from"]["id"] for each in told["results"]] == [call]
    (error,) = told["errors"]
    assert error["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert error["context"]["fromObjectId"] == [alone]
    account.control(records={"unassociated": "absent"})
    assert "errors" not in read(account, "calls", "companies", {"id": alone})


def test_many_associations_of_one_record_go_on_at_their_own_after(account, companies, activity):
    """Complaint 9: whoever does not follow the inner page loses the rest."""
    account.control(records={"association_page": 2})
    calls = [activity(account) for _ in range(5)]
    for each in calls:
        link(account, ("calls", "companies"), each, companies["Alpha"], 182)
    found, after = [], {}
    while True:
        (result,) = read(
            account, "companies", "calls", {"id": companies["Alpha"], **after}, version="2026-03"
        )["results"]
        found += [each["toObjectId"] for each in result["to"]]
        if "paging" not in result:
            break
        after = {"after": result["paging"]["next"]["after"]}
    assert found == calls


def test_a_thousand_ids_are_read_at_once_and_no_more(account):
    """Complaint 10: the limit of a batch."""
    path = f"{V4}/calls/companies/batch/read"
    inputs = [{"id": str(n)} for n in range(1, 1_002)]
    assert account.call("POST", path, json={"inputs": inputs}).status_code == 400
    assert account.call("POST", path, json={"inputs": inputs[:1_000]}).status_code == 207


def test_a_primary_company_is_there_twice_and_only_one(account, companies, make):
    """Complaint 14: once labelled, once not; another one takes its place."""
    (contact,) = make(account, 1, "contacts")
    pair = ("contacts", "companies")
    link(account, pair, contact, companies["Alpha"], 1)
    link(account, pair, contact, companies["beta"], 1)
    (result,) = read(account, *pair, {"id": contact})["results"]
    types = {
        str(each["toObjectId"]): {t["typeId"] for t in each["associationTypes"]}
        for each in result["to"]
    }
    assert types == {companies["Alpha"]: {279}, companies["beta"]: {1, 279}}
    held = account.get(
        f"/crm/v3/objects/contacts/{contact}", params={"properties": "associatedcompanyid"}
    )
    assert held["properties"]["associatedcompanyid"] == companies["beta"]


def test_a_company_can_be_made_primary_from_its_own_side(account, companies, make):
    """Type 2 is 1 the other way round."""
    (contact,) = make(account, 1, "contacts")
    for name in ("Alpha", "beta"):
        link(account, ("companies", "contacts"), companies[name], contact, 2)
    (result,) = read(account, "contacts", "companies", {"id": contact})["results"]
    primary = [
        each["toObjectId"]
        for each in result["to"]
        if any(t["label"] == "Primary" for t in each["associationTypes"])
    ]
    assert primary == [int(companies["beta"])]


def test_a_contact_that_names_its_company_is_associated_with_it(account, companies):
    """The property and the association are one thing."""
    body = {"properties": {"associatedcompanyid": companies["beta"]}}
    contact = account.post("/crm/v3/objects/contacts", body)["id"]
    (result,) = read(account, "contacts", "companies", {"id": contact})["results"]
    assert result["to"][0]["toObjectId"] == int(companies["beta"])


def test_a_record_that_is_not_there_is_told_as_recorded(account, make):
    """Type, id, `is not valid`."""
    (deal,) = make(account, 1, "deals")
    answer = link(account, ("Deal", "Contact"), deal, "1234", 3)
    assert answer.status_code == 207
    assert answer.json()["errors"] == [
        {
            "status": "error",
            "category": "VALIDATION_ERROR",
            "message": "CONTACT=1234 is not valid",
        }
    ]


def test_a_type_of_another_pair_is_refused(account, companies, call):
    """182 leads from calls, not from deals."""
    answer = link(account, ("companies", "calls"), companies["Alpha"], call, 182)
    assert answer.status_code == 400


def test_the_list_of_one_record_is_gone_in_the_newest_version(account, companies, call):
    """v4 and 2026-03 have it, 2026-09 does not."""
    path = f"{companies['Alpha']}/associations/calls"
    old = account.get(f"/crm/v4/objects/companies/{path}")
    middle = account.get(f"/crm/objects/2026-03/companies/{path}")
    new = account.call("GET", f"/crm/objects/2026-09/companies/{path}")
    assert [each["toObjectId"] for each in old["results"]] == [int(call)]
    assert [each["toObjectId"] for each in middle["results"]] == [call]
    assert new.status_code == 404


def test_an_association_is_taken_away_on_both_sides(account, companies, call):
    """204, also for what was not there."""
    body = {"inputs": [{"from": {"id": call}, "to": [{"id": companies["Alpha"]}, {"id": "5"}]}]}
    path = f"{V4}/calls/companies/batch/archive"
    assert account.call("POST", path, json=body).status_code == 204
    assert read(account, "companies", "calls", {"id": companies["Alpha"]})["results"] == []


def test_pairs_are_put_and_deleted_one_by_one(account, companies, activity):
    """With types in the body, or without a label."""
    note, far = activity(account, "notes"), companies["Alpha"]
    path = f"/crm/v4/objects/notes/{note}/associations/companies/{far}"
    types = [{"associationCategory": DEFINED, "associationTypeId": 190}]
    assert account.call("PUT", path, json=types).status_code == 201
    assert account.call("DELETE", path).status_code == 204
    assert read(account, "notes", "companies", {"id": note})["results"] == []
    default = f"/crm/v4/objects/notes/{note}/associations/default/companies/{far}"
    assert account.call("PUT", default).status_code == 200
    assert read(account, "notes", "companies", {"id": note})["results"]


def test_an_archived_record_is_associated_with_nothing(account, companies, call):
    """Nobody is led to it, until it is restored."""
    account.call("DELETE", f"/crm/v3/objects/companies/{companies['Alpha']}")
    assert read(account, "calls", "companies", {"id": call})["results"] == []


def test_labels_tell_the_types_of_a_pair(account):
    """Numbers as HubSpot has them; feedback and companies do not go together."""
    told = account.get(f"{V4}/contacts/companies/labels")["results"]
    assert {(each["typeId"], each["label"]) for each in told} == {(1, "Primary"), (279, None)}
    dated = account.get("/crm/associations/2026-09/tickets/companies/labels")["results"]
    assert {each["typeId"] for each in dated} == {26, 339}
    assert account.get(f"{V4}/feedback_submissions/companies/labels")["results"] == []


def test_a_label_of_ones_own_is_made_used_and_removed(account, companies, activity):
    """It has two directions, and goes with all that used it."""
    given = {"name": "review", "label": "Review", "inverseLabel": "Reviewed"}
    there, back = account.post(f"{V4}/calls/companies/labels", given)["results"]
    assert (there["label"], back["label"]) == ("Review", "Reviewed")
    call = activity(account)
    types = [{"associationCategory": "USER_DEFINED", "associationTypeId": there["typeId"]}]
    path = f"/crm/v4/objects/calls/{call}/associations/companies/{companies['Alpha']}"
    assert account.call("PUT", path, json=types).json()["labels"] == ["Review"]
    gone = account.call("DELETE", f"{V4}/calls/companies/labels/{there['typeId']}")
    assert gone.status_code == 204
    (result,) = read(account, "calls", "companies", {"id": call})["results"]
    assert [each["typeId"] for each in result["to"][0]["associationTypes"]] == [182]
