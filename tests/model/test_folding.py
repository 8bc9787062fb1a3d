"""The words of a file and the comments of people meet on the same ground."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.mapping.expressions import literal
from connector.model import folding

from .heard import engine

LETTERS = "abcxyzäöüßÄÖÜẞéèñÅçABC019 -'’_.!\u0308\u0301\u00ad"


@given(st.lists(st.text(LETTERS, min_size=1, max_size=12), min_size=60, max_size=60))
@settings(max_examples=4, deadline=None, derandomize=True)
def test_a_word_of_a_file_is_folded_like_a_comment(texts: list[str]) -> None:
    """Python, which reads the file, and the engine, which reads the comments, say the same."""
    some = [text for text in texts if text.strip(" ")]
    values = ", ".join(f"({n}, {literal(text)})" for n, text in enumerate(some))
    with engine() as opened:
        told = opened.rows(
            f"SELECT {folding.folded('t')} FROM (VALUES {values}) AS v(n, t) ORDER BY n"
        )
    assert [text for (text,) in told] == [folding.fold(text) for text in some]


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Verzögerung", "verzoegerung"),
        ("VERZO\u0308GERUNG", "verzoegerung"),
        ("Verzoegerung", "verzoegerung"),
        ("GROẞARTIG", "grossartig"),
        ("grossartig", "grossartig"),
        ("Café", "cafe"),
        ("can’t", "cant"),
        ("can't", "cant"),
        ("ver\u00adzögert", "verzoegert"),
    ],
)
def test_spellings_of_a_word_are_one(written: str, folded: str) -> None:
    """However a keyboard, a phone or a Swiss writes it."""
    assert folding.fold(written) == folded


@pytest.mark.parametrize(
    ("entry", "text", "is_there"),
    [
        ("frist", "die frist war kurz", True),
        ("frist", "fristlos", False),
        ("frist", "befristet", False),
        ("liefer*", "lieferverzoegerung", True),
        ("liefer*", "auslieferung", False),
        ("*lieferung", "nachlieferung", True),
        ("*lieferung", "lieferungen", False),
        ("*lager*", "zwischenlagerung", True),
        ("on time", "it was on   time.", True),
        ("on time", "come on. time flies", False),
        ("on time", "on timely", False),
        ("account manager*", "account-managers", True),
        ("liefer* termin", "liefertermin", False),
        ("liefer* termin", "lieferung: termin", False),
        ("liefer* termin", "lieferungs-termin", True),
    ],
)
def test_a_pattern_finds_words_and_not_parts_of_them(
    entry: str, text: str, *, is_there: bool
) -> None:
    """A star opens an end, and a phrase stays in its clause."""
    with engine() as opened:
        found = opened.one(f"SELECT {folding.has(literal(text), folding.pattern([entry]))}")
    assert found is is_there
    assert bool(re.search(folding.pattern([entry]), text)) is is_there


@pytest.mark.parametrize(
    ("declared", "language"),
    [
        ("de", "de"), ("DE", "de"), ("de-AT", "de"), ("de_CH", "de"), ("deu", "de"),
        ("German (Germany)", "de"), (" Deutsch ", "de"), ("en", "en"), ("EN-GB", "en"),
        ("eng", "en"), ("English", "en"), ("fr", "other"), ("den", "other"), ("enm", "other"),
        ("", None), (" ", None), (None, None), ("und", None), ("unknown", None),
    ],
)  # fmt: skip
def test_a_language_is_known_however_a_platform_writes_it(
    declared: str | None, language: str | None
) -> None:
    """And no other language passes for one of the two."""
    with engine() as opened:
        said = f"CAST({literal(declared)} AS VARCHAR)"
        assert opened.one(f"SELECT {folding.spoken(said)}") == language
