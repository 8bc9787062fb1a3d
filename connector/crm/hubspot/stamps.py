"""What HubSpot's own answers say of when records changed: before our write, and by it.

A search is seconds behind. Reading records back and writing them is not: every answer tells the
moment of each record, to the millisecond.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

#: The stamps of one write may lie so far apart that an edit between two of them is not expected.
SHORT = timedelta(seconds=2)
#: A search may be so far behind: what is not older than this need not have been in what was read.
LAG = timedelta(minutes=1)


@dataclass(slots=True)
class Stamps:
    """The latest stamp that was read back before a write, and the first and last of the write.

    `blind` says that something was written without being read back.
    """

    read: datetime | None = None
    first: datetime | None = None
    last: datetime | None = None
    blind: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def saw(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Take the stamps of records that were read back."""
        with self._lock:
            for at in _moments(records):
                self.read = max(self.read or at, at)

    def wrote(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Take the stamps of records that were written."""
        with self._lock:
            for at in _moments(records):
                self.first = min(self.first or at, at)
                self.last = max(self.last or at, at)

    def sealed(self, since: datetime) -> datetime | None:
        """The last stamp of a write in which nobody came between; None when somebody may have."""
        if self.blind or self.read is None or self.first is None or self.last is None:
            return None
        if self.read > since - LAG or self.last - self.first > SHORT:
            return None
        return self.last


def _moments(records: Iterable[Mapping[str, Any]]) -> list[datetime]:
    told = [each.get("updatedAt") for each in records if isinstance(each, dict)]
    return [datetime.fromisoformat(each) for each in told if isinstance(each, str)]
