"""Writing by sObject Collections: 200 records a chunk, an outcome for every one of them.

Up to five chunks travel in one composite call, which counts as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from ...errors import InDoubt, Malformed, RemoteError
from ...http import body_of
from ...records import Outcome
from . import answers
from .client import QUIETLY, Client

CHUNK = 200
#: Salesforce takes at most five collections in one composite call.
TOGETHER = 5
#: An org that refuses a composite call as such takes the same chunks one by one.
NOT_TOGETHER = frozenset({400, 404, 405})
RETRIEVE = 2000
#: Calls between two looks at what the records hold: an edit meanwhile would be overwritten.
LOOK = 4
JSON = {"Content-Type": "application/json"}

Row = Mapping[str, Any]


def write(
    client: Client, object: str, rows: Sequence[Row], chunk: int = CHUNK, together: int = TOGETHER
) -> Iterator[tuple[Outcome, ...]]:
    """Update records, chunk by chunk in order. A bad record never costs its neighbours."""
    chunks = [rows[start : start + chunk] for start in range(0, len(rows), chunk)]
    for start in range(0, len(chunks), together):
        group = chunks[start : start + together]
        if len(group) == 1:
            yield from _send(client, object, group[0])
        else:
            yield from _send_together(client, object, group)


def _send_together(
    client: Client, object: str, chunks: Sequence[Sequence[Row]]
) -> Iterator[tuple[Outcome, ...]]:
    """Several chunks in one call, each a transaction of its own."""
    parts = [
        {
            "method": "PATCH",
            "url": f"/{client.path}/composite/sobjects",
            "referenceId": f"chunk{number}",
            "httpHeaders": QUIETLY,
            "body": _body(object, chunk),
        }
        for number, chunk in enumerate(chunks)
    ]
    try:
        answer = client.json(
            "POST",
            "composite",
            f"to update {object}",
            data=orjson.dumps({"allOrNone": False, "compositeRequest": parts}),
            headers=JSON,
        )
        told = _parts(answer, len(chunks))
    except (InDoubt, Malformed) as error:
        yield tuple(_doubt(row, error.message) for chunk in chunks for row in chunk)
        return
    except RemoteError as error:
        if error.status not in NOT_TOGETHER:
            raise
        for chunk in chunks:
            yield from _send(client, object, chunk)
        return
    for chunk, part in zip(chunks, told, strict=True):
        yield from _part(client, object, chunk, part)


def _parts(answer: Any, count: int) -> list[Mapping[str, Any]]:
    told = answer.get("compositeResponse") if isinstance(answer, dict) else None
    if not isinstance(told, list) or len(told) != count:
        raise Malformed(
            "Salesforce's answer does not match the chunks that were sent.",
            hint="Run again: what was written is looked up before anything is sent.",
        )
    return told


def _part(
    client: Client, object: str, rows: Sequence[Row], part: Mapping[str, Any]
) -> Iterator[tuple[Outcome, ...]]:
    """What one chunk of a composite call came to. A chunk refused whole is sent by itself."""
    status = int(part.get("httpStatusCode") or 0)
    if status < 400:
        yield _outcomes(rows, part.get("body"))
    elif status >= 500:
        yield tuple(_doubt(row, "") for row in rows)
    else:
        yield from _send(client, object, rows)


def _send(client: Client, object: str, rows: Sequence[Row]) -> Iterator[tuple[Outcome, ...]]:
    """One call. A call that fails as a whole is halved until the bad record stands alone.

    A CRM that is busy or out of reach ends the writing: it has been asked several times already.
    """
    try:
        answer = client.raw(
            "PATCH",
            "composite/sobjects",
            f"to update {object}",
            data=orjson.dumps(_body(object, rows)),
            headers=JSON,
        )
        results = body_of(answer, "Salesforce")
    except (InDoubt, Malformed) as error:
        yield tuple(_doubt(row, error.message) for row in rows)
    except RemoteError as error:
        if error.code not in answers.BISECT:
            raise
        yield from _halved(client, object, rows, error)
    else:
        yield _outcomes(rows, results)


def _doubt(row: Row, message: str) -> Outcome:
    return Outcome(row["id"], "doubt", "NO_ANSWER", message)


def _body(object: str, rows: Sequence[Row]) -> dict[str, Any]:
    kind = {"type": object}
    return {"allOrNone": False, "records": [{"attributes": kind, **row} for row in rows]}


def _outcomes(rows: Sequence[Row], results: Any) -> tuple[Outcome, ...]:
    if not isinstance(results, list) or len(results) != len(rows):
        return tuple(_doubt(row, "") for row in rows)
    pairs = zip(rows, results, strict=True)
    return tuple(answers.outcome_of(row["id"], result) for row, result in pairs)


def _halved(
    client: Client, object: str, rows: Sequence[Row], error: RemoteError
) -> Iterator[tuple[Outcome, ...]]:
    if len(rows) == 1:
        text = answers.shortened(error.message)
        yield (Outcome(rows[0]["id"], answers.result_of(error.code), error.code, text),)
        return
    middle = len(rows) // 2
    yield from _send(client, object, rows[:middle])
    yield from _send(client, object, rows[middle:])


def values(
    client: Client, object: str, ids: Sequence[str], fields: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """What records hold now, 2,000 a call. A record that is gone is left out."""
    held: dict[str, dict[str, Any]] = {}
    for start in range(0, len(ids), RETRIEVE):
        body = {"ids": list(ids[start : start + RETRIEVE]), "fields": ["Id", *fields]}
        found = client.json(
            "POST",
            f"composite/sobjects/{object}",
            f"to read {object} back",
            data=orjson.dumps(body),
            headers=JSON,
            idempotent=True,
        )
        for record in found:
            if record is not None:
                held[record["Id"]] = record
    return held
