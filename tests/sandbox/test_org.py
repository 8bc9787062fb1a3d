"""What an org can switch on: currencies, people as accounts, hierarchies, record types, users."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.sandbox.salesforce.setup import prepare
from connector.sandbox.server import opened, running
from connector.sandbox.store import Store

Client = Any


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Store]:
    """Forty accounts and all that belongs to them."""
    store = opened(tmp_path / "world", accounts=40, seed=5, start=None)
    prepare(store)
    yield store
    store.close()


@pytest.fixture
def admin(world: Store, client: Client) -> Iterator[Client]:
    """Signed in to the world."""
    with running(world) as url:
        keys = requests.get(f"{url}/_sandbox/credentials", timeout=10).json()["salesforce"]
        form = {"grant_type": "client_credentials"}
        form |= {key: keys[key] for key in ("client_id", "client_secret")}
        answer = requests.post(f"{url}/services/oauth2/token", data=form, timeout=10)
        yield replace(client, url=url, token=answer.json()["access_token"])


def rows(client: Client, soql: str) -> list[dict[str, Any]]:
    """What a statement finds."""
    answer = client.query(soql)
    assert "records" in answer, answer
    return answer["records"]


def switch(client: Client, **options: Any) -> dict[str, Any]:
    """Switches an option on, and it must work."""
    told = client.control("POST", "org", json=options)
    assert "error" not in told, told
    return told


# currencies


def test_without_several_currencies_there_is_no_currency_field(admin):
    """The field is not empty, it does not exist."""
    answer = admin.query("SELECT CurrencyIsoCode FROM Account")
    assert answer[0]["errorCode"] == "INVALID_FIELD"


def test_with_several_currencies_every_amount_has_one(admin):
    """Most are in the corporate currency, and an account's deals are in the account's."""
    switch(admin, multi_currency=True)
    found = Counter(
        each["CurrencyIsoCode"] for each in rows(admin, "SELECT CurrencyIsoCode FROM Account")
    )
    assert set(found) == {"EUR", "USD", "GBP"}
    assert found["EUR"] > found["USD"] > found["GBP"]
    deals = rows(admin, "SELECT CurrencyIsoCode, Account.CurrencyIsoCode FROM Opportunity")
    assert all(each["CurrencyIsoCode"] == each["Account"]["CurrencyIsoCode"] for each in deals)


def test_rates_lead_to_the_corporate_currency(admin):
    """One corporate currency at 1, and one that is no longer active."""
    switch(admin, multi_currency=True)
    found = rows(
        admin,
        "SELECT IsoCode, ConversionRate, DecimalPlaces, IsActive, IsCorporate FROM CurrencyType",
    )
    corporate = {each["IsoCode"]: each["ConversionRate"] for each in found if each["IsCorporate"]}
    assert corporate == {"EUR": 1.0}
    assert [each["IsoCode"] for each in found if not each["IsActive"]] == ["CHF"]
    assert {each["DecimalPlaces"] for each in found} == {2}


def test_dated_rates_leave_no_day_without_a_rate(admin):
    """From the first day to the last, one ends where the next begins."""
    switch(admin, multi_currency=True, dated_rates=True)
    soql = "SELECT StartDate, NextStartDate, ConversionRate FROM DatedConversionRate"
    found = rows(admin, f"{soql} WHERE IsoCode = 'USD' ORDER BY StartDate")
    ends = [each["NextStartDate"] for each in found]
    assert [each["StartDate"] for each in found[1:]] == ends[:-1]
    assert (found[0]["StartDate"], ends[-1]) == ("1700-01-01", "9999-12-31")
    assert len({each["ConversionRate"] for each in found}) > 5


def test_convert_currency_gives_the_corporate_amount(admin):
    """Dollars at today's rate for accounts; never in a filter."""
    switch(admin, multi_currency=True)
    soql = "SELECT AnnualRevenue, convertCurrency(AnnualRevenue) euros FROM Account"
    found = rows(admin, f"{soql} WHERE CurrencyIsoCode = 'USD' AND AnnualRevenue > 0")
    assert found
    assert all(each["euros"] == round(each["AnnualRevenue"] / 1.08, 2) for each in found)
    answer = admin.query("SELECT Id FROM Account WHERE convertCurrency(AnnualRevenue) > 5")
    assert answer[0]["errorCode"] == "MALFORMED_QUERY"


