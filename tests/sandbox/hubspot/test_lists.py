"""Lists: by filters, by hand, and what a filter saw once."""

from __future__ import annotations

from typing import Any

import pytest

LISTS = "/crm/v3/lists"


def branch(*filters: dict[str, Any]) -> dict[str, Any]:
    """Filters that must all hold."""
    both = {"filterBranchType": "AND", "filterBranches": [], "filters": list(filters)}
    return {"filterBranchType": "OR", "filterBranches": [both], "filters": []}


def where(name: str, kind: str, operator: str, **more: Any) -> dict[str, Any]:
    """One condition on a property."""
    operation = {"operationType": kind, "operator": operator, **more}
    return {"filterType": "PROPERTY", "property": name, "operation": operation}


#: Nine in UTC, an hour after the sandbox's clock began.
NINE = {"timeType": "DATE", "zoneId": "America/New_York", "year": 2026, "month": 11, "day": 2}
NINE |= {"hour": 4, "minute": 0}
PARTNERS = branch(where("type", "ENUMERATION", "IS_ANY_OF", values=["PARTNER"]))


@pytest.fixture
def make(account):
    """Makes a list of companies; the list."""

    def make_(name: str = "Partners", how: str = "DYNAMIC", **more: Any) -> dict[str, Any]:
        wanted = {"name": name, "objectTypeId": "0-2", "processingType": how, **more}
        return account.post(LISTS, wanted)["list"]

    return make_


@pytest.fixture
def members(account):
    """The records of a list."""
    return lambda list_: [
        each["recordId"]
        for each in account.get(f"{LISTS}/{list_['listId']}/memberships")["results"]
    ]


def test_a_dynamic_list_follows_its_records(account, companies, make, members):
    """What a record holds now decides."""
    partners = make(filterBranch=PARTNERS)
    assert members(partners) == [companies["Alpha"]]
    path = f"/crm/v3/objects/companies/{companies['Gamma']}"
    account.call("PATCH", path, json={"properties": {"type": "PARTNER"}})
    assert members(partners) == [companies["Alpha"], companies["Gamma"]]


def test_a_snapshot_stays_as_it_was(account, companies, make, members):
    """And can be changed by hand from then on."""
    partners = make(how="SNAPSHOT", filterBranch=PARTNERS)
    path = f"/crm/v3/objects/companies/{companies['Alpha']}"
    account.call("PATCH", path, json={"properties": {"type": "VENDOR"}})
    assert members(partners) == [companies["Alpha"]]
    added = account.call(
        "PUT", f"{LISTS}/{partners['listId']}/memberships/add", json=[companies["beta"]]
    )
    assert added.json()["recordsIdsAdded"] == [companies["beta"]]
    assert members(partners) == [companies["Alpha"], companies["beta"]]


def test_a_list_by_hand_tells_what_is_missing(account, companies, make, members):
    """Records that there are go in, others are named; archived ones fall out."""
    hand = make(how="MANUAL")
    path = f"{LISTS}/{hand['listId']}/memberships"
    told = account.call("PUT", f"{path}/add", json=[companies["Alpha"], "1"]).json()
    assert (told["recordsIdsAdded"], told["recordIdsMissing"]) == ([companies["Alpha"]], ["1"])
    swap = {"recordIdsToAdd": [companies["beta"]], "recordIdsToRemove": [companies["Alpha"]]}
    told = account.call("PUT", f"{path}/add-and-remove", json=swap).json()
    assert told["recordIdsRemoved"] == [companies["Alpha"]]
    assert members(hand) == [companies["beta"]]
    account.call("DELETE", f"/crm/v3/objects/companies/{companies['beta']}")
    assert members(hand) == []


