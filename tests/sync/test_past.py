"""A score as of a moment in the past: what was so, as far as it was known."""

from __future__ import annotations

import pytest

from connector.errors import ConfigError
from connector.sync.past import moment_of, score_as_of
from tests.sync.history import Place, day, small


def filled(folder) -> Place:
    """Pulled on day 0 and on day 10; nothing changed but the name of an owner."""
    made = small(folder)
    made.put("owners", 10, {"id": "o", "name": "O"})
    return made


@pytest.fixture
def place(tmp_path) -> Place:
    return filled(tmp_path)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory) -> Place:
    """The same, and no test plants anything in it."""
    return filled(tmp_path_factory.mktemp("untouched"))


@pytest.fixture(scope="module")
def before(untouched) -> list[str]:
    """What day 5 comes to when nothing comes later, by what is known then and now."""
    return rows(untouched)


def rows(place: Place) -> list[str]:
    return [score_as_of(place.app, day(5), known).rows for known in ("then", "now")]


def meeting(id: str, at: float, **more):
    return {
        "id": id, "account_id": "001", "kind": "meeting", "status": "held",
        "occurred_at": day(at), "created_at": day(at), "modified_at": day(at), **more,
    }  # fmt: skip


LATER = {
    "a meeting that came later": lambda p: p.put("activities", 9, meeting("a2", 8)),
    "a meeting in the future": lambda p: p.put("activities", 4, meeting("a3", 7)),
    "another opinion": lambda p: p.put(
        "accounts", 9, {"id": "001", "name": "One", "sentiment": 1, "sentiment_at": day(8)}
    ),
    "an opinion that hides when it was given": lambda p: p.put(
        "accounts", 9, {"id": "001", "name": "One", "sentiment": 1, "sentiment_at": day(-2)}
    ),
    "a ticket that became urgent": lambda p: p.put(
        "tickets", 9,
        {"id": "t1", "account_id": "001", "priority": "urgent", "is_closed": False,
         "opened_at": day(-5)},
    ),
    "an account that was deleted": lambda p: p.put(
        "accounts", 9, {"id": "002", "name": "Two", "modified_at": day(-3), "deleted": True}
    ),
    "an account that was merged": lambda p: p.put(
        "accounts", 9, {"id": "002", "name": "Two", "deleted": True, "master_id": "001"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", LATER)
def test_what_comes_later_has_no_effect(place, what, before):
    """Planted behind the moment, neither a new record nor a new version changes any row."""
    LATER[what](place)
    assert rows(place) == before
    place.fold()
    assert rows(place) == before


@pytest.fixture(scope="module")
def on_day_10(untouched) -> str:
    return score_as_of(untouched.app, day(10), "then").rows


@pytest.mark.parametrize("what", LATER)
def test_the_same_counts_once_it_is_known(place, what, on_day_10):
    """Otherwise the test above would prove nothing."""
    LATER[what](place)
    assert score_as_of(place.app, day(10), "then").rows != on_day_10


def test_a_meeting_told_of_late_counts_only_with_what_is_known_now(place):
    """It was held by then, but nobody had told us."""
    before = score_as_of(place.app, day(5), "then")
    place.put("activities", 9, meeting("late", 2))
    assert score_as_of(place.app, day(5), "then").rows == before.rows
    now = score_as_of(place.app, day(5), "now")
    assert now.rows != before.rows
    assert (now.inputs["activities"].held, now.inputs["activities"].counted) == (2, 2)
    assert score_as_of(place.app, day(5), "then").inputs["activities"].counted == 1


def test_before_the_first_pull_only_todays_knowledge_helps(place):
    """The strict answer would be about an empty lake; it says how to ask instead."""
    with pytest.raises(ConfigError, match="Nothing had been pulled") as refused:
        score_as_of(place.app, day(-2), "then")
    assert "--known now" in refused.value.hint
    found = score_as_of(place.app, day(-2), "now")
    assert found.scored == 2
    # The opinion given on day -3 and the meeting of day -20 carry stamps of their own.
    assert found.inputs["accounts"].late == 0


def test_a_record_known_only_as_it_was_later_is_counted_as_such(place):
    """Of several later versions it is the one that is closest to the moment."""
    place.put("accounts", 6, {"id": "003", "name": "New", "created_at": day(-50), "sentiment": 5,
                              "sentiment_at": day(-1)})  # fmt: skip
    place.put("accounts", 9, {"id": "003", "name": "Newer", "created_at": day(-50)})
    place.fold()
    found = score_as_of(place.app, day(3), "now")
    assert (found.inputs["accounts"].late, found.scored) == (1, 3)


def test_the_future_is_not_told(place):
    """The lake knows nothing behind its last pull."""
    with pytest.raises(ConfigError, match="the lake ends at 2026-01-11"):
        score_as_of(place.app, day(11), "now")


def test_an_empty_lake_says_what_to_do(tmp_path):
    """There is nothing to look back on."""
    with pytest.raises(ConfigError, match="The lake is empty"):
        score_as_of(Place(tmp_path).app, day(1))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_same_question_gives_the_same_bytes(place, tmp_path, suffix):
    """Whatever was pulled and folded in between."""
    first, second = (tmp_path / f"{name}{suffix}" for name in ("first", "second"))
    score_as_of(place.app, day(5), output=first)
    for what in LATER.values():
        what(place)
    place.fold()
    score_as_of(place.app, day(5), output=second)
    assert first.read_bytes() == second.read_bytes()
    assert len(first.read_bytes()) > 200


def test_it_is_what_the_run_of_that_moment_found(place):
    """With what was known then, row by row, also where the tier is kept by its margin."""
    place.score(0)
    place.put("activities", 3, meeting("a2", 2))
    place.score(3.5)
    said = place.rows("scores", "SELECT account_id, score, tier, score_before FROM {t} "
                      "WHERE as_of > '2026-01-03' ORDER BY 1")  # fmt: skip
    place.put("activities", 9, meeting("a4", 1))
    out = place.folder / "out.parquet"
    score_as_of(place.app, day(3.5), output=out)
    engine = place.app.engine()
    again = engine.rows(
        "SELECT id, CAST(round(score * 10) AS INTEGER), tier, "
        f"CAST(round(score_before * 10) AS INTEGER) FROM '{out}' ORDER BY id"
    )
    assert again == said
    assert said[0][3] is not None


def test_looking_back_writes_nothing(place):
    """Neither history nor anything else in the lake grows."""
    place.score(1)
    before = sorted(place.folder.glob("lake/*/*/*.parquet"))
    score_as_of(place.app, day(5))
    assert sorted(place.folder.glob("lake/*/*/*.parquet")) == before


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-01-06", day(5)),
        ("2026-01-06T01:00:00+01:00", day(5)),
        ("2026-01-06 12:00", day(5.5)),
    ],
)
def test_a_moment_is_written_as_people_do(said, meant):
    """A day is its first moment, and without a zone it is UTC."""
    assert moment_of(said) == meant


def test_what_is_no_moment_is_refused():
    """With an example of one."""
    with pytest.raises(ConfigError, match="'yesterday' is no moment"):
        moment_of("yesterday")


def test_a_file_of_another_kind_is_refused(place, tmp_path):
    """Before anything is scored."""
    with pytest.raises(ConfigError, match=r"neither \.csv nor \.parquet"):
        score_as_of(place.app, day(5), output=tmp_path / "out.xlsx")
