"""Writing by import: a file goes as a whole, HubSpot works on it, and its errors are read back.

A hundred thousand records take a few calls. But an empty cell says nothing, so an import cannot
empty a property, and texts lose their outer blanks on the way: such files go by batch update. And
nobody tells what became of each row. So a row counts as written only if it has no error and the
counters say that every row was gone through; otherwise it is in doubt, and the values tell.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from time import sleep
from typing import Any
from uuid import uuid4

import orjson

from ...errors import ConnectorError, InDoubt, Malformed, RemoteError, Throttled
from ...mapping import casts
from ...protocols import Spool
from ...records import Outcome, Result
from . import jobs
from .catalogue import RECORD_KINDS
from .client import Client

#: A job as it is noted: by its number, or by its name while nobody has told the number yet.
JOB, NAMED = "import:", "import:named "
NAME = "crm-health-connector"
LANE = "imports"
ROWS_A_SECOND = 500
#: Records of one import.
MOST = 100_000
ERRORS = 500
DONE = "DONE"
ENDED = frozenset({DONE, "FAILED", "CANCELED", "REVERTED"})
#: Refusals to begin: not permitted, not understood, too many. The records go by batch update.
REFUSED = frozenset({400, 403, 404, 409, 413, 415, 429})
#: What an import would not write as it is.
UNFIT = "it cannot empty a property, nor keep the spaces around a value"
#: Errors of a row whose record is not there any more.
GONE = frozenset(
    {
        "INVALID_RECORD_ID",
        "INVALID_OBJECT_ID",
        "UPDATE_ONLY_IMPORT",
        "UNKNOWN_ASSOCIATION_RECORD_ID",
    }
)
RECORD_ID = "Record ID"
_BOUNDARY = f"{NAME}-{uuid4().hex}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file of updates as an import takes it: its ids in the order of its rows, its columns."""

    ids: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mistakes:
    """The errors of an import: by record, of which records as a whole, and of how many unknown."""

    outcomes: Mapping[str, Outcome]
    whole: frozenset[str]
    unknown: int


def rows_of(file: Path) -> int:
    """How many records a file of updates has."""
    with file.open("rb") as lines:
        return sum(1 for _ in lines)


def calls(rows: int, most: int, pace: float | None = None) -> dict[str, int]:
    """Lane → the calls of imports: each is begun, looked at, and asked for its errors."""
    each = 2 + jobs.looks(min(rows, most) / (pace or ROWS_A_SECOND))
    return {LANE: each * ceil(rows / most)}


def load(
    client: Client, kind: str, file: Path, into: Path, note: Callable[[str], None]
) -> Spool | None:
    """Send a file of updates as one import; None if it has to go another way.

    `note` is told the import by its name before it is sent, and by its number before it is waited
    for. Whoever is stopped cancels it.
    """
    sheet = sheet_of(file)
    if sheet is None or kind not in RECORD_KINDS:
        client.note(f"{kind} were updated in batches, not by import: {UNFIT}.")
        return None
    name = f"{NAME} {uuid4().hex}"
    note(NAMED + name)
    number = _begun(client, kind, file, sheet, into, name)
    if number is None:
        return None
    note(JOB + number)
    return _outcomes(client, number, into, sheet)


def loaded(client: Client, job: str, into: Path) -> Spool | None:
    """What is known of an import that another run began, once it has ended; None if nothing is.

    Which records it had nobody tells any more: the outcomes are those of its errors, and of the
    others their values tell.
    """
    if not job.startswith(JOB):
        return None
    number = _number_of(client, job)
    if number is None:
        return None
    try:
        return _outcomes(client, number, into, None)
    except RemoteError as error:
        if error.status == 404:
            return None
        raise


def sheet_of(file: Path) -> Sheet | None:
    """What a file of updates holds; None for one that an import would not write as it is."""
    ids: list[str] = []
    columns: dict[str, None] = {}
    with file.open("rb") as lines:
        for line in lines:
            told = orjson.loads(line)
            values: Mapping[str, Any] = told["properties"]
            if not all(isinstance(v, str) and v and v == v.strip() for v in values.values()):
                return None
            ids.append(told["id"])
            columns |= dict.fromkeys(values)
    if not columns or len(set(ids)) != len(ids):
        return None
    return Sheet(tuple(ids), tuple(columns))


