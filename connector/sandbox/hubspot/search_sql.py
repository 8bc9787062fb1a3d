"""Filters of a search as SQL, on what the index knows of a record.

In the conditions `{held}` stands for the column with the properties, `{moved}` for the one with
the moment of the last change: what they were before, for a record that is not indexed yet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Any

from ..store import Store
from . import catalogue
from .catalogue import Property
from .errors import Refusal, invalid
from .kinds import Kind, kind_of
from .times import iso, ms_of

GROUPS, FILTERS, ALL_FILTERS, VALUES = 5, 6, 18, 100
_ABOUT = "associations."
_COMPARES = {"EQ": "=", "NEQ": "<>", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
_MOMENTS = frozenset({"date", "datetime"})
_TOKENS = re.compile(r"[^\W_]+(?:[.'@-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Condition:
    """A piece of SQL and the values in it."""

    sql: str
    values: tuple[Any, ...] = ()


def prepare(store: Store) -> None:
    """Teaches SQLite what a token is."""
    store.db.create_function("hs_token", 2, has_token, deterministic=True)


def has_token(text: str | None, pattern: str) -> bool:
    """Whether one of the words of a text is this one; `*` stands for any characters."""
    match = _pattern(pattern.lower())
    words = (text or "").lower()
    return any(match.fullmatch(each) for each in (words, *_TOKENS.findall(words), *words.split()))


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(translate(text))


def where(store: Store, kind: Kind, groups: Any) -> Condition:
    """All filter groups: one of them must hold, and of it every filter."""
    given = [list(each.get("filters") or ()) for each in groups or ()]
    total = sum(map(len, given))
    if len(given) > GROUPS or any(len(each) > FILTERS for each in given) or total > ALL_FILTERS:
        raise invalid(
            f"The maximum is {GROUPS} filter groups of {FILTERS} filters, {ALL_FILTERS} in all"
        )
    known = catalogue.known(store, kind)
    built = [[_filter(known, kind, each) for each in filters] for filters in given]
    parts = [" and ".join(f"({each.sql})" for each in filters) for filters in built if filters]
    values = tuple(value for filters in built for each in filters for value in each.values)
    return Condition(" or ".join(f"({each})" for each in parts) or "1", values)


def order(store: Store, kind: Kind, sorts: Any) -> str:
    """The expression that a search is sorted by, with its direction; one is allowed."""
    given = sorts or []
    if len(given) > 1:
        raise invalid("Only one sort is allowed")
    if not given:
        return "id"
    first = given[0]
    name, way = (
        (first.lstrip("-"), "DESCENDING" if first.startswith("-") else "ASCENDING")
        if isinstance(first, str)
        else (str(first.get("propertyName", "")), str(first.get("direction") or "ASCENDING"))
    )
    found = catalogue.known(store, kind).get(name)
    if found is None:
        raise invalid(f"Unknown property to sort by: {name}")
    return f"{_held(found, kind)} {'desc' if way == 'DESCENDING' else 'asc'}"


def _filter(known: Mapping[str, Property], kind: Kind, given: Mapping[str, Any]) -> Condition:
    name, operator = str(given.get("propertyName", "")), str(given.get("operator", ""))
    if name.startswith(_ABOUT):
        return _associated(kind, kind_of(name.removeprefix(_ABOUT)), operator, given)
    property_ = known.get(name)
    if property_ is None:
        raise invalid(f"There was a problem with the request. Unknown property: {name}")
    held = _held(property_, kind)
    match operator:
        case "HAS_PROPERTY" | "NOT_HAS_PROPERTY":
            sql = f"ifnull({held}, '') <> ''"
            return Condition(sql if operator == "HAS_PROPERTY" else f"not ({sql})")
        case "CONTAINS_TOKEN" | "NOT_CONTAINS_TOKEN":
            no = "not " if operator.startswith("NOT") else ""
            return Condition(f"{no}hs_token({held}, ?)", (str(given.get("value", "")),))
        case "BETWEEN":
            ends = [_value(property_, kind, given.get(each)) for each in ("value", "highValue")]
            return Condition(f"{held} between ? and ?", tuple(ends))
        case "IN" | "NOT_IN":
            return _listed(property_, kind, operator, given.get("values"))
        case _ if operator in _COMPARES:
            value = _value(property_, kind, given.get("value"))
            return _compared(property_, held, operator, value)
    raise invalid(f"Invalid operator: {operator}")


def _compared(property_: Property, held: str, operator: str, value: Any) -> Condition:
    sign = _COMPARES[operator]
    if property_.type == "string" and operator in ("EQ", "NEQ"):
        # no upper and lower case here; what was never set is not unequal either
        return Condition(f"lower({held}) {sign} lower(?)", (value,))
    return Condition(f"{held} {sign} ?", (value,))


def _listed(property_: Property, kind: Kind, operator: str, given: Any) -> Condition:
    values = [_value(property_, kind, each) for each in given or ()]
    if not values or len(values) > VALUES:
        raise invalid(f"IN and NOT_IN take 1 to {VALUES} values")
    held = _held(property_, kind)
    if property_.type == "string":
        # the index is in lower case, the values are taken as they are
        held = f"lower({held})"
    no = "not " if operator == "NOT_IN" else ""
    return Condition(f"{held} {no}in ({', '.join('?' * len(values))})", tuple(values))


def _associated(kind: Kind, far: Kind, operator: str, given: Mapping[str, Any]) -> Condition:
    asked = given.get("values") or () if operator == "IN" else (given.get("value"),)
    ids = [str(each) for each in asked]
    if operator not in ("EQ", "IN") or not ids or not all(map(str.isdigit, ids)):
        raise invalid("associations.* takes EQ or IN and the ids of records")
    marks = ", ".join("?" * len(ids))
    sql = (
        f"id in (select to_id from hs_associations where from_type = {far.code}"
        f" and from_id in ({marks}) and to_type = {kind.code})"
    )
    return Condition(sql, tuple(int(each) for each in ids))


def _held(property_: Property, kind: Kind) -> str:
    """What a property holds, as it is compared."""
    if property_.name == kind.changed:
        return "{moved}"
    if property_.name == kind.created:
        return "created"
    if property_.name == "hs_object_id":
        return "id"
    raw = f"json_extract({{held}}, '$.{property_.name}')"
    match property_.type:
        case "number":
            return f"cast(nullif({raw}, '') as real)"
        case "datetime":
            return f"rtrim(nullif({raw}, ''), 'Z')"
        case _:
            return f"nullif({raw}, '')"


def _value(property_: Property, kind: Kind, given: Any) -> Any:
    """A value of a filter as what is held is compared with it."""
    if given is None:
        raise invalid(f"A filter of {property_.name} has no value")
    text = str(given).lower() if isinstance(given, bool) else str(given)
    try:
        if property_.type == "number":
            return int(text) if property_.name == "hs_object_id" else float(text)
        if property_.type not in _MOMENTS:
            return text
        moment = int(text) if text.lstrip("-").isdigit() else ms_of(text)
    except ValueError:
        raise invalid(f"{text} is not a value of {property_.name}") from None
    if property_.name in (kind.changed, kind.created):
        if moment <= 0:
            raise Refusal("", "internal error", status=500)
        return moment
    return _as_held(property_, moment)


def _as_held(property_: Property, moment: int) -> str:
    text = iso(moment)
    return text[:10] if property_.type == "date" else text.removesuffix("Z")


def searched(kind: Kind, text: str) -> Condition:
    """The words of a query, in what a type shows by itself."""
    names: Sequence[str] = kind.shown or ("hs_object_id",)
    sql = " or ".join(f"json_extract({{held}}, '$.{each}') like ?" for each in names)
    return Condition(f"({sql})", tuple(f"%{text}%" for _ in names))
