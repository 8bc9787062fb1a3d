"""Backfill: a series of past scores, whole, resumable, and mixed with nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.errors import ConfigError
from connector.store.lake import Lake
from connector.sync.backfill import Asked, backfill, foreseen
from connector.sync.explain import explained
from tests.sync.history import MODEL, Place, day, small

ROWS = "SELECT account_id, epoch_us(as_of), score, tier, tier_before, model, series FROM {t} "
SERIES = ROWS + "WHERE series IS NOT NULL ORDER BY ALL"


def met(place: Place) -> Place:
    """The first account is met on every third day, and on day 40 we are told."""
    meeting = {"account_id": "001", "kind": "meeting", "status": "held"}
    stamps = ("occurred_at", "created_at", "modified_at")
    place.put("activities", 40, *(
        {"id": f"m{number}", **meeting, **dict.fromkeys(stamps, day(number))}
        for number in range(0, 40, 3)
    ))  # fmt: skip
    return place


@pytest.fixture
def place(tmp_path) -> Place:
    """Pulled on days 0 and 40."""
    return met(small(tmp_path))


def asked(**more) -> Asked:
    """Every week from day 1 on, three moments."""
    return replace(Asked(day(1), day(20), "week", "now"), **more)


def test_every_moment_is_kept_with_its_model_and_series(place):
    """And counted for the reader."""
    done = backfill(place.app, asked(), write=True)
    assert [each.as_of for each in done.points] == [day(1), day(8), day(15)]
    assert [each.kept for each in done.points] == ["now"] * 3
    kept = place.rows("scores", SERIES)
    assert len(kept) == 6
    assert {row[5:] for row in kept} == {(MODEL.version, done.series)}
    assert done.as_dict()["calls"] == 0
    measured = place.rows(
        "measures", "SELECT meetings_held.value FROM {t} WHERE account_id = '001' ORDER BY as_of"
    )
    assert measured == [(2.0,), (4.0,), (7.0,)]


def test_a_killed_run_goes_on_where_it_stopped(place, monkeypatch, tmp_path):
    """Between the two tables of a moment, of all places; the result is that of one whole run."""
    other = met(small(tmp_path / "whole"))
    append = Lake.append
    written = []

    def dies(self, table, engine, sql, layer="tail"):
        if table == "scores" and len(written) == 3:
            raise KeyboardInterrupt
        written.append(table)
        return append(self, table, engine, sql, layer)

    monkeypatch.setattr(Lake, "append", dies)
    with pytest.raises(KeyboardInterrupt):
        backfill(place.app, asked(), write=True)
    monkeypatch.setattr(Lake, "append", append)
    assert place.app.state.runs(1)[0]["exit"] == 130
    place.put("owners", 50, {"id": "o"})  # and meanwhile a pull
    done = backfill(place.app, asked(), write=True)
    assert [each.kept for each in done.points] == ["before", "now", "now"]
    assert place.rows("measures", "SELECT count(*), count(DISTINCT (account_id, as_of)) FROM {t}")[
        0
    ] == (6, 6)
    assert len(place.rows("scores", "SELECT DISTINCT epoch(known_by) FROM {t}")) == 1
    backfill(other.app, asked(), write=True)
    assert place.rows("scores", SERIES) == other.rows("scores", SERIES)


def test_a_second_run_adds_nothing_and_a_longer_one_the_rest(place):
    """The same question has the same series, whatever its end."""
    first = backfill(place.app, asked(), write=True)
    again = backfill(place.app, asked(), write=True)
    assert [each.kept for each in again.points] == ["before"] * 3
    assert [each.tiers for each in again.points] == [each.tiers for each in first.points]
    longer = backfill(place.app, asked(end=day(22)), write=True)
    assert [each.kept for each in longer.points] == ["before"] * 3 + ["now"]
    assert len(place.rows("scores", SERIES)) == 8


def test_without_being_told_nothing_is_written(place):
    """The numbers are the same."""
    dry = backfill(place.app, asked())
    assert place.app.lake.layers("scores").files == ()
    wet = backfill(place.app, asked(), write=True)
    assert [p.tiers for p in dry.points] == [p.tiers for p in wet.points]
    assert {p.kept for p in dry.points} == {"no"}


def test_a_dry_run_names_moments_and_accounts(place):
    """With what is in history already, and without scoring anything."""
    backfill(place.app, asked(end=day(9)), write=True)
    found = foreseen(place.app, asked(where="name = 'One'"))
    assert ([p.kept for p in found.points], found.accounts) == (["no"] * 3, 1)
    found = foreseen(place.app, asked())
    assert ([p.kept for p in found.points], found.accounts) == (["before"] * 2 + ["no"], 2)


def test_a_budget_of_time_stops_between_moments_and_the_same_line_goes_on(place, tmp_path):
    """One at least is scored each time; what comes out is what one whole run would have kept."""
    other = met(small(tmp_path / "whole"))
    left = []
    for _ in range(3):
        done = backfill(place.app, asked(), write=True, spent=lambda: True)
        left.append((done.left, done.exit, place.app.state.runs(1)[0]["exit"]))
    assert left == [(2, 5, 5), (1, 5, 5), (0, 0, 0)]
    assert done.as_dict()["left"] == 0
    assert [each.kept for each in done.points] == ["before", "before", "now"]
    backfill(other.app, asked(), write=True)
    assert place.rows("scores", SERIES) == other.rows("scores", SERIES)


def test_time_is_looked_at_before_each_moment(place):
    """Two of three have been scored when it is up."""
    answers = iter([False, True])
    done = backfill(place.app, asked(), write=True, spent=lambda: next(answers))
    assert (len(done.points), done.left) == (2, 1)


def test_progress_is_told_moment_by_moment(place):
    """Also of those that history has already: the bar ends where the work does."""
    backfill(place.app, asked(end=day(9)), write=True)
    told = []
    backfill(place.app, asked(), write=True, notify=lambda *each: told.append(each))
    days = ["2026-01-02", "2026-01-09", "2026-01-16"]
    assert told == [("backfill", at, n, 3) for n, at in enumerate(days, 1)]


def test_only_accounts_that_meet_the_condition(place):
    """They are a series of their own, and have the scores that they have among all."""
    everything = backfill(place.app, asked(), write=True)
    part = backfill(place.app, asked(where="revenue > 500 and name = 'One'"), write=True)
    assert part.series != everything.series
    kept = place.rows("scores", SERIES)
    mine = [row[:5] for row in kept if row[6] == part.series]
    assert mine == [row[:5] for row in kept if row[6] == everything.series and row[0] == "001"]
    assert len(mine) == 3


@pytest.mark.parametrize(
    "where", ["colour = 'red'", "name", "name = (select 1)", "1; drop table x"]
)
def test_a_condition_that_is_none_is_refused(place, where):
    """Before anything is scored, in words."""
    with pytest.raises(ConfigError, match="--where"):
        backfill(place.app, asked(where=where))


def test_a_series_goes_on_from_itself_alone(place):
    """Neither from the days themselves nor from another model; and they not from it."""
    place.score(12)
    models = (MODEL, replace(MODEL, groups={**MODEL.groups, "support": 90}))
    for model in models:
        backfill(place.with_model(model).app, asked(), write=True)
    before = place.rows(
        "scores",
        "SELECT model, epoch_us(as_of) = min(epoch_us(as_of)) OVER (PARTITION BY series) AS first, "
        "bool_and(tier_before IS NULL) OVER (PARTITION BY series, as_of) AS none "
        "FROM {t} WHERE series IS NOT NULL",
    )
    assert {model for model, *_ in before} == {model.version for model in models}
    assert all(first == none for _, first, none in before)
    place.score(16)
    live = place.rows(
        "scores", "SELECT score_before FROM {t} WHERE series IS NULL ORDER BY as_of, account_id"
    )
    told = place.rows(
        "scores", "SELECT score FROM {t} WHERE series IS NULL ORDER BY as_of, account_id"
    )
    assert live == [(None,), (None,), *told[:2]]


def test_an_explanation_is_about_the_days_themselves(place):
    """A change is never from a score that was worked out afterwards."""
    place.score(0.5)
    place.score(2.5)
    app = place.app
    said = explained(app, "001")
    backfill(place.app, asked(), write=True)
    assert explained(app, "001") == said
    assert said["change"] is not None


def test_what_was_known_then_and_what_is_known_now_are_two_series(place):
    """The meetings were told on day 40."""
    then = backfill(place.app, asked(known="then"), write=True)
    now = backfill(place.app, asked(), write=True)
    assert then.series != now.series
    kept = place.rows("scores", SERIES)
    own = [[row[2] for row in kept if row[6] == each.series and row[0] == "001"]
           for each in (then, now)]  # fmt: skip
    assert own[0][-1] < own[1][-1]


@pytest.mark.parametrize(
    ("every", "begin", "dates"),
    [
        ("month", "2024-01-31", ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]),
        ("quarter", "2023-11-30", ["2023-11-30", "2024-02-29"]),
        ("year", "2022-02-28", ["2022-02-28", "2023-02-28", "2024-02-28"]),
        ("week", "2024-04-20", ["2024-04-20", "2024-04-27"]),
        ("day", "2024-04-29", ["2024-04-29", "2024-04-30"]),
    ],
)
def test_rhythms(every, begin, dates):
    """A month that lacks the day has its last; the end is included."""
    from connector.sync.past import moment_of

    found = Asked(moment_of(begin), moment_of("2024-04-30"), every).moments
    assert [f"{each:%Y-%m-%d}" for each in found] == dates


def test_a_question_without_moments_is_refused(place):
    """So is one with more than anybody means."""
    with pytest.raises(ConfigError, match="--from is after --to"):
        backfill(place.app, asked(end=day(0)))
    with pytest.raises(ConfigError, match="more than 5,000"):
        backfill(place.app, Asked(day(-9000), day(1), "day"))
