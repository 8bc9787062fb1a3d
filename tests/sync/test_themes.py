"""Themes of a lake: found when asked, told once when new, and never part of a score."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from connector.engines.duckdb import DuckDB
from connector.errors import ConfigError
from connector.model.dictionary import Dictionary, Lexicon, Lexicons, Theme
from connector.sync.app import App
from connector.sync.run import Run
from connector.sync.score import score
from connector.sync.themes import Themes, gather
from tests.model.heard import shipped
from tests.model.lake import only
from tests.sync.history import Place, day

MODEL = only("nps", "nps_responses", "loyalty")
RULE = "score_and_words_disagree"
SECRET = "Herr Schulz sagt: furchtbar, Lieferung kam nie an"


def given_answer(id: str, score: int | None, comment: str | None, **more: Any) -> dict[str, Any]:
    """An answer to a relationship survey."""
    usual = {
        "platform": "p", "survey": "s", "kind": "relationship", "metric": "nps", "scale_min": 0,
        "scale_max": 10, "submitted_at": day(-10), "account_key": "001", "language": "de",
        "email": f"{id}@kunde.example",
    }  # fmt: skip
    return {**usual, "id": id, "score": score, "comment": comment, **more}


ANSWERS = (
    given_answer("fine", 10, "Schnelle Lieferung, super!"),
    given_answer("turned", 10, SECRET, account_key="002"),
    given_answer("happy", 2, "Alles perfekt", account_key="002", submitted_at=day(-5)),
    given_answer("csat", 5, "furchtbar", metric="csat", scale_max=5, scale_min=1),
    given_answer("lost", 0, "Zu teuer", account_key="?", email="x@nirgends.example"),
    given_answer("english", 9, "Delivery on time", language="en"),
    given_answer("french", 3, "Livraison super", language="fr"),
    given_answer("old", 10, "furchtbar", submitted_at=day(-500)),
    given_answer("silent", 9, None),
    given_answer("blank", 9, "  "),
    given_answer("off", 12, "furchtbar"),
    given_answer("test", 10, "furchtbar", excluded=True),
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Two accounts, and what their people answered, pulled on the first day."""
    return _filled(tmp_path)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    """The same place, scored on that day; only looked at."""
    return scored(_filled(tmp_path_factory.mktemp("scored")), 0, shipped())[0]


def _filled(folder: Path) -> Place:
    made = Place(folder, MODEL)
    made.put("accounts", 0, {"id": "001", "name": "One"}, {"id": "002", "name": "Two"})
    made.put("responses", 0, *ANSWERS)
    return made


def scored(place: Place, number: float, by: Dictionary) -> tuple[App, Run]:
    """A run that scores on some day with a dictionary, as a sync does, and its receipt."""
    app, engine = replace(place.app, themes=by), DuckDB(threads=1, scratch=place.folder / "spill")
    run = Run(f"r{number}", SimpleNamespace(now=day(number)), engine)  # type: ignore[arg-type]
    done = score(app, run)
    engine.close()
    app.state.begin(run.id, "sync", day(number))
    receipt = {"as_of": run.as_of.isoformat(), "accounts": done.accounts}
    app.state.end(run.id, day(number), 0, receipt)
    return app, run


def odd(run: Run) -> list[str]:
    """The answers that a run told of."""
    return [id for each in run.oddities if each.rule == RULE for id in each.ids]


def test_answers_that_disagree_are_told_once_by_the_run_that_brought_them(place: Place) -> None:
    """A passive, another metric, a test and what is off the scale are not among them."""
    _, first = scored(place, 0, shipped())
    assert odd(first) == ["happy", "old", "turned"]
    _, second = scored(place, 1, shipped())
    assert odd(second) == []
    place.put("responses", 2, given_answer("new", 9, "Katastrophe"))
    _, third = scored(place, 2, shipped())
    assert odd(third) == ["new"]


def test_themes_of_a_year(app: App) -> None:
    """Every answer that counts and says something, whether its account is known or not."""
    found = gather(app)
    assert (found.answers, found.labelled, found.found, found.without, found.other_language) == (
        7, 0, 4, 2, 1,
    )  # fmt: skip
    told = {
        each.theme: (each.answers, each.accounts, each.rated, each.nps) for each in found.themes
    }
    assert told == {"delivery": (3, 2, 3, 100.0), "price": (1, 0, 1, -100.0)}
    assert found.themes[0].label == {"de": "Lieferung", "en": "Delivery"}


