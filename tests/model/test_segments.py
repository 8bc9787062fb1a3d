"""Ingredients that weigh otherwise for some: the first match wins, who matches none is listed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.model import arithmetic
from connector.model.definition import HealthModel, Measure, Segment
from connector.model.explain import explanation
from tests.model.lake import AS_OF, Lake

LINE = ((0.0, 0.0), (100.0, 100.0))


def measured(name: str, column: str) -> Measure:
    return Measure(name=name, stream="accounts", value=column, group=name, points=LINE)


MODEL = HealthModel(
    "parted",
    {"use": 10, "talk": 10},
    measures=(measured("use", "employees"), measured("talk", "goals_total")),
    segments=(
        Segment("small", "revenue < 10", {"use": 30}),
        Segment("cheap", "revenue < 100", {"talk": 90}),
    ),
)
REVENUE = {"tiny": 5, "cheap": 50, "large": 500, "unknown": None}


@pytest.fixture(scope="module")
def lake() -> Lake:
    """One account in every segment and two in none, all with the same values."""
    lake = Lake()
    for id, revenue in REVENUE.items():
        lake.put("accounts", id=id, revenue=revenue, employees=100, goals_total=0)
    return lake.run(MODEL)


def test_the_first_match_decides_the_weights(lake):
    """Also where a later one would hold; in none the model's own count."""
    assert lake.rows("SELECT account_id, scored_as, score FROM scores ORDER BY account_id") == [
        ("cheap", "cheap", 100),
        ("large", None, 500),
        ("tiny", "small", 750),
        ("unknown", None, 500),
    ]


def test_who_matches_none_is_listed(lake):
    """By id, and only where there are segments."""
    assert lake.rows("SELECT id FROM oddities WHERE rule = 'no_segment' ORDER BY id") == [
        "large", "unknown",
    ]  # fmt: skip
    plain = Lake().put("accounts", id="a").run(replace(MODEL, segments=()))
    assert plain.rows("SELECT id FROM oddities WHERE rule = 'no_segment'") == []


def test_python_weighs_as_the_sql_does(lake):
    """The whole numbers of every part, segment by segment."""
    for id in REVENUE:
        row = lake.row(id)
        graded = arithmetic.grade(MODEL.in_segment(row["scored_as"]), {"use": 1000, "talk": 0})
        assert graded.score == row["raw"]
        assert {name: part.contribution for name, part in graded.parts.items()} == {
            name: row[name]["contribution"] for name in ("use", "talk")
        }


def test_a_change_within_a_segment_adds_up():
    """And what would lift the account is weighed as it is there."""
    lake = Lake().put("accounts", id="001", revenue=5, employees=40, goals_total=0)
    first = lake.run(MODEL).row()
    lake.keep().db.execute("UPDATE lake_accounts SET employees = 60")
    found = explanation(MODEL, lake.run(MODEL, AS_OF + timedelta(days=1)).row(), first)
    assert found["segment"] == "small"
    assert [(t["name"], t["delta"]) for t in found["change"]["terms"]] == [("use", 15.0)]
    (step,) = [each for each in found["next_tier"] if each["name"] == "use"]
    assert step["to"]["value"] == pytest.approx(82.6, abs=0.1)


def test_segments_make_another_version():
    """Their weights move scores; their names for people do not."""
    assert replace(MODEL, segments=()).version != MODEL.version
    named = tuple(replace(each, label={"en": each.name}) for each in MODEL.segments)
    assert replace(MODEL, segments=named).version == MODEL.version
