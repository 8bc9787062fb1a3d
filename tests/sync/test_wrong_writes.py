"""How a write could be wrong: an edit overwritten, an outcome lost, an org hammered at."""

from __future__ import annotations

from collections import Counter

import pytest
import requests

from connector.crm.salesforce import bulk_read, ingest, jobs, lanes
from connector.errors import ConnectorError, Denied, RemoteError
from connector.sync import apply as applying
from connector.sync import changes, load
from tests.sync.test_interruptions import mapping
from tests.sync.test_writing_lanes import (
    FILE,
    RECORDS,
    both,
    lane,
    open_jobs,
    somebody_comes_between,
    times,
)
from tests.world import KNOWN, World

EVA = {"Health_Reason__c": "Ask Eva"}
PATCHES = {"method": "PATCH", "path_regex": "composite/sobjects/?$"}


def killed(*_):
    raise KeyboardInterrupt


def reason(here: World, id: str) -> str:
    return str(here.held("Health_Reason__c")[id]["Health_Reason__c"])


def died_in_its_job(here: World, monkeypatch) -> None:
    """A run that is killed while its file is being worked through."""
    with monkeypatch.context() as once:
        once.setattr(jobs, "wait", killed)
        once.setattr(jobs, "abort", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            here.sync()


def job_runs(here: World) -> str:
    """Look at the job of our changes until it has ended; its state."""
    client = here.app().crm._client
    (job,) = [
        each["id"]
        for each in client.json("GET", "jobs/ingest", "to list jobs")["records"]
        if each["object"] == "Account"
    ]
    for _ in range(5):
        state = client.json("GET", f"jobs/ingest/{job}", "to look")["state"]
    return str(state)


# ── somebody's edit ───────────────────────────────────────────────────────────────────────────


@both
def test_what_a_read_job_of_an_earlier_run_brings_is_as_old_as_that_job(
    here, monkeypatch, settings
):
    """An edit made after the job was begun and long before this run is seen all the same."""
    lane(here, settings)
    monkeypatch.setattr(lanes, "is_too_long", lambda read: read.object == "Account")
    with monkeypatch.context() as once:
        once.setattr(bulk_read, "_completed", killed)
        with pytest.raises(KeyboardInterrupt):
            here.sync()
    here.advance("1h")
    id = sorted(here.held())[0]
    here.person(id, values=EVA)
    here.advance("2h")
    here.sync()
    assert reason(here, id) == "Ask Eva"


def test_an_edit_between_a_job_and_its_recovery_is_not_ours(here, monkeypatch):
    """What has been pulled since counts for more than what the job wrote."""
    lane(here, FILE)
    died_in_its_job(here, monkeypatch)
    assert job_runs(here) == "JobComplete"
    here.advance("5m")
    id = sorted(row["id"] for row in here.writes())[0]
    here.person(id, values={**EVA, "CSM_Sentiment__c": 1, "CSM_Sentiment_Date__c": "2026-11-02"})
    here.advance("2h")
    here.sync(force=True)
    assert reason(here, id) == "Ask Eva"


def test_each_file_asks_again_what_has_moved(here, monkeypatch):
    """The file before may have taken an hour."""
    lane(here, FILE)
    monkeypatch.setattr(load, "LARGEST", 2_000)
    kind = type(here.app().crm)
    original, edited = kind.load, []

    def then_people_edit(self, object, file, into, note, *more):
        text = file.read_text()
        spool = original(self, object, file, into, note, *more)
        if not edited:
            edited.extend(id for id in sorted(here.held()) if id not in text)
            for id in edited:
                here.person(id, values=EVA)
        return spool

    monkeypatch.setattr(kind, "load", then_people_edit)
    here.sync()
    assert edited
    assert {reason(here, id) for id in edited} == {"Ask Eva"}


def test_small_chunks_look_again_every_few_calls(here, monkeypatch):
    """At one record a call a stretch takes minutes; what is edited meanwhile is left alone."""
    lane(here, "chunk = 1", "together = 1", RECORDS)
    kind = type(here.app().crm)
    original, edited = kind.write, []

    def then_somebody_edits(self, object, rows, chunk):
        for outcomes in original(self, object, rows, chunk):
            if not edited:
                written = {row["id"] for row in here.writes()}
                last = sorted(set(here.held()) - written)[-1]
                edited.append(last)
                here.person(last, values=EVA)
            yield outcomes

    monkeypatch.setattr(kind, "write", then_somebody_edits)
    here.sync()
    assert reason(here, edited[0]) == "Ask Eva"


def test_a_record_edited_after_a_crash_loses_only_the_field_that_was_edited(here, monkeypatch):
    """Our update had arrived; the other fields are still ours."""
    with monkeypatch.context() as once:
        once.setattr(applying.Journal, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            here.sync()
    id = sorted({row["id"] for row in here.writes()})[0]
    here.advance("5m")
    here.person(id, values=EVA)
    here.advance("5m")
    here.sync()
    here.advance("100d")
    done = here.sync(force=True)
    assert done.fields["Health_Score__c"]["theirs"] == 0
    assert reason(here, id) == "Ask Eva"


def test_a_value_that_somebody_set_himself_is_no_proof_of_our_write(here, monkeypatch):
    """A run died before it sent anything; one field holds by chance what we wanted."""
    with monkeypatch.context() as once:
        once.setattr(applying, "_write_files", killed)
        with pytest.raises(KeyboardInterrupt):
            here.sync()
    (plan,) = here.app().state.unfinished_plans()
    made = changes.load(here.folder / "data" / "plans" / plan / "plan.json")
    change = next(each for each in made.read() if each.after.get("Health_Tier__c"))
    here.person(change.id, values={"Health_Tier__c": change.after["Health_Tier__c"]})
    here.advance("5m")
    done = here.sync(adopt=True)
    assert done.changes["applied"] == KNOWN
    held = here.held("Health_Score__c")
    assert held[change.id]["Health_Score__c"] == change.after["Health_Score__c"]


# ── outcomes ──────────────────────────────────────────────────────────────────────────────────


def test_results_that_lack_rows_are_asked_for_again(here, monkeypatch):
    """A file cut at the end of a line looks whole; the job's own count says that it is not."""
    lane(here, FILE)
    original = ingest._fetch

    def short(client, path, file):
        original(client, path, file)
        if "successful" in path:
            file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:5]))

    with monkeypatch.context() as once:
        once.setattr(ingest, "_fetch", short)
        with pytest.raises(RemoteError, match="told of 4"):
            here.sync()
    done = here.sync()
    assert (done.exit, done.changes["conflicts"]) == (0, 0)
    assert times(here) == {1}
    assert here.sync().changes["planned"] == 0


