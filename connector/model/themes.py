"""What answers are about: the labels of their platform, or the themes whose words are in a comment.

A theme is asked for by one regular expression in each language; nothing goes through Python. Themes
are looked at when somebody asks: a run does not pay for them, and no score knows of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..mapping.expressions import literal
from . import answers, folding, moods, placements, seen
from .dictionary import LANGUAGES, Dictionary, Language
from .stage import Stage, moment


def tagged(rows: str, dictionary: Dictionary) -> str:
    """The rows of a query over responses with what is found in each.

    They need `labels`, `comment`, `language` and `sentiment`, and get `spoken`, `said` (the comment
    folded), `themes`, `labelled` (the themes are the platform's), `mood` and `mood_from`.
    """
    read = f"SELECT *, {folding.spoken('language')} AS spoken, {folding.folded('comment')} AS said"
    heard = f"SELECT *, {_labels(dictionary)} AS named FROM ({read} FROM ({rows}) AS r) AS s"
    both = (
        "SELECT * EXCLUDE (named), len(named) > 0 AS labelled,"
        f" CASE WHEN len(named) > 0 THEN named ELSE {_found(dictionary)} END AS themes"
        f" FROM ({heard}) AS h"
    )
    return moods.judged(both, dictionary)


def stages(
    dictionary: Dictionary, *, since: datetime, as_of: datetime, own: Sequence[str] = ()
) -> tuple[Stage, ...]:
    """`told`: every answer of a span that counts and says more than a number, with its themes.

    Needs `lake_responses` and `lake_placements`: whose an answer is was found by the last run.
    """
    columns = (
        "source, id, key, account_id, metric, score, language, labels, comment, sentiment,"
        " submitted_at"
    )
    counted = (
        f"SELECT {columns} FROM answers WHERE verdict IS NULL AND submitted_at > {moment(since)}"
        " AND (trim(comment) <> '' OR len(labels) > 0)"
    )
    told = f"SELECT * EXCLUDE (comment, said, labels) FROM ({tagged(counted, dictionary)}) AS t"
    return (*answered(as_of, own), Stage("told", told))


def answered(as_of: datetime, own: Sequence[str] = ()) -> tuple[Stage, ...]:
    """`answers`: every answer with what is wrong with it, and the account that the last run found.

    Needs `lake_responses` and `lake_placements`.
    """
    needed = ("parts", "seen_responses")
    responses = (each for each in seen.views(as_of) if each.name in needed)
    judged = next(each for each in answers.stages(own=own) if each.name == "answers")
    return (*responses, Stage("named_responses", _placed(as_of), "view"), judged)


def counts() -> str:
    """How many answers were looked at, and how their themes were found."""
    return (
        "SELECT count(*) AS answers, count(*) FILTER (labelled) AS labelled,"
        " count(*) FILTER (NOT labelled AND len(themes) > 0) AS found,"
        " count(*) FILTER (len(themes) = 0 AND spoken IS DISTINCT FROM 'other') AS without,"
        " count(*) FILTER (len(themes) = 0 AND spoken = 'other') AS other_language FROM told"
    )


def by_theme() -> str:
    """`theme, answers, accounts, rated, nps`, most answers first; `nps` is of `rated` answers."""
    nps = (
        f"100 * (count(*) FILTER (is_nps AND score >= {moods.PROMOTER})"
        f" - count(*) FILTER (is_nps AND score <= {moods.DETRACTOR}))"
        " / nullif(count(*) FILTER (is_nps), 0)"
    )
    each = "SELECT unnest(themes) AS theme, key, score, metric = 'nps' AS is_nps FROM told"
    return (
        "SELECT min(theme) AS theme, count(*) AS answers, count(DISTINCT key) AS accounts,"
        f" count(*) FILTER (is_nps) AS rated, CAST({nps} AS DOUBLE) AS nps"
        f" FROM ({each}) AS e GROUP BY lower(theme) ORDER BY answers DESC, min(theme)"
    )


def disagreeing(most: int | None = None, *, comments: bool = False) -> str:
    """The answers whose score and words disagree, newest first."""
    said = _printable("r.comment") if comments else "NULL"
    return (
        "SELECT t.account_id AS account, t.source, t.id AS response,"
        " CAST(t.score AS INTEGER) AS score, t.mood, t.mood_from AS told_by,"
        f" CAST(CAST(t.submitted_at AS DATE) AS VARCHAR) AS day, {said} AS comment"
        f" FROM (SELECT * FROM told WHERE {moods.DISAGREES} ORDER BY submitted_at DESC, source, id"
        f"{'' if most is None else f' LIMIT {most}'}) AS t JOIN seen_responses AS r"
        " ON r.id = t.id AND r.source IS NOT DISTINCT FROM t.source"
        " ORDER BY t.submitted_at DESC, t.source, t.id"
    )


def _placed(as_of: datetime) -> str:
    """Seen answers with the account that the last run found for them."""
    kept = f"SELECT * FROM lake_placements WHERE stream = 'responses' AND as_of <= {moment(as_of)}"
    known = (
        "SELECT source, id, account_id, dense_rank() OVER (ORDER BY account_id) AS key"
        f" FROM ({placements.latest(kept)}) AS k WHERE account_id IS NOT NULL"
    )
    return (
        f"SELECT r.*, p.key, p.account_id FROM seen_responses AS r LEFT JOIN ({known}) AS p"
        " ON p.id = r.id AND p.source IS NOT DISTINCT FROM r.source"
    )


def _labels(dictionary: Dictionary) -> str:
    """The platform's labels as themes; one that no theme goes by stays as it is."""
    plain = f"trim({_printable('label')})"
    own = f"[{plain} FOR label IN coalesce(labels, []) IF {plain} <> '']"
    if names := dictionary.names():
        pairs = ", ".join(f"{literal(said)}: {literal(name)}" for said, name in names.items())
        own = f"[coalesce(MAP {{{pairs}}}[lower(label)], label) FOR label IN {own}]"
    return f"list_distinct({own})"


def _printable(text: str) -> str:
    """What respondents and platforms wrote, without what would steer a terminal."""
    return f"regexp_replace({text}, '[[:cntrl:]\\x{{80}}-\\x{{9f}}]+', ' ', 'g')"


def _found(dictionary: Dictionary) -> str:
    """The themes of which a word is in the comment."""
    found = [
        f"CASE WHEN {_is_said(dictionary, name)} THEN {literal(name)} END"
        for name in dictionary.themes
    ]
    listed = f"list_filter([{', '.join(found)}], lambda name: name IS NOT NULL)"
    return f"CASE WHEN said IS NULL OR spoken = 'other' THEN [] ELSE {listed} END"


def _is_said(dictionary: Dictionary, name: str) -> str:
    theme = dictionary.themes[name]

    def has(*languages: Language) -> str:
        words = [word for language in languages for word in theme.words(language)]
        return folding.has("said", folding.pattern(words))

    by_language = " ".join(f"WHEN '{each}' THEN {has(each)}" for each in LANGUAGES)
    return f"CASE spoken {by_language} ELSE {has(*LANGUAGES)} END"
