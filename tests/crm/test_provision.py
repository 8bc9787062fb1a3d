"""Fields made, changed and shown by the Salesforce adapter; and what it leaves alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from connector.crm.salesforce import objects, setup, sfdx, translations
from connector.crm.salesforce.metadata import (
    DESCRIPTION,
    MARK,
    compare,
    cut,
    label,
    metadata,
    names,
)  # fmt: skip
from connector.crm.salesforce.permissions import READER, WRITER
from connector.errors import RemoteError
from connector.fieldplan import FieldPlan, FieldsMade, FieldStep
from connector.mapping.objects import CrmMapping, Field, Pull
from connector.mapping.wanted import length

from .conftest import Org

SCORE = Field("score", "Health_Score__c", "number", {"en": "Health score", "de": "Gesundheit"},
              {"en": "0 to 100.", "de": "0 bis 100."}, precision=4, scale=1)  # fmt: skip
TIER = Field("tier", "Health_Tier__c", "choice", {"en": "Tier"}, values=("A", "B"))
REASON = Field("reason_en", "Health_Reason__c", "text", {"en": "Reason"}, length=100)
NS = {"m": sfdx.NAMESPACE}


def mapping(*fields: Field, pull: Sequence[Pull] = ()) -> CrmMapping:
    """A mapping that writes these fields to accounts."""
    return CrmMapping("salesforce", "Account", tuple(pull), fields)


def planned(org: Org, *fields: Field, pull: Sequence[Pull] = (), **settings: bool) -> FieldPlan:
    """What a fresh adapter would do."""
    crm = org.another()
    user = crm.check().user
    return crm.plan_fields(
        mapping(*fields, pull=pull), user, **{"adopt": False, "assign": True, **settings}
    )


def made(org: Org, *fields: Field, **settings: Any) -> FieldsMade:
    """What a fresh adapter did."""
    return org.crm.make_fields(planned(org, *fields, **settings))


def step(org: Org, field: Field, **settings: bool) -> FieldStep:
    """What would be done about one field."""
    (found,) = planned(org, field, **settings).steps
    return found


def tooling(org: Org, method: str, path: str, body: Any = None, **query: str) -> Any:
    """A call as an admin's tools make it."""
    return org.crm._client.call(method, f"tooling/{path}", "to play the admin", json=body,
                                params=query or None)  # fmt: skip


def by_admin(org: Org, name: str, **kind: Any) -> None:
    """A field that somebody else makes."""
    body = {"FullName": f"Account.{name}", "Metadata": {"label": "Theirs", **kind}}
    tooling(org, "POST", "sobjects/CustomField", body)


def found(org: Org, name: str) -> tuple[str, dict[str, Any]]:
    """The id and the metadata of a field of the account."""
    soql = f"SELECT Id FROM CustomField WHERE DeveloperName = '{name.removesuffix('__c')}'"
    id = tooling(org, "GET", "query", q=soql)["records"][0]["Id"]
    return id, tooling(org, "GET", f"sobjects/CustomField/{id}")["Metadata"]


def changed_by_admin(org: Org, name: str, **values: Any) -> None:
    """A field that somebody changes in Setup."""
    id, have = found(org, name)
    tooling(org, "PATCH", f"sobjects/CustomField/{id}", {"Metadata": {**have, **values}})


def rows(org: Org, soql: str) -> list[dict[str, Any]]:
    """The records of a query."""
    return list(org.crm._client.call("GET", "query", "to look", params={"q": soql})["records"])


def granted(org: Org, name: str) -> dict[str, bool]:
    """The fields that a permission set shows, and whether they may be edited."""
    soql = f"SELECT Field, PermissionsEdit FROM FieldPermissions WHERE Parent.Name = '{name}'"
    return {row["Field"]: row["PermissionsEdit"] for row in rows(org, soql)}


def told(step: FieldStep) -> dict[str, tuple[Any, Any]]:
    """The changes of a step by what changes."""
    return {what: (before, after) for what, before, after in step.changes}


# ── making ────────────────────────────────────────────────────────────────────────────────────


def test_a_field_is_made_shown_and_writable_in_one_go(org):
    """Made by API it would be invisible to everybody, admins included."""
    assert made(org, TIER).created == ("Health_Tier__c",)
    there = org.crm.fields("Account")["Health_Tier__c"]
    assert (there.choices, there.restricted, there.writable) == (("A", "B"), True, True)


def test_a_plan_changes_nothing(org):
    """No field, no permission set."""
    plan = planned(org, SCORE)
    assert plan.todo
    assert planned(org, SCORE) == plan
    assert rows(org, "SELECT Id FROM PermissionSet") == []


def test_a_plan_tells_type_label_help_and_values(org):
    """Everything a person would type into the form."""
    score, tier = planned(org, SCORE, replace(TIER, history=True)).steps
    assert told(score) == {
        "type": (None, "Number(4, 1)"), "label": (None, "Health score"),
        "help": (None, "0 to 100. · 0 bis 100."), "description": (None, DESCRIPTION),
    }  # fmt: skip
    assert told(tier)["values"] == (None, ["A", "B"])
    assert told(tier)["history"] == (None, True)


def test_a_second_plan_has_nothing_to_do(org):
    """Every kind of field reads back as it was made."""
    fields = [Field(kind, f"Our_{kind}__c", kind) for kind in
              ("number", "text", "long_text", "date", "datetime", "checkbox")]  # fmt: skip
    fields += [replace(TIER, history=True), replace(SCORE, scale=3)]
    assert len(made(org, *fields).created) == len(fields)
    plan = planned(org, *fields)
    assert not plan.todo
    assert {step.do for step in plan.steps} == {"leave"}


