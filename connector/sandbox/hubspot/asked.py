"""What an address asks for, and what a batch brings."""

from __future__ import annotations

from typing import Any

from .api import Call
from .errors import invalid


def listed(call: Call, name: str) -> list[str]:
    """What an address lists under a name: separated by commas, or named again and again."""
    found = call.request.query_params.getlist(name)
    return [each.strip() for text in found for each in text.split(",") if each.strip()]


def flag(call: Call, name: str) -> bool:
    """What an address says under a name, if it is a boolean as JSON spells it."""
    said = call.query.get(name, "false")
    if said not in ("true", "false"):
        raise invalid(f"Invalid boolean for parameter {name}: {said}")
    return said == "true"


def number(text: Any, name: str, default: int, most: int) -> int:
    """A whole number that was sent, within its bounds."""
    if text is None or text == "":
        return default
    try:
        found = int(text)
    except (TypeError, ValueError):
        raise invalid(f"Invalid integer for parameter {name}: {text}") from None
    if not 0 <= found <= most:
        raise invalid(f"{name} must be between 0 and {most}, not {found}")
    return found


def inputs(call: Call, most: int) -> list[dict[str, Any]]:
    """The inputs of a batch; none is no mistake, too many are."""
    found = call.json().get("inputs") or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise invalid("Invalid input JSON on line 1, column 1: inputs is a list of objects")
    if len(found) > most:
        raise invalid(f"The maximum number of inputs supported in a batch request is {most}.")
    return found