# ── the import ────────────────────────────────────────────────────────────────────────────────


def _begun(
    client: Client, kind: str, file: Path, sheet: Sheet, into: Path, name: str
) -> str | None:
    """Send it; its number, or None if HubSpot will not have it."""
    form = into / "import.form"
    _write_form(form, file, sheet, _request(kind, sheet, name))
    headers = {
        "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
        "Content-Length": str(form.stat().st_size),
    }
    path, doing = client.paths.crm("imports"), f"to import {kind}"
    try:
        with form.open("rb") as body:
            answer = client.raw("POST", path, doing, body=body, headers=headers)
        return str(orjson.loads(answer.content)["id"])
    except (InDoubt, orjson.JSONDecodeError, KeyError) as error:
        found = _by_name(client, name)
        if found is None:
            raise InDoubt(
                "Whether HubSpot has begun an import is not known.",
                hint="Run again: the live values are read first.",
            ) from error
        return found
    except RemoteError as error:
        if error.status in REFUSED:
            said = error.message.rstrip(".")
            client.note(f"{kind} were updated in batches, not by import: {said}.")
            return None
        raise
    finally:
        form.unlink()


def _request(kind: str, sheet: Sheet, name: str) -> dict[str, Any]:
    """What the file is: updates of records by their ids, and which column is which property."""
    type_id = RECORD_KINDS[kind]
    key = {
        "columnObjectTypeId": type_id,
        "columnName": RECORD_ID,
        "propertyName": "hs_object_id",
        "columnType": "HUBSPOT_OBJECT_ID",
    }
    others = [
        {"columnObjectTypeId": type_id, "columnName": each, "propertyName": each}
        for each in sheet.columns
    ]
    page = {"hasHeader": True, "columnMappings": [key, *others]}
    return {
        "name": name,
        "importOperations": {type_id: "UPDATE"},
        "dateFormat": "YEAR_MONTH_DAY",
        "files": [
            {
                "fileName": "changes.csv",
                "fileFormat": "CSV",
                "dateFormat": "YEAR_MONTH_DAY",
                "fileImportPage": page,
            }
        ],
    }


def _write_form(form: Path, file: Path, sheet: Sheet, request: Mapping[str, Any]) -> None:
    """The body of the request, put together on disk: what the file is, then the file."""
    fence = f"--{_BOUNDARY}\r\n"
    head = (
        f'{fence}Content-Disposition: form-data; name="importRequest"\r\n'
        f"Content-Type: application/json\r\n\r\n{orjson.dumps(request).decode()}\r\n"
        f'{fence}Content-Disposition: form-data; name="files"; filename="changes.csv"\r\n'
        "Content-Type: text/csv\r\n\r\n"
    )
    with form.open("w", encoding="utf-8", newline="") as out:
        out.write(head)
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([RECORD_ID, *sheet.columns])
        with file.open("rb") as lines:
            for line in lines:
                told = orjson.loads(line)
                get = told["properties"].get
                writer.writerow([told["id"], *(get(name, "") for name in sheet.columns)])
        out.write(f"\r\n--{_BOUNDARY}--\r\n")


def _number_of(client: Client, job: str) -> str | None:
    if job.startswith(NAMED):
        return _by_name(client, job.removeprefix(NAMED))
    return job.removeprefix(JOB)


def _by_name(client: Client, name: str) -> str | None:
    """The number of an import by its name; it would be among the newest."""
    found = client.json("GET", client.paths.crm("imports"), "to look for an import")
    named = (each for each in found.get("results") or () if each.get("importName") == name)
    return next((str(each["id"]) for each in named), None)


def _wait(client: Client, number: str) -> Mapping[str, Any]:
    """Look at an import until it has ended; whoever gives up waiting cancels it."""
    path = client.paths.crm("imports", number)
    try:
        for pause in jobs.pauses():
            told: Mapping[str, Any] = client.json("GET", path, "to look at an import")
            if told.get("state") in ENDED:
                return told
            sleep(pause)
    except RemoteError as error:
        if error.status != 404:
            _cancel(client, number)
        raise
    except BaseException:
        _cancel(client, number)
        raise
    _cancel(client, number)
    raise Throttled(
        f"HubSpot took longer than {jobs.LONGEST_JOB / 3600:.0f} hours for an import.",
        hint="It was cancelled; what it had done is found by the values. Run again.",
    )


