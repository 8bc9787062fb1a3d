"""A mapping file read and checked in one go."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ..errors import Problem
from . import checks
from .document import checked
from .objects import CrmMapping


def read(
    text: str, file: str, result_columns: Mapping[str, str]
) -> tuple[CrmMapping | None, list[Problem]]:
    """The mapping in a text, or None and every problem with its line."""
    mapping, found = _read(text, file, tuple(result_columns.items()))
    return mapping, list(found)


# As with the model: a service reads the same text for every run.
@lru_cache(maxsize=8)
def _read(
    text: str, file: str, result_columns: tuple[tuple[str, str], ...]
) -> tuple[CrmMapping | None, list[Problem]]:
    columns = dict(result_columns)
    return checked(text, file, CrmMapping, lambda made: checks.problems(made, columns))
