"""Few answers: drawn to what is ordinary in a segment, and not enough to move a tier alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.model.checks import problems
from connector.model.definition import HealthModel, Measure, Segment, Shrink
from connector.model.explain import explanation
from connector.model.telling import text
from tests.model.lake import AS_OF, Lake, answer, only, shipped
from tests.model.test_explain import reach_of

PLAIN = (
    "100.0 * (count(*) filter (where score >= 9) - count(*) filter (where score <= 6)) / count(*)"
)


def drawn(*segments: Segment, **more: Any) -> HealthModel:
    """The plain NPS of answers, drawn to 25 as if four more had said so."""
    measure = Measure(
        name="it", stream="responses", value=PLAIN, group="g", points=((-100, 0), (100, 100)),
        **{"shrink": Shrink(25, 4), **more},
    )  # fmt: skip
    return HealthModel("few", {"g": 1}, measures=(measure,), segments=segments)


def answers(lake: Lake, account: str, promoters: int, passives: int, detractors: int) -> None:
    scores = [9] * promoters + [7] * passives + [6] * detractors
    for n, score in enumerate(scores):
        answer(lake, f"{account}{n}", score, 1, account_key=account)


@pytest.mark.parametrize(
    ("counts", "expected"), [((1, 0, 0), 40), ((3, 0, 1), 37.5), ((8, 3, 1), 50.0)]
)
def test_few_answers_are_drawn_to_what_is_ordinary(counts, expected):
    """The worked numbers of the method: 100 → 40, 50 → 37.5, 58.3 → 50."""
    lake = Lake().put("accounts", id="001")
    answers(lake, "001", *counts)
    assert lake.run(drawn()).value("it") == pytest.approx(expected, abs=1e-9)


def test_a_segment_has_an_ordinary_level_of_its_own():
    """The first that holds decides, also where it says nothing; nobody's answers are another's."""
    segments = (
        Segment("large", "revenue > 1000", toward={"it": 0}),
        Segment("quiet", "employees = 1"),
        Segment("small", "revenue < 10", toward={"it": 50}),
    )
    lake = Lake()
    for id, revenue, employees in (
        ("large", 5000, 1), ("quiet", 5, 1), ("small", 5, 9), ("none", 100, 9), ("unknown", None, 9)
    ):  # fmt: skip
        lake.put("accounts", id=id, revenue=revenue, employees=employees)
        answers(lake, id, 1, 0, 0)
    lake.put("accounts", id="silent", revenue=5, employees=9)
    lake.run(drawn(*segments))
    found = dict(lake.rows("SELECT account_id, it FROM raw"))
    assert found == {
        "large": 20, "quiet": 40, "small": 60, "none": 40, "unknown": 40, "silent": None,
    }  # fmt: skip


def test_what_was_known_last_is_drawn_as_it_was_then():
    """A carried value rests on the answers of its own time."""
    model = drawn(missing="carry", window=30, max_age=400)
    lake = Lake().put("accounts", id="001")
    for n, days in enumerate((100, 101, 300)):
        answer(lake, f"r{n}", 10, days)
    assert lake.run(model).value("it") == pytest.approx((2 * 100 + 4 * 25) / 6)


@pytest.fixture
def customer() -> Lake:
    """An account in tier A by opinion, goals and tickets, on the day before."""
    lake = Lake().put(
        "accounts", id="001", sentiment=5, sentiment_at="2026-01-30", goals_total=4, goals_reached=4
    )
    lake.put("contacts", id="boss", account_id="001", email="boss@x.example", role="Decision maker")
    lake.run(MODEL, AS_OF - timedelta(days=1)).keep()
    assert lake.tier() == "A"
    return lake


MODEL = replace(
    only("loyalty", "goals_share"), groups={**shipped().groups, "customer_sentiment": 45}
)


def test_one_answer_moves_nobody_to_another_tier(customer):
    """The score falls and says why; the tier waits for a second voice, in either direction."""
    answer(customer, "r1", 0, 0.5)
    row = customer.run(MODEL).row()
    assert (row["score"] < 780, row["tier"], row["held"]) == (True, "A", ["loyalty"])
    told = explanation(MODEL, row)
    assert [each["name"] for each in told["held"]] == ["loyalty"]
    assert "Stays in A: Loyalty (NPS, weighted) rests on too little" in text(told, "en")
    assert "Bleibt in A: Loyalität (NPS, gewichtet) beruht auf zu wenigen Angaben" in text(
        told, "de"
    )
    answer(customer, "r2", 0, 0.5)
    row = customer.run(MODEL).row()
    assert (row["tier"] > "A", row["held"]) == (True, [])


def test_the_word_of_a_decider_is_enough(customer):
    """Tier changes need two answers, or a decision maker."""
    answer(customer, "r1", 0, 0.5, email="boss@x.example")
    row = customer.run(MODEL).row()
    assert (row["tier"] > "A", row["held"]) == (True, [])


def test_anything_else_moves_a_tier_beside_one_answer(customer):
    """Goals that were lost are reason enough; the answer is none, and holds nobody back."""
    answer(customer, "r1", 0, 0.5)
    customer.db.execute("UPDATE lake_accounts SET goals_reached = 0, sentiment = 2")
    row = customer.run(MODEL).row()
    assert (row["tier"] > "B", row["held"]) == (True, [])


def test_advice_knows_that_a_tier_is_held():
    """More points from that one answer lead nowhere, nor does what would not suffice without it."""
    model = replace(MODEL, groups={**MODEL.groups, "outcomes": 4})
    lake = Lake().put(
        "accounts", id="001", sentiment=3, sentiment_at="2026-01-30", goals_total=2,
        goals_reached=1,
    )  # fmt: skip
    lake.run(model, AS_OF - timedelta(days=1)).keep()
    answer(lake, "r1", 10, 0.5)
    advice, row, _ = reach_of(lake, model)
    assert (row["score"] > 620, row["tier"], row["held"]) == (True, "C", ["loyalty"])
    assert [each["name"] for each in advice["changes"]] == ["csm_sentiment"]
    assert advice["tier"] == "B"


def test_one_answer_alone_gives_a_first_tier_and_then_keeps_it():
    """Where nothing else is known it is better than nothing."""
    lake = Lake().put("accounts", id="001")
    answer(lake, "r1", 9, 1)
    lake.run(MODEL).keep()
    assert lake.tier() == "B"
    lake.db.execute("UPDATE lake_responses SET score = 0")
    row = lake.run(MODEL, AS_OF + timedelta(days=1)).row()
    assert (row["score"] < 400, row["tier"], row["held"]) == (True, "B", ["loyalty"])


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"shrink": Shrink(25, 4, "score")}, ("shrink", "evidence")),
        ({"shrink": Shrink(25, 4, "max(email)")}, ("shrink", "evidence")),
        ({"shrink": Shrink(25, 0)}, ("shrink", "weight")),
        ({"absent": 0.0}, ("shrink",)),
        ({"enough": "count(*)"}, ("enough",)),
        ({"enough": "count(*) > 1", "weight": 0}, ("enough",)),
        ({"stream": "accounts", "value": "revenue"}, ("shrink",)),
    ],
)
def test_what_cannot_be_meant_is_found(more, path):
    """Before anything runs, with its place."""
    (measure,) = drawn().measures
    other = Measure(
        name="other", stream="accounts", value="revenue", group="g", points=((0, 0), (1, 100))
    )
    model = replace(drawn(), measures=(replace(measure, **more), other))
    assert [each.path for each in problems(model)] == [("measures", 0, *path)]


def test_a_segment_names_a_measure_that_is_drawn():
    found = problems(drawn(Segment("s", "revenue > 1", toward={"that": 1})))
    assert [each.path for each in found] == [("segments", 0, "toward", "that")]


def test_each_part_makes_another_version_and_none_makes_none():
    """Spelling does not; a model that says nothing of it is the one that it was."""
    (measure,) = drawn().measures
    versions = {
        replace(drawn(), measures=(each,)).version
        for each in (
            measure, replace(measure, shrink=None), replace(measure, shrink=Shrink(26, 4)),
            replace(measure, shrink=Shrink(25, 5)), replace(measure, enough="count(*) > 1"),
        )
    }  # fmt: skip
    versions.add(drawn(Segment("s", "revenue > 1", toward={"it": 1})).version)
    assert len(versions) == 6
    spelled = replace(measure, shrink=Shrink(25, 4, "COUNT( * )"))
    assert replace(drawn(), measures=(spelled,)).version == drawn().version
