"""Writing to HubSpot: every record has its outcome, and no bad one costs its neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.crm.hubspot import Crm, answers, load, stamps
from connector.crm.hubspot.auth import Token
from connector.crm.hubspot.write import Update
from connector.errors import BudgetSpent, ConnectorError, Throttled
from connector.records import Outcome
from connector.secrets import Secret
from tests.conftest import Answer

UPDATE = "batch/update"


def written(crm, rows: list[dict[str, Any]], chunk: int = 100) -> list[Outcome]:
    return [each for outcomes in crm.write("companies", rows, chunk) for each in outcomes]


def gather(coming: Iterator[tuple[Outcome, ...]], into: list[Outcome]) -> None:
    for each in coming:
        into += each


def results(outcomes: list[Outcome]) -> list[str]:
    return [each.result for each in outcomes]


def test_values_of_every_kind_are_read_back_as_they_were_written(portal):
    """Numbers, options, several options, texts, days, moments, truths."""
    (id,) = portal.make(1)
    values = {
        "health_score": 83.5,
        "health_tier": "B",
        "health_tags": "X;Z",
        "health_reasons": 'Two lines\nand "quotes", ä €',
        "health_day": "2026-01-31",
        "health_at": "2026-01-31T10:20:30Z",
        "health_flag": True,
    }
    assert results(written(portal.crm, [{"id": id, **values}])) == ["applied"]
    assert portal.crm.values("companies", [id], list(values)) == {id: values}


@pytest.mark.parametrize(
    ("value", "text"), [(83.0, "83"), (0, "0"), (-1.25, "-1.25"), (True, "true"), (False, "false")]
)
def test_numbers_and_truths_are_written_as_hubspot_keeps_them(portal, value, text):
    """No trailing zero and no thousands, or the next plan would find a change."""
    name = "health_flag" if isinstance(value, bool) else "health_score"
    (id,) = portal.make(1)
    written(portal.crm, [{"id": id, name: value}])
    assert portal.held(name)[id][name] == text


def test_nothing_clears_a_property(portal):
    """The empty text does; null would be no change at all."""
    (id,) = portal.make(1, health_tier="A", health_score="5")
    written(portal.crm, [{"id": id, "health_tier": None, "health_score": None}])
    assert portal.crm.values("companies", [id], ["health_tier", "health_score"]) == {
        id: {"health_tier": None, "health_score": None}
    }


def test_ninety_nine_good_records_land_beside_a_bad_one(portal):
    """One refused value costs a whole batch at HubSpot: it is taken apart until it stands alone."""
    ids = portal.make(100)
    rows = [{"id": id, "health_tier": "E" if id == ids[41] else "A"} for id in ids]
    outcomes = written(portal.crm, rows)
    assert [each.id for each in outcomes if each.result != "applied"] == [ids[41]]
    bad = next(each for each in outcomes if each.id == ids[41])
    assert (bad.result, bad.code) == ("failed", "INVALID_OPTION")
    held = portal.held("health_tier")
    assert [held[id]["health_tier"] for id in ids].count("A") == 99
    assert portal.requests(UPDATE) <= 2 * 7 + 1


def test_records_that_are_gone_are_told_by_their_ids(portal):
    """An answer of several statuses: matched by id, whatever the order."""
    ids = portal.make(5)
    portal.person("archive", ids[1])
    portal.person("merge", ids[3], into=ids[4])
    outcomes = written(portal.crm, [{"id": id, "health_score": 1} for id in reversed(ids)])
    told = {each.id: each.result for each in outcomes}
    assert told == {ids[0]: "applied", ids[1]: "moved", ids[2]: "applied", ids[3]: "moved",
                    ids[4]: "applied"}  # fmt: skip
    assert portal.requests(UPDATE) == 1


def test_the_id_of_a_merged_company_is_not_read_as_its_survivor(portal):
    """What the survivor holds is not what the loser held."""
    ids = portal.make(2, health_score="5")
    portal.person("merge", ids[0], into=ids[1])
    assert set(portal.crm.values("companies", ids, ["health_score"])) == {ids[1]}


def test_an_id_that_comes_twice_costs_only_itself(portal):
    """HubSpot refuses the whole batch for it, and names it."""
    ids = portal.make(3)
    rows = [{"id": id, "health_score": 1} for id in (*ids, ids[0])]
    outcomes = written(portal.crm, rows)
    assert {each.result for each in outcomes if each.id != ids[0]} == {"applied"}
    assert len(outcomes) == 4


def test_a_rule_of_the_account_is_told_of_each_record_it_concerns(portal):
    """Another property is missing there: not ours to fill; the others are written."""
    one, two = portal.make(1, industry="BANKING") + portal.make(1)
    rule = [{"object": "companies", "requires": ["industry"]}]
    with portal.store.lock:
        from connector.sandbox.hubspot import rules

        rules.replace(portal.store, rule)
    outcomes = written(portal.crm, [{"id": id, "health_score": 1} for id in (one, two)])
    assert results(outcomes) == ["applied", "failed"]
    assert outcomes[1].code == "MISSING_CONDITIONAL_REQUIRED_PROPERTY"
    assert "wants other properties (industry): fill them in" in outcomes[1].message


@pytest.mark.parametrize("name", ["hs_object_source", "nonsense"])
def test_what_no_record_would_take_stops(portal, name):
    """A property that is read only or not there is no matter of one record: one call, no search."""
    ids = portal.make(100)
    outcomes = written(portal.crm, [{"id": id, name: "x"} for id in ids])
    assert set(results(outcomes)) == {"stop"}
    assert portal.requests(UPDATE) == 1


def test_a_missing_scope_is_an_error_that_names_it(portal):
    """Nobody's record is at fault."""
    (id,) = portal.make(1)
    scopes = {"requiredGranularScopes": ["crm.objects.companies.write"]}
    body = {"status": "error", "category": "MISSING_SCOPES", "message": "no",
            "errors": [{"message": "no", "context": scopes}]}  # fmt: skip
    portal.fault(UPDATE, status=403, body=body)
    with pytest.raises(ConnectorError) as error:
        written(portal.crm, [{"id": id, "health_score": 1}])
    assert "crm.objects.companies.write" in error.value.hint