def test_results_whose_download_breaks_are_fetched_again(here):
    """Not a word of it to the user."""
    lane(here, FILE)
    cut = {"truncate_at": 300}
    here.faults({"match": {"path_regex": "successfulResults"}, "do": cut, "times": 1})
    assert here.sync().changes["applied"] == KNOWN


def test_a_row_that_is_told_twice_counts_once(here, monkeypatch):
    """So that nothing else is taken to be done."""
    lane(here, FILE)
    original = ingest._fetch

    def twice(client, path, file):
        original(client, path, file)
        if "successful" in path:
            head, *rows = file.read_bytes().splitlines(keepends=True)
            file.write_bytes(b"".join([head, *rows, *rows[:3]]))

    monkeypatch.setattr(ingest, "_fetch", twice)
    assert here.sync().changes["applied"] == KNOWN


def test_a_journal_that_was_cut_is_mended_before_a_job_is_taken_up(here, monkeypatch):
    """Otherwise no command would get past it."""
    lane(here, FILE)
    died_in_its_job(here, monkeypatch)
    (id,) = here.app().state.unfinished_plans()
    (here.folder / "data" / "plans" / id / "journal.ndjson").write_bytes(b'{"ids":["001Sb0000')
    assert here.sync().exit == 0
    assert times(here) == {1}


