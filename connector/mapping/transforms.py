"""The steps between a result and a field: each takes a SQL value and gives a SQL value.

To add one, write a function and give it its name in the table at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from .document import Mistake, Path
from .expressions import literal
from .objects import Argument, Field
from .shape import did_you_mean

_ELLIPSIS = "…"


class BadArgument(ValueError):
    """A transform was given something it cannot work with."""


def rounded(value: str, places: object) -> str:
    """Round half up to decimal places, the same on every engine."""
    factor = 10 ** _whole(places, least=0, most=9)
    return f"floor(TRY_CAST({value} AS DOUBLE) * {factor} + 0.5) / {factor}"


def scaled(value: str, factor: object) -> str:
    """Multiply, for example a share into percent."""
    return f"({value}) * {literal(_number(factor))}"


def clamped(value: str, limits: object) -> str:
    """Keep a number between two limits; unknown stays unknown."""
    if not isinstance(limits, list) or len(limits) != len("ab") or limits[0] > limits[1]:
        raise BadArgument("needs [lowest, highest]")
    low, high = (literal(_number(limit)) for limit in limits)
    within = f"least(greatest({value}, {low}), {high})"
    # least and greatest pass over NULL, so unknown would become a limit.
    return f"CASE WHEN {value} IS NOT NULL THEN {within} END"


def labelled(value: str, names: object) -> str:
    """Replace values by names; a value without a name stays as it is."""
    if not isinstance(names, dict) or not names:
        raise BadArgument('needs a table such as { A = "Healthy" }')
    text = f"CAST({value} AS VARCHAR)"
    cases = " ".join(f"WHEN {literal(old)} THEN {literal(new)}" for old, new in names.items())
    return f"CASE {text} {cases} ELSE {text} END"


def defaulted(value: str, instead: object) -> str:
    """Use another value when there is none."""
    if isinstance(instead, dict | list):
        raise BadArgument("needs one value")
    return f"coalesce({value}, {literal(instead)})"


def truncated(value: str, length: object) -> str:
    """Cut a text at a word, with an ellipsis, so that it has at most this many characters."""
    return cut(value, _whole(length, least=2, most=131_072))


def prefixed(value: str, text: object) -> str:
    """Put a text in front; unknown stays unknown."""
    return f"{literal(_text(text))} || CAST({value} AS VARCHAR)"


def suffixed(value: str, text: object) -> str:
    """Put a text behind; unknown stays unknown."""
    return f"CAST({value} AS VARCHAR) || {literal(_text(text))}"


def upper(value: str, wish: object) -> str:
    """Write in capitals."""
    return f"upper({value})" if _yes(wish) else value


def lower(value: str, wish: object) -> str:
    """Write in small letters."""
    return f"lower({value})" if _yes(wish) else value


def dated(value: str, wish: object) -> str:
    """Drop the time of a moment and keep its day (UTC)."""
    return f"TRY_CAST({value} AS DATE)" if _yes(wish) else value


TRANSFORMS: Mapping[str, Callable[[str, object], str]] = {
    "round": rounded,
    "scale": scaled,
    "clamp": clamped,
    "label": labelled,
    "default": defaulted,
    "truncate": truncated,
    "prefix": prefixed,
    "suffix": suffixed,
    "upper": upper,
    "lower": lower,
    "date": dated,
}


def apply(field: Field) -> str:
    """The source of a field with all its transforms around it, first one innermost."""
    value = f"({field.source})"
    for step in field.transform:
        for name, argument in step.items():
            value = f"({TRANSFORMS[name](value, argument)})"
    return value


def mistakes(steps: tuple[dict[str, Argument], ...], path: Path) -> list[Mistake]:
    """What is wrong with a list of transforms."""
    found: list[Mistake] = []
    for position, step in enumerate(steps):
        if len(step) != 1:
            found.append(
                Mistake((*path, position), "a transform has one name", "write [{ round = 0 }, …]")
            )
        found += [m for name in step for m in _step((*path, position, name), name, step[name])]
    return found


def cut(value: str, length: int) -> str:
    """A text of at most `length` characters; what is cut ends at a word with an ellipsis."""
    head = f"regexp_replace(left({value}, {length}), '[[:space:]]+[^[:space:]]*$', '')"
    short = f"left({head}, {length - 1}) || '{_ELLIPSIS}'"
    return f"CASE WHEN length({value}) > {length} THEN {short} ELSE {value} END"


def _step(path: Path, name: str, argument: object) -> list[Mistake]:
    if name not in TRANSFORMS:
        return [Mistake(path, f"unknown transform {name!r}", did_you_mean(name, TRANSFORMS))]
    try:
        TRANSFORMS[name]("x", argument)
    except BadArgument as error:
        return [Mistake(path, f"transform {name} {error}")]
    return []


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadArgument("needs a number")
    return value


def _whole(value: Any, *, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadArgument(f"needs a whole number from {least} to {most}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BadArgument("needs a text")
    return value


def _yes(value: object) -> bool:
    if not isinstance(value, bool):
        raise BadArgument("needs true or false")
    return value
