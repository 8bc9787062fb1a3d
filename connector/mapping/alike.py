"""Whether a value as a CRM says it is the value that we mean."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def alike(live: Any, ours: Any, kind: str) -> bool:
    """Compare by the type of the mapped field: an unticked checkbox is an empty one, an empty text
    is none, a moment counts to the second."""
    if kind == "checkbox":
        return bool(live) == bool(ours)
    if live in (None, "") or ours in (None, ""):
        return live in (None, "") and ours in (None, "")
    try:
        if kind == "number":
            return abs(float(live) - float(ours)) < 1e-9
        if kind == "datetime":
            return _instant(live) == _instant(ours)
    except ValueError:  # no number and no moment: it is certainly not what we wrote
        return False
    return str(live) == str(ours)


def _instant(value: Any) -> datetime:
    moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return moment.astimezone(UTC).replace(microsecond=0)
