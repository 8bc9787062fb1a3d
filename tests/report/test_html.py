"""The page: all there is to know, nothing loaded, nobody's secrets."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from connector.errors import ConnectorError
from connector.model.nps import Voices, difference
from connector.report.html import page, write
from connector.report.texts import LANGUAGES, SAID, TEXTS, Language
from connector.sync.loyalty import Loyalty

from .facts import FACTS, NAME, RECEIPT, THEMES

VOID = {"meta", "br", "rect", "line"}


class Nesting(HTMLParser):
    """Notes tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID or (tag == "rect" and self.get_starttag_text()[-2] != "/"):  # type: ignore[index]
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_well_formed(language: Language) -> None:
    """Every tag is closed where it should be."""
    found = Nesting(page(FACTS, RECEIPT, language))
    assert (found.wrong, found.open) == ([], [])


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_loaded_from_elsewhere(language: Language) -> None:
    """The page holds no address, no script and no import."""
    text = page(FACTS, RECEIPT, language)
    assert not re.search(r"https?:|<script|<link|<img|@import|url\(", text)


def test_what_people_typed_is_text() -> None:
    """A name with < in it stays a name."""
    text = page(FACTS, RECEIPT, "en")
    assert NAME not in text
    assert "Müller &amp; Söhne &lt;GmbH&gt;" in text


def test_english_and_german_write_numbers_their_own_way() -> None:
    """1.2 M is 1,2 Mio., and thousands have points."""
    english, german = (page(FACTS, RECEIPT, language) for language in LANGUAGES)
    assert "1.2 M<" in english
    assert "1,2 Mio.<" in german
    assert ">1,200<" in english
    assert ">1.200<" in german


def test_the_reason_is_in_the_language_of_the_page() -> None:
    """A German page gives the German reason."""
    german = page(FACTS, RECEIPT, "de")
    assert "Rechnung 74 Tage überfällig" in german
    assert "Invoice 74 days" not in german


def test_a_check_of_the_model_is_called_by_its_label() -> None:
    """Odd records are told in words."""
    assert "Seltsam geformt" in page(FACTS, RECEIPT, "de")


def test_the_figures_are_there() -> None:
    """NPS, coverage, revenue at risk, calls predicted and made."""
    text = page(FACTS, RECEIPT, "en")
    for figure in ("−12<", "40 %", "500.0 k", "28 of 30 accounts written", "10 calls, 0.1 % of"):
        assert figure in text, figure


def test_an_nps_says_how_sure_it_is() -> None:
    """Its range beside it; a change is called one only where it is more than chance."""
    text = page(FACTS, RECEIPT, "en")
    assert "from 960 answers; 19 times in 20: −18 to −7; by revenue +4<" in text
    assert "+22 against the 90 days before, more than chance" in text
    small = difference(Voices(12, 9, 30), Voices(15, 7, 30))
    other = replace(FACTS, loyalty=Loyalty(Voices(1, 0, 1), Voices(15, 7, 30), small))
    assert "+15 gegen die 90 Tage davor kann Zufall sein" in page(other, RECEIPT, "de")
    assert "19-mal von 20: −48 bis +98" in page(other, RECEIPT, "de")
    none = Voices(0, 0, 0)
    silent = replace(FACTS, nps_by_revenue=None, loyalty=Loyalty(none, none, None))
    assert "from 960 answers<" in page(silent, RECEIPT, "en")
    assert TEXTS["nps_quarter"]["en"] not in page(silent, RECEIPT, "en")


def test_themes_are_told_in_the_language_of_the_page() -> None:
    """With their NPS, and how many answers contradict themselves; a label is text."""
    english, german = (page(FACTS, RECEIPT, language) for language in LANGUAGES)
    for text, said in (
        (english, (">Delivery<", "1,234<", "1,480 answers", "−12<", "7 answers whose score")),
        (german, (">Lieferung<", "1.234<", "1.480 Antworten", "7 Antworten, deren Wert")),
    ):
        assert [each for each in said if each not in text] == []
        assert "Öko &lt;b&gt;" in text
    assert TEXTS["themes"]["en"] not in page(replace(FACTS, themes=None), RECEIPT, "en")
    nothing = replace(FACTS, themes=replace(THEMES, answers=0, themes=()))
    assert TEXTS["themes"]["en"] not in page(nothing, RECEIPT, "en")


def test_a_page_without_answers_accounts_or_changes_still_stands() -> None:
    """An empty org gives a page and no division by zero."""
    empty = replace(
        FACTS, accounts=0, scored=0, revenue=0.0, nps=None, confidence=None, tiers=(),
        attention=(), histogram=(0,) * len(FACTS.histogram),
    )  # fmt: skip
    bare = {**RECEIPT, "changes": {}, "streams": {}, "odd": [], "fields": {}, "links": {}}
    text = page(empty, {**bare, "calls": {}, "allowance": {}}, "en")
    assert TEXTS["nobody"]["en"] in text


@pytest.mark.parametrize("words", [TEXTS, SAID])
def test_every_text_is_there_in_both_languages(words: dict[str, dict[str, str]]) -> None:
    """Nobody reads half a page in the other language."""
    assert {name for name, said in words.items() if set(said) != set(LANGUAGES)} == set()


def test_every_text_is_used() -> None:
    """A word that the page does not say is not kept."""
    template = Path(__file__).parents[2] / "connector/report/page.html.j2"
    used = set(re.findall(r"\bt\.(\w+)", template.read_text()))
    cells = {"set", "held", "theirs", "failed", "unfit", "unknown", "same"}
    assert set(TEXTS) - used - cells == set()


def test_a_page_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    """The run is done; only the page is missing."""
    with pytest.raises(ConnectorError, match="cannot be written"):
        write(tmp_path / "nosuch" / "report.html", FACTS, RECEIPT, "en")
