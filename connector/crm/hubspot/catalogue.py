"""What HubSpot knows of its objects: properties and their types, pipelines and their stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import Denied, RemoteError
from ...records import DAY, FLAG, MOMENT, NUMBER, TEXT, CrmField
from .client import Client, results_of

_TYPES: Mapping[str, str] = {"number": NUMBER, "bool": FLAG, "date": DAY, "datetime": MOMENT}
#: Which kinds of the mapping a property can hold, by its type.
_HOLDS: Mapping[str, tuple[str, ...]] = {
    "number": ("number",),
    "string": ("text", "long_text", "choice"),
    "enumeration": ("choice",),
    "date": ("date",),
    "datetime": ("datetime",),
    "bool": ("checkbox",),
}
LONGEST_TEXT = 65_536
#: Objects with stages, and the property that names the stage of a record.
STAGES: Mapping[str, str] = {"deals": "dealstage", "tickets": "hs_pipeline_stage"}
#: What can be asked of a stage, and its type: `dealstage.is_won`.
STAGE_FACTS: Mapping[str, str] = {
    "label": TEXT,
    "is_closed": FLAG,
    "is_won": FLAG,
    "probability": NUMBER,
}
#: What every record has besides its properties.
RECORD: Mapping[str, str] = {"archived": FLAG, "merged_into": TEXT}
#: Owners are no records: they have these and nothing else.
OWNERS = "owners"
OWNER: Mapping[str, str] = {
    "id": TEXT,
    "email": TEXT,
    "firstName": TEXT,
    "lastName": TEXT,
    "userId": TEXT,
    "createdAt": MOMENT,
    "updatedAt": MOMENT,
    "archived": FLAG,
}
#: The ids that were merged into a record, with semicolons between.
MERGED = "hs_merged_object_ids"
#: The moment at which a property got the value it has: `csm_sentiment.changed_at`.
CHANGED = "changed_at"

Properties = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a pipeline."""

    id: str
    label: str
    is_closed: bool
    is_won: bool
    probability: float | None


def properties(client: Client, kind: str) -> Properties | None:
    """The properties of one kind of record by name; None where the portal has no such kind.

    A kind whose product is not licensed, or that the token has no scope for, is not there.
    """
    path, doing = client.paths.crm("properties", kind), f"to list the properties of {kind}"
    try:
        body = client.json("GET", path, doing)
    except (Denied, RemoteError) as error:
        if error.status in {400, 403, 404}:
            return None
        raise
    return {raw["name"]: raw for raw in results_of(body, doing) if not raw.get("archived")}


def field_of(raw: Mapping[str, Any]) -> CrmField:
    """One property as a field."""
    kind = str(raw.get("type") or "")
    options = [each for each in raw.get("options") or () if not each.get("hidden")]
    has_many = raw.get("fieldType") == "checkbox"
    told = raw.get("modificationMetadata") or {}
    return CrmField(
        name=raw["name"],
        type=kind,
        label=raw.get("label") or "",
        writable=not (raw.get("calculated") or told.get("readOnlyValue")),
        calculated=bool(raw.get("calculated")),
        length=LONGEST_TEXT if kind == "string" else 0,
        choices=tuple(each["value"] for each in options),
        restricted=kind == "enumeration" and not raw.get("externalOptions"),
        holds=() if has_many else _HOLDS.get(kind, ()),
    )


def path_type(path: str, kind: str, known: Properties) -> str | None:
    """The DuckDB type of a path seen from a kind of record; None if there is no such thing.

    A path is a property, `archived`, `merged_into`, `companies.id` (the record it belongs to),
    `companies.several` (all of them, where there are several and none is the primary one),
    `dealstage.is_won` (a fact of its stage) or `csm_sentiment.changed_at`.
    """
    if kind == OWNERS:
        return OWNER.get(path)
    if path in RECORD:
        return RECORD[path]
    first, dot, last = path.partition(".")
    if not dot:
        return _typed(path, known[path]) if path in known else None
    if last in BELONGS and first not in known:
        return TEXT if first in KINDS else None
    if first == STAGES.get(kind) and last in STAGE_FACTS:
        return STAGE_FACTS[last]
    return MOMENT if last == CHANGED and first in known else None


def _typed(name: str, raw: Mapping[str, Any]) -> str:
    """The type of a property; one that holds the id of a record is a text, whatever it says."""
    return TEXT if name in IDS else _TYPES.get(str(raw.get("type")), TEXT)


#: Properties that hold ids, which HubSpot calls numbers.
IDS = frozenset({"hs_object_id", "hubspot_owner_id", "hs_parent_company_id", "associatedcompanyid"})


def modified(kind: str) -> str:
    """The property that says when a record was changed last."""
    return "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"


def kind_of(known: Properties, name: str) -> str:
    """The DuckDB type of a property; text for one that nobody knows."""
    return _typed(name, known.get(name, {}))


#: The number of each standard object.
RECORD_KINDS: Mapping[str, str] = {
    "contacts": "0-1",
    "companies": "0-2",
    "deals": "0-3",
    "tickets": "0-5",
}
#: Records that others can belong to, as they are called in addresses.
KINDS = frozenset(RECORD_KINDS)
#: What can be asked of those.
BELONGS = frozenset({"id", "several"})


def stages(client: Client, kind: str) -> tuple[Stage, ...]:
    """Every stage of every pipeline of deals or tickets; archived pipelines have none."""
    doing = f"to list the pipelines of {kind}"
    body = client.json("GET", client.paths.crm("pipelines", kind), doing)
    return tuple(
        stage for pipeline in results_of(body, doing) for stage in map(_stage, pipeline["stages"])
    )


def _stage(raw: Mapping[str, Any]) -> Stage:
    told = raw.get("metadata") or {}
    chance = _number(told.get("probability"))
    closed = str(told.get("isClosed")).lower() == "true" or told.get("ticketState") == "CLOSED"
    return Stage(str(raw["id"]), str(raw.get("label") or ""), closed, chance == 1.0, chance)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def parts(paths: Mapping[str, str], known: Properties) -> Parts:
    """Which properties, records they belong to, histories and stages these paths need."""
    plain: dict[str, None] = {}
    owners: dict[str, None] = {}
    dated: dict[str, None] = {}
    for path in paths:
        first, dot, last = path.partition(".")
        if path in RECORD:
            plain |= {MERGED: None} if path == "merged_into" else {}
            continue
        if dot and last in BELONGS and first not in known:
            owners[first] = None
            continue
        plain[first] = None
        if last == CHANGED:
            dated[first] = None
    return Parts(tuple(plain), tuple(owners), tuple(dated))


@dataclass(frozen=True, slots=True)
class Parts:
    """What is asked for of each record: properties, the kinds it may belong to, and histories."""

    properties: tuple[str, ...] = ()
    belongs: tuple[str, ...] = ()
    dated: tuple[str, ...] = ()


def stage_paths(types: Mapping[str, str], kind: str) -> Iterator[tuple[str, str]]:
    """The paths that ask for a fact of a stage, and which fact."""
    prefix = f"{STAGES.get(kind, '')}."
    for path in types:
        if len(prefix) > 1 and path.startswith(prefix) and path.removeprefix(prefix) in STAGE_FACTS:
            yield path, path.removeprefix(prefix)


Look = Callable[[str], Properties | None]
