"""What an import brings: the parts of the request, and what its columns mean."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from typing import Any

import orjson

from ..store import Store
from . import catalogue
from .errors import Refusal, invalid
from .kinds import Kind, kind_of

OBJECT_ID, ALTERNATE_ID = "HUBSPOT_OBJECT_ID", "HUBSPOT_ALTERNATE_ID"
OPERATIONS = ("CREATE", "UPDATE", "UPSERT")
MOST_ROWS = 1_048_576
DAYS = {
    "YEAR_MONTH_DAY": ("%Y-%m-%d", "%Y/%m/%d"),
    "MONTH_DAY_YEAR": ("%m/%d/%Y", "%m-%d-%Y"),
    "DAY_MONTH_YEAR": ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y"),
}
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the request: the field's name, the file's name if it is one, and its bytes."""

    name: str
    file: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Column:
    """Which property a column is for; `key` says that it tells which record is meant."""

    place: int
    property: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One file of an import, and how it is to be read."""

    file: str
    kind: Kind
    operation: str
    days: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    width: int
    #: The number of the first row of data in the file.
    first_line: int


def parts(body: bytes, content_type: str) -> list[Part]:
    """The parts of a form."""
    found = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/form-data") or found is None:
        raise Refusal("", "HTTP 415 Unsupported Media Type", status=415)
    fence = b"\r\n--" + found[1].encode("latin-1")
    _, *pieces = (b"\r\n" + body).split(fence)
    return [_part(piece) for piece in pieces if not piece.startswith(b"--")]


def _part(piece: bytes) -> Part:
    head, _, content = piece.partition(b"\r\n\r\n")
    headers: Message = HeaderParser().parsestr(head.decode("utf-8", "replace").lstrip())
    told = headers.get_params(header="content-disposition") or []
    named = {key: value for key, value in told if isinstance(value, str)}
    return Part(named.get("name", ""), named.get("filename", ""), content)


def request_of(sent: Sequence[Part]) -> dict[str, Any]:
    """The part that says what the files are."""
    found = next((each.content for each in sent if each.name == "importRequest"), None)
    if found is None:
        raise invalid("importRequest is missing")
    try:
        wanted = orjson.loads(found)
    except orjson.JSONDecodeError:
        raise invalid("importRequest is not JSON") from None
    if not isinstance(wanted, dict) or not wanted.get("name"):
        raise invalid("importRequest must have a name")
    if not isinstance(wanted.get("files"), list) or not wanted["files"]:
        raise invalid("importRequest must have files")
    return wanted


def pages(store: Store, wanted: Mapping[str, Any], sent: Sequence[Part]) -> list[Page]:
    """Every file as it is to be read; refuses one that did not come, or cannot be mapped."""
    files = {each.file: each.content for each in sent if each.name == "files"}
    return [_page(store, wanted, each, files) for each in wanted["files"]]


def _page(
    store: Store, wanted: Mapping[str, Any], told: Mapping[str, Any], files: Mapping[str, bytes]
) -> Page:
    name = str(told.get("fileName", ""))
    if name not in files:
        raise invalid(f"The file {name} was not sent")
    if told.get("fileFormat", "CSV") != "CSV":
        raise invalid("This sandbox imports CSV alone")
    page = told.get("fileImportPage") or {}
    mappings = page.get("columnMappings") or []
    kind = _kind(mappings)
    rows = _read(files[name])
    head = next(rows, []) if page.get("hasHeader", True) else []
    columns, read = _columns(store, kind, mappings, head), tuple(map(tuple, rows))
    if len(read) > MOST_ROWS:
        raise invalid(f"A file has at most {MOST_ROWS} rows")
    days = str(told.get("dateFormat") or wanted.get("dateFormat") or "MONTH_DAY_YEAR")
    if days not in DAYS:
        raise invalid(f"dateFormat is one of: {', '.join(DAYS)}")
    return Page(
        file=name,
        kind=kind,
        operation=_operation(wanted, kind),
        days=DAYS[days],
        columns=columns,
        rows=read,
        width=len(head) or len(mappings),
        first_line=2 if head else 1,
    )


def _read(content: bytes) -> Iterator[list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise invalid("The file is not UTF-8") from None
    # a blank line is no row
    return (row for row in csv.reader(io.StringIO(text, newline="")) if row)


def _kind(mappings: Sequence[Mapping[str, Any]]) -> Kind:
    kinds = {str(each.get("columnObjectTypeId")) for each in mappings if each.get("propertyName")}
    if len(kinds) != 1:
        raise invalid("This sandbox imports files of one object, which every column must name")
    return kind_of(kinds.pop())


def _operation(wanted: Mapping[str, Any], kind: Kind) -> str:
    told = wanted.get("importOperations") or {}
    operation = next((told[each] for each in (kind.id, kind.name) if each in told), "UPSERT")
    if operation not in OPERATIONS:
        raise invalid(f"importOperations are one of: {', '.join(OPERATIONS)}")
    return str(operation)


def _columns(
    store: Store, kind: Kind, mappings: Sequence[Mapping[str, Any]], head: Sequence[str]
) -> tuple[Column, ...]:
    """The columns that mean something, by their names in the header or by their places."""
    known, columns = catalogue.known(store, kind), []
    for place, each in enumerate(mappings):
        name = each.get("propertyName")
        if name is None:
            continue
        if head and each.get("columnName") not in head:
            raise invalid(f"The file has no column {each.get('columnName')}")
        at = list(head).index(each["columnName"]) if head else place
        key = str(each.get("columnType") or each.get("idColumnType") or "")
        if key not in (OBJECT_ID, ALTERNATE_ID):
            key = ""
        if name not in known:
            raise invalid(f"Property {name} does not exist for {kind.name}")
        if known[name].read_only and key != OBJECT_ID:
            raise invalid(f"Property {name} is read only")
        columns.append(Column(at, str(name), key))
    return tuple(columns)
