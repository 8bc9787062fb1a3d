"""Spark beside the engine of a run: files in, files out, nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.engines.duckdb import DuckDB
from connector.engines.spark import Spark
from connector.errors import ConnectorError
from tests.world import KNOWN, ready_world

pytestmark = [pytest.mark.spark, pytest.mark.timeout(1800)]


@pytest.fixture
def duckdb(tmp_path: Path) -> Iterator[DuckDB]:
    made = DuckDB(scratch=tmp_path / "spill")
    yield made
    made.close()


@pytest.fixture
def made(java: Any, tmp_path: Path) -> Iterator[Spark]:
    scratch = tmp_path / "a b=c"
    made = Spark(master="local[2]", memory="2GB", scratch=scratch, conf={})
    yield made
    made.close()
    assert [*scratch.glob("*")] == []


def test_what_goes_in_comes_out(duckdb: DuckDB, made: Spark) -> None:
    """Types, moments to the microsecond, lists, structures, and a column that no file has."""
    rows = (
        "SELECT 'ä' AS t, TIMESTAMPTZ '2026-01-31 23:59:59.999999+00' AS m, DATE '1900-02-28' AS d,"
        " ['a', NULL] AS w, TRUE AS f, 0.1e0 AS n, CAST(7 AS BIGINT) AS c"
    )
    duckdb.export(rows, made.place("rows"), 9)
    kinds = duckdb.types(rows)
    made.stage("again", made.select([made.place("rows")], {**kinds, "none": "VARCHAR[]"}), "table")
    made.stage("view", "SELECT *, {'value': n, 'points': CAST(c AS INTEGER)} AS s FROM again")
    files = made.files("view")
    found = duckdb.columns(files)
    assert found == {
        **kinds,
        "none": "VARCHAR[]",
        "s": 'STRUCT("value" DOUBLE, points INTEGER)',
    }
    listed = ", ".join(kinds)
    back = duckdb.select(files, dict.fromkeys(kinds, ""))
    assert duckdb.one(f"SELECT count(*) FROM (({rows}) EXCEPT SELECT {listed} FROM ({back}))") == 0


def test_nothing_at_all_has_columns_too(duckdb: DuckDB, made: Spark) -> None:
    """A table without files, and a result without rows."""
    made.stage("empty", made.select([], {"id": "VARCHAR", "n": "DOUBLE"}), "table")
    files = made.files("empty")
    assert duckdb.columns(files) == {"id": "VARCHAR", "n": "DOUBLE"}
    assert duckdb.rows(duckdb.select(files, {"id": "VARCHAR"})) == []


def test_a_failing_statement_names_its_step_and_no_value(made: Spark) -> None:
    """What the records hold is for nobody's log."""
    made.stage("odd", "SELECT CAST(w AS DOUBLE) AS n FROM (SELECT 'secret' AS w) AS t")
    with pytest.raises(ConnectorError, match=r"work out odd: CAST_INVALID_INPUT") as failed:
        made.files("odd")
    assert "secret" not in f"{failed.value} {failed.value.hint}"
    with pytest.raises(ConnectorError, match="work out lost: TABLE_OR_VIEW_NOT_FOUND") as failed:
        made.stage("lost", "SELECT * FROM nowhere", "table")
    assert "nowhere" in failed.value.__notes__[0]


def test_the_crm_need_not_be_rewritten_when_the_engine_is_another(
    java: Any, tmp_path: Path
) -> None:
    """A whole sync that is scored on Spark, then one on DuckDB: nothing is left to do."""
    with ready_world(tmp_path) as here:
        text = here.config.read_text()
        here.config.write_text(text.replace("[engine]", '[engine]\ntype = "spark"'))
        done = here.sync()
        assert (done.exit, done.changes["applied"]) == (0, KNOWN)
        here.config.write_text(text)
        again = here.sync()
        assert again.changes["planned"] == 0
        assert again.tiers == done.tiers
