"""Numbered I/O: count every step that touches network or disk, and die at one of them.

The seams are those of the libraries: a request, a Delta commit, a state transaction, a flush to
disk, a rename. A process that dies right after one of them leaves the same world as one that dies
right before the next, so each counts once, before it happens; the end of the run counts as well.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import deltalake
import requests
from deltalake import transaction
from sqlalchemy.engine import Connection

from connector.rest.pooled import Pooled


class Steps:
    """Counts; kills the process, as `kill -9` does, when the count reaches `die_at`."""

    def __init__(self, die_at: int) -> None:
        self.die_at = die_at
        self.names: list[str] = []

    def step(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str, label: Callable[..., str]) -> None:
        """Count each call of a function, before it is made."""
        original = getattr(owner, name)

        def counted(*args: Any, **options: Any) -> Any:
            self.step(label(*args))
            return original(*args, **options)

        setattr(owner, name, counted)

    def install(self) -> None:
        """Put the counter around every seam of this process."""
        self.around(requests.Session, "send", lambda _, sent, *__: f"{sent.method} {sent.path_url}")
        self.around(Pooled, "carry", lambda _, method, url, *__: f"{method} {urlsplit(url).path}")
        self.around(
            transaction, "create_table_with_add_actions", lambda to, *_: f"lake {Path(to).name}"
        )
        self.around(
            deltalake.DeltaTable,
            "create_write_transaction",
            lambda table, *_: f"lake {Path(table.table_uri).name}",
        )
        self.around(Connection, "_commit_impl", lambda *_: "state")
        self.around(os, "fsync", lambda *_: "flush")
        self.around(Path, "replace", lambda here, *_: f"rename {here.name}")
