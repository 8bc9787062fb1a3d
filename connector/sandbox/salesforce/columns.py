"""What `columns=true` tells of a statement: its columns, parents with theirs inside."""

from __future__ import annotations

from typing import Any

from ..store import NUMBERS, Field, Object
from .soql_sql import Compiled

_APEX_TYPES = {
    "id": "Id",
    "reference": "Id",
    "boolean": "Boolean",
    "int": "Integer",
    "date": "Date",
    "datetime": "Datetime",
}


def told(compiled: Compiled, target: Object) -> dict[str, Any]:
    """The columns of a statement, without running it."""
    columns: list[dict[str, Any]] = []
    for each in compiled.columns:
        _join(columns, each.names, each.field, aggregate=compiled.aggregate)
    return {
        "columnMetadata": columns,
        "entityName": target.name,
        "groupBy": compiled.aggregate,
        "idSelected": any(each.names == ("Id",) for each in compiled.columns),
        "keyPrefix": target.prefix,
    }


def _join(
    columns: list[dict[str, Any]], names: tuple[str, ...], field: Field, *, aggregate: bool
) -> None:
    """Puts a column under its parents, each of which is there once."""
    name, *inner = names
    if not inner:
        columns.append(_column(name, field, aggregate=aggregate))
        return
    parent = next((each for each in columns if each["columnName"] == name), None)
    if parent is None:
        parent = {**_column(name, Field(name, "string")), "apexType": None, "textType": False}
        columns.append(parent)
    _join(parent["joinColumns"], tuple(inner), field, aggregate=aggregate)


def _column(name: str, field: Field, *, aggregate: bool = False) -> dict[str, Any]:
    number = field.type in NUMBERS or field.type == "int"
    return {
        "aggregate": aggregate,
        "apexType": _APEX_TYPES.get(field.type, "Double" if number else "String"),
        "booleanType": field.type == "boolean",
        "columnName": name,
        "custom": field.custom,
        "displayName": name,
        "foreignKeyName": None,
        "insertable": field.createable,
        "joinColumns": [],
        "numberType": number,
        "textType": field.type != "boolean" and not number,
        "updatable": field.updateable,
    }