def test_a_field_that_is_only_hidden_is_shown_and_not_made_again(org):
    """It is absent from describe; Setup knows better."""
    made(org, SCORE)
    org.control("fls", {"object": "Account", "field": "Health_Score__c", "read": False})
    plan = planned(org, SCORE)
    assert plan.hidden == ("Health_Score__c",)
    assert plan.steps[0].do == "leave"
    done = org.crm.make_fields(plan)
    assert (done.created, done.granted) == ((), ("Account.Health_Score__c",))
    assert org.another().fields("Account")["Health_Score__c"].writable


@pytest.mark.parametrize(("kind", "most"), [("text", 255), ("long_text", 131_072)])
def test_the_length_of_a_field_is_the_one_that_values_are_cut_to(kind, most):
    """One default, in one place."""
    field = Field("reason", "R__c", kind)
    assert metadata(field)["length"] == length(field) == most


def test_both_languages_fit_into_the_one_help_text():
    """510 characters are shared when there is more to say."""
    text = metadata(replace(SCORE, help={"en": "long " * 200, "de": "lang " * 200}))
    english, german = text["inlineHelpText"].split(" · ")
    assert len(text["inlineHelpText"]) <= 510
    assert (english[:4], english[-1], german[:4], german[-1]) == ("long", "…", "lang", "…")


def test_a_label_is_no_longer_than_forty_characters():
    """What is too long ends in dots; without a label the name stands in."""
    assert len(label(replace(SCORE, label={"en": "x" * 60}))) == 40
    assert label(replace(SCORE, label={})) == "Health_Score__c"


def test_what_cannot_be_printed_is_in_no_text():
    """It would break the files of an export."""
    assert cut("one\ntwo\x01\x0bthree", 40) == "one two three"


# ── changing ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("precision", "scale", "becomes"),
    [(6, 1, "Number(6, 1)"), (5, 2, "Number(5, 2)"), (4, 2, "Number(5, 2)")],
)
def test_a_number_only_grows(org, precision, scale, becomes):
    """Digits before the point are kept when decimals are added."""
    made(org, SCORE)
    wider = replace(SCORE, precision=precision, scale=scale)
    assert told(step(org, wider)) == {"type": ("Number(4, 1)", becomes)}
    assert made(org, wider).changed == ("Health_Score__c",)
    assert not planned(org, wider).todo


def test_fewer_decimals_are_refused_with_what_to_do_by_hand(org):
    """Values would be cut; the field stays and goes on to work."""
    made(org, SCORE)
    fewer = step(org, replace(SCORE, precision=3, scale=0))
    assert fewer.do == "leave"
    assert "keeps 1 decimals where the mapping wants 0" in fewer.why[0]
    assert "change it in Setup" in fewer.why[0]


def test_more_digits_than_salesforce_keeps_are_refused(org):
    """What is there and what is wanted cannot both be had."""
    made(org, replace(SCORE, precision=18, scale=0))
    wanted = step(org, replace(SCORE, precision=18, scale=4))
    assert wanted.do == "refuse"
    assert "would need 18 digits and 4 decimals" in wanted.why[0]


def test_a_text_grows_and_never_shrinks(org):
    """Longer is done, shorter is told."""
    made(org, REASON)
    assert told(step(org, replace(REASON, length=200))) == {"type": ("Text(100)", "Text(200)")}
    shorter = step(org, replace(REASON, length=50))
    assert (shorter.do, shorter.changes) == ("leave", ())
    assert "keeps 100 characters" in shorter.why[0]


def test_a_value_is_added_and_the_old_ones_stay(org):
    """An account may hold it; the plan says so."""
    made(org, TIER)
    tiers = replace(TIER, values=("B", "C"))
    change = step(org, tiers)
    assert told(change) == {"values": (["A", "B"], ["A", "B", "C"])}
    assert "keeps A, which the mapping does not write" in change.why[0]
    made(org, tiers)
    assert org.another().fields("Account")["Health_Tier__c"].choices == ("A", "B", "C")
    assert not planned(org, tiers).todo


def test_a_value_that_was_switched_off_is_switched_on_again(org):
    """It is there; making it twice would be refused."""
    made(org, TIER)
    values = [{"valueName": "A", "label": "A"}, {"valueName": "B", "label": "B", "isActive": False}]
    definition = {"sorted": False, "value": values}
    changed_by_admin(org, "Health_Tier__c",
                     valueSet={"restricted": True, "valueSetDefinition": definition})  # fmt: skip
    assert told(step(org, TIER)) == {"values": (["A"], ["A", "B"])}
    made(org, TIER)
    assert names(found(org, "Health_Tier__c")[1]) == ["A", "B"]


def test_an_open_list_is_not_restricted(org):
    """Accounts may hold a value that the mapping does not know."""
    made(org, TIER)
    have = found(org, "Health_Tier__c")[1]["valueSet"]
    changed_by_admin(org, "Health_Tier__c", valueSet={**have, "restricted": False})
    left = step(org, TIER)
    assert left.do == "leave"
    assert "takes any value" in left.why[0]


def test_values_of_a_global_value_set_are_added_by_hand():
    """Other fields use the same list."""
    have = {**metadata(TIER), "valueSet": {"restricted": True, "valueSetName": "Tiers"}}
    assert "add B there by hand" in compare(TIER, have, ["A"]).refused
    assert compare(TIER, have, ["A", "B"]).refused == ""


