"""Lengths of time as people write them: `90d`, `30m`, `2w`."""

from __future__ import annotations

import re
from datetime import timedelta

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN = re.compile(r"(\d+)\s*([smhdw])")


def span(text: str) -> timedelta:
    """`90d` → 90 days. Raises ValueError for anything else."""
    found = _SPAN.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a length of time; write 30m, 12h, 90d or 2w")
    return timedelta(**{UNITS[found[2]]: int(found[1])})
