"""What can go wrong, said to the person who can act on it.

ConnectorError                1  the run failed
├── ConfigError               2  a file or an option is wrong; lists every problem at once
├── UnsafePlan                3  the plan would change more than its owner allowed
├── BudgetSpent               5  the allowance is used up; the next run continues
│   └── JobsSpent             5  no more jobs are taken today; single calls may go on
├── Locked                    6  another run holds the lock
├── AuthError                 7  the other system does not accept who we are
└── RemoteError               1  the other system answered with an error
    ├── Unreachable           1  no answer at all
    ├── InDoubt               1  a write was sent and its answer never came
    ├── Malformed             1  an answer that is not what the API promises
    ├── Throttled             1  the other system asked us to slow down, for longer than we wait
    └── Denied                1  the running user lacks a permission
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

EXIT_DONE = 0
EXIT_PARTLY = 4


class ConnectorError(Exception):
    """Something failed. The message says what and where; the hint says what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in one file."""

    file: str
    line: int
    what: str
    fix: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.what}" + (f" → {self.fix}" if self.fix else "")


class ConfigError(ConnectorError):
    """One or more files or options are wrong; nothing was run."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem] | str, *, hint: str = "") -> None:
        self.problems: tuple[Problem, ...] = ()
        if isinstance(problems, str):
            super().__init__(problems, hint=hint)
            return
        self.problems = tuple(sorted(set(problems)))
        count = len(self.problems)
        head = f"{count} mistake{'s' if count != 1 else ''} in the configuration:"
        super().__init__(
            "\n".join([head, *(f"  {problem}" for problem in self.problems)]),
            hint=hint or "Correct them, then run `connector check --offline`.",
        )


class UnsafePlan(ConnectorError):
    """The plan would change more, or something else, than its owner allowed."""

    exit_code = 3


class BudgetSpent(ConnectorError):
    """The share of the API allowance given to this run is used up; the next run continues."""

    exit_code = 5


class JobsSpent(BudgetSpent):
    """The other system takes no more jobs today; single calls may go on."""


class Locked(ConnectorError):
    """Another run holds the lock."""

    exit_code = 6


class AuthError(ConnectorError):
    """The other system does not accept who we are."""

    exit_code = 7


class RemoteError(ConnectorError):
    """The other system answered with an error.

    `status` is the HTTP status (0 when there was none), `code` the system's own word for it.
    """

    def __init__(self, message: str, *, hint: str = "", status: int = 0, code: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code


class Unreachable(RemoteError):
    """No answer: the name did not resolve, the connection was refused or cut, time ran out."""


class InDoubt(RemoteError):
    """A write was sent and its answer never came: it may or may not have been done."""


class Malformed(RemoteError):
    """An answer that is not what the API promises: HTML for JSON, a cut body, a repeated page."""


class Throttled(RemoteError):
    """The other system asked us to slow down, for longer than we are willing to wait."""


class Denied(RemoteError):
    """The running user lacks a permission."""