def _cancel(client: Client, number: str) -> None:
    """End an import as well as can be; one that has ended already is left alone."""
    with suppress(ConnectorError):
        client.json("POST", client.paths.crm("imports", number, "cancel"), "to cancel an import")


# ── what became of it ─────────────────────────────────────────────────────────────────────────


def _outcomes(client: Client, number: str, into: Path, sheet: Sheet | None) -> Spool:
    """Wait for an import, and tell what is known of its records: `id, result, code, message`."""
    ended = _wait(client, number)
    ids = sheet.ids if sheet else ()
    found = _mistakes(_errors(client, number), ids)
    rest: Result = "applied" if _is_complete(ended, len(ids), found) else "doubt"
    path = into / "import.json"
    with path.open("wb") as out:
        told = (found.outcomes.get(id) or _untold(id, rest) for id in ids or found.outcomes)
        out.writelines(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in told)
    state = str(ended.get("state"))
    stopped = "" if state == DONE else f"HubSpot ended an import early ({state})."
    return Spool(_relation(path), len(ids or found.outcomes), stopped=stopped)


def _untold(id: str, result: Result) -> Outcome:
    if result == "applied":
        return Outcome(id, result)
    return Outcome(id, result, "NO_ANSWER", "The import does not say what became of it.")


def _is_complete(ended: Mapping[str, Any], rows: int, found: Mistakes) -> bool:
    """Whether every row was gone through, and each without an error of its own was written."""
    counters = (ended.get("metadata") or {}).get("counters") or {}
    written = counters.get("UNIQUE_OBJECTS_WRITTEN", 0)
    return (
        ended.get("state") == DONE
        and not found.unknown
        and counters.get("TOTAL_ROWS") == rows
        and written >= rows - len(found.whole)
    )


def _errors(client: Client, number: str) -> Iterator[Mapping[str, Any]]:
    """Every error of an import, page by page."""
    path, doing = client.paths.crm("imports", number, "errors"), "to read the errors of an import"
    after, seen = "", set[str]()
    while True:
        query = {"limit": str(ERRORS), "includeRowData": "true"} | (
            {"after": after} if after else {}
        )
        page = client.json("GET", path, doing, query=query)
        yield from page.get("results") or ()
        after = str(((page.get("paging") or {}).get("next") or {}).get("after") or "")
        if not after:
            return
        if after in seen:
            raise Malformed("HubSpot repeats a page of the errors of an import.")
        seen.add(after)


def _mistakes(errors: Iterator[Mapping[str, Any]], ids: Sequence[str]) -> Mistakes:
    """Errors by record. What is told of one value alone leaves the others of its row written."""
    outcomes: dict[str, Outcome] = {}
    whole: set[str] = set()
    known, unknown = frozenset(ids), 0
    for each in errors:
        id = _id(each, ids, known)
        if not id:
            unknown += 1
            continue
        outcomes.setdefault(id, _outcome(id, each))
        if each.get("knownColumnNumber") is None:
            whole.add(id)
    return Mistakes(outcomes, frozenset(whole), unknown)


def _id(error: Mapping[str, Any], ids: Sequence[str], known: frozenset[str]) -> str:
    """The record that an error is about: by what its row says, else by the number of the line."""
    row = error.get("sourceData") or {}
    cells = row.get("rowData") or [""]
    first = str(cells[0]).strip()
    if first in known or (not ids and first.isdigit()):
        return first
    at = int(row.get("lineNumber") or 0) - 2  # the first line is the header
    return ids[at] if 0 <= at < len(ids) else ""


def _outcome(id: str, error: Mapping[str, Any]) -> Outcome:
    """What an error means, without the value that was refused."""
    code = str(error.get("errorType") or "REFUSED")
    named = f" ({error['extraContext']})" if error.get("extraContext") else ""
    result: Result = "moved" if code in GONE else "failed"
    return Outcome(id, result, code, f"The import refused it: {code}{named}"[:255])


def _relation(file: Path) -> str:
    columns = dict.fromkeys(("id", "result", "code", "message"), "VARCHAR")
    return (
        f"(SELECT * FROM read_json({casts.text(str(file))}, columns = {columns}, "
        "format = 'newline_delimited'))"
    )
