"""Caps and blind spots: conditions over measures, account columns and `known_groups`."""

from __future__ import annotations

import re

_KNOWN = re.compile(r"\bknown\(\s*(\w+)\s*\)", re.IGNORECASE)


def plain(when: str) -> str:
    """The condition with every `known(measure)` written as the null test that it is."""
    return _KNOWN.sub(r"(\1 IS NOT NULL)", when)
