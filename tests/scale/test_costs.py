"""What a record costs, beside plain DuckDB doing the same in the same run.

The bounds are wide: they are there to catch a cost that has grown by its nature, not by the load of
the machine.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import pytest

from connector.crm.salesforce.bulk_read import relation
from connector.engines.duckdb import DuckDB
from connector.records import MOMENT, TEXT
from connector.store.lake import Lake
from connector.sync import ledger
from tests.bench_recording import quiet_day, shipped, sides
from tests.sync.test_ledger import NOW, Ledger

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROWS = 200_000
TYPES = {"Id": TEXT, "AccountId": TEXT, "Subject": TEXT, "CreatedDate": MOMENT}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    made = DuckDB(scratch=tmp_path / "spill", threads=2)
    yield made
    made.close()


def cost(what: Callable[[], Any]) -> float:
    """The median CPU seconds of three times."""
    spent = []
    for _ in range(3):
        begun = process_time()
        what()
        spent.append(process_time() - begun)
    return median(spent)


def page(folder: Path) -> Path:
    """A page of records as a Bulk job sends it."""
    file = folder / "page.csv.gz"
    lines = (
        f'"00T{n:015}","001{n % 5000:015}","Call {n % 90}","2026-01-{n % 28 + 1:02}T08:00:00.000Z"'
        for n in range(ROWS)
    )
    names = ",".join(f'"{name}"' for name in TYPES)
    file.write_bytes(gzip.compress("\n".join([names, *lines]).encode(), 1))
    return file


def test_reading_a_page_into_the_lake(tmp_path, engine):
    """Typed, told what was unreadable, stored and committed: three times parsing and writing."""
    file, numbers = page(tmp_path), iter(range(9))
    plain = (
        f"COPY (SELECT * FROM read_csv('{file}', auto_detect = false, header = true, columns = "
        f"{TYPES})) TO '{tmp_path}/plain.parquet' (FORMAT parquet)"
    )
    lake = Lake(tmp_path / "lake")
    rows = f"SELECT * FROM {relation([file], TYPES)}"
    floor = cost(lambda: engine.run(plain))
    ours = cost(lambda: lake.append(f"things{next(numbers)}", engine, rows, layer="base"))
    assert ours <= 3 * floor, f"{ours / ROWS * 1e6:.2f} µs, floor {floor / ROWS * 1e6:.2f} µs"


def test_the_diff_of_a_quiet_day(tmp_path, engine):
    """One account in eighty has changed: at most three times a join that finds those."""
    mapping = shipped()
    sides(engine, mapping, ROWS)
    spent: dict[str, list[float]] = {}
    quiet_day(engine, mapping, tmp_path, spent)
    floor, ours = (median(each) for each in spent.values())
    assert engine.one("SELECT count(*) FROM diff WHERE tried IS NOT NULL") == pytest.approx(
        ROWS / 80, rel=0.1
    )
    assert ours <= 3 * floor, f"{ours / ROWS * 1e6:.2f} µs, floor {floor / ROWS * 1e6:.2f} µs"


def test_recording_outcomes_again(tmp_path):
    """A ledger whose every record was written again is joined and written once, not folded after:
    at most eight times a plain join of the same rows, written by the engine."""
    kept = Ledger(tmp_path)
    scores = {f"001{n:015}": float(n) for n in range(ROWS // 10)}
    kept.record("first", scores, NOW, "applied")
    turns = [
        kept.prepare(f"turn{n}", scores, NOW + timedelta(hours=n + 1), "applied") for n in range(3)
    ]
    plain = (
        "COPY (SELECT * FROM diff a JOIN diff b USING (id)) "
        f"TO '{tmp_path}/plain.parquet' (FORMAT parquet)"
    )
    floor = cost(lambda: kept.engine.run(plain))
    left = iter(turns)
    ours = cost(lambda: ledger.record(kept.app, *next(left)))
    assert kept.layers() == (len(scores), 0)
    kept.engine.close()
    assert ours <= 8 * floor, f"{ours:.2f} s, floor {floor:.2f} s"
