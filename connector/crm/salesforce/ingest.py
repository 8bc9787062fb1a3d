"""Writing by Bulk API 2.0: one CSV file is one job, and every row of it gets an outcome.

"Job complete" says nothing of rows. The rows that succeeded, failed or were never processed come in
three files, in no order: they are matched by Id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil
from pathlib import Path

import requests

from ...errors import ConnectorError, InDoubt, RemoteError, Unreachable
from ...protocols import Spool
from . import answers, jobs
from .client import Client
from .jobs import Job

RESULTS = {
    "successfulResults": "succeeded",
    "failedResults": "failed",
    "unprocessedrecords": "unprocessed",
}
#: How often an upload whose connection broke is begun again, as a new job.
UPLOADS = 3
CHUNK = 1 << 20
#: How often a file of results is fetched whose connection broke on the way.
DOWNLOADS = 5
#: Records of one file: with all our fields it stays well below what one job takes.
MOST = 250_000
#: Until an org has shown its own pace.
ROWS_A_SECOND = 2_000.0


def load(
    client: Client,
    object: str,
    file: Path,
    into: Path,
    note: Callable[[str], None],
    seconds: float,
) -> Spool:
    """Send a file of updates and fetch what became of each row.

    `note` is told the job's id before a byte is sent, and an empty one when a job has ended
    without having run; the job should take so many seconds. A run that is stopped ends the job.
    """
    job = _uploaded(client, object, file, note)
    path = f"jobs/ingest/{job}"
    try:
        began = _started(client, path)
        ended = jobs.wait(client, path, f"to update {object}", seconds)
    except BaseException:
        jobs.abort(client, path)
        raise
    _refuse_if_nothing_ran(ended)
    done = int(ended.get("numberRecordsProcessed") or 0)
    pace = jobs.pace(done, began, str(ended.get("systemModstamp") or ""))
    return replace(_results(client, path, ended, into), pace=pace)


def loaded(client: Client, job: str, into: Path) -> Spool | None:
    """The outcomes of a job that another run began, once it has ended; None if it is gone."""
    path, doing = f"jobs/ingest/{job}", "to look up an earlier job"
    try:
        found: Job = client.json("GET", path, doing)
    except RemoteError as error:
        if error.status == 404:
            return None
        raise
    if found["state"] == "Open":  # nothing of it ran
        jobs.abort(client, path)
        return Spool(_nothing(), 0)
    # How much of it is done nobody knows: it is looked at soon, and then less and less often.
    ended = found if found["state"] in jobs.ENDED else jobs.wait(client, path, doing, 0)
    return _results(client, path, ended, into)


def expected(rows: int, pace: float | None) -> float:
    """The seconds that a job of so many updates should take."""
    return jobs.expected(rows, pace or ROWS_A_SECOND)


def calls(rows: int, pace: float | None, most: int = MOST) -> int:
    """The calls of each job: create, upload, start, looks until it has ended, three results."""
    files = ceil(rows / most)
    looks = jobs.looks(expected(ceil(rows / files), pace))
    return files * (3 + looks + len(RESULTS))


def _uploaded(client: Client, object: str, file: Path, note: Callable[[str], None]) -> str:
    """Create a job and upload the file; a broken upload ends that job and begins another."""
    for left in reversed(range(UPLOADS)):
        job = str(_created(client, object)["id"])
        note(job)
        path = f"jobs/ingest/{job}"
        try:
            _put(client, object, file, f"{path}/batches")
            return job
        except BaseException as error:
            # An open job has not run, whether or not the bytes arrived: nobody need look it up.
            jobs.abort(client, path)
            note("")
            broken = isinstance(error, (InDoubt, Unreachable))
            if not (broken and left) or client.session.spent():
                raise
    raise AssertionError("unreachable")


def _put(client: Client, object: str, file: Path, path: str) -> None:
    with file.open("rb") as body:
        client.raw(
            "PUT",
            path,
            f"to upload changes of {object}",
            data=body,
            headers={"Content-Type": "text/csv"},
        )


def _created(client: Client, object: str) -> Job:
    body = {
        "object": object,
        "operation": "update",
        "contentType": "CSV",
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }
    about = {name: body[name] for name in ("object", "operation")} | {"state": "Open"}
    return jobs.create(client, "jobs/ingest", f"to begin updating {object}", body, about)


def _started(client: Client, path: str) -> str:
    """Let the job run; when that was. If the answer is lost, its state tells whether it does."""
    try:
        job = client.json("PATCH", path, "to start an update", json={"state": "UploadComplete"})
    except (InDoubt, Unreachable):
        job = client.json("GET", path, "to look at an update")
        if job["state"] == "Open":
            raise
    return str(job.get("systemModstamp") or "")


def _results(client: Client, path: str, ended: Job, into: Path) -> Spool:
    """Fetch the three files of results as they are; the engine reads them by column."""
    parts = []
    for name, kind in RESULTS.items():
        file = into / f"{name}.csv"
        _fetch(client, f"{path}/{name}", file)
        if _has_rows(file):
            parts.append(_relation(file, kind))
    rows = int(ended.get("numberRecordsProcessed") or 0)
    told = f"({' UNION ALL '.join(parts)})" if parts else _nothing()
    return Spool(told, rows, stopped=_stopped(ended))


def _has_rows(file: Path) -> bool:
    """Whether a file of results can name records: that of a job without data has no such column."""
    with file.open("rb") as body:
        return b"Id" in body.readline().strip().replace(b'"', b"").split(b",")


def _fetch(client: Client, path: str, file: Path) -> None:
    """Put one file of results on disk; a connection that breaks on the way begins it again."""
    for left in reversed(range(DOWNLOADS)):
        answer = client.raw("GET", path, "to fetch results", stream=True)
        try:
            with answer, file.open("wb") as out:
                for chunk in answer.iter_content(CHUNK):
                    out.write(chunk)
            return
        except requests.RequestException as error:
            if not left or client.session.spent():
                raise Unreachable(
                    "Salesforce: the results of a job broke off again and again.",
                    hint="Run again: what the job has done is looked up then.",
                ) from error


def _stopped(ended: Job) -> str:
    """Why a job ended before its end, when it was not we who ended it."""
    if ended["state"] == "Aborted":
        return "Somebody ended the job of our changes in Salesforce."
    if ended["state"] == "Failed":
        said = answers.shortened(str(ended.get("errorMessage") or "no reason given"))
        return f"Salesforce could not finish the job of our changes: {said}"
    return ""


def _refuse_if_nothing_ran(ended: Job) -> None:
    """A job that failed as a whole, for a reason that every further one would share."""
    if ended["state"] == "Failed" and not ended.get("numberRecordsProcessed"):
        said = answers.shortened(str(ended.get("errorMessage") or "no reason given"))
        if jobs.QUOTA in said:
            raise jobs.spent("to update records")
        raise ConnectorError(
            f"Salesforce refused the whole file of changes: {said}",
            hint="Nothing was written. A field that is not found may be hidden from the "
            "integration user: see `connector fields plan`.",
        )


def _relation(file: Path, kind: str) -> str:
    """One file of results as rows of `id, result, code, message`."""
    place = str(file).replace("'", "''")
    rows = (
        f"SELECT * FROM read_csv('{place}', header = true, all_varchar = true, delim = ',', "
        "quote = '\"', escape = '\"', nullstr = '', auto_detect = true, sample_size = 1)"
    )
    if kind == "succeeded":
        said = "'applied' AS result, '' AS code, '' AS message"
        return f'SELECT "sf__Id" AS id, {said} FROM ({rows})'
    if kind == "unprocessed":
        said = "'transient' AS result, 'UNPROCESSED' AS code, '' AS message"
        return f'SELECT "Id" AS id, {said} FROM ({rows})'
    # A job cannot say that our updates are saved over a duplicate rule; a call can.
    open_ = f"code = '{answers.DUPLICATE}'"
    result = f"CASE WHEN {open_} THEN 'transient' ELSE {answers.result_sql('code')} END"
    return f"SELECT id, {result} AS result, code, message FROM ({_failed(rows)})"


def _failed(rows: str) -> str:
    """`CODE:message:fields --` taken apart."""
    said = "regexp_replace(split_part(\"sf__Error\", code || ':', 2), ':[^:]*--$', '')"
    return (
        'SELECT coalesce(nullif("Id", \'\'), "sf__Id") AS id, code, '
        f"{answers.shortened_sql(said)} AS message "
        f"FROM (SELECT *, split_part(\"sf__Error\", ':', 1) AS code FROM ({rows}))"
    )


def _nothing() -> str:
    columns = ("id", "result", "code", "message")
    empty = ", ".join(f"CAST(NULL AS VARCHAR) AS {name}" for name in columns)
    return f"(SELECT {empty} WHERE false)"
