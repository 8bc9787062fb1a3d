"""What a score costs on DuckDB and on Spark, both on this machine, in the same run.

    python -m tests.bench_spark              10,000 and 100,000 accounts
    python -m tests.bench_spark 1000000      any other size; ten activities for each account

Spark runs twice: Java works the second time with what it has learned. CPU is steadier than wall
time; that of Spark is Java's and ours. Scores are compared at the end.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import psutil

from connector.engines import spark
from tests.engines import records
from tests.engines.parity import MASTER, Both
from tests.model.lake import shipped

SIZES = (10_000, 100_000)
_ALL = "SELECT bit_xor(hash(account_id, score, tier, confidence, reason_en)) FROM scores"


class Cost(NamedTuple):
    """Seconds."""

    wall: float
    cpu: float


def used() -> Cost:
    """What this process and those below it have used until now."""
    own = psutil.Process()
    spent = [each.cpu_times() for each in (own, *own.children(recursive=True))]
    return Cost(monotonic(), sum(each.user + each.system for each in spent))


def since(before: Cost) -> Cost:
    """What was used since then."""
    now = used()
    return Cost(now.wall - before.wall, now.cpu - before.cpu)


def score(both: Both, *, on_spark: bool) -> tuple[Cost, int]:
    """One score: what it took, and one number for all that came out."""
    before = used()
    with both.scored(shipped(), spark=on_spark) as run:
        return since(before), int(run.engine.one(_ALL))


def measure(accounts: int) -> None:
    """One line for each engine."""
    with tempfile.TemporaryDirectory() as folder:
        both = Both(Path(folder))
        records.fill(both.lake, both.engine, accounts)
        floor, right = score(both, on_spark=False)
        show(accounts, "DuckDB", floor, floor)
        for name in ("Spark", "Spark, again"):
            took, found = score(both, on_spark=True)
            show(accounts, name, took, floor)
            assert found == right, "the scores are not the same"


def show(accounts: int, name: str, took: Cost, floor: Cost) -> None:
    ratios = f"{took.wall / floor.wall:>8.1f}{took.cpu / floor.cpu:>8.1f}"
    print(f"{accounts:>10,}  {name:<14}{took.wall:>9.1f}{took.cpu:>9.1f}{ratios}", flush=True)


def main() -> None:
    before = used()
    spark.session(MASTER, "4GB", {})
    begun = since(before)
    print(f"Java begins: {begun.wall:.1f} s, {begun.cpu:.1f} s of CPU")
    head = f"{'accounts':>10}  {'engine':<14}{'wall s':>9}{'CPU s':>9}"
    print(f"{head}{'× wall':>8}{'× CPU':>8}")
    for size in map(int, sys.argv[1:]) if sys.argv[1:] else SIZES:
        measure(size)


if __name__ == "__main__":
    main()
