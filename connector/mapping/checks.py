"""What is wrong with a mapping, found before anything is read or written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from ..records import COUNT, DAY, FLAG, MOMENT, NUMBER, TEXT
from . import expressions, pulls, transforms
from .document import Mistake, Path, under
from .objects import CrmMapping, Field, Kind
from .shape import did_you_mean
from .transforms import apply
from .wanted import length

_FITS: dict[Kind, tuple[str, frozenset[str]]] = {
    "number": ("a number", frozenset({NUMBER, COUNT})),
    "text": ("text", frozenset({TEXT, NUMBER, COUNT, DAY, MOMENT, FLAG})),
    "long_text": ("text", frozenset({TEXT, NUMBER, COUNT, DAY, MOMENT, FLAG})),
    "choice": ("text", frozenset({TEXT})),
    "date": ("a date", frozenset({DAY, MOMENT})),
    "datetime": ("a moment", frozenset({MOMENT, DAY})),
    "checkbox": ("true or false", frozenset({FLAG})),
}
#: The most that Salesforce takes.
_DIGITS, _TEXT, _LONG_TEXT = 18, 255, 131_072


def problems(mapping: CrmMapping, result_columns: Mapping[str, str]) -> list[Mistake]:
    """Every mistake in a mapping over results with these columns."""
    found: list[Mistake] = []
    for position, pull in enumerate(mapping.pull):
        found += under(("pull", position), pulls.check(pull))
    for position, field in enumerate(mapping.fields):
        path: Path = ("fields", position)
        found += under(path, _field(field, mapping, result_columns))
    return [
        *found,
        *_pulled_twice(mapping),
        *_twice(mapping),
        *_examples(mapping, result_columns),
    ]


def _field(field: Field, mapping: CrmMapping, columns: Mapping[str, str]) -> Iterator[Mistake]:
    wrong = expressions.mistakes(field.source, ("source",), columns)
    wrong += transforms.mistakes(field.transform, ("transform",))
    yield from wrong
    if not wrong:
        yield from _fit(field, columns)
    yield from _choice(field)
    yield from _size(field)
    yield from _policy(field, mapping)


def _fit(field: Field, columns: Mapping[str, str]) -> Iterator[Mistake]:
    kind = expressions.type_of(apply(field), columns)
    words, fitting = _FITS[field.type]
    if kind and kind not in fitting:
        what = f"{field.source!r} gives {kind}, but {field.target} is a {field.type}"
        yield Mistake(("source",), what, f"use a source or a transform that gives {words}")


def _choice(field: Field) -> Iterator[Mistake]:
    for name in field.value_labels:
        if name not in field.values:
            what = f"{name!r} is not among the values of {field.target}"
            yield Mistake(("value_labels", name), what, did_you_mean(name, field.values))
    if field.type != "choice":
        return
    if not field.values:
        yield Mistake((), f"choice {field.target} has no values", 'add `values = ["…"]`')
        return
    names = [str(new) for new in _last_label(field).values()]
    names += [str(field.default)] if field.default is not None else []
    for name in names:
        if name not in field.values:
            what = f"{name!r} is not among the values of {field.target}"
            yield Mistake(("transform",), what, did_you_mean(name, field.values))


def _last_label(field: Field) -> dict[str, str]:
    """The names given by a label transform when nothing changes them afterwards."""
    last = field.transform[-1] if field.transform else {}
    names = last.get("label")
    return names if isinstance(names, dict) else {}


def _size(field: Field) -> Iterator[Mistake]:
    if field.type == "number" and not 1 <= field.precision <= _DIGITS:
        yield Mistake(("precision",), f"precision {field.precision}", f"1 to {_DIGITS} digits")
    if field.type == "number" and not 0 <= field.scale <= field.precision:
        yield Mistake(("scale",), f"scale {field.scale}", f"0 to {field.precision} digits")
    most = {"text": _TEXT, "choice": _TEXT, "long_text": _LONG_TEXT}.get(field.type)
    if most and not 1 <= length(field) <= most:
        yield Mistake(("length",), f"length {field.length}", f"1 to {most:,} characters")


def _policy(field: Field, mapping: CrmMapping) -> Iterator[Mistake]:
    if field.min_change and field.type != "number":
        yield Mistake(
            ("min_change",), f"min_change on a {field.type}", "only numbers move by steps"
        )
    if field.min_change < 0:
        yield Mistake(("min_change",), "min_change is negative", "write 0 or more")
    if field.type == "checkbox" and field.missing == "clear":
        fix = 'write missing = "skip", or "default" with `default = false`'
        yield Mistake(("missing",), "a checkbox cannot be empty", fix)
    if field.missing == "default" and field.default is None:
        yield Mistake(("missing",), 'missing = "default" without a default', "add `default = …`")
    if field.missing != "default" and field.default is not None:
        yield Mistake(("default",), "a default that is never used", 'add `missing = "default"`')
    if mapping.crm == "salesforce" and not field.target.endswith("__c") and not field.own:
        what = f"{field.target} is a standard field that people and other tools use"
        yield Mistake(("target",), what, "write to a field ending in __c, or add `own = true`")
    if field.follows and not any(_leads(other, field) for other in mapping.fields):
        what = f"{field.target} follows, but no field of group {field.group!r} leads"
        yield Mistake(("follows",), what, "name the group of a field that does not follow")


def _leads(other: Field, field: Field) -> bool:
    return bool(field.group) and other.group == field.group and not other.follows


def _pulled_twice(mapping: CrmMapping) -> Iterator[Mistake]:
    """How far an object was read for a stream is kept once."""
    seen = Counter[tuple[str, str]]()
    for position, pull in enumerate(mapping.pull):
        seen[pull.stream, pull.object.casefold()] += 1
        if seen[pull.stream, pull.object.casefold()] > 1:
            what = f"{pull.object} feeds {pull.stream} twice"
            fix = "make one of the two: a wider where, and columns that tell the records apart"
            yield Mistake(("pull", position, "object"), what, fix)


def _twice(mapping: CrmMapping) -> Iterator[Mistake]:
    seen = Counter[str]()
    for position, field in enumerate(mapping.fields):
        seen[field.target.casefold()] += 1
        if seen[field.target.casefold()] > 1:
            what = f"{field.target} is written twice"
            yield Mistake(("fields", position, "target"), what, "keep one of the two")


def _examples(mapping: CrmMapping, columns: Mapping[str, str]) -> Iterator[Mistake]:
    for position, example in enumerate(mapping.examples):
        path: Path = ("examples", position)
        for name in example.given:
            if name not in columns:
                fix = did_you_mean(name, columns)
                yield Mistake((*path, "given", name), f"no result is called {name!r}", fix)
        for name in example.expect:
            if name not in mapping.targets:
                fix = did_you_mean(name, mapping.targets)
                yield Mistake((*path, "expect", name), f"no field is called {name!r}", fix)
