"""Raw records on disk as one flat table: one typed column for each path that the mapping reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...mapping import casts
from ...mapping.expressions import flattened
from . import catalogue
from .catalogue import Parts, Stage

#: The type of the association that counts where a record belongs to several. Labels that a company
#: has made count up numbers of their own, and may be worded alike.
PRIMARY, DEFINED = ("1", "5", "26"), "HUBSPOT_DEFINED"
#: The same as lists call it. All others are `…_unlabeled`, or have the words of a label.
PRIMARY_NAMES = ("contact_to_company", "deal_to_company", "ticket_to_company")


@dataclass(frozen=True, slots=True)
class Raw:
    """Raw records in a folder: what was asked of each, and what is known of where they belong.

    `linked` says, for kinds they may belong to, the query for `id, owner` that tells. With `inline`
    the records also name what they belong to themselves. `twice` says that a record may have come
    more than once, `merged` that others were merged into some. `table` is where records are that
    did not come as files of JSON.
    """

    folder: Path
    parts: Parts
    linked: Mapping[str, str]
    inline: bool
    twice: bool = True
    merged: bool = True
    table: str = ""


def of_records(
    found: Raw, types: Mapping[str, str], stages: Sequence[Stage], *, where: str = ""
) -> str:
    """Files of records as a table.

    Records that came twice are kept once, as they were changed last. Ids that were merged into
    others are rows of their own.
    """
    columns = {path: _column(path, found, stages) for path in types}
    rows = _rows(found)
    joins = _joins(found)
    lost = _unknown_stages(types, stages)
    table = f"SELECT {casts.picked(columns, types, lost=lost)} FROM {rows} AS r{joins}"
    if found.merged and "merged_into" in types:
        table = f"{table} UNION ALL BY NAME {_losers(rows, types)}"
    return f"(SELECT * FROM ({table}){f' WHERE {flattened(where)}' if where else ''})"


def earlier(
    found: Raw, types: Mapping[str, str], stages: Sequence[Stage], modified: str, *, where: str = ""
) -> str:
    """What records held before they were as they are, a row for each moment at which a property
    whose history was asked for got a value; "" where none was. All other columns are as of now.
    """
    dated = found.parts.dated
    if not dated:
        return ""
    histories = ", ".join(
        f'list_transform("propertiesWithHistory"."{name}", lambda e: e."timestamp")'
        for name in dated
    )
    moments = f"unnest(list_distinct(flatten([{histories}]))) AS moment"
    columns = {path: _column(path, found, stages) for path in types}
    for name in dated:
        held = _held(name)
        columns[name] = f"nullif({held}.value, '')"
        columns[f"{name}.{catalogue.CHANGED}"] = f"{held}.said"
    columns[modified] = "r.moment"
    rows = f"(SELECT *, {moments} FROM {_rows(found)}) AS r{_joins(found)}"
    table = f"SELECT {casts.picked(columns, types)} FROM {rows} WHERE {_BEFORE}"
    return f"(SELECT * FROM ({table}){f' WHERE {flattened(where)}' if where else ''})"


def _held(name: str) -> str:
    """The last entry of a property's history up to the moment of a row."""
    entries = (
        f'list_transform(r."propertiesWithHistory"."{name}", lambda e: '
        "{'at': TRY_CAST(e.\"timestamp\" AS TIMESTAMPTZ), 'value': e.value, "
        "'said': e.\"timestamp\"})"
    )
    return f"list_max(list_filter({entries}, lambda e: e.at <= {_AT}))"


_AT = "TRY_CAST(r.moment AS TIMESTAMPTZ)"
_BEFORE = f'{_AT} < TRY_CAST(r."updatedAt" AS TIMESTAMPTZ)'


def of_owners(folder: Path, types: Mapping[str, str]) -> str:
    """The files of owners in a folder as a table."""
    listed = ", ".join(f"{casts.text(name)}: 'VARCHAR'" for name in catalogue.OWNER)
    columns = {path: f"nullif(\"{path}\", '')" for path in types}
    return f"(SELECT {casts.picked(columns, types)} FROM {_json(folder, listed)})"


