"""The model card and the help texts: said from the model, in both languages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.mapping.objects import CrmMapping, Field
from connector.model.card import Coverage, card, explained, helps
from connector.model.definition import TIERS, Segment
from connector.model.reasons import label
from tests.model.lake import shipped

#: What one HubSpot or Salesforce help text has room for, both languages together.
ROOM = 510


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_card_names_everything_that_counts(language):
    """Groups with weights, measures with their lines, tiers, caps, data and limits."""
    model, text = shipped(), card(shipped(), language)
    for each in (*model.scored, *model.caps, *model.blind_spots):
        assert label(each, language) in text
    for group in model.groups:
        assert model.group_labels[group][language] in text
    assert all(f"**{tier}**" in text for tier in TIERS)
    assert model.version in text
    assert all(limit[language] in text for limit in model.limits)


def test_the_languages_have_the_same_shape():
    """The same headings, rows and points in both: nothing is left out of one."""
    shapes = [
        [line[:1] if line[:1] in "#|-" else "…" for line in card(shipped(), language).splitlines()]
        for language in ("en", "de")
    ]
    assert shapes[0] == shapes[1]


def test_every_table_is_a_table():
    """All rows of a table have as many cells as its head, also with coverage."""
    found = Coverage("2026-01-31 12:00 UTC", 200, 43, {"loyalty": 50})
    for text in (card(shipped(), "en"), card(shipped(), "de", found)):
        for block in text.split("\n\n"):
            rows = [line.count("|") for line in block.splitlines() if line.startswith("|")]
            assert len(set(rows)) <= 1


def test_coverage_says_of_how_many_a_measure_is_known():
    """In percent of the accounts, beside its weight; without a lake the card says so."""
    found = Coverage("2026-01-31 12:00 UTC", 200, 43, {"loyalty": 50})
    (row,) = [each for each in card(shipped(), "en", found).splitlines() if "Loyalty (NPS" in each
              and "→" in each]  # fmt: skip
    assert row.endswith("| 25 % |")
    assert "43 % on average" in card(shipped(), "en", found)
    assert "Nothing has been scored" in card(shipped(), "en")


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "Of so many nothing is known from people: opted out of surveys 3, never asked 12."),
        ("de", "Bei so vielen ist von Menschen nichts bekannt: Umfragen abgelehnt 3, nie gefragt"
         " 12."),
    ],
)  # fmt: skip
def test_coverage_counts_why_nothing_is_known(language, told):
    """By blind spot, in the order of the file; of those that nobody lies in nothing is said."""
    blind = {"never_asked": 12, "opted_out": 3, "bounced": 0}
    found = Coverage("2026-01-31 12:00 UTC", 200, 43, {}, blind)
    assert told in card(shipped(), language, found).splitlines()


def test_a_german_card_has_decimal_commas():
    """As everywhere an account manager reads."""
    tiers = replace(shipped().tiers, hysteresis=2.5)
    assert "2,5 Punkte" in card(replace(shipped(), tiers=tiers), "de")


def test_segments_say_what_they_weigh():
    """In percent of all, as in the table."""
    own = Segment("small", "revenue < 1", {"adoption": 110}, {"en": "Small", "de": "Klein"})
    text = card(replace(shipped(), segments=(own,)), "de")
    assert "- Klein: Einschätzung der Betreuung 8 %, " in text
    assert "Nutzung 58 %" in text


def test_help_texts_follow_the_model():
    """Another threshold, another text; nobody has to remember it."""
    tiers = replace(shipped().tiers, A=85)
    changed = replace(shipped(), tiers=tiers)
    assert helps(shipped())["tier"]["en"].startswith("A from 80, B from 60, C from 40, else D.")
    assert helps(changed)["tier"]["de"].startswith("A ab 85, B ab 60, C ab 40, sonst D.")
    assert "Customer sentiment 20 %" in helps(shipped())["score"]["en"]


def test_help_texts_fit_their_fields():
    """Both languages side by side."""
    for name, texts in helps(shipped()).items():
        assert set(texts) == {"en", "de"}, name
        assert len(" · ".join(texts.values())) <= ROOM, name


def test_a_help_text_in_the_mapping_wins():
    """Only what says nothing is explained by the model."""
    own = Field(source="tier", target="T__c", type="text", help={"en": "Ours."})
    bare = Field(source="loyalty", target="L__c", type="number")
    other = Field(source="upper(segment)", target="S__c", type="text")
    found = explained(CrmMapping("salesforce", "Account", fields=(own, bare, other)), shipped())
    assert [each.help.get("en") for each in found.fields] == [
        "Ours.", "Loyalty (NPS, weighted) (responses, last 365 days).", None,
    ]  # fmt: skip