def test_locked_companies_are_waited_for(portal, monkeypatch):
    """Somebody else writes them at this moment (423): what was refused has not been begun."""
    monkeypatch.setattr(answers, "LOCK_SECONDS", 0.01)
    (id,) = portal.make(1)
    portal.settings(locked=3)
    assert results(written(portal.crm, [{"id": id, "health_score": 1}])) == ["applied"]
    assert portal.requests(UPDATE) == 4


def test_companies_that_stay_locked_end_the_write(portal, monkeypatch):
    """Attempts are bounded; the run is told, and goes on another time."""
    monkeypatch.setattr(answers, "LOCK_SECONDS", 0.01)
    (id,) = portal.make(1)
    portal.settings(locked=1000)
    with pytest.raises(Throttled, match="locked") as failed:
        written(portal.crm, [{"id": id, "health_score": 1}])
    assert "run again in some minutes" in failed.value.hint
    assert portal.requests(UPDATE) < 20


def test_the_daily_allowance_ends_the_run(portal):
    """What was written is told; the next run goes on."""
    ids = portal.make(300)
    portal.call("GET", "/crm/v3/objects/companies")
    used = portal.control("hubspot", {})["limits"]["used"]["daily"]
    portal.control("hubspot", {"limits": {"daily": used + 2}})
    outcomes: list[Outcome] = []
    rows = [{"id": id, "health_score": 1} for id in ids]
    with pytest.raises(BudgetSpent):
        gather(portal.another(threads=1).write("companies", rows, 100), outcomes)
    assert results(outcomes) == ["applied"] * 200
    assert [each.id for each in outcomes] == ids[:200]


@pytest.mark.parametrize(
    "do",
    [{"drop": "after"}, {"drop": "before"}, {"truncate_at": 30},
     {"status": 200, "body": "<html>"}, {"status": 200, "body": {"status": "COMPLETE"}}],
    ids=["lost after", "lost before", "cut", "not json", "no results"],
)  # fmt: skip
def test_a_write_without_an_answer_is_in_doubt(portal, do):
    """It is not sent again: the live values tell whether it was done."""
    ids = portal.make(3)
    portal.fault(UPDATE, **do)
    outcomes = written(portal.crm, [{"id": id, "health_score": 1} for id in ids])
    assert [(each.id, each.result) for each in outcomes] == [(id, "doubt") for id in ids]
    assert portal.requests(UPDATE) <= 1


def test_threads_keep_outcomes_in_order(portal):
    """Eight calls at once; the plan is told in its own order."""
    ids = portal.make(330)
    rows = [{"id": id, "health_score": n} for n, id in enumerate(ids)]
    portal.fault(UPDATE, nth=1, delay_ms=300)
    outcomes = written(portal.crm, rows, 20)
    assert [each.id for each in outcomes] == ids
    assert set(results(outcomes)) == {"applied"}
    held = portal.held("health_score")
    assert all(held[id]["health_score"] == str(n) for n, id in enumerate(ids))


