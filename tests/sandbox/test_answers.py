"""Answers belong to no platform; a control plays the people who give and change them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.sandbox.seed_answers import RELATIONSHIP
from connector.sandbox.server import running
from connector.sandbox.store import Store
from connector.sandbox.surveys import answers
from tests.kept import filled


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Store]:
    store = filled(tmp_path / "sandbox", accounts=30, seed=5)
    yield store
    store.close()


@pytest.fixture
def url(org: Store) -> Iterator[str]:
    with running(org) as address:
        yield address


def do(url: str, **wanted: Any) -> Any:
    answer = requests.post(f"{url}/_sandbox/answers", json=wanted, timeout=30)
    return answer.json()


def one(org: Store, id: str) -> answers.Answer:
    (found,) = answers.find(org, "id = ?", (id,), deleted=True)
    return found


def test_an_answer_can_be_added_edited_and_deleted(org: Store, url: str) -> None:
    """Its stamp moves with each; what was deleted is still known to have been there."""
    assert do(url, do="add", id="a1", survey=RELATIONSHIP, score=9, labels=["price"]) == {
        "id": "a1"
    }
    added = one(org, "a1")
    assert (added.whole_score, added.labels, added.submitted_at) == (
        9,
        ["price"],
        added.updated_at,
    )
    requests.post(f"{url}/_sandbox/clock", json={"advance": "1d"}, timeout=30)
    do(url, do="edit", id="a1", score=3, comment="Leider nein")
    edited = one(org, "a1")
    assert (edited.score, edited.comment, edited.submitted_at) == (
        3,
        "Leider nein",
        added.submitted_at,
    )
    assert edited.updated_at > added.updated_at
    before = answers.count(org)
    do(url, do="delete", id="a1")
    assert (answers.count(org), one(org, "a1").deleted) == (before - 1, True)


def test_a_quiet_edit_moves_no_stamp(org: Store, url: str) -> None:
    """As when a platform reads comments afterwards."""
    do(url, do="add", id="a1", score=9)
    before = one(org, "a1").updated_at
    do(url, do="edit", id="a1", labels=["price"], quietly=True)
    assert (one(org, "a1").updated_at, one(org, "a1").labels) == (before, ["price"])


def test_an_answer_may_arrive_late(org: Store, url: str) -> None:
    """Given two days ago, known only now."""
    do(url, do="late", id="a1", score=9, ago="2d")
    found = one(org, "a1")
    gap = answers.moment(found.updated_at) - answers.moment(found.submitted_at)
    assert gap.days == 2


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"do": "praise"}, "do is add, late, edit, delete"),
        ({"do": "add", "scroe": 9}, "no scroe"),
        ({"do": "edit", "id": "nope", "score": 1}, "no answer 'nope'"),
        ({"do": "delete"}, "'id' is missing"),
    ],
)
def test_what_cannot_be_done_is_refused(url: str, wanted: dict[str, Any], said: str) -> None:
    """With a word on what is wrong."""
    assert said in do(url, **wanted)["error"]


def test_every_seeded_answer_says_how_it_was_asked(org: Store) -> None:
    """Metric, kind, language and channel, and when; asked before it was answered."""
    found = answers.find(org)
    assert len(found) > 10
    assert {each.kind for each in found} == {"relationship", "transactional"}
    assert {(each.metric, each.channel) for each in found} == {("nps", "email")}
    assert all((each.asked_at or "9") < each.submitted_at for each in found)