def test_members_of_a_dynamic_list_are_not_moved_by_hand(account, companies, make):
    """Its filters decide."""
    path = f"{LISTS}/{make(filterBranch=PARTNERS)['listId']}/memberships/add"
    assert account.call("PUT", path, json=[companies["beta"]]).status_code == 400


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (branch(where("annualrevenue", "NUMBER", "IS_GREATER_THAN", value=9.5)), "Alpha"),
        (branch(where("annualrevenue", "NUMBER", "IS_LESS_THAN_OR_EQUAL_TO", value=9)), "beta"),
        (
            branch(
                where("annualrevenue", "NUMBER_RANGED", "IS_BETWEEN", lowerBound=9, upperBound=50)
            ),
            "beta",
        ),
        (branch(where("createdate", "TIME_POINT", "IS_AFTER", timePoint=NINE)), ""),
        (
            branch(where("createdate", "TIME_POINT", "IS_BEFORE", timePoint=NINE)),
            "Alpha beta Gamma",
        ),
        (branch(where("name", "STRING", "CONTAINS", value="A")), "Alpha beta Gamma"),
        (branch(where("name", "MULTISTRING", "STARTS_WITH", values=["AL", "be"])), "Alpha beta"),
        (branch(where("type", "ALL_PROPERTY", "IS_UNKNOWN")), "beta"),
        (branch(where("type", "ENUMERATION", "IS_NONE_OF", values=["PARTNER"])), "Gamma"),
        (
            branch(
                where(
                    "type",
                    "ENUMERATION",
                    "IS_NONE_OF",
                    values=["PARTNER"],
                    includeObjectsWithNoValueSet=True,
                )
            ),
            "beta Gamma",
        ),
        (
            branch(
                where("type", "ALL_PROPERTY", "IS_KNOWN"),
                where("annualrevenue", "ALL_PROPERTY", "IS_KNOWN"),
            ),
            "Alpha",
        ),
        (
            {
                "filterBranchType": "OR",
                "filterBranches": [
                    *PARTNERS["filterBranches"],
                    *branch(where("name", "STRING", "IS_EQUAL_TO", value="BETA"))["filterBranches"],
                ],
            },
            "Alpha beta",
        ),
    ],
)
def test_filters_say_who_belongs(companies, make, members, filters, names):
    """Numbers as numbers, text in any case, and what is empty only if it is said."""
    assert members(make(filterBranch=filters)) == [companies[each] for each in names.split()]


@pytest.mark.parametrize(
    "wrong",
    [
        {"filterBranchType": "AND", "filters": []},
        {"filterBranchType": "OR", "filterBranches": []},
        branch(where("colour", "STRING", "IS_EQUAL_TO", value="x")),
        branch(where("name", "STRING", "RHYMES_WITH", value="x")),
        branch(where("annualrevenue", "NUMBER", "IS_EQUAL_TO", value="many")),
        branch({"filterType": "PAGE_VIEW"}),
        branch(where("createdate", "TIME_POINT", "IS_AFTER", timePoint={**NINE, "month": 13})),
        branch(where("createdate", "TIME_POINT", "IS_AFTER", timePoint={**NINE, "zoneId": "x"})),
    ],
)
def test_filters_that_cannot_be_are_refused(account, wrong):
    """With 400, and there is no list."""
    wanted = {"name": "x", "objectTypeId": "0-2", "processingType": "DYNAMIC"}
    assert account.call("POST", LISTS, json={**wanted, "filterBranch": wrong}).status_code == 400
    assert account.post(f"{LISTS}/search", {})["total"] == 0


def test_a_name_is_taken_once(account, make):
    """In any case, until the list that has it is deleted."""
    partners = make("Partners", "MANUAL")
    again = {"name": "partners", "objectTypeId": "0-2", "processingType": "MANUAL"}
    answer = account.call("POST", LISTS, json=again)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert account.call("DELETE", f"{LISTS}/{partners['listId']}").status_code == 204
    assert account.call("POST", LISTS, json=again).ok
    assert account.call("PUT", f"{LISTS}/{partners['listId']}/restore").status_code == 400


