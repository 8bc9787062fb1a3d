"""A TOML text becomes a frozen object, or a list of every mistake in it with file and line."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from types import GenericAlias
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ..errors import Problem
from . import shape
from .lines import Lines, Path, scan

__all__ = [
    "Lines",
    "Mistake",
    "Path",
    "json_schema",
    "parse",
    "parse_data",
    "placed",
    "scan",
    "under",
]

T = TypeVar("T")

_PLAIN = {
    "Cannot overwrite a value": ("this name is given twice", "keep one of the two"),
    "Invalid value": (
        "what stands after `=` is not a value",
        "put text in quotes; close every quote and bracket",
    ),
    "Expected '=' after a key": ("a name without `=`", "write `name = value`"),
    "Expected newline": ("there is more on this line than one value", "one `name = value` a line"),
    "Unclosed inline table": ("a table in { } is not closed on its line", "close it with }"),
    "Unclosed array": ("a list is not closed", "close it with ]"),
    "Unescaped": ("a backslash that means nothing", "write \\\\, or use single quotes"),
    "Unterminated string": ("a text is not closed", "close the quotes"),
    'Expected "': ("a text is not closed", "close the quotes"),
    "Cannot declare": ("this table is given twice", "keep one, or write `[[name]]` for a list"),
    "Invalid statement": ("a line that is neither a name nor a table", "write `name = value`"),
    "Expected ']": ("a table heading is not closed", "write `[name]`"),
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something wrong with the value at a path; `placed` finds the line."""

    path: Path
    what: str
    fix: str = ""


def parse(text: str, file: str, kind: type[T]) -> tuple[T | None, list[Problem]]:
    """Read a TOML text as `kind`: the object, or None and all that is wrong."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return None, [_malformed(text, file, str(error))]
    return parse_data(data, scan(text), file, kind)


def checked(
    text: str, file: str, kind: type[T], problems: Callable[[T], Iterable[Mistake]]
) -> tuple[T | None, list[Problem]]:
    """Read a TOML text as `kind` and check it further: the object, or None and all that is wrong,
    with its line."""
    made, found = parse(text, file, kind)
    if made is None:
        return None, found
    found = placed(problems(made), scan(text), file)
    return (None if found else made), found


def parse_data(
    data: Mapping[str, Any], lines: Lines, file: str, kind: type[T]
) -> tuple[T | None, list[Problem]]:
    """Read a table that was parsed before as `kind`."""
    try:
        (value,) = _adapter(kind).validate_json(json.dumps([data], default=_as_json), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True)
        return None, placed(_mistakes(details, data, kind), lines, file)
    return value, []


def under(path: Path, mistakes: Iterable[Mistake]) -> list[Mistake]:
    """The same mistakes, seen from further out."""
    return [Mistake((*path, *each.path), each.what, each.fix) for each in mistakes]


def placed(mistakes: Iterable[Mistake], lines: Lines, file: str) -> list[Problem]:
    """Give every mistake its file and line."""
    return sorted({Problem(file, lines.of(each.path), each.what, each.fix) for each in mistakes})


def json_schema(kind: type[Any]) -> dict[str, Any]:
    """The JSON Schema of a file, for editors that complete and check while one types."""
    schema = _adapter(kind).json_schema()
    (inner,) = schema["prefixItems"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **inner,
        "$defs": schema.get("$defs", {}),
    }


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    # A stdlib dataclass takes no settings from its adapter, but a tuple around it hands them down.
    around: Any = GenericAlias(tuple, (kind,))
    return TypeAdapter(around, config=ConfigDict(extra="forbid"))


def _as_json(value: object) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    raise TypeError(f"TOML holds no {type(value).__name__}")


def _malformed(text: str, file: str, message: str) -> Problem:
    known = next((words for start, words in _PLAIN.items() if message.startswith(start)), None)
    what, fix = known or (message.partition(" (at ")[0], "")
    hit = re.search(r"at line (\d+)", message)
    line = int(hit.group(1)) if hit else text.rstrip().count("\n") + 1
    return Problem(file, line, f"not valid TOML: {what}", fix)


def _mistakes(
    details: Iterable[ErrorDetails], data: Mapping[str, Any], kind: type[Any]
) -> list[Mistake]:
    found: dict[Path, Mistake] = {}
    for each in details:
        if not shape.is_meant(kind, each["loc"][1:], data):
            continue
        mistake = _mistake(each, data, kind)
        found.setdefault(mistake.path, mistake)
    return list(found.values())


def _mistake(each: ErrorDetails, data: Mapping[str, Any], kind: type[Any]) -> Mistake:
    path = _path(each, data)
    here = shape.at(kind, path)
    name = str(path[-1]) if path else "the file"
    if each["type"] == "unexpected_keyword_argument":
        known = shape.keys(shape.at(kind, path[:-1]))
        return Mistake(path, f"unknown key {name!r}", shape.did_you_mean(name, known))
    if each["type"] == "missing":
        return _missing(path, here)
    if each["type"] in ("value_error", "assertion_error"):
        said = each["msg"].split(", ", 1)[-1]
        return Mistake(path, f"{name}: {said}" if path else said)
    if each["type"].endswith(("_type", "_error")):
        what = f"{_name(path)} is {_shown(each['input'])}"
        return Mistake(path, what, f"write {shape.words(here)}")
    if each["type"] == "too_long":
        return Mistake(
            path, f"{_name(path)} has too many items", f"write {each['ctx']['max_length']}"
        )
    return Mistake(path, f"{_name(path)}: {each['msg'].lower()}", f"write {shape.words(here)}")


def _missing(path: Path, here: Any) -> Mistake:
    if isinstance(path[-1], int):
        return Mistake(path, f"{_name(path[:-1])} has too few items", f"add {shape.words(here)}")
    return Mistake(path, f"{path[-1]!r} is missing", f"add `{path[-1]} = …` ({shape.words(here)})")


def _name(path: Path) -> str:
    """The last key, with the position when the value is an item of a list."""
    name = next((step for step in reversed(path) if isinstance(step, str)), "the file")
    tail = path[path.index(name) + 1 :] if name in path else ()
    return name + "".join(f", item {step + 1}" for step in tail if isinstance(step, int))


def _path(each: ErrorDetails, data: Mapping[str, Any]) -> Path:
    """The steps of an error that exist in the document; the others name union members."""
    path: list[str | int] = []
    value: Any = data
    missing = each["type"] == "missing"
    for position, step in enumerate(each["loc"][1:], start=2):
        is_last = position == len(each["loc"])
        if isinstance(value, dict) and (step in value or (is_last and missing)):
            path.append(step)
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            path.append(step)
            value = value[step] if step < len(value) else None
    return tuple(path)


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:39] + "…"
