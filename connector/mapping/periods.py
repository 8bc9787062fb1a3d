"""Spans of time as they are written in the files: `90d`, `12w`, `1y`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_DAYS = {"d": 1, "w": 7, "y": 365}


def days(text: object) -> int:
    """The length of a span in days."""
    hit = re.fullmatch(r"([1-9]\d{0,4})([dwy])", text) if isinstance(text, str) else None
    if not hit:
        raise ValueError(f'{text!r} is not a span of time; write for example "90d", "12w" or "1y"')
    return int(hit.group(1)) * _DAYS[hit.group(2)]


#: A span in whole days, written `90d`.
Days = Annotated[
    int,
    BeforeValidator(days),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]*[dwy]$"}),
]
