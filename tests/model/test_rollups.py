"""What a parent shows of itself and of those below, and alerts about results."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.model.definition import Alert, HealthModel, Hierarchy, Measure
from tests.model.lake import AS_OF, Lake, ago

LINE = ((0.0, 0.0), (100.0, 100.0))
MODEL = HealthModel(
    "tree",
    {"g": 1},
    measures=(Measure(name="it", stream="accounts", value="employees", group="g", points=LINE),),
)
#: Account, parent, score, revenue.
TREE = (
    ("top", None, 90, 100.9),
    ("mid", "top", 70, None),
    ("leaf", "mid", 30, 300.0),
    ("silent", "mid", None, 9_000.0),
    ("lone", None, 50, -5.0),
    ("ring1", "ring2", 80, 1.0),
    ("ring2", "ring1", 20, 1.0),
)


def rolled(rule, **more):
    lake = Lake()
    for id, parent, score, revenue in TREE:
        lake.put("accounts", id=id, parent_id=parent, employees=score, revenue=revenue)
    lake.run(replace(MODEL, hierarchy=Hierarchy(rule), **more))
    rows = lake.rows("SELECT id, rollup_score, rollup_tier, score FROM results")
    return {id: (score, tier) for id, score, tier, _ in rows}


def test_the_worst_below_is_shown():
    """At any depth; what is unknown is not the worst."""
    found = rolled("worst")
    assert found["top"] == found["mid"] == found["leaf"] == (30, "D")
    assert found["silent"] == (None, None)
    assert found["lone"] == (50, "C")


def test_revenue_weighs():
    """In whole units, exactly; without revenue the plain mean; the unknown weighs nothing."""
    found = rolled("revenue")
    assert found["top"] == ((90 * 100 + 30 * 300) / 400, "C")
    assert found["mid"] == (30, "D")
    assert found["lone"] == (50, "C")


def test_the_tier_of_a_mean_has_the_margin_of_every_tier():
    """What goes up and down around an edge is one tier, not a write each time."""
    mine, lake = replace(MODEL, hierarchy=Hierarchy("revenue")), Lake()
    lake.put("accounts", id="top", employees=60, revenue=100)
    lake.put("accounts", id="leaf", parent_id="top", employees=61, revenue=100)
    told = []
    for day, score in enumerate((61, 59, 61, 59, 40, 61, 80)):
        lake.db.execute(f"UPDATE lake_accounts SET employees = {score} WHERE id = 'leaf'")
        lake.run(mine, as_of=AS_OF + timedelta(days=day)).keep()
        told += lake.rows("SELECT rollup_score, rollup_tier FROM results WHERE id = 'top'")
    assert [score for score, _ in told] == [60.5, 59.5, 60.5, 59.5, 50, 60.5, 70]
    assert "".join(tier for _, tier in told) == "BBBBCCB"


def test_a_parent_without_a_score_of_its_own_keeps_its_tier_too():
    mine, lake = replace(MODEL, hierarchy=Hierarchy("revenue")), Lake()
    lake.put("accounts", id="top")
    lake.put("accounts", id="leaf", parent_id="top", employees=60)
    for day, score in enumerate((60, 59.9)):
        lake.db.execute(f"UPDATE lake_accounts SET employees = {score} WHERE id = 'leaf'")
        lake.run(mine, as_of=AS_OF + timedelta(days=day)).keep()
    assert lake.rows("SELECT rollup_tier FROM results WHERE id = 'top'") == ["B"]


def test_own_is_what_an_account_has_itself():
    """Whatever is below it."""
    found = rolled("own")
    assert (found["top"], found["mid"]) == ((90, "A"), (70, "B"))


@pytest.mark.parametrize("rule", ["worst", "revenue"])
def test_a_ring_of_parents_ends(rule):
    """Accounts that are their own ancestors stand alone."""
    found = rolled(rule)
    assert (found["ring1"][0], found["ring2"][0]) == (80, 20)


ALERTS = (
    Alert("fell", "score_before - score >= 15"),
    Alert("dropped", "tier > tier_before and known(it)"),
    Alert("big_and_bad", "tier = 'D' and revenue > 100"),
)


def test_alerts_name_what_somebody_should_know():
    """Over score, the one before, measures and account columns; listed by id."""
    mine = replace(MODEL, alerts=ALERTS)
    lake = Lake()
    for id, now, before, tier in (("a", 50, 700, "B"), ("b", 30, 400, "C"), ("c", 60, 610, "B")):
        lake.put("accounts", id=id, employees=now, revenue=500)
        lake.put("scores", account_id=id, as_of=ago(1), model=mine.version, score=before, tier=tier)
    lake.run(mine)
    assert lake.rows("SELECT id, alerts FROM results ORDER BY id") == [
        ("a", ["fell", "dropped"]),
        ("b", ["dropped", "big_and_bad"]),
        ("c", []),
    ]
    listed = lake.rows("SELECT rule, id FROM oddities WHERE rule = 'fell'")
    assert listed == [("fell", "a")]


def test_alerts_and_hierarchy_change_no_score():
    """So the version of the model stays, and with it history."""
    assert replace(MODEL, alerts=ALERTS, hierarchy=Hierarchy("worst")).version == MODEL.version
