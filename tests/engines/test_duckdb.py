"""The engine: SQL in, Arrow out; and what of DuckDB we work around."""

from __future__ import annotations

import pytest

from connector.engines.duckdb import DuckDB
from connector.errors import ConnectorError


@pytest.fixture
def engine(tmp_path):
    made = DuckDB(scratch=tmp_path / "spill")
    yield made
    made.close()


def test_duckdb_2_0_text_functions_over_a_column_that_is_null_throughout(engine, tmp_path):
    """It answered "BindBuiltinScalarFunction did not return a BoundFunctionExpression"."""
    path = tmp_path / "nulls.parquet"
    engine.run(f"COPY (SELECT NULL::VARCHAR AS mail FROM range(9)) TO '{path}' (FORMAT parquet)")
    read = engine.select([str(path)], {"mail": "VARCHAR"})
    assert engine.rows(f"SELECT DISTINCT split_part(lower(trim(mail)), '@', 2) FROM ({read})") == [
        (None,)
    ]


def test_duckdb_2_0_refuses_work_beside_an_unfinished_result(engine):
    """So no result is left half read."""
    assert engine.one("SELECT 1 FROM range(3)") == 1
    assert engine.types("SELECT 1 AS a") == {"a": "INTEGER"}


def test_what_an_empty_table_is_asked_for_is_not_read(engine, tmp_path):
    """Of rows that may not be in it the ids are not even looked at."""
    path = tmp_path / "records.parquet"
    engine.run(f"COPY (SELECT i AS id, i % 2 AS kind FROM range(9) AS t(i)) TO '{path}'")
    asked = f"SELECT sum(kind) FROM '{path}' AS r ANTI JOIN twice AS t ON t.id = r.id"
    engine.stage("twice", "SELECT i AS id FROM range(3) AS t(i)", "table")
    assert "ANTI" in _plan(engine, asked)
    assert engine.one(asked) == 3
    engine.stage("twice", "SELECT i AS id FROM range(3) AS t(i) WHERE i > 5", "table")
    assert "ANTI" not in _plan(engine, asked)
    assert engine.one(asked) == 4
    assert engine.types("SELECT * FROM twice") == {"id": "BIGINT"}


def test_a_table_may_be_empty_and_full_in_turn(engine):
    """It is known as a table all the time; one that rows are added to is a table from the start."""
    for most in (0, 2, 0, 0, 1):
        rows = f"SELECT i, {{'a': [i]}} AS deep FROM range({most}) AS t(i)"
        engine.stage("listed", rows, "table")
        assert engine.holds("listed")
        assert engine.one("SELECT count(*) FROM listed") == most
        assert engine.types("SELECT * FROM listed") == {"i": "BIGINT", "deep": "STRUCT(a BIGINT[])"}
    assert engine.table("listed", "SELECT 7 AS i WHERE FALSE") == 0
    engine.run("INSERT INTO listed VALUES (1), (2)")
    assert engine.table("listed", "SELECT 7 AS i") == 1
    engine.stage("listed", "SELECT 7 AS i WHERE FALSE", "table")
    assert engine.rows("SELECT * FROM listed") == []
    assert not engine.holds("other")


def _plan(engine, sql):
    return str(engine.rows(f"EXPLAIN {sql}"))


def test_time_is_utc_whatever_the_machine_thinks(engine, monkeypatch):
    """A moment without a zone is taken as UTC."""
    assert engine.one("SELECT CAST(TIMESTAMPTZ '2026-11-02 08:00:00' AS VARCHAR)").endswith("+00")


def test_a_failing_statement_says_why_and_keeps_the_sql_for_v(engine):
    """The message is for the reader, the statement is a note for -v."""
    with pytest.raises(ConnectorError, match="no_such_column") as failed:
        engine.rows("SELECT no_such_column FROM range(1)")
    assert "SELECT no_such_column" in failed.value.__notes__[0]
