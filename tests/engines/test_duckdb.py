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


def test_time_is_utc_whatever_the_machine_thinks(engine, monkeypatch):
    """A moment without a zone is taken as UTC."""
    assert engine.one("SELECT CAST(TIMESTAMPTZ '2026-11-02 08:00:00' AS VARCHAR)").endswith("+00")


def test_a_failing_statement_says_why_and_keeps_the_sql_for_v(engine):
    """The message is for the reader, the statement is a note for -v."""
    with pytest.raises(ConnectorError, match="no_such_column") as failed:
        engine.rows("SELECT no_such_column FROM range(1)")
    assert "SELECT no_such_column" in failed.value.__notes__[0]
