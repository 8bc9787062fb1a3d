"""A bookmark: how far a read has come, for the run that goes on with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import orjson

from ..errors import ConnectorError
from ..store.state import State, Watermark


@dataclass(slots=True)
class Bookmark:
    """What a read remembers between runs; it is worth something until the watermark moves.

    `gate` raises when no further call may be made.
    """

    state: State
    name: str
    mark: Watermark | None
    stop: Event = field(default_factory=Event)
    gate: Callable[[], None] = lambda: None

    def recall(self) -> dict[str, Any]:
        said = self.state.setting(self.name)
        kept = orjson.loads(said) if said else {}
        return dict(kept["facts"]) if kept.get("since") == self._since() else {}

    def remember(self, facts: Mapping[str, Any]) -> None:
        if facts:
            kept = orjson.dumps({"since": self._since(), "facts": facts}).decode()
            self.state.remember(self.name, kept)
        else:
            self.state.forget(self.name)

    def pause(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise ConnectorError("Stopped, because another object could not be read.")
        self.gate()

    def _since(self) -> str:
        return self.mark.until.isoformat() if self.mark else ""
