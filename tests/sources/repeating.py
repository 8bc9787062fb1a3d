"""A platform that ignores what it is asked for and sends the same page again and again, or that
keeps a record back without a word."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests

from connector.rest.paging import at

#: What becomes of the answer to a list: status and body, before and behind.
Change = Callable[[int, bytes], tuple[int, bytes]]


def repeating(url: str, lists: str) -> AbstractContextManager[str]:
    """What is served at `url`, but that every list (a regex for its path) is its first page."""
    first: list[tuple[int, bytes]] = []

    def again(status: int, body: bytes) -> tuple[int, bytes]:
        first.append((status, body))
        return first[0]

    return _relayed(url, lists, again)


def losing(url: str, lists: str, records: str) -> AbstractContextManager[str]:
    """What is served at `url`, but that the first of several `records` on a page of a list is
    missing once; what the page says of their number stays."""
    lost: list[Any] = []

    def less(status: int, body: bytes) -> tuple[int, bytes]:
        told = orjson.loads(body)
        found = at(told, records)
        if found and len(found) > 1 and not lost:
            lost.append(found.pop(0))
        return status, orjson.dumps(told)

    return _relayed(url, lists, less)


@contextmanager
def _relayed(url: str, lists: str, change: Change) -> Iterator[str]:
    pattern = re.compile(lists)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
            headers["Host"] = self.headers["Host"]
            got = requests.request(
                self.command, url + self.path, data=body, headers=headers, timeout=30
            )
            status, content = got.status_code, got.content
            if pattern.search(urlsplit(self.path).path):
                status, content = change(status, content)
            self.send_response(status)
            self.send_header("Content-Type", got.headers["Content-Type"])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

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
