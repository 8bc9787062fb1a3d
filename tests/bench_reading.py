"""What reading costs: CPU per record from the wire into the lake, lane by lane.

    python -m tests.bench_reading 100000         the tasks of so many accounts

The sandbox runs in a process of its own and is kept in `.bench/`; its work is not counted. CPU is
what this process used for fetching, decoding, writing the table and moving the watermark; `floor`
is a plain script that fetches the same records into files and has DuckDB write them as a table.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, process_time, sleep
from urllib.parse import urlencode

import orjson
import urllib3

from connector.config import open_app
from connector.crm.salesforce import lanes
from connector.engines.duckdb import DuckDB
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
    (each,) = wants
    plain = Plain(app, each.types, config.parent / "floor")
    begun = process_time()
    rows = plain.job() if lane == "bulk" else plain.pages()
    print(f"{lane:<5} floor {(process_time() - begun) / rows * 1e6:>8.2f} µs each")
    wall, cpu = monotonic(), process_time()
    (done,) = pull_objects(app, run, wants)
    wall, cpu = monotonic() - wall, process_time() - cpu
    run.engine.close()
    print(line(lane, done, wall, cpu))


class Plain:
    """The same records by a script with no product around it."""

    def __init__(self, app: App, types: Mapping[str, str], folder: Path) -> None:
        signed = app.crm._client.session.credentials
        self.url = f"{signed.instance_url}/services/data/v66.0"
        self.pool = urllib3.PoolManager()
        self.headers = {
            "Authorization": signed.header(),
            "Content-Type": "application/json",
            "Accept-Encoding": "gzip",
        }
        self.types, self.folder = types, folder
        self.query = f"SELECT {', '.join(types)} FROM {OBJECT}"
        folder.mkdir()

    def ask(self, method: str, path: str, body: object = None) -> urllib3.BaseHTTPResponse:
        sent = orjson.dumps(body) if body else None
        return self.pool.request(
            method,
            path if path.startswith("http") else self.url + path,
            body=sent,
            headers=self.headers,
            decode_content=False,
            preload_content=False,
        )

    def job(self) -> int:
        """Create, wait, fetch page after page as it comes, and let DuckDB read the CSV."""
        body = {"operation": "queryAll", "query": self.query}
        id = orjson.loads(unpacked(self.ask("POST", "/jobs/query", body)))["id"]
        while (
            orjson.loads(unpacked(self.ask("GET", f"/jobs/query/{id}")))["state"] != "JobComplete"
        ):
            sleep(0.5)
        at, files = "", []
        while at != "null":
            behind = f"&locator={at}" if at else ""
            answer = self.ask("GET", f"/jobs/query/{id}/results?maxRecords=250000{behind}")
            file = self.folder / f"{len(files)}.csv.gz"
            with file.open("wb") as out:
                shutil.copyfileobj(answer, out, 1 << 20)
            files.append(str(file))
            at = answer.headers["Sforce-Locator"]
        self.ask("DELETE", f"/jobs/query/{id}").drain_conn()
        return self.stored(f"read_csv({files}, header = true, columns = {dict(self.types)})")

    def pages(self) -> int:
        """Page after page into one file of lines, and let DuckDB read those."""
        file, path = self.folder / "pages.json", f"/queryAll?{urlencode({'q': self.query})}"
        with file.open("wb") as out:
            while path:
                told = orjson.loads(unpacked(self.ask("GET", path)))
                for each in told["records"]:
                    del each["attributes"]
                    out.write(orjson.dumps(each) + b"\n")
                path = told.get("nextRecordsUrl", "").removeprefix("/services/data/v66.0")
        return self.stored(
            f"read_json('{file}', columns = {dict(self.types)}, format = 'newline_delimited')"
        )

    def stored(self, relation: str) -> int:
        engine = DuckDB(scratch=self.folder / "spill", threads=2)
        engine.run(
            f"COPY (SELECT * FROM {relation}) TO '{self.folder / 'plain.parquet'}' (FORMAT parquet)"
        )
        rows = engine.one(f"SELECT count(*) FROM '{self.folder / 'plain.parquet'}'")
        engine.close()
        return int(rows)


def unpacked(answer: urllib3.BaseHTTPResponse) -> bytes:
    body = answer.read(decode_content=True)
    return bytes(body)


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
