"""What reading changes alone would miss: formulas, hard deletes, objects that share a stream."""

from __future__ import annotations

import pytest

from connector.errors import ConfigError, UnsafePlan
from connector.sandbox.store import Field
from connector.sync.flow import pull_only
from connector.sync.preflight import preflight

from .reading import mapping, odd, person, pull, read, rows, setting

FORMULA = 'created_at    = "CreatedDate"\n\n[[pull]]\nstream = "contacts"'


def routes(here, part: str) -> int:
    """How many requests went to routes that contain this."""
    return sum(
        each["requests"] for each in here.control("stats")["routes"] if part in each["route"]
    )


def only(here, object: str) -> str:
    """Some record of an object that is there."""
    held = here.control(f"values?crm=salesforce&object={object}&fields=Id")
    return min(held)


def is_deleted(here, stream: str, id: str) -> bool:
    return rows(here, stream, "deleted", f"id = '{id}'") == [(True,)]


# ── which object ──────────────────────────────────────────────────────────────────────────────


def test_every_record_says_which_object_it_came_from(here):
    """Three objects feed the activities."""
    pull(here)
    found = rows(here, "activities", "DISTINCT object")
    assert {object for (object,) in found} == {"Task", "Event", "EmailMessage"}


def test_a_narrower_filter_buries_what_one_of_several_objects_no_longer_tells(here):
    """Tasks go, events and messages of the same stream stay."""
    pull(here)
    alive = "count(*) FILTER (WHERE object = 'Task'), count(*) FILTER (WHERE object <> 'Task')"
    ((tasks, others),) = rows(here, "activities", alive, "NOT deleted")
    closed = 'object = "Task"\nwhere  = "IsRecurrence = false'
    mapping(here, closed, f"{closed} and IsClosed = true")
    change = pull(here)
    ((closed_tasks, still),) = rows(here, "activities", alive, "NOT deleted")
    assert 0 < closed_tasks < tasks
    assert still == others
    assert read(change, "activities", "Task")["gone"] == tasks - closed_tasks


# ── once a week ───────────────────────────────────────────────────────────────────────────────


def test_a_hard_delete_leaves_no_trace_and_is_found_within_a_week(here):
    """The record is simply not there any more; only comparing all ids can tell."""
    pull(here)
    gone = only(here, "Contact")
    person(here, "Contact", gone, "destroy")
    assert read(pull(here), "contacts", "Contact")["gone"] == 0
    assert not is_deleted(here, "contacts", gone)
    here.advance("8d")
    assert read(pull(here), "contacts", "Contact")["gone"] == 1
    assert is_deleted(here, "contacts", gone)


def test_all_ids_are_compared_once_a_week_and_no_more_often(here):
    """The run after makes no such call."""
    pull(here)
    here.advance("8d")
    first = sum(each["actual"] for each in pull(here).calls.values())
    assert sum(each["actual"] for each in pull(here).calls.values()) < first


def test_how_often_all_is_looked_at_can_be_set(here):
    """`refresh` in [pull]."""
    setting(here, 'refresh = "1d"')
    pull(here)
    gone = only(here, "Contact")
    person(here, "Contact", gone, "destroy")
    here.advance("25h")
    assert read(pull(here), "contacts", "Contact")["gone"] == 1


def test_heroku_roadmap_319_formulas_do_not_go_stale(here):
    """A formula changes without its record: an object with one is read whole once a week."""
    mapping(here, 'employees     = "NumberOfEmployees"', 'employees     = "Contract_Age__c"')
    pull(here)
    before = dict(rows(here, "accounts", "id, employees", "employees IS NOT NULL"))
    here.advance("400d")
    done = pull(here)
    after = dict(rows(here, "accounts", "id, employees", "employees IS NOT NULL"))
    assert read(done, "accounts", "Account")["read"] == "all"
    assert before
    assert all(after[id] - age >= 1 for id, age in before.items() if id in after)


def test_a_roll_up_does_not_go_stale(here):
    """It sums up other records; its own changes neither its moment nor anything else."""
    won = "(select count(*) from Opportunity o where o.AccountId = Account.Id and o.IsWon)"
    field = Field("Won_Deals__c", "double", calculated=True, updateable=False, formula=won)
    here.store.add_field("Account", field)
    here.control("fls", {"object": "Account", "field": field.name, "read": True, "edit": False})
    mapping(here, 'employees     = "NumberOfEmployees"', 'employees     = "Won_Deals__c"')
    pull(here)
    ((account, before),) = rows(
        here, "accounts", "id, employees", "NOT deleted ORDER BY id LIMIT 1"
    )
    deal = {"Name": "x", "AccountId": account, "StageName": "Closed Won", "CloseDate": "2026-01-01"}
    person(here, "Opportunity", do="create", values=deal)
    assert read(pull(here), "accounts", "Account")["read"] != "all"
    here.advance("8d")
    assert read(pull(here), "accounts", "Account")["read"] == "all"
    assert rows(here, "accounts", "employees", f"id = '{account}'") == [(before + 1,)]


