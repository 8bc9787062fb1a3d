"""Runs that end in the middle, plans that lie about, people who come in between."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from connector import http
from connector.errors import BudgetSpent, ConfigError, RemoteError, UnsafePlan
from connector.records import Outcome
from connector.sync import apply as applying
from connector.sync import changes, flow
from connector.sync.flow import make_plan
from connector.sync.journal import Journal
from tests.world import KNOWN, ROOT, World, world

COLLECTIONS = {"method": "PATCH", "path_regex": "composite/sobjects"}
RETRIEVE = {"method": "POST", "path_regex": "composite/sobjects/Account"}
LIMIT = {
    "status": 403,
    "body": [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}],
}


@pytest.fixture
def small_chunks(here):
    """Five records a call, so that there is a middle to stop in."""
    config = here.config.read_text()
    here.config.write_text(config.replace("[crm.auth]", "chunk = 5\ntogether = 1\n[crm.auth]"))


def times_written(here: World) -> set[int]:
    return set(Counter(row["id"] for row in here.writes()).values())


def settled(here: World) -> None:
    """The next runs find all of it, write the rest once, and then nothing."""
    done = here.sync()
    assert done.exit == 0
    assert done.changes["conflicts"] == 0
    assert len({row["id"] for row in here.writes()}) == KNOWN
    assert times_written(here) == {1}
    assert here.sync().changes["planned"] == 0


def mapping(here: World, *swaps: tuple[str, str], more: str = "") -> None:
    """Give the installation a mapping of its own."""
    text = (ROOT / "mappings" / "salesforce.toml").read_text()
    for old, new in swaps:
        assert old in text
        text = text.replace(old, new)
    (here.folder / "mine.toml").write_text(text + more)
    config = here.config.read_text()
    mine = str(here.folder / "mine.toml")
    here.config.write_text(config.replace(f"{ROOT}/mappings/salesforce.toml", mine))


# ── stopped in the middle ─────────────────────────────────────────────────────────────────────────


def test_a_run_stopped_between_two_chunks_forgets_nothing(here, small_chunks, monkeypatch):
    """The ledger has the first chunk at once and the others when the next run looks them up."""
    original, calls = Journal.add, []

    def stop_at_the_second(self: Journal, *args: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        original(self, *args)

    with monkeypatch.context() as once:
        once.setattr(Journal, "add", stop_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            here.sync()
    assert len(here.writes()) == 10
    settled(here)


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_user_who_is_locked_out_in_the_middle_loses_nothing(here, small_chunks, nth):
    """Some chunks are written, then nothing is accepted any more; the next run goes on."""
    denied = {"status": 403, "body": [{"errorCode": "API_DISABLED_FOR_ORG", "message": "off"}]}
    here.faults({"match": {**COLLECTIONS, "nth": nth}, "do": denied, "times": 1})
    with pytest.raises(RemoteError):
        here.sync()
    here.faults()
    settled(here)


def test_airbyte_8690_a_daily_limit_while_settling_loses_nothing(here):
    """The write was done, its answer lost, and the live value may not be looked at today."""
    here.faults(
        {"match": COLLECTIONS, "do": {"drop": "after"}, "times": 1},
        {"match": {**RETRIEVE, "nth": 2}, "do": LIMIT, "times": 1},
    )
    assert here.sync().exit == BudgetSpent.exit_code
    here.faults()
    settled(here)


def test_a_daily_limit_while_halving_loses_nothing(here):
    """The first half was written before the second was refused."""
    bad = {"status": 400, "body": [{"errorCode": "JSON_PARSER_ERROR", "message": "?"}]}
    here.faults(
        {"match": {**COLLECTIONS, "nth": 1}, "do": bad, "times": 1},
        {"match": {**COLLECTIONS, "nth": 3}, "do": LIMIT, "times": 1},
    )
    assert here.sync().exit == BudgetSpent.exit_code
    here.faults()
    settled(here)


def test_an_outage_is_not_hammered_at(here, small_chunks):
    """After a few calls that came to nothing the run ends."""
    busy = {"status": 503, "headers": {"Retry-After": "0"}}
    here.faults({"match": COLLECTIONS, "do": busy})
    with pytest.raises(RemoteError):
        here.sync()
    (asked,) = [
        route["requests"]
        for route in here.control("stats")["routes"]
        if route["method"] == "PATCH" and route["route"].endswith("composite/sobjects")
    ]
    assert asked <= http.ATTEMPTS
    here.faults()
    settled(here)


def test_an_interrupted_plan_whose_file_is_gone_is_reported_and_let_go(here, monkeypatch):
    """It cannot block the installation for ever."""
    with monkeypatch.context() as once:
        once.setattr(applying, "_write_files", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            here.sync()
    (id,) = here.app().state.unfinished_plans()
    (here.folder / "data" / "plans" / id / "plan.json").unlink()
    done = here.sync()
    assert {o["rule"] for o in done.odd} >= {"interrupted_plan_lost"}
    assert done.changes["applied"] == KNOWN


def test_an_interrupted_plan_with_a_field_that_is_hidden_now_is_settled_by_the_others(
    here, small_chunks
):
    """What cannot be looked at does not stop what can."""
    denied = {"status": 403, "body": [{"errorCode": "API_DISABLED_FOR_ORG", "message": "off"}]}
    here.faults({"match": {**COLLECTIONS, "nth": 2}, "do": denied, "times": 1})
    with pytest.raises(RemoteError):
        here.sync()
    here.faults()
    hidden = {"object": "Account", "field": "NPS__c", "read": False, "edit": False}
    here.control("fls", hidden)
    with pytest.raises(UnsafePlan, match="NPS__c"):
        here.sync()
    assert here.app().state.unfinished_plans() == []


# ── saved plans ───────────────────────────────────────────────────────────────────────────────────


def test_two_saved_plans_in_one_folder_are_two_plans(here, tmp_path):
    """Each has its own journal, and the second writes what it says."""
    _, monday = make_plan(here.app())
    (tmp_path / "monday.json").write_bytes(monday.path.read_bytes())
    flow.apply_plan(here.app(), changes.load(tmp_path / "monday.json"))
    here.advance("500d")
    _, tuesday = make_plan(here.app(), force=True)
    assert tuesday.changes > 0
    (tmp_path / "tuesday.json").write_bytes(tuesday.path.read_bytes())
    done = flow.apply_plan(here.app(), changes.load(tmp_path / "tuesday.json"))
    assert done.changes["applied"] == tuesday.changes
    assert sorted(p.name for p in tmp_path.glob("*.json")) == ["monday.json", "tuesday.json"]
    assert not list(tmp_path.glob("*.ndjson"))


def test_a_plan_that_was_only_reformatted_is_still_the_plan(here, tmp_path):
    """White space means nothing."""
    _, made = make_plan(here.app())
    (tmp_path / "p.json").write_text(json.dumps(json.loads(made.path.read_bytes()), indent=4))
    done = flow.apply_plan(here.app(), changes.load(tmp_path / "p.json"))
    assert done.changes["applied"] == KNOWN


def test_a_plan_that_was_edited_is_refused(here, tmp_path):
    """The plan that was read is the plan that is written."""
    _, made = make_plan(here.app())
    document = json.loads(made.path.read_bytes())
    document["changes"][0]["after"]["Health_Score__c"] = 99.9
    (tmp_path / "p.json").write_text(json.dumps(document))
    with pytest.raises(UnsafePlan, match="is not the plan"):
        flow.apply_plan(here.app(), changes.load(tmp_path / "p.json"))
    assert here.writes() == []


def test_a_plan_that_was_cut_is_no_plan(here, tmp_path):
    """Half a file is not half a plan."""
    _, made = make_plan(here.app())
    whole = made.path.read_bytes()
    (tmp_path / "p.json").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match="is not a plan"):
        changes.load(tmp_path / "p.json")


def test_a_plan_that_lost_a_change_is_refused(here):
    """Its head says how many there are."""
    _, made = make_plan(here.app())
    lines = made.path.read_bytes().splitlines(keepends=True)
    lost = next(at for at, line in enumerate(lines) if line.startswith(b'{"id"'))
    made.path.write_bytes(b"".join(lines[:lost] + lines[lost + 1 :]))
    with pytest.raises(ConfigError, match=f"promises {KNOWN} changes and holds {KNOWN - 1}"):
        flow.apply_plan(here.app(), changes.load(made.path))
    assert here.writes() == []


# ── whose field it is ─────────────────────────────────────────────────────────────────────────────


def test_a_record_edited_while_its_lock_was_waited_for_is_left_alone(here, monkeypatch):
    """Whoever held the lock has saved something; the second attempt looks first."""
    id = sorted(here.held())[0]
    original, first = here.app().crm.__class__.write, []

    def lock_once(self, object, rows, chunk):
        if not first:
            first.append(1)
            rest = [row for row in rows if row["id"] != id]
            yield from original(self, object, rest, chunk)
            here.person(id, values={"Health_Reason__c": "Ask Eva"})
            yield (Outcome(id, "transient", "UNABLE_TO_LOCK_ROW", "locked"),)
            return
        yield from original(self, object, rows, chunk)

    monkeypatch.setattr(here.app().crm.__class__, "write", lock_once)
    done = here.sync()
    assert (done.changes["applied"], done.changes["conflicts"]) == (KNOWN - 1, 1)
    assert here.held("Health_Reason__c")[id]["Health_Reason__c"] == "Ask Eva"


EXTRA = """
[[fields]]
source = "confidence"
target = "Sure__c"
type = "number"
precision = 3
label = { en = "Sure", de = "Sicher" }
"""


def test_a_field_mapped_later_that_is_filled_can_be_adopted(here):
    """--adopt takes what we have never written, at any time."""
    here.sync()
    mapping(here, more=EXTRA)
    here.ready()
    id = sorted(here.held("Sure__c"))[0]
    here.advance("5s")
    here.person(id, values={"Sure__c": 7})
    assert here.sync().fields["Sure__c"]["theirs"] == 1
    done = here.sync(adopt=True)
    assert done.fields["Sure__c"]["theirs"] == 0
    assert here.held("Sure__c")[id]["Sure__c"] != 7


def test_a_field_that_leaves_the_mapping_and_comes_back_is_still_ours(here):
    """What we wrote there is remembered while it is away."""
    here.sync()
    before = here.config.read_text()
    mapping(here, ('target  = "Health_Reason_DE__c"', 'target  = "Other__c"'))
    here.ready()
    here.sync()
    here.config.write_text(before)
    assert here.sync().changes["conflicts"] == 0


def test_a_time_stamp_is_not_renewed_over_a_value_that_is_not_known_any_more(here):
    """Nothing is written of an account of which nothing is known, however old the value."""
    here.sync()
    here.advance("900d")
    before = here.held("Health_Score__c", "Health_Updated__c")
    done = here.sync(force=True)
    after = here.held("Health_Score__c", "Health_Updated__c")
    assert done.fields["Health_Score__c"]["unknown"] > 0
    for id, cells in before.items():
        if after[id]["Health_Updated__c"] != cells["Health_Updated__c"]:
            assert after[id]["Health_Score__c"] != cells["Health_Score__c"]


# ── guards and budget ─────────────────────────────────────────────────────────────────────────────


def test_a_wave_of_emptied_fields_is_refused(tmp_path):
    """A typo in the model that makes every NPS unknown is not news."""
    with world(tmp_path, accounts=60) as here:
        here.ready()
        here.sync()
        model = (ROOT / "mappings" / "health.toml").read_text()
        (here.folder / "typo.toml").write_text(model.replace("metric = 'nps'", "metric = 'npz'"))
        config = here.config.read_text()
        mine = str(here.folder / "typo.toml")
        here.config.write_text(config.replace(f"{ROOT}/mappings/health.toml", mine))
        with pytest.raises(UnsafePlan, match="would change or be emptied"):
            here.sync()


def test_what_others_use_of_the_allowance_is_not_ours(here):
    """Our share is of what this run does; only the end of the day's allowance stops us sooner."""
    here.control("limits", {"DailyApiRequests": {"max": 15000, "used": 6000}})
    assert here.sync().changes["applied"] == KNOWN


def test_a_pinned_org_is_not_overruled_by_the_configuration(here):
    """A copy of the org has the same record ids."""
    here.sync()
    here.app().state.remember("org", "00D000000000999EAA")
    here.config.write_text(here.config.read_text() + '\n[guards]\norg_id = "00DSb0000000001MAA"\n')
    with pytest.raises(UnsafePlan, match="belongs to 00D000000000999EAA"):
        here.sync()


def test_a_refused_value_is_tried_again_after_a_day(here):
    """The rule may be gone; until then the exit code says that something is left."""
    id = sorted(here.held())[5]
    rule = {"object": "Account", "when": f"Id = '{id}'", "message": "no"}
    here.control("validation-rules", [rule])
    assert here.sync().exit == 4
    assert here.sync().exit == 4
    here.control("validation-rules", [])
    here.advance("25h")
    done = here.sync()
    assert (done.exit, done.changes["applied"]) == (0, 1)
