"""The whole flow over HTTP: what it writes, what it leaves, and what it says when luck is bad."""

from __future__ import annotations

import shutil
import threading
from collections import Counter

import orjson
import pytest

from connector import http
from connector.errors import (
    AuthError,
    ConnectorError,
    Locked,
    Malformed,
    RemoteError,
    UnsafePlan,
)
from connector.mapping.alike import alike
from connector.sync import apply as applying
from connector.sync import changes, flow, plan
from connector.sync.flow import make_plan, sync
from tests.world import KNOWN, ROOT, World, world

COLLECTIONS = {"method": "PATCH", "path_regex": "composite/sobjects"}


def twice(here: World) -> dict[str, int]:
    """Records that were written more than once."""
    times = Counter(row["id"] for row in here.writes())
    return {id: count for id, count in times.items() if count > 1}


# ── the main job ──────────────────────────────────────────────────────────────────────────────


def test_a_sync_writes_what_it_planned_and_the_crm_holds_it(here):
    """Every account has score, tier and reasons; the receipt says the same as the CRM."""
    done = here.sync()
    held = here.held("Health_Score__c", "Health_Tier__c", "Health_Reason__c")
    tiers = Counter(cell["Health_Tier__c"] for cell in held.values() if cell["Health_Tier__c"])
    assert done.exit == 0
    assert done.changes == {
        "planned": KNOWN,
        "applied": KNOWN,
        "failed": 0,
        "conflicts": 0,
        "skipped": 20 - KNOWN,
    }
    assert dict(tiers) == done.tiers
    assert all(0 <= c["Health_Score__c"] <= 100 for c in held.values() if c["Health_Tier__c"])


def test_a_second_sync_has_nothing_left_to_do(here):
    """No write, at most two calls a stream, and our own echo is no news."""
    here.sync()
    again = here.sync()
    assert again.changes["planned"] == 0
    assert twice(here) == {}
    assert "collections" not in {k for k, v in again.calls.items() if v["actual"]}
    pulls = {"activities": 3}  # three objects feed this stream
    for name, stream in again.streams.items():
        assert stream["new"] == 0, name
        if name != "responses":
            assert stream["calls"] <= 2 * pulls.get(name, 1)


def test_the_calls_are_those_that_were_predicted(here):
    """Lane by lane, in a first run and in one where nothing changed."""
    for done in (here.sync(), here.sync()):
        assert {k: v for k, v in done.calls.items() if v["predicted"] != v["actual"]} == {}


def test_a_day_on_only_time_has_passed_and_almost_nothing_is_written(tmp_path):
    """At most two accounts in a hundred, although every score has aged."""
    with world(tmp_path, accounts=300, seed=5) as here:
        here.ready()
        here.sync()
        here.advance("1d")
        done = here.sync()
    assert done.changes["planned"] <= 0.02 * 300
    assert done.fields["Health_Score__c"]["held"] > 0


def test_what_a_person_changes_moves_the_score(here):
    """A sentiment logged by an account manager counts in the next run."""
    here.sync()
    before = here.held("Health_Score__c", "CSM_Sentiment__c")
    id = next(i for i, c in before.items() if (c["Health_Score__c"] or 0) > 50)
    today = {"CSM_Sentiment__c": 1, "CSM_Sentiment_Date__c": "2026-11-02"}
    here.advance("5s")
    here.person(id, values=today)
    here.advance("5s")
    done = here.sync()
    assert done.streams["accounts"]["new"] == 1
    assert here.held("Health_Score__c")[id]["Health_Score__c"] < before[id]["Health_Score__c"]


# ── whose field it is ─────────────────────────────────────────────────────────────────────────


def test_a_value_that_a_person_has_set_stays_and_is_reported(here):
    """Nobody's edit is overwritten unasked."""
    here.sync()
    id = sorted(here.held())[0]
    here.advance("5s")
    here.person(id, values={"Health_Reason__c": "Ask Eva", "Health_Score__c": 1})
    here.advance("5s")
    done = here.sync()
    assert done.changes["conflicts"] == 1
    assert here.held("Health_Reason__c")[id]["Health_Reason__c"] == "Ask Eva"
    here.sync()
    assert here.held("Health_Score__c")[id]["Health_Score__c"] == 1


