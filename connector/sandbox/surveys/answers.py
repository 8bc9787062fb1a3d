"""What customers answered, whichever platform shows it: one table that all emulations read.

Moments are kept as `2026-11-02T08:00:00.000000Z`, so that their order is that of the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import orjson

from ..clock import duration
from ..store import Store

SCHEMA = """
create table if not exists survey_groups (
    id text primary key, name text not null, created_at text not null
);
create table if not exists surveys (
    id text primary key, title text not null, status text not null, created_at text not null,
    in_group text references survey_groups
);
create table if not exists answers (
    id text primary key, survey text not null, kind text not null, metric text not null,
    score real, comment text, labels text not null, language text, channel text, touchpoint text,
    name text, email text, account_key text, contact_key text, company text, asked_at text,
    submitted_at text not null, updated_at text not null, partial integer not null,
    test integer not null, deleted integer not null, more text not null
);
create index if not exists answers_by_time on answers (survey, submitted_at, id);
create index if not exists answers_by_change on answers (updated_at, id);
"""
FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
NEWEST, OLDEST = "9999", "0000"
FLAGS = ("partial", "test", "deleted")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of one person to one survey.

    `kind` is relationship or transactional, `metric` nps, csat, ces or other. `account_key` is
    what the company knows the account by: the CRM's id, or its customer number. `more` is what
    only some platforms tell, under neutral names: `sentiment`, `moods` (label → sentiment),
    `keywords` (label → words), `tags`, `properties`, `questions` and `replies`.
    """

    id: str
    survey: str
    kind: str
    metric: str
    score: float | None
    comment: str | None
    labels: Sequence[str]
    language: str | None
    channel: str | None
    touchpoint: str | None
    name: str | None
    email: str | None
    account_key: str | None
    contact_key: str | None
    company: str | None
    asked_at: str | None
    submitted_at: str
    updated_at: str
    partial: bool = False
    test: bool = False
    deleted: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def whole_score(self) -> float | int | None:
        """The score as platforms write it: 9, not 9.0."""
        whole = self.score is not None and float(self.score).is_integer()
        return int(self.score or 0) if whole else self.score

    @property
    def is_of_record(self) -> bool:
        """Whether `account_key` is the id of a record of the CRM rather than a number of ours."""
        return is_of_record(self.account_key or "")


def is_of_record(key: str) -> bool:
    """Whether a key looks like the id of a record of a CRM."""
    return key.isalnum() and (len(key) in {15, 18} or key.isdigit())


@dataclass(frozen=True, slots=True)
class Survey:
    """One survey and the group it is in, if any."""

    id: str
    title: str
    status: str
    created_at: str
    in_group: str | None = None


COLUMNS = tuple(each.name for each in fields(Answer))
_INSERT = f"insert or replace into answers values ({', '.join('?' * len(COLUMNS))})"


def create_tables(store: Store) -> None:
    """Makes the tables where they are missing."""
    store.db.executescript(SCHEMA)


def add_group(store: Store, id: str, name: str, created_at: str) -> None:
    """Adds a group of surveys."""
    with store.transaction() as db:
        db.execute("insert or replace into survey_groups values (?, ?, ?)", (id, name, created_at))


def add_survey(store: Store, survey: Survey) -> None:
    """Adds a survey."""
    with store.transaction() as db:
        row = tuple(asdict(survey).values())
        db.execute("insert or replace into surveys values (?, ?, ?, ?, ?)", row)


def surveys(store: Store) -> list[Survey]:
    """Every survey, in the order in which they were added."""
    sql = "select id, title, status, created_at, in_group from surveys order by rowid"
    return [Survey(*row) for row in store.db.execute(sql).fetchall()]


def add(store: Store, answers: Iterable[Answer]) -> int:
    """Adds answers and tells how many."""
    rows = [row(each) for each in answers]
    with store.transaction() as db:
        db.executemany(_INSERT, rows)
    return len(rows)


def row(answer: Answer) -> tuple[Any, ...]:
    """An answer as the table keeps it."""
    return tuple(_kept(getattr(answer, name)) for name in COLUMNS)


