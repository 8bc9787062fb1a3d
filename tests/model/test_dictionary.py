"""A theme file, and what is said about the mistakes in one."""

from __future__ import annotations

import pytest

from connector.model import dictionary, theme_examples
from connector.model.dictionary import LANGUAGES

from .heard import engine, own, shipped

PRICE = '[themes.price]\nde = ["preis*"]\n'


def told(text: str) -> list[tuple[int, str]]:
    """Line and message of every mistake."""
    found, problems = dictionary.read(text, "themes.toml")
    assert (found is None) == bool(problems)
    return [(each.line, f"{each.what} → {each.fix}") for each in problems]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('[themes.price]\nlabel = { en = "P", de = "P" }', 1, "price has no words → add `de"),
        ('[themes.price]\nde = [\n  "preis",\n  "",\n]', 4, "an empty word"),
        ('[themes.price]\nde = [\n  "preis",\n  "pr*is",\n]', 4, "a * stands at the beginning"),
        ('[themes.price]\nde = ["цена"]', 2, "a word is made of letters and digits"),
        ('[themes.price]\nde = ["teuer!"]', 2, "a word is made of letters and digits"),
        ('[themes.price]\nde = ["*"]', 2, "a * stands at the beginning"),
        ('[themes.price]\nde = ["pr*"]', 2, "'pr*' would be found almost everywhere"),
        ('[themes.price]\nde = ["groß",\n"GROSS"]', 3, "'GROSS' is the same as 'groß'"),
        ('[themes.price]\nde = "preis"', 2, 'de is "preis" → write'),
        ('[themes.price]\nword = ["preis"]', 2, "unknown key 'word'"),
        (PRICE + 'label = { en = "Price" }', 3, "price has no label in 'de'"),
        (PRICE + 'label = { en = "P", de = "P", fr = "P" }', 3, "'fr' is no language of this file"),
        (
            PRICE + 'labels = ["Kosten"]\n[themes.cost]\nde = ["kost*"]\nlabels = ["KOSTEN"]',
            6,
            "platforms' 'kosten' would be cost and price",
        ),
        (
            '[lexicon.de]\ngood = ["*zufrieden"]\nbad = [\n  "schlecht",\n  "unzufrieden",\n]',
            5,
            "'unzufrieden' is bad here, and '*zufrieden' under `good` takes it in",
        ),
        ('[lexicon.en]\ngood = ["fine"]\nbad = ["fine"]', 3, "'fine' is bad here, and 'fine'"),
        ('[lexicon.en]\nreach = 9\n', 2, "reach"),
        ('[lexicon.fr]\ngood = ["bon"]\n', 1, "unknown key 'fr' → known here: de, en"),
        (
            PRICE + '[[examples]]\ntext = "x"\nthemes = ["prize"]',
            5,
            "there is no theme 'prize' → one of price",
        ),
        (PRICE + '[[examples]]\ntext = "x"\nmood = "ok"', 5, "mood"),
        ('[themes.price]\nde = ["preis"', 2, "not valid TOML"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(text: str, line: int, what: str) -> None:
    """And with what to do about it."""
    assert [n for n, said in told(text) if what in said][:1] == [line], told(text)


def test_all_mistakes_are_told_at_once() -> None:
    """One round of corrections is enough."""
    text = '[themes.a]\nde = ["x*"]\n[themes.b]\nen = ["y*"]\n[lexicon.de]\nbad = ["z*"]\n'
    assert [line for line, _ in told(text)] == [2, 4, 6]


def test_zufrieden_as_a_word_of_its_own_is_no_mistake() -> None:
    """`zufrieden*` begins a word, and `unzufrieden` does not begin so."""
    assert told('[lexicon.de]\ngood = ["zufrieden*"]\nbad = ["unzufrieden*"]\n') == []


def test_a_theme_may_have_words_in_one_language_only() -> None:
    """Somebody with German customers writes German words."""
    assert told(PRICE) == []


def test_german_and_english_are_equals_in_the_shipped_file() -> None:
    """Every theme has both labels and enough words of both, and so has the lexicon."""
    found = shipped()
    assert len(found.themes) == 12
    for name, theme in found.themes.items():
        assert set(theme.label) == set(LANGUAGES), name
        few, many = sorted(len(theme.words(language)) for language in LANGUAGES)
        assert few >= 12, name
        assert many <= 2 * few, name
    for lexicon in map(found.lexicon.of, LANGUAGES):
        assert min(len(lexicon.good), len(lexicon.bad)) > 70
        assert lexicon.negations
        assert lexicon.contrasts


def test_the_shipped_examples_hold() -> None:
    """There are some in either language, and one that says none."""
    assert {each.language for each in shipped().examples} == {"de", "en", ""}
    with engine() as opened:
        for each in theme_examples.statements(shipped()):
            assert theme_examples.judge(each, opened.dicts(each.sql)[0]) is None


@pytest.mark.parametrize(
    ("expected", "what"),
    [
        ('themes = ["price"]\nmood = "bad"', None),
        ('themes = ["price"]', None),
        ("themes = []", "the example gives themes = 'price', not nothing"),
        ('themes = ["price"]\nmood = "good"', "the example gives mood = 'bad', not 'good'"),
    ],
)
def test_an_example_that_does_not_hold_says_what_it_gives(expected: str, what: str | None) -> None:
    """What an example does not mention of the mood is left open."""
    text = f'{PRICE}[lexicon.de]\nbad = ["mies*"]\n[[examples]]\ntext = "Miese Preise"\n{expected}'
    (example,) = theme_examples.statements(own(text))
    with engine() as opened:
        wrong = theme_examples.judge(example, opened.dicts(example.sql)[0])
    assert (wrong and wrong.what) == what
