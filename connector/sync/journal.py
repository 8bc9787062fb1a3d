"""The journal of one plan: every outcome on disk as it arrives, before the next write is sent.

After a crash it tells which rows are certain; the rest are looked up in the CRM.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from ..records import Outcome
from .changes import Change
from .run import writing


@dataclass(frozen=True, slots=True)
class Journal:
    """A file of JSON lines beside the plan."""

    path: Path

    def add(self, changes: Mapping[str, Change], outcomes: Iterable[Outcome], at: datetime) -> None:
        """Append outcomes and force them to the disk."""
        lines = [orjson.dumps(_line(changes[o.id], o, at)) + b"\n" for o in outcomes]
        with writing("The journal"), self.path.open("ab") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())

    def settled(self) -> set[str]:
        """The records whose outcome is known. A line that a crash cut short does not count."""
        if not self.path.exists():
            return set()
        whole = self.path.read_bytes()
        if whole and not whole.endswith(b"\n"):
            whole = whole[: whole.rfind(b"\n") + 1]
            self.path.write_bytes(whole)
        return {orjson.loads(line)["id"] for line in whole.splitlines()}


def _line(change: Change, outcome: Outcome, at: datetime) -> dict[str, Any]:
    landed = outcome.result == "applied"
    values = change.after if landed else {}
    return {
        "id": outcome.id,
        "result": outcome.result,
        "code": outcome.code,
        "message": outcome.message,
        "tried": change.tried,
        "written_at": at,
        "set": values,
        "cleared": [name for name, value in values.items() if value is None],
    }