def test_fields_that_are_filled_at_first_contact_need_adoption(here):
    """They may belong to somebody else's project."""
    id = sorted(here.held())[0]
    here.person(id, values={"Health_Reason__c": "Ask Eva"})
    with pytest.raises(UnsafePlan, match=r"Health_Reason__c \(1 records\)") as refused:
        here.sync()
    assert "--adopt" in refused.value.hint
    assert here.writes() == []
    assert here.sync(adopt=True).changes["applied"] == KNOWN


def test_an_account_created_with_our_field_filled_is_left_alone(here):
    """After the first contact a filled field is a conflict, not a refusal."""
    here.sync()
    here.advance("5s")
    made = {"Name": "Newcomer AG", "Health_Tier__c": "B", "Health_Score__c": 77}
    here.person("", do="create", values=made)
    here.advance("5s")
    here.sync()
    held = here.held("Name", "Health_Score__c")
    assert [c["Health_Score__c"] for c in held.values() if c["Name"] == "Newcomer AG"] == [77]


def test_a_deleted_account_leaves_and_a_merged_one_is_followed(here):
    """Nothing is written to records that are gone."""
    here.sync()
    ids = sorted(here.held())
    here.advance("5s")
    here.person(ids[0], do="delete")
    here.person(ids[1], do="merge", into=ids[2])
    here.advance("5s")
    done = here.sync()
    assert done.accounts == 18
    assert done.changes["failed"] == 0


def test_a_record_that_moved_once_is_not_given_up(here, monkeypatch):
    """What a person left alone of it is written by the next run."""
    id = sorted(here.held())[0]
    original = plan.plan

    def then_somebody_edits(*args, **options):
        made = original(*args, **options)
        here.person(id, values={"Health_Reason__c": "Ask Eva"})
        return made

    with monkeypatch.context() as once:
        once.setattr(flow, "plan", then_somebody_edits)
        assert here.sync().changes["applied"] == KNOWN - 1
    here.sync()
    held = here.held("Health_Reason__c", "Health_Score__c")[id]
    assert held["Health_Reason__c"] == "Ask Eva"
    assert held["Health_Score__c"] is not None


def test_a_lost_lake_costs_a_full_pull_and_adoption(here):
    """Everything is read again; what we wrote is recognised only by the person who adopts it."""
    first = here.sync()
    shutil.rmtree(here.folder / "data" / "lake")
    here.advance("40d")
    with pytest.raises(UnsafePlan, match="already holds other values"):
        here.sync()
    again = here.sync(adopt=True, force=True)
    assert again.exit == 0
    assert again.accounts == first.accounts
    assert again.streams["signals"]["pulled"] == 0
    assert here.app().lake.layers("signals").base_rows > 0


def test_what_is_equal_already_is_adopted_as_well(here):
    """The ledger is lost and not a day has passed: only the time stamps are sent, and weeks later
    all fields are ours to change."""
    here.sync()
    shutil.rmtree(here.folder / "data" / "lake")
    done = here.sync(adopt=True)
    assert {name for name, words in done.fields.items() if words["set"]} == {"Health_Updated__c"}
    id = sorted(row["id"] for row in here.writes())[0]
    here.person(id, values={"Health_Reason__c": "Ask Eva"})
    here.advance("20d")
    later = here.sync(force=True)
    assert later.changes["applied"] > 0
    assert (later.changes["conflicts"], later.fields["Health_Score__c"]["theirs"]) == (1, 0)
    assert here.held("Health_Reason__c")[id]["Health_Reason__c"] == "Ask Eva"


# ── plan and apply ────────────────────────────────────────────────────────────────────────────


def test_a_saved_plan_does_exactly_what_it_says(here):
    """Plan now, read it, apply it later."""
    _, made = make_plan(here.app())
    assert here.writes() == []
    promised = {c.id: c.after for c in made.read()}
    done = flow.apply_plan(here.app(), changes.load(made.path))
    assert done.changes["applied"] == len(promised) == KNOWN
    held = here.held()
    for id, cells in promised.items():
        for field, value in cells.items():
            assert alike(held[id][field], value, made.types[field]), field
    assert here.sync().changes["planned"] == 0


