"""What a theme file says: the format of `mappings/themes.toml`, and what can be wrong with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from ..errors import Problem
from ..mapping.document import Mistake, Path, checked
from ..mapping.objects import Labels
from . import folding

Language = Literal["de", "en"]
LANGUAGES: tuple[Language, ...] = ("de", "en")
Mood = Literal["", "good", "bad"]
#: What a stem needs, or it is in every other word.
_LEAST = 3


@dataclass(frozen=True, slots=True)
class Theme:
    """Something people talk about: what it is called here and by platforms, and its words."""

    label: Labels = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    de: tuple[str, ...] = ()
    en: tuple[str, ...] = ()

    def words(self, language: Language) -> tuple[str, ...]:
        """Its words in a language."""
        return {"de": self.de, "en": self.en}[language]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Good and bad words of a language, and what turns them around.

    `not` turns the next `reach` words around, or as many before it when a clause ends with it;
    `but` begins a clause of its own.
    """

    good: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    negations: Annotated[tuple[str, ...], Field(alias="not")] = ()
    contrasts: Annotated[tuple[str, ...], Field(alias="but")] = ()
    reach: Annotated[int, Field(ge=1, le=6)] = 3


@dataclass(frozen=True, slots=True)
class Lexicons:
    """The good and bad words of every language."""

    de: Lexicon = field(default_factory=Lexicon)
    en: Lexicon = field(default_factory=Lexicon)

    def of(self, language: Language | None) -> Lexicon:
        """The lexicon of a language, or of both together."""
        if language:
            return {"de": self.de, "en": self.en}[language]
        return Lexicon(
            good=self.de.good + self.en.good,
            bad=self.de.bad + self.en.bad,
            negations=self.de.negations + self.en.negations,
            contrasts=self.de.contrasts + self.en.contrasts,
            reach=max(self.de.reach, self.en.reach),
        )


@dataclass(frozen=True, slots=True)
class ThemeExample:
    """A comment, and what is found in it; without a language both lists are read."""

    text: str
    language: Literal["", "de", "en"] = ""
    themes: tuple[str, ...] = ()
    mood: Mood | None = None


@dataclass(frozen=True, slots=True)
class Dictionary:
    """A theme file. Nothing in it can move a score."""

    themes: dict[str, Theme] = field(default_factory=dict)
    lexicon: Lexicons = field(default_factory=Lexicons)
    examples: tuple[ThemeExample, ...] = ()

    def names(self) -> dict[str, str]:
        """What a platform may call a theme, in small letters → the theme."""
        return {said: name for name, each in self.themes.items() for said in _called(name, each)}

    def label(self, name: str) -> dict[str, str]:
        """What people read for a theme; labels that only platforms know are said as they are."""
        known = self.themes[name].label if name in self.themes else {}
        return {language: known.get(language, name) for language in LANGUAGES}


def read(text: str, file: str) -> tuple[Dictionary | None, list[Problem]]:
    """The dictionary in a text, or None and every problem with its line."""
    dictionary, found = _read(text, file)
    return dictionary, list(found)


# As with the model: a service reads the same text for every run.
@lru_cache(maxsize=8)
def _read(text: str, file: str) -> tuple[Dictionary | None, list[Problem]]:
    return checked(text, file, Dictionary, problems)


def problems(dictionary: Dictionary) -> list[Mistake]:
    """Every mistake in a dictionary."""
    found: list[Mistake] = []
    for name, theme in dictionary.themes.items():
        found += _theme(name, theme)
    for language in LANGUAGES:
        found += _lexicon(("lexicon", language), dictionary.lexicon.of(language))
    return [*found, *_ambiguous(dictionary), *_examples(dictionary)]


