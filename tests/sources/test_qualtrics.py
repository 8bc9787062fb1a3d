"""Qualtrics: answers by export jobs; what is no answer of a customer is listed."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.errors import AuthError, ConfigError, Malformed, RemoteError, Unreachable
from connector.rest import unpack
from connector.sandbox.surveys import unanswered
from connector.sources import qualtrics
from connector.sources.qualtrics import Source
from tests.conftest import SHARED, Answer, beside
from tests.sources.served import Going, Here, rows, seconds, serving


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setattr(qualtrics, "FIRST_LOOK", 0.01)
    with serving("qualtrics", tmp_path, monkeypatch) as found:
        yield found


def source(here: Here, **settings) -> Source:
    return Source(token=here.secret(), url=here.keys["url"], **settings)


def test_a_full_pull_brings_every_answer(here):
    """As many as the sandbox has, and each as it was given; empty lines of the file are none."""
    found, given = here.rows(source(here)), here.answers()
    assert set(found) == {each.id for each in given}
    for each in given:
        row = found[each.id]
        assert row["submitted_at"] == int(seconds(each.submitted_at))
        told = (row["score"], row["comment"], row["email"], row["account_key"], row["contact_key"])
        assert told == (each.score, each.comment, each.email, each.account_key, each.contact_key)
        assert row["survey"] == f"SV_{each.survey}"


def test_incremental_pulls_add_up_to_the_full_one(here):
    """By the day of recording, where nothing is remembered."""
    moments = sorted(seconds(each.submitted_at) for each in here.answers())
    middle = datetime.fromtimestamp(int(moments[len(moments) // 2]), UTC)
    late = here.rows(source(here), middle)
    expected = {e.id for e in here.answers() if seconds(e.submitted_at) >= middle.timestamp()}
    assert set(late) == expected
    assert 0 < len(late) < len(here.answers())


def test_a_pull_goes_on_where_the_last_one_ended(here):
    """What changed since: an old answer that was edited, and a new one; nothing else."""
    progress = Going()
    every = here.rows(source(here), None, progress=progress)
    old = min(here.answers(), key=lambda each: each.submitted_at).id
    new = here.act(do="add", score=8)
    here.act(do="edit", id=old, comment="Nachtrag")
    found = here.rows(source(here), datetime.now(UTC) + timedelta(days=1), progress=progress)
    assert set(found) == {old, new}
    assert found[old]["comment"] == "Nachtrag"
    assert len(every) == len(here.answers()) - 1


def test_tokens_older_than_the_overlap_are_used_and_younger_ones_kept():
    """So the last days are always read again, by whichever token."""
    now = datetime.now(UTC)
    tokens = [[(now - timedelta(days=days)).isoformat(), f"t{days}"] for days in (9, 5, 4, 1)]
    since = now - timedelta(days=3)
    assert [token for _, token in qualtrics._worth_keeping(tokens, since)] == ["t4", "t1"]
    assert qualtrics._worth_keeping(tokens, None) == []
    assert qualtrics._with(tokens, "new")[-1][1] == "new"
    assert qualtrics._with([[now.isoformat(), "t0"]], "new") == [[now.isoformat(), "t0"]]


def test_a_token_that_is_no_longer_known_is_replaced_by_the_date(here):
    """Nothing is lost when Qualtrics forgets."""
    ids = {f"SV_{each.survey}" for each in here.answers()}
    long_ago = datetime(2021, 1, 1, tzinfo=UTC)
    progress = Going({id: [[long_ago.isoformat(), "ct_forgotten"]] for id in ids})
    found = here.rows(source(here), datetime(2022, 1, 1, tzinfo=UTC), progress=progress)
    assert set(found) == {each.id for each in here.answers()}


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"test": True}, "test_answer"),
        ({"more": {"mark": "preview"}}, "preview"),
        ({"more": {"mark": "synthetic"}}, "synthetic"),
        ({"score": 12}, "score_off_scale"),
        ({"more": {"mark": "imported"}}, None),
    ],
)
def test_what_no_customer_answered_is_listed(here, given, rule):
    """Previews, tests, synthetic answers; those that were imported count."""
    id = here.act(do="add", **{"score": 9, **given})
    assert here.rows(source(here))[id]["odd"] == rule


def test_an_unfinished_answer_is_kept_and_flagged(here):
    """It may already carry the score."""
    id = here.act(do="add", score=3, partial=True)
    row = here.rows(source(here))[id]
    assert (row["partial"], row["score"]) == (True, 3)


def test_a_question_about_satisfaction_has_its_own_rows(here):
    """On its own scale; the id of the answer stays that of the NPS question."""
    id = here.act(do="add", metric="csat", score=4)
    row = here.rows(source(here, csat=("QID5",)))[f"{id}-QID5"]
    assert (row["metric"], row["score"], row["scale_min"], row["scale_max"]) == ("csat", 4, 1, 5)


def test_only_named_surveys_are_read(here):
    """By id or by name; those that follow an event are told apart."""
    named = ("After-support transactional",)
    found = here.rows(source(here, surveys=named, transactional=named))
    assert {row["kind"] for row in found.values()} == {"transactional"}
    assert 0 < len(found) < len(here.answers())


def test_a_client_is_let_in_and_gets_a_new_token_when_one_has_ended(here):
    """OAuth, for an hour at a time."""
    made = Source(
        client_id=here.keys["client_id"], client_secret=here.secret("secret"),
        url=here.keys["url"],
    )  # fmt: skip
    before = set(here.rows(made))
    here.store.clock.advance(timedelta(hours=2))
    assert set(here.rows(made)) == before != set()


@pytest.mark.parametrize(
    ("path", "do"),
    [
        ("/export-responses$", {"status": 429, "headers": {"Retry-After": "0"}}),
        ("/ES_[^/]*$", {"status": 503}),
        ("/file$", {"drop": "before"}),
        ("/file$", {"truncate_at": 50}),
    ],
)
def test_bad_luck_is_repaired(here, path, do):
    """A job that may not start yet, a look without an answer, a download that is cut off."""
    here.fault(path, do)
    assert set(here.rows(source(here))) == {each.id for each in here.answers()}


def test_a_wrong_token_is_told(here):
    """And so is a source without a way in, or without a place."""
    here.keys["token"] = "nonsense"
    with pytest.raises(AuthError):
        source(here).check()
    with pytest.raises(ConfigError, match="token"):
        Source(datacenter="fra1")
    with pytest.raises(ConfigError, match="datacenter"):
        Source(token=here.secret())


def body(result: object, status: str = "200 - OK") -> Answer:
    return Answer(body=json.dumps({"result": result, "meta": {"httpStatus": status}}).encode())


def zipped(text: bytes) -> Answer:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Survey.ndjson", text)
    return Answer(body=packed.getvalue())


SURVEYS = body({"elements": [{"id": "SV_1", "name": "R"}], "nextPage": None})
QUESTIONS = body({"questions": {"QID2": {"questionType": {"type": "MC", "selector": "NPS"}}}})
STARTED = body({"progressId": "ES_1", "status": "inProgress"})
RECORDED = "2026-11-02T10:00:07.000Z"
DONE = body({"status": "complete", "fileId": "f1"})


def pulled(here: Here, script, tmp: Path):
    return rows(Source(token=here.secret(), url=script.url), tmp)


def test_a_refusal_that_calls_itself_a_success_is_a_refusal(here, scripted, tmp_path):
    """The status that counts stands in the body."""
    script = scripted(body(None, "404 - Not Found"))
    with pytest.raises(RemoteError, match="404 - Not Found"):
        Source(token=here.secret(), url=script.url).check()


def test_a_job_that_failed_is_an_error(here, scripted, tmp_path):
    """No empty pull instead."""
    failed = body({"status": "failed", "percentComplete": 10})
    with pytest.raises(RemoteError, match="could not make"):
        pulled(here, scripted(SURVEYS, QUESTIONS, STARTED, failed), tmp_path)


@pytest.mark.parametrize(
    ("topics", "labels"),
    [("Preis , Support", ["Preis", "Support"]), ('["Preis"]', ["Preis"]), ("", None)],
)
def test_what_text_analysis_found_is_read_where_it_is_named(
    here, scripted, tmp_path, topics, labels
):
    """In one text or in a list; and not where nobody says under which name."""
    values = {"QID2": 9, "endDate": RECORDED, "T": topics, "S": "Very Negative"}
    record = json.dumps({"responseId": "R_1", "values": values}).encode()
    answers = (SURVEYS, QUESTIONS, STARTED, DONE, zipped(record))
    named = {"topics": "T", "sentiment": "S"}
    for settings, told in ((named, (labels, "negative")), ({}, (None, None))):
        made = Source(token=here.secret(), url=scripted(*answers).url, **settings)
        (row,) = rows(made, tmp_path).values()
        assert (row.get("labels"), row.get("sentiment")) == told


def test_a_job_without_an_end_is_given_up(here, scripted, tmp_path, monkeypatch):
    """In words; the next run begins it anew."""
    monkeypatch.setattr(qualtrics, "LONGEST_JOB", 0.05)
    with pytest.raises(Unreachable, match="not finished an export"):
        pulled(here, scripted(SURVEYS, QUESTIONS, STARTED, STARTED), tmp_path)


@pytest.mark.parametrize(
    ("end", "counts"),
    [("2026-11-02T10:00:00Z", "2026-11-02T10:00:00Z"), ("2026-11-02 11:00:00", RECORDED)],
)
def test_an_end_without_a_zone_is_not_taken_for_one_of_utc(here, scripted, tmp_path, end, counts):
    """Then the moment of recording counts, which has one."""
    record = {"responseId": "R_1", "values": {"QID2": 9, "endDate": end, "recordedDate": RECORDED}}
    answers = (SURVEYS, QUESTIONS, STARTED, DONE, zipped(json.dumps(record).encode()))
    (row,) = pulled(here, scripted(*answers), tmp_path).values()
    assert row["submitted_at"] == datetime.fromisoformat(counts).timestamp()


def test_an_archive_that_unpacks_to_too_much_is_refused(here, scripted, tmp_path, monkeypatch):
    """A bomb fills no disk."""
    monkeypatch.setattr(unpack, "FLOOR", 1000)
    monkeypatch.setattr(unpack, "RATIO", 2)
    bomb = zipped(b"{}" * 100_000)
    with pytest.raises(Malformed, match="unpacks"):
        pulled(here, scripted(SURVEYS, QUESTIONS, STARTED, DONE, bomb), tmp_path)


def test_a_record_without_a_bottom_is_no_danger(here, scripted, tmp_path):
    """It has no values, and its neighbour has."""
    deep = b'{"responseId":"R_1","values":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001
    sound = b'{"responseId":"R_2","values":{"QID2":9,"status":0}}'
    found = pulled(here, scripted(SURVEYS, QUESTIONS, STARTED, DONE, zipped(deep + b"\n" + sound)),
                   tmp_path)  # fmt: skip
    assert {id: row["score"] for id, row in found.items()} == {"R_1": None, "R_2": 9}


def test_what_is_no_archive_is_refused(here, scripted, tmp_path):
    """A page that says sorry, for example; and a line that is no record."""
    script = scripted(SURVEYS, QUESTIONS, STARTED, DONE, Answer(body=b"<html>"))
    with pytest.raises(Malformed, match="archive"):
        pulled(here, script, tmp_path)
    cut = zipped(b'{"responseId":"R_1"}\n{"responseId":')
    with pytest.raises(Malformed, match="no record"):
        pulled(here, scripted(SURVEYS, QUESTIONS, STARTED, DONE, cut), tmp_path)


def test_a_larger_file_than_qualtrics_makes_is_refused(here, scripted, tmp_path, monkeypatch):
    """The download ends there."""
    monkeypatch.setattr(qualtrics, "ARCHIVE", 10)
    with pytest.raises(Malformed, match="more than"):
        pulled(here, scripted(SURVEYS, QUESTIONS, STARTED, DONE, zipped(b"{}")), tmp_path)


def test_the_next_page_is_read_from_the_same_host_only(here, scripted, tmp_path):
    """The address is the server's word; the token is ours."""
    page = body({"elements": [], "nextPage": "https://elsewhere.example/surveys?offset=1"})
    with pytest.raises(Malformed, match="another host"):
        pulled(here, scripted(page), tmp_path)


