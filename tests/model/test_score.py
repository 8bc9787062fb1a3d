"""Points, weights, contributions, tiers: whole numbers that always add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.model import arithmetic
from connector.model.definition import Cap, HealthModel, Measure
from tests.model.lake import AS_OF, Lake, ago, only, shipped


def model(*points, groups=("a",), weights=(1,), caps=()) -> HealthModel:
    """Measures over account columns, one per list of points."""
    columns = ("revenue", "employees", "goals_total", "goals_reached", "sentiment")
    measures = tuple(
        Measure(
            name=f"m{i}",
            stream="accounts",
            value=columns[i],
            group=groups[i % len(groups)],
            points=each,
            weight=weights[i % len(weights)],
        )
        for i, each in enumerate(points)
    )
    named = {name: 10 * (place + 1) for place, name in enumerate(dict.fromkeys(groups))}
    return HealthModel("test", named, measures=measures, caps=tuple(caps))


LINE = ((0.0, 0.0), (100.0, 100.0))
LINES = model(LINE, LINE, LINE, LINE, groups=("a", "a", "b", "c"), weights=(1, 3, 2))
COLUMNS = ("revenue", "employees", "goals_total", "goals_reached")
values = st.one_of(st.none(), st.floats(-20, 120), st.integers(0, 100).map(float))
accounts = st.lists(st.tuples(values, values, values, values), min_size=1, max_size=40)


def lake_of(rows) -> Lake:
    lake = Lake()
    lake.db.executemany(
        f"INSERT INTO lake_accounts (id, {', '.join(COLUMNS)}) VALUES (?, ?, ?, ?, ?)",
        [[f"{n:03}", *row] for n, row in enumerate(rows)],
    )
    return lake.run(LINES)


def graded(row):
    """The same account by the arithmetic in Python."""
    pairs = zip(LINES.scored, row, strict=True)
    return arithmetic.grade(LINES, {m.name: arithmetic.points(m, value) for m, value in pairs})


@settings(deadline=None, max_examples=25)
@given(accounts)
def test_contributions_add_up_exactly(rows):
    """Score before caps less 50, for every account, in tenths."""
    lake = lake_of(rows)
    sums = " + ".join(f"m.m{i}.contribution" for i in range(4))
    wrong = lake.rows(
        f"SELECT count(*) FROM measures AS m JOIN scores AS s USING (account_id)"
        f" WHERE s.raw IS NOT NULL AND {sums} <> s.raw - 500"
    )
    assert wrong == [0]


@settings(deadline=None, max_examples=25)
@given(accounts)
def test_sql_and_python_agree(rows):
    """Points, weights, contributions and score are the same whole numbers."""
    lake = lake_of(rows)
    parts = ", ".join(f"m.m{i}.points, m.m{i}.weight, m.m{i}.contribution" for i in range(4))
    found = lake.rows(
        f"SELECT s.score, {parts} FROM scores AS s JOIN measures AS m USING (account_id)"
        " ORDER BY account_id"
    )
    expected = []
    for row in rows:
        grade = graded(row)
        flat = [(p.points, p.weight, p.contribution) for p in grade.parts.values()]
        expected.append((grade.score, *(number for part in flat for number in part)))
    assert found == expected


@settings(deadline=None, max_examples=25)
@given(accounts)
def test_a_score_lies_between_0_and_100(rows):
    """Or is unknown, when nothing is known."""
    lake = lake_of(rows)
    for row, score in zip(
        rows, lake.rows("SELECT score FROM scores ORDER BY account_id"), strict=True
    ):
        known = [value for value in row if value is not None]
        assert (score is None) == (not known)
        assert score is None or 0 <= score <= 1000


@given(
    st.lists(st.one_of(st.none(), st.integers(0, 1000)), min_size=4, max_size=4),
    st.integers(0, 3),
    st.integers(0, 1000),
)
def test_better_points_never_lower_a_score(points, place, more):
    """All else equal."""
    names = [m.name for m in LINES.scored]
    before = dict(zip(names, points, strict=True))
    mine = before[names[place]]
    if mine is None:
        return
    after = {**before, names[place]: max(mine, more)}
    lower, higher = arithmetic.grade(LINES, before).score, arithmetic.grade(LINES, after).score
    assert lower is not None
    assert higher is not None
    assert higher >= lower


@pytest.mark.parametrize(
    ("value", "points"),
    [(-5, 0), (0, 0), (1, 300), (2, 600), (4, 800), (6, 1000), (60, 1000), (2.125, 613)],
)
def test_points_lie_on_straight_lines(value, points):
    """Between the given ones; level outside; half a tenth is rounded up."""
    lake = Lake().put("accounts", id="001", revenue=value)
    lake.run(model(((0, 0), (2, 60), (6, 100))))
    assert lake.row()["m0"]["points"] == points


def test_points_may_fall():
    """Where less is better."""
    lake = Lake().put("accounts", id="001", revenue=25).run(model(((0, 100), (50, 0))))
    assert lake.score() == 500


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_unknown(value):
    """A division by nothing is not the best score there is."""
    lake = Lake().put("accounts", id="001", revenue=value).run(model(LINE))
    assert (lake.score(), lake.tier()) == (None, None)


def test_an_unknown_measure_leaves_its_weight_to_its_group():
    """And an unknown group to the others; never to a neutral value."""
    full = {"revenue": 100, "employees": 0, "goals_total": 50, "goals_reached": 50}
    lake = Lake().put("accounts", id="001", **full)
    lake.put("accounts", id="002", **{**full, "employees": None})
    lake.put("accounts", id="003", revenue=100)
    lake.run(LINES)
    weights = lake.rows("SELECT m0.weight, m1.weight, m2.weight FROM measures ORDER BY account_id")
    assert weights == [(41666, 125000, 333333), (166666, 0, 333333), (1000000, 0, 0)]


def test_one_known_measure_is_a_score():
    """Honestly labelled: one group, little confidence."""
    lake = Lake().put("accounts", id="001", sentiment=4, sentiment_at=ago(1))
    lake.run(shipped())
    row = lake.row()
    assert (row["raw"], row["known"], row["confidence"]) == (800, 1, 15)


def test_nothing_known_is_no_score():
    """Neither 0 nor the middle: NULL, without a tier or a reason."""
    lake = Lake().put("accounts", id="001", name="A").run(shipped())
    row = lake.row()
    assert [row[n] for n in ("score", "raw", "tier", "reason_en", "known", "confidence")] == [
        None,
        None,
        None,
        None,
        0,
        0,
    ]


def test_an_old_value_counts_but_lowers_confidence():
    """After `max_age` it is no longer fresh."""
    lake = Lake().put("accounts", id="001", sentiment=4, sentiment_at=ago(30))
    row = lake.run(shipped()).row()
    assert (row["raw"], row["confidence"]) == (800, 0)


@pytest.mark.parametrize(
    ("score", "tier"),
    [(100, "A"), (80, "A"), (79.9, "B"), (60, "B"), (59.9, "C"), (40, "C"), (0, "D")],
)
def test_a_tier_begins_at_its_threshold(score, tier):
    """Without a history nothing holds it back."""
    assert Lake().put("accounts", id="001", revenue=score).run(model(LINE)).tier() == tier


@pytest.mark.parametrize(
    ("before", "score", "tier"),
    [
        ("A", 78, "A"),
        ("A", 77.9, "B"),
        ("B", 81.9, "B"),
        ("B", 82, "A"),
        ("B", 58, "B"),
        ("B", 57.9, "C"),
        ("D", 100, "A"),
        ("A", 0, "D"),
        (None, 78, "B"),
    ],
)
def test_a_tier_is_left_only_clearly(before, score, tier):
    """Two points past the edge, up and down."""
    lake = Lake().put("accounts", id="001", revenue=score)
    mine = model(LINE)
    lake.put("scores", account_id="001", as_of=ago(1), model=mine.version, tier=before, score=500)
    lake.run(mine)
    assert lake.tier() == tier
    assert lake.rows("SELECT tier_before FROM scores") == [before]


def test_the_latest_earlier_score_counts():
    """Not an older one, and none of another model."""
    mine = model(LINE)
    lake = Lake().put("accounts", id="001", revenue=79)
    for days, version, tier in ((9, mine.version, "A"), (5, mine.version, "B"), (1, "other", "A")):
        lake.put("scores", account_id="001", as_of=ago(days), model=version, tier=tier, score=1)
    assert lake.run(mine).tier() == "B"


@settings(deadline=None, max_examples=8)
@given(st.lists(st.floats(77, 83), min_size=2, max_size=6))
def test_small_moves_around_an_edge_change_no_tier(scores):
    """Within the margin the first tier stays for ever."""
    mine = replace(model(LINE), tiers=replace(shipped().tiers, hysteresis=4))
    lake, tiers = Lake().put("accounts", id="001"), []
    for day, score in enumerate(scores):
        lake.db.execute("UPDATE lake_accounts SET revenue = ?", [score])
        tiers.append(lake.run(mine, AS_OF + timedelta(days=day)).keep().tier())
    assert len(set(tiers)) == 1


CAP = Cap("big", "employees > 10", "C")


def test_a_cap_lowers_score_and_tier():
    """To just under the next tier; the score before stays visible."""
    lake = Lake().put("accounts", id="001", revenue=95, employees=11)
    lake.put("accounts", id="002", revenue=95, employees=10)
    lake.put("accounts", id="003", revenue=95)
    lake.run(model(LINE, caps=[CAP]))
    assert lake.rows("SELECT score, raw, tier, caps FROM scores ORDER BY account_id") == [
        (599, 950, "C", ["big"]),
        (950, 950, "A", []),
        (950, 950, "A", []),
    ]


def test_a_cap_that_takes_nothing_is_not_listed():
    """A bad score is bad without it."""
    lake = Lake().put("accounts", id="001", revenue=30, employees=11)
    assert lake.run(model(LINE, caps=[CAP])).row()["caps"] == []


def test_hysteresis_does_not_lift_a_cap():
    """A tier that would stay is still bounded."""
    mine = model(LINE, caps=[CAP])
    lake = Lake().put("accounts", id="001", revenue=59, employees=11)
    lake.put("scores", account_id="001", as_of=ago(1), model=mine.version, tier="B", score=600)
    row = lake.run(mine).row()
    assert (row["tier"], row["caps"]) == ("C", ["big"])


def test_two_caps_give_the_lower():
    """Both are named."""
    low = Cap("low", "known(m0)", "D")
    row = (
        Lake()
        .put("accounts", id="001", revenue=90, employees=11)
        .run(model(LINE, caps=[CAP, low]))
        .row()
    )
    assert (row["score"], row["tier"], row["caps"]) == (399, "D", ["big", "low"])


def test_nps_alone_never_makes_an_a():
    """A perfect survey and nothing else is a B."""
    lake = Lake().put("accounts", id="001")
    for n in range(12):
        lake.put(
            "responses",
            id=f"r{n}",
            metric="nps",
            kind="relationship",
            score=10,
            scale_min=0,
            scale_max=10,
            account_key="001",
            email=f"p{n}@x.example",
            submitted_at=ago(n + 1),
        )
    row = lake.run(shipped()).row()
    assert row["raw"] >= 800
    assert (row["tier"], "too_little_known" in row["caps"]) == ("B", True)


def test_a_stream_that_is_not_connected_is_no_fact():
    """No tickets anywhere: unknown. Tickets of others: none of ours."""
    lake = Lake().put("accounts", id="001").put("accounts", id="002")
    assert (
        lake.run(only("csm_sentiment", "open_urgent_tickets")).value("open_urgent_tickets") is None
    )
    lake.put(
        "tickets", id="t", account_id="002", priority="urgent", is_closed=False, opened_at=ago(1)
    )
    assert lake.run(only("csm_sentiment", "open_urgent_tickets")).value("open_urgent_tickets") == 0


@pytest.mark.parametrize(
    ("before", "trend"),
    [(500, "up"), (580, "steady"), (620, "steady"), (700, "down"), (None, None)],
)
def test_a_trend_is_more_than_the_margin(before, trend):
    """From one score to the next."""
    mine = model(LINE)
    lake = Lake().put("accounts", id="001", revenue=60)
    lake.put("scores", account_id="001", as_of=ago(1), model=mine.version, tier="B", score=before)
    assert lake.run(mine).rows("SELECT trend, score, score_before FROM results") == [
        (trend, 60.0, before / 10 if before else None)
    ]
