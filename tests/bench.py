"""What a sync costs: CPU and memory per record of every phase, and calls per endpoint.

    make bench                       10,000 and 100,000 accounts
    python -m tests.bench 2000       any other size

The sandbox runs in a process of its own, so its work is not counted. CPU is what the connector's
process used; memory is the most it held until the end of that phase. Sandboxes are kept in
`.bench/` and used again.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.world import ROOT, install

BENCH = ROOT / ".bench"
SIZES = (10_000, 100_000)
CONNECTOR = [sys.executable, "-m", "connector.cli"]


@contextmanager
def serving(folder: Path, accounts: int) -> Iterator[str]:
    """A sandbox in a child process; its address."""
    command = [*CONNECTOR, "sandbox", "serve", "--port", "0", "--accounts", str(accounts)]
    child = subprocess.Popen(
        [*command, "--seed", "1", "--dir", str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    try:
        yield json.loads(child.stdout.readline())["url"]
    finally:
        os.kill(child.pid, signal.SIGTERM)
        child.wait(timeout=60)
        child.stdout.close()


def run(config: Path, *words: str) -> dict[str, Any]:
    """One command in a fresh process; its JSON document."""
    command = [*CONNECTOR, "-c", str(config), "--json", "--no-progress", "--yes", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def measure(accounts: int) -> None:
    """A first sync, one where nothing changed, and one a day later."""
    kept, work = BENCH / f"{accounts}", BENCH / "work"
    shutil.rmtree(work, ignore_errors=True)
    if (kept / "sandbox.sqlite").exists():
        shutil.copytree(kept, work / "sandbox")
    else:
        with serving(kept, accounts):
            pass
        shutil.copytree(kept, work / "sandbox")
    with serving(work / "sandbox", accounts) as url:
        install(url, work / "here", threads=os.cpu_count() or 1, parallel=4)
        config = work / "here" / "config.toml"
        run(config, "fields", "apply")
        for name in ("first sync", "nothing changed", "a day later"):
            requests.post(f"{url}/_sandbox/reset-stats", json={}, timeout=60)
            done = run(config, "sync")
            report(name, accounts, done)
            lanes(done["calls"])
            endpoints(requests.get(f"{url}/_sandbox/stats", timeout=60).json())
            if name == "nothing changed":
                requests.post(f"{url}/_sandbox/clock", json={"advance": "1d"}, timeout=60)
    shutil.rmtree(work, ignore_errors=True)


def report(name: str, accounts: int, done: dict[str, Any]) -> None:
    """CPU and memory, phase by phase."""
    pulled = sum(stream["pulled"] for stream in done["streams"].values())
    records = {
        "pull": pulled,
        "score": accounts,
        "plan": accounts,
        "apply": done["changes"]["applied"],
    }
    print(f"\n{accounts:,} accounts · {name} · {pulled:,} records pulled")
    head = f"{'phase':<8}{'records':>12}{'wall s':>9}{'CPU s':>8}"
    print(f"{head}{'CPU µs/record':>15}{'peak MB':>9}")
    for phase, count in records.items():
        cpu = done["cpu_seconds"][phase]
        each = f"{cpu / count * 1e6:.1f}" if count else "–"
        wall, peak = done["seconds"][phase], done["memory_mb"][phase]
        print(f"{phase:<8}{count:>12,}{wall:>9.2f}{cpu:>8.2f}{each:>15}{peak:>9}")


def lanes(calls: dict[str, dict[str, int]]) -> None:
    """Calls that were predicted beside those that were made, lane by lane; a mark where they are
    more than a twentieth, and more than one, apart."""
    print(f"{'lane':<14}{'predicted':>10}{'made':>7}")
    for name, lane in calls.items():
        told, made = lane["predicted"], lane["actual"]
        mark = "  !" if abs(told - made) > max(1, 0.05 * made) else ""
        print(f"{name:<14}{told:>10}{made:>7}{mark}")


def endpoints(stats: dict[str, Any]) -> None:
    """Calls, endpoint by endpoint."""
    for each in sorted(stats["routes"], key=lambda r: -r["requests"]):
        if not each["route"].startswith("/_sandbox"):
            size = each["bytes"] / 1e6
            print(f"  {each['requests']:>6} × {each['method']:<5} {each['route']}  ({size:.1f} MB)")


def main() -> None:
    for size in map(int, sys.argv[1:]) if sys.argv[1:] else SIZES:
        measure(size)


if __name__ == "__main__":
    main()