def test_a_job_is_resumed_by_its_number(here, monkeypatch):
    """Its outcomes are fetched; no second job is begun for what it has done."""
    lane(here, FILE)
    died_in_its_job(here, monkeypatch)
    asked = Counter()
    original = ingest.loaded

    def counted(client, job, into):
        asked[job] += 1
        return original(client, job, into)

    monkeypatch.setattr(ingest, "loaded", counted)
    here.sync()
    assert sum(asked.values()) == 1
    assert here.control("bulk")["jobs"] == {"JobComplete": 1}


def test_the_ledger_has_each_outcome_once_however_often_it_is_told(here, monkeypatch):
    """A crash after the ledger was written, and before the plan was closed."""
    original = applying.record
    with monkeypatch.context() as once:

        def then_die(*args):
            original(*args)
            raise KeyboardInterrupt

        once.setattr(applying, "record", then_die)
        with pytest.raises(KeyboardInterrupt):
            here.sync()
    here.sync()
    app = here.app()
    engine = app.engine()
    rows = app.lake.every("outcomes", engine, {"plan": "VARCHAR", "id": "VARCHAR"})
    most = engine.one(f"SELECT max(n) FROM (SELECT count(*) AS n FROM ({rows}) GROUP BY plan, id)")
    engine.close()
    assert most == 1


# ── what everybody would meet ─────────────────────────────────────────────────────────────────


def test_a_field_that_is_unknown_to_a_whole_call_stops_the_run(here):
    """One call, no quarantine: once the field is back, everything is written."""
    lane(here, "together = 1", RECORDS)
    body = [{"errorCode": "INVALID_FIELD", "message": "No such column 'Health_Tier__c'"}]
    here.faults({"match": PATCHES, "do": {"status": 400, "body": body}})
    requests.post(f"{here.url}/_sandbox/reset-stats", json={}, timeout=30)
    with pytest.raises(RemoteError) as refused:
        here.sync()
    assert "Health_Connector_Writer" in refused.value.hint
    sent = [r["requests"] for r in here.control("stats")["routes"] if r["method"] == "PATCH"]
    assert sum(sent) == 1
    here.faults()
    assert here.sync().changes["applied"] == KNOWN


@both
def test_an_edit_right_that_is_lost_quarantines_nobody(here, settings, monkeypatch):
    """The run stops; with the right back everything is written."""
    lane(here, settings)
    hide = {"object": "Account", "field": "Health_Tier__c", "read": True, "edit": False}
    with monkeypatch.context() as once:
        somebody_comes_between(once, lambda: here.control("fls", hide))
        with pytest.raises(ConnectorError):
            here.sync()
    here.control("fls", {**hide, "edit": True})
    assert here.sync().changes["applied"] == KNOWN


def test_a_crm_that_answers_no_write_is_left_in_peace(here):
    """Three calls without an answer of which nothing arrived are enough."""
    lane(here, "chunk = 2", "together = 1", RECORDS)
    here.faults({"match": PATCHES, "do": {"status": 500}})
    with pytest.raises(RemoteError, match="in a row"):
        here.sync()
    sent = [r["requests"] for r in here.control("stats")["routes"] if r["method"] == "PATCH"]
    assert sum(sent) == applying.SILENT
    here.faults()
    assert here.sync().changes["applied"] == KNOWN


def test_an_automation_that_fails_for_everybody_ends_the_run(here, monkeypatch):
    """It is named, and the other records are not sent through it."""
    monkeypatch.setattr(applying, "REFUSED", 5)
    lane(here, RECORDS)
    broken = {"object": "Account", "code": "FLOW_EXCEPTION", "message": "broken", "chunk_above": 0}
    here.control("automations", [broken])
    with pytest.raises(Denied, match="FLOW_EXCEPTION broken"):
        here.sync()


def test_a_job_that_an_admin_ends_is_not_begun_again(here, monkeypatch):
    """Somebody said stop; what was done is recorded."""
    lane(here, FILE)
    original, begun = jobs.wait, []

    def ended(client, path, doing, seconds):
        begun.append(path)
        jobs.abort(client, path)
        return original(client, path, doing, seconds)

    with monkeypatch.context() as once:
        once.setattr(jobs, "wait", ended)
        with pytest.raises(RemoteError, match="ended the job"):
            here.sync()
    assert (len(begun), open_jobs(here)) == (1, 0)
    assert here.sync().changes["conflicts"] == 0
    assert times(here) == {1}