def test_no_outcome_is_lost_when_one_call_fails(portal):
    """Whatever was written is told before the error."""
    ids = portal.make(200)
    rows = [{"id": id, "health_score": 1} for id in ids]
    portal.fault(UPDATE, nth=4, status=477, body={"message": "moving"})
    outcomes: list[Outcome] = []
    with pytest.raises(Throttled):
        gather(portal.crm.write("companies", rows, 10), outcomes)
    done = {write["id"] for write in portal.writes()}
    assert {each.id for each in outcomes} == done
    assert len(done) < 200


# ── from a file ───────────────────────────────────────────────────────────────────────────────


def test_a_file_of_updates_goes_line_by_line_as_it_is(portal, tmp_path):
    """A hundred a call, an outcome for each, in files."""
    ids = portal.make(250)
    portal.person("archive", ids[3])
    values = {id: {"health_tier": "E" if id == ids[7] else "A"} for id in ids}
    spool = portal.crm.load("companies", file(tmp_path, values), tmp_path, lambda job: None)
    told = portal.engine.rows(f"SELECT id, result FROM {spool.relation}")
    assert (spool.rows, len(told)) == (250, 250)
    assert {id: result for id, result in told if result != "applied"} == {
        ids[3]: "moved", ids[7]: "failed"
    }  # fmt: skip


def test_a_call_that_fails_leaves_its_lines_open(portal, tmp_path):
    """And the lines of those behind it; all that was written is told."""
    ids = portal.make(1000)
    portal.fault(UPDATE, nth=2, status=477, body={"message": "moving"})
    crm = portal.another(threads=1)
    path = file(tmp_path, {id: {"health_score": "1"} for id in ids})
    spool = crm.load("companies", path, tmp_path, lambda job: None)
    told = {id for (id,) in portal.engine.rows(f"SELECT id FROM {spool.relation}")}
    assert told == {write["id"] for write in portal.writes()}
    assert len(told) < 1000


def advance(portal, by: str) -> None:
    portal.control("clock", {"advance": by})


SCORE = {"health_score": "number"}


@pytest.mark.parametrize("lane", [{}, {"import_from": 1}])
def test_what_holds_something_else_than_was_planned_is_not_sent(portal, tmp_path, lane):
    """Read back right before it is sent: nothing is told of it, and it goes record by record.
    What other properties hold does not matter, nor how a number is written."""
    ids = portal.make(250)
    portal.person("edit", ids[4], values={"health_score": "7.50"})
    portal.person("edit", ids[5], values={"health_score": "8"})
    portal.person("edit", ids[6], values={"name": "Renamed by Eva"})
    portal.person("archive", ids[7])
    crm = portal.another(**lane)
    held = {id: {"health_score": ""} for id in ids} | {ids[4]: {"health_score": "7.5"}}
    path = file(tmp_path, {id: {"health_score": "1"} for id in ids}, held)
    spool = crm.load("companies", path, tmp_path, lambda job: None, types=SCORE)
    told = dict(portal.engine.rows(f"SELECT id, result FROM {spool.relation}"))
    assert told == dict.fromkeys(set(ids) - {ids[5], ids[7]}, "applied")


def test_the_stamps_of_a_file_are_known_stretch_by_stretch(portal, tmp_path):
    """So that the next pull need not read what we have written."""
    ids = portal.make(250)
    advance(portal, "1h")
    since = portal.store.clock.now()
    empty = {id: {"health_score": ""} for id in ids}
    path = file(tmp_path, {id: {"health_score": "1"} for id in ids}, empty)
    crm = portal.another()
    crm.load("companies", path, tmp_path, lambda job: None, types=SCORE)
    assert sum(each.records for each in crm.sealed(since)) == 250


def test_nothing_is_sealed_if_a_record_was_young(portal, tmp_path):
    """A search may have been a minute late when it was pulled."""
    ids = portal.make(2)
    advance(portal, "1h")
    portal.person("edit", ids[0], values={"name": "Renamed by Eva"})
    advance(portal, "50s")
    since = portal.store.clock.now()
    empty = {id: {"health_score": ""} for id in ids}
    path = file(tmp_path, {id: {"health_score": "1"} for id in ids}, empty)
    crm = portal.another()
    crm.load("companies", path, tmp_path, lambda job: None, types=SCORE)
    assert crm.sealed(since) == ()


