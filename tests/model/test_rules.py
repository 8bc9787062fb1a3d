"""Tiers by rule and by rank: the first that holds, below caps and a person's word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connector.model import card, rules
from connector.model.checks import problems
from connector.model.definition import Cap, HealthModel, Measure, Override, Rule
from connector.model.explain import explanation
from connector.model.telling import text
from tests.model.lake import AS_OF, Lake
from tests.model.test_explain import reach_of

WORDS = {"en": "Key account", "de": "Schlüsselkonto"}
KEY = Rule("key", "revenue > 1000 and it >= 30", "B", WORDS)


def model(*found: Rule, **more: Any) -> HealthModel:
    """A model whose score is the number of employees."""
    measure = Measure(
        name="it", stream="accounts", value="employees", group="g",
        points=((0.0, 0.0), (100.0, 100.0)),
    )  # fmt: skip
    return HealthModel("ruled", {"g": 1}, measures=(measure,), rules=found, **more)


def tiers(mine: HealthModel, *accounts: dict[str, Any]) -> list[Any]:
    """Tier and rule of every account."""
    lake = Lake()
    for n, values in enumerate(accounts):
        lake.put("accounts", id=f"{n}", **values)
    return lake.run(mine).rows("SELECT tier, rule FROM scores ORDER BY account_id")


def test_a_rule_decides_and_the_score_stays():
    """By value and engagement beside health; whom it does not name has the edges."""
    found = tiers(
        model(KEY),
        {"employees": 30, "revenue": 5000},
        {"employees": 90, "revenue": 5000},
        {"employees": 30, "revenue": 500},
        {"employees": 30},
        {"revenue": 5000},
    )
    assert found == [("B", "key"), ("B", "key"), ("D", None), ("D", None), (None, None)]
    lake = Lake().put("accounts", id="001", employees=30, revenue=5000).run(model(KEY))
    assert (lake.score(), lake.rows("SELECT rule FROM results")) == (300, ["key"])


def test_the_first_rule_that_holds_counts():
    """In the order of the file."""
    other = Rule("all", "score >= 0", "C")
    account = {"employees": 50, "revenue": 5000}
    assert tiers(model(KEY, other), account) == [("B", "key")]
    assert tiers(model(other, KEY), account) == [("C", "all")]


def test_tiers_by_rank():
    """The best fifth, the next two fifths; equals share a rank, and who has no score has none."""
    mine = model(
        Rule("best", "rank < 20", "A"), Rule("good", "rank < 60", "B"), Rule("rest", "TRUE", "D")
    )
    numbers = [10, None, 30, 20, 50, 40, None]
    found = tiers(mine, *({"employees": each} for each in numbers))
    assert [tier for tier, _ in found] == ["D", None, "B", "D", "A", "B", None]
    same = tiers(mine, *({"employees": each} for each in (7, 9, 9, 9, 1)))
    assert [tier for tier, _ in same] == ["D", "A", "A", "A", "D"]


def test_a_rule_may_have_a_margin_of_its_own():
    """By the tier before."""
    mine = model(Rule("half", "score >= 50 or (score >= 45 and tier_before = 'A')", "A"))
    lake = Lake().put("accounts", id="001", employees=46)
    assert lake.run(mine).tier() == "C"
    lake.put("scores", account_id="001", as_of="2026-01-30", model=mine.version, tier="A", score=1)
    assert lake.run(mine).tier() == "A"


def test_override_beats_cap_beats_rule():
    """A rule is no promise."""
    mine = model(
        KEY, caps=(Cap("late", "goals_total > 0", "C"),),
        override=Override("override_tier", "override_until"),
    )  # fmt: skip
    account = {"employees": 90, "revenue": 5000, "goals_total": 1}
    by_hand = {**account, "override_tier": "A", "override_until": AS_OF.date()}
    assert tiers(mine, account, by_hand) == [("C", "key"), ("A", "key")]


def test_a_rule_is_told():
    """In the reason, in an explanation, on the card; no step to a better tier is promised."""
    mine = model(KEY)
    lake = Lake().put("accounts", id="001", employees=30, revenue=5000).run(mine)
    assert lake.rows("SELECT reason_en, reason_de FROM scores") == [
        ("Key account; it: 30", "Schlüsselkonto; it: 30")
    ]
    found = explanation(mine, lake.row())
    assert (found["rule"]["name"], found["next_tier"]) == ("key", [])
    assert "Stufe B nach Regel: Schlüsselkonto" in text(found, "de")
    assert "- B by rule, before the edges: Key account" in card.card(mine, "en")
    assert not rules.ranks(mine)
    assert rules.ranks(model(Rule("best", "rank < 20", "A")))


def test_advice_is_tried_on_the_rules_too():
    """The value at which a rule begins to hold leads there, though the edge of the score is far."""
    mine = model(Rule("fine", "it = 100", "A"), Rule("key", "revenue > 1000", "C"))
    lake = Lake().put("accounts", id="001", employees=30, revenue=5000)
    advice, row, _ = reach_of(lake, mine)
    assert (row["tier"], advice["tier"], advice["changes"][0]["to"]) == ("C", "A", 100)
    stuck = model(Rule("key", "revenue > 1000", "C"))
    assert reach_of(lake, stuck)[0] is None


def test_rules_make_another_version_and_none_makes_none():
    """Their labels do not."""
    assert model(KEY).version == model(replace(KEY, label={})).version != model().version
    assert model(KEY).version != model(replace(KEY, tier="C")).version


@pytest.mark.parametrize("when", ["colour = 1", "score", "confidence > 1", "tier = 'A'"])
def test_a_rule_that_is_none_is_found(when):
    """Also one that asks about what is only known afterwards."""
    (found,) = problems(model(Rule("odd", when, "A")))
    assert found.path == ("rules", 0, "when")


def test_no_measure_is_called_rank():
    """Nobody could ask about it."""
    (measure,) = model().measures
    found = problems(replace(model(), measures=(replace(measure, name="rank"),)))
    assert ("measures", 0, "name") in [each.path for each in found]
