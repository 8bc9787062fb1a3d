"""How an account's score went: one history at a time, and another model is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.errors import ConfigError
from connector.sync.backfill import Asked, backfill
from connector.sync.line import line
from tests.sync.history import MODEL, Place, day, small


@pytest.fixture
def place(tmp_path) -> Place:
    """Scored on days 1 and 3, and on day 5 by another model; day 0 was filled in."""
    made = small(tmp_path)
    made.score(1)
    made.score(3)
    made.with_model(replace(MODEL, groups={**MODEL.groups, "support": 90})).score(5)
    backfill(made.app, Asked(day(0), day(0)), write=True)
    return made


def test_a_line_is_what_was_scored_on_the_days_themselves(place):
    """Backfilled scores are not among it, and another model is said where it begins."""
    found = line(place.app, "One")
    assert [each.as_of[:10] for each in found.stops] == ["2026-01-02", "2026-01-04", "2026-01-06"]
    assert [each.switched for each in found.stops] == [False, False, True]
    assert len({each.model for each in found.stops}) == 2


def test_a_series_is_a_line_of_its_own(place):
    """Asked for by its name, which the account knows."""
    (name,) = line(place.app, "001").every
    (stop,) = line(place.app, "001", name).stops
    assert (stop.as_of, stop.model, stop.switched) == ("2026-01-01T00:00:00Z", MODEL.version, False)


def test_an_unknown_series_is_answered_with_those_there_are(place):
    """A typing mistake is no empty line."""
    with pytest.raises(ConfigError, match="in no series 'x'") as failed:
        line(place.app, "001", "x")
    assert "month-now-20260101" in failed.value.hint
