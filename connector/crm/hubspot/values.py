"""Values as HubSpot says them, all of them texts, as the values that they are."""

from __future__ import annotations

from typing import Any


def decoded(value: str | None, kind: str) -> Any:
    """A number, a truth or a text by the type of the property; None for an empty one.

    A number that cannot be read stays a text: it is certainly not what we wrote.
    """
    if value is None or value == "":
        return None
    if kind == "bool":
        return value.lower() == "true"
    if kind == "number":
        try:
            return float(value)
        except ValueError:
            return value
    return value
