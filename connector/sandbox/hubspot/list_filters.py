"""The filters of a list: an OR of ANDs of conditions on single properties."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..store import Store
from . import catalogue
from .catalogue import Property
from .errors import Refusal, invalid
from .kinds import Kind
from .times import ms_of

#: Whether a record with these properties belongs to the list.
Test = Callable[[Mapping[str, str]], bool]
#: Takes what a property holds.
Condition = Callable[[str], bool]


def compiled(store: Store, kind: Kind, branch: Any) -> Test:
    """The test that the filters of a list stand for; refuses what HubSpot or this does not take."""
    if not isinstance(branch, dict) or branch.get("filterBranchType") != "OR":
        raise _wrong("The root filterBranch must be of type OR")
    if branch.get("filters"):
        raise _wrong("The root filterBranch cannot have filters; put them into an AND branch")
    children = branch.get("filterBranches") or []
    if not children:
        raise _wrong("The root filterBranch must have at least one filterBranch of type AND")
    tests = [_all(catalogue.known(store, kind), each) for each in children]
    return lambda held: any(test(held) for test in tests)


def _all(properties: Mapping[str, Property], branch: Any) -> Test:
    if not isinstance(branch, dict) or branch.get("filterBranchType") != "AND":
        raise _wrong("A filterBranch below the root must be of type AND")
    if branch.get("filterBranches"):
        raise _wrong("Filter branches of associations and events are not known to this sandbox")
    tests = [_one(properties, each) for each in branch.get("filters") or []]
    if not tests:
        raise _wrong("A filterBranch of type AND must have filters")
    return lambda held: all(test(held) for test in tests)


def _one(properties: Mapping[str, Property], wanted: Any) -> Test:
    if not isinstance(wanted, dict) or wanted.get("filterType") != "PROPERTY":
        raise _wrong("Only filters of type PROPERTY are known to this sandbox")
    name, operation = wanted.get("property"), wanted.get("operation")
    if name not in properties:
        raise _wrong(f"Property {name} does not exist")
    if not isinstance(operation, dict):
        raise _wrong(f"The filter of {name} has no operation")
    kind, operator = operation.get("operationType"), operation.get("operator")
    if kind == "ALL_PROPERTY":
        return _known(str(name), str(operator))
    make = _MAKERS.get(str(kind))
    if make is None:
        raise _wrong(f"The operationType {kind} is not known to this sandbox")
    condition, empty = make(str(operator), operation), _counts_empty(operation)
    return lambda held: condition(text) if (text := held.get(str(name), "")) else empty


def _counts_empty(operation: Mapping[str, Any]) -> bool:
    return bool(operation.get("includeObjectsWithNoValueSet", False))


def _known(name: str, operator: str) -> Test:
    match operator:
        case "IS_KNOWN":
            return lambda held: bool(held.get(name))
        case "IS_UNKNOWN":
            return lambda held: not held.get(name)
    raise _unknown(operator)


def _number(operator: str, operation: Mapping[str, Any]) -> Condition:
    if operator in ("IS_BETWEEN", "IS_NOT_BETWEEN"):
        low, high = (_figure(operation.get(each)) for each in ("lowerBound", "upperBound"))
        inside = operator == "IS_BETWEEN"
        return lambda text: (low <= float(text) <= high) is inside
    value = _figure(operation.get("value"))
    match operator:
        case "IS_EQUAL_TO":
            return lambda text: float(text) == value
        case "IS_NOT_EQUAL_TO":
            return lambda text: float(text) != value
        case "IS_GREATER_THAN":
            return lambda text: float(text) > value
        case "IS_GREATER_THAN_OR_EQUAL_TO":
            return lambda text: float(text) >= value
        case "IS_LESS_THAN":
            return lambda text: float(text) < value
        case "IS_LESS_THAN_OR_EQUAL_TO":
            return lambda text: float(text) <= value
    raise _unknown(operator)


def _choice(operator: str, operation: Mapping[str, Any]) -> Condition:
    values = frozenset(_values(operation))
    match operator:
        case "IS_ANY_OF":
            return lambda text: not values.isdisjoint(text.split(";"))
        case "IS_NONE_OF":
            return lambda text: values.isdisjoint(text.split(";"))
        case "IS_EXACTLY":
            return lambda text: values == frozenset(text.split(";"))
        case "IS_NOT_EXACTLY":
            return lambda text: values != frozenset(text.split(";"))
        case "CONTAINS_ALL":
            return lambda text: values <= frozenset(text.split(";"))
    raise _unknown(operator)


def _text(operator: str, operation: Mapping[str, Any]) -> Condition:
    """A condition on text, which does not look at upper and lower case."""
    values = tuple(each.lower() for each in _values(operation))
    match operator:
        case "IS_EQUAL_TO":
            return lambda text: text.lower() in values
        case "IS_NOT_EQUAL_TO":
            return lambda text: text.lower() not in values
        case "CONTAINS":
            return lambda text: any(each in text.lower() for each in values)
        case "DOES_NOT_CONTAIN":
            return lambda text: not any(each in text.lower() for each in values)
        case "STARTS_WITH":
            return lambda text: text.lower().startswith(values)
        case "ENDS_WITH":
            return lambda text: text.lower().endswith(values)
    raise _unknown(operator)


def _flag(operator: str, operation: Mapping[str, Any]) -> Condition:
    value = str(operation.get("value")).lower()
    match operator:
        case "IS_EQUAL_TO":
            return lambda text: text == value
        case "IS_NOT_EQUAL_TO":
            return lambda text: text != value
    raise _unknown(operator)


def _moment(operator: str, operation: Mapping[str, Any]) -> Condition:
    """A condition on a day or moment, against one that is written out."""
    point = operation.get("timePoint")
    if not isinstance(point, dict) or point.get("timeType") != "DATE":
        raise _wrong("Only a timePoint of timeType DATE is known to this sandbox")
    try:
        names = ("year", "month", "day", "hour", "minute")
        year, month, day, hour, minute = (int(point.get(each, 0)) for each in names)
        zone = ZoneInfo(str(point.get("zoneId", "UTC")))
        moment = ms_of(datetime(year, month, day, hour, minute, tzinfo=zone).isoformat())
    except (TypeError, ValueError, ZoneInfoNotFoundError):
        raise _wrong("The timePoint is no moment") from None
    match operator:
        case "IS_AFTER":
            return lambda text: ms_of(text) > moment
        case "IS_BEFORE":
            return lambda text: ms_of(text) < moment
    raise _unknown(operator)


_MAKERS: Mapping[str, Callable[[str, Mapping[str, Any]], Condition]] = {
    "NUMBER": _number,
    "NUMBER_RANGED": _number,
    "ENUMERATION": _choice,
    "STRING": _text,
    "MULTISTRING": _text,
    "BOOL": _flag,
    "TIME_POINT": _moment,
}


def _values(operation: Mapping[str, Any]) -> list[str]:
    values = operation.get("values", [operation.get("value")])
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise _wrong("The values of a filter are a list of texts")
    return values


def _figure(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise _wrong(f"{value} is not a number") from None


def _unknown(operator: str) -> Refusal:
    return _wrong(f"The operator {operator} is not known for this operationType")


def _wrong(said: str) -> Refusal:
    return invalid(said, sub="ListError.INVALID_FILTER_BRANCH")
