"""Examples in a theme file, run through the statements that production runs."""

from __future__ import annotations

from ..mapping.examples import Example, judge
from ..mapping.expressions import literal
from ..records import TEXT, WORDS
from . import themes
from .dictionary import Dictionary, ThemeExample

__all__ = ["Example", "judge", "statements"]


def statements(dictionary: Dictionary) -> list[Example]:
    """Every example as a query with one row: its themes in a line, and its mood."""
    return [
        Example(("examples", place), _sql(dictionary, each), _expected(each))
        for place, each in enumerate(dictionary.examples)
    ]


def _sql(dictionary: Dictionary, example: ThemeExample) -> str:
    answer = (
        f"SELECT {literal(example.text)} AS comment, {literal(example.language)} AS language,"
        f" CAST(NULL AS {TEXT}) AS sentiment, CAST([] AS {WORDS}) AS labels"
    )
    return (
        "SELECT array_to_string(list_sort(themes), ', ') AS themes, coalesce(mood, '') AS mood"
        f" FROM ({themes.tagged(answer, dictionary)}) AS t"
    )


def _expected(example: ThemeExample) -> dict[str, str]:
    """An example that does not say a mood leaves it open; its themes are all that there are."""
    mood = {} if example.mood is None else {"mood": example.mood}
    return {"themes": ", ".join(sorted(example.themes)), **mood}
