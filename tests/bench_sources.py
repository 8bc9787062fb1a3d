"""What a response costs: CPU from the wire to typed columns, a hundred on a page of plain JSON.

    python -m tests.bench_sources 100000         so many responses; medians of five runs

The platform runs in a process of its own and hands out pages made beforehand; its work is not
counted. CPU is what this process used: requests, bytes to disk, and the SQL that reads them. The
floor is a script that asks for the same pages, writes the same lines and reads the same columns,
and knows nothing of bad luck, odd records or values that cannot be read.
"""

from __future__ import annotations

import multiprocessing
import shutil
import sys
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
import urllib3

from connector.engines.duckdb import DuckDB
from connector.secrets import Secret
from connector.sources.delighted import Source
from tests.bench import BENCH

PAGE = 100
GOAL, RUNS = 15.0, 5
SHAPE = {
    "id": "VARCHAR",
    "survey_type": "VARCHAR",
    "score": "DOUBLE",
    "comment": "VARCHAR",
    "tags": "VARCHAR[]",
    "created_at": "BIGINT",
    "updated_at": "BIGINT",
    "person": "STRUCT(email VARCHAR)",
    "person_properties": "STRUCT(account_id VARCHAR, customer_number VARCHAR, contact_id VARCHAR)",
}


def main() -> None:
    many = int(sys.argv[1]) if sys.argv[1:] else 100_000
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(there, many), daemon=True)
    server.start()
    try:
        report(f"http://127.0.0.1:{here.recv()}", many)
    finally:
        server.terminate()


def report(url: str, many: int) -> None:
    """Ours and the floor in turn, so that both meet the same machine."""
    fetched, whole, floor = [], [], []
    for _ in range(RUNS):
        work = BENCH / "sources"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        to_disk, to_table = ours(url, many, work)
        fetched.append(to_disk)
        whole.append(to_table)
        floor.append(plain(url, many, work))
        shutil.rmtree(work)
    print(f"{many:,} responses, medians of {RUNS} runs, CPU µs each")
    print(f"fetched  {median(fetched):6.1f}")
    print(f"read too {median(whole):6.1f} ({min(whole):.1f} to {max(whole):.1f}; goal {GOAL:.0f})")
    print(f"floor    {median(floor):6.1f} ({min(floor):.1f} to {max(floor):.1f})")


def ours(url: str, many: int, work: Path) -> tuple[float, float]:
    """Pull everything into an empty folder, then into a table: what each cost a response."""
    (work / "key").write_text("k")
    source = Source(token=Secret(f"file:{work / 'key'}"), url=url)
    with closing(DuckDB(scratch=work / "spill")) as engine:
        cpu = process_time()
        spool = source.pull("responses", None, work / "raw")
        fetched = process_time() - cpu
        engine.stage("incoming", f"SELECT * FROM {spool.relation}", "table")
        whole = process_time() - cpu
        assert spool.rows == many == engine.one("SELECT count(*) FROM incoming WHERE score >= 0")
    return fetched / many * 1e6, whole / many * 1e6


def plain(url: str, many: int, work: Path) -> float:
    """The floor."""
    file, number = work / "plain.ndjson", 0
    asked = {"per_page": str(PAGE), "order": "asc:updated_at", "expand[]": "person"}
    with (
        closing(DuckDB(scratch=work / "spill")) as engine,
        urllib3.PoolManager() as pool,
        file.open("wb") as out,
    ):
        cpu, page = process_time(), [None]
        while page:
            number += 1
            query = urlencode({**asked, "page": str(number)})
            page = orjson.loads(pool.request("GET", f"{url}/survey_responses.json?{query}").data)
            out.writelines(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in page)
        out.flush()
        columns = ", ".join(f"{name}: '{kind}'" for name, kind in SHAPE.items())
        engine.stage(
            "incoming",
            "SELECT * REPLACE (to_timestamp(created_at) AS created_at, to_timestamp(updated_at) AS"
            f" updated_at) FROM read_json('{file}', format = 'newline_delimited',"
            f" columns = {{{columns}}})",
            "table",
        )
        cpu = process_time() - cpu
        assert engine.one("SELECT count(*) FROM incoming WHERE score >= 0") == many
    return cpu / many * 1e6


def serve(told: Any, many: int) -> None:
    """Answers any list with the page it asks for, until stopped."""
    pages = [
        orjson.dumps([response(number) for number in range(start, min(start + PAGE, many))])
        for start in range(0, many, PAGE)
    ]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def answer(self) -> None:
            number = int(parse_qs(urlsplit(self.path).query)["page"][0])
            body = pages[number - 1] if number <= len(pages) else b"[]"
            self.send_response_only(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        do_GET = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.send(server.server_address[1])
    server.serve_forever()


def response(number: int) -> dict[str, Any]:
    """One answer of some six hundred bytes."""
    return {
        "id": str(number),
        "person": {"id": f"p{number}", "email": f"p{number}@kunde.example", "name": "P. Beispiel"},
        "survey_type": "nps",
        "score": number % 11,
        "comment": f"Antwort {number}: " + "Der Support war schnell und freundlich. " * 4,
        "permalink": f"https://delighted.example/r/{number}",
        "created_at": 1_793_520_000 + number,
        "updated_at": 1_793_520_300 + number,
        "person_properties": {"account_id": f"A-{number % 5000}", "plan": "Enterprise"},
        "notes": [],
        "tags": ["price", "support"],
        "additional_answers": [],
    }


if __name__ == "__main__":
    main()
