"""Calls: predicted, bounded and few. What is read after a large write, and what ends a run."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from connector.crm.salesforce import bulk_read, jobs, lanes
from connector.crm.salesforce import read as by_page
from connector.errors import BudgetSpent
from connector.sandbox.salesforce import query
from connector.sync import closing, flow, pull_objects
from connector.sync.budget import as_file
from connector.sync.flow import Receipt
from connector.sync.pace import keep_speed, keep_stride, speed, stride
from tests.world import KNOWN, World, ready_world

from .reading import change, odd, read, rows
from .test_writing_lanes import FILE, lane, times

NAME = {"Name": "Renamed by Eva"}
#: Calls of a run that is not allowed many.
SHARE, FEW = 23, 20


@pytest.fixture
def filed(here, monkeypatch):
    """Everything is written as a file, and a moment passes before it is read to its end."""
    lane(here, FILE)
    here.control("bulk", {"polls": 0})
    original = flow.close

    def later(app, run, plan):
        here.advance("3s")
        app.crm._client.session.server_now += timedelta(seconds=3)  # its last answer tells so
        return original(app, run, plan)

    monkeypatch.setattr(flow, "close", later)
    return here


def apart(done: Receipt) -> dict[str, dict[str, int]]:
    """The lanes whose calls were not those that were predicted."""
    return {k: v for k, v in done.calls.items() if v["predicted"] != v["actual"]}


# ── the closing read ──────────────────────────────────────────────────────────────────────────


def test_the_echo_of_a_file_is_read_once_and_at_once(filed):
    """The next run writes nothing, reads nothing of the accounts, and costs what was predicted."""
    first = filed.sync()
    assert (first.changes["applied"], apart(first)) == (KNOWN, {})
    again = filed.sync()
    assert again.changes["planned"] == 0
    assert read(again, "accounts", "Account")["read"] == "nothing"
    assert again.streams["accounts"]["calls"] == 0
    assert apart(again) == {}
    assert times(filed) == {1}


def test_the_lake_holds_what_was_written(filed):
    """With the stamps of the CRM, from the closing read."""
    filed.sync()
    known = dict(rows(filed, "accounts", 'id, "Health_Tier__c"', "NOT deleted"))
    held = filed.held("Health_Tier__c")
    assert {id: cell["Health_Tier__c"] for id, cell in held.items()} == known


@pytest.mark.parametrize("when", ["before the write", "after the write", "after the run"])
def test_no_edit_by_a_person_hides_in_the_echo(filed, monkeypatch, when):
    """Whenever it came, of a field of ours or of another one."""
    ours, other = sorted(filed.held())[:2]

    def edit(*_):
        filed.person(other, values=NAME)
        if when != "before the write":
            filed.person(ours, values={"Health_Reason__c": "Ask Eva"})

    step = {"before the write": "apply", "after the write": "close"}.get(when)
    with monkeypatch.context() as once:
        if step:
            original = getattr(flow, step)
            once.setattr(flow, step, lambda *a, **k: (edit(), original(*a, **k))[1])
        filed.sync()
    if not step:
        edit()
    again = filed.sync()
    assert rows(filed, "accounts", "name", f"id = '{other}'") == [(NAME["Name"],)]
    assert again.changes["conflicts"] == (0 if when == "before the write" else 1)
    if when != "before the write":
        assert filed.held("Health_Reason__c")[ours] == {"Health_Reason__c": "Ask Eva"}


def test_an_edit_that_was_committed_late_is_read(filed):
    """Its stamp lies before the closing read, which could not see it; its author is not we."""
    filed.sync()
    id = sorted(filed.held())[0]
    stamp = "select max(SystemModstamp) from Account"
    with filed.store.transaction() as db:
        (at,) = db.execute(stamp).fetchone()
        db.execute(
            "update Account set Name = ?, SystemModstamp = ?, LastModifiedById = ? where Id = ?",
            ("Late AG", at, "005000000000099AAA", id),
        )
    filed.sync()
    assert rows(filed, "accounts", "name", f"id = '{id}'") == [("Late AG",)]


def test_more_of_our_own_than_we_know_of_is_read_whole(filed):
    """Something that runs as our user was committed late: nothing is left out then."""
    filed.sync()
    with filed.store.transaction() as db:
        (at,) = db.execute("select max(SystemModstamp) from Account").fetchone()
        (user,) = db.execute(
            "select LastModifiedById from Account where SystemModstamp = ?", (at,)
        ).fetchone()
        untouched = db.execute(
            "select Id from Account where LastModifiedById <> ? and IsDeleted = 0", (user,)
        ).fetchall()
        assert untouched
        db.executemany(
            "update Account set Name = 'Late AG', SystemModstamp = ?, LastModifiedById = ? "
            "where Id = ?",
            [(at, user, id) for (id,) in untouched],
        )
    again = filed.sync()
    assert read(again, "accounts", "Account")["read"] == "changes"
    assert again.streams["accounts"]["pulled"] == 20
    assert len(rows(filed, "accounts", "id", "name = 'Late AG'")) == len(untouched)


def test_what_the_org_changes_right_away_is_told(filed, monkeypatch):
    """Field by field, with the records; and the next plan takes it for somebody's edit."""
    id = sorted(filed.held())[0]
    original = flow.close

    def automation(*args):
        filed.person(id, values={"Health_Reason__c": "Set by a flow"})
        return original(*args)

    monkeypatch.setattr(flow, "close", automation)
    done = filed.sync()
    assert odd(done)["Health_Reason__c_changed_by_the_crm"] == (1, [id])
    assert filed.sync().changes["conflicts"] == 1


