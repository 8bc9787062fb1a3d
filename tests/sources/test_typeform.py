"""Typeform: the right question, whoever was asked it, and answers that were only begun."""

from __future__ import annotations

import json

import pytest

from connector.errors import Malformed
from connector.secrets import Secret
from connector.sources.typeform import Source
from tests.conftest import SHARED, Answer, beside
from tests.sources.reading import rows


def answer(**more: object) -> dict[str, object]:
    return {
        "response_id": "r1",
        "token": "t1",
        "landed_at": "2026-11-01T10:00:00Z",
        "submitted_at": "2026-11-01T10:02:00Z",
        "hidden": {"account_id": "A-1"},
        "answers": [],
        **more,
    }


def read(scripted, tmp_path, *items: object, **settings: bool) -> dict[str, dict[str, object]]:
    """What the source makes of these items of one form."""
    (tmp_path / "token").write_text("t")
    told = json.dumps({"total_items": len(items), "items": list(items)}).encode()
    script = scripted(Answer(body=told), Answer(body=b'{"total_items": 0, "items": []}'))
    token = Secret(f"file:{tmp_path / 'token'}")
    source = Source(token, url=script.url, forms=("f1",), **settings)
    return {row["id"]: row for row in rows(source, tmp_path)}


def said(type: str, **value: object) -> dict[str, object]:
    return {"field": {"id": type, "type": type}, **value}


def test_the_nps_question_counts_wherever_it_stands(scripted, tmp_path):
    """Before a rating, before an opinion scale; a form without one has no score."""
    rating, scale = said("rating", number=3), said("opinion_scale", number=5)
    nps, why = said("nps", number=9), said("long_text", text="Gut")
    found = read(
        scripted,
        tmp_path,
        answer(response_id="a", answers=[why, rating, scale, nps]),
        answer(response_id="b", answers=[rating, scale]),
        answer(response_id="c", answers=[rating]),
        answer(response_id="d", answers=None),
        opinion_scale=True,
    )
    assert {id: row["score"] for id, row in found.items()} == {"a": 9, "b": 5, "c": None, "d": None}
    assert (found["a"]["comment"], found["a"]["account_key"]) == ("Gut", "A-1")
    assert found["d"]["odd"] == "no_score_asked"


def test_a_scale_of_unknown_length_is_listed_and_not_taken_for_nps(scripted, tmp_path):
    """Five of five would be a detractor. Beside an NPS question it is nobody's score."""
    scale, nps = said("opinion_scale", number=5), said("nps", number=9)
    found = read(
        scripted, tmp_path, answer(response_id="a", answers=[scale, nps]),
        answer(response_id="b", answers=[scale]), answer(response_id="c", answers=[]),
    )  # fmt: skip
    told = {id: (row["score"], row["odd"]) for id, row in found.items()}
    assert told == {"a": (9, None), "b": (None, "opinion_scale"), "c": (None, None)}


def test_fewer_answers_than_promised_are_an_error(scripted, tmp_path):
    """Whatever the later pages say: those are behind a token, and may count what is left."""
    (tmp_path / "token").write_text("t")
    pages = [{"total_items": 3, "items": [answer()]}, {"total_items": 0, "items": []}]
    script = scripted(*(Answer(body=json.dumps(each).encode()) for each in pages))
    source = Source(Secret(f"file:{tmp_path / 'token'}"), url=script.url, forms=("f1",))
    with pytest.raises(Malformed, match=r"Typeform promised 3 records .* and sent 1"):
        rows(source, tmp_path)


def test_an_answer_that_was_only_begun_is_kept_and_flagged(emulated):
    """With the moment at which the page was opened."""
    here = emulated("typeform")
    here.add("1", score=3, partial=True)
    here.add("2", score=3)
    found = here.rows()
    assert (found["1"]["partial"], found["2"]["partial"]) == (True, False)
    assert found["1"]["submitted_at"]


def test_only_the_forms_that_are_named_are_read(emulated):
    """And a form that follows an event is told apart by its title."""
    here = emulated("typeform")
    here.add("1", score=3, survey="s1")
    here.add("2", score=3, survey="s2")
    assert set(here.rows(forms=("s2",))) == {"2"}
    kinds = {id: row["kind"] for id, row in here.rows(transactional=("After support",)).items()}
    assert kinds == {"1": "relationship", "2": "transactional"}


@beside
def test_a_recorded_answer_parses(scripted, tmp_path):
    """Every kind of question of the vendor's own example; the opinion scale is its score."""
    path = SHARED / "data/api_payloads/typeform/webhook_form_response.json"
    recorded = json.loads(path.read_text())["form_response"]
    record = {**recorded, "response_id": recorded["token"]}
    found = read(scripted, tmp_path, record, opinion_scale=True)
    (row,) = found.values()
    assert (row["score"], row["email"], row["unread"]) == (2, "laura@example.com", None)
    assert str(row["comment"]).startswith("It's cold right now!")
