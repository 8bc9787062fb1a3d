"""Why a score is what it is, why it changed, and what would lift it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from connector.model import files
from connector.model.explain import explanation, text
from tests.model.lake import AS_OF, SHIPPED, Lake, ago, answer, only, shipped


def customer() -> Lake:
    """A customer of whom something is known in most groups."""
    lake = Lake().put(
        "accounts",
        id="001",
        sentiment=3,
        sentiment_at=ago(5),
        goals_total=4,
        goals_reached=1,
        advocacy="Neutral",
    )
    for n, status in enumerate(("held", "no_show", "held")):
        meeting = {"kind": "meeting", "status": status, "contact_id": f"003{n}"}
        lake.put("activities", id=f"a{n}", account_id="001", occurred_at=ago(9 + n), **meeting)
    lake.put("tickets", id="t", account_id="001", priority="high", opened_at=ago(20))
    return answer(answer(lake, "r", 7, 30), "q", 9, 60)


def explained(lake: Lake, model=None, previous=None):
    model = model or shipped()
    return explanation(model, lake.run(model).row(), previous)


def tenths(value: float) -> int:
    return round(value * 10)


def test_it_has_the_agreed_keys():
    """And is plain JSON."""
    found = explained(customer())
    agreed = {
        "account",
        "as_of",
        "model",
        "score",
        "tier",
        "confidence",
        "unknown",
        "contributions",
    }
    assert agreed | {"caps", "change", "next_tier"} <= set(found)
    assert json.loads(json.dumps(found)) == found


def test_contributions_add_up():
    """To the score before caps less 50."""
    found = explained(customer())
    assert sum(tenths(c["contribution"]) for c in found["contributions"]) == (
        tenths(found["score_before_caps"]) - 500
    )


def test_known_and_unknown_are_all_measures():
    """Nothing is passed over, and what is unknown says why."""
    found = explained(customer())
    names = [each["name"] for each in (*found["contributions"], *found["unknown"])]
    assert sorted(names) == sorted(each.name for each in shipped().scored)
    why = {each["name"]: each["why"] for each in found["unknown"]}
    assert why["usage_trend"] == "no signals within 60 days"
    assert why["onboarding_state"] == "the account has no value"


def test_caps_are_listed():
    """With their names in both languages."""
    lake = customer().put(
        "tickets", id="u", account_id="001", priority="urgent", is_closed=False, opened_at=ago(1)
    )
    lake.db.execute("UPDATE lake_accounts SET sentiment = 5, goals_reached = 4")
    found = explained(lake)
    assert [cap["name"] for cap in found["caps"]] == ["open_urgent_ticket"]
    assert found["next_tier"][0]["cause"] == "cap"


def changed(lake: Lake, happens, model=None):
    """The change from one week to the next, between which something happens."""
    first = lake.run(shipped()).row()
    lake.keep()
    happens(lake)
    model = model or shipped()
    second = lake.run(model, AS_OF + timedelta(days=7)).row()
    return explanation(model, second, first)["change"]


def total(change) -> int:
    return sum(tenths(term["delta"]) for term in change["terms"])


def test_the_terms_of_a_change_add_up():
    """New answers, new tickets, lost values: to − from, exactly."""

    def week(lake: Lake) -> None:
        answer(lake, "s", 2, -3)
        lake.put(
            "tickets",
            id="t2",
            account_id="001",
            priority="urgent",
            is_closed=True,
            opened_at=ago(-2),
        )
        lake.db.execute("UPDATE lake_accounts SET advocacy = NULL")

    change = changed(customer(), week)
    assert change["from"] > change["to"]
    assert total(change) == tenths(change["to"]) - tenths(change["from"])
    assert {term["cause"] for term in change["terms"]} == {"data"}


def test_a_cap_is_a_term_of_its_own():
    """What a cap takes is not blamed on a measure."""

    def week(lake: Lake) -> None:
        lake.put(
            "tickets",
            id="t2",
            account_id="001",
            priority="urgent",
            is_closed=False,
            opened_at=ago(-2),
        )

    lake = customer()
    lake.db.execute(
        "UPDATE lake_accounts SET sentiment = 5, goals_reached = 4, advocacy = 'Reference'"
    )
    change = changed(lake, week)
    (cap,) = [term for term in change["terms"] if term["cause"] == "cap"]
    assert (cap["name"], cap["delta"] < 0) == ("open_urgent_ticket", True)
    assert total(change) == tenths(change["to"]) - tenths(change["from"])


def test_a_new_model_is_a_term_of_its_own():
    """Other weights, the same data: all of the change is the model's."""
    new = SHIPPED.read_text().replace("outcomes           = 10", "outcomes           = 60")
    model, _ = files.read(new, "new.toml")
    lake = customer()
    first = lake.run(shipped()).row()
    change = explanation(model, lake.run(model).row(), first)["change"]
    assert [(t["cause"], t["name"]) for t in change["terms"]] == [("model", model.version)]
    assert total(change) == tenths(change["to"]) - tenths(change["from"]) != 0


