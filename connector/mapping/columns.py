"""The columns of a source that fills a stream by SQL: checked before its file is opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..records import FLAG, STREAMS
from . import expressions
from .document import Mistake
from .shape import did_you_mean


def check(
    stream: str, columns: Mapping[str, Any], required: Sequence[Any], also: Sequence[str] = ()
) -> list[Mistake]:
    """Every mistake in the columns of a stream; values that are no text are told elsewhere.

    `also` are those that may be told besides the stream's own.
    """
    if stream not in STREAMS:
        return []
    return [
        *_named(stream, columns, also),
        *_written(columns),
        *_required(stream, columns, required),
    ]


def _named(stream: str, columns: Mapping[str, Any], also: Sequence[str]) -> Iterator[Mistake]:
    known = {**STREAMS[stream].columns, **dict.fromkeys(also, "")}
    for name in columns:
        if name not in known:
            what = f"{stream} has no column {name!r}"
            yield Mistake(("columns", name), what, did_you_mean(name, known))


def _written(columns: Mapping[str, Any]) -> Iterator[Mistake]:
    for name, sql in columns.items():
        if isinstance(sql, str):
            yield from expressions.row_mistakes(sql, ("columns", name))


def rules(odd: Mapping[str, Any]) -> list[Mistake]:
    """Every mistake in the rules under which records are listed and left out."""
    return [
        mistake
        for name, sql in odd.items()
        if isinstance(sql, str)
        for mistake in expressions.row_mistakes(sql, ("odd", name), wanted=FLAG)
    ]


def _required(
    stream: str, columns: Mapping[str, Any], required: Sequence[Any]
) -> Iterator[Mistake]:
    for position, name in enumerate(required):
        if isinstance(name, str) and name not in columns:
            known = name in STREAMS[stream].columns
            fix = f"add `{name} = …` to columns" if known else did_you_mean(name, columns)
            yield Mistake(("required", position), f"required {name!r} is not in columns", fix)
