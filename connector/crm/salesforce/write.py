"""Writing by sObject Collections: 200 records a call, an outcome for every one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import orjson

from ...errors import InDoubt, Malformed, RemoteError
from ...http import body_of
from ...records import Outcome
from . import answers
from .client import Client

CHUNK = 200
RETRIEVE = 2000

Row = Mapping[str, Any]


def write(
    client: Client, object: str, rows: Sequence[Row], chunk: int = CHUNK
) -> Iterator[tuple[Outcome, ...]]:
    """Update records chunk by chunk. A bad record never costs its neighbours."""
    for start in range(0, len(rows), chunk):
        yield from _send(client, object, rows[start : start + chunk])


def _send(client: Client, object: str, rows: Sequence[Row]) -> Iterator[tuple[Outcome, ...]]:
    """One call. A call that fails as a whole is halved until the bad record stands alone.

    A CRM that is busy or out of reach ends the writing: it has been asked several times already.
    """
    try:
        answer = client.raw(
            "PATCH",
            "composite/sobjects",
            f"to update {object}",
            data=orjson.dumps({"allOrNone": False, "records": [_record(object, r) for r in rows]}),
            headers={"Content-Type": "application/json"},
        )
        results = body_of(answer, "Salesforce")
    except (InDoubt, Malformed) as error:
        yield tuple(Outcome(row["id"], "doubt", "NO_ANSWER", error.message) for row in rows)
    except RemoteError as error:
        if error.code not in answers.BISECT:
            raise
        yield from _halved(client, object, rows, error)
    else:
        yield _outcomes(rows, results)


def _outcomes(rows: Sequence[Row], results: Any) -> tuple[Outcome, ...]:
    if not isinstance(results, list) or len(results) != len(rows):
        return tuple(Outcome(row["id"], "doubt", "NO_ANSWER", "") for row in rows)
    pairs = zip(rows, results, strict=True)
    return tuple(answers.outcome_of(row["id"], result) for row, result in pairs)


def _halved(
    client: Client, object: str, rows: Sequence[Row], error: RemoteError
) -> Iterator[tuple[Outcome, ...]]:
    if len(rows) == 1:
        text = answers.shortened(error.message)
        yield (Outcome(rows[0]["id"], "failed", error.code, text),)
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
            headers={"Content-Type": "application/json"},
            idempotent=True,
        )
        for record in found:
            if record is not None:
                held[record["Id"]] = {name: record.get(name) for name in fields}
    return held


def _record(object: str, row: Row) -> dict[str, Any]:
    return {"attributes": {"type": object}, **{name: _encode(v) for name, v in row.items()}}


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat() if isinstance(value, date) else value
