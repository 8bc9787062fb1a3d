"""Bulk API 2.0, ingest: a job is opened, filled once, closed, and read when it has run."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from functools import partial
from typing import Any

from ..clock import stamp
from ..store import Store
from . import bulk, bulk_rows
from .api import Answer, Call, Handler
from .bulk import ABORTED, ENDS, OPEN, RUNNING, UPLOADED, Job
from .bulk_rows import DONE, LEFT, REFUSED
from .errors import Refusal, unknown_type
from .writes import key_field

KIND = "ingest"
OPERATIONS = dict.fromkeys(("insert", "update", "upsert", "delete", "hardDelete"), "")
HARD_DELETE = "BulkApiHardDelete"
#: What an upload may have, once it is written in base64.
MOST_BYTES = 150 << 20
MOST_CHARACTERS = 100_000
OPEN_FOR = timedelta(days=1)
#: Bytes up to which a job is so small that the look that sees it complete does its work.
SMALL = 1 << 18
MULTIPART = "multipart/form-data"


def calls() -> tuple[tuple[str, str, Handler], ...]:
    """Every address of ingest jobs and what answers it."""
    one = "/jobs/ingest/{id}"
    return (
        ("POST", "/jobs/ingest", _create),
        ("GET", "/jobs/ingest", _every),
        ("GET", one, _look),
        ("PATCH", one, _change),
        ("DELETE", one, _drop),
        ("PUT", f"{one}/batches", _fill),
        ("GET", f"{one}/successfulResults", partial(_results, DONE)),
        ("GET", f"{one}/failedResults", partial(_results, REFUSED)),
        # clients differ in how they write this one
        ("GET", f"{one}/unprocessedrecords", partial(_results, LEFT)),
        ("GET", f"{one}/unprocessedRecords", partial(_results, LEFT)),
    )


def _create(call: Call) -> Answer:
    """A new job, which is open; one that comes with its data is closed at once."""
    if call.request.headers.get("content-type", "").startswith(MULTIPART):
        asked, data = _parts(call)
    else:
        asked, data = call.json(), None
    job = _opened(call, asked)
    if data is not None:
        job = _closed(call.store, _filled(call.store, job, data))
    return Answer(_told(job))


def _opened(call: Call, asked: dict[str, Any]) -> Job:
    operation = bulk.choice(asked, "operation", "", OPERATIONS)
    bulk.choice(asked, "contentType", "CSV", {"CSV": ""})
    more = bulk.shape(asked)
    name = str(asked.get("object"))
    bulk.check_object(name)
    if name.lower() not in call.access.names:
        raise unknown_type(name)
    target = call.access.object(name)
    if operation == "upsert":
        key = str(asked.get("externalIdFieldName") or "")
        more["key_field"] = _key(call, target.name, key)
    if operation == "hardDelete" and not (call.store.get("rights") or {}).get(HARD_DELETE, True):
        said = "hardDelete operation requires special user profile permission"
        raise Refusal("FEATURENOTENABLED", f"{said}, please contact your system administrator")
    return bulk.create(call, KIND, operation, target.name, **more)


def _key(call: Call, name: str, key: str) -> str:
    try:
        return key_field(call.access, call.access.object(name), key).name
    except Refusal:
        said = f"Field name provided, {key} does not match an External ID, Salesforce Id, or"
        raise Refusal("INVALIDJOB", f"{said} indexed field for {name}") from None


def _parts(call: Call) -> tuple[dict[str, Any], bytes]:
    """The job and the CSV of a request that has both."""
    kind = call.request.headers["content-type"].encode()
    parser: BytesParser[EmailMessage] = BytesParser(policy=HTTP)
    whole = parser.parsebytes(b"Content-Type: " + kind + b"\r\n\r\n" + call.body)
    found: dict[str, bytes] = {}
    for part in whole.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        found[str(name)] = content if isinstance(content, bytes) else b""
    if not {"job", "content"} <= found.keys():
        raise Refusal("CLIENTINPUTERROR", "A multipart request has the parts job and content")
    if len(found["content"].decode(errors="replace")) > MOST_CHARACTERS:
        said = f"The content of a multipart request has at most {MOST_CHARACTERS} characters"
        raise Refusal("CLIENTINPUTERROR", said)
    return replace(call, body=found["job"]).json(), found["content"]


def _fill(call: Call) -> Answer:
    """The data of an open job, which is given once."""
    job = bulk.find(call, KIND)
    kind = call.request.headers.get("content-type", "")
    if not kind.startswith("text/csv"):
        raise Refusal("UNSUPPORTED_MEDIA_TYPE", f"Content-Type not supported: {kind}", status=415)
    _check_open(call, job)
    if bulk_rows.upload(call.store, job).exists():
        said = f"Found multiple contents for job: {job.id}, please 'Close' / 'Abort' / 'Delete' the"
        said += " current Job then create a new Job and make sure you only do 'PUT' once on a given"
        raise Refusal("CLIENTINPUTERROR", f"{said} Job.")
    _filled(call.store, job, call.body)
    return Answer(status=201)


def _filled(store: Store, job: Job, data: bytes) -> Job:
    if len(data) * 4 / 3 > MOST_BYTES:
        said = f"The data of a job has at most {MOST_BYTES >> 20} MB in base64"
        raise Refusal("CLIENTINPUTERROR", said, status=413)
    bulk_rows.upload(store, job).write_bytes(data)
    return job


def _change(call: Call) -> Answer:
    """Closes a job, so that it runs, or aborts it."""
    job = bulk.find(call, KIND)
    allowed = {UPLOADED: frozenset({OPEN}), ABORTED: frozenset({OPEN, UPLOADED, RUNNING})}
    if bulk.wanted_state(call, allowed, job) == ABORTED:
        return Answer(_told(bulk.move(call.store, job, state=ABORTED)))
    _check_open(call, job)
    if not bulk_rows.upload(call.store, job).exists():
        raise Refusal("INVALIDJOBSTATE", f"The job {job.id} has no data; upload it, or abort")
    return Answer(_told(_closed(call.store, job)))


def _closed(store: Store, job: Job) -> Job:
    job = bulk.move(store, job, state=UPLOADED)
    bulk.begin(store, job)
    if not job.error and not _small(store, job):
        _begun(store, job)
    return job


def _check_open(call: Call, job: Job) -> None:
    bulk.check_state(job, frozenset({OPEN}), "upload or close")
    if job.created < stamp(call.store.clock.now() - OPEN_FOR):
        said = f"The job {job.id} has been open for more than a day; abort it and create another"
        raise Refusal("INVALIDJOBSTATE", said)


# running


def _look(call: Call) -> Answer:
    """A job as it is by now."""
    return Answer(_progress(bulk.polled(call.store, bulk.find(call, KIND), _advanced)))


def _advanced(store: Store, job: Job) -> Job | None:
    """The job with what came of it, once all its rows have been processed."""
    if _small(store, job):
        took = bulk.timed(partial(bulk_rows.process, store, job.id))
    elif (run := _begun(store, job)).done():
        took = run.result()
        bulk.runs(store).forget(job.id)
    else:
        return None
    job = bulk.move(store, job, milliseconds=job.milliseconds + took, moved=job.moved)
    return job if job.error or job.processed == job.total else None


def _begun(store: Store, job: Job) -> Future[int]:
    work = partial(bulk_rows.process, store, job.id, breath=bulk_rows.BREATH)
    return bulk.runs(store).ensure(job.id, work)


def _small(store: Store, job: Job) -> bool:
    return bulk_rows.upload(store, job).stat().st_size <= SMALL


# answers


def _every(call: Call) -> Answer:
    return bulk.listed(call, KIND, _told)


def _drop(call: Call) -> Answer:
    job = bulk.find(call, KIND)
    bulk.check_state(job, ENDS, "delete")
    bulk.drop(call.store, job)
    return Answer(status=204)


def _results(outcome: str, call: Call) -> Answer:
    """The rows of a job that has ended, as far as they ended in one way."""
    job = bulk.find(call, KIND)
    bulk.check_state(job, ENDS, "read results")
    if job.total is None and bulk_rows.upload(call.store, job).exists():
        job = bulk_rows.load(call.store, job)
    headers = [("Content-Type", "text/csv")]
    if not bulk.pace(call.store).gzip:
        headers.append(("Content-Encoding", "identity"))
    return Answer(bulk_rows.results(call.store, job, outcome), headers=tuple(headers))


def _told(job: Job) -> dict[str, Any]:
    base = f"services/data/{job.version}/jobs/ingest/{job.id}"
    key = {"externalIdFieldName": job.key_field} if job.key_field else {}
    return {**bulk.told(job), **key, "contentUrl": f"{base}/batches"}


def _progress(job: Job) -> dict[str, Any]:
    return {
        **_told(job),
        **bulk.progress(job),
        "numberRecordsFailed": job.failed,
        "apiActiveProcessingTime": job.milliseconds,
        "apexProcessingTime": 0,
    }