def test_label_and_help_follow_the_mapping(org):
    """And what an admin set besides stays: Tooling forgets what a change leaves out."""
    made(org, SCORE)
    changed_by_admin(org, "Health_Score__c", trackHistory=True, externalId=True)
    made(org, replace(SCORE, label={"en": "Score"}, help={"en": "New."}))
    have = found(org, "Health_Score__c")[1]
    assert (have["label"], have["inlineHelpText"]) == ("Score", "New.")
    assert (have["trackHistory"], have["externalId"]) == (True, True)


def test_history_is_switched_on_and_never_off(org):
    """Somebody else may want it."""
    made(org, SCORE)
    tracked = replace(SCORE, history=True)
    assert told(step(org, tracked)) == {"history": (None, True)}
    made(org, tracked)
    assert not planned(org, SCORE).todo


def tracked(org: Org, count: int) -> None:
    """So many fields of somebody else have a history."""
    for number in range(count):
        by_admin(org, f"Theirs_{number}__c", type="Date", trackHistory=True)


def test_history_goes_to_as_many_fields_as_there_is_room_for(org):
    """The rest is made without one, and the plan says why."""
    tracked(org, 19)
    fields = [replace(each, history=True) for each in (SCORE, TIER)]
    score, tier = planned(org, *fields).steps
    assert (told(score)["history"], "history" in told(tier)) == ((None, True), False)
    assert "20 fields of the object are" in tier.why[0]
    done = made(org, *fields)
    assert (done.failed, len(done.created)) == ({}, 2)
    assert found(org, "Health_Score__c")[1]["trackHistory"]
    assert not planned(org, *fields).todo


def test_the_sandbox_tracks_no_more_fields_than_an_org_does(org):
    """Neither a new one nor one that is there."""
    tracked(org, 20)
    with pytest.raises(RemoteError, match="maximum number of tracked fields"):
        by_admin(org, "Theirs_20__c", type="Date", trackHistory=True)
    by_admin(org, "Theirs_20__c", type="Date")
    with pytest.raises(RemoteError, match="maximum number of tracked fields"):
        changed_by_admin(org, "Theirs_20__c", trackHistory=True)


def test_a_change_of_type_is_refused_with_the_ways_out(org):
    """A number does not become a text: its values would be lost."""
    made(org, SCORE)
    refused = step(org, replace(SCORE, type="text"))
    assert refused.do == "refuse"
    assert "is a Number, the mapping wants a Text" in refused.why[0]
    assert "name another `target`" in refused.why[0]


# ── what is not ours ──────────────────────────────────────────────────────────────────────────


def test_a_field_of_somebody_else_is_used_and_never_changed(org):
    """The name alone does not make it ours."""
    by_admin(org, "Health_Score__c", type="Number", precision=9, scale=2)
    before = found(org, "Health_Score__c")
    plan = planned(org, SCORE)
    assert plan.steps[0].do == "leave"
    assert "was not made by the connector" in plan.steps[0].why[0]
    org.crm.make_fields(plan)
    assert found(org, "Health_Score__c") == before
    assert org.crm.fields("Account")["Health_Score__c"].writable


def test_a_field_of_somebody_else_is_taken_over_when_asked(org):
    """Its description says so from then on, and keeps what it said."""
    by_admin(org, "Health_Score__c", type="Number", precision=3, scale=0, description="By Eva.")
    assert made(org, SCORE, adopt=True).changed == ("Health_Score__c",)
    have = found(org, "Health_Score__c")[1]
    assert (have["precision"], have["scale"], have["label"]) == (4, 1, "Health score")
    assert have["description"] == f"{DESCRIPTION}\nBy Eva."
    assert not planned(org, SCORE).todo


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ({"type": "Date"}, "is a Date, the mapping wants a Number"),
        ({"type": "Number", "precision": 3, "scale": 0}, "Number(3, 0) is too small for Number(4,"),
    ],
)
def test_a_field_of_somebody_else_that_does_not_fit_is_refused(org, kind, why):
    """Nothing of it is changed behind their back."""
    by_admin(org, "Health_Score__c", **kind)
    refused = step(org, SCORE)
    assert refused.do == "refuse"
    assert why in refused.why[0]


def test_a_restricted_list_of_somebody_else_without_our_values_is_refused(org):
    """The value that we would write is not in it."""
    values = {"sorted": False, "value": [{"valueName": "A", "label": "A"}]}
    restricted = {"restricted": True, "valueSetDefinition": values}
    by_admin(org, "Health_Tier__c", type="Picklist", valueSet=restricted)
    assert "values are missing" in step(org, TIER).why[0]
    assert step(org, TIER, adopt=True).do == "change"


def test_a_currency_holds_a_number_as_well(org):
    """Whoever chose it keeps it."""
    by_admin(org, "Health_Score__c", type="Currency", precision=18, scale=2)
    assert step(org, SCORE).do == "leave"


def test_a_standard_field_is_used_and_never_changed(org):
    """`own` allows to write it, not to redefine it."""
    rating = Field("tier", "Rating", "choice", values=("A",), own=True)
    assert planned(org, rating).steps[0].why == ("is a standard field: used, never changed",)


def test_a_field_of_a_package_that_is_not_there_is_refused(org):
    """Nobody can make it but the package."""
    refused = step(org, replace(SCORE, target="acme__Score__c"))
    assert refused.do == "refuse"
    assert "belongs to a package" in refused.why[0]


def test_a_formula_is_refused():
    """It cannot be written."""
    assert "is a formula" in compare(SCORE, {**metadata(SCORE), "formula": "1 + 1"}).refused


