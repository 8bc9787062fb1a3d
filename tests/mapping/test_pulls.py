"""Raw CRM records become the columns of a stream."""

from __future__ import annotations

import duckdb

from connector.mapping import pulls
from connector.mapping.objects import Pull
from connector.records import STREAMS

TASK = Pull(
    stream="activities",
    object="Task",
    columns={
        "id": "Id",
        "kind": "case when TaskSubtype = 'Call' then 'call' else 'task' end",
        "owner_id": "Owner.Manager.Id",
        "minutes": "Minutes",
    },
)
RAW = """(SELECT 't1' AS "Id", 'Call' AS "TaskSubtype", 'm' AS "Owner.Manager.Id", 'x' AS "Minutes",
 TIMESTAMPTZ '2026-01-01' AS "SystemModstamp", NULL AS "IsDeleted", 7 AS extra) AS raw"""


def test_the_fields_to_fetch_are_those_that_the_columns_read():
    """In the order they first stand, then the marks of change and deletion; none twice."""
    assert pulls.fields(TASK) == (
        "Id",
        "TaskSubtype",
        "Owner.Manager.Id",
        "Minutes",
        "SystemModstamp",
        "IsDeleted",
    )


def test_the_fields_of_a_filter_are_needed_and_not_fetched():
    """The CRM refuses a filter over a field that the user may not see, as if it were not there."""
    pull = Pull("activities", "Task", {"id": "Id"}, "task.Status = 'x' and Owner.Name = 'y'")
    assert pulls.filtered(pull) == ("Status", "Owner.Name")
    assert pulls.fields(pull) == ("Id", "SystemModstamp", "IsDeleted")
    types = dict.fromkeys(("Id", "SystemModstamp", "IsDeleted", "Owner.Name"), "VARCHAR")
    assert pulls.absent(pull, types) == ["Status"]


def test_all_columns_of_the_stream_come_out():
    """Columns that are not mapped are NULL; kept ones follow; what does not fit is NULL."""
    found = duckdb.connect().execute(pulls.sql(TASK, RAW, keep=["extra"]))
    names = [each[0] for each in found.description]
    assert names == [*STREAMS["activities"].columns, "modified_at", "deleted", "extra"]
    row = duckdb.connect().execute(
        f"SELECT id, kind, owner_id, minutes, account_id, deleted, extra FROM"
        f" ({pulls.sql(TASK, RAW, keep=['extra'])})"
    )
    assert row.fetchone() == ("t1", "call", "m", None, None, False, 7)


def test_an_object_without_marks_has_none():
    """Users are never deleted, so nothing is asked for."""
    user = Pull("owners", "User", {"id": "Id"}, modified="", deleted="")
    assert pulls.fields(user) == ("Id",)
    sql = pulls.sql(user, "(SELECT 'u' AS \"Id\") AS raw")
    assert duckdb.connect().execute(f"SELECT id, deleted FROM ({sql})").fetchall() == [("u", False)]


def said(pull, types=None):
    return [(each.path, each.what, each.fix) for each in pulls.check(pull, types)]


def test_an_unknown_stream_is_named():
    """With the one that was probably meant."""
    assert said(Pull("acounts", "Account", {"id": "Id"})) == [
        (("stream",), "unknown stream 'acounts'", "did you mean 'accounts'?")
    ]


def test_an_unknown_column_is_named():
    """At the column that is wrong."""
    assert said(Pull("accounts", "Account", {"id": "Id", "nam": "Name"})) == [
        (("columns", "nam"), "accounts has no column 'nam'", "did you mean 'name'?")
    ]


def test_a_stream_without_ids_is_no_stream():
    """Every record is known by its id."""
    assert said(Pull("accounts", "Account", {"name": "Name"}))[0][1] == "'id' is missing"


def test_bad_sql_in_a_column_is_found_offline():
    """Syntax and functions are checked without an org."""
    pull = Pull("accounts", "Account", {"id": "Id", "name": "uper(Name)", "website": "case"})
    assert said(pull)[0][1] == "unknown function 'uper'"
    assert [each[0] for each in said(pull)] == [("columns", "name"), ("columns", "website")]


def test_a_field_that_the_org_lacks_is_found_with_its_description():
    """The types of the org's fields show what is not there."""
    pull = Pull("accounts", "Account", {"id": "Id", "name": "Nane"})
    types = {"Id": "VARCHAR", "Name": "VARCHAR", "SystemModstamp": "TIMESTAMPTZ"}
    assert said(pull, types) == [
        (("columns", "name"), "Account has no field 'Nane'", "did you mean 'Name'?"),
        (("deleted",), "Account has no field 'IsDeleted'", "known here: Id, Name, SystemModstamp"),
    ]
