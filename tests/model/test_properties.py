"""Laws of the model, held by the statements that production runs: many made-up accounts a run.

Each law draws a whole company at once, since a run costs the same for one account as for hundreds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.mapping.expressions import literal
from connector.model import previous, scorecard, scores
from connector.model.columns import ACCOUNT, kind_of
from connector.model.definition import TIERS, Cap, HealthModel, Measure, Override, Tiers
from tests.model.lake import AS_OF, Lake, answer, only, shipped

#: The shipped measures that count, and the shipped model that knows no other facts.
MEASURES = shipped().scored
NAMES = tuple(each.name for each in MEASURES)
FEW = settings(
    deadline=None, max_examples=3, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)

Values = tuple[float | None, ...]


def values() -> st.SearchStrategy[Values]:
    """A value or nothing for every scored measure, on and beside its line of points."""
    each = [
        st.none() | st.sampled_from([x for x, _ in m.points]) | st.floats(-120, 160, width=32)
        for m in MEASURES
    ]
    return st.tuples(*each)


def companies(least: int = 20, most: int = 40) -> st.SearchStrategy[list[Values]]:
    """The values of many accounts."""
    return st.lists(values(), min_size=least, max_size=most)


class Board:
    """The scorecard over values given by hand: everything of a run that follows the aggregates."""

    def __init__(self, model: HealthModel, rows: Sequence[Values], **columns: Sequence[object]):
        self.lake = Lake()
        types = {each.name: kind_of(each) for each in model.measures}
        types |= {f"{each.name}__at": "TIMESTAMPTZ" for each in model.measures if each.max_age}
        types |= {f"{each.name}__enough": "BOOLEAN" for each in model.measures if each.enough}
        self._table("raw", {"key": "INTEGER", "account_id": "VARCHAR", **types})
        self._table("accounts", {"key": "INTEGER", **ACCOUNT})
        self.lake.db.execute(
            "CREATE TABLE holders AS SELECT id, id AS ref, key, TRUE AS own FROM accounts"
        )
        own = [name for name in NAMES if name in types]
        filled = [
            {"key": key, "account_id": f"{key:05}", **dict(zip(own, row, strict=True))}
            for key, row in enumerate(rows)
        ]
        self._put("raw", filled)
        told = [{name: column[key] for name, column in columns.items()} for key in range(len(rows))]
        self._put("accounts", [{"key": k, "id": f"{k:05}", **more} for k, more in enumerate(told)])
        self.lake.db.execute("INSERT INTO holders SELECT id, id, key, TRUE FROM accounts")
        self.score(model)

    def score(self, model: HealthModel, days: int = 0) -> Board:
        as_of = AS_OF + timedelta(days=days)
        before = previous.stage(model, as_of, brief=False)
        for stage in (*scorecard.stages(model, as_of), before, *scores.stages(model, as_of)):
            sql = f"CREATE OR REPLACE TEMP {stage.kind} {stage.name} AS {stage.sql}"
            self.lake.db.execute(sql)
        return self

    def rows(self, columns: str) -> list[object]:
        return self.lake.rows(f"SELECT {columns} FROM scores ORDER BY account_id")

    def _table(self, name: str, columns: dict[str, str]) -> None:
        typed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        self.lake.db.execute(f"CREATE OR REPLACE TABLE {name} ({typed})")

    def _put(self, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        listed = ", ".join(f"({', '.join(_literal(v) for v in row.values())})" for row in rows)
        columns = ", ".join(f'"{column}"' for column in rows[0])
        self.lake.db.execute(f"INSERT INTO {name} ({columns}) VALUES {listed}")


def _literal(value: object) -> str:
    return f"DATE '{value}'" if isinstance(value, date) else literal(value)


def plain() -> HealthModel:
    """The shipped measures and groups without facts, caps and overrides."""
    return replace(
        shipped(),
        measures=MEASURES,
        caps=(),
        override=None,
        blind_spots=(),
        alerts=(),
        checks=(),
        examples=(),
    )


@FEW
@given(companies())
def test_a_score_lies_within_its_range_and_contributions_add_up(rows):
    """0 to 100, in whole tenths; the parts of every account are its score less 50, exactly."""
    board = Board(plain(), rows)
    sums = " + ".join(f'm."{name}".contribution' for name in NAMES)
    found = board.lake.rows(
        f"SELECT s.raw, {sums} FROM scores AS s JOIN measures AS m USING (account_id)"
        " ORDER BY account_id"
    )
    for row, (raw, total) in zip(rows, found, strict=True):
        assert (raw is None) == all(value is None for value in row)
        assert raw is None or (0 <= raw <= 1000 and total == raw - 500)


@FEW
@given(companies(2 * len(NAMES), 2 * len(NAMES)), st.data())
def test_a_score_never_falls_when_a_measure_gets_more_points(rows, data):
    """All else equal, from any corner of its line to a better one; for two accounts a measure."""
    board, scores = Board(plain(), rows), []
    ends = [
        sorted(data.draw(st.permutations(each.points))[:2], key=lambda point: point[1])
        for each in MEASURES
    ]
    for end in (0, 1):
        for place, name in enumerate(NAMES):
            value, mine = literal(ends[place][end][0]), f"key % {len(NAMES)} = {place}"
            board.lake.db.execute(f'UPDATE raw SET "{name}" = {value} WHERE {mine}')
        scores.append(board.score(plain()).rows("raw"))
    assert all(b >= a for a, b in zip(*scores, strict=True))
    assert any(b > a for a, b in zip(*scores, strict=True))


@FEW
@given(companies())
def test_an_unknown_changes_nothing_but_confidence(rows):
    """A measure about which nobody knows anything leaves score, tier, caps and causes alone."""
    more = Measure(
        name="unheard_of",
        stream="accounts",
        value="employees",
        group="support",
        points=((0.0, 0.0), (1.0, 100.0)),
        weight=5,
    )
    wider = replace(plain(), measures=(*MEASURES, more))
    columns = "score, raw, tier, known, caps, reason_en, reason_de"
    without, with_it = Board(plain(), rows), Board(wider, rows)
    assert without.rows(columns) == with_it.rows(columns)
    pairs = zip(without.rows("confidence"), with_it.rows("confidence"), strict=True)
    assert all(wide <= narrow for narrow, wide in pairs)


@FEW
@given(companies(), st.randoms(use_true_random=False))
def test_the_order_of_rows_is_irrelevant(rows, random):
    """Accounts keep their results when the rows of their values come in another order."""
    columns = "account_id, score, tier, confidence, caps, reason_en"
    board = Board(plain(), rows)
    before = board.rows(columns)
    order = list(range(len(rows)))
    random.shuffle(order)
    placed = ", ".join(f"({key}, {place})" for place, key in enumerate(order))
    board.lake.db.execute(
        "CREATE OR REPLACE TABLE raw AS SELECT r.* FROM raw AS r"
        f" JOIN (VALUES {placed}) AS o(key, place) ON o.key = r.key ORDER BY o.place"
    )
    assert board.score(plain()).rows(columns) == before


@settings(deadline=None, max_examples=2)
@given(st.lists(st.permutations(range(12)), min_size=20, max_size=20))
def test_the_order_of_records_is_irrelevant(orders):
    """Answers, decayed and weighted, give the same number whichever way they were pulled."""
    lake = Lake()
    for account, order in enumerate([list(range(12)), *orders]):
        lake.put("accounts", id=f"{account:03}")
        for n in order:
            told = {"account_key": f"{account:03}", "email": f"{n}@x{account}.example"}
            answer(lake, f"{account}.{n:02}", n % 11, 7.3 * n + 0.1, **told)
    lake.run(only("loyalty", "nps"))
    found = lake.rows("SELECT DISTINCT loyalty, nps FROM raw")
    assert (len(found), found[0][0] is None) == (1, False)
    assert len(lake.rows("SELECT DISTINCT score, confidence, reason_en FROM scores")) == 1


LINE = ((0.0, 0.0), (100.0, 100.0))


def one(margin: float = 2, *, caps: tuple[Cap, ...] = (), override: Override | None = None):
    """A model whose score is the account's revenue."""
    measure = Measure(name="it", stream="accounts", value="revenue", group="g", points=LINE)
    tiers = Tiers(hysteresis=margin)
    return HealthModel(
        "one", {"g": 1}, tiers=tiers, measures=(measure,), caps=caps, override=override
    )


