"""Provisioning as part of the whole: the fields of the shipped mapping, and what a sync needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.errors import Denied, UnsafePlan
from connector.sync.app import App
from connector.sync.flow import sync
from connector.sync.provision import carry_out, look, provision

from ..world import World, world


@pytest.fixture
def here(tmp_path):
    """Twenty accounts, nothing of ours in the org."""
    with world(tmp_path) as made:
        yield made


def mapped(app: App, target: str, **changes: object) -> App:
    """The installation with one field of its mapping changed."""
    fields = tuple(
        replace(each, **changes) if each.target == target else each for each in app.mapping.fields
    )
    return replace(app, mapping=replace(app.mapping, fields=fields))


def fewer(app: App) -> App:
    """The installation without the last field of its mapping."""
    return replace(app, mapping=replace(app.mapping, fields=app.mapping.fields[:-1]))


def values(here: World, *fields: str) -> set[tuple[str, str, object]]:
    """Every value that is in the CRM: account, field, value."""
    held = here.held(*fields).items()
    return {(id, name, v) for id, row in held for name, v in row.items() if v is not None}


def test_a_provisioned_installation_can_sync(here):
    """One step between the first login and the first write."""
    done = provision(here.app(), here.app().crm.check())
    assert done.created == done.granted == done.missing
    assert done.assigned == "Health_Connector_Writer"
    assert here.sync().exit == 0


def test_the_writer_permission_set_is_all_that_a_bare_user_needs(here):
    """Who begins with nothing reads, scores and writes everything with it, and sees no more."""
    here.control("users", {"username": "integration@sandbox.example", "bare": True})
    assert here.app().crm.fields("Account") is None
    here.ready()
    assert not look(here.app(), here.app().crm.check()).plan.todo
    receipt = here.sync()
    assert (receipt.exit, receipt.changes["failed"]) == (0, 0)
    assert receipt.changes["applied"] > 0
    assert "Type" not in here.app().crm.fields("Account")


def test_an_object_that_may_only_be_read_stops_the_run_before_reading(here):
    """Every row would be refused; the permission set that helps is named."""
    here.ready()
    here.control("fls", {"object": "Account", "read": True, "edit": False})
    with pytest.raises(UnsafePlan, match="Health_Score__c: the user may not write it") as refused:
        here.sync()
    assert "Health_Connector_Writer" in refused.value.hint
    here.ready()
    assert here.sync().exit == 0


def test_a_second_provision_writes_nothing(here):
    """Neither fields nor permissions."""
    here.ready()
    before = here.control("writes")
    again = provision(here.app(), here.app().crm.check())
    assert not again.plan.todo
    assert here.control("writes") == before


def test_a_field_hidden_from_the_reading_user_is_shown_by_the_writer(here):
    """What stops a run, provisioning puts right."""
    here.ready()
    here.control("fls", {"object": "Account", "field": "ARR__c", "read": False})
    with pytest.raises(UnsafePlan, match=r"Account\.ARR__c") as refused:
        here.sync()
    assert "Health_Connector_Writer" in refused.value.hint
    here.ready()
    assert here.sync().exit == 0


def filtering(app: App, where: str) -> App:
    """The installation with another filter over accounts."""
    pulls = tuple(
        replace(each, where=where) if each.object == "Account" else each
        for each in app.mapping.pull
    )
    return replace(app, mapping=replace(app.mapping, pull=pulls))


def test_a_field_that_only_a_filter_names_stops_the_run_before_reading_while_it_is_hidden(here):
    """The permission set that would show it is named, and then shows it."""
    here.ready()
    here.control("fls", {"object": "Account", "field": "Type", "read": False})
    here.control("reset-stats", {})
    with pytest.raises(UnsafePlan, match=r"Account\.type: not there, or hidden") as refused:
        sync(filtering(here.app(), "type != 'Former'"))
    assert "Health_Connector_Writer" in refused.value.hint
    asked = {row["route"]: row["requests"] for row in here.control("stats")["routes"]}
    assert "/services/data/{version}/jobs/query" not in asked
    assert asked["/services/data/{version}/query"] == 1  # which org this is
    app = filtering(here.app(), "type != 'Former'")
    provision(app, app.crm.check())
    assert sync(filtering(here.app(), "type != 'Former'")).exit == 0


def test_a_field_that_may_only_be_read_is_opened_for_writing(here):
    """The permission is raised to edit."""
    here.ready()
    fls = {"object": "Account", "field": "Health_Tier__c", "read": True, "edit": False}
    here.control("fls", fls)
    here.ready()
    assert here.sync().exit == 0


def test_without_the_rights_nothing_is_tried_and_an_admin_is_told_what_to_do(here):
    """Line by line; nothing is half made."""
    here.control("rights", {"CustomizeApplication": False})
    app = here.app()
    with pytest.raises(Denied, match="Customize Application") as refused:
        provision(app, app.crm.check())
    lines = refused.value.hint.splitlines()
    assert "connector fields export DIR" in lines[0]
    # One line for every field, two permission sets, and the assignment.
    assert len(lines) == 1 + len(app.mapping.fields) + 2 + 1
    assert here.control("writes") == []


def test_a_field_that_cannot_be_what_the_mapping_wants_stops_everything(here):
    """The others are not made either: the mapping is to be put right first."""
    here.ready()
    app = mapped(here.app(), "Health_Score__c", type="text")
    with pytest.raises(UnsafePlan, match="Health_Score__c: is a Number"):
        provision(app, app.crm.check())


@pytest.mark.parametrize("broken", ["all", "one"])
def test_what_was_refused_shows_in_the_exit_code(here, broken):
    """Some done is 4, nothing done is 1."""
    app = mapped(here.app(), "NPS__c", precision=99, scale=99)
    if broken == "all":
        found = look(app, app.crm.check())
        here.control("rights", dict.fromkeys(("ModifyMetadata", "ManageProfilesPermissionsets",
                                              "AssignPermissionSets"), False))  # fmt: skip
        done = carry_out(app, found)
    else:
        done = provision(app, app.crm.check())
        assert list(done.failed) == ["NPS__c"]
    assert done.exit == {"all": 1, "one": 4}[broken]


def test_airbyte_77627_nothing_is_lost_when_a_field_is_added(here):
    """A new field of the mapping is made and filled; what the others hold, they hold still."""
    few = fewer(here.app())
    provision(few, few.crm.check())
    sync(few)
    names = tuple(few.mapping.targets)
    before = values(here, *names)
    assert provision(here.app(), here.app().crm.check()).created == ("NPS_Last_Response__c",)
    here.sync()
    assert before <= values(here, *names)
    assert values(here, "NPS_Last_Response__c")


def test_estuary_3493_nothing_is_lost_when_a_field_leaves_the_mapping(here: World):
    """It stays in the org with its values; nothing is ever deleted or hidden."""
    here.ready()
    here.sync()
    before = here.held()
    few = fewer(here.app())
    assert not look(few, few.crm.check()).plan.todo
    assert sync(few).changes["planned"] == 0
    assert here.held() == before