# ── who sees them ─────────────────────────────────────────────────────────────────────────────


def test_the_writer_edits_what_we_write_and_reads_what_we_read(org):
    """One permission set is all that the integration user needs on fields."""
    pull = Pull("accounts", "Account", {"id": "Id", "name": "Name", "revenue": "ARR__c",
                                        "segment": "Parent.Industry"})  # fmt: skip
    made(org, SCORE, pull=[pull])
    assert granted(org, WRITER) == {
        "Account.Health_Score__c": True, "Account.ARR__c": False,
        "Account.ParentId": False, "Account.Industry": False,
    }  # fmt: skip


def test_the_reader_reads_our_fields_and_edits_none(org):
    """For account managers."""
    made(org, SCORE, TIER)
    assert granted(org, READER) == {
        "Account.Health_Score__c": False, "Account.Health_Tier__c": False,
    }  # fmt: skip


def opened(org: Org, name: str) -> dict[str, tuple[str, ...]]:
    """What a permission set allows with the records of objects."""
    columns = ", ".join(f"Permissions{right}" for right in objects.RIGHTS)
    soql = f"SELECT SobjectType, {columns} FROM ObjectPermissions WHERE Parent.Name = '{name}'"
    return {row["SobjectType"]: objects.allowed(row) for row in rows(org, soql)}


PULLS = (
    Pull("activities", "Task", {"id": "Id", "account_id": "Account.Name"}),
    Pull("tickets", "Case", {"id": "Id"}),
    Pull("owners", "User", {"id": "Id"}),
    Pull("activities", "EmailMessage", {"id": "Id"}, optional=True),
    Pull("signals", "Nowhere__c", {"id": "Id"}, optional=True),
)


def test_the_writer_reads_the_objects_that_we_read_and_edits_the_one_that_we_write(org):
    """A case takes its account and contact; what follows other records cannot be granted."""
    assert "Account" in made(org, SCORE, pull=PULLS).granted
    assert opened(org, WRITER) == {
        "Account": ("Read", "Edit"), "Contact": ("Read",), "Case": ("Read",),
    }  # fmt: skip


def test_the_reader_opens_the_object_that_holds_our_fields_and_no_other(org):
    """Account managers need no cases to see a score."""
    made(org, SCORE, pull=PULLS)
    assert opened(org, READER) == {"Account": ("Read",)}


def test_no_set_of_ours_sees_past_the_sharing_of_the_org(org):
    """Which records somebody sees is not ours to decide; nothing is created or deleted either."""
    made(org, SCORE, pull=PULLS)
    given = {right for name in (WRITER, READER) for each in opened(org, name).values()
             for right in each}  # fmt: skip
    assert given == {"Read", "Edit"}


def test_an_object_that_is_hidden_is_opened_with_its_fields(org):
    """It looks as if it did not exist; Setup knows it and its fields still."""
    org.control("fls", {"object": "Case", "read": False})
    org.control("fls", {"object": "Case", "field": "Satisfaction__c", "read": False})
    pull = Pull("tickets", "Case", {"id": "Id", "satisfaction": "Satisfaction__c",
                                    "kind": "Nope__c"})  # fmt: skip
    assert org.another().fields("Case") is None
    assert planned(org, SCORE, pull=[pull]).absent == ("Case.Nope__c",)
    made(org, SCORE, pull=[pull])
    assert "Satisfaction__c" in org.another().fields("Case")


def test_an_object_that_the_org_does_not_have_is_told_and_not_granted(org):
    """Without it the mapping cannot be read."""
    plan = planned(org, SCORE, pull=[Pull("signals", "Nowhere__c", {"id": "Id"})])
    assert plan.absent == ("Nowhere__c",)
    assert "Nowhere__c" not in plan.access[0].objects


def test_object_permissions_are_only_ever_widened(org, tmp_path):
    """What an admin added stays, also in a set that is deployed from files."""
    made(org, SCORE)
    (row,) = rows(org, f"SELECT Id FROM ObjectPermissions WHERE Parent.Name = '{WRITER}'")
    given = {"PermissionsViewAllRecords": True, "PermissionsEdit": False}
    org.crm._client.call("PATCH", f"sobjects/ObjectPermissions/{row['Id']}", "to play the admin",
                         json=given)  # fmt: skip
    assert made(org, SCORE).granted == ("Account",)
    assert opened(org, WRITER) == {"Account": ("Read", "Edit", "ViewAllRecords")}
    plan = planned(org, SCORE)
    assert not plan.todo
    sfdx.export(mapping(SCORE), tmp_path, plan)
    found = parsed(tmp_path, f"{APP}/permissionsets/{WRITER}.permissionset-meta.xml")
    assert words(found.find("m:objectPermissions", NS), *sfdx._RIGHTS.values(), "object") == {
        "allowRead": "true", "allowEdit": "true", "viewAllRecords": "true", "allowCreate": "false",
        "allowDelete": "false", "modifyAllRecords": "false", "object": "Account",
    }  # fmt: skip


def test_an_export_without_an_org_opens_what_every_org_has(tmp_path):
    """Objects that may be lacking are left to a plan that knows."""
    mapped = CrmMapping("salesforce", "Account", PULLS, (SCORE,))
    sfdx.export(mapped, tmp_path)
    found = {
        name: [each.findtext("m:object", namespaces=NS) for each in parsed(
            tmp_path, f"{APP}/permissionsets/{name}.permissionset-meta.xml"
        ).findall("m:objectPermissions", NS)]
        for name in (WRITER, READER)
    }  # fmt: skip
    assert found == {WRITER: ["Account", "Contact", "Case"], READER: ["Account"]}


