"""The fields that a filter in the CRM's own language names."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
      (?P<value>'(?:\\.|[^'\\])*(?:'|$) | \d[\w:.+-]* )
    | (?P<name>[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*(?::\d+)?)
    | (?P<sign>[<>!=]+)
    | (?P<open>\() | (?P<close>\)) | (?P<other>\S)
    """,
    re.VERBOSE | re.DOTALL,
)
_JOINS = frozenset({"and", "or", "not"})
#: Words between a field and its value, as signs are.
_BETWEEN = frozenset({"like", "in", "includes", "excludes"})

Token = tuple[str, str]


def names(where: str) -> tuple[str, ...]:
    """The fields and relationship paths that stand for something in a SOQL condition, none twice.

    What stands on the other side, be it a text, a date, an amount, a list or a query over another
    object, is no field of this one. A condition that makes no sense gives what can be read of it.
    """
    return tuple(dict.fromkeys(_fields(list(_tokens(where)))))


def _tokens(where: str) -> Iterator[Token]:
    for found in _TOKEN.finditer(where):
        text = re.sub(r"\s", "", found[0]) if found.lastgroup == "name" else found[0]
        yield str(found.lastgroup), text


def _fields(tokens: list[Token]) -> Iterator[str]:
    place = 0
    while place < len(tokens):
        kind, text = tokens[place]
        place += 1
        if kind == "sign" or (kind == "name" and text.lower() in _BETWEEN):
            place = _after_value(tokens, place)
        elif kind == "name" and text.lower() not in _JOINS and not _opens(tokens, place):
            yield text


def _after_value(tokens: list[Token], place: int) -> int:
    """The place behind one value, or behind everything in its brackets."""
    # a sign before a number stands for itself
    while place < len(tokens) and tokens[place][0] == "other":
        place += 1
    if not _opens(tokens, place):
        return place + 1
    depth = 0
    for at in range(place, len(tokens)):
        depth += (tokens[at][0] == "open") - (tokens[at][0] == "close")
        if not depth:
            return at + 1
    return len(tokens)


def _opens(tokens: list[Token], place: int) -> bool:
    return place < len(tokens) and tokens[place][0] == "open"
