"""SurveyMonkey: a choice and what it means; only surveys with news cost calls."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from connector.errors import AuthError, BudgetSpent, Malformed, Throttled
from connector.sandbox.surveys import answers as kept
from connector.sandbox.surveys import surveymonkey as emulated
from connector.sources import surveymonkey
from connector.sources.surveymonkey import Source
from tests.conftest import SHARED, Answer, beside
from tests.sources.served import Going, Here, rows, seconds, serving

RECORDED = SHARED / "data/api_payloads/surveymonkey/v3_json"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setattr(surveymonkey, "RESPONSES", 7)
    with serving("surveymonkey", tmp_path, monkeypatch) as found:
        yield found


def source(here: Here, **settings) -> Source:
    return Source(token=here.secret(), url=here.keys["url"], **settings)


def on_scale(here: Here) -> list[kept.Answer]:
    """Answers that a survey with the choices 0 to 10 can have."""
    return here.answers("score between 0 and 10")


def test_a_full_pull_brings_every_answer(here):
    """As many as the platform counts; a score is the number of its choice, not its weight."""
    found = here.rows(source(here))
    assert set(found) == {each.id for each in here.answers()}
    for each in on_scale(here):
        row = found[each.id]
        assert row["submitted_at"] == int(seconds(each.submitted_at))
        told = (row["score"], row["comment"], row["email"], row["account_key"], row["contact_key"])
        assert told == (each.score, each.comment, each.email, each.account_key, each.contact_key)


def test_incremental_pulls_add_up_to_the_full_one(here):
    """From a change on."""
    moments = sorted(seconds(each.updated_at) for each in here.answers())
    middle = datetime.fromtimestamp(int(moments[len(moments) // 2]), UTC)
    late = here.rows(source(here), middle)
    expected = {e.id for e in here.answers() if seconds(e.updated_at) >= middle.timestamp()}
    assert set(late) == expected
    assert 0 < len(late) < len(here.answers())


def test_an_old_answer_that_was_edited_arrives(here):
    """There is a filter by change."""
    old = min(here.answers(), key=lambda each: each.submitted_at).id
    here.act(do="edit", id=old, comment="Nachtrag")
    found = here.rows(source(here), here.store.clock.now() - timedelta(hours=1))
    assert set(found) == {old}
    assert found[old]["comment"] == "Nachtrag"


def test_a_survey_without_news_costs_no_call(here):
    """Neither changed, nor has it another number of answers."""
    progress, now = Going(), here.store.clock.now()
    here.rows(source(here), None, progress=progress)
    quiet = source(here)
    assert here.rows(quiet, now, progress=progress) == {}
    assert quiet.calls() == {"surveys": 1}
    late = here.act(do="add", score=8, submitted_at="2026-03-01T10:00:00.000000Z")
    here.act(do="edit", id=late, updated_at="2026-03-01T10:00:00.000000Z")
    busy = source(here)
    here.rows(busy, now, progress=progress)
    assert (busy.calls()["details"], busy.calls()["bulk"]) == (1, 1)


def test_a_day_without_calls_enough_is_told_before_they_are_spent(here):
    """Nothing is read by halves; without any left the platform is left alone."""
    with here.store.lock:
        emulated.set_left(here.store, 4)
    made = source(here)
    with pytest.raises(BudgetSpent, match="3 are left today") as spent:
        here.rows(made)
    assert "surveys" in spent.value.hint
    assert made.calls() == {"surveys": 1}
    with here.store.lock:
        emulated.set_left(here.store, 0)
    with pytest.raises(Throttled):
        source(here).check()
    here.store.clock.advance(timedelta(days=1))
    assert here.rows(source(here))


@pytest.mark.parametrize(
    ("region", "host"), [("us", "api.surveymonkey.com"), ("eu", "api.eu.surveymonkey.com")]
)
def test_a_team_lives_in_one_region(here, region, host):
    """Europe has an address of its own."""
    made = Source(token=here.secret(), region=region)
    assert made._line.base == f"https://{host}/v3"


def test_tags_are_labels_and_stand_with_the_first_score(here):
    """Of every answer in words, each once, however a tag tells its name."""
    tags = [{"label": "Preis"}, {"tag": "Support"}, "Preis", {"color": "red"}]
    assert surveymonkey._labels([[{"tag_data": tags}], [{"text": "x"}]]) == ["Preis", "Support"]
    more = {"scores": {"csat": 4}}
    id = here.act(do="add", score=9, comment="Gut", labels=["Preis"], more=more)
    found = here.rows(source(here, csat=(emulated.CSAT,)))
    assert found[id]["labels"] == ["Preis"]
    assert found[f"{id}-{emulated.CSAT}"]["labels"] is None


def test_not_applicable_is_no_score():
    """It has a weight like the others, and would be the worst of them."""
    choices = [{"id": "a", "weight": 1}, {"id": "b", "weight": 5},
               {"id": "c", "weight": 0, "is_na": True}]  # fmt: skip
    asked = {"pages": [{"questions": [{"id": "q", "answers": {"choices": choices}}]}]}
    made = surveymonkey.Answers.of(asked, ("q",))
    given = [{"questions": [{"id": "q", "answers": [{"choice_id": "c"}]}]}]
    (row,) = made.rows({"id": "1", "pages": given})
    assert (row["score"], row["low"], row["high"]) == (None, 1, 5)


def test_only_named_surveys_are_read(here):
    """By id or title; those that follow an event are told apart."""
    named = ("After-support transactional",)
    found = here.rows(source(here, surveys=named, transactional=named))
    assert {row["kind"] for row in found.values()} == {"transactional"}
    assert 0 < len(found) < len(here.answers())


def test_a_question_about_satisfaction_has_rows_of_its_own(here):
    """By its weights, and only if it is named."""
    id = here.act(do="add", score=9, comment="Gut", more={"scores": {"csat": 4}})
    again = f"{id}-{emulated.CSAT}"
    assert again not in here.rows(source(here))
    row = here.rows(source(here, csat=(emulated.CSAT,)))[again]
    told = (row["metric"], row["score"], row["scale_min"], row["scale_max"], row["comment"])
    assert told == ("csat", 4, 1, 5, None)


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"test": True}, "preview"),
        ({"more": {"mark": "overquota"}}, "not_in_target"),
        ({"more": {"mark": "disqualified"}}, "not_in_target"),
        ({"partial": True}, None),
    ],
)
def test_what_no_customer_answered_is_listed(here, given, rule):
    """Previews, and those who were not wanted; a partial answer is kept and flagged."""
    id = here.act(do="add", **{"score": 9, **given})
    row = here.rows(source(here))[id]
    assert (row["odd"], row["partial"]) == (rule, bool(given.get("partial") or given.get("more")))


@pytest.mark.parametrize(
    "do", [{"status": 503}, {"status": 429, "headers": {"Retry-After": "0"}}, {"truncate_at": 50}]
)
def test_bad_luck_is_repaired(here, do):
    """A page that fails, is refused for now or is cut off is asked for again."""
    here.fault("/bulk", do)
    assert set(here.rows(source(here))) == {each.id for each in here.answers()}


def test_a_wrong_token_is_told(here):
    """Make a new one."""
    here.keys["token"] = "nonsense"
    with pytest.raises(AuthError):
        source(here).check()


LIST = {"data": [{"id": "1", "title": "R"}], "total": 1}
ELEVEN = [{"id": f"n{n}", "text": str(n)} for n in range(11)]
DETAILS = {"pages": [{"questions": [{"id": "q", "answers": {"choices": ELEVEN}}]}]}


def said(body: object) -> Answer:
    return Answer(body=json.dumps(body).encode())


def record(id: int) -> dict[str, object]:
    answers = [{"choice_id": "n9"}]
    return {"id": str(id), "pages": [{"questions": [{"id": "q", "answers": answers}]}]}


def test_a_list_that_moves_while_it_is_read_is_an_error(here, scripted, tmp_path):
    """An answer that came twice stands for one that did not come."""
    first = {"data": [record(1), record(2)], "total": 4}
    second = {"data": [record(2), record(4)], "total": 4}
    script = scripted(said(LIST), said(DETAILS), said(first), said(second))
    with pytest.raises(Malformed, match="4 records were promised and 3 sent"):
        rows(Source(token=here.secret(), url=script.url), tmp_path)


def test_a_page_that_repeats_is_an_error_and_no_redirect_is_followed(here, scripted, tmp_path):
    """Nor is anything kept."""
    page = said({"data": [record(1)], "total": 3})
    script = scripted(said(LIST), said(DETAILS), page)
    with pytest.raises(Malformed, match="came again"):
        rows(Source(token=here.secret(), url=script.url), tmp_path)
    moved = scripted(Answer(302, headers={"Location": "https://elsewhere.example"}))
    with pytest.raises(Malformed, match="redirects"):
        rows(Source(token=here.secret(), url=moved.url), tmp_path)


@beside
def test_recorded_answers_are_understood(here, scripted, tmp_path):
    """A survey that was recorded; how many pets counts as a score where it is named."""
    surveys = json.loads((RECORDED / "api.surveymonkey.com/v3/surveys-aa605d.json").read_text())
    surveys |= {"data": surveys["data"][:1], "total": 1}
    details = RECORDED / "api.surveymonkey.com/v3/surveys/318754279/details.json"
    found = json.loads(details.read_text())
    pets = found["pages"][0]["questions"][0]
    for choice in pets["answers"]["choices"]:
        choice["weight"] = choice["position"]
    bulk = next(RECORDED.glob("api.surveymonkey.net/v3/surveys/318754279/responses/bulk-*.json"))
    script = scripted(said(surveys), said(found), Answer(body=bulk.read_bytes()))
    made = Source(token=here.secret(), url=script.url, csat=(pets["id"],))
    told = rows(made, tmp_path)
    assert set(told) == {"13376313674", "13376299051"}
    row = told["13376313674"]
    at = datetime(2022, 3, 5, 18, 5, 46, tzinfo=UTC).timestamp()
    told_ = (row["score"], row["comment"], row["submitted_at"], row["partial"])
    assert told_ == (4, "Donut, Mango, Phil", at, False)
