"""What reading costs: CPU per record from the wire into the lake, lane by lane.

    python -m tests.bench_reading 100000         the tasks of so many accounts

The sandbox runs in a process of its own and is kept in `.bench/`; its work is not counted. CPU is
what this process used for fetching, decoding, writing the table and moving the watermark.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from time import monotonic, process_time

from connector.config import open_app
from connector.crm.salesforce import lanes
from connector.mapping.objects import CrmMapping, Pull
from connector.sync.app import App
from connector.sync.preflight import Preflight, preflight
from connector.sync.pull_objects import PulledObject, pull_objects
from connector.sync.reads import wanted
from connector.sync.run import Run
from tests.bench import BENCH, serving
from tests.world import install

OBJECT = "Task"


def main() -> None:
    accounts = int(sys.argv[1]) if sys.argv[1:] else 10_000
    with serving(BENCH / f"{accounts}", accounts) as url:
        for lane, most in (("bulk", lanes.JOB_FROM), ("REST", 10**9)):
            lanes.JOB_FROM = most
            work = BENCH / "reading"
            shutil.rmtree(work, ignore_errors=True)
            install(url, work, threads=2)
            report(lane, work / "config.toml")
        shutil.rmtree(work, ignore_errors=True)


def report(lane: str, config: Path) -> None:
    """Read one object into an empty lake and say what it cost."""
    app = open_app(config)
    run = Run("bench", app.crm.check(), app.engine())
    found = alone(app, preflight(app))
    wants = wanted(app, run, found)
    wall, cpu = monotonic(), process_time()
    (done,) = pull_objects(app, run, wants)
    wall, cpu = monotonic() - wall, process_time() - cpu
    run.engine.close()
    print(line(lane, done, wall, cpu))


def alone(app: App, found: Preflight) -> list[dict[str, str] | None]:
    """The types of the one object that is read; of the others there is none."""
    mapping: CrmMapping = app.mapping
    pulls: tuple[Pull, ...] = mapping.pull
    return [
        dict(types) if types is not None and spec.object == OBJECT else None
        for spec, types in zip(pulls, found.types, strict=True)
    ]


def line(lane: str, done: PulledObject, wall: float, cpu: float) -> str:
    """One line of figures."""
    each = cpu / done.pulled * 1e6
    return (
        f"{lane:<5}{done.pulled:>12,} records{done.calls:>6} calls"
        f"{wall:>8.1f} s wall{cpu:>8.2f} s CPU{each:>8.2f} µs each"
    )


if __name__ == "__main__":
    main()
