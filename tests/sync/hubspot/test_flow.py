"""The whole flow against HubSpot: what it writes, what it leaves, and when it stops."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from connector.errors import UnsafePlan
from connector.mapping.alike import alike
from connector.model import placements
from connector.sync import changes, flow
from connector.sync.flow import Receipt, make_plan
from tests.hubspot_world import Portal, portal, show_feedback
from tests.sync.reading import odd, rows
from tests.world import KNOWN

LINES, RECORDS = "bulk_from = 1", "bulk_from = 100000"
both = pytest.mark.parametrize(
    "lane", [pytest.param(LINES, id="lines"), pytest.param(RECORDS, id="records")]
)


def apart(done: Receipt) -> dict[str, dict[str, int]]:
    """The lanes whose calls were not those that were predicted."""
    return {k: v for k, v in done.calls.items() if v["predicted"] != v["actual"]}


def times(here: Portal) -> set[int]:
    """How often the records that were written were written."""
    return set(Counter(row["id"] for row in here.writes()).values())


# ── the main job ──────────────────────────────────────────────────────────────────────────────


@both
def test_a_sync_writes_what_it_planned_and_hubspot_holds_it(here, lane):
    """Every company has score, tier and reasons, once; both lanes write the same."""
    here.lane(lane)
    _, made = make_plan(here.app())
    promised = {change.id: change.after for change in made.read()}
    done = here.sync()
    assert (done.exit, done.changes["applied"], done.changes["failed"]) == (0, KNOWN, 0)
    held = here.held()
    for id, cells in promised.items():
        for name in ("health_score", "health_tier", "nps", "health_reason_de"):
            assert alike(held[id][name] or None, cells.get(name), made.types[name]), name
    tiers = Counter(cell["health_tier"] for cell in held.values() if cell["health_tier"])
    assert dict(tiers) == done.tiers
    assert times(here) == {1}


@both
def test_a_second_sync_writes_nothing_and_reads_no_echo(here, lane):
    """Not one record comes back; at most two calls for each kind besides the totals of the day."""
    here.lane(lane)
    assert apart(here.sync()) == {}
    idle(here, here.sync())
    third = here.sync()
    assert third.calls["search"]["actual"] <= 2 * len(here.app().mapping.pull)
    assert times(here) == {1}


def test_after_an_import_its_echo_is_read_once(here):
    """HubSpot works through it in its own time: nobody could say that no edit hides in that."""
    here.lane("bulk_from = 1", "import_from = 1")
    here.set(imports={"polls": 0})
    assert apart(here.sync()) == {}
    again = here.sync()
    assert (again.changes["planned"], apart(again)) == (0, {})
    assert again.streams["accounts"]["calls"] == 1
    here.advance("1h")
    here.sync()
    idle(here, here.sync())
    assert times(here) == {1}


def idle(here: Portal, done: Receipt) -> None:
    """Nothing was read of any kind but the owners, of whom nobody tells which have changed."""
    assert (done.changes["planned"], apart(done)) == (0, {})
    for name in ("accounts", "contacts", "activities", "opportunities", "tickets"):
        assert (done.streams[name]["pulled"], done.streams[name]["calls"]) == (0, 0), name
    assert {name for name, told in done.calls.items() if told["actual"]} == {
        "login", "other", "owners", "properties", "search"
    }  # fmt: skip


def test_the_calls_of_a_saved_plan_are_those_that_were_predicted(here):
    """What has moved is asked as a whole, then it is read back and written."""
    _, made = make_plan(here.app())
    done = flow.apply_plan(here.app(), made)
    assert apart(done) == {}
    assert done.calls["batch_update"] == {"predicted": 1, "actual": 1}


def test_both_versions_of_the_api_give_the_same(tmp_path):
    """The older spelling and the newer one, read and written: one setting chooses."""
    held = []
    for version in ("v3", "2026-03", "2026-09"):
        with portal(tmp_path / version) as here:
            here.lane(f'api_version = "{version}"')
            done = here.sync()
            assert (done.exit, done.changes["applied"]) == (0, KNOWN)
            assert apart(done) == {}
            held.append(here.held("health_score", "health_tier", "nps", "health_reason"))
            assert here.sync().changes["planned"] == 0
    assert held[0] == held[1] == held[2]


# ── saved plans ───────────────────────────────────────────────────────────────────────────────


def test_a_saved_plan_does_exactly_what_it_says(here, tmp_path):
    """Plan now, read it, apply it later."""
    _, made = make_plan(here.app())
    assert here.writes() == []
    (tmp_path / "monday.json").write_bytes(made.path.read_bytes())
    done = flow.apply_plan(here.app(), changes.load(tmp_path / "monday.json"))
    assert done.changes["applied"] == made.changes == KNOWN
    assert here.sync().changes["planned"] == 0


def test_a_saved_plan_is_refused_when_a_value_moved(here):
    """It was made for another world; nothing is written."""
    _, made = make_plan(here.app())
    here.person(sorted(here.held())[3], values={"health_reason": "Ask Eva"})
    with pytest.raises(UnsafePlan, match="1 records have changed"):
        flow.apply_plan(here.app(), made)
    assert here.writes() == []


# ── guards ────────────────────────────────────────────────────────────────────────────────────


def asked_for_records(here: Portal) -> int:
    """How often a list or a search of records was asked for."""
    asks = re.compile(r".*/objects/[^/]+/\{type\}(/search)?")
    routes = here.control("stats")["routes"]
    return sum(row["requests"] for row in routes if asks.fullmatch(row["route"]))


def test_missing_properties_are_named_before_anything_is_read(tmp_path):
    """With the command that makes them."""
    with portal(tmp_path, ready=False) as here:
        with pytest.raises(UnsafePlan, match="health_score") as refused:
            here.sync()
        assert "connector fields apply" in refused.value.hint
        assert asked_for_records(here) == 0


def test_a_property_the_account_does_not_have_stops_the_run_before_reading(here):
    """A misspelt name is silently dropped by HubSpot; here it is an error."""
    here.mapping('"numberofemployees"', '"headcount"')
    with pytest.raises(UnsafePlan, match=r"companies\.headcount: not there"):
        here.sync()
    assert asked_for_records(here) == 0


def test_a_property_that_was_archived_stops_the_run(here):
    """Somebody has removed one of ours: the others are not written without it."""
    here.app().crm._client.raw(
        "DELETE", "crm/properties/2026-09/companies/health_trend", "to remove"
    )
    with pytest.raises(UnsafePlan, match="health_trend"):
        here.sync()
    assert here.writes() == []


def test_another_portal_is_refused(here):
    """The installation belongs to the account of its first run."""
    here.sync()
    before = here.writes()
    here.edit("config.toml", 'org_id = "44810221"', "")
    here.set(portal={"id": 123})
    with pytest.raises(UnsafePlan, match="belongs to 44810221"):
        here.sync()
    assert here.writes() == before


def test_tickets_that_are_not_licensed_are_gone_without(here):
    """The run goes on and says so; scores come of what is there."""
    here.set(portal={"products": {"tickets": False}})
    done = here.sync()
    assert (done.exit, done.changes["applied"]) == (0, KNOWN)
    assert "tickets" not in done.streams
    assert any("tickets" in notice for notice in done.notices)


def test_a_lane_that_was_not_gone_is_told_with_the_reason(here):
    """By list it takes a hundred times the calls: whoever reads the receipt should know why."""
    here.lane("export_from = 1")
    here.set(exports={"daily": 0})
    done = here.sync()
    assert done.streams["accounts"]["objects"]["companies"]["lane"] == "list"
    told = [each for each in done.notices if each.startswith("companies were read by list")]
    assert len(told) == 1
    assert "429" in told[0]


def test_what_is_not_optional_stops_the_run(here):
    """With the scope that is missing."""
    held = here.set()["apps"]["service_key"]["scopes"]
    left = [each for each in held if each != "crm.objects.deals.read"]
    here.set(app={"app": "service_key", "scopes": left})
    with pytest.raises(UnsafePlan, match=r"crm\.objects\.deals\.read"):
        here.sync()
    assert asked_for_records(here) == 1  # the deals were tried


# ── rows that are refused ─────────────────────────────────────────────────────────────────────


@both
def test_a_rule_about_other_properties_costs_its_record_alone(here, lane):
    """Since 2026-09 the account's rules hold for the API: exit 4, the reason kept, tried again
    when somebody has mended the record."""
    here.lane(lane)
    id = sorted(here.held())[5]
    here.person(id, values={"industry": "BANKING", "phone": ""})
    rule = {"object": "companies", "when": {"industry": "BANKING"}, "requires": ["phone"]}
    here.set(rules=[rule])
    banks = [k for k, v in here.held("industry").items() if v["industry"] == "BANKING"]
    no_phone = [k for k in banks if not here.held("phone")[k]["phone"]]
    done = here.sync()
    assert (done.exit, done.changes["failed"]) == (4, len(no_phone))
    assert done.changes["applied"] == KNOWN - len(no_phone)
    assert done.refusals == {"MISSING_CONDITIONAL_REQUIRED_PROPERTY": len(no_phone)}
    again = here.sync()
    assert (again.exit, again.changes["planned"], again.quarantined) == (4, 0, len(no_phone))
    here.advance("5s")
    for each in no_phone:
        here.person(each, values={"phone": "+49 30 1234"})
    here.advance("5s")
    mended = here.sync()
    assert (mended.exit, mended.changes["applied"]) == (0, len(no_phone))


# ── what is read ──────────────────────────────────────────────────────────────────────────────


def test_a_mail_to_people_of_two_customers_counts_for_neither(here):
    """It would count for whoever was made first; it is counted among what is strange instead."""
    here.sync()
    alone = "account_id IS NULL AND contact_id IS NOT NULL AND contact_ids IS NULL"
    mail, person = rows(
        here, "activities", "id, contact_id", f"object = 'emails' AND {alone} ORDER BY id LIMIT 1"
    )[0]
    ((firm,),) = rows(here, "contacts", "account_id", f"id = '{person}'")
    ((other,),) = rows(
        here, "contacts", "min(id)", f"account_id <> '{firm}' AND account_id IS NOT NULL"
    )
    number = mail.removeprefix("email ")
    here.does(number, "associate", "emails", **{"with": "contacts", "other": other})
    here.person(number, object="emails", values={"hs_email_subject": "Both of you"})
    done = here.sync()
    assert odd(done)["of_several_accounts"] == (1, [mail])
    ((named,),) = rows(here, "activities", "contact_ids", f"id = '{mail}'")
    assert set(named.split(";")) == {person, other}


#: Kind, metric and scale by the type of the survey.
SURVEYS = {"NPS": ("relationship", "nps", 0.0, 10.0), "CSAT": ("transactional", "csat", 0.0, 2.0)}


def test_feedback_submissions_become_responses(here):
    """Answers to HubSpot's own surveys: score, scale, kind and words of each as it was given, for
    the company of whoever gave it."""
    show_feedback(here.folder)
    done = here.sync()
    held = here.held("hs_survey_type", "hs_value", "hs_content", object="feedback_submissions")
    what = "id, kind, metric, scale_min, scale_max, score, comment"
    found = rows(here, "responses", what, "object = 'feedback_submissions'")
    assert sorted(found) == sorted(
        (id, *SURVEYS[of["hs_survey_type"]], float(of["hs_value"]), of["hs_content"] or None)
        for id, of in held.items()
    )
    assert {of["hs_survey_type"] for of in held.values()} == set(SURVEYS)
    assert all(low <= score <= high for _, _, _, low, high, score, _ in found)
    people = here.belongs("feedback_submissions", "contacts", sorted(held))
    firms = here.held("associatedcompanyid", object="contacts")
    assert {id: firm for id, firm, rule in placed(here) if id in held and rule == "record_id"} == {
        id: firms[person]["associatedcompanyid"] for id, person in people.items()
    }
    assert 0 < len(people) < len(held)  # others gave no name
    assert done.exit == 0
    assert here.sync().changes["planned"] == 0


def placed(here: Portal) -> list[tuple[Any, ...]]:
    """Every record with the account that it was placed with, and by which rule."""
    app = here.app()
    engine = app.engine()
    kept = app.lake.every("placements", engine, placements.COLUMNS)
    found = engine.rows(f"SELECT id, account_id, rule FROM ({kept})")
    engine.close()
    return found


def test_feedback_that_is_not_licensed_is_gone_without(here):
    """It comes with Service Hub Professional."""
    show_feedback(here.folder)
    here.set(portal={"products": {"feedback_submissions": False}})
    done = here.sync()
    assert (done.exit, done.changes["applied"]) == (0, KNOWN)
    assert any("feedback_submissions" in notice for notice in done.notices)


def test_a_filter_in_sql_leaves_companies_out(here):
    """They are neither scored nor written, and the next run has nothing to do."""
    here.mapping(
        'object   = "companies"\nmodified',
        'object   = "companies"\nwhere = "numberofemployees > 200"\nmodified',
    )
    large = {
        id
        for id, cell in here.held("numberofemployees").items()
        if float(cell["numberofemployees"] or 0) > 200
    }
    assert 0 < len(large) < 20
    done = here.sync(force=True)
    assert done.accounts == len(large)
    assert {row["id"] for row in here.writes()} <= large
    assert here.sync().changes["planned"] == 0


def calculated(here: Portal) -> None:
    """A property that HubSpot works out, read as the segment."""
    body: dict[str, Any] = {
        "name": "rank", "label": "Rank", "groupName": "companyinformation", "type": "number",
        "fieldType": "calculation_equation", "calculationFormula": "1",
    }  # fmt: skip
    here.app().crm._client.json("POST", "crm/properties/2026-09/companies", "to make", body=body)
    here.mapping('segment       = "segment"', 'segment       = "cast(rank as text)"')


def test_everything_is_read_anew_every_week(here):
    """What a search told too late, or not at all, nobody would ever miss."""
    here.sync()
    here.advance("8d")
    done = here.sync(force=True)
    read = {of: told["read"] for each in done.streams.values() for of, told in
            each.get("objects", {}).items()}  # fmt: skip
    assert read["contacts"] == "all"
    assert set(read.values()) == {"all"}


def test_calculated_properties_are_read_anew_every_week(here):
    """They change and the record is no newer for it: changes never tell."""
    calculated(here)
    here.sync()
    id = sorted(here.held())[0]
    here.advance("1h")
    here.person(id, do="compute", values={"rank": "7"})
    here.sync()
    assert rows(here, "accounts", "segment", f"id = '{id}'") == [(None,)]
    here.advance("7d")
    done = here.sync(force=True)
    assert done.streams["accounts"]["objects"]["companies"]["read"] == "all"
    assert rows(here, "accounts", "segment", f"id = '{id}'") in ([("7.0",)], [("7",)])