def test_half_of_a_job_is_recorded_when_it_fails(here):
    """The rows it came to are ours; the next run goes on with the rest."""
    lane(here, FILE)
    here.control("bulk", {"unprocessed_share": 0.5})
    done = here.sync()
    assert (done.exit, done.changes["applied"]) == (0, KNOWN)
    assert times(here) == {1}


# ── values ────────────────────────────────────────────────────────────────────────────────────

CHECK = """
[[fields]]
source = "case when tier in ({tiers}) then true end"
target = "Flagged__c"
type = "checkbox"
label = {{ en = "Flag", de = "Flagge" }}
"""
TEXT = """
[[fields]]
source = '''{sql}'''
target = "Note__c"
type = "{type}"
label = {{ en = "Note", de = "Notiz" }}
"""


UNFIT = {
    "Early__c": ("date", "DATE '1699-12-31'"),
    "Late__c": ("date", "DATE '4001-01-01'"),
    "Never__c": ("datetime", "TIMESTAMPTZ '4001-01-01 00:00:00+00'"),
    "Empty__c": ("text", "'#N/A'"),
}
FIT = {
    "First__c": ("date", "DATE '1700-01-01'"),
    "Last__c": ("date", "DATE '4000-12-31'"),
    "Long__c": ("text", "repeat('x', 300)"),  # the mapping cuts it to what its field holds
}


@both
def test_what_a_field_cannot_hold_is_not_sent(here, settings):
    """A day that Salesforce has not, the word by which a file empties a field: told field by field.
    The last value that fits goes, and so do other fields."""
    every = {**UNFIT, **FIT}
    more = "".join(
        TEXT.format(sql=sql, type=type).replace("Note__c", name)
        for name, (type, sql) in every.items()
    )
    mapping(here, more=more)
    here.ready()
    lane(here, settings)
    done = here.sync()
    assert (done.exit, done.changes["failed"], done.refusals) == (4, 0, {})
    held = here.held(*every, "Health_Score__c").values()
    for name in UNFIT:
        assert (done.fields[name]["unfit"], done.fields[name]["set"]) == (20, 0), name
        assert {each[name] for each in held} == {None}
    for name in FIT:
        assert done.fields[name]["set"] == 20, name
        assert None not in {each[name] for each in held}
    rules = {odd["rule"] for odd in done.odd}
    assert rules >= {f"{name}_does_not_fit" for name in UNFIT}
    assert sum(each["Health_Score__c"] is not None for each in held) == KNOWN


@both
def test_an_unknown_checkbox_is_left_as_it_is(here, settings):
    """Unknown is not false, and nothing is sent that the field cannot hold."""
    here.sync()
    mapping(here, more=CHECK.format(tiers="'A','B','C','D'"))
    here.ready()
    here.sync()
    text = (here.folder / "mine.toml").read_text()
    (here.folder / "mine.toml").write_text(text.replace("'A','B','C','D'", "'A'"))
    lane(here, settings)
    done = here.sync(force=True)
    assert done.changes["failed"] == 0
    assert done.fields["Flagged__c"]["unknown"] > 0


@both
@pytest.mark.parametrize(
    ("sql", "type"),
    [
        ("'one' || chr(10) || chr(10)", "long_text"),
        ("chr(9) || 'one'", "long_text"),
        ("'a' || chr(0) || 'b'", "text"),
        ("'#N/A'", "text"),
        ("'NA'", "text"),
    ],
)
def test_a_text_reads_back_as_it_was_written(here, settings, sql, type):
    """Otherwise it would be somebody's edit for ever; what says "empty" in a file is not sent."""
    mapping(here, more=TEXT.format(sql=sql, type=type))
    here.ready()
    lane(here, settings)
    here.sync()
    here.advance("1d")
    cells = here.sync().fields["Note__c"]
    assert (cells["theirs"], cells["set"]) == (0, 0)