def links(files: Iterable[Path]) -> str:
    """A query for `id, owner, several` from files of what belongs to what, one row a record.

    `several` are all owners, `;` between them, where none of them is the primary one.
    """
    listed = ", ".join(casts.text(str(file)) for file in files)
    if not listed:
        nothing = (f"CAST(NULL AS VARCHAR) AS {name}" for name in ("id", "owner", "several"))
        return f"SELECT {', '.join(nothing)} WHERE FALSE"
    types = 'STRUCT(category VARCHAR, "typeId" VARCHAR, label VARCHAR)[]'
    shape = (
        "{'from': 'STRUCT(id VARCHAR)', "
        f"'to': 'STRUCT(\"toObjectId\" VARCHAR, \"associationTypes\" {types})[]'}}"
    )
    each = (
        'SELECT "from".id AS id, unnest("to") AS t FROM '
        f"read_json([{listed}], columns = {shape}, format = 'array')"
    )
    first = ", ".join(casts.text(word) for word in PRIMARY)
    is_primary = (
        f'len(list_filter(t."associationTypes", lambda x: x.category = {casts.text(DEFINED)} '
        f"AND (x.\"typeId\" IN ({first}) OR lower(coalesce(x.label, '')) LIKE 'primary%'))) > 0"
    )
    return (
        f"SELECT id, arg_min(other, {{'later': NOT is_primary, 'number': CAST(other AS BIGINT)}}) "
        "AS owner, CASE WHEN NOT bool_or(is_primary) AND count(DISTINCT other) > 1 "
        "THEN string_agg(DISTINCT other, ';' ORDER BY other) END AS several "
        f'FROM (SELECT id, t."toObjectId" AS other, {is_primary} AS is_primary FROM ({each})) '
        "GROUP BY id"
    )


_ONCE = 'QUALIFY row_number() OVER (PARTITION BY id ORDER BY "updatedAt" DESC NULLS LAST) = 1'


def _read(found: Raw) -> str:
    if found.table:
        return found.table
    parts = found.parts
    told = ", ".join(f'"{name}" VARCHAR' for name in parts.properties)
    shape = {"id": "VARCHAR", "updatedAt": "VARCHAR", "archived": "VARCHAR"}
    if told:
        shape["properties"] = f"STRUCT({told})"
    if parts.belongs and found.inline:
        each = 'STRUCT(results STRUCT(id VARCHAR, "type" VARCHAR)[])'
        inner = ", ".join(f'"{owner}" {each}' for owner in parts.belongs)
        shape["associations"] = f"STRUCT({inner})"
    if parts.dated:
        each = 'STRUCT("timestamp" VARCHAR, "value" VARCHAR)[]'
        inner = ", ".join(f'"{name}" {each}' for name in parts.dated)
        shape["propertiesWithHistory"] = f"STRUCT({inner})"
    return _json(found.folder, ", ".join(f"'{name}': '{kind}'" for name, kind in shape.items()))


def _rows(found: Raw) -> str:
    return f"(SELECT * FROM {_read(found)} {_ONCE if found.twice else ''})"


def _joins(found: Raw) -> str:
    return "".join(
        f' LEFT JOIN ({sql}) AS "in_{owner}" ON "in_{owner}".id = r.id'
        for owner, sql in found.linked.items()
    )


def _json(folder: Path, columns: str) -> str:
    return f"read_json({casts.text(f'{folder}/*.json')}, columns = {{{columns}}}, format = 'array')"


def _column(path: str, found: Raw, stages: Sequence[Stage]) -> str:
    """One path as a text."""
    parts = found.parts
    first, _, last = path.partition(".")
    if path == "archived":
        return "r.archived"
    if path == "merged_into":
        return "CAST(NULL AS VARCHAR)"
    if path in parts.properties:
        return f"nullif(r.properties.\"{path}\", '')"
    if last == catalogue.CHANGED and first in parts.dated:
        return f'r."propertiesWithHistory"."{first}"[1]."timestamp"'
    if first in parts.belongs:
        return _owner(first, found) if last == "id" else _several(first, found)
    return _of_stage(first, last, stages)