class Line(Board):
    """Accounts whose one measure is `it`."""

    def __init__(self, model: HealthModel, scores: Sequence[float | None], **columns):
        super().__init__(model, [() for _ in scores], **columns)
        self.set(scores)
        self.score(model)

    def set(self, scores: Sequence[float | None]) -> None:
        told = ", ".join(f"({key}, {literal(value)})" for key, value in enumerate(scores))
        self.lake.db.execute(
            f"UPDATE raw SET it = v.it FROM (VALUES {told}) AS v(key, it) WHERE v.key = raw.key"
        )


noises = st.lists(
    st.lists(st.integers(-10, 10).map(lambda n: n / 10), min_size=5, max_size=5),
    min_size=40,
    max_size=40,
)


@settings(deadline=None, max_examples=3)
@given(st.lists(st.integers(0, 1000), min_size=40, max_size=40), noises)
def test_noise_of_one_point_never_makes_a_tier_flap(tenths, noise):
    """Whatever the score and the noise of five days around it: no tier is left and returned to."""
    model = one()
    board, seen = Line(model, [n / 10 for n in tenths]), []
    for day in range(5):
        board.set([n / 10 + noise[key][day] for key, n in enumerate(tenths)])
        board.score(model, day).lake.keep()
        seen.append(board.rows("tier"))
    for days in zip(*seen, strict=True):
        changes = sum(a != b for a, b in pairwise(days))
        assert changes <= 1