@beside
def test_recorded_surveys_are_understood(here, scripted, tmp_path):
    """Definitions as Qualtrics gave them: none of their questions asks for NPS, one is named."""
    file = SHARED / "data/api_payloads/qualtrics/survey_definitions.json"
    recorded = json.loads(file.read_text())["interactions"][0]["response"]["body"]
    record = {"responseId": "R_1", "values": {"QID1006": 4, "recordedDate": "2026-11-02T10:00:01Z",
              "finished": 1, "QID1007_TEXT": "Sauerteig"}}  # fmt: skip
    definition = Answer(body=json.dumps(recorded).encode())
    answers = (SURVEYS, definition, STARTED, DONE, zipped(json.dumps(record).encode()))
    script = scripted(*answers)
    made = Source(token=here.secret(), url=script.url, csat=("QID1006",))
    (row,) = rows(made, tmp_path).values()
    assert (row["id"], row["score"], row["comment"]) == ("R_1", 4, "Sauerteig")
    assert rows(Source(token=here.secret(), url=scripted(*answers).url), tmp_path) == {}


# ── who was invited ───────────────────────────────────────────────────────────────────────────


def invited(here: Here, since: datetime | None = None) -> dict[str, dict]:
    return here.rows(source(here, directory="POOL_1"), since, "invitations")