# ── nothing lies between look and write ─────────────────────────────────────────────────────────


LOCKED = {"status": 423, "body": {"status": "error", "category": "LOCKED", "message": "locked"}}
BUSY = {
    "status": 429,
    "body": {"status": "error", "message": "limit", "policyName": "TEN_SECONDLY_ROLLING"},
}


@pytest.mark.parametrize("refusal", [LOCKED, BUSY], ids=["locked", "busy"])
@pytest.mark.parametrize("lane", ["records", "lines"])
def test_what_was_edited_while_a_refused_update_waited_stays(
    portal, tmp_path, monkeypatch, lane, refusal
):
    """HubSpot did not take the update at first: whoever came meanwhile is not written over."""
    ids = portal.make(20)
    portal.fault(UPDATE, nth=1, **refusal)
    waits = dict.fromkeys(answers.WAITS, 0.01)
    monkeypatch.setattr(answers, "WAITS", waits)
    monkeypatch.setattr(answers, "LOCK_SECONDS", 0.01)
    original, edited = Update._look, []

    def look(update: Update, *, is_again: bool) -> None:
        if is_again:
            edited.append(update.batch[3][0])
            portal.person("edit", edited[0], values={"health_score": "55"})
        original(update, is_again=is_again)

    monkeypatch.setattr(Update, "_look", look)
    told = scored(portal, lane, ids, tmp_path)
    (eva,) = edited
    assert told == {**dict.fromkeys(ids, "applied"), eva: "moved"}
    assert eva not in {each["id"] for each in portal.writes()}


def test_a_look_that_is_old_is_taken_again(portal, tmp_path, monkeypatch):
    """The limit may have made an update wait since its records were read back."""
    ids = portal.make(20)
    portal.crm.values("companies", ids, ["health_score"])
    portal.person("edit", ids[3], values={"health_score": "55"})
    monkeypatch.setattr(stamps, "GOOD", 0.0)
    rows = [{"id": id, "health_score": 1} for id in ids]
    told = {each.id: each.result for each in written(portal.crm, rows, 10)}
    assert told == {**dict.fromkeys(ids, "applied"), ids[3]: "moved"}


def scored(portal, lane: str, ids: list[str], folder: Path) -> dict[str, str]:
    """Id → result of writing a score to records that have none, by one lane or the other."""
    if lane == "records":
        portal.crm.values("companies", ids, ["health_score"])
        rows = [{"id": id, "health_score": 1} for id in ids]
        return {each.id: each.result for each in written(portal.crm, rows, 10)}
    empty = {id: {"health_score": ""} for id in ids}
    path = file(folder, {id: {"health_score": "1"} for id in ids}, empty)
    spool = portal.crm.load("companies", path, folder, lambda job: None, types=SCORE)
    return dict(portal.engine.rows(f"SELECT id, result FROM {spool.relation}"))


def test_no_more_than_a_few_lines_are_in_memory(portal, tmp_path):
    """So many batches are under way at once as keep the threads busy."""
    ids = portal.make(500)
    portal.fault(UPDATE, nth=1, status=477, body={"message": "moving"})
    path = file(tmp_path, {id: {"health_score": "1"} for id in ids})
    portal.another(threads=1).load("companies", path, tmp_path, lambda job: None)
    assert portal.requests(UPDATE) <= 4


def file(
    folder: Path, rows: dict[str, dict[str, str]], held: dict[str, dict[str, str]] | None = None
) -> Path:
    path = folder / "rows.json"
    lines = [orjson.dumps({"id": id, "properties": values}) for id, values in rows.items()]
    if held is not None:
        before = (load.APART + orjson.dumps(held[id]) for id in rows)
        lines = [line + some for line, some in zip(lines, before, strict=True)]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def test_a_text_that_looks_like_a_record_is_none(scripted, monkeypatch):
    """Answers are searched for ids as bytes: what stands within a text is behind a backslash."""
    monkeypatch.setenv("HUBSPOT_KEY", "pat-na1-x")
    name = '{"id":"2","properties":{'
    body = {"results": [{"id": "1", "properties": {"name": name}}], "status": "COMPLETE"}
    script = scripted(Answer(body=orjson.dumps(body)))
    crm = Crm(auth=Token(Secret("env:HUBSPOT_KEY")), url=script.url)
    outcomes = written(crm, [{"id": id, "health_score": 1} for id in ("1", "2")])
    assert results(outcomes) == ["applied", "doubt"]
