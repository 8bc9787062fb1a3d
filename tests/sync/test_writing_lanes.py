"""Both ways of writing: what they have in common, and what each makes of bad luck."""

from __future__ import annotations

from collections import Counter

import pytest

from connector.crm.salesforce import jobs
from connector.errors import BudgetSpent, ConnectorError, Denied
from connector.sync import flow, load, plan, staged
from connector.sync.flow import make_plan
from tests.sync.reading import odd
from tests.world import KNOWN, World

FILE, RECORDS = "bulk_from = 1", "bulk_from = 100000"
NPS_EMPTY = {"Health_Reason__c": "Ask Eva"}


def lane(here: World, *settings: str) -> None:
    """Settings of [crm] besides those that are there."""
    config = here.config.read_text()
    here.config.write_text(config.replace("[crm.auth]", "\n".join([*settings, "[crm.auth]"])))


def by(kind: str):
    return pytest.param(kind, id=kind.partition(" ")[0] + ("_file" if kind == FILE else "_records"))


both = pytest.mark.parametrize("settings", [by(FILE), by(RECORDS)])


def times(here: World) -> set[int]:
    """How often the records that were written were written."""
    return set(Counter(row["id"] for row in here.writes()).values())


def open_jobs(here: World) -> int:
    """Bulk jobs that have not ended."""
    states = here.control("bulk")["jobs"]
    return sum(n for state, n in states.items() if state not in jobs.ENDED)


def somebody_comes_between(monkeypatch, act) -> None:
    """Do something after the plan is made and before it is written."""
    original = plan.plan

    def made_then(*args, **options):
        made = original(*args, **options)
        act()
        return made

    monkeypatch.setattr(flow, "plan", made_then)


# ── what is written ───────────────────────────────────────────────────────────────────────────


@both
def test_every_lane_writes_the_same(here, settings):
    """What the CRM holds afterwards is what was planned, once, and the next plan is empty."""
    lane(here, settings)
    _, made = make_plan(here.app())
    promised = {change.id: change.after for change in made.read()}
    done = here.sync()
    assert (done.exit, done.changes["applied"]) == (0, KNOWN)
    held = here.held()
    for id, cells in promised.items():
        for name in ("Health_Score__c", "Health_Tier__c", "NPS__c", "Health_Reason_DE__c"):
            assert held[id][name] == cells.get(name)
    assert times(here) == {1}
    assert here.sync().changes["planned"] == 0


@both
def test_the_calls_of_a_saved_plan_are_those_that_were_predicted(here, settings):
    """Logging in, asking what has moved, writing: lane by lane, but for the looks at a job."""
    lane(here, settings)
    _, made = make_plan(here.app())
    done = flow.apply_plan(here.app(), made)
    apart = {k: v for k, v in done.calls.items() if v["predicted"] != v["actual"]}
    looks = apart.pop("bulk_ingest", {"predicted": 0, "actual": 0})
    assert apart == {}
    assert abs(looks["predicted"] - looks["actual"]) <= 1


def test_many_changes_are_one_job(here):
    """Create, upload, start, look, three files of results: whatever the number of records."""
    lane(here, FILE)
    calls = here.sync().calls
    assert "collections" not in calls
    assert calls["bulk_ingest"]["actual"] <= 3 + 3 + 3
    assert open_jobs(here) == 0


def test_five_chunks_travel_in_one_call(here):
    """Five collections of two hundred count as one call of the allowance."""
    lane(here, "chunk = 4")
    done = here.sync()
    assert done.calls["collections"] == {"predicted": 1, "actual": 1}
    assert done.changes["applied"] == KNOWN


def test_duplicate_rules_let_our_updates_pass_in_every_part_of_a_call(here):
    """A part of a composite call inherits no header: each says for itself that it may be saved."""
    lane(here, "chunk = 4")
    rule = {"object": "Account", "code": "DUPLICATES_DETECTED", "message": "Use one of these?"}
    here.control("automations", [rule])
    done = here.sync()
    assert (done.exit, done.changes["applied"]) == (0, KNOWN)