def test_who_was_invited_is_told_with_what_became_of_it(here):
    """Answered, opened, bounced, or silent; each person once, reminders not again."""
    with here.store.lock:
        silent = unanswered.find(here.store)
    found = invited(here)
    assert len(found) == len(here.answers()) + len(silent)
    said = Counter(row["status"] for row in found.values())
    kept = Counter(each.state for each in silent)
    assert said == {
        "answered": len(here.answers()),
        "sent": kept["sent"],
        "opened": kept["declined"],
        "bounced": kept["bounced"],
    }
    assert min(kept.values()) > 0


def test_an_invitation_says_whom_it_went_to(here):
    """The directory knows: the person by id and address."""
    with here.store.lock:
        silent = unanswered.find(here.store)
    found = invited(here)
    for each in silent:
        row = found[f"EMD_{each.survey} CID_{each.id}"]
        told = (row["email"], row["contact_key"], row["account_key"])
        assert told == (each.email, each.contact_key, each.account_key)
        assert row["asked_at"] == int(seconds(each.asked_at))


def test_whom_a_rule_spared_was_not_asked(here):
    """Such people are listed; they count neither as asked nor as silent."""
    with here.store.lock:
        last = unanswered.find(here.store)[0]
        unanswered.add(here.store, replace(last, id=77, state="Skipped"))
    row = invited(here)[f"EMD_{last.survey} CID_77"]
    assert row["odd"] == "not_sent"