def test_filters_can_be_replaced(account, companies, make, members):
    """The version counts up, and records change with it."""
    partners = make(filterBranch=PARTNERS)
    path = f"{LISTS}/{partners['listId']}"
    new = branch(where("type", "ENUMERATION", "IS_ANY_OF", values=["VENDOR"]))
    told = account.call("PUT", f"{path}/update-list-filters", json={"filterBranch": new}).json()
    assert told["updatedList"]["listVersion"] == 2
    assert members(partners) == [companies["Gamma"]]
    assert "filterBranch" not in account.get(path)["list"]
    assert account.get(f"{path}?includeFilters=true")["list"]["filterBranch"] == new


@pytest.mark.parametrize("lists", [LISTS, "/crm/lists/2026-09"])
def test_lists_are_found_by_name_by_id_and_by_search(account, companies, make, lists):
    """In both spellings; a search tells how long each is."""
    partners = make(filterBranch=PARTNERS)
    make("By hand", "MANUAL")
    id_ = partners["listId"]
    assert account.get(f"{lists}/{id_}")["list"]["name"] == "Partners"
    assert account.get(f"{lists}/object-type-id/0-2/name/Partners")["list"]["listId"] == id_
    (several,) = account.get(f"{lists}?listIds={id_}")["lists"]
    assert several["size"] == 1
    told = account.post(f"{lists}/search", {"processingTypes": ["DYNAMIC"], "query": "partner"})
    assert (told["total"], told["hasMore"]) == (1, False)
    assert told["lists"][0]["additionalProperties"] == {"hs_list_size": "1"}
    first = account.post(f"{lists}/search", {"count": 1})
    assert (first["hasMore"], first["offset"], first["total"]) == (True, 1, 2)


@pytest.mark.parametrize("id_", ["-1", "9999"])
def test_a_list_that_is_not_there_is_named(account, id_):
    """As it was recorded."""
    answer = account.call("GET", f"{LISTS}/{id_}")
    told = answer.json()
    assert told.pop("correlationId")
    assert (answer.status_code, told) == (
        404,
        {
            "status": "error",
            "message": f"List does not exist with ID {id_}.",
            "context": {"listId": [id_]},
            "category": "OBJECT_NOT_FOUND",
            "subCategory": "ListError.LIST_ID_DOES_NOT_EXIST",
        },
    )


def test_members_come_page_by_page(account, companies, make):
    """The cursor leads to the rest, and then there is none."""
    path = f"{LISTS}/{make(how='MANUAL')['listId']}/memberships"
    account.call("PUT", f"{path}/add", json=list(companies.values()))
    first = account.get(f"{path}?limit=2")
    after = first["paging"]["next"]["after"]
    rest = account.get(f"{path}?limit=2&after={after}")
    assert "paging" not in rest
    found = [each["recordId"] for each in (*first["results"], *rest["results"])]
    assert found == sorted(companies.values(), key=int)
    assert account.call("GET", f"{path}?limit=251").status_code == 400


def test_a_record_tells_its_lists(account, companies, make):
    """Those it belongs to, by filter or by hand."""
    partners = make(filterBranch=PARTNERS)
    make("Nobody", "MANUAL")
    path = f"{LISTS}/records/0-2/{companies['Alpha']}/memberships"
    assert [each["listId"] for each in account.get(path)["results"]] == [partners["listId"]]


def test_lists_want_a_scope_of_their_own(account):
    """To be read, and another one to be made."""
    account.control(app={"scopes": ["crm.lists.read"]})
    assert account.call("POST", f"{LISTS}/search", json={}).ok
    wanted = {"name": "x", "objectTypeId": "0-2", "processingType": "MANUAL"}
    answer = account.call("POST", LISTS, json=wanted)
    required = answer.json()["errors"][0]["context"]["requiredGranularScopes"]
    assert (answer.status_code, required) == (403, ["crm.lists.write"])