def test_labels_other_metrics_and_what_would_steer_a_terminal(place: Place) -> None:
    """An answer without a comment has its labels; an NPS is of NPS answers only; and whoever
    answers a survey types what they like."""
    place.put(
        "responses", 1,
        given_answer("a", 3, "x", submitted_at=day(0), labels=["Preis"]),
        given_answer("b", 5, "teuer", metric="csat", scale_max=5, scale_min=1),
        given_answer("evil", 10, "furchtbar\x1b[2J\nschlecht"),
    )  # fmt: skip
    app, _ = scored(place, 2, shipped())
    found = gather(app, window=timedelta(days=30), comments=True)
    (price,) = [each for each in found.themes if each.theme == "price"]
    assert (price.answers, price.rated, price.nps) == (3, 2, -100.0)
    assert found.labelled == 1
    comments = {each.response: each.comment for each in found.disagreements}
    assert comments["evil"] == "furchtbar [2J schlecht"


def test_the_window_is_as_long_as_asked(app: App) -> None:
    """From the last run backwards."""
    assert gather(app, window=timedelta(days=7)).answers == 1
    assert gather(app, window=timedelta(days=600)).disagree == 3


def test_no_comment_is_told_unless_asked(app: App) -> None:
    """Account, answer and score lead a person there; neither name nor address is said."""
    found = gather(app)
    said = json.dumps(found.as_dict())
    assert "Schulz" not in said
    assert "kunde.example" not in said
    assert _listed(found) == [("002", "happy", 2, "good"), ("002", "turned", 10, "bad")]
    assert "Schulz" in json.dumps(gather(app, comments=True).as_dict())
    assert _listed(gather(app, most=1)) == [("002", "happy", 2, "good")]
    assert gather(app, most=0).disagree == 2


def test_an_edited_dictionary_shows_at_once(app: App) -> None:
    """Nothing was kept of the old one."""
    edited = Dictionary({"super": Theme(de=("super",))})
    found = gather(replace(app, themes=edited))
    assert [(each.theme, each.label["de"]) for each in found.themes] == [("super", "super")]


def test_before_the_first_run_there_is_nothing_to_look_at(place: Place) -> None:
    """It says what to do."""
    with pytest.raises(ConfigError, match="No run has scored"):
        gather(place.app)


#: Words of the answers above, so that each may change what is heard in them.
WORDS = st.lists(
    st.sampled_from(["super", "furchtbar", "liefer*", "perfekt*", "teuer"]), max_size=4
)


def kept(folder: Path, by: Dictionary) -> list[list[tuple[Any, ...]]]:
    """Every score and measure that a run leaves."""
    here = _filled(folder)
    scored(here, 0, by)
    return [
        here.rows(table, "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {t} ORDER BY account_id")
        for table in ("scores", "measures")
    ]


def test_no_dictionary_moves_a_score(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The tables of scores and measures are the same with it and without it, to the last cell."""
    without = kept(tmp_path_factory.mktemp("without"), Dictionary())
    assert [len(rows) for rows in without] == [2, 2]
    assert kept(tmp_path_factory.mktemp("shipped"), shipped()) == without

    @given(good=WORDS, bad=WORDS, words=WORDS)
    @settings(max_examples=2, deadline=None, derandomize=True, phases=[Phase.generate])
    def any_dictionary(good: list[str], bad: list[str], words: list[str]) -> None:
        lexicon = Lexicon(good=tuple(good), bad=tuple(bad), negations=("nicht",))
        theme = Theme(de=tuple(words), en=tuple(words))
        own = Dictionary({"theme": theme}, Lexicons(lexicon, lexicon))
        assert kept(tmp_path_factory.mktemp("own"), own) == without

    any_dictionary()


def _listed(found: Themes) -> list[tuple[str | None, str, int, str]]:
    return [(each.account, each.response, each.score, each.mood) for each in found.disagreements]