def test_invitations_of_long_ago_are_not_read_again(here):
    """What became of them is known."""
    assert invited(here, datetime.now(UTC)) == {}


def test_without_a_directory_nobody_is_asked_for(here):
    """Not every token may read it, and then answers still come."""
    assert source(here).streams == ("responses",)
    assert source(here, directory="POOL_1").streams == ("responses", "invitations")
    with pytest.raises(RemoteError):
        here.rows(source(here, directory="POOL_none"), None, "invitations")


@beside
def test_recorded_distributions_are_understood(here, scripted, tmp_path):
    """An invitation with its people; whatever names no distribution is none."""
    folder = SHARED / "data/api_payloads/qualtrics/v3_json"
    sent, people = (
        json.loads((folder / name).read_bytes())["result"]["elements"]
        for name in ("distributions/all.json", "mailing_lists/list_contacts.json")
    )
    page = [{**people[0], "contactId": "CID_1"}]
    history = [{"contactId": "CID_1", "status": "Success"}]
    told = [SURVEYS, *map(listed, (sent, history, page, history))]
    made = Source(token=here.secret(), url=scripted(*told).url, directory="POOL_1")
    found = rows(made, tmp_path, stream="invitations").values()
    asked = [each for each in sent if each["requestType"] == "Invite"]
    assert len(found) == len(asked) == 2
    assert {(row["email"], row["status"]) for row in found} == {(people[0]["email"], "sent")}
    moments = {datetime.fromisoformat(each["sendDate"]).timestamp() for each in asked}
    assert {row["asked_at"] for row in found} == moments


def listed(elements: list) -> Answer:
    return body({"elements": elements, "nextPage": None})