def test_a_run_that_dies_in_the_closing_read_costs_the_next_one_that_reading(filed, monkeypatch):
    """And nothing else: nothing is written twice."""

    def dies(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as once:
        once.setattr(closing, "_stage_landed", dies)
        with pytest.raises(KeyboardInterrupt):
            filed.sync()
    with monkeypatch.context() as once:
        once.setattr(pull_objects, "_stored", dies)
        with pytest.raises(KeyboardInterrupt):
            filed.sync()
    again = filed.sync()
    assert (again.exit, again.changes["planned"]) == (0, 0)
    assert read(again, "accounts", "Account")["read"] == "changes"
    assert times(filed) == {1}


def test_few_writes_are_not_read_again(here):
    """Their echo is one page of the next run."""
    done = here.sync()
    assert apart(done) == {}
    assert here.app().state.setting("echo:accounts:Account") is None


# ── how fast an org is ────────────────────────────────────────────────────────────────────────


def test_the_pace_of_writing_is_remembered(filed):
    """Object by object, by the CRM's own stamps; it tells when the next job is looked at."""
    assert speed(filed.app(), "load", "Account", KNOWN) is None
    filed.sync()
    assert (speed(filed.app(), "load", "Account", KNOWN) or 0) > 0
    assert speed(filed.app(), "read", "Account", KNOWN) is None  # one page, and no job


def test_pages_and_records_have_a_pace_of_their_own(here, monkeypatch):
    """Of full pages and chunks alone: three records tell nothing of three thousand."""
    small = here.config.read_text().replace("[crm.auth]", "chunk = 5\n[crm.auth]")
    here.config.write_text(small)
    monkeypatch.setattr(by_page, "PAGE", 50)
    monkeypatch.setattr(query, "SMALLEST_BATCH", 50)
    here.sync()
    app = here.app()
    assert (stride(app, "page", "Task") or 0) > 0
    assert stride(app, "page", "Account") is None  # fewer than a page
    assert (stride(app, "write", "Account") or 0) > 0


def test_an_org_whose_jobs_are_slow_is_written_record_by_record(here):
    """Up to twice the usual number. A file is never sent sooner: edits are not seen meanwhile."""
    lane(here, f"bulk_from = {KNOWN}")
    app = here.app()
    app.crm.check()
    assert as_file(app, KNOWN, app.crm.chunk)
    keep_stride(app, "write", "Account", KNOWN / 10)
    keep_speed(app, "load", "Account", KNOWN, KNOWN / 30)
    assert not as_file(app, KNOWN, app.crm.chunk)
    assert not as_file(app, 2 * (KNOWN - 1), app.crm.chunk)
    assert as_file(app, 2 * KNOWN, app.crm.chunk)
    done = here.sync()
    assert "bulk_ingest" not in done.calls
    assert (done.changes["applied"], apart(done)) == (KNOWN, {})
    keep_stride(app, "write", "Account", KNOWN / 600)
    assert not as_file(app, KNOWN - 1, app.crm.chunk)


@pytest.mark.parametrize(("pages", "job", "gone"), [(60, 10, "bulk_query"), (10, 60, "query")])
def test_the_quicker_way_of_the_last_time_is_gone(here, monkeypatch, pages, job, gone):
    """Near the number from which on a job is usual; the prediction knows."""
    here.control("bulk", {"polls": 0})
    monkeypatch.setattr(by_page, "PAGE", 20)
    monkeypatch.setattr(query, "SMALLEST_BATCH", 20)
    others = {each.object for each in here.app().mapping.pull} - {"Task"}
    monkeypatch.setattr(lanes, "PAGES_ONLY", others)
    count = int(here.store.db.execute("SELECT count(*) FROM Task").fetchone()[0])
    usual = {"bulk_query": count * 1.5, "query": count / 1.5}
    monkeypatch.setattr(lanes, "JOB_FROM", usual[gone])
    app = here.app()
    keep_stride(app, "page", "Task", count / pages)
    keep_speed(app, "read", "Task", count, count / job)
    done = here.sync()
    assert read(done, "activities", "Task")["lane"] == gone
    foreseen = done.calls.get("bulk_query", {}).get("predicted", 0)
    assert (foreseen > 0) is (gone == "bulk_query")


def test_the_size_of_a_chunk_is_not_the_pace_of_a_job(here):
    """Both are remembered, under names of their own."""
    app = here.app()
    app.state.remember("pace:Account", "2")
    assert speed(app, "read", "Account", 2) is None


def test_a_small_job_that_waited_tells_nothing_of_a_large_one(here):
    """Its pace would have the large one looked at a quarter of an hour late."""
    app = here.app()
    keep_speed(app, "read", "Account", 20_001, 20_001 / 60)
    assert speed(app, "read", "Account", 30_000) == pytest.approx(333.4, abs=0.1)
    guess = speed(app, "read", "Account", 1_000_000)
    assert next(jobs.pauses(bulk_read.expected(1_000_000, guess))) < 90
    keep_speed(app, "read", "Account", 1_000_000, 5_000)
    assert (
        speed(app, "read", "Account", 900_000) == speed(app, "read", "Account", 1_100_000) == 5_000
    )


# ── the budget ────────────────────────────────────────────────────────────────────────────────


def allow(here: World, calls: int) -> None:
    """Let one run make so many calls."""
    config = here.config.read_text()
    base = config.partition("\n[budget]")[0]
    share = (calls + 0.5) / 15_000
    here.config.write_text(f"{base}\n[budget]\nshare = {share:.7f}\nreserve = 0.0\n")


@pytest.mark.parametrize(("way", "parallel"), [("pages", 1), ("jobs", 4)])
def test_an_org_with_few_calls_left_is_read_in_several_runs(tmp_path, monkeypatch, way, parallel):
    """Each stops at its share with exit 5 and goes on where the last one stopped, in the middle of
    an object as well; in the end everything is there, and is written once."""
    monkeypatch.setattr(by_page, "PAGE", 200)
    monkeypatch.setattr(bulk_read, "PAGE", 200)
    monkeypatch.setattr(lanes, "prefers_job", lambda rows, read, size: way == "jobs" and rows > 300)
    with ready_world(tmp_path, accounts=60) as here:
        here.control("bulk", {"polls": 0})
        change(here.config, "parallel = 1", f"parallel = {parallel}")
        in_several_runs(here, parallel)
        (tasks,) = here.store.db.execute(
            "select count(*) from Task where IsRecurrence = 0"
        ).fetchone()
        assert rows(here, "activities", "count(*)", "object = 'Task'") == [(tasks,)]


def in_several_runs(here: World, parallel: int) -> None:
    allow(here, SHARE)
    receipts = [run_once(here)]
    while receipts[-1]["exit"] == BudgetSpent.exit_code and len(receipts) < 15:
        assert here.writes() == []
        receipts.append(run_once(here))
    used = [sum(each["actual"] for each in receipt["calls"].values()) for receipt in receipts]
    assert len(receipts) > 2
    assert max(used) <= SHARE + parallel
    assert receipts[-1]["exit"] == 0
    assert receipts[-1]["changes"]["applied"] == receipts[-1]["changes"]["planned"] > 40
    assert times(here) == {1}


def run_once(here: World) -> dict[str, Any]:
    """The receipt of one run, however it ends."""
    with suppress(BudgetSpent):
        here.sync()
    state = here.app().state
    return state.receipt(state.runs(1)[0]["id"]) or {}


def test_what_is_asked_again_counts_against_the_budget(here):
    """A server that is slow to take us does not make us spend what was left to others."""
    allow(here, FEW)
    match = {"method": "GET", "path_regex": "queryAll"}
    here.faults({"match": match, "do": {"status": 500}})
    receipt = run_once(here)
    assert receipt["exit"] == BudgetSpent.exit_code
    assert sum(each["actual"] for each in receipt["calls"].values()) == FEW
