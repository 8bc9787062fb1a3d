"""What webhooks have hinted at: records that a pull would not come to by itself.

A source that can ask for a record by its id is asked for just these, so many in a run; for all
others it is read from an earlier moment on. What a pull brings anyway needs nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ..protocols import Hint
from .app import App

#: Records of a stream that a run asks for one by one; for more, reading a longer time is cheaper.
MOST = 100


def hinted(app: App, name: str) -> list[Hint]:
    """What the events that have come say of a source."""
    hooks = [each for each in app.sources.values() if getattr(each, "hints", "") == name]
    return [hint for hook in hooks for hint in hook.hinted()]


def opened(
    source: Any, stream: str, hints: Sequence[Hint], begin: datetime
) -> tuple[datetime, list[Hint]]:
    """From when on a stream is read, and the records that are asked for one by one."""
    older = sorted((each for each in hints if each.at < begin), key=lambda each: each.at)
    known: dict[tuple[str, str], Hint] = {}
    if stream in getattr(source, "by_id", ()):
        for each in older:
            if each.record:
                known.setdefault((each.within, each.record), each)
    single = list(known.values())[:MOST]
    asked = {(each.within, each.record) for each in single}
    wide = [each.at for each in older if (each.within, each.record) not in asked]
    return min([begin, *wide]), single
