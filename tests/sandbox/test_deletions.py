"""What a deletion takes with it, what it leaves behind, and what forbids it."""

from __future__ import annotations

import pytest

from connector.sandbox.store import Field

STAMP = "2026-03-04T05:06:07.000+0000"


def person(client, do, id_, **more):
    """Somebody works in the org."""
    wanted = {"object": "Account", "do": do, "id": id_, **more}
    told = client.control("POST", "people", json=wanted)
    assert "error" not in told, told


def parent(store, id_):
    """What an account stands below, and whether its stamp has moved."""
    sql = "select ParentId, SystemModstamp <> ? from Account where Id = ?"
    above, moved = store.db.execute(sql, (STAMP, id_)).fetchone()
    return above, bool(moved)


def refused(answer):
    """The code and the words of a refusal."""
    (error,) = answer.json()
    return answer.status_code, error["errorCode"], error["message"]


def test_who_stood_below_a_deleted_account_stands_alone(client, ids, store):
    """The child has no parent any more, and its stamp tells that it was changed."""
    assert parent(store, ids["beta"]) == (ids["Alpha"], False)
    assert client.call("DELETE", f"/sobjects/Account/{ids['Alpha']}").status_code == 204
    assert parent(store, ids["beta"]) == (None, True)
    assert parent(store, ids["Gamma 100%"]) == (ids["beta"], False)


def test_who_stood_below_an_account_does_so_again_when_it_comes_back(client, ids, store):
    """Undelete restores the parent of those who have no other by then."""
    person(client, "delete", ids["Alpha"])
    person(client, "undelete", ids["Alpha"])
    assert parent(store, ids["beta"]) == (ids["Alpha"], True)


def test_who_has_another_parent_by_then_keeps_that(client, ids, store):
    """A lookup that was replaced is not restored."""
    person(client, "delete", ids["Alpha"])
    client.update({"id": ids["beta"], "ParentId": ids["O'Hara"]})
    person(client, "undelete", ids["Alpha"])
    assert parent(store, ids["beta"])[0] == ids["O'Hara"]


def test_an_account_that_is_gone_for_good_is_nobodys_parent(client, ids, store):
    """No id is left that leads nowhere."""
    person(client, "destroy", ids["Alpha"])
    assert parent(store, ids["beta"]) == (None, True)


def test_a_lookup_somebody_made_is_emptied_as_well(client, ids, store):
    """And restored with the rest."""
    link = Field("Partner__c", "reference", refers=("Account",), relationship="Partner__r")
    store.add_field("Account", link)
    client.update({"id": ids["O'Hara"], "Partner__c": ids["Alpha"]})
    sql = "select Partner__c from Account where Id = ?"
    person(client, "delete", ids["Alpha"])
    gone = store.db.execute(sql, (ids["O'Hara"],)).fetchone()
    person(client, "undelete", ids["Alpha"])
    back = store.db.execute(sql, (ids["O'Hara"],)).fetchone()
    assert (gone, back) == ((None,), (ids["Alpha"],))


def test_an_account_with_cases_is_not_deleted_by_api(client, ids, store):
    """It says which cases, and nothing of it is in the bin."""
    status, code, said = refused(client.call("DELETE", f"/sobjects/Account/{ids['beta']}"))
    (case,) = store.db.execute('select Id from "Case"').fetchone()
    assert (status, code) == (400, "DELETE_FAILED")
    assert said == (
        "Your attempt to delete beta could not be completed because it is associated with the"
        f" following cases.: {case}\n"
    )
    client.call("DELETE", f"/sobjects/Case/{case}")
    assert client.call("DELETE", f"/sobjects/Account/{ids['beta']}").status_code == 204


@pytest.mark.parametrize(("won", "code"), [(1, "DELETE_FAILED"), (0, None)])
def test_an_account_with_a_deal_that_was_won_stays(client, ids, store, won, code):
    """A deal that is open goes to the bin with its account."""
    fields = (
        Field("Name", "string"),
        Field("AccountId", "reference", refers=("Account",), relationship="Account"),
        Field("IsWon", "boolean"),
    )
    store.create("Opportunity", fields, prefix="006")
    row = ("Big deal", ids["Alpha"], won)
    store.insert("Opportunity", ["Name", "AccountId", "IsWon"], [row])
    (told,) = client.call("DELETE", f"/composite/sobjects?ids={ids['Alpha']}").json()
    assert (told["errors"][0]["statusCode"] if told["errors"] else None) == code
    (gone,) = store.db.execute("select IsDeleted from Opportunity").fetchone()
    assert bool(gone) is (code is None)