def test_a_field_that_we_read_and_that_is_hidden_is_shown(org):
    """It looks as if it did not exist; the plan tells the two apart."""
    org.control("fls", {"object": "Account", "field": "ARR__c", "read": False})
    pull = Pull("accounts", "Account", {"id": "Id", "revenue": "ARR__c", "segment": "Nowhere__c"})
    assert planned(org, SCORE, pull=[pull]).absent == ("Account.Nowhere__c",)
    made(org, SCORE, pull=[pull])
    assert "ARR__c" in org.another().fields("Account")


def test_an_optional_field_that_is_not_there_is_no_mistake(org):
    """Nor is it made."""
    columns = {"id": "Id", "currency": "CurrencyIsoCode"}
    pull = Pull("accounts", "Account", columns, optional_columns=("currency",))
    assert planned(org, SCORE, pull=[pull]).absent == ()


def test_a_field_that_only_a_filter_names_is_shown_or_said_to_be_missing(org):
    """Hidden it would stop every read; what is nowhere is told apart from it."""
    org.control("fls", {"object": "Account", "field": "ARR__c", "read": False})
    where = "arr__c > 5 AND Nowhere__c = 'ARR__c' AND Parent.Industry = 'x' AND Owner.Name != null"
    pull = Pull("accounts", "Account", {"id": "Id"}, where)
    plan = planned(org, SCORE, pull=[pull])
    assert plan.absent == ("Account.Nowhere__c",)
    made(org, SCORE, pull=[pull])
    shown = {"Account.ARR__c", "Account.ParentId", "Account.Industry"}
    assert shown <= granted(org, WRITER).keys()


def test_what_is_asked_of_a_parent_of_any_kind_is_there(org):
    """`What` leads to an account or to something else; the field that leads there is granted."""
    pull = Pull("activities", "Task", {"id": "Id"}, "What.Type IN ('Account') AND Who.Type = 'x'")
    plan = planned(org, SCORE, pull=[pull])
    assert plan.absent == ()
    assert {"Task.WhatId", "Task.WhoId"} <= set(plan.access[0].read)


def test_the_writer_is_assigned_unless_it_is_not_asked_for(org):
    """An admin makes the fields for somebody else."""
    assert made(org, SCORE, assign=False).assigned == ""
    assert "Health_Score__c" not in org.another().fields("Account")
    assert made(org, SCORE).assigned == WRITER
    assert "Health_Score__c" in org.another().fields("Account")


def test_a_permission_that_only_reads_is_raised_to_edit(org):
    """The row that is there is changed, not made twice."""
    made(org, SCORE)
    (row,) = rows(org, f"SELECT Id FROM FieldPermissions WHERE Parent.Name = '{WRITER}'")
    org.crm._client.call("PATCH", f"sobjects/FieldPermissions/{row['Id']}", "to play the admin",
                         json={"PermissionsEdit": False})  # fmt: skip
    assert made(org, SCORE).granted == ("Account.Health_Score__c",)
    assert granted(org, WRITER) == {"Account.Health_Score__c": True}


def test_no_permission_is_taken_away(org, tmp_path):
    """A field that left the mapping is shown on, also by a set that is deployed from files."""
    made(org, SCORE, TIER)
    plan = planned(org, SCORE)
    assert not plan.todo
    sfdx.export(mapping(SCORE), tmp_path, plan)
    writer = (tmp_path / APP / f"permissionsets/{WRITER}.permissionset-meta.xml").read_text()
    assert "<field>Account.Health_Tier__c</field>" in writer


def test_a_permission_set_of_somebody_else_is_left_alone(org):
    """Of our name, without our mark: new fields are not made for nobody to see."""
    body = {"Name": WRITER, "Label": "Theirs"}
    org.crm._client.call("POST", "sobjects/PermissionSet", "to play the admin", json=body)
    plan = planned(org, SCORE)
    assert "was not made by the connector" in plan.refused[WRITER]
    assert planned(org, SCORE, adopt=True).refused == {}
    made(org, SCORE, adopt=True)
    (row,) = rows(org, f"SELECT Label, Description FROM PermissionSet WHERE Name = '{WRITER}'")
    assert (row["Label"], MARK in row["Description"]) == ("Theirs", True)


# ── in the other language ─────────────────────────────────────────────────────────────────────


TREND = Field("trend", "Health_Trend__c", "choice", {"en": "Trend", "de": "Richtung"},
              values=("Up", "Down"),
              value_labels={"Up": {"en": "Rising", "de": "Steigend"}, "Down": {"de": "Fallend"}},
              )  # fmt: skip


def in_german(org: Org) -> dict[str, dict[str, Any]]:
    """What the org keeps of German, by field."""
    found = translations._kept(org.crm._client, "Account")
    assert found is not None
    return dict(found)


def test_german_texts_go_into_the_translation_workbench(org):
    """Label, help and values; a value is known there by its label in the org's language."""
    org.control("org", {"translations": ["de"]})
    done = made(org, SCORE, TREND)
    assert (done.translated, done.notes) == (("Health_Score__c", "Health_Trend__c"), ())
    found = in_german(org)
    score, trend = found["Health_Score__c"], found["Health_Trend__c"]
    assert (score["label"], score["help"]) == ("Gesundheit", "0 bis 100.")
    assert trend["picklistValues"] == [
        {"masterLabel": "Rising", "translation": "Steigend"},
        {"masterLabel": "Down", "translation": "Fallend"},
    ]
    assert not planned(org, SCORE, TREND).todo


