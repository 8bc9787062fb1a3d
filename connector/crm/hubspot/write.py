"""Writing by batch update: a hundred records a call, several calls at once, an outcome for each.

Records are named by their own id and by nothing else. One value that HubSpot refuses costs the
whole batch, so such a batch is taken apart until the bad record stands alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from time import sleep
from typing import Any

import orjson

from ...errors import ConnectorError, InDoubt, Malformed, Throttled, Unreachable
from ...http import Answer, body_of
from ...records import Outcome
from . import answers, stamps
from .answers import Refused
from .client import ATTEMPTS, Client

CHUNK = 100
#: Rate times latency: eight threads keep the limit busy up to four tenths of a second an answer.
THREADS = 8

#: Pause after a connection that could not be made; it doubles.
PAUSE = 0.25
LANE = "batch_update"
#: What was not begun, and may be sent again: too many calls, a lock, no connection.
_AGAIN = frozenset({429, answers.LOCKED, 0})

Row = Mapping[str, Any]
#: A batch: the ids of its records, and each as HubSpot takes it.
Batch = Sequence[tuple[str, bytes]]
#: Which records of a batch are to be sent.
Look = Callable[[Batch], Batch]
#: Whether a property's text, as HubSpot has it now and as the plan found it, means the same.
Alike = Callable[[str, str | None, str], bool]


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
        coming = [pool.submit(sent, client, kind, batch) for batch in batches]
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


def sent(
    client: Client, kind: str, batch: Batch, look: Look | None = None
) -> list[tuple[Outcome, ...]]:
    """All outcomes of a batch. Nobody is about to write its records any more then."""
    try:
        return list(send(client, kind, batch, look))
    finally:
        client.stamps.settle(id for id, _ in batch)


def send(
    client: Client, kind: str, batch: Batch, look: Look | None = None
) -> Iterator[tuple[Outcome, ...]]:
    """One call, and as many more as it takes to find out which records are refused.

    `look` tells which of the batch to send; of the others nothing is told.
    """
    update = Update(client, kind, batch, look)
    try:
        answer = update.send()
        batch = update.batch
        if update.moved:
            yield tuple(update.moved)
        if answer is None:
            return
        if _is_whole(answer, batch):
            client.stamps.wrote(at.decode() for at in _CHANGED.findall(answer.content))
            yield tuple(Outcome(id, "applied") for id, _ in batch)
            return
        told = body_of(answer, "HubSpot")
    except (InDoubt, Malformed) as error:
        yield tuple(Outcome(id, "doubt", "NO_ANSWER", error.message) for id, _ in update.batch)
        return
    if answer.status_code in REFUSALS:
        yield from _refused(client, kind, batch, answers.refused(told))
    else:
        results = told.get("results") if isinstance(told, dict) else None
        client.stamps.wrote(stamps.of(results or ()))
        yield _outcomes(batch, told)


@dataclass(slots=True)
class Update:
    """A batch on its way: what of it is still to be sent, and what has moved meanwhile.

    It waits for its turn first and looks then, so that next to no time lies between look and
    write. What HubSpot does not take yet is looked at anew before it is sent again.
    """

    client: Client
    kind: str
    batch: Batch
    look: Look | None = None
    moved: list[Outcome] = field(default_factory=list)

    def send(self) -> Answer | None:
        """The answer; None when nothing of it is to be sent."""
        for left in reversed(range(ATTEMPTS)):
            with self.client.line.turn(LANE):
                self._look(is_again=left < ATTEMPTS - 1)
                if not self.batch:
                    return None
                try:
                    return self._post()
                except (Throttled, Unreachable) as error:
                    if not left or error.status not in _AGAIN:
                        raise
                    wait = answers.LOCK_SECONDS if error.status == answers.LOCKED else 0.0
                    wait = wait if error.status else PAUSE * 2 ** (ATTEMPTS - 1 - left)
            sleep(wait)
        raise AssertionError("unreachable")

    def _post(self) -> Answer:
        body = b'{"inputs":[' + b",".join(line for _, line in self.batch) + b"]}"
        path = self.client.paths.objects(self.kind, "batch", "update")
        doing = f"to update {self.kind}"
        return self.client.raw("POST", path, doing, body=body, refusals=REFUSALS, once=True)

    def _look(self, *, is_again: bool) -> None:
        if self.look is not None:
            self.batch, self.look = self.look(self.batch), None
            return
        before = self.client.stamps.seen(id for id, _ in self.batch)
        if not before or not (is_again or not self.client.stamps.is_fresh(before)):
            return
        held = _held(self.client, self.kind, [*before], ())
        now = {each["id"]: each["updatedAt"] for each in held}
        gone = {id for id, stamp in before.items() if now.get(id) != stamp}
        self.batch = [each for each in self.batch if each[0] not in gone]
        self.moved += [
            Outcome(id, "moved", "EDITED" if id in now else "GONE", "It changed after the plan.")
            for id in gone
        ]


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


def untouched(
    client: Client, kind: str, batch: Batch, held: Mapping[str, bytes], alike: Alike
) -> Batch:
    """Those of a batch that are there and hold what the plan found: id → a JSON object of texts."""
    before = {id: orjson.loads(held[id]) for id, _ in batch}
    fields = list(dict.fromkeys(name for values in before.values() for name in values))
    told = _held(client, kind, list(before), fields)
    same = {each["id"] for each in told if _holds(each["properties"], before[each["id"]], alike)}
    return [each for each in batch if each[0] in same]


def _holds(now: Mapping[str, str | None], before: Mapping[str, str], alike: Alike) -> bool:
    """Whether a record holds these values; most are equal as they stand."""
    return all(
        (now.get(name) or "") == value or alike(name, now.get(name), value)
        for name, value in before.items()
    )


def _held(
    client: Client, kind: str, ids: Sequence[str], fields: Sequence[str]
) -> list[Mapping[str, Any]]:
    body = {"properties": list(fields), "inputs": [{"id": id} for id in ids]}
    path = client.paths.objects(kind, "batch", "read")
    found = client.json("POST", path, f"to read {kind} back", body=body, safe=True)
    wanted = set(ids)  # the id of a record that was merged away answers with the survivor
    here = [each for each in found["results"] if each["id"] in wanted and not each.get("archived")]
    client.stamps.saw(here)
    return here
