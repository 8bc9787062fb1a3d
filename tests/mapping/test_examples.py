"""Examples prove a mapping by the SQL that production runs."""

from __future__ import annotations

import duckdb
import pytest

from connector.mapping import examples, files
from connector.records import MOMENT, NUMBER, TEXT

RESULT = {"score": NUMBER, "tier": TEXT, "as_of": MOMENT}
FILE = """
crm = "salesforce"
object = "Account"
[[fields]]
source = "score"
target = "Health_Score__c"
type = "number"
transform = [{ round = 0 }]
[[fields]]
source = "tier"
target = "Health_Tier__c"
type = "choice"
values = ["Healthy", "Watch"]
transform = [{ label = { A = "Healthy", B = "Watch" } }]
missing = "clear"
[[fields]]
source = "as_of"
target = "Health_Updated__c"
type = "datetime"
[[examples]]
"""


def judged(example: str):
    mapping, problems = files.read(FILE + example, "m.toml", RESULT)
    assert mapping is not None, problems
    (found,) = examples.statements(mapping, RESULT)
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    cursor = db.execute(found.sql)
    names = [each[0] for each in cursor.description]
    return examples.judge(found, dict(zip(names, cursor.fetchone(), strict=True)))


def test_a_right_example_is_silent():
    """The example of the style guide."""
    assert (
        judged(
            'given = { score = 81.6, tier = "A" }\n'
            'expect = { Health_Score__c = 82, Health_Tier__c = "Healthy" }'
        )
        is None
    )


def test_a_wrong_example_says_what_came_instead():
    """With the place of the expectation."""
    mistake = judged('given = { tier = "B" }\nexpect = { Health_Tier__c = "Healthy" }')
    assert mistake is not None
    assert mistake.what == "the example gives Health_Tier__c = 'Watch', not 'Healthy'"
    assert mistake.path == ("examples", 0, "expect", "Health_Tier__c")


@pytest.mark.parametrize(
    ("given", "expect", "right"),
    [
        ("{}", '{ Health_Score__c = "" }', True),
        ("{}", "{ Health_Score__c = 0 }", False),
        ("{ score = 0 }", '{ Health_Score__c = "" }', False),
        ("{ score = 0 }", "{ Health_Score__c = 0 }", True),
    ],
)
def test_nothing_is_not_zero(given, expect, right):
    """An empty text expects that nothing is written."""
    assert (judged(f"given = {given}\nexpect = {expect}") is None) == right


def test_moments_are_compared_as_moments():
    """Another zone, the same moment; fractions are dropped on the way."""
    assert (
        judged(
            "given = { as_of = 2026-01-31T12:00:00.5Z }\n"
            "expect = { Health_Updated__c = 2026-01-31T13:00:00+01:00 }"
        )
        is None
    )
