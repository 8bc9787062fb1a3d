"""A model file read and checked in one go."""

from __future__ import annotations

from functools import lru_cache

from ..errors import Problem
from ..mapping.document import checked
from . import checks
from .definition import HealthModel


def read(text: str, file: str) -> tuple[HealthModel | None, list[Problem]]:
    """The model in a text, or None and every problem with its line."""
    model, found = _read(text, file)
    return model, list(found)


# Checking a file takes longer than scoring a small company, and a service does it for every run.
@lru_cache(maxsize=8)
def _read(text: str, file: str) -> tuple[HealthModel | None, list[Problem]]:
    return checked(text, file, HealthModel, checks.problems)
