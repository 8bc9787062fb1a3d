"""Verify: a score of the past is worked out again from its receipt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.errors import ConfigError
from connector.model.definition import Cap, Override, Rule, Segment
from connector.sync import models
from connector.sync.backfill import Asked, backfill
from connector.sync.verify import verify
from tests.model.lake import SHIPPED, shipped
from tests.sync.history import MODEL, Place, day, small


@pytest.fixture
def place(tmp_path) -> Place:
    """Scored on days 1 and 6; then much happened and was pulled on day 9, and all was folded."""
    made = small(tmp_path)
    made.score(1)
    met = {"account_id": "001", "kind": "meeting", "status": "held"}
    made.put("activities", 5, {"id": "a2", **met, "occurred_at": day(4), "modified_at": day(4)})
    made.score(6)
    made.put("activities", 9, {"id": "a3", **met, "occurred_at": day(0), "modified_at": day(8)})
    made.put("accounts", 9, {"id": "001", "name": "One", "sentiment": 1, "sentiment_at": day(0)})
    made.put("tickets", 9, {"id": "t1", "account_id": "001", "priority": "urgent",
                            "is_closed": False, "opened_at": day(-5)})  # fmt: skip
    made.fold()
    return made


def test_every_score_that_was_kept_can_be_proved(place):
    """Whatever has been pulled and folded since."""
    place.score(10)
    scores = set()
    for at in (day(1), day(6), day(10), None):
        found = verify(place.app, "One", at)
        assert found.equal, found.differs
        assert found.inputs[0] == found.inputs[1] != ""
        scores.add(found.score)
    assert len(scores) == 3


def test_a_moment_means_the_score_that_held_then(place):
    """The newest that is not later."""
    assert verify(place.app, "001", day(4)).past.as_of == day(1)
    with pytest.raises(ConfigError, match="001 had no score by 2026-01-01"):
        verify(place.app, "001", day(0.5))


def forged(place: Place, **values) -> None:
    """Append the newest score again, a second later and with other values."""
    engine, lake = place.app.engine(), place.app.lake
    rows = lake.every("scores", engine, lake.types("scores", engine))
    said = ", ".join(f"{value} AS {name}" for name, value in values.items())
    lake.append(
        "scores", engine,
        f"SELECT * REPLACE (as_of + INTERVAL 1 SECOND AS as_of, {said}) FROM ({rows}) "
        f"WHERE account_id = '001' AND as_of = '{day(6)}'",
    )  # fmt: skip
    rows = lake.every("measures", engine, lake.types("measures", engine))
    lake.append(
        "measures", engine,
        f"SELECT * REPLACE (as_of + INTERVAL 1 SECOND AS as_of) FROM ({rows}) "
        f"WHERE account_id = '001' AND as_of = '{day(6)}'",
    )  # fmt: skip
    engine.close()


def test_a_forged_score_is_found(place):
    """Neither the records nor its own inputs give it."""
    forged(place, raw=990, score=990, tier="'A'")
    found = verify(place.app, "001", day(7))
    assert not found.equal
    assert not found.from_inputs
    kept = {each.name: each.kept for each in found.differs}
    assert (kept["score"], kept["tier"]) == (99.0, "A")
    assert found.as_dict()["differs"][0]["again"] != 99.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("score", "990"),
        ("tier", "'A'"),
        ("known", "1"),
        ("rule", "'best'"),
        ("caps", "['open_urgent_ticket']"),
        ("override", "'A'"),
        ("scored_as", "'small'"),
    ],
)
def test_every_part_of_a_score_has_both_proofs(place, name, value):
    """Where the score before caps is left as it was, too."""
    forged(place, **{"score_before": "score", name: value})
    found = verify(place.app, "001", day(7))
    assert [each.name for each in found.differs] == [name]
    assert not found.from_inputs


@pytest.mark.parametrize("name", ["held", "assumed"])
@pytest.mark.parametrize(
    ("value", "told"), [("['ticket_load']", True), ("CAST(NULL AS VARCHAR[])", False)]
)
def test_what_few_answers_hold_and_what_is_assumed_is_compared(place, name, value, told):
    """But rows from before there was such a list have nothing to compare."""
    forged(place, **{"score_before": "score", name: value})
    found = verify(place.app, "001", day(7))
    assert [each.name for each in found.differs] == ([name] if told else [])


def test_rules_ranks_caps_and_a_word_are_proved_from_the_inputs_too(place):
    """With the columns that the account had then; a rank is taken as it was."""
    place.put("accounts", 10, *(
        {"id": id, "name": id, "sentiment": 4, "sentiment_at": day(9), "created_at": day(-900),
         "revenue": revenue, "override_tier": tier, "override_until": "2026-12-31"}
        for id, revenue, tier in (("001", 1000, None), ("002", 10, None), ("003", 10, "D"))
    ))  # fmt: skip
    model = replace(
        MODEL,
        rules=(Rule("best", "rank < 40", "A"), Rule("rest", "score >= 0", "C")),
        caps=(Cap("large", "revenue > 500", "D"),),
        override=Override("override_tier", "override_until"),
    )
    place.with_model(model).score(11)
    place.put("accounts", 12, {"id": "001", "name": "One", "revenue": 1})
    for id in ("001", "002", "003"):
        found = verify(replace(place.app, model=model), id, day(11))
        assert found.equal, (found.from_inputs, found.differs)
    own = f"FROM {{t}} WHERE model = '{model.version}' ORDER BY account_id"
    assert place.rows("scores", f"SELECT account_id, tier, rule, caps, override {own}") == [
        ("001", "D", "rest", ["large"], None),
        ("002", "A", "best", [], None),
        ("003", "D", "best", [], "D"),
    ]


def test_few_answers_are_proved_from_the_inputs_too(place):
    """That they were too few is kept with the score."""
    measures = tuple(
        replace(each, enough="count(*) > 1") if each.name == "ticket_load" else each
        for each in MODEL.measures
    )
    model = replace(MODEL, measures=measures)
    later = place.with_model(model)
    later.score(11)
    ticket = {"account_id": "002", "priority": "low", "is_closed": True, "opened_at": day(12)}
    place.put("tickets", 12, {"id": "t2", **ticket})
    later.score(13)
    found = verify(replace(place.app, model=model), "002", day(13))
    assert found.equal, (found.from_inputs, found.differs)
    own = f"WHERE model = '{model.version}' AND account_id = '002' ORDER BY as_of"
    assert place.rows("scores", f"SELECT held FROM {{t}} {own}") == [([],), (["ticket_load"],)]


def test_records_that_are_gone_are_named_by_their_measure(place):
    """Files that a fold replaced were removed: the inputs alone still prove the score."""
    import deltalake

    table = deltalake.DeltaTable(str(place.folder / "lake" / "tickets"))
    table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    found = verify(place.app, "001", day(6))
    assert not found.equal
    assert found.from_inputs
    assert found.inputs[0] != found.inputs[1]
    assert {"ticket_load", "open_urgent_tickets"} & {each.name for each in found.differs}


def test_a_score_of_a_series_is_proved_with_the_eyes_of_the_series(place):
    """What was pulled after the backfill does not count."""
    done = backfill(place.app, Asked(day(0), day(8), "week"), write=True)
    met = {"account_id": "001", "kind": "meeting", "status": "held"}
    place.put("activities", 12, {"id": "a4", **met, "occurred_at": day(3), "modified_at": day(3)})
    place.fold()
    found = verify(place.app, "001", day(8), done.series)
    assert found.equal, found.differs
    assert (found.past.as_of, found.past.known_by) == (day(7), day(9))


def test_a_score_of_an_older_model_is_proved_with_that_model(place, tmp_path):
    """Each model that scores is kept by its version; labels are no part of it."""
    file = tmp_path / "health.toml"
    file.write_text(SHIPPED.read_text())
    first = replace(place.app, model=shipped(), model_file=file)
    models.keep(first)
    file.write_text(SHIPPED.read_text().replace("support            = 10", "support = 30"))
    models.keep(first)
    second = replace(first, model=models.read(file))
    models.keep(second)
    versions = {first.model.version, second.model.version}
    assert {each.stem for each in first.models.iterdir()} == versions
    assert models.of(second, first.model.version) == first.model
    place.with_model(first.model).score(11)
    found = verify(second, "001", day(11))
    assert found.model == first.model.version
    assert found.equal, found.differs


def test_segments_and_what_stands_in_for_unknowns_are_proved_too(place):
    """Other weights and edges for one account, and a measure that counts as worst where unknown."""
    segment = Segment("small", "name = 'One'", {"support": 90}, tiers={"A": 99, "B": 98, "C": 97})
    measures = tuple(
        replace(each, missing="worst") if each.name == "ticket_load" else each
        for each in MODEL.measures
    )
    model = replace(MODEL, segments=(segment,), measures=measures)
    place.with_model(model).score(11)
    app = replace(place.app, model=model)
    for id, tier in (("001", "D"), ("002", "D")):
        found = verify(app, id, day(11))
        assert (found.equal, found.tier) == (True, tier), found.differs
    kept = place.rows(
        "scores",
        f"SELECT account_id, scored_as, assumed FROM {{t}} WHERE model = '{model.version}'"
        " ORDER BY account_id",
    )
    assert kept == [("001", "small", []), ("002", None, ["ticket_load"])]


def test_a_model_that_is_not_kept_is_asked_for(place):
    """By its version and by the place where it belongs."""
    other = replace(place.app, model=replace(MODEL, groups={**MODEL.groups, "support": 90}))
    with pytest.raises(ConfigError, match=f"Model {MODEL.version} is not kept") as failed:
        verify(other, "001")
    assert f"{MODEL.version}.toml" in failed.value.hint
