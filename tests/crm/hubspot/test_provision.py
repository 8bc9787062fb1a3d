"""Properties made and changed in HubSpot; what is left alone, and what is refused."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import Any

import pytest

from connector.crm.hubspot.definitions import GROUP, LONGEST_DESCRIPTION, MARK, definition
from connector.errors import ConfigError, Denied
from connector.fieldplan import FieldPlan, FieldsMade, FieldStep
from connector.mapping.objects import CrmMapping, Field, Pull

from .conftest import Portal

SCORE = Field("score", "health_score", "number", {"en": "Health score", "de": "Gesundheitswert"},
              {"en": "0 to 100.", "de": "0 bis 100."}, precision=4, scale=1)  # fmt: skip
TIER = Field("tier", "health_tier", "choice", {"en": "Tier", "de": "Stufe"}, values=("A", "B"))
REASON = Field("reason_en", "health_reason", "text", {"en": "Reason"}, length=100)
KINDS = ("number", "text", "long_text", "choice", "date", "datetime", "checkbox")


def mapping(*fields: Field, pull: tuple[Pull, ...] = ()) -> CrmMapping:
    """A mapping that writes these fields to companies."""
    return CrmMapping("hubspot", "companies", pull, fields)


def planned(portal: Portal, *fields: Field, **settings: Any) -> FieldPlan:
    """What a fresh adapter would do."""
    pull, language = settings.pop("pull", ()), settings.pop("language", "en")
    crm = portal.another(language=language, **settings.pop("crm", {}))
    user = crm.check().user
    wish = {"adopt": False, "assign": True, **settings}
    return crm.plan_fields(mapping(*fields, pull=pull), user, **wish)


def made(portal: Portal, *fields: Field, **settings: Any) -> FieldsMade:
    """What a fresh adapter did."""
    return portal.another().make_fields(planned(portal, *fields, **settings))


def step(portal: Portal, field: Field, **settings: Any) -> FieldStep:
    """What would be done about one field."""
    (found,) = planned(portal, field, **settings).steps
    return found


def held(portal: Portal, name: str) -> dict[str, Any]:
    """The definition as the account has it."""
    return dict(portal.api("GET", f"crm/v3/properties/companies/{name}").json())


def by_admin(portal: Portal, name: str, type: str, input: str, **more: Any) -> dict[str, Any]:
    """A property that somebody else makes."""
    body = {"name": name, "label": "Theirs", "type": type, "fieldType": input,
            "groupName": "companyinformation", **more}  # fmt: skip
    answer = portal.api("POST", "crm/v3/properties/companies", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def archive(portal: Portal, name: str) -> None:
    portal.api("DELETE", f"crm/v3/properties/companies/{name}").raise_for_status()


def options(*values: str) -> list[dict[str, Any]]:
    return [
        {"value": each, "label": each, "displayOrder": n, "hidden": False}
        for n, each in enumerate(values)
    ]


def values(have: dict[str, Any], *, hidden: bool = False) -> list[str]:
    return [each["value"] for each in have["options"] if hidden or not each["hidden"]]


# ── making ────────────────────────────────────────────────────────────────────────────────────


def test_the_plan_changes_nothing(portal):
    """Looking is free."""
    plan = planned(portal, SCORE, TIER, segments=True)
    assert [each.do for each in plan.steps] == ["create", "create"]
    assert portal.api("GET", "crm/v3/properties/companies/health_score").status_code == 404
    assert portal.api("GET", f"crm/v3/properties/companies/groups/{GROUP}").status_code == 404


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_a_second_time_there_is_nothing_to_do(portal, version):
    """In either spelling of the API: properties, options, group and segments."""
    wish = {"crm": {"api_version": version}, "segments": True}
    done = portal.another(api_version=version).make_fields(planned(portal, SCORE, TIER, **wish))
    assert done.created == ("health_score", "health_tier")
    tiers = tuple(f"Customer health: tier {each}" for each in TIER.values)
    assert (done.extras, done.failed) == ((GROUP, *tiers), {})
    assert not planned(portal, SCORE, TIER, **wish).todo
    more = replace(TIER, values=("A", "B", "C"))
    changed = portal.another(api_version=version).make_fields(planned(portal, more, **wish))
    assert (changed.changed, changed.failed) == (("health_tier",), {})
    assert values(held(portal, "health_tier")) == ["A", "B", "C"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_field_becomes_a_property(portal, kind):
    """HubSpot takes the definition, and it can hold what the mapping writes."""
    field = Field("score", "health_any", kind, {"en": "Any"}, values=("A",), precision=4)
    assert made(portal, field).created == ("health_any",)
    crm = portal.another()
    assert kind in crm.fields("companies")["health_any"].holds
    assert not planned(portal, field).todo


def test_a_property_stands_in_our_group_and_not_in_forms(portal):
    """In the order of the mapping, behind a label that people read."""
    made(portal, SCORE, TIER)
    found = held(portal, "health_tier")
    assert (found["groupName"], found["formField"], found["displayOrder"]) == (GROUP, False, 2)
    assert (found["hasUniqueValue"], found["label"]) == (False, "Tier")
    group = portal.api("GET", f"crm/v3/properties/companies/groups/{GROUP}").json()
    assert group["label"] == "Customer health"


def test_help_is_in_both_languages_and_carries_the_mark(portal):
    """HubSpot has one description, and shows it to people."""
    made(portal, SCORE)
    assert held(portal, "health_score")["description"] == f"0 to 100. · 0 bis 100. [{MARK}]"


def test_labels_are_in_the_language_of_the_setting(portal):
    """German for German account managers; the help begins with it, too."""
    made(portal, SCORE, language="de")
    found = held(portal, "health_score")
    assert found["label"] == "Gesundheitswert"
    assert found["description"].startswith("0 bis 100. · 0 to 100.")


def test_a_long_help_text_never_costs_the_mark():
    """Without it the property would not be ours any more."""
    field = replace(SCORE, help={"en": "long " * 400, "de": "lang " * 400})
    said = definition(field, 1, "en")["description"]
    assert len(said) <= LONGEST_DESCRIPTION
    assert said.endswith(f"[{MARK}]")


# ── changing ──────────────────────────────────────────────────────────────────────────────────


def test_a_new_label_is_changed(portal):
    """Ours follows the mapping."""
    made(portal, SCORE)
    new = replace(SCORE, label={"en": "Score of health"})
    assert step(portal, new).changes == (("label", "Health score", "Score of health"),)
    assert made(portal, new).changed == ("health_score",)
    assert held(portal, "health_score")["label"] == "Score of health"


def test_options_are_only_added_and_foreign_ones_kept(portal):
    """A PATCH replaces the whole list: what an admin added must be in it."""
    made(portal, TIER)
    theirs = [*held(portal, "health_tier")["options"], *options("VIP")]
    portal.api("PATCH", "crm/v3/properties/companies/health_tier", json={"options": theirs})
    wider = replace(TIER, values=("A", "B", "C"))
    found = step(portal, wider)
    assert "keeps VIP" in found.why[0]
    assert made(portal, wider).changed == ("health_tier",)
    assert values(held(portal, "health_tier")) == ["A", "B", "VIP", "C"]


def test_an_option_that_somebody_adds_after_the_plan_is_kept(portal):
    """Definitions are read once more right before they are written."""
    made(portal, TIER)
    plan = planned(portal, replace(TIER, values=("A", "B", "C")))
    theirs = [*held(portal, "health_tier")["options"], *options("VIP")]
    portal.api("PATCH", "crm/v3/properties/companies/health_tier", json={"options": theirs})
    portal.another().make_fields(plan)
    assert values(held(portal, "health_tier")) == ["A", "B", "VIP", "C"]


def test_one_option_less_in_the_mapping_stays(portal):
    """Companies may hold it."""
    made(portal, TIER)
    narrow = replace(TIER, values=("A",))
    found = step(portal, narrow)
    assert found.do == "leave"
    assert "keeps B" in found.why[0]


def test_an_option_that_was_hidden_is_shown_again(portal):
    """It cannot be written while it is hidden, and cannot be made twice."""
    made(portal, TIER)
    theirs = held(portal, "health_tier")["options"]
    theirs[1]["hidden"] = True
    portal.api("PATCH", "crm/v3/properties/companies/health_tier", json={"options": theirs})
    assert made(portal, TIER).changed == ("health_tier",)
    assert values(held(portal, "health_tier")) == ["A", "B"]


def test_an_admins_arrangement_stays(portal):
    """Another group, another input, another place: that is theirs to decide."""
    made(portal, TIER)
    other = {"groupName": "companyinformation", "fieldType": "radio", "displayOrder": 7}
    portal.api("PATCH", "crm/v3/properties/companies/health_tier", json=other).raise_for_status()
    assert not planned(portal, TIER).todo


def test_a_property_without_the_mark_is_not_ours_any_more(portal):
    """Remove the note, and the connector leaves it alone."""
    made(portal, SCORE)
    body = {"description": "ours now"}
    portal.api("PATCH", "crm/v3/properties/companies/health_score", json=body)
    found = step(portal, replace(SCORE, label={"en": "Other"}))
    assert (found.do, found.why) == (
        "leave",
        ("was not made by the connector: used, never changed",),
    )


# ── what is not ours ──────────────────────────────────────────────────────────────────────────


def test_a_property_of_somebody_else_is_used_and_never_changed(portal):
    """It holds the values as it is."""
    before = by_admin(portal, "health_score", "number", "number")
    found = step(portal, SCORE)
    assert (found.do, found.definition) == ("leave", {})
    made(portal, SCORE, TIER)
    assert held(portal, "health_score") == before


def test_a_property_of_somebody_else_that_lacks_options_is_refused(portal):
    """With what an admin can do about it."""
    by_admin(portal, "health_tier", "enumeration", "select", options=options("A"))
    found = step(portal, TIER)
    assert found.do == "refuse"
    assert "no option B" in found.why[0]
    assert "--adopt" in found.why[0]


def test_adopting_takes_a_property_over(portal):
    """It gets the note and the options; what was written in its description stays."""
    by_admin(portal, "health_tier", "enumeration", "select", options=options("VIP"),
             description="Agreed with Sales.")  # fmt: skip
    assert made(portal, TIER, adopt=True).changed == ("health_tier",)
    found = held(portal, "health_tier")
    assert values(found) == ["VIP", "A", "B"]
    assert MARK in found["description"]
    assert found["description"].endswith("Agreed with Sales.")
    assert found["groupName"] == "companyinformation"
    assert not planned(portal, TIER).todo


@pytest.mark.parametrize(
    ("type", "input", "more"),
    [("string", "text", {}), ("date", "date", {}),
     ("enumeration", "checkbox", {"options": options("A")})],
)  # fmt: skip
@pytest.mark.parametrize("adopt", [False, True])
def test_a_change_of_type_is_refused(portal, type, input, more, adopt):
    """Values could be lost; nobody is asked twice."""
    by_admin(portal, "health_score", type, input, **more)
    found = step(portal, SCORE, adopt=adopt)
    assert found.do == "refuse"
    assert "can lose values" in found.why[0]


def test_a_choice_of_several_cannot_be_a_tier(portal):
    """It would hold several tiers at once."""
    by_admin(portal, "health_tier", "enumeration", "checkbox", options=options("A", "B"))
    assert step(portal, TIER, adopt=True).do == "refuse"


def test_a_text_holds_a_choice_as_well(portal):
    """Whoever chose a text keeps it."""
    by_admin(portal, "health_tier", "string", "text")
    assert step(portal, TIER).do == "leave"


@pytest.mark.parametrize(("target", "why"), [("num_notes", "calculated"),
                                             ("hs_object_id", "read-only")])  # fmt: skip
def test_what_nobody_can_write_is_refused(portal, target, why):
    """Also with --adopt."""
    found = step(portal, replace(SCORE, target=target), adopt=True)
    assert found.do == "refuse"
    assert why in found.why[0]


def test_hubspots_own_property_is_used_and_cannot_be_adopted(portal):
    """Nobody can change such a definition."""
    found = step(portal, replace(SCORE, target="annualrevenue"), adopt=True)
    assert (found.do, found.why) == ("leave", ("is HubSpot's own: used, never changed",))


@pytest.mark.parametrize("name", ["hs_health", "Health", "1st", "gesundheit-wert", "x" * 101])
def test_a_name_that_hubspot_does_not_take_is_refused(portal, name):
    """Before anything is sent."""
    found = step(portal, replace(SCORE, target=name))
    assert found.do == "refuse"
    assert "no name for a property" in found.why[0]


# ── archived names ────────────────────────────────────────────────────────────────────────────


def test_the_name_of_an_archived_property_is_refused(portal):
    """Making it would bring the old one back, with its old definition and values."""
    by_admin(portal, "health_tier", "enumeration", "select", options=options("Gold"))
    archive(portal, "health_tier")
    found = step(portal, TIER)
    assert found.do == "refuse"
    assert "was archived" in found.why[0]
    assert "--adopt" in found.why[0]


def test_adopting_brings_an_archived_property_back_and_up_to_date(portal):
    """Its old options stay, ours and the note are added."""
    by_admin(portal, "health_tier", "enumeration", "select", options=options("Gold"))
    archive(portal, "health_tier")
    assert made(portal, TIER, adopt=True).created == ("health_tier",)
    found = held(portal, "health_tier")
    assert values(found) == ["Gold", "A", "B"]
    assert MARK in found["description"]


def test_an_archived_property_of_another_type_is_refused_whatever_is_said(portal):
    """It would come back as a text."""
    by_admin(portal, "health_score", "string", "text")
    archive(portal, "health_score")
    assert step(portal, SCORE, adopt=True).do == "refuse"


def test_a_property_that_is_archived_after_the_plan_is_told_apart(portal):
    """HubSpot says 201 and gives back the old one: that is not what was asked for."""
    plan = planned(portal, SCORE, TIER)
    by_admin(portal, "health_score", "string", "text")
    archive(portal, "health_score")
    done = portal.another().make_fields(plan)
    assert done.created == ("health_tier",)
    assert "old definition, a string/text" in done.failed["health_score"]


# ── when something goes wrong ─────────────────────────────────────────────────────────────────


def test_a_property_that_somebody_has_just_made_costs_no_other(portal):
    """The answer tells both beside each other; theirs is as it was."""
    plan = planned(portal, SCORE, TIER)
    before = by_admin(portal, "health_score", "string", "text")
    done = portal.another().make_fields(plan)
    assert done.created == ("health_tier",)
    assert done.failed["health_score"] == (
        "somebody has just made it: nothing was changed; plan again"
    )
    assert held(portal, "health_score") == before


def test_a_batch_that_is_refused_whole_is_made_one_by_one(portal):
    """One bad definition does not cost the good ones."""
    no = {"match": {"path_regex": "batch/create", "nth": 1},
          "do": {"status": 400, "body": {"status": "error", "message": "no"}}}  # fmt: skip
    plan = planned(portal, SCORE, TIER)
    portal.control("faults", [no])
    assert portal.another().make_fields(plan).created == ("health_score", "health_tier")


def test_a_group_that_is_there_is_used_as_it_is(portal):
    """An admin may have given it another label."""
    body = {"name": GROUP, "label": "Gesundheit unserer Kunden", "displayOrder": 3}
    portal.api("POST", "crm/v3/properties/companies/groups", json=body).raise_for_status()
    plan = planned(portal, SCORE)
    assert [each.do for each in plan.extras] == ["leave"]
    portal.another().make_fields(plan)
    group = portal.api("GET", f"crm/v3/properties/companies/groups/{GROUP}").json()
    assert group["label"] == "Gesundheit unserer Kunden"


def test_more_properties_than_the_account_has_room_for_are_refused(portal):
    """The limit is asked for before anything is made."""
    used = portal.api("GET", "crm/v3/limits/custom-properties").json()["byObjectType"]
    companies = next(each for each in used if each["objectTypeId"] == "0-2")
    portal.set(portal={"custom_properties": companies["usage"] + 1})
    plan = planned(portal, SCORE, TIER)
    assert [each.do for each in plan.steps] == ["create", "refuse"]
    assert "room for 1 more" in plan.refused["health_tier"]


# ── scopes ────────────────────────────────────────────────────────────────────────────────────


def test_without_the_scope_an_admin_is_told_line_by_line(portal):
    """Group, label, name, type, options and description, as the form asks for them."""
    portal.scopes("crm.schemas.companies.write")
    plan = planned(portal, SCORE, TIER)
    assert plan.lacking == ("crm.schemas.companies.write",)
    group, score, tier = plan.by_hand
    assert "Create group: name “Customer health”, internal name crm_health" in group
    assert "internal name health_score" in score
    assert "field type Number" in score
    assert "field type Dropdown select; options A, B" in tier
    assert MARK in tier


def test_where_scopes_cannot_be_asked_for_the_right_is_tried(portal):
    """By making no property at all; nothing is made by it."""
    portal.scopes("crm.schemas.companies.write")
    no = {"match": {"path_regex": "access-token-info"}, "do": {"status": 404, "body": {}}}
    portal.control("faults", [no])
    assert planned(portal, SCORE).lacking == ("crm.schemas.companies.write",)


def test_nothing_is_lacking_where_nothing_is_to_be_done(portal):
    """The daily key needs no right to make properties."""
    made(portal, SCORE)
    portal.scopes("crm.schemas.companies.write")
    plan = planned(portal, SCORE)
    assert (plan.lacking, plan.todo) == ((), False)


def test_properties_that_nobody_shows_us_stop_it(portal):
    """With the scope that shows them."""
    portal.scopes("crm.schemas.companies.read", "crm.objects.companies.read",
                  "crm.schemas.companies.write")  # fmt: skip
    with pytest.raises(Denied, match="does not show") as told:
        planned(portal, SCORE)
    assert "crm.objects.companies.read" in told.value.hint


def test_what_the_mapping_reads_and_the_account_lacks_is_told(portal):
    """It is listed, never made."""
    pull = Pull("accounts", "companies", {"id": "hs_object_id", "segment": "no_such"},
                modified="hs_lastmodifieddate", deleted="archived")  # fmt: skip
    assert planned(portal, SCORE, pull=(pull,)).absent == ("companies.no_such",)


# ── segments ──────────────────────────────────────────────────────────────────────────────────


def lists(portal: Portal) -> dict[str, dict[str, Any]]:
    """All lists by name, with their filters."""
    found = portal.api("POST", "crm/v3/lists/search", json={"count": 100}).json()["lists"]
    query = {"includeFilters": "true"}
    every = [portal.api("GET", f"crm/v3/lists/{each['listId']}", params=query) for each in found]
    return {each.json()["list"]["name"]: each.json()["list"] for each in every}


def test_one_active_segment_for_each_tier(portal):
    """Whoever is in the tier is in the segment, from then on."""
    done = made(portal, TIER, segments=True)
    names = ("Customer health: tier A", "Customer health: tier B")
    assert done.extras == (GROUP, *names)
    portal.crm.check()
    (company,) = [each["id"] for each in portal.api(
        "GET", "crm/v3/objects/companies", params={"limit": 1}).json()["results"]]  # fmt: skip
    list(portal.crm.write("companies", [{"id": company, "health_tier": "B"}], 100))
    number = lists(portal)[names[1]]["listId"]
    members = portal.api("GET", f"crm/v3/lists/{number}/memberships").json()["results"]
    assert [each["recordId"] for each in members] == [company]
    assert not planned(portal, TIER, segments=True).todo


def test_segments_are_made_only_if_asked(portal):
    """Lists are the account's own business."""
    made(portal, TIER)
    assert lists(portal) == {}


