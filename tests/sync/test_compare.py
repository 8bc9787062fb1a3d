"""Two models side by side: who moves, with how much revenue, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.errors import ConfigError
from connector.model.definition import HealthModel, Segment, Tiers
from connector.sync import compare as comparing
from connector.sync import models
from connector.sync.compare import compare
from tests.model.lake import SHIPPED, shipped
from tests.sync.history import MODEL, Place, day


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    """Three customers: one without any trouble, one with a ticket, one with a low opinion."""
    made = Place(tmp_path_factory.mktemp("place"))
    common = {"created_at": day(-900), "sentiment_at": day(-1)}
    made.put(
        "accounts", 0,
        {"id": "001", "name": "One", "revenue": 1000, "sentiment": 5, **common},
        {"id": "002", "name": "Two", "revenue": 5000, "sentiment": 5, **common},
        {"id": "003", "name": "Three", "sentiment": 3, **common},
    )  # fmt: skip
    made.put(
        "tickets", 0,
        {"id": "t", "account_id": "002", "priority": "normal", "is_closed": False,
         "opened_at": day(-5)},
        {"id": "u", "account_id": "002", "priority": "urgent", "is_closed": False,
         "opened_at": day(-4)},
    )  # fmt: skip
    return made


def heavier(group: str, weight: int, **more) -> HealthModel:
    return replace(MODEL, groups={**MODEL.groups, group: weight}, **more)


def without_caps() -> HealthModel:
    return replace(MODEL, caps=())


def test_a_model_moves_nobody_against_itself(place):
    """And has no score that differs."""
    found = compare(place.app, MODEL, MODEL)
    assert (found.accounts, found.changed, found.moved, found.movers) == (3, 0, 0, ())
    assert found.revenue == 6000


def test_those_who_move_are_listed_with_their_revenue(place):
    """A threshold that was raised: unknown revenue is counted apart and is not 0."""
    strict = replace(MODEL, tiers=Tiers(A=100, B=99, C=98))
    found = compare(place.app, without_caps(), replace(strict, caps=()))
    moves = {each.tiers: (each.accounts, each.revenue, each.unknown) for each in found.moves}
    assert moves == {("A", "D"): (1, 5000, 0), ("C", "D"): (1, 0, 1)}
    assert (found.moved, found.moved_revenue) == (2, 5000)
    assert found.changed == 0
    assert {cause.name for each in found.moves for cause in each.why} == {"edges"}


def test_edges_of_a_segment_move_its_accounts_alone(place):
    """The cause is where tiers begin; the score is what it was."""
    strict = Segment("two", "id = '002'", tiers={"A": 100, "B": 99, "C": 98})
    found = compare(place.app, without_caps(), replace(without_caps(), segments=(strict,)))
    assert (found.changed, [each.account for each in found.movers]) == (0, ["002"])
    assert [(each.cause, each.delta) for each in found.movers[0].why] == [("tiers", 0.0)]


def test_what_stands_in_for_an_unknown_is_a_cause(place):
    """By the name of its measure, for those of whom it is unknown; causes add up."""
    measures = tuple(
        replace(each, missing="worst") if each.name == "ticket_load" else each
        for each in MODEL.measures
    )
    found = compare(place.app, without_caps(), replace(without_caps(), measures=measures))
    assert found.changed == 2
    for each in found.movers:
        before, after = each.scores
        assert sum(cause.delta for cause in each.why) == pytest.approx(after - before, abs=0.1)
        assert "ticket_load" in [cause.name for cause in each.why]
    assert {each.account for each in found.movers} <= {"001", "003"}
    assert found.movers


def test_causes_add_up_from_one_score_to_the_other(place, monkeypatch):
    """Contributions that differ, and what caps take; the largest first."""
    monkeypatch.setattr(comparing, "CAUSES", 99)
    other = heavier("support", 200, caps=())
    found = compare(place.app, MODEL, other)
    assert found.movers
    for each in found.movers:
        before, after = each.scores
        assert sum(cause.delta for cause in each.why) == pytest.approx(after - before)
        sizes = [abs(cause.delta) for cause in each.why]
        assert sizes == sorted(sizes, reverse=True)


def test_a_cap_is_a_cause_by_its_name(place):
    """The urgent ticket no longer caps the account."""
    found = compare(place.app, MODEL, without_caps())
    (mover,) = found.movers
    assert mover.account == "002"
    assert [(cause.cause, cause.name) for cause in mover.why] == [("cap", "open_urgent_ticket")]
    assert mover.scores[1] - mover.scores[0] == pytest.approx(mover.why[0].delta)
    assert (found.moved_revenue, found.revenue) == (5000, 6000)


def test_a_measure_that_only_one_model_has_is_a_cause(place):
    """What it gave is taken away."""
    names = {"ticket_load", "open_urgent_tickets"}
    more = heavier("support", 200, caps=())
    less = replace(more, measures=tuple(m for m in MODEL.measures if m.name not in names))
    found = compare(place.app, more, less)
    (mover,) = [each for each in found.movers if each.account == "002"]
    assert names & {cause.name for cause in mover.why}
    back = compare(place.app, less, more)
    assert {m.account: m.scores for m in back.movers} == {
        m.account: m.scores[::-1] for m in found.movers
    }


def test_the_most_valuable_come_first_and_no_more_than_asked_for(place):
    """All are counted, some are listed."""
    strict = replace(MODEL, tiers=Tiers(A=100, B=99, C=98))
    found = compare(place.app, without_caps(), strict)
    worth = [each.revenue or -1 for each in found.movers]
    assert worth == sorted(worth, reverse=True)
    one = compare(place.app, without_caps(), strict, most=1)
    assert (one.movers, one.moved) == (found.movers[:1], found.moved)


def test_nothing_is_kept(place):
    """Neither model leaves a row in history."""
    compare(place.app, MODEL, without_caps())
    assert place.app.lake.layers("scores").files == ()


def test_a_model_is_named_by_its_file_or_its_version(place, tmp_path):
    """A file of that name comes first; a broken one says where."""
    file = tmp_path / "health.toml"
    file.write_text(SHIPPED.read_text())
    app = replace(place.app, model=shipped(), model_file=file, folder=tmp_path)
    models.keep(app)
    in_use = replace(app, model=MODEL)
    assert models.named(in_use, str(file)) == models.named(in_use, shipped().version) == shipped()
    file.write_text("name = 1")
    with pytest.raises(ConfigError, match=r"health\.toml:1"):
        models.named(in_use, str(file))
    with pytest.raises(ConfigError, match="cannot be read"):
        models.named(in_use, "nosuch.toml")
