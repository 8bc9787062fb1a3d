"""An inbox: what a platform sent, each body once and as it came, until a run has taken it.

A body that was taken leaves its name behind, so that the same event sent again is known. The folder
is its owner's alone: bodies hold names and addresses.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

PRIVATE, FOLDER = 0o600, 0o700
#: How long the names of taken bodies are kept; nobody sends an event again after that.
REMEMBERED = timedelta(days=365)
TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class Body:
    """One body that waits: its name, its bytes, and when it came."""

    name: str
    content: bytes
    received: datetime


@dataclass(frozen=True, slots=True)
class Inbox:
    """The folder of one hook."""

    folder: Path

    def keep(self, name: str, content: bytes) -> bool:
        """Write a body to the disk for good; False when it is there, or was taken, already."""
        self._make()
        place = self.folder / name
        if place.exists() or (self.folder / TAKEN / name).exists():
            return False
        written = self.folder / f".{secrets.token_hex(8)}"
        try:
            with os.fdopen(_new(written), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            # A link is made once, whoever else brings the same body at this moment.
            os.link(written, place)
        except FileExistsError:
            return False
        finally:
            written.unlink(missing_ok=True)
        self._settled_on_disk()
        return True

    def waiting(self) -> list[str]:
        """The names of what has come, oldest first."""
        if not self.folder.is_dir():
            return []
        with os.scandir(self.folder) as entries:
            there = [
                (each.stat().st_mtime_ns, each.name)
                for each in entries
                if each.is_file() and not each.name.startswith(".")
            ]
        return [name for _, name in sorted(there)]

    def read(self, name: str) -> Body:
        """One body that waits."""
        path = self.folder / name
        received = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return Body(name, path.read_bytes(), received)

    def settle(self, names: Iterable[str], now: datetime) -> None:
        """Leave of these bodies no more than their names."""
        for name in names:
            with suppress(FileExistsError):
                os.close(_new(self.folder / TAKEN / name))
            (self.folder / name).unlink(missing_ok=True)
        for old in (self.folder / TAKEN).glob("*"):
            if now - datetime.fromtimestamp(old.stat().st_mtime, UTC) > REMEMBERED:
                old.unlink(missing_ok=True)

    def _make(self) -> None:
        taken = self.folder / TAKEN
        # One by one: `parents` would make them for everybody.
        for folder in (*reversed(taken.parents), taken):
            if not folder.is_dir():
                folder.mkdir(mode=FOLDER, exist_ok=True)

    def _settled_on_disk(self) -> None:
        """The name of a new file is on the disk once its folder is."""
        if os.name != "posix":
            return
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _new(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
