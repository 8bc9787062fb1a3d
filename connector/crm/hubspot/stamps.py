"""What HubSpot's own answers say of when records changed: before our write, and by it.

A search is seconds behind. Reading records back and writing them is not: every answer tells the
moment of each record, to the millisecond.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from ...protocols import Stretch

#: Within so many milliseconds no second change of a record is expected.
SHORT = 2_000
#: A look at a record is good for so many seconds; then it is looked at anew before it is written.
GOOD = 2.0
#: A search may be so far behind: what is not older than this need not have been in what was read.
LAG = timedelta(minutes=1)


@dataclass(slots=True)
class Stamps:
    """The stamp of each record that was read back and is to be written, the latest of all that
    were, and how many records were written in each stretch of time.

    `blind` says that something was written without being read back.
    """

    read: datetime | None = None
    blind: bool = False
    _looks: dict[str, tuple[str, float]] = field(default_factory=dict)
    _wrote: dict[int, Stretch] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def saw(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Take the stamps of records that were read back."""
        now = monotonic()
        looks = {each["id"]: (each["updatedAt"], now) for each in records}
        with self._lock:
            self._looks |= looks
            for at in map(datetime.fromisoformat, {stamp for stamp, _ in looks.values()}):
                self.read = max(self.read or at, at)

    def seen(self, ids: Iterable[str]) -> dict[str, str]:
        """Id → the stamp that it had when it was last read back, of those that were."""
        return {id: self._looks[id][0] for id in ids if id in self._looks}

    def is_fresh(self, ids: Iterable[str]) -> bool:
        """Whether every one that was read back was so just now."""
        oldest = monotonic() - GOOD
        return all(self._looks[id][1] >= oldest for id in ids if id in self._looks)

    def settle(self, ids: Iterable[str]) -> None:
        """Forget what nobody is about to write any more."""
        with self._lock:
            for id in ids:
                self._looks.pop(id, None)

    def wrote(self, stamps: Iterable[str]) -> None:
        """Take the stamps of records that were written; many of them are the same."""
        with self._lock:
            for stamp, records in Counter(stamps).items():
                at = datetime.fromisoformat(stamp)
                place = int(at.timestamp() * 1000) // SHORT
                known = self._wrote.get(place, Stretch(at, at, 0))
                begin, end = min(known.begin, at), max(known.end, at)
                self._wrote[place] = Stretch(begin, end, known.records + records)

    def sealed(self, since: datetime) -> tuple[Stretch, ...]:
        """The stretches of a write in which nobody came between; none when somebody may have."""
        if self.blind or self.read is None or self.read > since - LAG:
            return ()
        return tuple(self._wrote[place] for place in sorted(self._wrote))


def of(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """The stamps of records."""
    told = [each.get("updatedAt") for each in records if isinstance(each, dict)]
    return [each for each in told if isinstance(each, str)]
