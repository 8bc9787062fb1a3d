"""Results become values just as the CRM will hold them."""

from __future__ import annotations

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.mapping import wanted
from connector.mapping.objects import CrmMapping, Field
from connector.mapping.transforms import TRANSFORMS, mistakes


def run(field: Field, literal: str):
    mapping = CrmMapping("salesforce", "Account", fields=(field,))
    sql = wanted.sql(mapping, f"(SELECT 'a' AS id, {literal} AS x) AS results")
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    found = db.execute(f'SELECT CAST("T__c" AS VARCHAR), typeof("T__c") FROM ({sql})').fetchone()
    return found[0], found[1]


def number(**more):
    return Field("x", "T__c", "number", **more)


def text(**more):
    return Field("x", "T__c", "text", **more)


@pytest.mark.parametrize(
    ("field", "literal", "value"),
    [
        (number(scale=1), "81.64e0", "81.6"),
        (number(), "81.5e0", "82.0"),
        (number(), "-0.5e0", "0.0"),
        (number(), "NULL", None),
        (number(transform=({"scale": 100}, {"round": 0})), "0.256e0", "26.0"),
        (number(transform=({"clamp": [0, 100]},)), "140", "100.0"),
        (number(transform=({"clamp": [0, 100]},)), "NULL", None),
        (number(transform=({"default": 5},)), "NULL", "5.0"),
        (text(), "'  two   words\n'", "two words"),
        (text(), "'   '", None),
        (text(length=10), "'twelve words here'", "twelve…"),
        (text(length=10), "'abcdefghijklmnop'", "abcdefghi…"),
        (text(length=10), "'exactly 10'", "exactly 10"),
        (text(transform=({"prefix": "Tier "}, {"suffix": "!"})), "'A'", "Tier A!"),
        (text(transform=({"prefix": "Tier "},)), "NULL", None),
        (text(transform=({"upper": True},)), "'a'", "A"),
        (text(transform=({"lower": True},)), "'A'", "a"),
        (text(transform=({"truncate": 6},)), "'one two three'", "one…"),
        (Field("x", "T__c", "choice", transform=({"label": {"A": "Good"}},)), "'A'", "Good"),
        (Field("x", "T__c", "choice", transform=({"label": {"A": "Good"}},)), "'B'", "B"),
        (Field("x", "T__c", "checkbox"), "TRUE", "true"),
        (
            Field("x", "T__c", "datetime"),
            "TIMESTAMPTZ '2026-01-05 09:30:15.9+00'",
            "2026-01-05 09:30:15+00",
        ),
        (Field("x", "T__c", "date"), "TIMESTAMPTZ '2026-01-05 23:30:00+00'", "2026-01-05"),
        (
            text(transform=({"date": True},)),
            "TIMESTAMPTZ '2026-01-05 23:30:00+00'",
            "2026-01-05",
        ),
    ],
)
def test_a_value_is_what_the_crm_will_read_back(field, literal, value):
    """Rounded, trimmed, cut and typed; unknown stays unknown."""
    assert run(field, literal)[0] == value


@pytest.mark.parametrize(
    "kind", ["number", "text", "long_text", "choice", "date", "datetime", "checkbox"]
)
def test_the_declared_type_is_the_type_of_the_column(kind):
    """`sql_type` and the SQL agree, even when nothing is known."""
    field = Field("x", "T__c", kind)
    declared = wanted.sql_type(field).replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
    assert run(field, "NULL")[1] == declared


def test_unknown_is_null_unless_there_is_a_default():
    """skip and clear give NULL, told apart by the field; default gives the default."""
    assert run(number(missing="skip"), "NULL")[0] is None
    assert run(number(missing="clear"), "NULL")[0] is None
    assert run(number(missing="default", default=50), "NULL")[0] == "50.0"


def column(field: Field, values: str):
    """The wanted values of many accounts, whose results are two columns of a VALUES list."""
    mapping = CrmMapping("salesforce", "Account", fields=(field,))
    rows = f"(SELECT 'a' AS id, * FROM (VALUES {values}) AS given(x, y)) AS results"
    found = duckdb.connect().execute(wanted.sql(mapping, rows)).fetchall()
    return [value for _, value in found]


