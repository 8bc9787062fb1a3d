"""Fills an empty org: one seed and one start of the clock always give the same world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from random import Random
from types import MappingProxyType

from . import files, seed_answers, seed_deals, seed_people, seed_touches
from .seed_deals import add_cases, add_deals
from .seed_people import add_account, add_owners, new_company
from .seed_schema import OBJECTS, create_objects
from .seed_signals import add_invoices, add_usage
from .seed_touches import add_touches
from .seed_world import AUTHORS, DAY, TODAY, Calendar, Company, World
from .store import Store
from .surveys import answers

CHUNK = 2_000
MERGED_FROM = 20  # smaller worlds are too small to lose anything

_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "User": seed_people.USER,
        "Account": seed_people.ACCOUNT,
        "Contact": seed_people.CONTACT,
        "Opportunity": seed_deals.OPPORTUNITY,
        "Case": seed_deals.CASE,
        "Task": seed_touches.TASK,
        "Event": seed_touches.EVENT,
        "EmailMessage": seed_touches.MESSAGE,
        "answers": seed_answers.ANSWER,
        "file_invoices": files.EXPORTS["invoices.csv"].columns,
        "file_usage": files.EXPORTS["usage.csv"].columns,
    }
)


def fill(store: Store, accounts: int, seed: int) -> None:
    """Makes the org's objects and as many accounts, with all that belongs to them."""
    create_objects(store)
    answers.create_tables(store)
    files.create_tables(store)
    if store.get("zenloop_token") is None:
        store.put("zenloop_token", sha256(f"zenloop {seed}".encode()).hexdigest()[:40])
    if accounts:
        with in_bulk(store), store.transaction():
            _populate(store, accounts, seed)


@contextmanager
def in_bulk(store: Store) -> Iterator[None]:
    """Writes straight into the file: twice as fast, and a new org has nothing to lose."""
    store.db.execute("pragma journal_mode = memory")
    store.db.execute("pragma synchronous = off")
    try:
        yield
    finally:
        store.db.execute("pragma synchronous = normal")
        store.db.execute("pragma journal_mode = wal")


def _populate(store: Store, accounts: int, seed: int) -> None:
    start = _start(store)
    world = World(store, Calendar(start), Random(seed))
    seed_answers.add_surveys(store, f"{world.calendar.days[TODAY - 700]}T09:00:00Z")
    add_owners(world, accounts)
    _flush(world)
    for first in range(0, accounts, CHUNK):
        _add_companies(world, range(first + 1, min(first + CHUNK, accounts) + 1))
        _flush(world)
    if accounts >= MERGED_FROM:
        _lose_some(store, world)


def _start(store: Store) -> datetime:
    """The hour the clock started in: what time it is by now would differ from run to run."""
    kept = datetime.fromisoformat(store.get("clock")["start"]).astimezone(UTC)
    return kept.replace(minute=0, second=0, microsecond=0)


def _add_companies(world: World, numbers: range) -> None:
    known: list[Company] = []
    for number in numbers:
        company = new_company(world, number, known)
        known.append(company)
        subjects = add_deals(world, company) + add_cases(world, company)
        add_account(world, company, add_touches(world, company, subjects))
        seed_answers.add_answers(world, company)
        add_invoices(world, company)
        add_usage(world, company)


def _flush(world: World) -> None:
    """Inserts the rows gathered so far."""
    for name, rows in world.rows.items():
        if name in OBJECTS:
            world.store.insert(name, _COLUMNS[name], rows)
        elif rows:
            columns = ", ".join(f'"{column}"' for column in _COLUMNS[name])
            marks = ", ".join("?" * len(rows[0]))
            with world.store.transaction() as db:
                db.executemany(f"insert into {name} ({columns}) values ({marks})", rows)
        rows.clear()


def _lose_some(store: Store, world: World) -> None:
    """Deletes a few records, and merges a doublet of an account into it."""
    stamp = world.calendar.stamp(world.calendar.now - 3 * DAY)
    with store.transaction() as db:
        for name in ("Contact", "Task", "Event", "Case"):
            db.execute(
                f'update "{name}" set IsDeleted = 1, SystemModstamp = ?1, LastModifiedDate = ?1'
                f' where Id in (select Id from "{name}" where CreatedDate < ?1'
                "  order by substr(Id, 15, 1) desc, Id limit 3)",
                (stamp,),
            )
        winner, *values = db.execute(
            "select Id, Name, OwnerId, Type, BillingCountry, CreatedDate, OwnerId, OwnerId"
            " from Account order by Id limit 1 offset 4"
        ).fetchone()
    columns = ("Name", "OwnerId", "Type", "BillingCountry", "CreatedDate", *AUTHORS)
    more = ("Id", "IsDeleted", "MasterRecordId", "SystemModstamp")
    loser = (*values, store.new_id("Account"), 1, winner, stamp)
    store.insert("Account", (*columns, *more), [loser])