def _owner(kind: str, found: Raw) -> str:
    """The record that another belongs to: as it was looked up, else as the record itself says."""
    told = [f'"in_{kind}".owner'] if kind in found.linked else []
    if found.inline:
        told.append(_nearest(f'r.associations."{kind}".results'))
    return f"coalesce({', '.join([*told, 'CAST(NULL AS VARCHAR)'])})"


def _several(kind: str, found: Raw) -> str:
    """All that a record belongs to, where there are several and none is the primary one."""
    told = "CAST(NULL AS VARCHAR)"
    if found.inline:
        records = f'r.associations."{kind}".results'
        ids = f"list_distinct(list_transform({records}, lambda x: x.id))"
        told = (
            f"CASE WHEN len({_primary(records)}) = 0 AND len({ids}) > 1 "
            f"THEN array_to_string(list_sort({ids}), ';') END"
        )
    if kind not in found.linked:
        return told
    return f'CASE WHEN "in_{kind}".id IS NULL THEN {told} ELSE "in_{kind}".several END'


def _primary(records: str) -> str:
    named = ", ".join(casts.text(name) for name in PRIMARY_NAMES)
    return f'list_filter({records}, lambda x: x."type" IN ({named}))'


def _nearest(records: str) -> str:
    """The one a record belongs to: the primary one if it is named, else that of least number."""
    primary = _primary(records)
    smallest = f"list_min(list_transform({records}, lambda x: CAST(x.id AS BIGINT)))"
    return f"coalesce({primary}[1].id, CAST({smallest} AS VARCHAR))"


def _of_stage(name: str, fact: str, stages: Sequence[Stage]) -> str:
    """A fact of the stage that a record is in."""
    cases = " ".join(
        f"WHEN {casts.text(stage.id)} THEN {_said(getattr(stage, fact))}" for stage in stages
    )
    return f'CASE r.properties."{name}" {cases} END' if cases else "CAST(NULL AS VARCHAR)"


def _unknown_stages(types: Mapping[str, str], stages: Sequence[Stage]) -> list[str]:
    """Names the property of a stage that no pipeline has: those of archived ones nobody tells."""
    known = ", ".join(["''", *(casts.text(stage.id) for stage in stages)])
    asked = (path.partition(".") for path in types)
    named = dict.fromkeys(
        name
        for name, _, fact in asked
        if name in catalogue.STAGES.values() and fact in catalogue.STAGE_FACTS
    )
    return [
        f'CASE WHEN r.properties."{name}" NOT IN ({known}) THEN {casts.text(name + " ")} '
        "ELSE '' END"
        for name in named
    ]


def _said(value: object) -> str:
    if value is None:
        return "NULL"
    return casts.text(str(value).lower() if isinstance(value, bool) else str(value))


def _losers(rows: str, types: Mapping[str, str]) -> str:
    """The ids that were merged into a record, each as a record that is gone and leads to it."""
    facts = {"hs_object_id": "lost", "archived": "true", "merged_into": "id"}
    listed = ", ".join(
        f'CAST({facts.get(path, _stamp(path))} AS {kind}) AS "{path}"'
        for path, kind in types.items()
    )
    losers = f'properties."{catalogue.MERGED}"'
    each = (
        f"SELECT id, \"updatedAt\", unnest(string_split({losers}, ';')) AS lost "
        f"FROM {rows} WHERE nullif({losers}, '') IS NOT NULL"
    )
    return (
        f"SELECT {listed}, CAST(NULL AS VARCHAR) AS {casts.UNREAD} FROM ({each}) WHERE lost <> ''"
    )


def _stamp(path: str) -> str:
    return '"updatedAt"' if path.endswith("lastmodifieddate") else "NULL"
