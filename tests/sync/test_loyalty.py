"""The NPS of a year and of two quarters, from the answers in the lake."""

from __future__ import annotations

import pytest

from connector.model.nps import Voices, difference
from connector.report import facts
from connector.sync.app import App
from connector.sync.loyalty import loyalty
from tests.model.heard import shipped
from tests.sync.history import Place, day
from tests.sync.test_themes import MODEL, given_answer, scored


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    """Forty accounts of which each answers once a quarter, and answers that are none."""
    place = Place(tmp_path_factory.mktemp("lake"), MODEL)
    accounts = [{"id": f"{n:03}", "name": f"N{n}"} for n in range(40)]
    place.put("accounts", 0, *accounts)
    before = [10] * 12 + [8] * 16 + [3] * 12
    after = [10] * 30 + [8] * 6 + [3] * 4
    place.put(
        "responses", 0,
        *(
            given_answer(f"{days}.{n}", score, None, account_key=f"{n:03}", submitted_at=day(-days))
            for days, scores in ((100, before), (10, after))
            for n, score in enumerate(scores)
        ),
        given_answer("old", 0, None, submitted_at=day(-300)),
        given_answer("older", 0, None, submitted_at=day(-400)),
        given_answer("after a call", 0, None, kind="transactional"),
        given_answer("off", 11, None),
        given_answer("lost", 0, None, account_key="?", email="x@nirgends.example"),
    )  # fmt: skip
    return scored(place, 0.5, shipped())[0]


def test_quarters_are_compared_by_the_answers_that_count(app: App) -> None:
    """The last 90 days against the 90 before; a year is all of it, and one older."""
    found = loyalty(app, day(0.5))
    assert (found.quarter.promoters, found.quarter.detractors, found.quarter.answers) == (30, 4, 40)
    assert (found.year.promoters, found.year.detractors, found.year.answers) == (42, 17, 81)
    assert found.quarter.alike == pytest.approx(40 / 39)
    assert found.change is not None
    assert found.change.clear
    expected = difference(Voices(12, 12, 40, 40 / 39), Voices(30, 4, 40, 40 / 39))
    assert found.change.delta == pytest.approx(expected.delta)
    assert found.change.chance == pytest.approx(expected.chance)


def test_a_quarter_without_answers_is_compared_with_nothing(app: App) -> None:
    """Nothing is not zero."""
    found = loyalty(app, day(200))
    assert (found.quarter.answers, found.quarter.nps, found.change) == (0, None, None)


def test_the_page_has_them(app: App) -> None:
    """As of the last run that scored."""
    found = facts.gather(app)
    assert found.loyalty == loyalty(app, day(0.5))
    assert found.range is not None
    assert found.range[0] < found.nps < found.range[1]
