"""What the file of an export holds: a row for each record, in words for people unless told."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ..store import Store
from . import catalogue, links, records
from .errors import invalid
from .kinds import Kind
from .portal import portal
from .times import ms_of

#: A file of more bytes than this is packed; one of several parts always is.
PACKED_ABOVE = 2_000_000
#: As many associated records are told in a row, unless the request says otherwise.
ASSOCIATED = 1_000
CHUNK = 2_000
RECORD_ID = "Record ID"
Text = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns a file has; `names` and `values` ask for what is inside, not for labels."""

    kind: Kind
    properties: tuple[str, ...]
    associated: tuple[Kind, ...]
    names: bool
    values: bool
    every_associate: bool


def content(
    store: Store, columns: Columns, rows: Iterable[records.Row], stem: str, part: int
) -> tuple[str, bytes, int]:
    """The name and the bytes of the file, and how many records it has; `part` rows to a part."""
    parts, count = [], 0
    for n, chunk in enumerate(_chunks(rows, part), 1):
        parts.append((f"{stem}.csv" if n == 1 else f"{stem}-{n}.csv", _csv(store, columns, chunk)))
        count += len(chunk)
    if not parts:
        parts = [(f"{stem}.csv", _csv(store, columns, []))]
    name, only = parts[0]
    if len(parts) == 1 and len(only) <= PACKED_ABOVE:
        return name, only, count
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for each, text in parts:
            archive.writestr(each, text)
    return f"{stem}.zip", packed.getvalue(), count


def passing(
    store: Store, kind: Kind, filters: Sequence[Mapping[str, Any]]
) -> Callable[[records.Row], bool]:
    """Whether a record is in the view that these filters make."""
    known = catalogue.known(store, kind)
    tests = []
    for each in filters:
        name = str(each.get("propertyName"))
        if name not in known:
            raise invalid(f'Property "{name}" does not exist')
        tests.append((name, _test(each, _comparable(known[name].type))))

    def passes(row: records.Row) -> bool:
        held = row.values
        return all(test(held.get(name) or "") for name, test in tests)

    return passes


def _test(wanted: Mapping[str, Any], key: Callable[[str], Any]) -> Callable[[str], bool]:
    operator = wanted.get("operator")
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return lambda text: bool(text) is (operator == "HAS_PROPERTY")
    if operator in ("IN", "NOT_IN"):
        values = {str(each).lower() for each in wanted.get("values") or ()}
        return lambda text: bool(text) and (text.lower() in values) is (operator == "IN")
    try:
        value = key(str(wanted.get("value")))
        high = key(str(wanted["highValue"])) if operator == "BETWEEN" else None
    except (ValueError, KeyError):
        raise invalid(f"The filter has no value that {operator} could compare") from None
    compare: dict[object, Callable[[Any], bool]] = {
        "EQ": lambda held: bool(held == value),
        "NEQ": lambda held: bool(held != value),
        "LT": lambda held: bool(held < value),
        "LTE": lambda held: bool(held <= value),
        "GT": lambda held: bool(held > value),
        "GTE": lambda held: bool(held >= value),
        "BETWEEN": lambda held: bool(value <= held <= high),
    }
    if operator not in compare:
        raise invalid(f"The operator {operator} is not known to this sandbox's exports")
    chosen = compare[operator]
    return lambda text: bool(text) and chosen(key(text))


def _comparable(type_: str) -> Callable[[str], Any]:
    if type_ == "number":
        return float
    if type_ in ("date", "datetime"):
        return lambda text: int(text) if text.lstrip("-").isdecimal() else ms_of(text)
    return str.lower


def _csv(store: Store, columns: Columns, rows: Sequence[records.Row]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(_head(store, columns))
    shown = _shown(store, columns)
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        sides = [_associates(store, columns, far, chunk) for far in columns.associated]
        for row in chunk:
            held = row.values
            told = [show(held.get(name) or "") for name, show in shown]
            writer.writerow([row.id, *told, *(side.get(row.id, "") for side in sides)])
    return out.getvalue().encode()


def _head(store: Store, columns: Columns) -> list[str]:
    bodies = {each["name"]: each for each in catalogue.bodies(store, columns.kind)}
    labels = [name if columns.names else str(bodies[name]["label"]) for name in columns.properties]
    sides = [f"Associated {far.single.replace('_', ' ').title()} IDs" for far in columns.associated]
    return [RECORD_ID, *labels, *sides]


def _shown(store: Store, columns: Columns) -> list[tuple[str, Text]]:
    """How each property is written."""
    bodies = {each["name"]: each for each in catalogue.bodies(store, columns.kind)}
    zone = portal(store).time_zone
    return [(name, _text(bodies[name], zone, columns.values)) for name in columns.properties]


def _text(body: Mapping[str, Any], zone: ZoneInfo, inside: bool) -> Text:
    """Values as they are kept, or as the product shows them: labels, and minutes where it is."""
    if inside:
        return lambda text: text
    if body["type"] == "datetime":
        return lambda text: _minutes(text, zone) if text else ""
    labels = {each["value"]: each["label"] for each in body["options"]}
    if not labels:
        return lambda text: text
    return lambda text: ";".join(labels.get(each, each) for each in text.split(";"))


def _minutes(text: str, zone: ZoneInfo) -> str:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _associates(
    store: Store, columns: Columns, far: Kind, rows: Sequence[records.Row]
) -> dict[int, str]:
    most = None if columns.every_associate else ASSOCIATED
    found = links.between(store, columns.kind, [row.id for row in rows], far)
    return {one: ";".join(map(str, sorted(others)[:most])) for one, others in found.items()}


def _chunks(rows: Iterable[records.Row], size: int) -> Iterator[list[records.Row]]:
    chunk: list[records.Row] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