def test_convert_currency_follows_the_day_of_a_deal(admin):
    """With dated rates the close date decides."""
    switch(admin, multi_currency=True, dated_rates=True)
    soql = "SELECT StartDate, NextStartDate, ConversionRate FROM DatedConversionRate"
    rates = rows(admin, f"{soql} WHERE IsoCode = 'USD'")
    soql = "SELECT CloseDate, Amount, convertCurrency(Amount) euros FROM Opportunity"
    deals = rows(admin, f"{soql} WHERE CurrencyIsoCode = 'USD' AND Amount > 0")
    assert deals
    for deal in deals:
        (rate,) = [each["ConversionRate"] for each in rates
                   if each["StartDate"] <= deal["CloseDate"] < each["NextStartDate"]]  # fmt: skip
        assert deal["euros"] == pytest.approx(deal["Amount"] / rate, abs=0.011)


def test_convert_currency_needs_several_currencies(admin):
    """In an org that has one it is an error."""
    answer = admin.query("SELECT convertCurrency(AnnualRevenue) FROM Account")
    assert answer[0]["errorCode"] == "INVALID_FIELD"


# people


def test_person_accounts_have_a_contact_each(admin):
    """Flag, names and address on both sides; others are companies still."""
    assert switch(admin, person_accounts=5)["person_accounts"] == 5
    soql = "SELECT Id, Name, FirstName, LastName, PersonEmail, PersonContactId,"
    soql += " PersonContact.AccountId, PersonContact.IsPersonAccount FROM Account"
    people = rows(admin, f"{soql} WHERE IsPersonAccount = true")
    assert len(people) == 5
    assert all(each["PersonContact"]["AccountId"] == each["Id"] for each in people)
    assert all(each["PersonContact"]["IsPersonAccount"] for each in people)
    assert all(each["Name"] == f"{each['FirstName']} {each['LastName']}" for each in people)
    companies = rows(admin, f"{soql} WHERE IsPersonAccount = false")
    assert {each["PersonContactId"] for each in companies} == {None}


def test_a_person_has_no_colleagues(admin):
    """One contact, and everything that was with the others is with that one."""
    switch(admin, person_accounts=5)
    soql = "SELECT AccountId, COUNT(Id) n FROM Contact WHERE Account.IsPersonAccount = true"
    assert {each["n"] for each in rows(admin, f"{soql} GROUP BY AccountId")} == {1}


def test_activities_of_a_person_hang_on_the_person(admin):
    """Some are about nothing, and known by the person alone."""
    switch(admin, person_accounts=20)
    soql = "SELECT WhoId, WhatId, Account.PersonContactId FROM Task"
    found = rows(admin, f"{soql} WHERE Account.IsPersonAccount = true")
    loose = [each for each in found if each["WhatId"] is None]
    assert loose
    assert all(each["WhoId"] == each["Account"]["PersonContactId"] for each in loose)


def test_the_name_of_a_person_cannot_be_written(admin):
    """It is made of first and last name, which a company does not have."""
    switch(admin, person_accounts=1)
    (person,) = rows(admin, "SELECT Id FROM Account WHERE IsPersonAccount = true")
    (company,) = rows(admin, "SELECT Id FROM Account WHERE IsPersonAccount = false LIMIT 1")
    told = admin.update(
        {"id": person["Id"], "Name": "x"},
        {"id": company["Id"], "LastName": "x"},
    )
    assert [each["errors"][0]["statusCode"] for each in told] == [
        "INVALID_FIELD_FOR_INSERT_UPDATE"
    ] * 2


