"""The journal of one plan: every outcome on disk as it arrives, before the next write is sent.

After a crash it tells which rows are certain; the rest are looked up in the CRM. Each line holds
one outcome and the records that share it; what was to be written there is said by the plan alone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from ..records import Outcome
from .run import writing

#: Records of one line: few enough that no line is long.
LINE = 5_000
BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Journal:
    """A file of JSON lines beside the plan."""

    path: Path

    def add(self, outcomes: Iterable[Outcome], at: datetime) -> None:
        """Append outcomes and force them to the disk."""
        groups: dict[tuple[str, str, str], list[str]] = {}
        for outcome in outcomes:
            key = (outcome.result, outcome.code, outcome.message)
            groups.setdefault(key, []).append(outcome.id)
        lines = [_line(ids, *said, at) for said, ids in groups.items()]
        with self._appending() as file:
            file.writelines(lines)

    def take(self, engine: Any, outcomes: str, at: datetime) -> None:
        """Append the rows of a query for `id, result, code, message`, however many there are."""
        part = self.path.with_suffix(".part")
        stamp = at.isoformat()
        with writing("The journal"):
            engine.run(
                f"COPY (SELECT list(id) AS ids, result, code, message, '{stamp}' AS written_at "
                f"FROM (SELECT *, (row_number() OVER (PARTITION BY result, code, message) - 1) "
                f"// {LINE} AS line FROM ({outcomes})) GROUP BY result, code, message, line) "
                f"TO '{_quoted(part)}' (FORMAT json)"
            )
        with self._appending() as file, part.open("rb") as taken:
            shutil.copyfileobj(taken, file)
        part.unlink()

    def mend(self) -> bool:
        """Take away a line that a crash cut short; whether anything is left."""
        if not self.path.exists():
            return False
        with self.path.open("r+b") as file:
            file.truncate(_whole(file))
            return file.tell() > 0

    def settled(self) -> set[str]:
        """The records whose outcome is known. A line that a crash cut short does not count."""
        if not self.mend():
            return set()
        lines = self.path.read_bytes().splitlines()
        return {id for line in lines for id in orjson.loads(line)["ids"]}

    def relation(self) -> str:
        """A table expression over `id, result, code, message, written_at`."""
        columns = ", ".join(f"{name}: 'VARCHAR'" for name in ("result", "code", "message"))
        return (
            f"(SELECT unnest(ids) AS id, * EXCLUDE (ids) FROM "
            f"(SELECT * REPLACE (CAST(written_at AS TIMESTAMPTZ) AS written_at) "
            f"FROM read_json('{_quoted(self.path)}', format = 'newline_delimited', "
            f"columns = {{ids: 'VARCHAR[]', {columns}, written_at: 'VARCHAR'}})))"
        )

    @contextmanager
    def _appending(self) -> Iterator[BinaryIO]:
        with writing("The journal"), self.path.open("ab") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())


def _whole(file: BinaryIO) -> int:
    """How many bytes of a file are whole lines; the file is left there."""
    end = file.seek(0, os.SEEK_END)
    while end:
        begin = max(0, end - BLOCK)
        file.seek(begin)
        if (found := file.read(end - begin).rfind(b"\n")) >= 0:
            return file.seek(begin + found + 1)
        end = begin
    return file.seek(0)


def _line(ids: list[str], result: str, code: str, message: str, at: datetime) -> bytes:
    said = {"ids": ids, "result": result, "code": code, "message": message, "written_at": at}
    return orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