def test_a_segment_is_found_again_in_the_other_language(portal):
    """A change of language does not make them twice."""
    made(portal, TIER, segments=True, language="de")
    assert "Kundengesundheit: Stufe A" in lists(portal)
    found = planned(portal, TIER, segments=True, language="en").extras
    assert {each.do for each in found} == {"leave"}


def test_a_segment_of_somebody_else_is_never_touched(portal):
    """It has our name and other filters."""
    made(portal, TIER)
    body = {"name": "Customer health: tier A", "objectTypeId": "0-2", "processingType": "MANUAL"}
    portal.api("POST", "crm/v3/lists", json=body).raise_for_status()
    plan = planned(portal, TIER, segments=True)
    found = {each.name: each for each in plan.extras}
    assert found["Customer health: tier A"].do == "leave"
    assert "somebody else's" in found["Customer health: tier A"].why[0]
    portal.another().make_fields(plan)
    assert lists(portal)["Customer health: tier A"]["processingType"] == "MANUAL"
    assert lists(portal)["Customer health: tier B"]["processingType"] == "DYNAMIC"


@pytest.mark.parametrize(
    ("without", "lacking"),
    [
        (("crm.lists.read", "crm.lists.write"), ("crm.lists.write", "crm.lists.read")),
        (("crm.lists.write",), ("crm.lists.write",)),
    ],
)
def test_without_the_scopes_for_segments_they_are_named(portal, without, lacking):
    """Only when segments are asked for."""
    made(portal, TIER)
    portal.scopes(*without)
    assert planned(portal, TIER).lacking == ()
    plan = planned(portal, TIER, segments=True)
    assert plan.lacking == lacking
    assert [("tier A" in line, "tier B" in line) for line in plan.by_hand] == [
        (True, False),
        (False, True),
    ]


