"""The ledger: what we last wrote into every field, however its rows are laid down."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from connector.engines.duckdb import DuckDB
from connector.records import Outcome
from connector.store.lake import Lake
from connector.sync import ledger
from connector.sync.changes import Plan
from connector.sync.journal import Journal
from connector.sync.run import Run
from tests.sync.test_diff import MAPPING, NOW, CrmMapping, Org, parse


class Ledger:
    """A ledger that plans are recorded in, one after the other."""

    def __init__(self, folder: Any) -> None:
        mapping, problems = parse(MAPPING, "m.toml", CrmMapping)
        assert mapping is not None, problems
        self.folder, self.engine = folder, DuckDB(scratch=folder / "spill")
        self.app: Any = SimpleNamespace(mapping=mapping, lake=Lake(folder / "lake"))
        self.types = {field.target: field.type for field in mapping.fields}

    def prepare(
        self, name: str, scores: dict[str, float], at: datetime, result: str
    ) -> tuple[Run, Plan, Journal]:
        """A plan that sets the score of records, and the one outcome that all of them had."""
        run = Run(name, Org("00D", "005", "http://127.0.0.1", NOW), self.engine)
        cells = ", ".join(
            f"CAST({'score' if f.target == 'Score' else 'NULL'} AS "
            f'{ledger.columns(self.app)[f.target]}) AS "to:{f.target}", NULL AS "from:{f.target}", '
            f"'{'set' if f.target == 'Score' else 'same'}' AS \"word:{f.target}\""
            for f in self.app.mapping.fields
        )
        rows = ", ".join(f"('{id}', {score})" for id, score in scores.items())
        self.engine.stage(
            "diff",
            f"SELECT id, id AS beside, 'hash' AS tried, {cells} FROM (VALUES {rows}) t(id, score)",
            "table",
        )
        path = self.folder / name / "plan.json"
        path.parent.mkdir()
        journal = Journal(path.with_name("journal.ndjson"))
        journal.add([Outcome(id, result) for id in scores], at)  # type: ignore[arg-type]
        return run, plan_of(name, path, self.types), journal

    def record(self, name: str, scores: dict[str, float], at: datetime, result: str) -> None:
        """Record it; twice is the same as once."""
        run, plan, journal = self.prepare(name, scores, at, result)
        for _ in range(2):
            ledger.record(self.app, run, plan, journal)

    def scores(self) -> dict[str, float | None]:
        run = Run("r", Org("00D", "005", "http://127.0.0.1", NOW), self.engine)
        sql = ledger.written(self.app, run)
        return dict(self.engine.rows(f'SELECT id, "Score" FROM ({sql}) ORDER BY id'))

    def layers(self) -> tuple[int, int]:
        found = self.app.lake.layers("outcomes")
        return found.base_rows, found.tail_rows


def plan_of(name: str, path: Any, types: dict[str, str]) -> Plan:
    return Plan(
        name, path, "00D", "salesforce", "Account", NOW, NOW, "m", 1, 1, 0, {}, types, {}, {}
    )


@pytest.fixture
def kept(tmp_path):
    made = Ledger(tmp_path)
    yield made
    made.engine.close()


MANY = {f"r{n}": float(n) for n in range(10)}


def test_few_outcomes_make_a_tail_and_many_a_new_base(kept):
    """Either way each record holds what was last written into it."""
    kept.record("one", MANY, NOW, "applied")
    assert kept.layers() == (10, 0)
    kept.record("two", {"r1": 50.0}, NOW + timedelta(hours=1), "applied")
    assert kept.layers() == (10, 1)
    later = {"r1": 60.0, "r2": 61.0, "r3": 62.0, "new": 63.0}
    kept.record("three", later, NOW + timedelta(hours=2), "applied")
    assert kept.layers() == (11, 0)
    assert kept.scores() == {**MANY, **later}


@pytest.mark.parametrize("many", [1, 10])
def test_what_was_refused_leaves_the_value_before(kept, many):
    """The refusal is remembered with what was tried, and the value stays."""
    kept.record("one", MANY, NOW, "applied")
    tried = dict.fromkeys(list(MANY)[:many], 99.0)
    kept.record("two", tried, NOW + timedelta(hours=1), "failed")
    assert kept.scores() == MANY
    run = Run("r", Org("00D", "005", "http://127.0.0.1", NOW), kept.engine)
    sql = ledger.written(kept.app, run)
    rows = kept.engine.rows(f"SELECT tried, count(*) FROM ({sql}) GROUP BY 1 ORDER BY 1")
    assert ("hash", many) in rows


@pytest.mark.parametrize("many", [1, 10])
def test_an_outcome_older_than_the_last_changes_nothing(kept, many):
    """A job that was taken up late carries the moment of its plan."""
    kept.record("one", MANY, NOW, "applied")
    late = dict.fromkeys(list(MANY)[:many], 99.0)
    kept.record("two", late, NOW - timedelta(hours=1), "applied")
    assert kept.scores() == MANY
