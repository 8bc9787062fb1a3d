"""What a response costs: CPU from the wire to typed columns, a hundred on a page of plain JSON.

    python -m tests.bench_sources 100000         so many responses

The platform runs in a process of its own and hands out pages made beforehand; its work is not
counted. CPU is what this process used: requests, bytes to disk, and the SQL that reads them.
"""

from __future__ import annotations

import multiprocessing
import shutil
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import monotonic, process_time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from connector.engines.duckdb import DuckDB
from connector.secrets import Secret
from connector.sources.delighted import Source
from tests.bench import BENCH

PAGE = 100
GOAL = 15.0


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
    """Pull everything into an empty folder, then into a table, and say what each cost."""
    work = BENCH / "sources"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / "key").write_text("k")
    source = Source(token=Secret(f"file:{work / 'key'}"), url=url)
    engine = DuckDB(scratch=work / "spill")
    wall, cpu = monotonic(), process_time()
    spool = source.pull("responses", None, work / "raw")
    fetched = process_time() - cpu
    engine.stage("incoming", f"SELECT * FROM {spool.relation}", "table")
    whole, wall = process_time() - cpu, monotonic() - wall
    assert spool.rows == many == engine.one("SELECT count(*) FROM incoming WHERE score >= 0")
    engine.close()
    shutil.rmtree(work)
    print(f"{many:,} responses, {spool.calls} calls, {wall:.1f} s wall")
    print(f"fetched  {fetched / many * 1e6:6.1f} µs each")
    print(f"read too {whole / many * 1e6:6.1f} µs each (goal {GOAL:.0f})")


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

    server = HTTPServer(("127.0.0.1", 0), Handler)
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