def test_what_a_duplicate_rule_keeps_from_a_file_goes_record_by_record(here):
    """A job has no header that saves duplicates; those records are no failures."""
    lane(here, FILE)
    id = sorted(here.held())[5]
    rule = {"object": "Account", "code": "DUPLICATES_DETECTED", "when": f"Id = '{id}'"}
    here.control("automations", [rule])
    done = here.sync()
    assert (done.exit, done.changes["applied"], done.refusals) == (0, KNOWN, {})
    assert done.calls["collections"]["actual"] == 1


def test_an_org_without_composite_calls_takes_chunk_by_chunk(here):
    """Refused as a call, not as a record."""
    lane(here, "chunk = 4")
    body = [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
    match = {"method": "POST", "path_regex": "composite/?$"}
    here.faults({"match": match, "do": {"status": 404, "body": body}})
    done = here.sync()
    assert (done.exit, done.changes["applied"]) == (0, KNOWN)
    assert times(here) == {1}


def test_salesforcer_29_blank_does_not_clear_and_no_value_does(here):
    """An empty cell leaves a field, `#N/A` empties it, and NA is a text."""
    lane(here, FILE)
    app = here.app()
    first, second = sorted(here.held())[:2]
    here.person(first, values={"Health_Reason__c": "old", "Health_Reason_DE__c": "alt"})
    file = here.folder / "rows.csv"
    file.write_text(f"Id,Health_Reason__c,Health_Reason_DE__c\n{first},#N/A,\n{second},NA,\n")
    spool = app.crm.load("Account", file, here.folder, lambda job: None)
    assert spool.rows == 2
    held = here.held("Health_Reason__c", "Health_Reason_DE__c")
    assert held[first] == {"Health_Reason__c": None, "Health_Reason_DE__c": "alt"}
    assert held[second]["Health_Reason__c"] == "NA"


def test_a_file_too_large_for_one_job_becomes_several(here, monkeypatch):
    """Every record in exactly one of them."""
    lane(here, FILE)
    monkeypatch.setattr(load, "LARGEST", 2_000)
    done = here.sync()
    assert done.changes["applied"] == KNOWN
    assert here.control("bulk")["jobs"]["JobComplete"] > 1
    assert times(here) == {1}


def test_a_plan_read_from_its_file_is_the_plan_that_was_made(here):
    """The ledger and the lane of files see the same, whichever they are given."""
    seen = []
    original = staged.stage

    def both_ways(app, run, made):
        original(app, run, made)
        columns = [f'"{side}:{f}"' for f in made.types for side in ("to", "from", "set")]
        sql = (
            f"SELECT id, tried, {', '.join(f'CAST({c} AS VARCHAR)' for c in columns)} FROM changes"
        )
        seen.append(sorted(map(repr, run.engine.rows(f"{sql} ORDER BY place"))))

    here.sync()
    here.advance("60d")
    app = here.app()
    with flow._journey(app, "plan", flow.silent) as journey:
        found = flow._ready(journey)
        flow._pull(journey, found)
        flow._score(journey)
        made = flow._plan(journey, adopt=False, force=True)
        both_ways(app, journey.run, made)
        journey.run.id = "another"
        both_ways(app, journey.run, made)
    assert made.changes > 0
    from_diff, from_file = seen
    # What a cell would be is said only where it is set.
    assert len(from_diff) == len(from_file) == made.changes


# ── rows that are refused ─────────────────────────────────────────────────────────────────────


@both
def test_simple_salesforce_643_a_job_that_is_complete_says_which_rows_failed(here, settings):
    """Every account has an outcome of its own, and its reason."""
    lane(here, settings)
    id = sorted(here.held())[5]
    rule = {"object": "Account", "when": f"Id = '{id}'", "message": "Ask the owner first"}
    here.control("validation-rules", [rule])
    done = here.sync()
    assert (done.exit, done.changes["applied"], done.changes["failed"]) == (4, KNOWN - 1, 1)
    assert done.refusals == {"FIELD_CUSTOM_VALIDATION_EXCEPTION": 1}
    reason = "FIELD_CUSTOM_VALIDATION_EXCEPTION: Ask the owner first"
    assert odd(done)[reason] == (1, [id])
    again = here.sync()
    assert (again.exit, again.changes["planned"], again.quarantined) == (4, 0, 1)
    assert odd(again)[reason] == (1, [id])
    kept = here.app().state.receipt(again.run)
    assert {"stream": "quarantine", "rule": reason, "count": 1, "ids": [id]} in kept["odd"]


def test_openfn_886_rows_that_a_job_never_processed_are_sent_again(here):
    """Neither lost nor written twice."""
    lane(here, FILE)
    here.control("bulk", {"unprocessed_share": 0.4})
    done = here.sync()
    assert (done.exit, done.changes["applied"]) == (0, KNOWN)
    assert times(here) == {1}


@both
def test_jsforce_1018_rows_that_cannot_be_locked_are_tried_again(here, settings):
    """The lock passes; the others do not wait for it."""
    lane(here, settings)
    ids = sorted(here.held())[:3]
    here.control("locks", {"object": "Account", "ids": ids, "times": 2})
    done = here.sync()
    assert (done.exit, done.changes["applied"]) == (0, KNOWN)
    assert times(here) == {1}


@both
def test_eloquent_70_too_many_future_calls_are_met_with_smaller_chunks(here, settings):
    """An automation that fails above four rows at once fails for nobody."""
    lane(here, settings)
    here.control("automations", [{"object": "Account", "chunk_above": 4}])
    done = here.sync()
    assert (done.exit, done.changes["applied"]) == (0, KNOWN)
    assert times(here) == {1}


def test_the_chunk_that_an_org_bears_is_remembered(here):
    """The next run begins where this one ended, and tries the next larger after it."""
    lane(here, "chunk = 40", RECORDS)
    here.control("automations", [{"object": "Account", "chunk_above": 4}])
    here.sync()
    assert here.app().state.setting("pace:Account") == "2"


@both
def test_a_record_whose_own_automation_fails_is_quarantined(here, settings):
    """Alone in its transaction it still fails: it is not hammered at."""
    lane(here, settings)
    id = sorted(here.held())[4]
    flow_ = {"object": "Account", "code": "FLOW_EXCEPTION", "message": "broken", "chunk_above": 0}
    here.control("automations", [{**flow_, "when": f"Id = '{id}'"}])
    done = here.sync()
    assert (done.exit, done.changes["applied"], done.changes["failed"]) == (4, KNOWN - 1, 1)
    assert done.refusals == {"FLOW_EXCEPTION": 1}
    assert here.sync().changes["planned"] == 0


@both
def test_a_record_in_an_approval_is_left_to_the_next_run(here, settings):
    """It is not the value's fault: the next run tries again without waiting a day."""
    lane(here, settings)
    id = sorted(here.held())[4]
    here.control(
        "locks", {"object": "Account", "ids": [id], "code": "ENTITY_IS_LOCKED", "times": 3}
    )
    done = here.sync()
    assert (done.exit, done.refusals) == (4, {"ENTITY_IS_LOCKED": 1})
    for _ in range(3):
        again = here.sync()
        if again.changes["applied"]:
            break
    assert again.changes == {"planned": 1, "applied": 1, "failed": 0, "conflicts": 0, "skipped": 19}


@both
def test_a_permission_lost_in_the_middle_stops_the_run(here, settings, monkeypatch):
    """It says which permission set would help; nothing is put into quarantine for it."""
    lane(here, settings)
    hide = {"object": "Account", "field": "Health_Tier__c", "read": False, "edit": False}
    somebody_comes_between(monkeypatch, lambda: here.control("fls", hide))
    with pytest.raises(ConnectorError) as refused:
        here.sync()
    assert "connector fields plan" in refused.value.hint
    monkeypatch.undo()
    here.control("fls", {**hide, "read": True, "edit": True})
    assert here.sync().changes["applied"] == KNOWN


# ── people and interruptions ──────────────────────────────────────────────────────────────────


@both
def test_what_somebody_edits_before_the_write_is_left_alone(here, settings, monkeypatch):
    """One question tells what has moved since the plan, in either lane."""
    lane(here, settings)
    id = sorted(here.held())[0]
    edit = {"Health_Reason__c": "Ask Eva"}
    somebody_comes_between(monkeypatch, lambda: here.person(id, values=edit))
    done = here.sync()
    assert (done.changes["applied"], done.changes["conflicts"]) == (KNOWN - 1, 1)
    assert here.held("Health_Reason__c")[id] == edit


@both
def test_what_is_deleted_before_the_write_is_no_failure(here, settings, monkeypatch):
    """It has moved; nothing is wrong."""
    lane(here, settings)
    id = sorted(here.held())[0]
    somebody_comes_between(monkeypatch, lambda: here.person(id, do="delete"))
    done = here.sync()
    assert (done.exit, done.changes["applied"], done.changes["failed"]) == (0, KNOWN - 1, 0)


def test_action_destinations_1529_a_run_that_is_stopped_ends_its_job(here, monkeypatch):
    """No job is left open, and what it had done is known to the next run."""
    lane(here, FILE)

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as once:
        once.setattr(jobs, "wait", stop)
        with pytest.raises(KeyboardInterrupt):
            here.sync()
    assert open_jobs(here) == 0
    done = here.sync()
    assert done.exit == 0
    assert len({row["id"] for row in here.writes()}) == KNOWN
    assert times(here) == {1}


@pytest.mark.parametrize("gone", [False, True])
def test_a_job_that_outlives_its_run_is_taken_up_by_its_number(here, monkeypatch, gone):
    """After kill -9 the results are fetched, or the live values tell."""
    lane(here, FILE)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as once:
        once.setattr(jobs, "wait", killed)
        once.setattr(jobs, "abort", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            here.sync()
    if gone:
        for _ in range(5):  # looks that let the job run
            jobs_ = here.app().crm._client.json("GET", "jobs/ingest", "to list jobs")["records"]
            (job,) = [each["id"] for each in jobs_ if each["object"] == "Account"]
            here.app().crm._client.json("GET", f"jobs/ingest/{job}", "to look")
        here.app().crm._client.raw("DELETE", f"jobs/ingest/{job}", "to delete")
    done = here.sync()
    assert (done.exit, done.changes["conflicts"]) == (0, 0)
    assert len({row["id"] for row in here.writes()}) == KNOWN
    assert times(here) == {1}
    assert here.sync().changes["planned"] == 0


@pytest.mark.parametrize("drop", ["before", "after"])
@pytest.mark.parametrize("step", ["POST jobs/ingest/?$", "PUT batches", "PATCH jobs/ingest/750"])
def test_a_connection_cut_at_any_step_of_a_job_writes_nothing_twice(here, step, drop):
    """A job that may not have its file is ended and begun anew; one that may run is asked."""
    lane(here, FILE)
    method, path = step.split(" ")
    here.faults({"match": {"method": method, "path_regex": path}, "do": {"drop": drop}, "times": 1})
    try:
        here.sync()
    except ConnectorError:
        here.faults()
        here.sync()
    assert open_jobs(here) == 0
    assert len({row["id"] for row in here.writes()}) == KNOWN
    assert times(here) == {1}
    assert here.sync().changes["planned"] == 0


def test_a_file_that_is_refused_whole_is_told_in_words(here):
    """And nothing is taken to be written."""
    lane(here, FILE)
    here.control("bulk", {"fail": "InternalServerError : try again"})
    with pytest.raises(ConnectorError, match="refused the whole file"):
        here.sync()
    assert here.writes() == []
    here.control("bulk", {"fail": ""})
    assert here.sync().changes["applied"] == KNOWN


def test_a_budget_too_small_for_a_job_stops_before_it(here):
    """Exit 5; the next run goes on."""
    lane(here, FILE)
    config = here.config.read_text()
    _, made = make_plan(here.app())
    here.config.write_text(config + "\n[budget]\nshare = 0.0001\n")
    done = flow.apply_plan(here.app(), made)
    assert (done.exit, done.changes["applied"]) == (BudgetSpent.exit_code, 0)
    here.config.write_text(config)
    assert here.sync().changes["applied"] == KNOWN


@both
def test_too_many_long_calls_at_once_are_waited_for(here, settings):
    """A concurrent limit backs off; it is not the end of the day's allowance."""
    lane(here, settings)
    made = make_plan(here.app())[1]
    here.control("busy", {"times": 3})
    done = flow.apply_plan(here.app(), made)
    assert (done.exit, done.changes["applied"]) == (0, KNOWN)
    assert times(here) == {1}


def test_simple_salesforce_619_an_upload_whose_token_dies_is_sent_whole_again(here):
    """The second attempt does not begin at the end of the file."""
    lane(here, FILE)
    body = [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]
    here.faults({"match": {"method": "PUT"}, "do": {"status": 401, "body": body}, "times": 1})
    assert here.sync().changes["applied"] == KNOWN


# ── what does not fit ─────────────────────────────────────────────────────────────────────────


def test_a_value_that_its_field_cannot_hold_is_never_sent(here):
    """It is counted and named; the rest of its group waits with it, other groups go."""
    lane(here, RECORDS)
    id = sorted(here.held())[0]
    mapping = here.folder / "mine.toml"
    text = here.app().mapping
    assert text.targets["NPS_Responses__c"].precision == 6
    from tests.world import ROOT

    shipped = (ROOT / "mappings" / "salesforce.toml").read_text()
    huge = shipped.replace('source    = "nps_responses"', 'source    = "nps_responses * 10000000"')
    assert huge != shipped
    mapping.write_text(huge)
    config = here.config.read_text()
    here.config.write_text(config.replace(f"{ROOT}/mappings/salesforce.toml", str(mapping)))
    done = here.sync()
    assert done.fields["NPS_Responses__c"]["unfit"] > 0
    assert done.exit == 4
    assert {o["rule"] for o in done.odd} >= {"NPS_Responses__c_does_not_fit"}
    held = here.held("NPS__c", "NPS_Responses__c", "Health_Score__c")
    assert all(c["NPS_Responses__c"] in (None, 0) for c in held.values())
    assert any(c["Health_Score__c"] is not None for c in held.values())
    assert id in held


def test_a_value_that_a_record_type_does_not_allow_is_never_sent(here):
    """The picklist has it, but not for records of this type: they wait, the others go."""
    _, made = make_plan(here.app())
    graded = {c.id: c.after.get("Health_Tier__c") for c in made.read()}
    tier = next(tier for tier in graded.values() if tier)
    ids = sorted(id for id, each in graded.items() if each == tier)[:1]
    allowed = sorted({"A", "B", "C", "D"} - {tier})
    here.control("record-types", {"object": "Account", "name": "Partner", "ids": ids,
                                  "picklists": {"Health_Tier__c": allowed}})  # fmt: skip
    here.advance("1h")
    done = here.sync()
    assert done.fields["Health_Tier__c"]["unfit"] == 1
    assert (done.exit, done.changes["failed"]) == (4, 0)
    assert here.held("Health_Tier__c")[ids[0]]["Health_Tier__c"] is None
    assert {k: v for k, v in done.calls.items() if v["predicted"] != v["actual"]} == {}


def test_denied_is_still_an_error_of_the_other_system():
    """So that the command line ends with 1."""
    assert Denied("no").exit_code == 1


@both
def test_records_of_one_parent_are_written_side_by_side(here, settings, monkeypatch):
    """They lock the same rows, so they go into the same transaction."""
    lane(here, settings)
    first, *children = sorted(here.held())[:7:2]
    for id in children:
        here.person(id, values={"ParentId": first})
    here.advance("1h")
    kind, order = type(here.app().crm), []
    load_, write = kind.load, kind.write

    def loaded(self, object, file, into, note, *more):
        order.extend(line.partition(",")[0] for line in file.read_text().splitlines()[1:])
        return load_(self, object, file, into, note, *more)

    def written(self, object, rows, chunk):
        order.extend(row["id"] for row in rows)
        return write(self, object, rows, chunk)

    monkeypatch.setattr(kind, "load", loaded)
    monkeypatch.setattr(kind, "write", written)
    here.sync()
    family = [order.index(id) for id in [first, *children] if id in order]
    assert len(family) >= 3
    assert max(family) - min(family) == len(family) - 1
