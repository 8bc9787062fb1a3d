"""How long a first sync of HubSpot takes beside what the limit of calls allows at best.

    python -m tests.bench_hubspot_sync 10000 150 5     so many companies, answers of so many ms, so
                                                       many reads side by side

The sandbox counts as a Professional account does: 190 calls within ten seconds. It runs in a
process of its own; on a machine of two cores that does anything else the figure tells little. The
survey platform is left out: it has limits of its own, and is read when HubSpot has been.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from connector.config import open_app
from connector.sync import flow
from tests.bench import serving
from tests.hubspot_world import Portal, install, portal

MOST, SECONDS = 190, 10.0
PHASES = ("preflight", "pull", "apply")


def main(companies: int, delay: int, parallel: int = 5) -> None:
    with TemporaryDirectory() as folder:
        kept, home = Path(folder, "kept"), Path(folder, "here")
        with portal(kept, accounts=companies):
            pass
        with serving(kept / "sandbox", companies) as url:
            install(url, home, parallel=parallel)
            here = Portal(url, home, None)  # type: ignore[arg-type]
            text = here.config.read_text(encoding="utf-8")
            without, found = re.subn(r"(?ms)^\[sources\.surveys\].*?(?=^\[)", "", text)
            assert found == 1
            here.config.write_text(without, encoding="utf-8")
            here.set(plan="professional")
            here.faults({"match": {"path_regex": "/crm/"}, "do": {"delay_ms": delay}})
            here.set(forget=True)
            done = flow.sync(open_app(here.config))
            refused = sum(here.set()["limits"]["refused"].values())
    calls = sum(lane["actual"] for lane in done.calls.values())
    wall = sum(done.seconds[phase] for phase in PHASES)
    least = (calls - 1) // MOST * SECONDS
    print(
        f"{calls:,} calls: {wall:.1f} s, by the limit {least:.0f} s, wanted {1.05 * least + 2:.1f},"
    )
    print(f"of them reading {done.seconds['pull']:.1f} s; {refused} refused")


if __name__ == "__main__":
    main(*(int(each) for each in (sys.argv[1:] or ["10000", "150", "5"])))
