"""Survicate: every answer once, from the newest back; several scores in one response."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from connector.errors import AuthError, Denied, Malformed
from connector.sources import survicate
from connector.sources.survicate import Source
from tests.conftest import Answer
from tests.sources.served import Here, rows, seconds, serving


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setattr(survicate, "PER_PAGE", 7)
    with serving("survicate", tmp_path, monkeypatch) as found:
        yield found


def source(here: Here, **settings) -> Source:
    return Source(token=here.secret(), url=here.keys["url"], **settings)


def test_a_full_pull_brings_every_answer(here):
    """As many as the sandbox has, and each as it was given."""
    found, given = here.rows(source(here)), here.answers()
    assert set(found) == {each.id for each in given}
    for each in given:
        row = found[each.id]
        assert row["submitted_at"] == pytest.approx(seconds(each.submitted_at))
        told = (row["score"], row["comment"], row["email"], row["account_key"], row["contact_key"])
        assert told == (each.score, each.comment, each.email, each.account_key, each.contact_key)


def test_incremental_pulls_add_up_to_the_full_one(here):
    """`end` is the early bound: what lies before a moment is not read again."""
    middle = answers_middle(here)
    late = here.rows(source(here), middle)
    expected = {e.id for e in here.answers() if seconds(e.submitted_at) > middle.timestamp()}
    assert set(late) == expected
    assert 0 < len(late) < len(here.answers())


def answers_middle(here: Here) -> datetime:
    moments = sorted(seconds(each.submitted_at) for each in here.answers())
    return datetime.fromtimestamp(int(moments[len(moments) // 2]), UTC)


def test_an_edit_within_the_overlap_arrives(here):
    """Scores and comments are changed later, and no stamp tells."""
    newest = max(here.answers(), key=lambda each: each.submitted_at)
    here.act(do="edit", id=newest.id, comment="Doch nicht", quietly=True)
    since = datetime.fromtimestamp(seconds(newest.submitted_at), UTC) - source(here).overlap
    assert here.rows(source(here), since)[newest.id]["comment"] == "Doch nicht"


def test_what_was_deleted_does_not_come(here):
    """A full pull no longer has it."""
    gone = here.answers()[0].id
    here.act(do="delete", id=gone)
    assert gone not in here.rows(source(here))


def test_several_scores_of_one_response_are_several_rows(here):
    """NPS keeps the id; the comment is not doubled; scales are those of the question."""
    id = here.act(do="add", score=9, comment="Schnell", more={"scores": {"csat": 4}})
    found = {key: row for key, row in here.rows(source(here)).items() if key.startswith(id)}
    assert [
        (r["metric"], r["score"], r["scale_min"], r["scale_max"], r["comment"])
        for _, r in sorted(found.items())
    ] == [("nps", 9, 0, 10, "Schnell"), ("csat", 4, 1, 5, None)]


def test_a_score_off_its_scale_is_listed(here):
    """And never made to fit."""
    id = here.act(do="add", score=11)
    row = here.rows(source(here))[id]
    assert (row["odd"], row["score"]) == ("score_off_scale", 11)


def test_surveys_that_follow_an_event_are_told_apart(here):
    """By id or by name."""
    named = source(here, transactional=("After-support transactional",))
    assert {row["kind"] for row in here.rows(named).values()} == {"relationship", "transactional"}


@pytest.mark.parametrize(
    "do", [{"status": 503}, {"status": 429, "headers": {"Retry-After": "0"}}, {"truncate_at": 50}]
)
def test_bad_luck_is_repaired(here, do):
    """A page that fails, is refused for now or is cut off is asked for again."""
    here.fault("/responses", do)
    assert set(here.rows(source(here))) == {each.id for each in here.answers()}


def test_a_wrong_key_and_a_plan_without_the_api_are_told_apart(here, scripted):
    """Whoever can act is told what to do."""
    here.keys["token"] = "nonsense"
    with pytest.raises(AuthError):
        source(here).check()
    script = scripted(Answer(403))
    with pytest.raises(Denied) as denied:
        Source(token=here.secret(), url=script.url).check()
    assert "plan" in denied.value.hint


SURVEYS = {"data": [{"id": "s1", "name": "R"}], "pagination_data": {"has_more": False}}


def page(next_url: str) -> Answer:
    body = {"data": [], "pagination_data": {"has_more": True, "next_url": next_url}}
    return Answer(body=json.dumps(body).encode())


def test_a_page_that_repeats_or_lies_elsewhere_is_an_error(here, scripted, tmp_path):
    """No endless loop, and no key for another host."""
    surveys = Answer(body=json.dumps(SURVEYS).encode())
    again = scripted(surveys, page("/surveys/s1/responses?start=x"))
    with pytest.raises(Malformed, match="came again"):
        rows(Source(token=here.secret(), url=again.url), tmp_path)
    away = scripted(surveys, page("https://elsewhere.example/surveys"))
    with pytest.raises(Malformed, match="another host"):
        rows(Source(token=here.secret(), url=away.url), tmp_path)
    moved = scripted(surveys, Answer(302, headers={"Location": "https://elsewhere.example"}))
    with pytest.raises(Malformed, match="redirects"):
        rows(Source(token=here.secret(), url=moved.url), tmp_path)
    assert len(away.requests) == len(moved.requests) == 2


def test_the_key_goes_as_it_is(here, scripted):
    """Not as base64; and it is in no address."""
    script = scripted(Answer(body=json.dumps(SURVEYS).encode()))
    Source(token=here.secret(), url=f"{script.url}/v2").check()
    _, path, headers = script.requests[0]
    assert headers["Authorization"] == f"Basic {here.keys['token']}"
    assert path == "/v2/surveys?items_per_page=1"


def test_the_last_weeks_are_always_read_again(here):
    """There is no filter by change."""
    assert source(here).overlap == timedelta(days=35)
