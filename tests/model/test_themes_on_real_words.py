"""Themes and moods on sentences that nobody here wrote; the figures stand in docs/themes.md."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

import pytest

from connector.mapping.expressions import literal
from connector.model.themes import tagged
from tests.conftest import SHARED, beside

from .heard import engine, shipped

pytestmark = [pytest.mark.shared, beside]

DESK = SHARED / "data" / "feedback_de_servicedesk" / "service_desk_feedbacks.csv"
ENGLISH = SHARED / "data" / "sentiment_sentences_en"

#: Text and what a person said of it: good, bad, or "" for neither.
Row = tuple[str, str]


def desk() -> Iterator[Row]:
    """936 rows of a German service desk, 22 different sentences."""
    with DESK.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            yield row["Text"], {"0": "bad", "1": "", "2": "good"}[row["label"]]


def english(name: str) -> Iterator[Row]:
    """A thousand sentences from reviews, half of them good and half bad."""
    for line in (ENGLISH / f"{name}_labelled.txt").read_text(encoding="utf-8").split("\n"):
        text, _, label = line.rpartition("\t")
        if text:
            yield text, {"0": "bad", "1": "good"}[label.strip()]


def heard(rows: Iterator[Row], language: str | None) -> dict[str, Any]:
    """How many rows have a theme; of those with a label, how many are decided, and rightly."""
    values = ", ".join(f"({literal(text)}, {literal(label)})" for text, label in rows)
    said = f"CAST({literal(language)} AS VARCHAR) AS language, CAST(NULL AS VARCHAR) AS sentiment"
    answers = f"SELECT *, {said}, CAST([] AS VARCHAR[]) AS labels FROM labelled"
    told = (
        "SELECT count(*) AS rows, avg(CAST(len(themes) > 0 AS INTEGER)) AS themed,"
        " avg(CAST(mood IS NOT NULL AS INTEGER)) FILTER (label <> '') AS decided,"
        " avg(CAST(mood = label AS INTEGER)) FILTER (label <> '' AND mood IS NOT NULL) AS right_,"
        " avg(CAST(mood IS NOT NULL AS INTEGER)) FILTER (label = '') AS lukewarm,"
        " avg(CAST(mood <> label AS INTEGER)) FILTER (label <> '' ) AS wrong"
    )
    with engine() as opened:
        opened.stage("labelled", f"SELECT * FROM (VALUES {values}) AS v(comment, label)", "table")
        return opened.dicts(f"{told} FROM ({tagged(answers, shipped())}) AS t")[0]


def test_a_german_service_desk() -> None:
    """Most rows have a theme, and every good or bad one is taken as such; what a person called
    neither is mostly taken for one of the two, for one kind of word is in it."""
    found = heard(desk(), "de")
    assert found["rows"] == 936
    assert found["themed"] > 0.65
    assert found["decided"] > 0.95
    assert found["right_"] > 0.97
    assert found["lukewarm"] < 0.85


@pytest.mark.parametrize(("name", "themed"), [("amazon_cells", 0.20), ("yelp", 0.08)])
def test_english_reviews(name: str, themed: float) -> None:
    """Telephones and restaurants are not what the themes are about. More than half of the sentences
    have words of one kind only, and of those words more than nine in ten are right."""
    found = heard(english(name), "en")
    assert found["rows"] >= 1000
    assert found["themed"] > themed
    assert found["decided"] > 0.55
    assert found["right_"] > 0.93


@pytest.mark.parametrize("name", ["amazon_cells", "yelp"])
def test_an_undeclared_language_costs_little(name: str) -> None:
    """German words are not in the way of English sentences."""
    found = heard(english(name), None)
    assert found["decided"] > 0.55
    assert found["right_"] > 0.93
