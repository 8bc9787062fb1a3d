"""One active segment for each tier: made if it is missing, and never touched afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import ConfigError, RemoteError
from ...fieldplan import Extra
from ...mapping.objects import CrmMapping, Field
from .client import Client
from .definitions import Language

SEGMENT = "segment"
NAMES: Mapping[str, str] = {
    "en": "Customer health: tier {value}",
    "de": "Kundengesundheit: Stufe {value}",
}
#: The ids that HubSpot's own kinds of records have in addresses of lists.
TYPE_IDS: Mapping[str, str] = {
    "contacts": "0-1",
    "companies": "0-2",
    "deals": "0-3",
    "tickets": "0-5",
}


def type_id(kind: str) -> str:
    """The id of a kind of record; a custom object is named by its id already."""
    return TYPE_IDS.get(kind, kind)


def plan(client: Client, mapping: CrmMapping, language: Language) -> Iterator[Extra]:
    """What is to be done about each segment."""
    for value, body in _wanted(mapping, language):
        yield _planned(client, mapping.object, value, body)


def unseen(mapping: CrmMapping, language: Language) -> Iterator[Extra]:
    """All of them, where nobody shows which are there."""
    for value, body in _wanted(mapping, language):
        yield _new(value, body)


def _wanted(mapping: CrmMapping, language: Language) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each tier, and the segment for it."""
    field = tier(mapping)
    for value in field.values:
        name = NAMES[language].format(value=value)
        yield value, wanted(mapping.object, field.target, value, name)


def tier(mapping: CrmMapping) -> Field:
    """The choice that holds the tier."""
    found = [each for each in mapping.fields if each.type == "choice" and each.source == "tier"]
    if not found:
        raise ConfigError(
            "The mapping writes no tier, so there is nothing to make segments of.",
            hint='Add a [[fields]] with source = "tier" and type = "choice", or leave --segments.',
        )
    return found[0]


def wanted(kind: str, property: str, value: str, name: str) -> dict[str, Any]:
    """An active segment of the records whose tier this is, as HubSpot takes it."""
    operation = {
        "operationType": "ENUMERATION",
        "operator": "IS_ANY_OF",
        "values": [value],
        "includeObjectsWithNoValueSet": False,
    }
    one = {"filterType": "PROPERTY", "property": property, "operation": operation}
    both = _branch("AND", [], [one])
    return {
        "name": name,
        "objectTypeId": type_id(kind),
        "processingType": "DYNAMIC",
        "filterBranch": _branch("OR", [both], []),
    }


def make(client: Client, extra: Extra) -> None:
    """Make one segment."""
    path = client.paths.crm("lists")
    client.json("POST", path, f"to make the segment {extra.name}", body=dict(extra.definition))


def _planned(client: Client, kind: str, value: str, body: Mapping[str, Any]) -> Extra:
    """A segment is there under its name in either language, or it is to be made."""
    for name in (each.format(value=value) for each in NAMES.values()):
        found = _found(client, kind, name)
        if found is None:
            continue
        if _same(found, body):
            return Extra(SEGMENT, name, "leave", why=("is there",))
        why = "has our name and other filters: somebody else's, left alone; rename it to get ours"
        return Extra(SEGMENT, name, "leave", why=(why,))
    return _new(value, body)


def _new(value: str, body: Mapping[str, Any]) -> Extra:
    said = f"{_filter(body)[0]} is {value}, always up to date"
    return Extra(SEGMENT, str(body["name"]), "create", (("filter", None, said),), definition=body)


def _found(client: Client, kind: str, name: str) -> Mapping[str, Any] | None:
    path = client.paths.crm("lists", "object-type-id", type_id(kind), "name", name)
    try:
        body = client.json(
            "GET", path, f"to look for the segment {name}", query={"includeFilters": "true"}
        )
    except RemoteError as error:
        if error.status == 404:
            return None
        raise
    found: Mapping[str, Any] = body["list"]
    return found


def _same(found: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether it is an active segment by the same property and value."""
    is_active = found.get("processingType") == "DYNAMIC"
    return is_active and _filter(found) == _filter(body)


def _filter(body: Mapping[str, Any]) -> tuple[Any, ...]:
    """Property, operator and values of the one filter there is; empty for any other shape."""
    root = body.get("filterBranch") or {}
    inner = root.get("filterBranches") or []
    filters = [each for branch in inner for each in branch.get("filters") or ()]
    if len(inner) != 1 or len(filters) != 1:
        return ()
    told = filters[0].get("operation") or {}
    return filters[0].get("property"), told.get("operator"), tuple(told.get("values") or ())


def _branch(
    kind: str, branches: list[dict[str, Any]], filters: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "filterBranchType": kind,
        "filterBranchOperator": kind,
        "filterBranches": branches,
        "filters": filters,
    }
