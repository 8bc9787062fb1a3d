"""What a write costs, lane by lane, beside a script that does the same with no product around it.

    python -m tests.bench_writing 200000     so many accounts, written by both lanes

The sandbox runs in a process of its own, so its work is not counted; it holds accounts with two
tasks each. CPU microseconds per record of this process; `floor` sends the same values with nothing
else done, in the same run. The memory of the file lane is the most that was held while changes were
written into a file, sent, and their outcomes taken, above what was held before (Linux only).
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
from connector.sandbox.clock import stamp
from connector.sandbox.salesforce import prepare
from connector.sandbox.seed import fill
from connector.sandbox.server import FILE
from connector.sandbox.store import Store
from connector.sync import load
from connector.sync.journal import Journal
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


def seed(folder: Path, accounts: int) -> None:
    """A sandbox with so many accounts and two tasks each, and nothing else to speak of."""
    folder.mkdir(parents=True)
    store = Store(folder / FILE)
    fill(store, 1, 1)
    prepare(store)
    ids = store.new_ids("Account", accounts)
    store.insert("Account", ("Id", "Name"), ((id, f"Customer {n}") for n, id in enumerate(ids)))
    months = [stamp(store.clock.now().replace(month=month, day=1)) for month in (9, 10)]
    flags = ("IsClosed", "IsRecurrence", "IsArchived")
    days = ("ActivityDate", "CompletedDateTime", "CreatedDate", "SystemModstamp")
    tasks = (
        (id, id, "Call", "Completed", 1, 0, 0, month[:10], month, month, month)
        for id in ids
        for month in months
    )
    store.insert("Task", ("AccountId", "WhatId", "TaskSubtype", "Status", *flags, *days), tasks)
    store.close()


def main(accounts: int) -> None:
    work = BENCH / "writing"
    shutil.rmtree(work, ignore_errors=True)
    seed(work / "sandbox", accounts)
    with serving(work / "sandbox", 1) as url:
        limits = {"DailyApiRequests": {"max": 1_000_000}}
        requests.post(f"{url}/_sandbox/limits", json=limits, timeout=60)
        requests.post(f"{url}/_sandbox/clock", json={"advance": "1h"}, timeout=60)
        install(url, work / "here", threads=2, parallel=4)
        app = open_app(work / "here" / "config.toml")
        provision(app, app.crm.check())
        measure(url, work)
    shutil.rmtree(work, ignore_errors=True)


def grown(what: Callable[[], Any]) -> int:
    """The most that this process held meanwhile above what it held before, in MB."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
    before = held("VmRSS")
    what()
    return (held("VmHWM") - before) // 1024


def held(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


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
        journal = Journal(made.path.with_name("journal.ndjson"))
        more = grown(lambda: list(load.load(app, journey.run, made, journal)))
        print(f"{f'file, sent and outcomes taken ({many:,} records)':<44}{more:>+9} MB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or ["10000"]))