def test_a_new_model_and_new_data_are_told_apart():
    """Both terms are there, and they add up."""
    new = SHIPPED.read_text().replace("outcomes           = 10", "outcomes           = 60")
    model, _ = files.read(new, "new.toml")
    change = changed(customer(), lambda lake: answer(lake, "s", 0, -3), model)
    assert {term["cause"] for term in change["terms"]} == {"model", "data"}
    assert total(change) == tenths(change["to"]) - tenths(change["from"])


def test_without_an_earlier_score_there_is_no_change():
    """The first run explains only itself."""
    assert explained(customer())["change"] is None


def test_the_step_to_the_next_tier_is_the_smallest():
    """Doing it reaches the tier; doing a little less does not."""
    model = only("goals_share")
    lake = Lake().put(
        "accounts", id="001", sentiment=3, sentiment_at=ago(1), goals_total=1000, goals_reached=300
    )
    found = explained(lake, model)
    assert found["tier"] == "C"
    step = next(each for each in found["next_tier"] if each["name"] == "goals_share")
    lake.keep()
    for value, tier in ((step["to"]["value"], "B"), (step["to"]["value"] - 0.2, "C")):
        lake.db.execute("UPDATE lake_accounts SET goals_reached = ?", [value * 10])
        assert lake.run(model, AS_OF + timedelta(days=1)).tier() == tier


def test_what_cannot_reach_the_next_tier_is_not_offered():
    """The rest of the weight is too heavy."""
    lake = Lake().put(
        "accounts", id="001", sentiment=1, sentiment_at=ago(1), goals_total=4, goals_reached=0
    )
    offered = [each["name"] for each in explained(lake, only("goals_share"))["next_tier"]]
    assert offered == ["csm_sentiment"]


def test_the_best_tier_has_no_next():
    """Nothing is asked of an A."""
    lake = Lake().put("accounts", id="001", sentiment=5, sentiment_at=ago(1))
    assert explained(lake, only("csm_sentiment"))["next_tier"] == []


@pytest.mark.parametrize(
    ("language", "head", "decimal"), [("en", "Score", "."), ("de", "Wert", ",")]
)
def test_it_can_be_read_in_two_languages(language, head, decimal):
    """The first line says score, tier and confidence; German has a decimal comma."""
    lines = text(explained(customer()), language)
    assert lines[0].startswith(head)
    assert any(f"{decimal}" in line for line in lines[1:4])
    assert not any("{" in line for line in lines)


def test_an_unknown_account_is_said_to_be_unknown():
    """In one line, without numbers."""
    found = explained(Lake().put("accounts", id="001"))
    assert text(found, "en") == ["No score: nothing is known about this account"]
    assert found["score"] is None