def test_a_person_who_is_renamed_is_renamed_as_a_contact(admin):
    """Account and contact are one person."""
    switch(admin, person_accounts=1)
    (person,) = rows(admin, "SELECT Id FROM Account WHERE IsPersonAccount = true")
    change = {"id": person["Id"], "FirstName": "Ada", "LastName": "Kay", "PersonEmail": "a@k.de"}
    assert admin.update(change)[0]["success"] is True
    soql = "SELECT Name, PersonContact.Name, PersonContact.Email FROM Account"
    (after,) = rows(admin, f"{soql} WHERE IsPersonAccount = true")
    contact = after["PersonContact"]
    assert (after["Name"], contact["Name"], contact["Email"]) == ("Ada Kay", "Ada Kay", "a@k.de")


# activities with several people


def test_shared_activities_tell_everybody_they_are_with(admin):
    """A row for each person and thing; the second person is a colleague of the first."""
    assert admin.query("SELECT Id FROM TaskRelation")[0]["errorCode"] == "INVALID_TYPE"
    assert switch(admin, shared_activities=5)["shared_activities"] == 5
    soql = "SELECT TaskId, COUNT(Id) n FROM TaskRelation WHERE IsWhat = false GROUP BY TaskId"
    shared = rows(admin, f"{soql} HAVING COUNT(Id) > 1")
    assert [each["n"] for each in shared] == [2] * 5
    task = shared[0]["TaskId"]
    soql = "SELECT RelationId, Relation.Type, AccountId, Task.WhoId, Task.WhatId FROM TaskRelation"
    found = rows(admin, f"{soql} WHERE TaskId = '{task}' AND IsWhat = false")
    assert {each["Relation"]["Type"] for each in found} == {"Contact"}
    assert len({each["AccountId"] for each in found}) == 1
    assert found[0]["Task"]["WhoId"] in {each["RelationId"] for each in found}


def test_every_activity_has_a_row_for_what_it_is_about(admin):
    """Tasks and events alike."""
    switch(admin, shared_activities=1)
    for name in ("Task", "Event"):
        soql = f"SELECT {name}Id, RelationId, {name}.WhatId FROM {name}Relation"
        found = rows(admin, f"{soql} WHERE IsWhat = true LIMIT 50")
        assert found
        assert all(each["RelationId"] == each[name]["WhatId"] for each in found)


def test_an_activity_that_is_written_is_with_whom_it_says(admin):
    """Its rows are made, changed and deleted with it."""
    switch(admin, shared_activities=1)
    first, second = (each["Id"] for each in rows(admin, "SELECT Id FROM Contact LIMIT 2"))
    values = {"Subject": "x", "Status": "Not Started", "Priority": "Normal"}
    task = make(admin, "Task", **values, WhoId=first)["Id"]
    soql = f"SELECT RelationId FROM TaskRelation WHERE TaskId = '{task}'"
    assert [each["RelationId"] for each in rows(admin, soql)] == [first]
    admin.call("PATCH", f"/sobjects/Task/{task}", json={"WhoId": second})
    assert [each["RelationId"] for each in rows(admin, soql)] == [second]
    admin.call("DELETE", f"/sobjects/Task/{task}")
    assert rows(admin, soql) == []


# hierarchies


def test_accounts_stand_below_one_another_to_any_depth(admin):
    """A chain of four has three parents above its end, and no more."""
    chains = switch(admin, hierarchy=4)["chains"]
    up = "Parent.Parent.ParentId"
    assert len(rows(admin, f"SELECT Id FROM Account WHERE {up} != null")) == chains
    assert rows(admin, f"SELECT Id FROM Account WHERE Parent.{up} != null") == []


def test_a_person_may_close_a_circle(admin):
    """No org lets that happen, and one that was imported has it all the same."""
    switch(admin, hierarchy=2)
    (child,) = rows(admin, "SELECT Id, ParentId FROM Account WHERE ParentId != null LIMIT 1")
    edit = {"object": "Account", "do": "edit", "id": child["ParentId"]}
    told = admin.control("POST", "people", json={**edit, "values": {"ParentId": child["Id"]}})
    assert told == {"id": child["ParentId"]}


