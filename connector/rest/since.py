"""Moments in requests: `{since:iso}` in a query becomes the moment from which on is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from .line import Line

_MARK = re.compile(r"\{(\w+):(\w+)\}")

FORMS: Mapping[str, Callable[[datetime], str]] = {
    "iso": lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "micro": lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    "date": lambda at: at.strftime("%Y-%m-%d"),
    "unix": lambda at: str(int(at.timestamp())),
    "ms": lambda at: str(int(at.timestamp() * 1000)),
}


def marks(text: str) -> list[tuple[str, str]]:
    """The moments that a text asks for, and how: `[("since", "iso")]`."""
    return _MARK.findall(text)


def filled(query: Mapping[str, str], moments: Mapping[str, datetime | None]) -> dict[str, str]:
    """The query with its moments; what asks for one that is not known is left out."""
    told = {}
    for name, value in query.items():
        asked = marks(value)
        if any(moments.get(which) is None for which, _ in asked):
            continue
        told[name] = _MARK.sub(lambda found: _said(moments, found), value)
    return told


def clock(line: Line, look: Callable[[], None]) -> datetime:
    """What time it is where the records are; `look` asks something if nothing was asked yet."""
    if line.server_now is None:
        look()
    return datetime.now(UTC) + timedelta(seconds=line.skew_seconds)


def _said(moments: Mapping[str, datetime | None], found: re.Match[str]) -> str:
    at = moments[found[1]]
    assert at is not None
    return FORMS[found[2]](at.astimezone(UTC))
