"""What an answer weighs by who gave it, and which of a person's answers counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.model import card
from connector.model.checks import problems
from connector.model.definition import HealthModel, Measure, Role
from tests.model.lake import Lake, answer, only, shipped

LINE = ((-100.0, 0.0), (100.0, 100.0))
SIDE = "case when score >= 9 then 1 when score <= 6 then -1 else 0 end"
WEIGHT = "role_weight * decay"
#: Account → (role, score, age in days), as the method page works them out with a half-life of 90.
METHOD = {
    "alpha": [("Decision maker", 9, 20), ("User", 6, 10), (None, 10, 200)],
    "beta": [("Decision maker", 4, 40)],
    "gamma": [("User", 8, 15), ("User", 9, 30)],
    "delta": [],
}


def method(value: str) -> HealthModel:
    """One measure over answers, with the roles that are shipped."""
    measure = Measure(
        name="it", stream="responses", value=value, group="g", points=LINE, half_life=90
    )
    return HealthModel("method", {"g": 1}, measures=(measure,), roles=shipped().roles)


def surveyed() -> Lake:
    """Every answer with a contact of that role at its account."""
    lake = Lake()
    for account, answers in METHOD.items():
        lake.put("accounts", id=account)
        for n, (role, score, days) in enumerate(answers):
            mail = f"{account}{n}@x.example"
            lake.put("contacts", id=f"c{account}{n}", account_id=account, email=mail, role=role)
            answer(lake, f"{account}{n}", score, days, account_key=None, email=mail.upper())
    return lake


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"100 * sum({WEIGHT} * {SIDE}) / sum({WEIGHT})", (50.1, -100, 47.1, None)),
        (f"sum({WEIGHT} * score) / sum({WEIGHT})", (8.31, 4.00, 8.47, None)),
        (f"power(sum({WEIGHT}), 2) / sum(power({WEIGHT}, 2))", (1.83, 1.00, 1.99, None)),
        (f"100.0 * sum({SIDE}) / count(*)", (33.3, -100, 50, None)),
    ],
)
def test_the_worked_accounts_of_the_method(value, expected):
    """Weighted NPS, mean score, effective count and simple NPS, by the roles of contacts."""
    lake = surveyed().run(method(value))
    for account, number in zip(METHOD, expected, strict=True):
        found = lake.value("it", account)
        if number is None:
            assert found is None
        else:
            assert found == pytest.approx(number, abs=0.051 if abs(number) > 9 else 0.0051)


def test_revenue_weighs_and_coverage_is_what_answered():
    """39.3 by revenue over the covered accounts, 75 % of accounts and of revenue covered."""
    lake = surveyed().run(method(f"100 * sum({WEIGHT} * {SIDE}) / sum({WEIGHT})"))
    lake.db.execute(
        "CREATE TABLE arr AS SELECT * FROM (VALUES"
        " ('alpha', 500), ('beta', 50), ('gamma', 200), ('delta', 250)) AS v(id, arr)"
    )
    weighed, accounts, revenue = lake.rows(
        "SELECT sum(arr * it) / sum(arr) FILTER (WHERE it IS NOT NULL), count(it) / count(*),"
        " sum(arr) FILTER (WHERE it IS NOT NULL) / sum(arr)"
        " FROM raw JOIN arr ON arr.id = raw.account_id"
    )[0]
    assert (round(weighed, 1), accounts, revenue) == (39.3, 0.75, 0.75)
    plain = lake.rows(f"SELECT 100.0 * sum({SIDE}) / count(*) FROM v_responses")[0]
    assert plain == pytest.approx(16.7, abs=0.05)


def test_the_shipped_measure_is_weighted_and_shrunk():
    """A decision maker's 4 beside two users' 9s: 8.7; as users all three, 33.3 becomes 28.6."""
    for role, expected in (("Decision maker", 8.7), ("Champion", 15.0), ("User", 28.6)):
        lake = Lake().put("accounts", id="001")
        lake.put("contacts", id="c1", account_id="001", email="a@x.example", role=role)
        for id, score in (("a", 4), ("b", 9), ("c", 9)):
            answer(lake, id, score, 0)
        assert lake.run(only("loyalty")).value("loyalty") == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(
    "keys",
    [
        {"contact_key": "003000000000001AAA", "email": None},
        {"contact_key": "003000000000001", "email": "elsewhere@x.example"},
        {"contact_key": None, "email": " Anna@X.example"},
        {"contact_key": "unheard-of", "email": "anna@x.example"},
    ],
)
def test_a_person_is_known_by_record_id_or_address(keys):
    """Whichever the platform tells."""
    lake = Lake().put("accounts", id="001")
    lake.put(
        "contacts", id="003000000000001AAA", account_id="001", email="anna@x.example",
        role="Decision maker",
    )  # fmt: skip
    answer(lake, "r1", 9, 1, **keys)
    assert lake.run(method("max(role_weight)")).value("it") == 3


def test_a_person_entered_twice_has_the_weightier_role():
    """Not the weight of both, and no answer counts twice."""
    lake = Lake().put("accounts", id="001")
    for id, role in (("c1", "User"), ("c2", "Decision maker"), ("c3", None)):
        lake.put("contacts", id=id, account_id="001", email="a@x.example", role=role)
    answer(lake, "a", 9, 1)
    assert lake.run(method("sum(role_weight)")).value("it") == 3


def test_a_stranger_weighs_one():
    """As does a contact in no role, and everybody where the model names none."""
    lake = answer(Lake().put("accounts", id="001"), "a", 9, 1)
    assert lake.run(method("max(role_weight)")).value("it") == 1
    lake.put("contacts", id="c1", account_id="001", email="a@x.example", role="Decision maker")
    assert lake.run(replace(method("max(role_weight)"), roles=())).value("it") == 1


def test_only_the_latest_answer_of_a_person_is_loyalty():
    """A detractor who became a promoter is one; the plain NPS keeps both."""
    lake = Lake().put("accounts", id="001")
    answer(lake, "r1", 2, 100, email="a@x.example", survey="s")
    answer(lake, "r2", 10, 1, email="a@x.example", survey="s")
    lake.run(only("loyalty", "nps"))
    assert lake.value("loyalty") == pytest.approx(40)
    assert lake.value("nps") == 0


def test_roles_make_another_version_and_are_on_the_card():
    """Their weights move scores; what they are called does not."""
    model = shipped()
    assert replace(model, roles=()).version != model.version
    renamed = tuple(replace(each, label={"en": "X"}) for each in model.roles)
    assert replace(model, roles=renamed).version == model.version
    told = "An answer weighs by who gave it: Decision maker 3, Influencer or champion 2"
    assert told in card.card(model, "en")


def test_a_wrong_role_is_found():
    """A column that contacts do not have, and a weight that is none."""
    wrong = (Role("boss", "rank = 'C'", 3), Role("nobody", "role is null", 0))
    found = [each.path for each in problems(replace(method("max(role_weight)"), roles=wrong))]
    assert found == [("roles", 0, "when"), ("roles", 1, "weight")]
