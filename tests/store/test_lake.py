"""The lake: nothing is lost, the newest version wins, and a fold changes no answer."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import deltalake
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.engines.duckdb import DuckDB
from connector.errors import ConnectorError
from connector.store.lake import Lake

COLUMNS = {
    "id": "VARCHAR",
    "value": "INTEGER",
    "modified_at": "TIMESTAMPTZ",
    "pulled_at": "TIMESTAMPTZ",
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = DuckDB(scratch=tmp_path_factory.mktemp("spill"))
    yield made
    made.close()


def row(id: str, value: int, modified: int, pulled: int) -> str:
    """One record as SQL; times are seconds."""
    return (
        f"SELECT '{id}' AS id, {value} AS value, to_timestamp({modified}) AS modified_at, "
        f"to_timestamp({pulled}) AS pulled_at"
    )


def newest(lake: Lake, engine: DuckDB) -> dict[str, int]:
    sql = lake.newest("things", engine, COLUMNS)
    return dict(engine.rows(f"SELECT id, value FROM ({sql}) ORDER BY id"))


def test_a_table_that_was_never_written_is_empty(tmp_path, engine):
    """It can be read all the same, with its columns."""
    assert newest(Lake(tmp_path), engine) == {}


versions = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 5), st.booleans()),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(versions)
def test_the_newest_version_wins_in_whatever_order_it_arrives(engine, history):
    """By `(modified_at, pulled_at)`, with folds in between or without."""
    expected: dict[str, tuple[tuple[int, int], int]] = {}
    with TemporaryDirectory() as folder:
        lake = Lake(folder)
        for pulled, (id, value, modified, fold) in enumerate(history):
            lake.append("things", engine, row(id, value, modified, pulled))
            if fold:
                lake.fold("things", engine, COLUMNS)
            known = expected.get(id)
            if known is None or (modified, pulled) >= known[0]:
                expected[id] = ((modified, pulled), value)
        assert newest(lake, engine) == {id: value for id, (_, value) in sorted(expected.items())}


def test_a_fold_leaves_one_row_a_record_and_no_tail(tmp_path, engine):
    """Stale versions go, answers stay."""
    lake = Lake(tmp_path)
    for pulled in range(3):
        lake.append("things", engine, row("a", pulled, pulled, pulled))
    before = newest(lake, engine)
    assert lake.fold("things", engine, COLUMNS)
    layers = lake.layers("things")
    assert (layers.base_rows, layers.tail_rows) == (1, 0)
    assert newest(lake, engine) == before


def test_a_short_tail_is_not_folded(tmp_path, engine):
    """Rewriting the base for a few rows would cost more than it saves."""
    lake = Lake(tmp_path)
    many = " UNION ALL ".join(row(f"r{i}", i, 0, 0) for i in range(20))
    lake.append("things", engine, many)
    lake.fold("things", engine, COLUMNS)
    lake.append("things", engine, row("r1", 99, 1, 1))
    assert not lake.fold("things", engine, COLUMNS)
    assert newest(lake, engine)["r1"] == 99


def test_a_column_that_came_later_is_null_in_older_rows(tmp_path, engine):
    """Additive schema: nothing old is lost or refused."""
    lake = Lake(tmp_path)
    lake.append("things", engine, row("a", 1, 0, 0))
    lake.append("things", engine, f"SELECT *, 'x' AS extra FROM ({row('b', 2, 0, 0)})")
    wider = {**COLUMNS, "extra": "VARCHAR"}
    sql = lake.newest("things", engine, wider)
    assert engine.rows(f"SELECT id, extra FROM ({sql}) ORDER BY id") == [("a", None), ("b", "x")]


def test_a_lake_that_cannot_be_written_says_so(engine):
    """The message says which table and what to do."""
    with pytest.raises(ConnectorError, match="things") as failed:
        Lake(Path("/proc/nowhere")).append("things", engine, row("a", 1, 0, 0))
    assert "nothing is lost" in failed.value.hint


def test_what_somebody_else_appended_is_seen(tmp_path, engine):
    """A table stays open between two looks, but never longer than its newest commit."""
    mine, theirs = Lake(tmp_path), Lake(tmp_path)
    mine.append("things", engine, row("a", 1, 1, 1))
    assert newest(mine, engine) == {"a": 1}
    theirs.append("things", engine, row("b", 2, 1, 1))
    assert newest(mine, engine) == {"a": 1, "b": 2}


def test_a_table_that_was_made_anew_is_read_anew(tmp_path, engine):
    """Somebody deleted the lake and pulled again, while this process was looking at it."""
    mine = Lake(tmp_path)
    mine.append("things", engine, row("a", 1, 1, 1))
    assert newest(mine, engine) == {"a": 1}
    shutil.rmtree(tmp_path / "things")
    assert newest(mine, engine) == {}
    Lake(tmp_path).append("things", engine, row("b", 2, 1, 1))
    assert newest(mine, engine) == {"b": 2}


def wide(id: str, text: str, moment: str) -> str:
    return (
        f"SELECT '{id}' AS id, '{text}' AS text, 1.5 AS number, CAST(NULL AS DATE) AS day, "
        f"TIMESTAMPTZ '{moment}' AS modified_at, now() AS pulled_at"
    )


def test_another_reader_finds_every_row_by_its_bounds(tmp_path, engine):
    """Files are left out by the bounds in the log: none of them may cut off what it bounds."""
    lake = Lake(tmp_path)
    for id, at in (("a", "00:00:00.000001"), ("b", "00:00:00.123456"), ("c", "00:00:01")):
        lake.append("things", engine, wide(id, "short", f"2026-01-01 {at}Z"))
    table = deltalake.DeltaTable(str(tmp_path / "things"))
    query = deltalake.QueryBuilder().register("things", table)
    for id, at in (("a", "00:00:00.000001Z"), ("b", "00:00:00.123456Z"), ("c", "00:00:01Z")):
        where = f"modified_at = TIMESTAMP '2026-01-01T{at}' AND id = '{id}' AND number = 1.5"
        found = query.execute(f"SELECT id FROM things WHERE {where}").read_all()
        assert found["id"].to_pylist() == [id]


def test_the_log_tells_bounds_and_counts(tmp_path, engine):
    """Counts of rows and NULLs for every column, bounds where they are exact and short."""
    lake = Lake(tmp_path)
    rows = (wide("a", "x" * 40, "2026-01-01 00:00Z"), wide("b", "y", "2026-01-02 00:00Z"))
    lake.append("things", engine, " UNION ALL ".join(rows))
    log = tmp_path / "things" / "_delta_log" / f"{0:020}.json"
    lines = [orjson.loads(line) for line in log.read_bytes().splitlines()]
    stats = orjson.loads(next(line["add"]["stats"] for line in lines if "add" in line))
    assert stats["numRecords"] == 2
    assert (stats["minValues"]["id"], stats["maxValues"]["id"]) == ("a", "b")
    assert stats["minValues"]["modified_at"] == "2026-01-01T00:00:00.000Z"
    assert stats["nullCount"]["day"] == 2
    assert not {"text", "day"} & set(stats["minValues"])


def test_a_column_keeps_the_type_it_came_with(tmp_path, engine):
    """A query that yields another one is cast; other readers would refuse the table."""
    lake = Lake(tmp_path)
    lake.append("things", engine, row("a", 1, 0, 0))
    other = f"SELECT * REPLACE (CAST(value AS HUGEINT) AS value) FROM ({row('b', 2, 0, 0)})"
    lake.append("things", engine, other)
    assert lake.types("things", engine)["value"] == "INTEGER"
    assert newest(lake, engine) == {"a": 1, "b": 2}


def test_a_write_that_fails_leaves_no_file(tmp_path, engine):
    """Neither a file nor a table."""
    lake = Lake(tmp_path)
    with pytest.raises(ConnectorError):
        lake.append("things", engine, "SELECT CAST('x' || range AS INTEGER) AS id FROM range(9)")
    assert not list(tmp_path.rglob("*.parquet"))
    assert lake.layers("things").files == ()


@pytest.mark.parametrize("moment", ["9999-12-31 23:59:59.999999Z", "infinity"])
def test_the_last_moment_that_there_is_can_be_kept(tmp_path, engine, moment):
    """Other systems write it for "never"; it has no bound that does not cut it off."""
    lake = Lake(tmp_path)
    assert lake.append("things", engine, wide("a", "x", moment)) == 1
    assert newest_ids(lake, engine) == ["a"]


def newest_ids(lake: Lake, engine: DuckDB) -> list[str]:
    return [id for (id,) in engine.rows(lake.every("things", engine, {"id": "VARCHAR"}))]


def test_a_file_that_cannot_be_part_of_a_table_is_not_left_behind(tmp_path, engine):
    """It was written whole, and Delta has no such type."""
    with pytest.raises(Exception, match="Invalid data type"):
        Lake(tmp_path).append("things", engine, "SELECT TIME '10:00' AS id")
    assert not list(tmp_path.rglob("*.parquet"))


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def test_tidying_up_joins_files_and_loses_no_row(tmp_path, engine):
    """The history of many runs becomes one file; what a dead run left is gone; the log has
    a checkpoint; and the table is written on as before."""
    lake = Lake(tmp_path)
    for turn in range(12):
        lake.append("things", engine, row(f"r{turn % 3}", turn, turn, turn))
    every = f"SELECT id, value FROM ({lake.every('things', engine, COLUMNS)}) ORDER BY value"
    before = engine.rows(every)
    (tmp_path / "things" / "layer=tail" / "orphan.parquet").write_bytes(b"PAR1")
    lake.tidy("things", keep=timedelta())
    assert len([file for file in files(tmp_path / "things") if "_delta_log" not in str(file)]) == 1
    assert list((tmp_path / "things" / "_delta_log").glob("*.checkpoint.parquet"))
    for reader in (lake, Lake(tmp_path)):
        every = f"SELECT id, value FROM ({reader.every('things', engine, COLUMNS)}) ORDER BY value"
        assert engine.rows(every) == before
        assert newest(reader, engine) == {"r0": 9, "r1": 10, "r2": 11}
    lake.append("things", engine, row("r0", 99, 99, 99))
    assert newest(lake, engine)["r0"] == 99


def test_what_somebody_may_still_be_reading_stays_for_a_week(tmp_path, engine):
    """Nothing that a version of the last days refers to is removed."""
    lake = Lake(tmp_path)
    lake.append("things", engine, row("r0", 1, 1, 1))
    (old,) = files(tmp_path)
    lake.replace("things", engine, row("r0", 2, 2, 2))
    lake.tidy("things")
    assert old.exists()


def test_a_table_that_is_not_there_needs_no_tidying(tmp_path):
    """A source may never have brought anything."""
    Lake(tmp_path).tidy("nothing")
    assert list(tmp_path.iterdir()) == []


def known_by(lake: Lake, engine: DuckDB, second: int) -> dict[str, int]:
    """What was the newest by a second, from the versions that are held."""
    held = lake.versions("things", engine, COLUMNS, datetime.fromtimestamp(second, UTC))
    single = dict(
        engine.rows(f"SELECT id, value FROM ({held.single}) WHERE epoch(pulled_at) <= {second}")
    )
    ranked = engine.rows(
        f"SELECT id, value FROM ({held.several}) WHERE epoch(pulled_at) <= {second} QUALIFY "
        "row_number() OVER (PARTITION BY id ORDER BY modified_at DESC, pulled_at DESC) = 1"
    )
    assert not single.keys() & dict(ranked).keys()
    return dict(sorted([*single.items(), *ranked]))


@settings(max_examples=12, deadline=None)
@given(versions)
def test_what_was_the_newest_at_any_moment_is_still_held(engine, history):
    """A fold drops what was replaced, and yet every earlier state can be told."""
    states: list[dict[str, int]] = []
    with TemporaryDirectory() as folder:
        lake = Lake(folder)
        for pulled, (id, value, modified, fold) in enumerate(history):
            lake.append("things", engine, row(id, value, modified, pulled))
            states.append(newest(lake, engine))
            if fold:
                lake.fold("things", engine, COLUMNS)
        assert [known_by(lake, engine, second) for second in range(len(history))] == states


def test_versions_whose_files_were_removed_are_missing(tmp_path, engine):
    """What is left is told all the same."""
    lake = Lake(tmp_path)
    for pulled in range(3):
        lake.append("things", engine, row("a", pulled, pulled, pulled))
    lake.fold("things", engine, COLUMNS)
    assert known_by(lake, engine, 1) == {"a": 1}
    table = deltalake.DeltaTable(str(tmp_path / "things"))
    table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert known_by(lake, engine, 1) == {}
    assert known_by(lake, engine, 2) == {"a": 2}


def test_an_old_log_is_not_cleared_away(tmp_path, engine):
    """Libraries of Delta forget commits older than a month at every hundredth."""
    lake = Lake(tmp_path)
    for pulled in range(3):
        lake.append("things", engine, row("a", pulled, pulled, pulled))
    lake.fold("things", engine, COLUMNS)
    for file in (tmp_path / "things" / "_delta_log").iterdir():
        os.utime(file, (0, 0))
    for pulled in range(3, 103):
        lake.append("things", engine, row("a", pulled, pulled, pulled))
    assert list((tmp_path / "things" / "_delta_log").glob("*.checkpoint.parquet"))
    assert known_by(lake, engine, 1) == {"a": 1}
