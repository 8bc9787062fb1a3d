"""What properties and groups there are, and how their definitions look from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ..store import Store
from .kinds import KINDS, Kind
from .standard import CHOICES, LINES, OWN, UNIQUE
from .times import iso, now_ms

SCHEMA = """
create table if not exists hs_properties (
    type integer not null, name text not null, archived integer not null, body text not null,
    primary key (type, name)
) without rowid;
create table if not exists hs_groups (
    type integer not null, name text not null, archived integer not null, body text not null,
    primary key (type, name)
) without rowid;
"""
USER = "52001"
_CACHE = "hubspot_properties"
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Property:
    """What a property takes; `options` is empty where anything goes."""

    name: str
    type: str
    field: str
    options: frozenset[str]
    read_only: bool
    unique: bool

    @property
    def multiple(self) -> bool:
        """Whether it holds several values, joined by semicolons."""
        return self.type == "enumeration" and self.field == "checkbox"


def prepare(store: Store) -> None:
    """Makes the definitions that every account has, and this company's own."""
    if store.db.execute("select 1 from hs_properties").fetchone():
        return
    at = iso(now_ms(store))
    for kind in KINDS:
        store.db.execute(
            "insert into hs_groups values (?, ?, 0, ?)",
            (kind.code, kind.group, _packed(group_body(kind.group, f"{kind.single} information"))),
        )
        for body in (*_standard(kind, at), *(_own(at) if kind.name == "companies" else ())):
            keep(store, kind, body)


def known(store: Store, kind: Kind) -> Mapping[str, Property]:
    """Every property of a type that is not archived, by name."""
    cache: dict[int, dict[str, Property]] = store.passing.setdefault(_CACHE, {})
    if kind.code not in cache:
        cache[kind.code] = {body["name"]: _read(body) for body in bodies(store, kind)}
    return cache[kind.code]


def changed(store: Store) -> None:
    """Forgets what was known of definitions."""
    store.passing.pop(_CACHE, None)


def bodies(store: Store, kind: Kind, *, archived: bool = False) -> list[Body]:
    """Every definition as it is told, by name."""
    rows = store.db.execute(
        "select body from hs_properties where type = ? and archived = ? order by name",
        (kind.code, int(archived)),
    )
    return [orjson.loads(each) for (each,) in rows]


def body_of(store: Store, kind: Kind, name: str) -> Body | None:
    """One definition, archived or not."""
    row = store.db.execute(
        "select body from hs_properties where type = ? and name = ?", (kind.code, name)
    ).fetchone()
    return orjson.loads(row[0]) if row else None


def keep(store: Store, kind: Kind, body: Body) -> None:
    """Keeps a definition in the place of the one of the same name."""
    store.db.execute(
        "insert or replace into hs_properties values (?, ?, ?, ?)",
        (kind.code, body["name"], int(body["archived"]), _packed(body)),
    )
    changed(store)


def definition(name: str, type_: str, field: str, at: str, **more: Any) -> Body:
    """A definition in full; what is not said is as HubSpot has it by itself."""
    read_only = more.pop("read_only", False)
    ours = more.pop("hubspot_defined", False)
    authors = {} if ours else {"createdUserId": USER, "updatedUserId": USER}
    return {
        "updatedAt": at,
        "createdAt": at,
        "name": name,
        "label": name,
        "type": type_,
        "fieldType": field,
        "description": "",
        "groupName": "",
        "options": [],
        **authors,
        "displayOrder": -1,
        "calculated": False,
        "externalOptions": False,
        "archived": False,
        "hasUniqueValue": False,
        "hidden": False,
        **({"hubspotDefined": True} if ours else {}),
        "modificationMetadata": {
            "archivable": not ours,
            "readOnlyDefinition": ours,
            "readOnlyValue": read_only,
        },
        "formField": False,
        "dataSensitivity": "non_sensitive",
        **more,
    }


def options(values: Sequence[str]) -> list[Body]:
    """Options whose labels are their values made readable."""
    return [
        {
            "label": each if not each.isupper() else each.replace("_", " ").capitalize(),
            "value": each,
            "description": "",
            "displayOrder": place,
            "hidden": False,
        }
        for place, each in enumerate(values)
    ]


def group_body(name: str, label: str, order: int = -1) -> Body:
    """A group as it is told."""
    return {"name": name, "label": label, "displayOrder": order, "archived": False}


def _standard(kind: Kind, at: str) -> Iterator[Body]:
    for line in filter(None, LINES[kind.name].splitlines()):
        name, form, rest = line.split(" ", 2)
        mark, label = rest.split(" ", 1) if rest[0] in "=!?" else ("", rest)
        type_, _, field = form.partition("/")
        chosen = CHOICES.get(f"{kind.name}.{name}", CHOICES.get(name, ""))
        yield definition(
            name,
            type_,
            field,
            at,
            label=label,
            groupName=kind.group,
            options=options(chosen.split()),
            externalOptions=type_ == "enumeration" and not chosen,
            calculated=mark == "=",
            read_only=mark in ("=", "!") and bool(mark),
            hasUniqueValue=mark == "?",
            hubspot_defined=True,
        )


def _own(at: str) -> Iterator[Body]:
    for name, type_, field, label, chosen in OWN:
        yield definition(
            name,
            type_,
            field,
            at,
            label=label,
            groupName="companyinformation",
            options=options(chosen),
            hasUniqueValue=name in UNIQUE,
        )


def _read(body: Body) -> Property:
    chosen = (each["value"] for each in body["options"])
    flag = ("true", "false") if body["type"] == "bool" else ()
    read_only = body["calculated"] or body["modificationMetadata"]["readOnlyValue"]
    return Property(
        body["name"],
        body["type"],
        body["fieldType"],
        frozenset((*chosen, *flag)),
        bool(read_only),
        bool(body["hasUniqueValue"]),
    )


def _packed(body: Body) -> str:
    return orjson.dumps(body).decode()