def test_a_changed_translation_is_sent_and_those_of_others_stay(org):
    """Only what the org lacks; a field of somebody else keeps the label that they gave it."""
    org.control("org", {"translations": ["de"]})
    by_admin(org, "Theirs__c", type="Date")
    theirs = {"name": "Theirs__c", "label": "Ihres"}
    assert translations.deploy(org.crm._client, "Account", [theirs]) == ""
    made(org, SCORE, TREND)
    wanted = replace(SCORE, label={"en": "Health score", "de": "Wert"})
    assert list(planned(org, wanted, TREND).words) == ["Health_Score__c"]
    assert made(org, wanted, TREND).translated == ("Health_Score__c",)
    assert in_german(org)["Health_Score__c"]["label"] == "Wert"
    assert in_german(org)["Theirs__c"]["label"] == "Ihres"


def test_a_field_of_somebody_else_is_not_translated(org):
    """It is used, never changed."""
    org.control("org", {"translations": ["de"]})
    by_admin(org, "Health_Score__c", type="Number", precision=9, scale=2)
    plan = planned(org, SCORE)
    assert (plan.words, plan.notes) == ({}, ())


def test_an_org_without_the_workbench_gets_everything_else(org):
    """It is said how to switch it on, and there is nothing left to do until then."""
    done = made(org, SCORE)
    assert (done.created, done.failed, done.translated) == (("Health_Score__c",), {}, ())
    assert "Translation Workbench is off" in done.notes[0]
    again = planned(org, SCORE)
    assert not again.todo
    assert again.notes == done.notes


@pytest.mark.parametrize("version", ["66.0", "67.0"])
def test_an_org_with_web_tokens_is_not_told_that_its_workbench_is_off(org, version):
    """SOAP takes them from one version on, and before it the Workbench is not asked."""
    org.control("org", {"translations": ["de"]})
    org.control("oauth", {"tokens": "jwt"})
    crm = org.another(api_version=version)
    plan = crm.plan_fields(mapping(SCORE), crm.check().user, adopt=False, assign=True)
    if version == "66.0":
        assert (plan.words, plan.notes) == ({}, (translations.NO_SOAP,))
    else:
        assert (list(plan.words), plan.notes) == (["Health_Score__c"], ())


def test_a_language_that_is_not_active_holds_up_nothing(org):
    """What Salesforce says is told as a note; the fields are made all the same."""
    org.control("org", {"translations": ["fr"]})
    done = made(org, SCORE)
    assert (done.created, done.failed, done.translated) == (("Health_Score__c",), {}, ())
    assert "language de is not active" in done.notes[0]


def test_german_alone_is_the_fields_own_label(org):
    """An org whose default language is German takes no translation into it."""
    org.control("org", {"translations": ["de"]})
    german = replace(SCORE, label={"de": "Gesundheit"}, help={"de": "0 bis 100."})
    assert (made(org, german).translated, in_german(org)) == ((), {})
    assert found(org, "Health_Score__c")[1]["label"] == "Gesundheit"


def test_the_texts_of_a_field_that_was_refused_wait(org):
    """The others are translated."""
    org.control("org", {"translations": ["de"]})
    broken = replace(SCORE, target="Health_Broken__c", precision=99, scale=99)
    done = made(org, broken, SCORE)
    assert (list(done.failed), done.translated) == (["Health_Broken__c"], ("Health_Score__c",))


def test_an_admin_is_told_the_translations_by_hand(org):
    """Field by field, with every text."""
    org.control("org", {"translations": ["de"]})
    told = [line for line in planned(org, TREND).by_hand if "Translate: German" in line]
    assert told == ["Setup → Translation Workbench → Translate: German, Custom Field, "
                    "Health_Trend__c: label “Richtung”; value Rising “Steigend”; "
                    "value Down “Fallend”"]  # fmt: skip


def test_a_value_has_a_label_that_follows_the_mapping(org):
    """Records keep the value; a label that the mapping does not give is somebody else's."""
    made(org, replace(TREND, value_labels={}))
    have = found(org, "Health_Trend__c")[1]["valueSet"]
    values = have["valueSetDefinition"]["value"]
    values[1]["label"] = "Sinking"
    changed_by_admin(org, "Health_Trend__c", valueSet=have)
    assert told(step(org, TREND))["labels"] == (["Down: Sinking"], ["Up: Rising", "Down: Sinking"])
    made(org, TREND)
    assert org.another().fields("Account")["Health_Trend__c"].choices == ("Up", "Down")
    assert not [each for each in planned(org, TREND).steps if each.do != "leave"]


def test_values_of_others_stay_when_one_is_added_to_a_restricted_list(org):
    """With their labels, active or not; a deployed list without them would drop them."""
    made(org, TIER)
    have = found(org, "Health_Tier__c")[1]["valueSet"]
    more = [{"valueName": "VIP", "label": "Very"}, {"valueName": "Old", "label": "Old",
                                                     "isActive": False}]  # fmt: skip
    have["valueSetDefinition"]["value"] += more
    changed_by_admin(org, "Health_Tier__c", valueSet=have)
    made(org, replace(TIER, values=("A", "B", "C")))
    have = found(org, "Health_Tier__c")[1]
    assert names(have) == ["A", "B", "VIP", "C"]
    assert names(have, active=False) == ["A", "B", "VIP", "C", "Old"]
    labels = {e["valueName"]: e["label"] for e in have["valueSet"]["valueSetDefinition"]["value"]}
    assert (labels["VIP"], have["valueSet"]["restricted"]) == ("Very", True)


