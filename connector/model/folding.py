"""Words and comments made comparable, and the patterns that find the ones in the others.

Small letters; ä is ae, ö oe, ü ue, ß ss; other accents and apostrophes are dropped. What is left of
German and English are the letters a to z, so that `\\b` of a regular expression finds their edges.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from ..mapping.expressions import literal

#: In this order; the dots of a letter may be a character of their own.
_CHANGED = (
    ("a\u0308", "ae"),
    ("o\u0308", "oe"),
    ("u\u0308", "ue"),
    ("ä", "ae"),
    ("ö", "oe"),
    ("ü", "ue"),
    ("ß", "ss"),
    ("'", ""),
    ("’", ""),
    ("\u00ad", ""),
    ("_", " "),
)
#: What stands before a word that is negated: no edge is between it and the word.
NEGATED = "_"
#: What ends a clause, and what lies between two words of one clause.
ENDS = r".,;:!?()\n…–—"
BETWEEN = rf"[^\w{ENDS}]+"
#: Which language a response says it is in: `de`, `de-AT`, `German (Germany)`, `ENG`.
_SPOKEN = {"de": "de|deu|ger|german|deutsch", "en": "en|eng|english|englisch"}
#: What platforms write when they do not know.
_UNDECLARED = ("", "und", "unknown")
_STEM = re.compile(r"\*?[a-z0-9]+\*?")


def fold(text: str) -> str:
    """A word of a file as `folded` leaves it."""
    text = text.lower()
    if text.isascii() and not {"'", "_"} & set(text):
        return text
    for old, new in _CHANGED:
        text = text.replace(old, new)
    apart = unicodedata.normalize("NFD", text)
    return "".join(each for each in apart if unicodedata.category(each) != "Mn")


def folded(column: str) -> str:
    """SQL for a text made comparable; NULL when nothing is in it."""
    text = f"lower({column})"
    for old, new in _CHANGED:
        quoted = old.replace("'", "''")
        text = f"replace({text}, '{quoted}', '{new}')"
    return f"CASE WHEN trim({column}) <> '' THEN strip_accents({text}) END"


def spoken(column: str) -> str:
    """SQL for the language of an answer: de, en, other, or NULL when it does not say."""
    said = f"trim(lower({column}))"
    known = " ".join(
        f"WHEN regexp_matches({said}, '^({names})([^a-z]|$)') THEN '{language}'"
        for language, names in _SPOKEN.items()
    )
    return (
        f"CASE WHEN {column} IS NULL OR {said} IN {_UNDECLARED} THEN NULL {known} ELSE 'other' END"
    )


def steps(entry: str) -> tuple[str, ...]:
    """The words of an entry of a file, folded, each with its stars: `on time`, `liefer*`."""
    return tuple(fold(entry).replace("-", " ").split())


def is_readable(step: str) -> bool:
    """Whether a folded word is made of letters and digits, with stars at its ends only."""
    return _STEM.fullmatch(step) is not None


def pattern(entries: Iterable[str], before: str = "") -> str:
    """A regular expression that finds any of some entries in a folded text."""
    found = (_entry(steps(entry), before) for entry in entries)
    return "|".join(dict.fromkeys(found))


def _entry(words: tuple[str, ...], before: str) -> str:
    first, *others = words
    text = rf"\b{before}{_word(first)}"
    for word in others:
        text += rf"{BETWEEN}{NEGATED}?{_word(word)}"
    # Behind a stem anything may follow, so nothing needs to be read.
    open_end = "[a-z0-9]*"
    return text.removesuffix(open_end) if text.endswith(open_end) else rf"{text}\b"


def _word(step: str) -> str:
    return step.replace("*", "[a-z0-9]*")


def has(column: str, found_by: str) -> str:
    """SQL for whether a folded text has a match of a pattern; an empty one matches nothing."""
    return f"regexp_matches({column}, {literal(found_by)})" if found_by else "FALSE"
