"""The journal: what is certain after a crash."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connector.engines.duckdb import DuckDB
from connector.records import Outcome
from connector.sync.journal import Journal

AT = datetime(2026, 11, 2, 8, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path):
    made = DuckDB(scratch=tmp_path / "spill", threads=1)
    yield made
    made.close()


def test_outcomes_come_back_row_by_row(tmp_path, engine):
    """However they were grouped on disk."""
    journal = Journal(tmp_path / "journal.ndjson")
    journal.add(
        [Outcome("a", "applied"), Outcome("b", "failed", "X", "no"), Outcome("c", "applied")], AT
    )
    rows = engine.rows(f"SELECT id, result, code, message FROM {journal.relation()} ORDER BY id")
    assert rows == [("a", "applied", "", ""), ("b", "failed", "X", "no"), ("c", "applied", "", "")]
    assert journal.settled() == {"a", "b", "c"}


def test_a_line_that_a_crash_cut_does_not_count(tmp_path):
    """What came before it does."""
    journal = Journal(tmp_path / "journal.ndjson")
    journal.add([Outcome("a", "applied")], AT)
    with journal.path.open("ab") as file:
        file.write(b'{"ids":["b"],"res')
    assert journal.settled() == {"a"}
    journal.add([Outcome("c", "applied")], AT)
    assert journal.settled() == {"a", "c"}


def test_a_whole_file_of_outcomes_is_taken_in_one_go(tmp_path, engine):
    """As many as there are, in lines of a bounded length, after what is there already."""
    journal = Journal(tmp_path / "journal.ndjson")
    journal.add([Outcome("first", "applied")], AT)
    said = "'applied' AS result, '' AS code, '' AS message"
    many = f"SELECT 'r' || i AS id, {said} FROM range(12000) t(i)"
    journal.take(engine, many, AT)
    assert len(journal.settled()) == 12_001
    assert len(journal.path.read_bytes().splitlines()) == 4
    at = f"written_at = TIMESTAMPTZ '{AT.isoformat()}'"
    assert engine.one(f"SELECT count(*) FROM {journal.relation()} WHERE {at}") == 12_001
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["journal.ndjson"]


def test_a_journal_of_one_cut_line_holds_nothing(tmp_path):
    """Also when the line is longer than what is looked at in one go."""
    journal = Journal(tmp_path / "journal.ndjson")
    assert not journal.mend()
    journal.path.write_bytes(b'{"ids":[' + b'"a",' * 50_000)
    assert not journal.mend()
    assert journal.path.stat().st_size == 0
