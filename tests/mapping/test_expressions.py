"""SQL in files is checked before anything runs."""

from __future__ import annotations

import pytest

from connector.mapping.expressions import (
    BadSql,
    flattened,
    mistakes,
    normal,
    parse,
    paths,
    query_mistakes,
    type_of,
)
from connector.records import COUNT, FLAG, MOMENT, NUMBER, STREAMS, TEXT

COLUMNS = STREAMS["activities"].all_columns
SCHEMA = {name: stream.all_columns for name, stream in STREAMS.items()}


def said(sql, **how):
    return [each.what for each in mistakes(sql, ("value",), COLUMNS, **how)]


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("sum(kind)", "sum of text"),
        ("cuont(*) + max(minutes)", "unknown function 'cuont'"),
        ("sum(minutse)", "unknown column 'minutse'"),
        ("minutes", "not an aggregate: many rows must become one value"),
        ("count(*) + minutes", "column 'minutes' outside the aggregate"),
        ("max(kind) over ()", "a subquery or window function"),
        ("max(minutes) > 'x'", "a number and text do not go together in `MAX(minutes) > 'x'`"),
        ("max(now() - occurred_at)", "reads the clock or chance"),
        ("sum(random())", "reads the clock or chance"),
        ("count(", "SQL that does not parse: expecting ) near '('"),
        ("'abc", "SQL that does not parse: a quote or bracket is not closed"),
        ("count(*); drop table x", "SQL that does not parse: this is not a single expression"),
    ],
)
def test_a_wrong_aggregate_is_named(sql, what):
    """What is wrong stands in the message."""
    assert said(sql, aggregate=True) == [what]


def test_a_row_condition_takes_no_aggregate():
    """Where one row is looked at, there is nothing to add up."""
    assert said("count(*) > 1") == ["an aggregate (count) where one row is looked at"]


def test_a_condition_must_be_true_or_false():
    """A number is no condition."""
    assert said("minutes", wanted=FLAG) == ["gives a number"]


def test_right_expressions_pass():
    """Filters, cases, comparisons with texts that are moments."""
    assert said("100 * count(*) filter (where kind = 'call') / count(*)", aggregate=True) == []
    assert said("occurred_at > '2026-01-01' and kind in ('a', 'b')", wanted=FLAG) == []


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("count(*)", COUNT),
        ("sum(minutes) / count(*)", NUMBER),
        ("max(occurred_at)", MOMENT),
        ("arg_max(kind, occurred_at)", TEXT),
        ("max(occurred_at) filter (where kind = 'x')", MOMENT),
    ],
)
def test_the_type_of_an_expression_is_known(sql, kind):
    """Types are told without running anything."""
    assert type_of(sql, COLUMNS) == kind


def test_paths_become_one_quoted_name():
    """Relationship paths of any length are columns of the raw relation."""
    sql = "case when A.B.C.D.Name = 'x' then Owner.Name end"
    assert paths(parse(sql)) == ("A.B.C.D.Name", "Owner.Name")
    assert flattened(sql) == """CASE WHEN "A.B.C.D.Name" = 'x' THEN "Owner.Name" END"""


def test_spelling_does_not_matter_to_the_normal_form():
    """Spaces, capitals of keywords and comments are not part of an expression."""
    assert normal("COUNT( * ) /* all */") == normal("count(*)")


@pytest.mark.parametrize("sql", ["", "select 1", "(select 1)", "a; b", "drop table x"])
def test_only_one_expression_is_an_expression(sql):
    """Statements and queries do not get in by way of a measure."""
    with pytest.raises(BadSql):
        parse(sql)


def test_subqueries_on_other_streams_are_checked():
    """A check may look at another stream, by columns that it has."""
    good = "SELECT id FROM signals WHERE EXISTS (SELECT 1 FROM accounts AS a WHERE a.id = 'x')"
    bad = "SELECT id FROM signals WHERE EXISTS (SELECT 1 FROM accounts AS a WHERE a.idd = 'x')"
    assert query_mistakes(good, (), SCHEMA) == []
    assert "idd" in query_mistakes(bad, (), SCHEMA)[0].what
    assert query_mistakes("SELECT id FROM accouts", (), SCHEMA)[0].fix == "did you mean 'accounts'?"


def test_a_column_named_like_a_statement_is_a_column():
    """Answers have comments."""
    assert paths(parse("comment")) == ("comment",)
    with pytest.raises(BadSql):
        parse("comment on table x is 'y'")
