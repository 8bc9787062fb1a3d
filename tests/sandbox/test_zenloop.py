"""zenloop as the sandbox plays it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.sandbox.seed_answers import GROUP, RELATIONSHIP, SUPPORT
from connector.sandbox.server import running
from connector.sandbox.store import Store
from connector.sandbox.surveys.zenloop import add_recorded, serve_recorded
from tests.kept import filled

RECORDED = {
    "surveys": [
        {
            "inserted_at": "2022-09-19T08:36:26Z",
            "public_hash_id": "abc",
            "status": "active",
            "title": "Recorded",
        }
    ],
    "answers": [
        {
            "id": "a1",
            "score": 10,
            "score_type": "promoter",
            "comment": "Größer",
            "metatags": {},
            "property_ids": [348043522],
            "labels": [],
            "sentiment": "positive",
            "inserted_at": "2022-09-19T08:46:22.373163Z",
            "unknown_key": {"kept": [1.5, None]},
        }
    ],
}


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Store]:
    """A world of two hundred accounts."""
    store = filled(tmp_path / "sandbox", accounts=200, seed=5)
    yield store
    store.close()


@pytest.fixture
def base(org: Store) -> Iterator[str]:
    """The address of the platform."""
    with running(org) as url:
        yield f"{url}/zenloop/v1"


def ask(org: Store, base: str, path: str, **query: Any) -> dict[str, Any]:
    """The body of an answer to a request with the right token."""
    headers = {"Authorization": f"Bearer {org.get('zenloop_token')}"}
    answer = requests.get(f"{base}/{path}", params=query, headers=headers, timeout=10)
    body: dict[str, Any] = answer.json()
    return {"status": answer.status_code, **body}


def every(org: Store, base: str, path: str, **query: Any) -> list[dict[str, Any]]:
    """All answers, page by page."""
    found, page = [], 1
    while True:
        body = ask(org, base, path, page=page, **query)
        found += body["answers"]
        if page >= body["meta"]["total_pages"]:
            return found
        page += 1


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic abc"])
def test_nobody_gets_in_without_the_token(base: str, header: str | None) -> None:
    """The platform's own error body comes with 401."""
    headers = {"Authorization": header} if header else {}
    answer = requests.get(f"{base}/surveys", headers=headers, timeout=10)
    assert (answer.status_code, list(answer.json()["error"])) == (401, ["message"])


def test_there_are_two_surveys_in_one_group(org: Store, base: str) -> None:
    """A group lists its surveys as the list of surveys does."""
    surveys = ask(org, base, "surveys")["surveys"]
    (group,) = ask(org, base, "survey_groups")["survey_groups"]
    assert [each["public_hash_id"] for each in surveys] == [RELATIONSHIP, SUPPORT]
    assert group["surveys"] == surveys


def test_pages_together_are_all_answers_once(org: Store, base: str) -> None:
    """The total is what the pages add up to."""
    path = f"surveys/{RELATIONSHIP}/answers"
    found = every(org, base, path, per_page=7)
    total = ask(org, base, path)["meta"]["total"]
    assert len({each["id"] for each in found}) == len(found) == total > 14


def test_a_page_holds_fifty_unless_asked_otherwise(org: Store, base: str) -> None:
    """And never more than a hundred, without a word about it."""
    path = f"survey_groups/{GROUP}/answers"
    asked = {None: 50, 20: 20, 1000: 100}
    for per_page, size in asked.items():
        body = ask(org, base, path, per_page=per_page)
        assert len(body["answers"]) == body["meta"]["per_page"] == size


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_answers_come_in_the_order_asked_for(org: Store, base: str, order: str) -> None:
    """By the moment they came in."""
    path = f"surveys/{SUPPORT}/answers"
    found = every(org, base, path, order_by="inserted_at", order_type=order)
    moments = [each["inserted_at"] for each in found]
    assert moments == sorted(moments, reverse=order == "desc")


def test_a_window_of_days_includes_both(org: Store, base: str) -> None:
    """Days and moments can be asked for, and agree."""
    path, custom = f"survey_groups/{GROUP}/answers", {"date_shortcut": "custom"}
    by_day = every(org, base, path, date_from="2026-05-01", date_to="2026-07-31", **custom)
    by_moment = every(
        org,
        base,
        path,
        date_from="2026-05-01T00:00:00Z",
        date_to="2026-07-31T23:59:59.999999Z",
        **custom,
    )
    days = [each["inserted_at"][:10] for each in by_day]
    assert by_day == by_moment
    assert days
    assert "2026-05-01" <= min(days) <= max(days) <= "2026-07-31"


