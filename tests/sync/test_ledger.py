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
from connector.sync.diff import current
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
        self, name: str, scores: dict[str, float], at: datetime, result: str, others: str = ""
    ) -> tuple[Run, Plan, Journal]:
        """A plan that sets the score of records, and the one outcome that all of them had; their
        `others` hold what is not ours."""
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
            f"SELECT id, id AS beside, 'hash' AS tried, nullif('{others}', '') AS others, {cells} "
            f"FROM (VALUES {rows}) t(id, score)",
            "table",
        )
        path = self.folder / name / "plan.json"
        path.parent.mkdir()
        journal = Journal(path.with_name("journal.ndjson"))
        journal.add([Outcome(id, result) for id in scores], at)  # type: ignore[arg-type]
        return run, plan_of(name, path, self.types), journal

    def record(
        self, name: str, scores: dict[str, float], at: datetime, result: str, others: str = ""
    ) -> None:
        """Record it; twice is the same as once."""
        run, plan, journal = self.prepare(name, scores, at, result, others)
        for _ in range(2):
            ledger.record(self.app, run, plan, journal)

    def fresh_run(self) -> Run:
        return Run("r", Org("00D", "005", "http://127.0.0.1", NOW), self.engine)

    def scores(self) -> dict[str, float | None]:
        sql = ledger.written(self.app, self.fresh_run())
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
    sql = ledger.written(kept.app, kept.fresh_run())
    rows = kept.engine.rows(f"SELECT tried, count(*) FROM ({sql}) GROUP BY 1 ORDER BY 1")
    assert ("hash", many) in rows


@pytest.mark.parametrize("many", [1, 10])
def test_an_outcome_older_than_the_last_changes_nothing(kept, many):
    """A job that was taken up late carries the moment of its plan."""
    kept.record("one", MANY, NOW, "applied")
    late = dict.fromkeys(list(MANY)[:many], 99.0)
    kept.record("two", late, NOW - timedelta(hours=1), "applied")
    assert kept.scores() == MANY


def held(kept: Ledger, pulled: datetime, unread: str = "NULL", **cells: object) -> dict[str, Any]:
    """What record r1 holds now if it was pulled at a moment with these cells."""
    kept.app.crm = SimpleNamespace(name="salesforce")
    kept.engine.stage("written", ledger.written(kept.app, kept.fresh_run()))
    listed = ", ".join(
        f"CAST({cells.get(f.target, 'NULL')!s} AS {ledger.columns(kept.app)[f.target]})"
        f' AS "{f.target}"'
        for f in kept.app.mapping.fields
    )
    accounts = (
        "SELECT 'r1' AS id, NULL AS parent_id, NULL AS record_type, NULL AS modified_at, "
        f"{unread} AS unread, "
        "false AS deleted, 'salesforce' AS source, "
        f"TIMESTAMPTZ '{pulled.isoformat()}' AS pulled_at, {listed}"
    )
    return kept.engine.dicts(current(kept.app, accounts))[0]


@pytest.mark.parametrize("many", [1, 10])
def test_what_a_write_left_alone_is_held_as_it_was_pulled(kept, many):
    """Somebody's tier stays theirs after we wrote the score, even within one second and when the
    record is not read again; until we write the tier or a pull says more."""
    hour = timedelta(hours=1)
    kept.record("one", MANY, NOW, "applied")
    some = dict.fromkeys(list(MANY)[:many], 50.0) | {"r1": 50.0}
    kept.record("two", some, NOW + hour, "applied", others=" Tier ")
    for pulled in (NOW + hour, NOW):
        row = held(kept, pulled, Score="1", Tier="'A'", Reason="'x'")
        assert (row["Score"], row["Tier"], row["Reason"]) == (50.0, "A", None)
    kept.record("three", some, NOW + 2 * hour, "failed", others="")
    assert held(kept, NOW + hour, Score="1", Tier="'A'")["Tier"] == "A"
    kept.record("four", some, NOW + 3 * hour, "applied")
    assert held(kept, NOW + hour, Score="1", Tier="'A'")["Tier"] is None
    assert held(kept, NOW + 4 * hour, Score="1", Tier="'A'")["Score"] == 1


@pytest.mark.parametrize("many", [1, 10])
def test_what_we_wrote_over_what_could_not_be_read_is_ours(kept, many):
    """Until it was written, or while the write left it alone, it stays somebody's."""
    hour = timedelta(hours=1)
    some = dict.fromkeys(list(MANY)[:many], 50.0) | {"r1": 50.0}
    kept.record("one", some, NOW, "applied", others=" Tier ")
    assert held(kept, NOW + hour, "'Score Tier'")["unread"] == "Score Tier"
    assert held(kept, NOW, "'Score Tier'")["unread"] == "Tier"
    kept.record("two", some, NOW + hour, "applied")
    assert held(kept, NOW, "'Score Tier'")["unread"] == ""