def find(
    store: Store, where: str = "true", given: Sequence[object] = (), *,
    order: str = "submitted_at, id", limit: int = -1, offset: int = 0, deleted: bool = False,
) -> list[Answer]:  # fmt: skip
    """Answers for which a condition in SQL holds; those that were deleted only if asked for."""
    sql = (
        f"select {', '.join(COLUMNS)} from answers where ({where}) and ({_there(deleted)})"
        f" order by {order} limit {limit} offset {offset}"
    )
    return list(_answers(store.db.execute(sql, tuple(given)).fetchall()))


def count(store: Store, where: str = "true", given: Sequence[object] = ()) -> int:
    """How many answers there are for which a condition holds."""
    sql = f"select count(*) from answers where ({where}) and ({_there(False)})"
    return int(store.db.execute(sql, tuple(given)).fetchone()[0])


def stamp(moment: datetime) -> str:
    """A moment as answers carry it."""
    return moment.astimezone(UTC).strftime(FORMAT)


def moment(text: str) -> datetime:
    """The moment that an answer carries."""
    return datetime.fromisoformat(text)


# what people do to answers


def act(store: Store, wanted: dict[str, Any]) -> dict[str, Any]:
    """Adds, edits or deletes an answer, or adds one that arrives late.

    `late` takes `ago`, how long ago it was given (`2d`). `edit` with `quietly` moves no stamp, as
    platforms do that read comments afterwards.
    """
    create_tables(store)
    acts = {"add": _add, "late": _late, "edit": _edit, "delete": _delete}
    do = acts.get(str(wanted.pop("do")))
    if do is None:
        raise ValueError(f"do is {', '.join(acts)}")
    return {"id": do(store, wanted)}


def _add(store: Store, wanted: dict[str, Any]) -> str:
    _refuse_unknown(wanted)
    now = stamp(store.clock.now())
    id = str(wanted.pop("id", "") or f"added-{count(store, 'id like ?', ('added-%',)) + 1}")
    empty = dict.fromkeys(COLUMNS, None)
    told = {
        **empty, "kind": "relationship", "metric": "nps", "labels": (), "more": {},
        "survey": _first_survey(store), "submitted_at": now, "updated_at": now, **wanted, "id": id,
    }  # fmt: skip
    flags = {name: bool(told[name]) for name in FLAGS}
    add(store, [Answer(**{**told, **flags})])
    return id


def _late(store: Store, wanted: dict[str, Any]) -> str:
    given = store.clock.now() - duration(str(wanted.pop("ago")))
    return _add(store, {**wanted, "submitted_at": stamp(given)})


def _edit(store: Store, wanted: dict[str, Any]) -> str:
    id, quietly = str(wanted.pop("id")), bool(wanted.pop("quietly", False))
    _refuse_unknown(wanted)
    if not quietly:
        wanted.setdefault("updated_at", stamp(store.clock.now()))
    _change(store, id, wanted)
    return id


def _delete(store: Store, wanted: dict[str, Any]) -> str:
    id = str(wanted.pop("id"))
    _change(store, id, {"deleted": True, "updated_at": stamp(store.clock.now())})
    return id


def _change(store: Store, id: str, values: Mapping[str, Any]) -> None:
    with store.transaction() as db:
        told = ", ".join(f"{name} = ?" for name in values)
        sql = f"update answers set {told} where id = ?"
        if not db.execute(sql, (*map(_kept, values.values()), id)).rowcount:
            raise ValueError(f"there is no answer {id!r}")


def _refuse_unknown(wanted: Mapping[str, Any]) -> None:
    if unknown := sorted(set(wanted) - set(COLUMNS)):
        raise ValueError(f"an answer has no {', '.join(unknown)}")


def _first_survey(store: Store) -> str:
    found = surveys(store)
    if not found:
        raise ValueError("there is no survey; name one")
    return found[0].id


# underneath


def _there(deleted: bool) -> str:
    return "true" if deleted else "deleted = 0"


def _kept(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list | tuple | dict):
        return orjson.dumps(value).decode()
    return value


def _answers(rows: Iterable[Sequence[Any]]) -> Iterator[Answer]:
    for each in rows:
        told = dict(zip(COLUMNS, each, strict=True))
        told |= {name: bool(told[name]) for name in FLAGS}
        told |= {name: orjson.loads(told[name]) for name in ("labels", "more")}
        yield Answer(**told)
