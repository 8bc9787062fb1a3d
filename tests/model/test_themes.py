"""What an answer is about: its platform's labels, or the words in its comment."""

from __future__ import annotations

import pytest

from .heard import about, hear, own

OWN = own("""
[themes.delivery]
label = { en = "Delivery", de = "Lieferung" }
labels = ["Logistik"]
de = ["liefer*"]
en = ["deliver*", "late"]

[themes.price]
label = { en = "Price", de = "Preis" }
de = ["teuer*"]
en = ["expensive"]
""")


def test_labels_of_the_platform_win() -> None:
    """Whatever words are in the comment; its label goes by the theme's name, either language's
    label or another word of the platform's, in any letters; others stay as they are."""
    found = hear(
        {"labels": ["Preis"], "comment": "Die Lieferung war spät", "language": "de"},
        {"labels": ["LOGISTIK", " delivery "], "comment": "teuer"},
        {"labels": ["Nachhaltigkeit"], "comment": "teuer"},
        {"labels": ["", " "], "comment": "teuer"},
        {"labels": [], "comment": "teuer"},
        by=OWN,
    )
    assert [(each["themes"], each["labelled"]) for each in found] == [
        (["price"], True),
        (["delivery"], True),
        (["Nachhaltigkeit"], True),
        (["price"], False),
        (["price"], False),
    ]


def test_labels_that_are_not_known_are_no_error() -> None:
    """A platform that delivers none gives NULL."""
    (found,) = hear({"comment": "teuer"}, by=OWN)
    assert found["themes"] == ["price"]


def test_a_comment_has_every_theme_of_which_a_word_occurs() -> None:
    """Each of them once."""
    assert about("Lieferung zu teuer, Lieferzeit zu lang, App stürzt ab.", "de") == [
        "delivery", "price", "product",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("comment", "themes"),
    [
        ("Ständige Lieferverzögerung", ["delivery"]),
        ("STÄNDIGE LIEFERVERZOEGERUNGEN!!", ["delivery"]),
        ("Zu viele Terminverzögerungen", ["delivery"]),
        ("Die Nachlieferung kam nie", ["delivery"]),
        ("Supportticket offen", ["support"]),
        ("Das IT-Team hilft", ["people"]),
        ("Wartungskosten zu hoch", ["price"]),
        ("Preiserhöhung im Vertrag", ["billing", "price"]),
        ("Schließung", []),
        ("Umpreisung", []),
    ],
)
def test_compounds_of_german_are_found(comment: str, themes: list[str]) -> None:
    """By their beginning or their end, as the dictionary says; not by any letters within."""
    assert about(comment, "de") == themes


def test_the_language_of_the_answer_decides_which_words_are_looked_for() -> None:
    """Declared: that language's. Undeclared: both. Another language: none, but labels stay."""
    late = {"comment": "too late, und teuer"}
    found = hear(
        {**late, "language": "de-AT"},
        {**late, "language": "English"},
        {**late, "language": None},
        {**late, "language": " "},
        {**late, "language": "fr"},
        {**late, "language": "fr", "labels": ["Prix"]},
        by=OWN,
    )
    assert [sorted(each["themes"]) for each in found] == [
        ["price"], ["delivery"], ["delivery", "price"], ["delivery", "price"], [], ["Prix"],
    ]  # fmt: skip


@pytest.mark.parametrize("comment", [None, "", " \n\t", "…", "👍", "10/10", "Очень хорошо", "配送"])
def test_nothing_to_read_is_no_theme(comment: str | None) -> None:
    """Empty comments, signs and other scripts give an empty list, never NULL."""
    (found,) = hear({"comment": comment})
    assert (found["themes"], found["mood"]) == ([], None)


def test_a_dictionary_without_themes_finds_none() -> None:
    """Labels are all there is."""
    found = hear({"comment": "teuer"}, {"comment": "teuer", "labels": ["Preis"]}, by=own(""))
    assert [each["themes"] for each in found] == [[], ["Preis"]]


def test_what_steers_a_terminal_is_no_part_of_a_label() -> None:
    """A label is text that somebody else typed."""
    (found,) = hear({"labels": ["Pre\x1b[2Jis\x9b"]}, by=OWN)
    assert found["themes"] == ["Pre [2Jis"]


def test_quotes_of_a_label_are_text() -> None:
    """Also in the dictionary's own."""
    mine = own('[themes.us]\nlabels = ["Joe\'s \\"team\\""]\nen = ["team"]\n')
    (found,) = hear({"labels": ['JOE\'S "TEAM"', "it's"]}, by=mine)
    assert sorted(found["themes"]) == ["it's", "us"]
