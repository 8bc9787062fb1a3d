"""What answers are about, on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import RenderableType
from rich.text import Text

from ..sync.themes import Disagreement, Themes
from .terminal import count, table
from .texts import Language

_SAID: Mapping[str, Mapping[Language, str]] = {
    "nothing": {
        "en": "No answer with a comment or a label in this time.",
        "de": "Keine Antwort mit Kommentar oder Label in dieser Zeit.",
    },
    "themes": {
        "en": "Themes of {answers} answers since {since}",
        "de": "Themen von {answers} Antworten seit {since}",
    },
    "theme": {"en": "theme", "de": "Thema"},
    "answers": {"en": "answers", "de": "Antworten"},
    "accounts": {"en": "accounts", "de": "Konten"},
    "rated": {"en": "with NPS", "de": "mit NPS"},
    "how": {
        "en": "By labels of the platform {labelled}, by words {found}, without a theme {without}, "
        "in other languages {other}.",
        "de": "Nach Labels der Plattform {labelled}, nach Wörtern {found}, ohne Thema {without}, "
        "in anderen Sprachen {other}.",
    },
    "agree": {
        "en": "No answer whose score and words disagree.",
        "de": "Keine Antwort, deren Wert und Worte sich widersprechen.",
    },
    "disagree": {
        "en": "Score and words disagree: {all}, the newest {some}",
        "de": "Wert und Worte widersprechen sich: {all}, die neuesten {some}",
    },
    "account": {"en": "account", "de": "Konto"},
    "answer": {"en": "answer", "de": "Antwort"},
    "source": {"en": "source", "de": "Quelle"},
    "day": {"en": "day", "de": "Tag"},
    "score": {"en": "score", "de": "Wert"},
    "sounds": {"en": "sounds", "de": "klingt"},
    "says": {"en": "says", "de": "sagt"},
    "comment": {"en": "comment", "de": "Kommentar"},
    "good": {"en": "good", "de": "gut"},
    "bad": {"en": "bad", "de": "schlecht"},
    "platform": {"en": "platform", "de": "Plattform"},
    "words": {"en": "words", "de": "Wörter"},
}


def shown(found: Themes, language: Language) -> Iterator[RenderableType]:
    """Themes with their NPS, how they were found, and the answers for a person to look at."""
    said = {name: words[language] for name, words in _SAID.items()}
    if not found.answers:
        yield Text(said["nothing"])
        return
    rows = [
        (
            each.label[language],
            count(each.answers),
            count(each.accounts),
            count(each.rated),
            "–" if each.nps is None else f"{each.nps:+.0f}".replace("+0", "0").replace("-0", "0"),
        )
        for each in found.themes
    ]
    title = said["themes"].format(answers=count(found.answers), since=found.since.date())
    columns = (said["theme"], said["answers"], said["accounts"], said["rated"], "NPS")
    yield table(title, columns, rows)
    yield Text(
        said["how"].format(
            labelled=count(found.labelled),
            found=count(found.found),
            without=count(found.without),
            other=count(found.other_language),
        )
    )
    yield from _disagreements(found, said)


def _disagreements(found: Themes, said: Mapping[str, str]) -> Iterator[RenderableType]:
    if not found.disagree:
        yield Text(said["agree"], style="bold green")
        return
    listed = found.disagreements
    title = said["disagree"].format(all=count(found.disagree), some=count(len(listed)))
    with_comments = any(each.comment is not None for each in listed)
    columns = [said[name] for name in ("account", "source", "answer", "day", "score", "sounds")]
    columns += [said["says"]] + ([said["comment"]] if with_comments else [])
    yield table(title, columns, [_row(each, said, with_comments) for each in listed])


def _row(each: Disagreement, said: Mapping[str, str], with_comments: bool) -> tuple[str, ...]:
    what = (each.account or "–", each.source, each.response, each.day, str(each.score))
    comment = (each.comment or "",) if with_comments else ()
    return (*what, said[each.mood], said[each.told_by], *comment)
