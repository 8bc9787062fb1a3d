"""Ingredients that weigh otherwise for some: the first match wins, who matches none is listed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.model import arithmetic, card, results
from connector.model.checks import problems
from connector.model.definition import (
    Cap,
    HealthModel,
    Hierarchy,
    Measure,
    Override,
    Segment,
    Tiers,
)
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


# ── tiers ─────────────────────────────────────────────────────────────────────────────────────────

EDGES = replace(
    MODEL,
    measures=(measured("use", "employees"),),
    groups={"use": 1},
    tiers=Tiers(hysteresis=2),
    segments=(
        Segment("small", "revenue < 10", tiers={"A": 60, "B": 40, "C": 20, "hysteresis": 5}),
    ),
)


def placed(
    model: HealthModel, use: float, before: str | None = None, **more: object
) -> list[object]:
    """Tier and score of a small and of a large account with the same use."""
    lake = Lake()
    for id, revenue in (("large", 500), ("small", 5)):
        lake.put("accounts", id=id, revenue=revenue, employees=use, **more)
        if before:
            earlier = (AS_OF - timedelta(days=1)).isoformat()
            lake.put(
                "scores", account_id=id, as_of=earlier, model=model.version, tier=before, score=0
            )
    return lake.run(model).rows("SELECT tier, score FROM scores ORDER BY account_id")


def test_a_segment_draws_other_edges():
    """The same 65 is a B and an A."""
    assert placed(EDGES, 65) == [("B", 650), ("A", 650)]
    assert placed(EDGES, 15) == [("D", 150), ("D", 150)]


@pytest.mark.parametrize(
    ("use", "before", "tiers"),
    [
        (57, "A", ["C", "A"]),  # five points of margin below 60
        (55, "A", ["C", "A"]),
        (54, "A", ["C", "B"]),
        (64, "B", ["B", "B"]),
        (65, "B", ["B", "A"]),
        (81, "B", ["B", "A"]),
    ],
)
def test_a_tier_is_left_by_the_edges_and_the_margin_of_its_segment(use, before, tiers):
    """Each account by its own."""
    assert [tier for tier, _ in placed(EDGES, use, before)] == tiers


def test_a_cap_lowers_to_the_limit_of_the_segment():
    """At most C is 59.9 for the large and 39.9 for the small."""
    capped = replace(EDGES, caps=(Cap("capped", "employees > 0", "C"),))
    assert placed(capped, 95) == [("C", 599), ("C", 399)]


def test_a_person_s_tier_leads_into_the_range_of_the_segment():
    """An A from 80 on, and from 60 on."""
    by_hand = replace(EDGES, override=Override("override_tier", "override_until"))
    told = {"override_tier": "A", "override_until": AS_OF.date()}
    assert placed(by_hand, 10, **told) == [("A", 800), ("A", 600)]


def test_advice_aims_at_the_edge_of_the_segment():
    """What the smallest step reaches, and the panel's next tier."""
    lake = Lake().put("accounts", id="001", revenue=5, employees=50).run(EDGES)
    found = explanation(EDGES, lake.row())
    (step,) = found["next_tier"]
    assert (step["tier"], step["to"]["value"]) == ("A", 65.0)  # the edge and its margin


def test_trend_and_rollup_follow_the_segment():
    """Four points are a trend for the large alone; a parent's mean is judged by its own edges."""
    family = replace(EDGES, hierarchy=Hierarchy("revenue"))
    lake = Lake()
    lake.put("accounts", id="top", revenue=5, employees=70)
    lake.put("accounts", id="sub", revenue=500, employees=62, parent_id="top")
    for id, score in (("top", 660), ("sub", 580)):
        earlier = (AS_OF - timedelta(days=1)).isoformat()
        lake.put(
            "scores", account_id=id, as_of=earlier, model=family.version, tier="B", score=score
        )
    lake.run(family)
    asked = "SELECT id, trend, rollup_score, rollup_tier FROM results ORDER BY id"
    assert lake.rows(asked) == [("sub", "up", 62.0, "B"), ("top", "steady", 62.1, "A")]
    assert set(results.columns(family)) >= {"trend", "rollup_tier"}


def test_edges_make_another_version_and_no_edges_none():
    """Where a segment says nothing of tiers the model is the one that it was before."""
    bare = tuple(replace(each, tiers={}) for each in EDGES.segments)
    assert replace(EDGES, segments=bare).version != EDGES.version
    assert MODEL.version == "43b1fe299776"


def test_edges_out_of_order_are_found():
    """Together with those of the model that stay: a B at 85 above its A."""
    wrong = replace(EDGES, segments=(Segment("odd", "revenue < 10", tiers={"B": 85}),))
    (found,) = problems(wrong)
    assert found.path == ("segments", 0, "tiers", "A")


def test_the_card_and_the_help_text_name_other_edges():
    """The reader of a tier learns that his may lie elsewhere."""
    named = replace(EDGES.segments[0], label={"en": "Small", "de": "Klein"})
    model = replace(EDGES, segments=(named,))
    assert "- Small: A from 60, B from 40, C from 20. An account leaves its tier only 5 points" in (
        card.card(model, "en")
    )
    assert card.helps(model)["tier"]["de"].endswith("Andere Grenzen in: Klein.")