def test_a_saved_plan_is_refused_when_a_live_value_moved(here):
    """It was made for another world; nothing is written."""
    _, made = make_plan(here.app())
    here.person(sorted(here.held())[3], values={"Health_Reason__c": "Ask Eva"})
    with pytest.raises(UnsafePlan, match="1 records have changed"):
        flow.apply_plan(here.app(), made)
    assert here.writes() == []


def test_a_plan_is_applied_once(here):
    """The second time is a mistake."""
    _, made = make_plan(here.app())
    flow.apply_plan(here.app(), made)
    with pytest.raises(UnsafePlan, match="applied before"):
        flow.apply_plan(here.app(), made)


def test_a_plan_file_is_json_and_names_nobody(here):
    """No name, address or comment of a person is in it."""
    _, made = make_plan(here.app())
    document = orjson.loads(made.path.read_bytes())
    assert len(document["changes"]) == document["changing"] == KNOWN
    contacts = here.control("values?crm=salesforce&object=Contact&fields=Email,LastName")
    text = made.path.read_text()
    assert not [c for c in contacts.values() if c["Email"] and c["Email"] in text]


def test_an_edit_between_plan_and_write_is_found_by_reading_back(here, monkeypatch):
    """The record is left as the person made it, and the others are written."""
    id = sorted(here.held())[0]
    original = plan.plan

    def then_somebody_edits(*args, **options):
        made = original(*args, **options)
        here.person(id, values={"Health_Reason__c": "Ask Eva"})
        return made

    monkeypatch.setattr(flow, "plan", then_somebody_edits)
    done = here.sync()
    assert (done.changes["applied"], done.changes["conflicts"]) == (KNOWN - 1, 1)
    assert here.held("Health_Reason__c")[id]["Health_Reason__c"] == "Ask Eva"


# ── guards ────────────────────────────────────────────────────────────────────────────────────


def test_another_org_is_refused(here):
    """The installation belongs to the org of its first run."""
    here.app().state.remember("org", "00D000000000999EAA")
    with pytest.raises(UnsafePlan, match="belongs to 00D000000000999EAA"):
        here.sync()
    assert here.writes() == []


def test_missing_fields_are_named_before_anything_is_read(tmp_path):
    """With the command that creates them."""
    with world(tmp_path) as here:
        with pytest.raises(UnsafePlan, match="Health_Score__c") as refused:
            here.sync()
        assert "connector fields apply" in refused.value.hint
        read = [r for r in here.control("stats")["routes"] if "queryAll" in r["route"]]
        assert read == []


def test_a_hidden_field_stops_the_run_before_reading(here):
    """Field-level security looks like absence; the message says so."""
    here.control("fls", {"object": "Account", "field": "ARR__c", "read": False, "edit": False})
    with pytest.raises(UnsafePlan, match=r"Account\.ARR__c: not there, or hidden"):
        here.sync()


def test_a_field_that_may_not_be_written_stops_the_run(here):
    """Read-only is found out before, not row by row."""
    hide = {"object": "Account", "field": "Health_Tier__c", "read": True, "edit": False}
    here.control("fls", hide)
    with pytest.raises(UnsafePlan, match="Health_Tier__c: the user may not write it"):
        here.sync()


def edited(here: World, old: str, new: str) -> None:
    """Give the installation a mapping of its own, with one thing changed."""
    shipped = (ROOT / "mappings" / "salesforce.toml").read_text()
    assert old in shipped
    (here.folder / "mine.toml").write_text(shipped.replace(old, new))
    config = here.config.read_text()
    mine = str(here.folder / "mine.toml")
    here.config.write_text(config.replace(f"{ROOT}/mappings/salesforce.toml", mine))


def test_a_picklist_without_our_value_stops_the_run(here):
    """The org's list is compared with the mapping's before a row is sent."""
    edited(here, 'values = ["A", "B", "C", "D"]', 'values = ["A", "B", "C", "D", "E"]')
    with pytest.raises(UnsafePlan, match="Health_Tier__c: has no value E"):
        here.sync()


def test_a_field_the_org_does_not_have_stops_the_run_before_reading(here):
    """Named with its object, together with whatever else is wrong."""
    edited(here, '"NumberOfEmployees"', '"Headcount__c"')
    with pytest.raises(UnsafePlan, match=r"Account\.Headcount__c: not there") as refused:
        here.sync()
    assert "permission set" in refused.value.hint
    assert not [r for r in here.control("stats")["routes"] if "queryAll" in r["route"]]


