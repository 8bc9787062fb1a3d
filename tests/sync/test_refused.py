"""Refused records are named with their reasons, and no receipt grows without end."""

from __future__ import annotations

from datetime import UTC, datetime

from connector.engines.duckdb import DuckDB
from connector.records import Org, Outcome
from connector.sync import refused
from connector.sync.journal import Journal
from connector.sync.run import Run

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def told(tmp_path, outcomes: list[Outcome]) -> dict[str, tuple[int, tuple[str, ...]]]:
    """What a receipt says of outcomes."""
    journal, engine = Journal(tmp_path / "journal.ndjson"), DuckDB(scratch=tmp_path / "spill")
    journal.add(outcomes, NOW)
    run = Run("r", Org("00D", "005", "", NOW), engine)
    refused.tell_news(run, journal)
    engine.close()
    assert {each.stream for each in run.oddities} == {"writes"}
    return {each.rule: (each.count, each.ids) for each in run.oddities}


def test_every_reason_names_its_records(tmp_path):
    """What was written, or edited by somebody in between, is no failure."""
    outcomes = [
        Outcome("b", "failed", "RULE", "Ask first"),
        Outcome("a", "failed", "RULE", "Ask first"),
        Outcome("c", "failed", "RULE", "Never"),
        Outcome("d", "transient", "UNABLE_TO_LOCK_ROW"),
        Outcome("e", "applied"),
        Outcome("f", "moved"),
    ]
    assert told(tmp_path, outcomes) == {
        "RULE: Ask first": (2, ("a", "b")),
        "RULE: Never": (1, ("c",)),
        "UNABLE_TO_LOCK_ROW": (1, ("d",)),
    }


def test_reasons_that_differ_for_every_record_are_counted(tmp_path):
    """Twenty are told apart, twenty records of the others are named."""
    outcomes = [Outcome(f"{n:03}", "failed", "RULE", f"no {n}") for n in range(100)]
    found = told(tmp_path, outcomes)
    assert len(found) == refused.REASONS + 1
    count, ids = found["RULE"]
    assert (count, len(ids)) == (80, refused.NAMED)
    assert sum(many for many, _ in found.values()) == 100
