"""Writing by batch update: a hundred records a call, several calls at once, an outcome for each.

Records are named by their own id and by nothing else. One value that HubSpot refuses costs the
whole batch, so such a batch is taken apart until the bad record stands alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any

import orjson

from ...errors import ConnectorError, InDoubt, Malformed
from ...http import Answer, body_of
from ...records import Outcome
from . import answers, stamps
from .answers import Refused
from .client import Client

CHUNK = 100
#: Rate times latency: eight threads keep the limit busy up to four tenths of a second an answer.
THREADS = 8

Row = Mapping[str, Any]
#: A batch: the ids of its records, and each as HubSpot takes it.
Batch = Sequence[tuple[str, bytes]]


def inputs(rows: Iterable[Row]) -> Iterator[tuple[str, bytes]]:
    """Rows with `id` and the fields to set, as HubSpot takes them."""
    for row in rows:
        values = {name: encoded(value) for name, value in row.items() if name != "id"}
        yield row["id"], orjson.dumps({"id": row["id"], "properties": values})


def encoded(value: Any) -> str:
    """A value as HubSpot takes it: always a text; the empty one clears the property."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def write(
    client: Client, kind: str, rows: Sequence[Row], chunk: int = CHUNK, threads: int = THREADS
) -> Iterator[tuple[Outcome, ...]]:
    """Update records; outcomes come batch by batch, in order.

    When a batch cannot be sent at all, those that were under way are told first, then the error.
    """
    every = list(inputs(rows))
    batches = [every[start : start + chunk] for start in range(0, len(every), chunk)]
    yield from _told(client, kind, batches, threads)


def _told(
    client: Client, kind: str, batches: Sequence[Batch], threads: int
) -> Iterator[tuple[Outcome, ...]]:
    error: ConnectorError | None = None
    with ThreadPoolExecutor(min(threads, len(batches) or 1)) as pool:
        coming = [pool.submit(lambda b: list(send(client, kind, b)), batch) for batch in batches]
        for each in coming:
            if error is not None and each.cancel():
                continue
            try:
                yield from each.result()
            except ConnectorError as failed:
                error = error or failed
                _cancel(coming)
    if error is not None:
        raise error


def _cancel(coming: Sequence[Future[Any]]) -> None:
    for each in coming:
        each.cancel()


def send(client: Client, kind: str, batch: Batch) -> Iterator[tuple[Outcome, ...]]:
    """One call, and as many more as it takes to find out which records are refused."""
    path = client.paths.objects(kind, "batch", "update")
    body = b'{"inputs":[' + b",".join(line for _, line in batch) + b"]}"
    try:
        answer = client.raw("POST", path, f"to update {kind}", body=body, refusals=REFUSALS)
        if _is_whole(answer, batch):
            client.stamps.wrote(at.decode() for at in _CHANGED.findall(answer.content))
            yield tuple(Outcome(id, "applied") for id, _ in batch)
            return
        told = body_of(answer, "HubSpot")
    except (InDoubt, Malformed) as error:
        yield tuple(Outcome(id, "doubt", "NO_ANSWER", error.message) for id, _ in batch)
        return
    if answer.status_code in REFUSALS:
        yield from _refused(client, kind, batch, answers.refused(told))
    else:
        results = told.get("results") if isinstance(told, dict) else None
        client.stamps.wrote(stamps.of(results or ()))
        yield _outcomes(batch, told)


def _is_whole(answer: Answer, batch: Batch) -> bool:
    """Whether every record of a batch is among the results, without decoding all that they hold."""
    body: bytes = answer.content
    if answer.status_code != 200 or not body.endswith(b"}") or b'"numErrors":' in body:
        return False
    return {id.encode() for id, _ in batch} <= set(_DONE.findall(body))


_CHANGED = re.compile(rb'"updatedAt":"([^"]+)"')
#: A record that was updated; within a text it would stand behind a backslash.
_DONE = re.compile(rb'\{"id":"(\d+)","properties":\{')
#: What is about some records of a batch, and not about the call.
REFUSALS = frozenset({400, 404, 409})


def _outcomes(batch: Batch, told: Any) -> tuple[Outcome, ...]:
    """Match an answer to what was sent: by id, never by position. Nobody is taken for granted."""
    results = told.get("results") if isinstance(told, dict) else None
    done = {str(each.get("id")) for each in results or () if isinstance(each, dict)}
    failed: dict[str, Refused] = {}
    for each in (told.get("errors") or ()) if isinstance(told, dict) else ():
        problem = answers.refused(each)
        failed |= dict.fromkeys(problem.ids, problem)
    return tuple(_outcome(id, id in done, failed.get(id)) for id, _ in batch)


def _outcome(id: str, is_done: bool, problem: Refused | None) -> Outcome:
    if problem is not None:
        code = problem.code or "REFUSED"
        return Outcome(id, answers.result_of(problem), code, answers.explained(problem))
    return Outcome(id, "applied") if is_done else Outcome(id, "doubt", "NO_ANSWER", "")


def _refused(
    client: Client, kind: str, batch: Batch, told: Refused
) -> Iterator[tuple[Outcome, ...]]:
    """Nothing of the batch was written: leave out the records it names, or look for the bad one."""
    if answers.result_of(told) == "stop" or len(batch) == 1:
        yield tuple(_outcome(id, False, told) for id, _ in batch)
        return
    named = {id for id, _ in batch}.intersection(told.ids)
    if named:
        yield tuple(_outcome(id, False, told) for id, _ in batch if id in named)
        rest = [each for each in batch if each[0] not in named]
        if rest:
            yield from send(client, kind, rest)
        return
    middle = len(batch) // 2
    yield from send(client, kind, batch[:middle])
    yield from send(client, kind, batch[middle:])


def values(
    client: Client,
    kind: str,
    ids: Sequence[str],
    fields: Sequence[str],
    decode: Callable[[str, str | None], Any],
    threads: int = THREADS,
) -> dict[str, dict[str, Any]]:
    """What records hold now, a hundred a call. A record that is gone is left out."""
    batches = [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]
    held: dict[str, dict[str, Any]] = {}
    with ThreadPoolExecutor(min(threads, len(batches) or 1)) as pool:
        for records in pool.map(lambda batch: _held(client, kind, batch, fields), batches):
            for record in records:
                told = record["properties"]
                held[record["id"]] = {name: decode(name, told.get(name)) for name in fields}
    return held


def untouched(client: Client, kind: str, batch: Batch, *, since: datetime) -> Batch:
    """Those of a batch that are there and that nobody has changed since a moment, less the time
    that a search may have been late by then."""
    told = _held(client, kind, [id for id, _ in batch], ())
    latest = since - stamps.LAG
    same = {each["id"] for each in told if datetime.fromisoformat(each["updatedAt"]) <= latest}
    return [each for each in batch if each[0] in same]


def _held(
    client: Client, kind: str, ids: Sequence[str], fields: Sequence[str]
) -> list[Mapping[str, Any]]:
    body = {"properties": list(fields), "inputs": [{"id": id} for id in ids]}
    path = client.paths.objects(kind, "batch", "read")
    found = client.json("POST", path, f"to read {kind} back", body=body, safe=True)
    client.stamps.saw(stamps.of(found["results"]))
    wanted = set(ids)  # the id of a record that was merged away answers with the survivor
    return [each for each in found["results"] if each["id"] in wanted and not each.get("archived")]