def test_a_pull_without_accounts_is_refused(here):
    """An empty answer is a lost permission more often than a lost business."""
    for id in here.held():
        here.person(id, do="delete")
    empty = orjson.dumps({"totalSize": 0, "done": True, "records": []}).decode()
    match = {"path_regex": "/queryAll"}
    here.faults({"match": match, "do": {"status": 200, "body": empty}})
    with pytest.raises(UnsafePlan, match="not one record came back"):
        here.sync()
    here.faults()
    assert here.app().state.watermark("accounts:Account") is None


def test_a_wave_of_tier_changes_is_refused(here):
    """Unless it is asked for."""
    here.sync()
    here.config.write_text(here.config.read_text() + "\n[guards]\nmax_change = 0.02\n")
    here.advance("400d")
    with pytest.raises(UnsafePlan, match=r"Health_Tier__c would change .*; the limit is 2%"):
        here.sync()
    assert twice(here) == {}
    assert here.sync(force=True).exit == 0


def test_two_runs_at_once_are_refused(here):
    """The second says who holds the lock; the first is not disturbed."""
    with here.app().state.lease(), pytest.raises(Locked):
        here.sync()
    assert here.sync().exit == 0


# ── bad luck ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("drop", ["before", "after"])
def test_a_cut_connection_while_writing_loses_nothing_and_writes_nothing_twice(here, drop):
    """Whether the write arrived is found out by reading the live values."""
    here.faults({"match": COLLECTIONS, "do": {"drop": drop}, "times": 1})
    done = here.sync()
    assert (done.exit, done.changes["applied"]) == (0, KNOWN)
    assert len(here.writes()) == KNOWN
    assert here.sync().changes["planned"] == 0


def test_a_server_error_after_the_deed_writes_nothing_twice(here):
    """A 500 is a lost answer, not a refusal."""
    here.faults({"match": COLLECTIONS, "do": {"status": 500}, "times": 1})
    assert here.sync().changes["applied"] == KNOWN
    assert len(here.writes()) == KNOWN


@pytest.mark.parametrize(
    "do",
    [
        {"status": 503},
        {"status": 429, "headers": {"Retry-After": "0"}},
        {"drop": "before"},
        {"truncate_at": 100},
        {"delay_ms": 300},
    ],
)
def test_a_flaky_line_changes_nothing_in_the_end(here, do):
    """Every third read fails once in some way."""
    here.faults({"match": {"method": "GET", "path_regex": "/(query|zenloop)", "every": 3}, "do": do,
                 "times": 5})  # fmt: skip
    assert here.sync().changes["applied"] == KNOWN


def test_one_bad_row_in_two_hundred_never_costs_its_neighbours(tmp_path):
    """A validation rule refuses one record: exit 4, the others written, the reason kept."""
    with world(tmp_path, accounts=200) as here:
        here.ready()
        _, planned = make_plan(here.app())
        id = [change.id for change in planned.read()][50]
        rule = {"object": "Account", "when": f"Id = '{id}'", "message": "Ask the owner first"}
        here.control("validation-rules", [rule])
        done = here.sync()
        assert (done.exit, done.changes["applied"], done.changes["failed"]) == (
            4,
            done.changes["planned"] - 1,
            1,
        )
        assert done.refusals == {"FIELD_CUSTOM_VALIDATION_EXCEPTION": 1}
        again = here.sync()
        assert (again.exit, again.changes["planned"], again.quarantined) == (4, 0, 1)


def test_a_quarantined_row_is_tried_again_when_the_record_changes(here):
    """Somebody has mended what the rule complained about."""
    id = sorted(here.held())[5]
    rule = {"object": "Account", "when": f"Id = '{id}' AND Industry IS NOT 'Mended'",
            "message": "no"}  # fmt: skip
    here.control("validation-rules", [rule])
    here.sync()
    here.advance("5s")
    here.person(id, values={"Industry": "Mended"})
    here.advance("5s")
    assert here.sync().changes == {
        "planned": 1, "applied": 1, "failed": 0, "conflicts": 0, "skipped": 19
    }  # fmt: skip


