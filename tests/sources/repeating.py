"""A platform that ignores what it is asked for, and sends the same page again and again."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import requests


@contextmanager
def repeating(url: str, lists: str) -> Iterator[str]:
    """What is served at `url`, but that every list (a regex for its path) is its first page."""
    first: dict[str, tuple[int, str, bytes]] = {}
    pattern = re.compile(lists)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            told = first.get("page") if pattern.search(path) else None
            if told is None:
                headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
                headers["Host"] = self.headers["Host"]
                got = requests.request(
                    self.command, url + self.path, data=body, headers=headers, timeout=30
                )
                told = (got.status_code, got.headers["Content-Type"], got.content)
                if pattern.search(path):
                    first["page"] = told
            self.send_response(told[0])
            self.send_header("Content-Type", told[1])
            self.send_header("Content-Length", str(len(told[2])))
            self.end_headers()
            self.wfile.write(told[2])

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