@pytest.mark.parametrize(
    ("field", "values", "expected"),
    [
        (Field("x / y", "T__c", "number"), "(6e0, 2e0), (1e0, 0e0), (0e0, 0e0)", [3, None, None]),
        (Field("x / y", "T__c", "number"), "(6, 2), (1, 0)", [3, None]),
        (Field("x % y", "T__c", "number"), "(7, 4), (7, 0)", [3, None]),
        (Field("x / y", "T__c", "text"), "(6e0, 2e0), (1e0, 0e0)", ["3.0", None]),
        (
            Field("x / y", "T__c", "number", transform=({"clamp": [0, 100]},)),
            "(6e0, 2e0), (1e0, 0e0)",
            [3, None],
        ),
        (
            Field("x / y", "T__c", "number", missing="default", default=7),
            "(6e0, 2e0), (1e0, 0e0)",
            [3, 7],
        ),
        (
            Field("x", "T__c", "number", scale=2),
            "(1e0, 0), ('nan', 0), (1e308, 0)",
            [1, None, None],
        ),
        (Field("CAST(x AS DOUBLE)", "T__c", "number"), "('12', 0), ('K-7', 0)", [12, None]),
        (Field("x::INTEGER + 1", "T__c", "number"), "('12', 0), ('K-7', 0)", [13, None]),
        (Field("x", "T__c", "number"), "('12', 0), ('K-7', 0)", [12, None]),
        (Field("x", "T__c", "date"), "('soon', 0)", [None]),
        (Field("x", "T__c", "datetime"), "('soon', 0)", [None]),
        (Field("x", "T__c", "checkbox"), "('perhaps', 0)", [None]),
        (Field("x", "T__c", "text", transform=({"date": True},)), "('soon', 0)", [None]),
    ],
)
def test_one_bad_account_is_unknown_and_spares_the_others(field, values, expected):
    """What cannot be cast, is divided by zero or is not finite is NULL; nothing stops."""
    assert column(field, values) == expected


def test_a_default_is_normalised_like_a_value():
    """Otherwise it would never equal what reads back."""
    assert run(number(missing="default", default=1.26, scale=1), "NULL")[0] == "1.3"


@settings(deadline=None, max_examples=60)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60))
def test_text_never_exceeds_its_field(words):
    """Whatever comes, a cut text fits, is trimmed, and cutting it again changes nothing."""
    literal = "'" + words.replace("'", "''") + "'"
    once = run(text(length=12), literal)[0]
    assert once is None or (0 < len(once) <= 12 and once == once.strip(" "))
    again = run(text(length=12), "'" + (once or "").replace("'", "''") + "'")[0]
    assert again == once


@pytest.mark.parametrize(
    ("step", "what"),
    [
        ({"rond": 0}, "unknown transform 'rond'"),
        ({"round": 0.5}, "transform round needs a whole number from 0 to 9"),
        ({"round": True}, "transform round needs a whole number from 0 to 9"),
        ({"clamp": [5, 1]}, "transform clamp needs [lowest, highest]"),
        ({"label": "A"}, 'transform label needs a table such as { A = "Healthy" }'),
        ({"prefix": 1}, "transform prefix needs a text"),
        ({"date": 1}, "transform date needs true or false"),
        ({"round": 0, "scale": 2}, "a transform has one name"),
    ],
)
def test_a_transform_that_cannot_work_is_found(step, what):
    """Unknown names and wrong arguments are said in words."""
    assert [each.what for each in mistakes((step,), ("transform",))] == [what]


ARGUMENTS = {
    "round": 1,
    "scale": 2,
    "clamp": [0, 1],
    "label": {"a": "b"},
    "default": 1,
    "truncate": 5,
    "prefix": "a",
    "suffix": "a",
    "upper": True,
    "lower": True,
    "date": True,
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_is_plain_sql(name):
    """It says what it does, and another engine understands it."""
    assert TRANSFORMS[name].__doc__
    sql = TRANSFORMS[name]("x", ARGUMENTS[name])
    assert sqlglot.transpile(f"SELECT {sql} FROM t", read="duckdb", write="spark")