# ── when it is refused ────────────────────────────────────────────────────────────────────────


def test_one_field_that_is_refused_costs_no_other(org):
    """What was made is shown, and running again goes on from there."""
    broken = replace(SCORE, target="Health_Broken__c", precision=99, scale=99)
    done = made(org, TIER, broken, SCORE)
    assert done.created == ("Health_Tier__c", "Health_Score__c")
    assert "FIELD_INTEGRITY_EXCEPTION" in done.failed["Health_Broken__c"]
    there = org.another().fields("Account")
    assert there["Health_Tier__c"].writable
    assert there["Health_Score__c"].writable
    again = made(org, TIER, replace(broken, precision=4, scale=1), SCORE)
    assert (again.created, again.failed) == (("Health_Broken__c",), {})


@pytest.mark.parametrize("drop", ["before", "after"])
def test_a_connection_that_breaks_leaves_nothing_that_nobody_sees(org, drop):
    """Whether the field was made or not is seen by the next run, which goes on from there."""
    cut = {"method": "POST", "path_regex": "CustomField", "nth": 2}
    org.control("faults", [{"match": cut, "do": {"drop": drop}, "times": 1}])
    done = made(org, TIER, SCORE, REASON)
    assert done.created == ("Health_Tier__c",)
    assert list(done.failed) == ["Health_Score__c"]
    assert org.another().fields("Account")["Health_Tier__c"].writable
    assert made(org, TIER, SCORE, REASON).failed == {}
    assert not planned(org, TIER, SCORE, REASON).todo


def test_a_right_that_is_lost_on_the_way_stops_the_rest(org):
    """The next field would be refused like this one."""
    plan = planned(org, TIER, SCORE)
    org.control("rights", {"CustomizeApplication": False})
    done = org.crm.make_fields(plan)
    assert done.created == ()
    assert list(done.failed) == ["Health_Tier__c"]


@pytest.mark.parametrize(
    ("right", "said"),
    [
        ("CustomizeApplication", "Customize Application"),
        ("ModifyMetadata", "Modify Metadata Through Metadata API Functions"),
        ("ManageProfilesPermissionsets", "Manage Profiles and Permission Sets"),
        ("AssignPermissionSets", "Assign Permission Sets"),
    ],
)
def test_a_right_that_is_missing_is_named_before_anything_is_tried(org, right, said):
    """In the words of Setup, with what an admin does instead."""
    org.control("rights", {right: False})
    plan = planned(org, SCORE)
    assert plan.lacking == (said,)
    assert len(plan.by_hand) == 4


def test_who_has_nothing_to_do_needs_no_right(org):
    """The daily user runs the same command."""
    made(org, SCORE)
    org.control("rights", {"CustomizeApplication": False, "ManageProfilesPermissionsets": False})
    assert planned(org, SCORE).lacking == ()


def test_an_admin_is_told_line_by_line_what_to_do(org):
    """Where to click, and what to type: a length in Setup is the digits before the point."""
    new, writer, reader, assigned = planned(org, SCORE).by_hand
    assert new.startswith("Setup → Object Manager → Account → Fields & Relationships → New: ")
    assert "Number, length 3, decimal places 1; label “Health score”" in new
    assert f"API name {WRITER}" in writer
    assert "edit Account.Health_Score__c" in writer
    assert "read Account.Health_Score__c" in reader
    assert assigned.startswith(f"Setup → Permission Sets → {WRITER} → Manage Assignments")


def test_who_made_a_field_is_unknown_to_whom_setup_is_closed(org, monkeypatch):
    """Then it is used, and nothing is changed."""
    made(org, SCORE)
    monkeypatch.setattr(setup, "_rows", lambda *_: None)
    left = step(org, replace(SCORE, scale=3))
    assert left.do == "leave"
    assert "View Setup" in left.why[0]


# ── an export for an admin ────────────────────────────────────────────────────────────────────


def parsed(folder: Any, path: str) -> ET.Element:
    """A file of an export."""
    return ET.parse(folder / path).getroot()


def words(element: ET.Element, *names: str) -> Mapping[str, str | None]:
    """Some children of an element as text."""
    return {name: element.findtext(f"m:{name}", namespaces=NS) for name in names}


APP = "force-app/main/default"


def test_an_export_is_a_source_project(tmp_path):
    """Fields, permission sets, and German where it can be refused without harm."""
    written = sfdx.export(mapping(SCORE, TIER), tmp_path, api_version="65.0")
    assert [str(path.relative_to(tmp_path)) for path in written] == [
        f"{APP}/objects/Account/fields/Health_Score__c.field-meta.xml",
        f"{APP}/objects/Account/fields/Health_Tier__c.field-meta.xml",
        f"{APP}/permissionsets/Health_Connector_Reader.permissionset-meta.xml",
        f"{APP}/permissionsets/Health_Connector_Writer.permissionset-meta.xml",
        "sfdx-project.json",
        "translations/main/default/objectTranslations/Account-de/"
        "Account-de.objectTranslation-meta.xml",
        "translations/main/default/objectTranslations/Account-de/"
        "Health_Score__c.fieldTranslation-meta.xml",
    ]
    project = json.loads((tmp_path / "sfdx-project.json").read_text())
    assert project["sourceApiVersion"] == "65.0"
    assert project["packageDirectories"] == [
        {"path": "force-app", "default": True}, {"path": "translations"},
    ]  # fmt: skip


