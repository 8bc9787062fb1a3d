"""How an answer sounds, by its platform or by plain words, and whether its score says the same.

Words decide only when all of them are of one kind. That is seldom wrong, and enough to find whoever
took a scale the wrong way round. It is shown to people and moves no score.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ..mapping.expressions import literal
from . import folding
from .dictionary import LANGUAGES, Dictionary, Language, Lexicon
from .folding import BETWEEN, ENDS, NEGATED
from .stage import moment

#: The least score of a promoter, the most of a detractor.
PROMOTER, DETRACTOR = 9, 6
#: Score and words disagree.
DISAGREES = (
    f"metric = 'nps' AND ((score BETWEEN {PROMOTER} AND 10 AND mood = 'bad')"
    f" OR (score BETWEEN 0 AND {DETRACTOR} AND mood = 'good'))"
)
_PLATFORM = "CASE lower(trim(sentiment)) WHEN 'positive' THEN 'good' WHEN 'negative' THEN 'bad' END"
_SAYS = "coalesce(lower(trim(sentiment)) IN ('positive', 'negative', 'neutral', 'mixed'), FALSE)"


def judged(rows: str, dictionary: Dictionary) -> str:
    """Rows with `said`, `spoken` and `sentiment`, with their `mood` (good, bad or NULL).

    `mood_from` says who thinks so: platform or words.
    """
    read = f"CASE WHEN NOT {_SAYS} THEN {_by_language(dictionary, turn, 'NULL')} END"
    turned = f"SELECT *, {read} AS turned FROM ({rows}) AS r"
    words = _by_language(dictionary, _mood, "NULL")
    mood = f"CASE WHEN said IS NULL THEN NULL WHEN {_SAYS} THEN {_PLATFORM} ELSE {words} END"
    who = f"CASE WHEN mood IS NULL THEN NULL WHEN {_SAYS} THEN 'platform' ELSE 'words' END"
    inner = f"SELECT * EXCLUDE (turned), {mood} AS mood FROM ({turned}) AS t"
    return f"SELECT *, {who} AS mood_from FROM ({inner}) AS m"


def new(as_of: datetime) -> str:
    """The answers that came with the run of a moment and may disagree: with words, and clear."""
    return (
        "SELECT id, metric, score, language, comment, sentiment FROM seen_responses"
        f" WHERE pulled_at = {moment(as_of)} AND metric = 'nps' AND NOT coalesce(excluded, FALSE)"
        f" AND score NOT BETWEEN {DETRACTOR} + 1 AND {PROMOTER} - 1"
        " AND trim(comment) <> ''"
    )


def news(dictionary: Dictionary, as_of: datetime) -> str:
    """Those of the new answers whose score and words disagree: `id`."""
    rows = (
        f"SELECT *, {folding.spoken('language')} AS spoken, {folding.folded('comment')} AS said"
        f" FROM ({new(as_of)}) AS n"
    )
    return f"SELECT id FROM ({judged(rows, dictionary)}) AS j WHERE {DISAGREES} ORDER BY id"


def turn(lexicon: Lexicon) -> str:
    """SQL for `said` with a mark before every word that is negated."""
    negation = folding.pattern(lexicon.negations)
    if not negation:
        return "said"
    word, more, reach = r"(\w+)", rf"(?:{BETWEEN}(\w+))?", range(1, lexicon.reach + 1)
    text = "said"
    if contrast := folding.pattern(lexicon.contrasts):
        text = _replaced(text, contrast, ". ")
    # "nicht gut": the words that follow, as far as it reaches in the clause.
    marks = "".join(rf" {NEGATED}\{place + 1}" for place in reach)
    text = _replaced(
        text, f"({negation}){BETWEEN}{word}" + more * (lexicon.reach - 1), rf"\1{marks}"
    )
    # "gefällt mir nicht.": the words before, where nothing follows.
    before = rf"\b{word}{BETWEEN}" + rf"(?:(\w+){BETWEEN})?" * (lexicon.reach - 1)
    marks = "".join(rf"{NEGATED}\{place} " for place in reach)
    end = rf"\s*(?:[{ENDS}]|$)"
    text = _replaced(text, f"{before}({negation}){end}", rf"{marks}\{lexicon.reach + 1}. ")
    return f"CASE WHEN {folding.has('said', negation)} THEN {text} ELSE said END"


def _replaced(text: str, found_by: str, new: str) -> str:
    return f"regexp_replace({text}, {literal(found_by)}, {literal(new)}, 'g')"


def _mood(lexicon: Lexicon) -> str:
    """SQL for what `turned` sounds like."""
    good, bad = (folding.pattern(words) for words in (lexicon.good, lexicon.bad))
    not_good, not_bad = (folding.pattern(w, NEGATED) for w in (lexicon.good, lexicon.bad))
    is_good, is_bad = _any(good, not_bad), _any(bad, not_good)
    return (
        f"CASE WHEN {is_good} THEN CASE WHEN NOT {is_bad} THEN 'good' END"
        f" WHEN {is_bad} THEN 'bad' END"
    )


def _any(*patterns: str) -> str:
    return folding.has("turned", "|".join(each for each in patterns if each))


def _by_language(dictionary: Dictionary, made: Callable[[Lexicon], str], other: str) -> str:
    """The SQL that is made of the lexicon of an answer's language, or of both."""
    known: dict[Language, str] = {each: made(dictionary.lexicon.of(each)) for each in LANGUAGES}
    whens = " ".join(f"WHEN '{language}' THEN {sql}" for language, sql in known.items())
    both = made(dictionary.lexicon.of(None))
    return f"CASE spoken WHEN 'other' THEN {other} {whens} ELSE {both} END"
