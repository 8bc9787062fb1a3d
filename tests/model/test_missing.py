"""What stands in for an unknown: left out, the worst, the middle, or what was known last."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.mapping.document import Mistake
from connector.model import ageing, arithmetic, card, files, measures, whatif
from connector.model.checks import problems
from connector.model.definition import BlindSpot, Cap, HealthModel, Measure
from connector.model.explain import explanation
from tests.model.lake import AS_OF, Lake, ago, answer
from tests.model.test_shipped import judged

LINE = ((0.0, 10.0), (100.0, 90.0))
MISSING = ("exclude", "worst", "neutral")


def measured(name: str, column: str, group: str, missing: str = "exclude") -> Measure:
    return Measure(
        name=name, stream="accounts", value=column, group=group, points=LINE, missing=missing
    )


def model(use: str = "exclude", talk: str = "exclude", group: str = "exclude") -> HealthModel:
    """Two measures of how they use it, one of talks, one of goals."""
    return HealthModel(
        "gaps",
        {"adoption": 2, "engagement": 1, "outcomes": 1},
        group_missing={} if group == "exclude" else {"adoption": group},
        measures=(
            measured("use", "employees", "adoption", use),
            measured("breadth", "goals_total", "adoption"),
            measured("talk", "sentiment", "engagement", talk),
            measured("goals", "goals_reached", "outcomes"),
        ),
    )


def scored(model: HealthModel, **known: float) -> Lake:
    return Lake().put("accounts", id="001", **known).run(model)


@pytest.mark.parametrize(
    ("rule", "score"),
    [("exclude", 900), ("worst", 500), ("neutral", 700)],
)
def test_an_unknown_counts_as_its_measure_says(rule, score):
    """Goals are at 90 points; use, of which nothing is known, weighs as much if it counts."""
    one = replace(model(use=rule), groups={"adoption": 1, "engagement": 1, "outcomes": 1})
    lake = scored(one, goals_reached=100)
    assert lake.score() == score
    assert lake.rows("SELECT assumed FROM scores") == [["use"] if rule != "exclude" else []]


def test_what_stands_in_adds_to_no_confidence_and_makes_no_group_known():
    """It is as unknown as it was."""
    plain, guessed = (scored(model(group=rule), goals_reached=100) for rule in ("exclude", "worst"))
    asked = "SELECT confidence, known FROM scores"
    assert guessed.rows(asked) == plain.rows(asked) == [(25, 1)]
    assert guessed.score() < plain.score()


def test_the_rule_of_a_group_holds_where_nothing_of_it_is_known():
    """One known measure carries the weight of its group as ever."""
    worst = model(group="worst")
    assert scored(worst, goals_reached=100).rows("SELECT assumed FROM scores") == [
        ["use", "breadth"]
    ]
    lake = scored(worst, goals_reached=100, employees=100)
    assert (lake.score(), lake.rows("SELECT assumed FROM scores")) == (900, [[]])


def test_a_measure_that_says_something_itself_is_not_overruled_by_its_group():
    """Neutral in a group that is worst."""
    row = scored(model(use="neutral", group="worst"), goals_reached=100).row()
    assert (row["use"]["points"], row["breadth"]["points"]) == (500, 100)


def test_nothing_known_is_no_score_whatever_stands_in():
    """A guess alone is no score."""
    lake = scored(model("worst", "neutral", "worst"))
    asked = "SELECT score, tier, known, confidence, assumed FROM scores"
    assert lake.rows(asked) == [(None, None, 0, 0, [])]


known = st.none() | st.integers(0, 100)


@settings(deadline=None, max_examples=6)
@given(
    st.sampled_from(MISSING), st.sampled_from(MISSING), st.sampled_from(MISSING),
    st.lists(st.tuples(known, known, known, known), min_size=20, max_size=30),
)  # fmt: skip
def test_python_fills_as_the_sql_does(use, talk, group, rows):
    """Points, weights and contributions of every account, and they add up."""
    one, lake = model(use, talk, group), Lake()
    columns = ("employees", "goals_total", "sentiment", "goals_reached")
    for n, values in enumerate(rows):
        lake.put("accounts", id=f"{n:03}", **dict(zip(columns, values, strict=True)))
    lake.run(one)
    for n, values in enumerate(rows):
        row = lake.row(f"{n:03}")
        given = {m.name: arithmetic.points(m, v) for m, v in zip(one.measures, values, strict=True)}
        graded = arithmetic.grade(one, given)
        assert graded.score == row["raw"]
        for name, part in graded.parts.items():
            cell = row[name]
            assert (part.points, part.weight, part.contribution) == (
                cell["points"], cell["weight"], cell["contribution"],
            )  # fmt: skip
        if row["raw"] is not None:
            assert sum(p.contribution for p in graded.parts.values()) == row["raw"] - 500


def test_a_blind_spot_stays_one():
    """What stands in for a value tells nothing about why there is none."""
    spot = BlindSpot("unused", "adoption", "employees IS NULL")
    one = replace(model(group="worst"), blind_spots=(spot,))
    assert scored(one, goals_reached=100).rows("SELECT blind_spot FROM scores") == ["unused"]


def test_a_cap_asks_about_values_not_about_what_stands_in():
    """`known(use)` is false, and so is a group that is only assumed."""
    caps = (Cap("unused", "NOT known(use)", "C"), Cap("few", "known_groups < 2", "D"))
    lake = scored(replace(model(use="neutral"), caps=caps), goals_reached=100)
    assert lake.rows("SELECT caps FROM scores") == [["unused", "few"]]


def test_an_explanation_names_what_stands_in_among_both():
    """Contributions still add up to the score less 50; unknown is still said to be unknown."""
    row = scored(model(group="worst"), goals_reached=100).row()
    found = explanation(model(group="worst"), row)
    total = sum(each["contribution"] for each in found["contributions"])
    assert total == pytest.approx(found["score"] - 50)
    told = {each["name"]: each["assumed"] for each in found["contributions"]}
    assert told == {"use": "worst", "breadth": "worst", "goals": None}
    assert {each["name"] for each in found["unknown"]} == {"use", "breadth", "talk"}
    assert row["reason_en"] == (
        "breadth unknown, counts as worst; use unknown, counts as worst; goals: 100"
    )
    assert "use unbekannt, zählt als schlecht" in row["reason_de"]


def test_losing_a_value_is_a_term_of_its_measure():
    """The change adds up, and says what the value counts as now."""
    worst = model(use="worst")
    lake = Lake().put("accounts", id="001", employees=100, goals_reached=100)
    before = lake.run(worst).row()
    lake.keep().db.execute("UPDATE lake_accounts SET employees = NULL")
    found = explanation(worst, lake.run(worst, AS_OF + timedelta(days=1)).row(), before)["change"]
    assert sum(each["delta"] for each in found["terms"]) == found["to"] - found["from"] < 0
    (term,) = [each for each in found["terms"] if each["name"] == "use"]
    assert term["text"]["en"] == "use unknown, counts as worst"


def test_advice_counts_what_stands_in_only_until_it_is_known():
    """Making one measure known takes the guess off its siblings, in the SQL as in Python."""
    one = model(group="worst")
    row = scored(one, goals_reached=50).row()
    assert row["tier"] == "D"
    steps = {each["name"]: each for each in explanation(one, row)["next_tier"]}
    assert steps["use"]["to"]["points"] == pytest.approx(38, abs=0.1)
    (use,) = [move for move in whatif.moves(one, row) if move.measure.name == "use"]
    assert (use.value, use.known) == (100.0, False)


# ── carry ─────────────────────────────────────────────────────────────────────────────────────────

ASKED = Measure(
    name="loyalty",
    stream="responses",
    value="100 * sum(decay * case when score >= 9 then 1 when score <= 6 then -1 else 0 end)"
    " / sum(decay)",
    group="sentiment",
    where="metric = 'nps'",
    window=90,
    max_age=365,
    half_life=30,
    missing="carry",
    points=((-100.0, 0.0), (100.0, 100.0)),
)
AGE = Measure(
    name="age",
    stream="responses",
    value="floor((epoch(as_of) - epoch(max(submitted_at))) / 86400) + min(floor(age_days))",
    window=90,
    max_age=365,
    missing="carry",
    group="sentiment",
    points=((0.0, 100.0), (100.0, 0.0)),
)
CARRIED = HealthModel("carried", {"sentiment": 1}, measures=(ASKED,))
STATE = Measure(
    name="opinion", stream="accounts", value="sentiment", at="sentiment_at", group="sentiment",
    window=30, max_age=180, missing="carry", points=((1.0, 0.0), (5.0, 100.0)),
)  # fmt: skip


def answered(*answers: tuple[float, float]) -> Lake:
    lake = Lake().put("accounts", id="001")
    for n, (score, days) in enumerate(answers):
        answer(lake, f"r{n}", score, days)
    return lake


def test_the_last_known_value_is_the_one_that_it_had_then():
    """The window moved back to the newest answer: the one 60 days before it is in, 100 is not."""
    lake = answered((9, 200), (2, 260), (2, 300)).run(CARRIED)
    then = answered((9, 0), (2, 60), (2, 100)).run(CARRIED)
    assert lake.value("loyalty") == then.value("loyalty") == pytest.approx(60)
    told = "SELECT score, confidence, known, assumed FROM scores"
    assert lake.rows(told) == [(800, 0, 1, ["loyalty"])]
    assert then.rows(told) == [(800, 100, 1, [])]


def test_ages_are_those_of_that_moment():
    """`as_of` and `age_days` are what they were when the value was known last."""
    lake = answered((9, 200)).run(replace(CARRIED, measures=(ASKED, AGE)))
    assert lake.value("age") == 0


def test_nothing_is_carried_beyond_its_age_or_over_what_is_known():
    """After a year it is unknown; an answer within the window is all that counts."""
    assert answered((9, 366)).run(CARRIED).value("loyalty") is None
    assert answered((9, 366)).run(CARRIED).score() is None
    assert answered((2, 10), (9, 200)).run(CARRIED).value("loyalty") == -100


def test_the_future_is_not_carried():
    """Only what had happened by the moment is known last."""
    lake = answered((2, -20), (9, 200))
    assert lake.run(CARRIED).value("loyalty") == 100


def test_a_value_of_the_account_is_carried_by_its_own_moment():
    """Given 100 days ago with a window of 30: it counts until 180, but not as sure."""
    one = HealthModel("state", {"sentiment": 1}, measures=(STATE,))
    for days, found in ((10, (1000, 100, [])), (100, (1000, 0, ["opinion"]))):
        lake = Lake().put("accounts", id="001", sentiment=5, sentiment_at=ago(days)).run(one)
        assert lake.rows("SELECT score, confidence, assumed FROM scores") == [found]
    gone = Lake().put("accounts", id="001", sentiment=5, sentiment_at=ago(181)).run(one)
    assert gone.score() is None


def test_a_carried_value_is_said_to_be_one():
    """In the lines of an explanation, with its age where the clock is the cause."""
    lake = answered((9, 80), (2, 85))
    first = lake.run(CARRIED).row()
    later = AS_OF + timedelta(days=130)
    row = lake.keep().run(CARRIED, later).row()
    for stage in ageing.alone(CARRIED, "001", AS_OF, later):
        lake.db.execute(f"CREATE OR REPLACE TEMP {stage.kind} {stage.name} AS {stage.sql}")
    done = lake.db.execute("SELECT * FROM aged")
    names = [each[0] for each in done.description]
    aged = ageing.read(CARRIED, dict(zip(names, done.fetchone(), strict=True)))
    found = explanation(CARRIED, row, first, aged)
    assert [(each["name"], each["assumed"]) for each in found["contributions"]] == [
        ("loyalty", "carry")
    ]
    assert [each["name"] for each in found["unknown"]] == ["loyalty"]
    assert found["change"]["terms"] == []
    assert aged["loyalty"].days == 210


def test_a_value_that_was_carried_before_ages_from_its_record():
    """Its record lay outside the window at the earlier moment already, and is looked at all the
    same, then and by now; where one measure has no window, nothing is too old to be looked at."""
    lake, later = answered((9, 200)), AS_OF + timedelta(days=60)
    lake.run(CARRIED).keep().run(CARRIED, later)
    for stage in ageing.alone(CARRIED, "001", AS_OF, later):
        lake.db.execute(f"CREATE OR REPLACE TEMP {stage.kind} {stage.name} AS {stage.sql}")
    done = lake.db.execute("SELECT * FROM aged")
    names = [each[0] for each in done.description]
    found = ageing.read(CARRIED, dict(zip(names, done.fetchone(), strict=True)))["loyalty"]
    assert (found.then, found.now, found.days) == (100, 100, 260)
    limits = measures.reach(CARRIED, "responses")
    assert limits == ("submitted_at", ASKED.window + ASKED.max_age)
    ever = replace(ASKED, name="ever", window=None, missing="exclude")
    assert measures.reach(replace(CARRIED, measures=(ASKED, ever)), "responses") is None


def failing(text: str) -> list[Mistake]:
    """What the examples of a model file get wrong."""
    found, wrong = files.read(text, "it.toml")
    assert found is not None, wrong
    return [mistake for _, mistake in judged(found) if mistake]


def test_examples_in_the_file_may_show_it():
    """A measure's own example is run by the same statements."""
    text = (
        'name = "it"\n[groups]\ng = 1\n[[measures]]\nname = "asked"\ngroup = "g"\n'
        'from = "responses"\nvalue = "avg(score)"\nwindow = "90d"\nmax_age = "1y"\n'
        'missing = "carry"\npoints = [[0, 0], [10, 100]]\n[[measures.examples]]\n'
        "rows = [{ score = 8, days_ago = 200 }, { score = 2, days_ago = 400 }]\n"
        "expect = { value = 8, points = 80 }\n"
    )
    assert failing(text) == []
    assert len(failing(text.replace("points = 80", "points = 70"))) == 1


