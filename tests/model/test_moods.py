"""How an answer sounds, and when its score says something else."""

from __future__ import annotations

import pytest

from connector.mapping.expressions import literal
from connector.model import moods
from connector.model.themes import tagged

from .heard import engine, hear, mood, own, shipped


@pytest.mark.parametrize(
    ("language", "comment", "sounds"),
    [
        ("de", "Zufrieden.", "good"),
        ("de", "Unzufrieden!", "bad"),
        ("de", "Wir sind nicht zufrieden", "bad"),
        ("de", "Wir sind nicht unzufrieden", "good"),
        ("de", "Der Support ist leider nicht wirklich gut.", "bad"),
        ("de", "Das gefällt uns gar nicht.", "bad"),
        ("de", "Nicht schnell, aber gut", None),
        ("de", "Nicht nur schnell, sondern auch gut", "good"),
        ("de", "Keine Probleme", "good"),
        ("de", "Gut und schlecht", None),
        ("de", "Niemand hat geholfen", "bad"),
        ("de", "Es wurde geliefert.", None),
        ("en", "Not good", "bad"),
        ("en", "not GOOD, not fast", "bad"),
        ("en", "I don’t recommend it", "bad"),
        ("en", "Couldn't be happier? No. It is great.", None),
        ("en", "No problems, great service", "good"),
        ("en", "Never had any problems", "good"),
        ("en", "Not only fast but also friendly", "good"),
        ("en", "Great app, terrible support", None),
        ("en", "They deliver.", None),
        ("en", "I would not, after all that has happened here, call it bad", "bad"),
    ],
)
def test_words_of_one_kind_decide(language: str, comment: str, sounds: str | None) -> None:
    """Negated ones count the other way, within their clause and reach; mixed words say nothing."""
    assert mood(comment, language) == sounds


def test_german_is_not_read_with_english_words() -> None:
    """`fast` is almost, `die` is no death; undeclared, both lists are read as one."""
    assert mood("fast", "de") is None
    assert mood("fast", "en") == "good"
    assert mood("Die Frist", "de") is None
    assert mood("Nicht super, not good") == "bad"
    assert mood("Très bien, super", "fr") is None


def test_the_word_of_the_platform_counts_before_the_words() -> None:
    """Also where it finds a comment neither good nor bad; without a comment there are no words."""
    found = hear(
        {"comment": "great", "sentiment": "Negative"},
        {"comment": "great", "sentiment": "neutral"},
        {"comment": "great", "sentiment": "promoter"},
        {"comment": "great"},
        {"comment": None, "sentiment": "positive"},
    )
    assert [(each["mood"], each["mood_from"]) for each in found] == [
        ("bad", "platform"), (None, None), ("good", "words"), ("good", "words"),
        (None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("score", "metric", "sounds", "flagged"),
    [
        (10, "nps", "bad", True), (9, "nps", "bad", True), (8, "nps", "bad", False),
        (7, "nps", "good", False), (6, "nps", "good", True), (0, "nps", "good", True),
        (10, "nps", "good", False), (0, "nps", "bad", False), (10, "csat", "bad", False),
        (11, "nps", "bad", False), (-1, "nps", "good", False), (10, "nps", None, False),
        (None, "nps", "good", False),
    ],
)  # fmt: skip
def test_only_a_promoter_or_detractor_can_disagree(
    score: int | None, metric: str, sounds: str | None, *, flagged: bool
) -> None:
    """Passives and other metrics are not judged; neither is what is off the scale."""
    row = (
        f"SELECT '{metric}' AS metric, CAST({literal(score)} AS DOUBLE) AS score,"
        f" CAST({literal(sounds)} AS VARCHAR) AS mood"
    )
    with engine() as opened:
        found = opened.one(f"SELECT coalesce({moods.DISAGREES}, FALSE) FROM ({row}) AS r")
    assert found is flagged


def test_a_lexicon_of_ones_own_reaches_as_far_as_it_says() -> None:
    """And without negations nothing is turned around."""
    text = '[lexicon.en]\nreach = {}\nnot = ["not"]\ngood = ["good"]\nbad = ["bad"]\n'
    said = {"comment": "not a very good day", "language": "en"}
    near, far = (hear(said, by=own(text.format(reach)))[0]["mood"] for reach in (2, 3))
    assert (near, far) == ("good", "bad")
    plain = own('[lexicon.en]\ngood = ["good"]\n')
    assert hear({"comment": "not good", "language": "en"}, by=plain)[0]["mood"] == "good"


def test_an_empty_dictionary_hears_nothing() -> None:
    """Only the platform speaks."""
    found = hear({"comment": "great"}, {"comment": "great", "sentiment": "negative"}, by=own(""))
    assert [each["mood"] for each in found] == [None, "bad"]


def test_a_whole_column_without_comments_is_read() -> None:
    """NULL throughout is the usual column of a platform that sends no comments."""
    rows = (
        "SELECT CAST(NULL AS VARCHAR) AS comment, CAST(NULL AS VARCHAR) AS language,"
        " CAST(NULL AS VARCHAR) AS sentiment, CAST(NULL AS VARCHAR[]) AS labels FROM range(3000)"
    )
    with engine() as opened:
        opened.stage("bare", rows, "table")
        found = tagged("FROM bare", shipped())
        sql = f"SELECT count(*), count(mood), sum(len(themes)) FROM ({found}) AS t"
        assert opened.rows(sql) == [(3000, 0, 0)]
