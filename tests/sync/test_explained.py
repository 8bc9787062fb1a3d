"""Explain: a score is explained by the model that gave it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.errors import ConfigError
from connector.sync import models
from connector.sync.app import App
from connector.sync.explain import explained
from tests.model.lake import SHIPPED, shipped
from tests.sync.history import small


@pytest.fixture
def apps(tmp_path) -> tuple[App, App]:
    """The installation that scored, and as it is since its file was edited: a measure is gone,
    groups weigh otherwise."""
    place, file = small(tmp_path).with_model(shipped()), tmp_path / "health.toml"
    file.write_text(SHIPPED.read_text())
    scored = replace(place.app, model_file=file)
    models.keep(scored)
    place.score(1)
    model = shipped()
    measures = tuple(each for each in model.measures if each.name != "csm_sentiment")
    groups = {**model.groups, "support": 90}
    edited = replace(model, measures=measures, groups=groups)
    return scored, replace(scored, model=edited)


def test_a_score_is_explained_by_the_model_that_gave_it(apps):
    """Also when the file holds another one by now: the parts still add up, and so does advice."""
    scored, edited = apps
    found = explained(edited, "One")
    assert found["model"] == scored.model.version != edited.model.version
    contributions = {each["name"]: each["contribution"] for each in found["contributions"]}
    assert "csm_sentiment" in contributions
    whole = sum(round(10 * each) for each in contributions.values())
    assert whole == round(10 * found["score_before_caps"]) - 500
    assert found["to_reach"] is not None
    assert found == explained(scored, "One")


def test_a_model_that_is_not_kept_is_asked_for(apps):
    """By the place where it belongs; or a run scores anew."""
    scored, edited = apps
    (kept,) = edited.models.iterdir()
    kept.unlink()
    with pytest.raises(ConfigError, match="One was scored by another model") as failed:
        explained(edited, "One")
    assert f"{scored.model.version}.toml" in failed.value.hint
    assert "connector sync" in failed.value.hint


def test_a_change_from_another_model_is_the_model(tmp_path):
    """A window that got shorter, over the records of then as the lake holds them."""
    measures = tuple(
        replace(each, window=5) if each.name == "ticket_load" else each
        for each in shipped().measures
    )
    place, model = small(tmp_path).with_model(shipped()), replace(shipped(), measures=measures)
    place.score(1)
    place.with_model(model).score(1.01)
    (term,) = explained(place.with_model(model).app, "One")["change"]["terms"]
    assert (term["cause"], term["name"]) == ("model", model.version)
