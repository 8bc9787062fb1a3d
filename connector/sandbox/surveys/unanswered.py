"""Who was asked and did not answer: for platforms that tell of it.

`state` is what became of the invitation: sent, declined or bounced.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta

from ..store import Store
from . import answers

SCHEMA = """
create table if not exists unanswered (
    id integer primary key, survey text not null, email text, account_key text, contact_key text,
    company text, asked_at text not null, state text not null
);
"""
STATES = ("sent", "declined", "sent", "bounced")


@dataclass(frozen=True, slots=True)
class Invitation:
    """One invitation that brought nothing."""

    id: int
    survey: str
    email: str | None
    account_key: str | None
    contact_key: str | None
    company: str | None
    asked_at: str
    state: str


COLUMNS = tuple(each.name for each in fields(Invitation))


def create_tables(store: Store) -> None:
    """Makes the tables, and, the first time, lets every third person have been silent once."""
    answers.create_tables(store)
    store.db.executescript(SCHEMA)
    if store.get("unanswered"):
        return
    for number, each in enumerate(answers.find(store)[::3]):
        asked = answers.moment(each.submitted_at) - timedelta(days=40)
        add(
            store, Invitation(
                1_000_001 + number, each.survey, each.email, each.account_key, each.contact_key,
                each.company, answers.stamp(asked), STATES[number % len(STATES)],
            ),
        )  # fmt: skip
    store.put("unanswered", True)


def add(store: Store, invitation: Invitation) -> None:
    """Adds an invitation."""
    marks = ", ".join("?" * len(COLUMNS))
    values = tuple(getattr(invitation, name) for name in COLUMNS)
    with store.transaction() as db:
        db.execute(f"insert or replace into unanswered values ({marks})", values)


def remove(store: Store, id: int) -> None:
    """Somebody answered after all."""
    with store.transaction() as db:
        db.execute("delete from unanswered where id = ?", (id,))


def find(store: Store, where: str = "true", *given: object) -> list[Invitation]:
    """Invitations for which a condition holds; it may end with an order and a limit."""
    sql = f"select {', '.join(COLUMNS)} from unanswered where {where}"
    return [Invitation(*each) for each in store.db.execute(sql, given).fetchall()]


def number(store: Store, id: str) -> int:
    """The number of an answer, for platforms that count theirs: its id if that is one."""
    return int(id) if id.isdecimal() else row(store, id)


def row(store: Store, id: str) -> int:
    """The place of an answer in the order in which they came."""
    return int(store.db.execute("select rowid from answers where id = ?", (id,)).fetchone()[0])