@settings(deadline=None, max_examples=3)
@given(
    st.lists(
        st.tuples(
            st.none() | st.floats(0, 100), st.booleans(), st.sampled_from([None, *TIERS, "x", " b"])
        ),
        min_size=60,
        max_size=60,
    )
)
def test_override_beats_cap_beats_tier(rows):
    """What a person said holds; else the cap; else the score."""
    model = one(
        caps=(Cap("capped", "employees > 0", "C"),),
        override=Override("override_tier", "override_until"),
    )
    board = Line(
        model,
        [value for value, _, _ in rows],
        employees=[1 if asks else 0 for _, asks, _ in rows],
        override_tier=[given for _, _, given in rows],
        override_until=[AS_OF.date() for _ in rows],
    )
    free = Line(one(), [value for value, _, _ in rows]).rows("tier")
    found = board.rows("score, tier, override, len(caps)")
    for (value, asks, wish), plain_tier, row in zip(rows, free, found, strict=True):
        score, tier, override, caps = row
        by_hand = wish.strip().upper() if wish and wish.strip().upper() in TIERS else None
        assert override == by_hand
        if by_hand:
            assert (tier, caps) == (by_hand, 0)
        elif plain_tier is None:
            assert (score, tier) == (None, None)
        else:
            assert tier == (max(plain_tier, "C") if asks else plain_tier)
        if score is not None:
            low, high = model.tiers.low(tier), model.tiers.limit(tier)
            assert low - model.tiers.margin <= score <= high + model.tiers.margin
        assert (score is None) == (value is None)


# ── worked numbers ────────────────────────────────────────────────────────────────────────────────


def weighted(half_life: int) -> HealthModel:
    """NPS with role weights, decay and shrinkage as the shipped file writes them."""
    (loyalty,) = (each for each in MEASURES if each.name == "loyalty")
    return replace(plain(), measures=(replace(loyalty, half_life=half_life),))


