"""How rows become records: a value that is not taken costs itself alone, a row itself alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..store import Store
from . import attached, catalogue, outside, records
from .catalogue import Property
from .errors import Refusal
from .import_files import OBJECT_ID, Page
from .kinds import Kind
from .portal import portal
from .records import Author, Row
from .values import Bad, encoded

CREATED, UPDATED, WRITTEN = "CREATED_OBJECTS", "UPDATED_OBJECTS", "UNIQUE_OBJECTS_WRITTEN"
TOTAL, EMITTED, ERRORS = "TOTAL_ROWS", "PROPERTY_VALUES_EMITTED", "ERRORS"
#: Rows that are written with one stamp; more than search can page through.
CHUNK = 12_000
Values = dict[str, str]


@dataclass(frozen=True, slots=True)
class Mistake:
    """What was wrong with a row, or with one value of it."""

    line: int
    type: str
    message: str
    row: tuple[str, ...]
    value: str = ""
    column: int | None = None
    property: str = ""


@dataclass(slots=True)
class Done:
    """What came of some rows."""

    counters: Counter[str] = field(default_factory=Counter)
    mistakes: list[Mistake] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Line:
    """One row that can be written: to a record that there is, or to a new one."""

    number: int
    row: tuple[str, ...]
    values: Values
    record: Row | None


def apply(store: Store, page: Page, start: int, end: int, seen: set[str], app: int) -> Done:
    """Writes some rows; `seen` has the keys of those before, since no record is written twice."""
    done = Done()
    for first in range(start, end, CHUNK):
        rows = page.rows[first : min(first + CHUNK, end)]
        lines = _lines(store, page, rows, page.first_line + first, seen, done)
        _write(store, page, lines, done, Author("IMPORT", str(app)))
    return done


def _lines(
    store: Store,
    page: Page,
    rows: Sequence[tuple[str, ...]],
    first: int,
    seen: set[str],
    done: Done,
) -> list[Line]:
    known, found = catalogue.known(store, page.kind), _records(store, page, rows)
    choices = outside.values(store, page.kind, [each.property for each in page.columns])
    account, lines = portal(store).id, []
    for number, row in enumerate(rows, first):
        done.counters[TOTAL] += 1
        mistake = _unusable(page, number, row, found, seen)
        if mistake is not None:
            done.mistakes.append(mistake)
            continue
        reader = _Reader(page, known, choices, account, number, row)
        values = reader.values()
        done.mistakes += reader.mistakes
        lines.append(Line(number, row, values, found.get(key_of(page, row))))
    return lines


def _unusable(
    page: Page, number: int, row: tuple[str, ...], found: Mapping[str, Row], seen: set[str]
) -> Mistake | None:
    """What keeps a whole row from being written."""
    if len(row) != page.width:
        said = f"The row has {len(row)} columns instead of {page.width}"
        return Mistake(number, "INCORRECT_NUMBER_OF_COLUMNS", said, row)
    key, by_id = key_of(page, row), _by_id(page)
    if by_id and key and not key.isdecimal():
        return Mistake(number, "INVALID_OBJECT_ID", f"{key} is not the id of a record", row, key)
    if by_id and key and key not in found:
        return Mistake(number, "INVALID_RECORD_ID", f"There is no record {key}", row, key)
    if key and key in seen:
        type_ = "DUPLICATE_RECORD_ID" if by_id else "DUPLICATE_ALTERNATE_ID"
        return Mistake(number, type_, f"{key} is in the file more than once", row, key)
    if key:
        seen.add(key)
    if page.operation == "UPDATE" and key not in found:
        return Mistake(number, "UPDATE_ONLY_IMPORT", "There is no such record", row, key)
    if page.operation == "CREATE" and key in found:
        return Mistake(number, "CREATE_ONLY_IMPORT", "The record exists already", row, key)
    return None


class _Reader:
    """Reads the values of one row, and notes those that are not taken."""

    def __init__(
        self,
        page: Page,
        known: Mapping[str, Property],
        choices: Mapping[str, frozenset[str]],
        account: int,
        number: int,
        row: tuple[str, ...],
    ) -> None:
        self._page, self._known, self._choices = page, known, choices
        self._account, self._number, self._row = account, number, row
        self.mistakes: list[Mistake] = []

    def values(self) -> Values:
        """What is to be written; an empty cell says nothing."""
        kept: Values = {}
        for column in self._page.columns:
            text = self._row[column.place].strip()
            if not text or column.key == OBJECT_ID:
                continue
            try:
                kept[column.property] = self._encoded(self._known[column.property], text)
            except Bad as bad:
                self._note(bad, column.place, column.property, text)
        return kept

    def _encoded(self, property_: Property, text: str) -> str:
        if property_.type == "date":
            text = _day(text, self._page.days)
        outside_ = self._choices.get(property_.name)
        return encoded(property_, text, self._page.kind, self._account, outside_)

    def _note(self, bad: Bad, place: int, name: str, text: str) -> None:
        type_ = _TYPES.get(bad.code, "FAILED_VALIDATION")
        if name == "hubspot_owner_id":
            type_ = "COULD_NOT_FIND_OWNER"
        self.mistakes.append(
            Mistake(self._number, type_, bad.message, self._row, text, place + 1, name)
        )


_TYPES = {
    "INVALID_NUMBER": "COULD_NOT_PARSE_NUMBER",
    "INVALID_DATE": "COULD_NOT_PARSE_DATE",
    "INVALID_LONG": "COULD_NOT_PARSE_DATE",
    "INVALID_OPTION": "INVALID_ENUMERATION_OPTION",
    "VALUE_TOO_LONG": "COLUMN_TOO_LARGE",
}


def _day(text: str, forms: Iterable[str]) -> str:
    for form in forms:
        try:
            return datetime.strptime(text, form).date().isoformat()
        except ValueError:
            continue
    raise Bad("INVALID_DATE", f"{text} is not a date of the form that the import names")


def _records(store: Store, page: Page, rows: Sequence[tuple[str, ...]]) -> dict[str, Row]:
    """The records that rows name, by what they name them by."""
    keys = [key for row in rows if len(row) == page.width and (key := key_of(page, row))]
    column = next((each for each in page.columns if each.key), None)
    if column is None or not keys:
        return {}
    if column.key == OBJECT_ID:
        ids = {key: int(key) for key in keys if key.isdecimal() and len(key) < 19}
    else:
        ids = _by_value(store, page.kind, column.property, keys)
    rows_ = records.fetch(store, page.kind, ids.values())
    return {key: rows_[id_] for key, id_ in ids.items() if id_ in rows_}


def _by_value(store: Store, kind: Kind, name: str, keys: Sequence[str]) -> dict[str, int]:
    """The ids of records by a value that tells them from all others: for companies the domain."""
    if catalogue.known(store, kind)[name].unique:
        held = records.found_by(store, kind, name, keys)
        return {
            key: held[found] for key in keys if (found := records.key_of(kind, name, key)) in held
        }
    wanted = {key.lower() for key in keys}
    rows = store.db.execute(
        f"select lower(json_extract(properties, '$.{name}')), min(id) from hs_records"
        " where type = ? and archived = 0 group by 1",
        (kind.code,),
    )
    held = {value: id_ for value, id_ in rows if value in wanted}
    return {key: held[key.lower()] for key in keys if key.lower() in held}


def key_of(page: Page, row: tuple[str, ...]) -> str:
    """What a row names its record by; empty if it names none."""
    column = next((each for each in page.columns if each.key), None)
    return row[column.place].strip() if column and column.place < len(row) else ""


def _by_id(page: Page) -> bool:
    return any(each.key == OBJECT_ID for each in page.columns)


def _write(store: Store, page: Page, lines: Sequence[Line], done: Done, author: Author) -> None:
    """All rows at once; if that is refused, one by one, so that one does not cost the others."""
    if not lines:
        return
    try:
        with store.attempt():
            _keep(store, page, lines, author)
    except Refusal as refusal:
        if len(lines) == 1:
            done.mistakes.append(_refused(lines[0], refusal))
            return
        for each in lines:
            _write(store, page, [each], done, author)
        return
    new = sum(each.record is None for each in lines)
    done.counters[CREATED] += new
    done.counters[UPDATED] += len(lines) - new
    done.counters[WRITTEN] += len(lines)
    done.counters[EMITTED] += sum(len(each.values) for each in lines)


def _keep(store: Store, page: Page, lines: Sequence[Line], author: Author) -> None:
    kind = page.kind
    new = [_complete(store, kind, each.values) for each in lines if each.record is None]
    old = [(each.record, each.values) for each in lines if each.record is not None]
    ids = records.create(store, kind, new, author) if new else []
    if old:
        records.update(store, kind, old, author)
    made = zip(ids, new, strict=True)
    for id_, values in (*made, *((row.id, values) for row, values in old)):
        attached.follow(store, kind, id_, values)


def _complete(store: Store, kind: Kind, values: Values) -> Values:
    filled = {**outside.defaults(store, kind), **values}
    if missing := [each for each in kind.required if not filled.get(each)]:
        raise Refusal("MISSING_REQUIRED_PROPERTY", f"{', '.join(missing)} must be set")
    return filled


def _refused(line: Line, refusal: Refusal) -> Mistake:
    type_ = refusal.category
    if type_ != "MISSING_REQUIRED_PROPERTY":
        # what is left is a value that another record has already
        type_ = "DUPLICATE_UNIQUE_PROPERTY_VALUE"
    return Mistake(line.number, type_, refusal.message, line.row)


def told(mistake: Mistake, number: int, at: int, kind: Kind, **show: bool) -> dict[str, Any]:
    """A mistake as the API tells it."""
    row = {
        "lineNumber": mistake.line,
        "rowData": list(mistake.row) if show["row"] else [],
        "fileId": number,
        "containsEncryptedProperties": False,
    }
    about: dict[str, Any] = {}
    if mistake.value:
        about |= {"invalidValue": mistake.value, "invalidValueToDisplay": mistake.value}
    if mistake.column is not None:
        about |= {"knownColumnNumber": mistake.column, "extraContext": mistake.property}
    if show["message"]:
        about |= {"errorMessage": mistake.message}
    return {
        "createdAt": at,
        "errorType": mistake.type,
        "objectType": kind.single.upper(),
        "objectTypeId": kind.id,
        "sourceData": row,
        **about,
    }