def _theme(name: str, theme: Theme) -> Iterator[Mistake]:
    path: Path = ("themes", name)
    if not (theme.de or theme.en):
        yield Mistake(path, f"{name} has no words", "add `de = […]` or `en = […]`")
    for language in LANGUAGES:
        yield from _words((*path, language), theme.words(language))
        if theme.label and language not in theme.label:
            fix = f'label = {{ {language} = "…" }}'
            yield Mistake((*path, "label"), f"{name} has no label in {language!r}", fix)
    for other in set(theme.label) - set(LANGUAGES):
        what = f"{other!r} is no language of this file"
        yield Mistake((*path, "label", other), what, f"one of {', '.join(LANGUAGES)}")


def _lexicon(path: Path, lexicon: Lexicon) -> Iterator[Mistake]:
    lists: Mapping[str, tuple[str, ...]] = {
        "good": lexicon.good,
        "bad": lexicon.bad,
        "not": lexicon.negations,
        "but": lexicon.contrasts,
    }
    wrong = [each for name, words in lists.items() for each in _words((*path, name), words)]
    yield from wrong
    if not wrong:
        yield from _both(path, "good", lexicon.good, "bad", lexicon.bad)
        yield from _both(path, "bad", lexicon.bad, "good", lexicon.good)


def _words(path: Path, words: tuple[str, ...]) -> Iterator[Mistake]:
    seen: dict[tuple[str, ...], str] = {}
    for place, word in enumerate(words):
        steps, here = folding.steps(word), (*path, place)
        if not steps:
            yield Mistake(here, "an empty word", "write a word, or remove it")
        elif unreadable := [step for step in steps if not folding.is_readable(step)]:
            yield Mistake(here, f"{word!r}: {_why(unreadable[0])}", "liefer*, *lieferung, on time")
        elif "*" in word and len(word.replace("*", "").strip()) < _LEAST:
            what = f"{word!r} would be found almost everywhere"
            yield Mistake(here, what, f"at least {_LEAST} letters beside a *")
        elif steps in seen:
            yield Mistake(here, f"{word!r} is the same as {seen[steps]!r}", "remove one of them")
        seen.setdefault(steps, word)


def _why(step: str) -> str:
    if re.fullmatch(r"[a-z0-9*]+", step):
        return "a * stands at the beginning or the end of a word, and beside letters"
    return "a word is made of letters and digits"


def _both(
    path: Path, name: str, words: tuple[str, ...], other: str, others: tuple[str, ...]
) -> Iterator[Mistake]:
    """Words that a stem of the other list takes in, so that they would be both."""
    known = [(entry, folding.steps(entry)) for entry in others]
    for place, word in enumerate(words):
        steps = folding.steps(word)
        for entry, same in known:
            if steps == same or (len(steps) == len(same) == 1 and _takes_in(*same, *steps)):
                what = f"{word!r} is {name} here, and {entry!r} under `{other}` takes it in"
                yield Mistake((*path, name, place), what, "change one of them")


def _takes_in(stem: str, word: str) -> bool:
    """Whether whatever a word finds is found by a stem as well."""
    core, word = stem.strip("*"), word.strip("*")
    if stem.startswith("*"):
        return core in word if stem.endswith("*") else word.endswith(core)
    return word.startswith(core) if stem.endswith("*") else word == core


def _ambiguous(dictionary: Dictionary) -> Iterator[Mistake]:
    said = [
        (name, word) for name, theme in dictionary.themes.items() for word in _called(name, theme)
    ]
    count = Counter(word for _, word in said)
    for name, word in said:
        others = [other for other, same in said if same == word and other != name]
        if count[word] > 1 and others:
            what = f"platforms' {word!r} would be {name} and {others[0]}"
            yield Mistake(("themes", name, "labels"), what, "leave it with one of them")


def _examples(dictionary: Dictionary) -> Iterator[Mistake]:
    for place, example in enumerate(dictionary.examples):
        for number, name in enumerate(example.themes):
            if name not in dictionary.themes:
                known = ", ".join(dictionary.themes)
                path: Path = ("examples", place, "themes", number)
                yield Mistake(path, f"there is no theme {name!r}", f"one of {known}")


def _called(name: str, theme: Theme) -> frozenset[str]:
    words = (name, *theme.label.values(), *theme.labels)
    return frozenset(word.strip().lower() for word in words)
