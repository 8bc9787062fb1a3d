"""Mistakes in a mapping are found with their lines, before anything is read or written."""

from __future__ import annotations

import pytest

from connector.mapping import files
from connector.records import COUNT, MOMENT, NUMBER, TEXT

RESULT = {"score": NUMBER, "tier": TEXT, "nps_responses": COUNT, "as_of": MOMENT}
HEAD = 'crm = "salesforce"\nobject = "Account"\n'


def problems(text: str):
    """Line and message of every problem; line 3 is the first of `text`."""
    mapping, found = files.read(HEAD + text, "m.toml", RESULT)
    assert (mapping is None) == bool(found)
    return [(each.line, each.what) for each in found]


def field(source="score", target="S__c", kind="number", **more):
    lines = [f'source = "{source}"', f'target = "{target}"', f'type = "{kind}"']
    lines += [f"{key} = {value}" for key, value in more.items()]
    return "\n".join(["[[fields]]", *lines, ""])


def test_a_right_mapping_has_no_problems():
    """One field of each common kind."""
    text = field() + field("tier", "T__c", "choice", values='["A"]')
    assert problems(text + field("as_of", "U__c", "datetime")) == []


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (field("scroe"), 4, "unknown column 'scroe'"),
        (field("tier"), 4, "'tier' gives VARCHAR, but S__c is a number"),
        (
            field("score", "S__c", "choice", values='["A"]'),
            4,
            "'score' gives DOUBLE, but S__c is a choice",
        ),
        (field("tier", "T__c", "choice"), 3, "choice T__c has no values"),
        (
            field(
                "tier",
                "T__c",
                "choice",
                values='["Good"]',
                transform='[{ label = { A = "Goood" } }]',
            ),
            8,
            "'Goood' is not among the values of T__c",
        ),
        (field("tier", "T__c", "text", min_change=2), 7, "min_change on a text"),
        (field(precision=19), 7, "precision 19"),
        (field(precision=2, scale=3), 8, "scale 3"),
        (field("tier", "T__c", "text", length=256), 7, "length 256"),
        (field("tier", "T__c", "long_text", length=131073), 7, "length 131073"),
        (field(target="Name"), 5, "Name is a standard field that people and other tools use"),
        (field(missing='"default"'), 7, 'missing = "default" without a default'),
        (field(default=3), 7, "a default that is never used"),
        (
            field("score > 50", "C__c", "checkbox", missing='"clear"'),
            7,
            "a checkbox cannot be empty",
        ),
        (
            field("tier", "T__c", "choice", values='["A"]', value_labels='{ B = { de = "x" } }'),
            8,
            "'B' is not among the values of T__c",
        ),
        (field(follows="true"), 7, "S__c follows, but no field of group '' leads"),
        (field() + field("nps_responses"), 9, "S__c is written twice"),
        (
            field() + "[[examples]]\ngiven = { scor = 1 }\nexpect = { S__c = 1 }",
            8,
            "no result is called 'scor'",
        ),
        (
            field() + "[[examples]]\ngiven = { score = 1 }\nexpect = { T__c = 1 }",
            9,
            "no field is called 'T__c'",
        ),
        (
            '[[pull]]\nstream = "acounts"\nobject = "A"\ncolumns = { id = "Id" }',
            4,
            "unknown stream 'acounts'",
        ),
        (
            '[[pull]]\nstream = "contacts"\nobject = "Contact"\ncolumns = { id = "Id" }\n'
            '[[pull]]\nstream = "contacts"\nobject = "contact"\ncolumns = { id = "Id" }',
            9,
            "contact feeds contacts twice",
        ),
    ],
)
def test_a_mistake_is_found_with_its_line(text, line, what):
    """Each mistake alone, at the key that is wrong."""
    assert problems(text) == [(line, what)]


def test_a_standard_field_may_be_claimed():
    """`own = true` says that it is meant."""
    assert problems(field(target="AnnualRevenue", own="true")) == []


def test_another_crm_has_no_such_suffix():
    """HubSpot's own properties do not end in __c."""
    text = 'crm = "hubspot"\nobject = "companies"\n' + field(target="health_score")
    assert files.read(text, "m.toml", RESULT)[1] == []
