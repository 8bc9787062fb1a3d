"""How the emulated Salesforce says no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Refusal(Exception):
    """A request, or one row of it, that is refused with a code and a message."""

    def __init__(
        self, code: str, message: str, *, status: int = 400, fields: Sequence[str] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.fields = None if fields is None else list(fields)

    def body(self) -> list[dict[str, Any]]:
        """The answer to a whole request."""
        more = {} if self.fields is None else {"fields": self.fields}
        return [{"message": self.message, "errorCode": self.code, **more}]

    def row(self) -> dict[str, Any]:
        """The error of one row in the answer to many."""
        return {
            "statusCode": self.code,
            "message": self.message,
            "fields": self.fields or [],
        }


def not_found(what: str = "The requested resource does not exist") -> Refusal:
    """The answer to an address where nothing is."""
    return Refusal("NOT_FOUND", what, status=404)


def unknown_type(name: str) -> Refusal:
    """The answer to an object that does not exist or is not to be seen."""
    return Refusal("INVALID_TYPE", f"sObject type '{name}' is not supported.")