def test_a_pull_that_fails_keeps_its_watermark(here):
    """What was not read is read next time."""
    here.faults({"match": {"path_regex": "/zenloop"}, "do": {"status": 500}})
    with pytest.raises(RemoteError):
        here.sync()
    assert here.app().state.watermark("responses:zenloop") is None
    here.faults()
    assert here.sync().streams["responses"]["new"] > 0


def test_an_answer_that_takes_too_long_is_asked_for_again(here, monkeypatch):
    """A read that times out once is repeated; a write that times out is looked up."""
    monkeypatch.setattr(http, "ANSWER_SECONDS", 0.5)
    slow = {"delay_ms": 1500}
    here.faults(
        {"match": {"path_regex": "/queryAll", "nth": 2}, "do": slow, "times": 1},
        {"match": COLLECTIONS, "do": slow, "times": 1},
    )
    monkeypatch.setattr(applying, "PAUSE", 2.0)  # longer than the write takes to land
    assert here.sync().changes["applied"] == KNOWN
    assert twice(here) == {}


def test_html_instead_of_json_is_a_clear_error(here):
    """A maintenance page: which system, what came, what to do."""
    page = {"status": 200, "body": "<html>", "headers": {"Content-Type": "text/html"}}
    here.faults({"match": {"path_regex": "/queryAll"}, "do": page})
    with pytest.raises(Malformed, match="cut or not JSON"):
        here.sync()


def test_a_token_that_dies_in_the_middle_is_renewed(here):
    """Once, and the run goes on."""
    unauthorised = {
        "status": 401,
        "body": '[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]',
    }
    here.faults({"match": {"path_regex": "/queryAll", "nth": 3}, "do": unauthorised, "times": 1})
    done = here.sync()
    assert done.changes["applied"] == KNOWN
    assert done.calls["login"]["actual"] == 4


def test_a_wrong_survey_token_says_which_system(here):
    """Exit 7, and where to get a new one."""
    (here.folder / "zenloop.token").write_text("wrong")
    with pytest.raises(AuthError, match="zenloop refuses the token") as refused:
        here.sync()
    assert refused.value.exit_code == 7


def test_a_spent_budget_stops_the_run_and_the_next_one_continues(here):
    """Exit 5 before anything is written; what was not written is planned again."""
    _, made = make_plan(here.app())
    config = here.config.read_text() + "\n[budget]\nshare = 0.0001\n"
    here.config.write_text(config)
    done = flow.apply_plan(here.app(), made)
    assert (done.exit, done.changes["applied"]) == (5, 0)
    here.config.write_text(config.replace("0.0001", "0.5"))
    assert here.sync().changes["applied"] == KNOWN


def test_a_failed_run_keeps_its_error(here):
    """It can be looked up later."""
    here.faults({"match": {"path_regex": "/queryAll"}, "do": {"status": 500}})
    with pytest.raises(ConnectorError):
        here.sync()
    (latest, *_) = here.app().state.runs()
    assert latest["exit"] == 1
    assert "500" in latest["error"]


def test_a_run_stopped_by_hand_is_noted_and_leaves_no_lock(here):
    """Ctrl-C in the middle: exit 130 in the list of runs, and the next run goes through."""

    def stop(phase: str, *_: object) -> None:
        if phase == "score":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        here.sync(notify=stop)
    assert here.app().state.runs()[0]["exit"] == 130
    assert here.sync().changes["applied"] == KNOWN


def test_the_lock_is_free_after_a_failure(here):
    """A run that failed does not block the next."""
    here.faults({"match": {"path_regex": "/queryAll"}, "do": {"status": 500}})
    with pytest.raises(ConnectorError):
        here.sync()
    here.faults()
    assert here.sync().exit == 0


def test_many_threads_ask_for_the_lock_and_one_gets_it(here):
    """Two schedulers firing at once write once."""
    app, outcomes = here.app, []

    def attempt() -> None:
        try:
            outcomes.append(sync(app()).changes["applied"])
        except Locked:
            outcomes.append(None)

    threads = [threading.Thread(target=attempt) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert KNOWN in outcomes
    assert len(here.writes()) == KNOWN


def test_as_of_is_the_clock_of_the_crm(here):
    """The sandbox lives in another time than this machine, and its time counts."""
    here.advance("40d")
    done = here.sync()
    assert done.as_of.startswith("2026-12-12")
