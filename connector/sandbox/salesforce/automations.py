"""The customer's own triggers and flows, as far as they fail."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ..store import Store
from .errors import Refusal

SCHEMA = """
create table if not exists automations (
    object text not null, code text not null, message text not null,
    chunk_above integer not null, condition text not null
);
"""
DEFAULT_CODE = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
DEFAULT_MESSAGE = (
    "AfterUpdate: execution of AfterUpdate caused by: System.LimitException: Too many future"
    " calls: 51"
)
#: A row that a duplicate rule objects to; callers may save it all the same.
DUPLICATE = "DUPLICATES_DETECTED"
RULE_HEADER = "sforce-duplicate-rule-header"
_SAVE = re.compile(r"allowSave\s*=\s*true", re.IGNORECASE)
#: Whether the request that is answered saves duplicates.
_SAVING: ContextVar[bool] = ContextVar("saving", default=False)
#: How many rows the transaction has that is running.
_CHUNK: ContextVar[int] = ContextVar("chunk", default=1)


@dataclass(frozen=True, slots=True)
class Automation:
    """Fails for rows that meet `condition` in transactions of more than `chunk_above` rows."""

    code: str
    message: str
    chunk_above: int
    condition: str


@contextmanager
def chunk_of(rows: int) -> Iterator[None]:
    """Runs a transaction of so many rows."""
    token = _CHUNK.set(rows)
    try:
        yield
    finally:
        _CHUNK.reset(token)


@contextmanager
def asked_by(headers: Mapping[str, str]) -> Iterator[None]:
    """Answers a request with these headers, which say what becomes of duplicates."""
    token = _SAVING.set(bool(_SAVE.search(headers.get(RULE_HEADER, ""))))
    try:
        yield
    finally:
        _SAVING.reset(token)


def chunk_size() -> int:
    """How many rows are written together right now."""
    return _CHUNK.get()


def every(store: Store) -> dict[str, list[Automation]]:
    """All automations by object."""
    rows = store.db.execute(
        "select object, code, message, chunk_above, condition from automations order by rowid"
    )
    found: dict[str, list[Automation]] = {}
    for name, *rest in rows.fetchall():
        found.setdefault(name, []).append(Automation(*rest))
    return found


def run(store: Store, automations: Sequence[Automation], name: str, id_: str) -> None:
    """Lets the automations of a row run, after it has been saved."""
    for each in automations:
        if chunk_size() <= each.chunk_above or (each.code == DUPLICATE and _SAVING.get()):
            continue
        sql = f"select ({each.condition or '1'}) from {store.source(name)} where Id = ?"
        if store.db.execute(sql, (id_,)).fetchone()[0]:
            raise Refusal(each.code, each.message, fields=[])


def replace(store: Store, wanted: Sequence[Mapping[str, Any]]) -> int:
    """Replaces all automations; refuses a condition that does not work on its object."""
    with store.transaction() as db:
        db.execute("delete from automations")
        for each in wanted:
            name, condition = str(each["object"]), str(each.get("when", ""))
            if name not in store.objects():
                raise ValueError(f"there is no object {name}")
            _try(store, name, condition)
            code, message = each.get("code", DEFAULT_CODE), each.get("message", DEFAULT_MESSAGE)
            row = (name, str(code), str(message), int(each.get("chunk_above", 0)), condition)
            db.execute("insert into automations values (?, ?, ?, ?, ?)", row)
    return len(wanted)


def _try(store: Store, name: str, condition: str) -> None:
    try:
        store.db.execute(f"select ({condition or '1'}) from {store.source(name)} limit 1")
    except sqlite3.Error as error:
        raise ValueError(f"{condition}: {error}") from None