def test_an_export_says_the_same_as_the_api(tmp_path):
    """One description of a field, two ways to send it."""
    sfdx.export(mapping(SCORE), tmp_path)
    field = parsed(tmp_path, f"{APP}/objects/Account/fields/Health_Score__c.field-meta.xml")
    assert field.tag == f"{{{sfdx.NAMESPACE}}}CustomField"
    assert words(field, "fullName", "type", "precision", "scale", "label", "description") == {
        "fullName": "Health_Score__c", "type": "Number", "precision": "4", "scale": "1",
        "label": "Health score", "description": DESCRIPTION,
    }  # fmt: skip


def test_an_exported_list_has_its_values_in_order(tmp_path):
    """Each with the names that metadata files use."""
    sfdx.export(mapping(TIER), tmp_path)
    field = parsed(tmp_path, f"{APP}/objects/Account/fields/Health_Tier__c.field-meta.xml")
    values = field.findall("m:valueSet/m:valueSetDefinition/m:value", NS)
    assert [words(each, "fullName", "label", "default") for each in values] == [
        {"fullName": name, "label": name, "default": "false"} for name in "AB"
    ]
    assert field.findtext("m:valueSet/m:restricted", namespaces=NS) == "true"


def test_an_exported_permission_set_edits_what_we_write(tmp_path):
    """And the reader reads it."""
    sfdx.export(mapping(SCORE), tmp_path)
    for name, edit in ((WRITER, "true"), (READER, "false")):
        found = parsed(tmp_path, f"{APP}/permissionsets/{name}.permissionset-meta.xml")
        permission = found.find("m:fieldPermissions", NS)
        assert words(permission, "field", "editable", "readable") == {
            "field": "Account.Health_Score__c", "editable": edit, "readable": "true",
        }  # fmt: skip


def test_an_exported_translation_is_german(tmp_path):
    """Label and help of the Translation Workbench."""
    sfdx.export(mapping(SCORE), tmp_path)
    here = "translations/main/default/objectTranslations/Account-de"
    field = parsed(tmp_path, f"{here}/Health_Score__c.fieldTranslation-meta.xml")
    assert words(field, "name", "label", "help") == {
        "name": "Health_Score__c", "label": "Gesundheit", "help": "0 bis 100.",
    }  # fmt: skip


def test_an_exported_translation_names_values_by_their_label(tmp_path):
    """As the Translation Workbench writes it."""
    sfdx.export(mapping(TREND), tmp_path)
    here = "translations/main/default/objectTranslations/Account-de"
    field = parsed(tmp_path, f"{here}/Health_Trend__c.fieldTranslation-meta.xml")
    values = field.findall("m:picklistValues", NS)
    assert [words(each, "masterLabel", "translation") for each in values] == [
        {"masterLabel": "Rising", "translation": "Steigend"},
        {"masterLabel": "Down", "translation": "Fallend"},
    ]


def test_an_export_is_the_same_every_time(tmp_path):
    """It can be kept under version control."""
    first = sfdx.export(mapping(SCORE, TIER, REASON), tmp_path / "a")
    again = sfdx.export(mapping(SCORE, TIER, REASON), tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


def test_signs_of_the_markup_are_text_in_an_export(tmp_path):
    """A label may hold any of them."""
    sfdx.export(mapping(replace(SCORE, label={"en": "<A> & “B”"})), tmp_path)
    field = parsed(tmp_path, f"{APP}/objects/Account/fields/Health_Score__c.field-meta.xml")
    assert field.findtext("m:label", namespaces=NS) == "<A> & “B”"


def test_an_export_leaves_somebody_elses_project_file(tmp_path):
    """An admin has a project of their own."""
    (tmp_path / "sfdx-project.json").write_text("{}")
    assert tmp_path / "sfdx-project.json" not in sfdx.export(mapping(SCORE), tmp_path)
    assert (tmp_path / "sfdx-project.json").read_text() == "{}"


def test_an_export_from_a_plan_leaves_out_what_is_not_ours(org, tmp_path):
    """Deploying it would change somebody else's field; showing it to us does not."""
    by_admin(org, "Health_Score__c", type="Number", precision=9, scale=2)
    plan = planned(org, SCORE, TIER)
    written = sfdx.export(mapping(SCORE, TIER), tmp_path, plan)
    assert [path.name for path in written if "field-meta" in path.name] == [
        "Health_Tier__c.field-meta.xml"
    ]
    writer = parsed(tmp_path, f"{APP}/permissionsets/{WRITER}.permissionset-meta.xml")
    fields = [each.text for each in writer.findall("m:fieldPermissions/m:field", NS)]
    assert fields == ["Account.Health_Score__c", "Account.Health_Tier__c"]


def test_an_export_from_a_plan_keeps_the_values_that_are_there(org, tmp_path):
    """A deployed list without them would switch them off."""
    made(org, TIER)
    tiers = mapping(replace(TIER, values=("B", "C")))
    sfdx.export(tiers, tmp_path, planned(org, *tiers.fields))
    field = parsed(tmp_path, f"{APP}/objects/Account/fields/Health_Tier__c.field-meta.xml")
    values = field.findall("m:valueSet/m:valueSetDefinition/m:value/m:fullName", NS)
    assert [each.text for each in values] == ["A", "B", "C"]


def test_no_layout_and_no_profile_is_in_an_export(tmp_path):
    """Deploying one would overwrite what the customer made of it."""
    written = sfdx.export(mapping(SCORE, TIER), tmp_path)
    assert [path for path in written if {"layouts", "profiles"} & set(path.parts)] == []
