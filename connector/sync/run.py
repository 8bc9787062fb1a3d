"""One time through: what a run knows about itself, and how it tells others what it is doing."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic, process_time
from typing import Any

from ..errors import ConnectorError
from ..records import Oddity, Org

#: Told about progress: phase, what is being done, how much is done, of how much (None: unknown).
Notify = Callable[[str, str, int, int | None], None]


def silent(phase: str, what: str, done: int, total: int | None) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class Run:
    """A run under way. `as_of` is the CRM's clock when the run began; nothing later counts."""

    id: str
    org: Org
    engine: Any
    notify: Notify = silent
    oddities: list[Oddity] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    memory_mb: dict[str, int] = field(default_factory=dict)

    @property
    def as_of(self) -> datetime:
        return self.org.now

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure a phase: wall and CPU seconds, and the process's peak memory so far."""
        begun, cpu = monotonic(), process_time()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0) + monotonic() - begun, 3)
            spent = self.cpu_seconds.get(name, 0) + process_time() - cpu
            self.cpu_seconds[name] = round(spent, 3)
            self.memory_mb[name] = _peak_memory()

    def odd(self, stream: str, rule: str, count: int, ids: list[str]) -> None:
        """Note strange records; nothing odd is dropped in silence."""
        if count:
            self.oddities.append(Oddity(stream, rule, count, tuple(ids[:20])))


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Say in words that a file could not be written; whoever writes files of a run does it here."""
    try:
        yield
    except OSError as error:
        raise ConnectorError(
            f"{what} could not be written: {error.strerror or error}.",
            hint="Is the disk full or read-only? Run again afterwards; nothing is lost.",
        ) from error


def _peak_memory() -> int:
    """The most memory this process has held, in MB; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1024 * 1024 if sys.platform == "darwin" else 1024)


def new_id(now: datetime) -> str:
    """An id that sorts by time and is unique."""
    return f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
