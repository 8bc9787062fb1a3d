"""Numbered I/O: count every step that touches network or disk, and die at one of them.

The seams are those of the libraries: a request, a Delta commit, a state transaction, a flush to
disk, a rename. Each counts twice: before it happens and after.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import deltalake
import requests
from sqlalchemy.engine import Connection


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
        """Count before and after each call of a function."""
        original = getattr(owner, name)

        def counted(*args: Any, **options: Any) -> Any:
            what = label(*args)
            self.step(f"before {what}")
            answer = original(*args, **options)
            self.step(f"after {what}")
            return answer

        setattr(owner, name, counted)

    def install(self) -> None:
        """Put the counter around every seam of this process."""
        self.around(requests.Session, "send", lambda _, sent, *__: f"{sent.method} {sent.path_url}")
        self.around(deltalake, "write_deltalake", lambda table, *_: f"lake {Path(table).name}")
        self.around(Connection, "_commit_impl", lambda *_: "state")
        self.around(os, "fsync", lambda *_: "journal")
        self.around(Path, "replace", lambda here, *_: f"rename {here.name}")
