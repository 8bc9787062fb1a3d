"""What a write costs, lane by lane, beside a script that does the same with no product around it.

    python -m tests.bench_writing 10000      so many accounts, written by both lanes

The sandbox runs in a process of its own, so its work is not counted. CPU microseconds per record of
this process; `floor` sends the same values with nothing else done, in the same run.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Any

import orjson
import requests

from connector.config import open_app
from connector.crm.salesforce import ingest
from connector.sync import load
from connector.sync.provision import provision
from tests.bench import BENCH, serving
from tests.world import install

CHUNK, TOGETHER = 200, 5


def measured(what: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds and the result."""
    begun = process_time()
    made = what()
    return process_time() - begun, made


def tell(name: str, seconds: float, rows: int) -> None:
    print(f"{name:<44}{seconds / rows * 1e6:>9.1f} µs")


def collections_floor(url: str, headers: dict[str, str], rows: list[dict[str, Any]]) -> None:
    """Chunks of two hundred, five to a call, encoded and sent."""
    session = requests.Session()
    for start in range(0, len(rows), CHUNK * TOGETHER):
        parts = [
            {
                "method": "PATCH",
                "url": "/services/data/v66.0/composite/sobjects",
                "referenceId": f"r{at}",
                "body": {
                    "allOrNone": False,
                    "records": [
                        {"attributes": {"type": "Account"}, **row} for row in rows[at : at + CHUNK]
                    ],
                },
            }
            for at in range(start, min(start + CHUNK * TOGETHER, len(rows)), CHUNK)
        ]
        answer = session.post(
            f"{url}/services/data/v66.0/composite",
            data=orjson.dumps({"allOrNone": False, "compositeRequest": parts}),
            headers={**headers, "Content-Type": "application/json"},
            timeout=600,
        )
        assert answer.status_code == 200
        orjson.loads(answer.content)


def file_floor(engine: Any, table: str, path: Path, url: str, headers: dict[str, str]) -> None:
    """A table to CSV, and the CSV to an open job, which is then ended."""
    engine.run(f"COPY (SELECT * FROM {table}) TO '{path}' (FORMAT csv, HEADER)")
    jobs = f"{url}/services/data/v66.0/jobs/ingest"
    body = {"object": "Account", "operation": "update", "contentType": "CSV", "lineEnding": "LF"}
    job = requests.post(jobs, json=body, headers=headers, timeout=60).json()["id"]
    with path.open("rb") as file:
        kind = {**headers, "Content-Type": "text/csv"}
        requests.put(f"{jobs}/{job}/batches", data=file, headers=kind, timeout=600)
    requests.patch(f"{jobs}/{job}", json={"state": "Aborted"}, headers=headers, timeout=60)


def main(accounts: int) -> None:
    work = BENCH / "writing"
    shutil.rmtree(work, ignore_errors=True)
    if not (BENCH / f"{accounts}" / "sandbox.sqlite").exists():
        with serving(BENCH / f"{accounts}", accounts):
            pass
    shutil.copytree(BENCH / f"{accounts}", work / "sandbox")
    with serving(work / "sandbox", accounts) as url:
        install(url, work / "here", threads=2, parallel=4)
        app = open_app(work / "here" / "config.toml")
        provision(app, app.crm.check())
        measure(url, work)
    shutil.rmtree(work, ignore_errors=True)


def measure(url: str, work: Path) -> None:
    """A plan, then its changes by records and by file, each beside its floor."""
    from connector.sync import flow, staged

    app = open_app(work / "here" / "config.toml")
    with flow._journey(app, "plan", flow.silent) as journey:
        found = flow._ready(journey)
        flow._pull(journey, found)
        flow._score(journey)
        made = flow._plan(journey, adopt=False, force=False)
        engine = journey.run.engine
        headers = {"Authorization": app.crm._client.session.credentials.header()}
        rows = [{"id": c.id, **c.after} for c in islice(made.read(), 10_000)]
        spent, _ = measured(lambda: collections_floor(url, headers, rows))
        tell(f"collections, floor ({len(rows):,} records)", spent, len(rows))
        spent, _ = measured(lambda: list(app.crm.write("Account", rows, CHUNK)))
        tell("collections, prepared and sent", spent, len(rows))
        names = ", ".join(f'"to:{name}" AS "{name}"' for name in made.types)
        staged.stage(app, journey.run, made)
        engine.stage("plain", f'SELECT id AS "Id", {names} FROM changes', "table")
        many = made.changes
        spent, _ = measured(lambda: file_floor(engine, "plain", work / "f.csv", url, headers))
        tell(f"file, floor ({many:,} records)", spent, many)
        path = work / "ours.csv"
        copied, _ = measured(lambda: load._write(app, journey.run, made, path, ""))
        client = app.crm._client

        def send() -> None:
            ingest._uploaded(client, "Account", path, lambda job: None)

        sent, _ = measured(send)
        tell("file, prepared and sent", copied + sent, many)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or ["10000"]))