def test_a_mapping_without_a_tier_has_no_segments(portal):
    """Said before anything is looked for."""
    with pytest.raises(ConfigError, match="writes no tier"):
        planned(portal, SCORE, segments=True)


# ── files ─────────────────────────────────────────────────────────────────────────────────────


def test_the_files_are_bodies_that_hubspot_takes(portal, tmp_path):
    """An admin sends them as they are, in the order of the README, and nothing is left to do."""
    plan = planned(portal, SCORE, TIER, REASON, segments=True)
    files = portal.crm.export_fields(mapping(SCORE, TIER, REASON), tmp_path, plan)
    read = (tmp_path / "README.md").read_text(encoding="utf-8")
    calls = [line.split() for line in read.splitlines() if line.startswith("    POST")]
    assert len(calls) == 1 + 3 + 2
    for method, address, file in calls:
        body = json.loads((tmp_path / file).read_text(encoding="utf-8"))
        answer = portal.api(method, address.lstrip("/"), json=body)
        assert answer.status_code in {200, 201}, answer.text
    assert {tmp_path / "properties.csv", tmp_path / "group.json"} <= set(files)
    assert not planned(portal, SCORE, TIER, REASON, segments=True).todo


def test_files_of_changes_hold_the_options_that_were_there(portal, tmp_path):
    """What an admin added would be lost without them."""
    made(portal, TIER)
    theirs = [*held(portal, "health_tier")["options"], *options("VIP")]
    portal.api("PATCH", "crm/v3/properties/companies/health_tier", json={"options": theirs})
    wider = replace(TIER, values=("A", "B", "C"))
    portal.crm.export_fields(mapping(wider), tmp_path, planned(portal, wider))
    body = json.loads((tmp_path / "changes/health_tier.json").read_text(encoding="utf-8"))
    assert [each["value"] for each in body["options"]] == ["A", "B", "VIP", "C"]


def test_files_can_be_written_without_an_account(portal, tmp_path):
    """From the mapping alone; a table to type from is beside them."""
    portal.crm.export_fields(mapping(SCORE, TIER), tmp_path)
    with (tmp_path / "properties.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["health_score", "health_tier"]
    assert rows[1]["options"] == "A; B"
    assert portal.asked("/properties") == 0
