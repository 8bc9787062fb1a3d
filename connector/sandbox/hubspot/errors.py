"""How the emulated HubSpot says no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4


class Refusal(Exception):
    """A request, or one input of it, that is refused."""

    def __init__(
        self,
        category: str,
        message: str,
        *,
        status: int = 400,
        errors: Sequence[Mapping[str, Any]] = (),
        context: Mapping[str, Sequence[str]] | None = None,
        sub: str = "",
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
        page: str = "",
    ) -> None:
        super().__init__(message)
        self.category = category
        self.message = message
        self.status = status
        self.errors = tuple(errors)
        self.context = context
        self.sub = sub
        self.headers = dict(headers or {})
        self.more = dict(more or {})
        self.page = page

    def body(self) -> dict[str, Any] | bytes:
        """The answer to a whole request; every part of it but status and message may be absent."""
        if self.page:
            return self.page.encode()
        told: dict[str, Any] = {
            "status": "error",
            "message": self.message,
            "correlationId": str(uuid4()),
        }
        if self.category:
            told["category"] = self.category
        if self.sub:
            told["subCategory"] = self.sub
        if self.context:
            told["context"] = self.context
        if self.errors:
            told["errors"] = list(self.errors)
        return {**told, **self.more}

    def item(self) -> dict[str, Any]:
        """The error of some inputs in an answer of status 207."""
        told = {"status": "error", "category": self.category, "message": self.message}
        return {**told, "context": self.context or {}, "errors": list(self.errors), "links": {}}


def not_found(what: str = "resource not found") -> Refusal:
    """The answer to an address where nothing is, or to a record that is not there."""
    return Refusal("OBJECT_NOT_FOUND", what, status=404)


def page_not_found() -> Refusal:
    """The same, as the web server says it: activities and tickets in the older spelling."""
    page = (
        '<html>\n<head>\n<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>\n'
        "<title>Error 404 Not Found</title>\n</head>\n<body><h2>HTTP ERROR 404</h2>\n"
        "<p>Resource not found</p>\n</body>\n</html>\n"
    )
    headers = {"Content-Type": "text/html;charset=utf-8"}
    return Refusal("", "Resource not found", status=404, headers=headers, page=page)


def invalid(message: str, **more: Any) -> Refusal:
    """The answer to a request that is not as it should be."""
    return Refusal("VALIDATION_ERROR", message, **more)