def test_what_behaves_like_a_formula_does_not_go_stale(here):
    """LastActivityDate moves with the activities, and describe calls it no formula."""
    mapping(here, 'renewal_on    = "Renewal_Date__c"', 'renewal_on    = "LastActivityDate"')
    pull(here)
    account = only(here, "Account")
    set_ = "update Account set LastActivityDate = '2031-01-01' where Id = ?"
    here.store.db.execute(set_, (account,))
    here.advance("8d")
    assert read(pull(here), "accounts", "Account")["read"] == "all"
    found = rows(here, "accounts", "CAST(renewal_on AS VARCHAR)", f"id = '{account}'")
    assert found == [("2031-01-01",)]


def test_an_object_without_formulas_is_not_read_whole_again(here):
    """Its ids are enough."""
    pull(here)
    here.advance("8d")
    assert read(pull(here), "contacts", "Contact")["read"] != "all"


def test_the_value_of_another_record_does_not_go_stale_either(here):
    """`Owner.Name` changes when the owner does, and the account knows nothing of it."""
    mapping(here, 'segment       = "Segment__c"', 'segment       = "Owner.Name"')
    pull(here)
    ((owner, account),) = rows(here, "accounts", "owner_id, id", "NOT deleted ORDER BY id LIMIT 1")
    person(here, "User", owner, values={"Name": "Somebody Else"})
    here.advance("8d")
    pull(here)
    assert rows(here, "accounts", "segment", f"id = '{account}'") == [("Somebody Else",)]


def test_ids_that_all_but_vanish_are_a_fault(here, monkeypatch):
    """Lost access is no reason to bury everything."""
    pull(here)
    contacts = here.control("values?crm=salesforce&object=Contact&fields=Id")
    for id in sorted(contacts)[: len(contacts) * 2 // 3]:
        here.control(
            "people", {"crm": "salesforce", "object": "Contact", "id": id, "do": "destroy"}
        )
    here.advance("8d")
    with pytest.raises(UnsafePlan, match=r"Contact: .* records came back"):
        pull(here)


# ── values that cannot be read ────────────────────────────────────────────────────────────────


def test_a_value_that_does_not_fit_its_column_is_counted_and_the_record_kept(here):
    """A text where a number is wanted is unknown, and somebody is told."""
    mapping(here, 'employees     = "NumberOfEmployees"', 'employees     = "Name"')
    done = pull(here)
    count, ids = odd(done)["unreadable_employees"]
    assert count == len(rows(here, "accounts", "id"))
    assert len(ids) == 20
    assert rows(here, "accounts", "count(employees)") == [(0,)]


def test_nothing_is_odd_about_the_shipped_mapping(here):
    """Every value of the sandbox fits."""
    assert [rule for rule in odd(pull(here)) if rule.startswith("unreadable")] == []


# ── what an org may lack ──────────────────────────────────────────────────────────────────────


def test_a_field_that_is_hidden_stops_the_run_before_reading_and_names_the_permission_set(here):
    """All such fields at once, and what an admin can do."""
    for object, field in (("Account", "ARR__c"), ("Case", "Priority")):
        hide = {"object": object, "field": field, "read": False, "edit": False}
        here.control("fls", hide)
    with pytest.raises(UnsafePlan) as refused:
        pull(here)
    said = f"{refused.value.message} {refused.value.hint}"
    assert "Account.ARR__c" in said
    assert "Case.Priority" in said
    assert "Health_Connector_" in said
    assert routes(here, "queryAll") == 0


def test_a_column_that_is_optional_may_be_lacking(here):
    """One currency: there is no CurrencyIsoCode, and that is no mistake."""
    pull(here)
    assert rows(here, "accounts", "count(currency)") == [(0,)]


def test_what_is_optional_and_not_there_is_told_once_and_when_it_changes(here):
    """An object that is hidden looks as if the org had none: scores would change in silence."""
    mapping(here, 'object = "Case"\n', 'object = "Case"\noptional = true\n')
    first, second = pull(here), pull(here)
    assert "Account.CurrencyIsoCode" in first.notices[0]
    assert "CurrencyType, DatedConversionRate" in first.notices[0]
    assert second.notices == []
    here.control("fls", {"object": "Case", "read": False, "edit": False})
    assert "Case, CurrencyType" in pull(here).notices[0]
    assert "Case, CurrencyType" in preflight(here.app()).told[0]
    assert pull(here).notices == []


def test_only_columns_that_are_read_can_be_optional(here):
    """A typing error is told with its line."""
    mapping(here, 'optional_columns = ["currency"', 'optional_columns = ["curency"')
    with pytest.raises(ConfigError, match="no column 'curency' is read here"):
        here.app()


def test_a_pull_before_our_fields_exist_reads_everything_else(tmp_path):
    """The first look at an org comes before its fields are made."""
    from tests.world import world

    with world(tmp_path) as bare:
        assert pull_only(bare.app()).streams["accounts"]["pulled"] >= 20