@pytest.mark.parametrize("option", [{"nope": 1}, {"multi_currency": False}])
def test_an_option_that_is_none_is_refused(admin, option):
    """What is switched on stays on, as in the real thing."""
    assert "error" in admin.control("POST", "org", json=option)


# record types


@pytest.fixture
def partner(client, ids):
    """A record type of which tier B is no value; Alpha has it."""
    wanted = {"object": "Account", "name": "Partner", "picklists": {"Tier__c": ["A"]}}
    return client.control("POST", "record-types", json={**wanted, "ids": [ids["Alpha"]]})["id"]


def test_a_restricted_value_depends_on_the_record_type(client, ids, partner):
    """B is for those without the type."""
    told = client.update(*({"id": ids[each], "Tier__c": "B"} for each in ("Alpha", "beta")))
    assert [each["success"] for each in told] == [False, True]
    assert told[0]["errors"][0]["statusCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_a_record_that_takes_the_type_must_have_its_values(client, ids, partner):
    """Type and value in one write are checked together."""
    row = {"id": ids["beta"], "RecordTypeId": partner}
    told = [client.update({**row, "Tier__c": tier})[0]["success"] for tier in ("B", "A")]
    assert told == [False, True]


def test_describe_lists_record_types_and_master(client, partner):
    """Master is there in every org."""
    infos = client.call("GET", "/sobjects/Account/describe").json()["recordTypeInfos"]
    assert [(each["name"], each["master"]) for each in infos] == [
        ("Partner", False),
        ("Master", True),
    ]
    others = client.call("GET", "/sobjects/Contact/describe").json()["recordTypeInfos"]
    assert [each["recordTypeId"] for each in others] == ["012000000000000AAA"]


def test_record_types_are_records(client, ids, partner):
    """They are queried, and reached through a relationship."""
    (row,) = rows(client, "SELECT Id, DeveloperName FROM RecordType WHERE SobjectType = 'Account'")
    assert (row["Id"], row["DeveloperName"]) == (partner, "Partner")
    soql = "SELECT Name FROM Account WHERE RecordType.DeveloperName = 'Partner'"
    assert [each["Name"] for each in rows(client, soql)] == ["Alpha"]


def values(client, record_type, field=""):
    """What the interface says of picklists."""
    at = f"/ui-api/object-info/Account/picklist-values/{record_type}"
    return client.call("GET", f"{at}/{field}" if field else at)


def test_picklist_values_are_told_by_record_type(client, partner):
    """A for the type, all of them for Master."""
    told = values(client, partner).json()["picklistFieldValues"]["Tier__c"]["values"]
    assert [each["value"] for each in told] == ["A"]
    master = values(client, "012000000000000AAA", "Tier__c").json()["values"]
    assert [each["value"] for each in master] == ["A", "B"]


def test_picklist_values_of_nothing_are_not_found(client, partner):
    """An unknown type, an unknown field."""
    assert values(client, "012000000000001AAA").status_code == 404
    assert values(client, partner, "Name").status_code == 404


# users


def grant(client, field, user_name):
    """A permission set for one hidden field, assigned to a new user; the user's client."""
    client.control("POST", "fls", json={"object": "Account", "field": field, "read": False})
    permissions = {"Name": "Viewers", "Label": "Viewers"}
    made = client.call("POST", "/sobjects/PermissionSet", json=permissions).json()["id"]
    right = {"ParentId": made, "SobjectType": "Account", "Field": f"Account.{field}"}
    client.call("POST", "/sobjects/FieldPermissions", json={**right, "PermissionsRead": True})
    wanted = {"username": user_name, "permission_sets": ["Viewers"]}
    told = client.control("POST", "users", json=wanted)
    return replace(client, token=told["access_token"])


def test_permission_sets_decide_per_user_what_is_there(client):
    """The field is absent for one and read-only for the other, in describe and in queries."""
    viewer = grant(client, "Industry", "viewer@sandbox.example")
    told = {}
    for name, each in (("admin", client), ("viewer", viewer)):
        fields = each.call("GET", "/sobjects/Account/describe").json()["fields"]
        told[name] = {field["name"]: field["updateable"] for field in fields}.get("Industry")
    assert told == {"admin": None, "viewer": False}
    assert client.query("SELECT Industry FROM Account")[0]["errorCode"] == "INVALID_FIELD"
    assert viewer.query("SELECT Industry FROM Account")["totalSize"] == 4


def test_what_a_user_may_only_read_a_user_cannot_write(client, ids):
    """Each is refused in its own way."""
    viewer = grant(client, "Industry", "viewer@sandbox.example")
    row = {"id": ids["Alpha"], "Industry": "Retail"}
    told = [each.update(row)[0]["errors"][0]["statusCode"] for each in (client, viewer)]
    assert told == ["INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE"]


def test_writes_are_of_the_user_who_wrote(client, ids):
    """The log and the record say who it was."""
    told = client.control("POST", "users", json={"username": "other@sandbox.example"})
    replace(client, token=told["access_token"]).update({"id": ids["Alpha"], "Score__c": 1})
    (entry,) = client.control("GET", "writes")
    assert entry["user"] == told["id"] != "005000000000001AAA"


def test_a_user_needs_permission_sets_that_exist(client):
    """A typing error is not a user without rights."""
    wanted = {"username": "x@sandbox.example", "permission_sets": ["Nope"]}
    assert "error" in client.control("POST", "users", json=wanted)
    assert client.query("SELECT COUNT() FROM User WHERE Username = 'x@sandbox.example'") == {
        "totalSize": 0,
        "done": True,
        "records": [],
    }


# what nobody writes


def make(client, name, **values):
    """A new record by API, read back whole."""
    made = client.call("POST", f"/sobjects/{name}", json=values).json()
    assert made.get("success"), made
    return client.call("GET", f"/sobjects/{name}/{made['id']}").json()


def test_an_activity_belongs_to_the_account_it_leads_to(admin):
    """An account, a deal's account, a contact's account; on a case without a contact nobody's."""
    (deal,) = rows(admin, "SELECT Id, AccountId FROM Opportunity LIMIT 1")
    (contact,) = rows(admin, "SELECT Id, AccountId FROM Contact LIMIT 1")
    (case,) = rows(admin, "SELECT Id FROM Case WHERE AccountId != null LIMIT 1")
    task = {"Subject": "x", "Status": "Not Started", "Priority": "Normal"}
    owners = [
        make(admin, "Task", **task, **links)["AccountId"]
        for links in (
            {"WhatId": deal["AccountId"]},
            {"WhatId": deal["Id"]},
            {"WhoId": contact["Id"]},
            {"WhatId": case["Id"], "WhoId": contact["Id"]},
            {"WhatId": case["Id"]},
        )
    ]
    mine, theirs = deal["AccountId"], contact["AccountId"]
    assert owners == [mine, mine, theirs, theirs, None]


def test_a_task_is_closed_by_its_status(admin):
    """Closed at that moment, and open again without one."""
    task = make(admin, "Task", Subject="x", Status="Completed", Priority="Normal")
    assert (task["IsClosed"], task["CompletedDateTime"] is None) == (True, False)
    admin.call("PATCH", f"/sobjects/Task/{task['Id']}", json={"Status": "In Progress"})
    after = admin.call("GET", f"/sobjects/Task/{task['Id']}").json()
    assert (after["IsClosed"], after["CompletedDateTime"]) == (False, None)


def test_a_deal_is_won_by_its_stage(admin):
    """A person moves it."""
    (deal,) = rows(admin, "SELECT Id FROM Opportunity WHERE IsClosed = false LIMIT 1")
    edit = {"object": "Opportunity", "do": "edit", "id": deal["Id"]}
    admin.control("POST", "people", json={**edit, "values": {"StageName": "Closed Won"}})
    soql = f"SELECT IsClosed, IsWon FROM Opportunity WHERE Id = '{deal['Id']}'"
    (after,) = rows(admin, soql)
    assert (after["IsClosed"], after["IsWon"]) == (True, True)
