"""What a dataclass expects at a place of its file, in words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo

from ..secrets import Secret
from .lines import Path

#: More names than this are no help in a message.
_FEW = 24

_WORDS: Mapping[Any, str] = {
    str: "text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    datetime: "a date and time",
    date: "a date",
    time: "a time of day",
    Any: "a value",
    Secret: "a secret: keyring:SERVICE/NAME, env:NAME or file:PATH",
}


def at(kind: Any, path: Path) -> Any:
    """The type expected at a path."""
    for step in path:
        kind = _inner(kind, step)
    return kind


def keys(kind: Any) -> dict[str, Any]:
    """The keys a table may have, with their types."""
    found: dict[str, Any] = {}
    for member in _members(kind):
        if not (isinstance(member, type) and is_dataclass(member)):
            continue
        hints = get_type_hints(member, include_extras=True)
        for each in fields(member):
            if each.init:
                found[_alias(hints[each.name]) or each.name] = hints[each.name]
    return found


def is_meant(kind: Any, steps: Sequence[str | int], data: Any) -> bool:
    """Whether the steps of an error stay with the kinds of table that the writer meant."""
    for step in steps:
        tables = [member for member in _members(kind) if is_dataclass(member)]
        if len(tables) > 1 and isinstance(data, Mapping) and step not in data:
            named = [table for table in tables if _title(table) == step]
            if named and named[0] is not max(tables, key=lambda table: _likeness(table, data)):
                return False
            kind = named[0] if named else _inner(kind, step)
            continue
        kind, data = _inner(kind, step), _value(data, step)
    return True


def words(kind: Any) -> str:
    """What to write there, for a person."""
    return " or ".join(dict.fromkeys(_word(member) for member in _members(kind)))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the closest known word, or all of them when they are few."""
    names = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(name.casefold(), names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {names[close[0]]!r}?"
    if len(names) > _FEW:
        return "correct the name"
    return f"known here: {', '.join(names.values())}" if names else "remove it"


def _word(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(f'"{value}"' for value in get_args(kind))
    if get_origin(kind) in (tuple, list):
        return "a list in [ ]"
    return _WORDS.get(kind, "a table")


def _likeness(table: Any, data: Mapping[str, Any]) -> tuple[int, int]:
    """How well a table fits a kind: by the literals that tell kinds apart, then by its keys."""
    known = keys(table)
    told = [name for name, kind in known.items() if get_origin(kind) is Literal and name in data]
    return sum(data[name] in get_args(known[name]) for name in told), len(known.keys() & data)


def _title(kind: Any) -> str:
    return str(getattr(kind, "__name__", ""))


def _value(data: Any, step: str | int) -> Any:
    if isinstance(data, Mapping):
        return data.get(step)
    inside = isinstance(data, list) and isinstance(step, int) and step < len(data)
    return data[step] if inside else None


def _inner(kind: Any, step: str | int) -> Any:
    for member in _members(kind):
        args = get_args(member)
        if isinstance(step, int) and get_origin(member) in (tuple, list) and args:
            return args[step] if step < len(args) and Ellipsis not in args else args[0]
        if isinstance(step, str) and get_origin(member) in (dict, Mapping) and args:
            return args[1]
        if step in (known := keys(member)):
            return known[str(step)]
    return Any


def _members(kind: Any) -> tuple[Any, ...]:
    """The alternatives of a type without None and without annotations."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return tuple(m for arg in get_args(kind) if arg is not NoneType for m in _members(arg))
    return (kind,)


def _alias(kind: Any) -> str | None:
    if get_origin(kind) is not Annotated:
        return None
    return next((m.alias for m in get_args(kind)[1:] if isinstance(m, FieldInfo)), None)