@pytest.mark.parametrize("more", ["", 'max_age = "30d"\n'])
def test_a_record_of_an_example_that_does_not_say_when_is_of_now(more):
    """With and without a limit of age."""
    text = (
        'name = "it"\n[groups]\ng = 1\n[[measures]]\nname = "open"\ngroup = "g"\n'
        f'from = "tickets"\nvalue = "count(*)"\n{more}points = [[0, 0], [10, 100]]\n'
        '[[measures.examples]]\nrows = [{ priority = "high" }]\n'
        "expect = { value = 1, points = 10 }\n"
    )
    assert failing(text) == []


# ── the file, the card ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (replace(ASKED, max_age=90), "a value is carried from the end of its window to max_age"),
        (replace(ASKED, window=None), "without a window a value is known for ever"),
        (replace(ASKED, absent=0), "'absent' already says what no rows mean"),
        (replace(ASKED, weight=0, points=()), "a fact has no points to stand in"),
    ],
)
def test_what_cannot_stand_in_is_found(wrong, what):
    """Each with a word on what to write instead."""
    right = measured("goals", "goals_reached", "sentiment")
    (found,) = problems(replace(CARRIED, measures=(wrong, right)))
    assert (found.what, bool(found.fix)) == (what, True)


def test_a_group_that_is_none_is_found():
    (found,) = problems(replace(CARRIED, group_missing={"sentimant": "worst"}))
    assert found.path == ("group_missing", "sentimant")


def test_the_card_says_what_unknowns_count_as():
    """In both languages, by measure and by group."""
    one = replace(model("neutral", group="worst"), measures=(*model("neutral").measures, STATE))
    one = replace(one, groups={**one.groups, "sentiment": 1})
    english, german = card.card(one, "en"), card.card(one, "de")
    assert "- Unknown counts as the worst there is: all of adoption." in english
    assert "- Unknown counts as middling: use." in english
    assert "- Unknown is replaced by what was known last: opinion (180 days)." in english
    assert "- An die Stelle von Unbekanntem tritt der letzte Stand: opinion (180 Tage)." in german


def test_a_rule_makes_another_version_and_none_makes_none():
    """A model that says nothing of it is the one that it was before there was such a thing."""
    assert model(use="worst").version != model().version != model(group="worst").version
    assert model().version == "3608671309ef"
