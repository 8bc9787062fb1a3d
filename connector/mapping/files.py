"""A mapping file read and checked in one go."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import Problem
from . import checks
from .document import parse, placed, scan
from .objects import CrmMapping


def read(
    text: str, file: str, result_columns: Mapping[str, str]
) -> tuple[CrmMapping | None, list[Problem]]:
    """The mapping in a text, or None and every problem with its line."""
    mapping, found = parse(text, file, CrmMapping)
    if mapping is None:
        return None, found
    found = placed(checks.problems(mapping, result_columns), scan(text), file)
    return (None if found else mapping), found