def nps_of(model: HealthModel, *answers: tuple[float, float]) -> float:
    """The measure for answers (score, age in days)."""
    lake = Lake().put("accounts", id="001")
    for n, (score, days) in enumerate(answers):
        answer(lake, f"r{n}", score, days)
    return float(lake.run(model).value("loyalty"))


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([10], 40),
        ([9, 10, 9, 3], 37.5),
        ([10] * 8 + [7, 8, 8, 0], 50),
    ],
)
def test_few_answers_are_drawn_towards_an_ordinary_level(answers, expected):
    """One promoter is 40 rather than 100; 8 of 12 are 50 rather than 58."""
    found = nps_of(weighted(180), *((score, 0) for score in answers))
    assert found == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(
    ("half_life", "factors"),
    [
        (90, {0: 1.0, 30: 0.794, 90: 0.5, 180: 0.25, 270: 0.125, 365: 0.06}),
        (180, {0: 1.0, 30: 0.891, 90: 0.707, 180: 0.5, 270: 0.354, 365: 0.245}),
    ],
)
def test_decay_halves_with_every_half_life(half_life, factors):
    """The factors of the method page, read off a mean of decayed ones."""
    measure = Measure(
        name="it",
        stream="responses",
        value="sum(decay)",
        group="g",
        points=LINE,
        half_life=half_life,
    )
    model = HealthModel("decay", {"g": 1}, measures=(measure,))
    lake = Lake()
    for days in factors:
        lake.put("accounts", id=f"a{days}")
        answer(lake, f"r{days}", 9, days, account_key=f"a{days}")
    lake.run(model)
    found = {days: lake.value("it", f"a{days}") for days in factors}
    assert found == pytest.approx(factors, abs=0.0006)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([10] * 50 + [8] * 30 + [3] * 20, 30.0),
        ([9], 100.0),
        ([4], -100.0),
        ([9, 9, 10, 6], 50.0),
        ([10] * 8 + [7, 8, 8, 0], 58.3),
    ],
)
def test_the_textbook_nps_stands_beside_the_weighted_one(answers, expected):
    """Promoters less detractors of all answers, as the fact `nps` shows it."""
    lake = Lake().put("accounts", id="001")
    for n, score in enumerate(answers):
        answer(lake, f"r{n}", score, 5)
    assert lake.run(only("nps")).value("nps") == pytest.approx(expected, abs=0.05)


SIDE = "case when score >= 9 then 1 when score <= 6 then -1 else 0 end"
WEIGHT = "cast(channel as double) * decay"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (f"100 * sum({WEIGHT} * {SIDE}) / sum({WEIGHT})", (50.1, -100, 47.1)),
        (f"sum({WEIGHT} * score) / sum({WEIGHT})", (8.31, 4.00, 8.47)),
        (f"power(sum({WEIGHT}), 2) / sum(power({WEIGHT}, 2))", (1.83, 1.00, 1.99)),
        (f"100.0 * sum({SIDE}) / count(*)", (33.3, -100, 50)),
    ],
)
def test_weighted_numbers_are_those_of_the_method(sql, expected):
    """Role weight and decay over three accounts: NPS, mean, effective and simple counts."""
    measure = Measure(
        name="it", stream="responses", value=sql, group="g", points=LINE, half_life=90
    )
    lake = Lake()
    for account, answers in (
        ("alpha", [(3, 9, 20), (1, 6, 10), (1, 10, 200)]),
        ("beta", [(3, 4, 40)]),
        ("gamma", [(1, 8, 15), (1, 9, 30)]),
        ("delta", []),
    ):
        lake.put("accounts", id=account)
        for n, (weight, score, days) in enumerate(answers):
            answer(lake, f"{account}{n}", score, days, account_key=account, channel=str(weight))
    lake.run(HealthModel("method", {"g": 1}, measures=(measure,)))
    found = tuple(lake.value("it", account) for account in ("alpha", "beta", "gamma"))
    assert found == pytest.approx(expected, abs=0.051 if max(expected) > 9 else 0.0051)
    assert lake.value("it", "delta") is None
