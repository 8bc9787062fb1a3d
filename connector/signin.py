"""The way into a CRM, as a person at the command line uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Standing:
    """What a login is good for: facts for programs, and the same in lines for a person."""

    facts: Mapping[str, Any]
    lines: tuple[tuple[str, str], ...]


class SignIn(Protocol):
    """The way into a CRM as a person at the command line uses it."""

    @property
    def place(self) -> str:
        """Where the login is kept; empty for a way in that keeps none."""
        ...

    def status(self) -> Standing:
        """Use the login, and say whose it is."""
        ...

    def log_in(self, show: Callable[[str], None], *, patience: float) -> Standing:
        """Have a person log in at the address that is shown."""
        ...

    def log_out(self) -> bool:
        """Take the login back and forget it; False if the CRM had ended it before."""
        ...