def test_only_a_group_tells_the_survey_of_an_answer(org: Store, base: str) -> None:
    """The survey's own list has no need to."""
    grouped = every(org, base, f"survey_groups/{GROUP}/answers")
    single = every(org, base, f"surveys/{SUPPORT}/answers")
    assert {each["survey_public_hash_id"] for each in grouped} == {RELATIONSHIP, SUPPORT}
    assert not any("survey_public_hash_id" in each for each in single)


def test_labels_come_a_day_after_the_answer(org: Store, base: str) -> None:
    """And nothing about the answer tells that they did."""
    path = f"surveys/{RELATIONSHIP}/answers"
    moment = org.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    full = {**RECORDED["answers"][0], "labels": ["Price"], "inserted_at": moment}
    add_recorded(org, RELATIONSHIP, [full])
    young = ask(org, base, path)["answers"][0]
    org.clock.advance(timedelta(hours=25))
    old = ask(org, base, path)["answers"][0]
    assert (young["labels"], young["sentiment"]) == ([], None)
    assert old == full


def test_a_recorded_answer_is_served_as_it_was(org: Store, base: str, tmp_path: Path) -> None:
    """Every value comes back, known to us or not."""
    path = tmp_path / "records.json"
    path.write_text(json.dumps(RECORDED), encoding="utf-8")
    assert serve_recorded(org, path) == 1
    body = ask(org, base, "surveys/abc/answers")
    assert body["answers"] == RECORDED["answers"]
    assert body["survey"] == {"title": "Recorded", "public_hash_id": "abc"}


def test_totals_agree_with_the_answers(org: Store, base: str) -> None:
    """Scores off the scale do not count."""
    scores = [each["score"] for each in every(org, base, f"surveys/{RELATIONSHIP}/answers")]
    valid = [each for each in scores if each is not None and 0 <= each <= 10]
    nps = 100 * (sum(s >= 9 for s in valid) - sum(s <= 6 for s in valid)) / len(valid)
    survey = ask(org, base, f"surveys/{RELATIONSHIP}")["survey"]
    assert survey["number_of_responses"] == len(valid)
    assert survey["nps"]["percentage"] == round(nps)


def test_every_property_of_an_answer_is_explained(org: Store, base: str) -> None:
    """The survey lists what its answers refer to."""
    known = {each["id"] for each in ask(org, base, f"surveys/{SUPPORT}/properties")["properties"]}
    answers = every(org, base, f"surveys/{SUPPORT}/answers")
    assert {str(number) for each in answers for number in each["property_ids"]} <= known


@pytest.mark.parametrize("path", ["surveys/nope/answers", "survey_groups/nope/answers"])
def test_an_unknown_survey_is_not_found(org: Store, base: str, path: str) -> None:
    """404, with the platform's error body."""
    assert ask(org, base, path)["status"] == 404


@pytest.mark.parametrize(
    "query",
    [
        {"page": 0},
        {"per_page": "x"},
        {"order_type": "up"},
        {"order_by": "score"},
        {"date_shortcut": "custom", "date_from": "yesterday"},
        {"date_shortcut": "century"},
    ],
)
def test_a_senseless_question_is_refused(org: Store, base: str, query: dict[str, Any]) -> None:
    """422 rather than an answer to something else."""
    assert ask(org, base, f"surveys/{SUPPORT}/answers", **query)["status"] == 422


def test_people_can_be_told_in_four_ways_or_not_at_all(org: Store, base: str) -> None:
    """By contact, by account, by customer number, by address; some by nothing."""
    answers = every(org, base, f"survey_groups/{GROUP}/answers")
    share = {
        "contact": [str(each["identity"]).startswith("003") for each in answers],
        "account": [str(each["identity"]).startswith("001") for each in answers],
        "number": ["customer_number" in each["metatags"] for each in answers],
        "nothing": [not each["identity"] and not each["metatags"] for each in answers],
    }
    rates = {name: sum(hits) / len(hits) for name, hits in share.items()}
    assert rates["contact"] == pytest.approx(0.55, abs=0.1)
    assert rates["account"] == pytest.approx(0.10, abs=0.06)
    assert rates["number"] == pytest.approx(0.10, abs=0.06)
    assert 0 < rates["nothing"] < 0.1
