"""The sandbox's own time: a fixed start, moving at the pace of real time, and leaps on demand."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

DEFAULT_START = datetime(2026, 11, 2, 8, tzinfo=UTC)
UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


class Settings(Protocol):
    """Where the clock keeps its three numbers."""

    def get(self, key: str) -> Any: ...

    def put(self, key: str, value: Any) -> None: ...


class Clock:
    """Tells the sandbox's time in UTC; what it needs to know outlives a restart."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        kept = settings.get("clock")
        if kept is None:
            self.set(DEFAULT_START)
        else:
            self._start = datetime.fromisoformat(kept["start"])
            self._created = float(kept["created"])
            self._advanced = timedelta(seconds=kept["advanced"])

    def now(self) -> datetime:
        """The moment it is in the sandbox."""
        return self._start + timedelta(seconds=time.time() - self._created) + self._advanced

    def set(self, moment: datetime) -> None:
        """Starts the clock anew at this moment."""
        if moment.tzinfo is None:
            raise ValueError(f"{moment.isoformat()} has no time zone; write it with Z or an offset")
        self._start = moment.astimezone(UTC)
        self._created = time.time()
        self._advanced = timedelta()
        self._keep()

    def advance(self, step: timedelta) -> datetime:
        """Leaps forward, and tells the moment it is then."""
        if step < timedelta():
            raise ValueError("the clock only goes forward")
        self._advanced += step
        self._keep()
        return self.now()

    def _keep(self) -> None:
        self._settings.put(
            "clock",
            {
                "start": self._start.isoformat(),
                "created": self._created,
                "advanced": self._advanced.total_seconds(),
            },
        )


def duration(text: str) -> timedelta:
    """Reads `40d`, `2h`, `30m` or `10s`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([dhms])", text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a duration such as 40d, 2h, 30m or 10s")
    return timedelta(**{UNITS[found[2]]: float(found[1])})


def stamp(moment: datetime) -> str:
    """Writes a moment as records keep it: whole seconds, `2026-11-02T08:00:00.000+0000`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
