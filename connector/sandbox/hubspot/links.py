"""What holds records together: both directions of every association, and its types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..store import Store
from .kinds import BY_CODE, BY_NAME, Kind

SCHEMA = """
create table if not exists hs_associations (
    from_type integer not null, from_id integer not null,
    to_type integer not null, to_id integer not null,
    category integer not null, type_id integer not null,
    primary key (from_type, from_id, to_type, to_id, category, type_id)
) without rowid;
create table if not exists hs_labels (
    type_id integer not null, from_type integer not null, to_type integer not null,
    name text not null, label text, inverse integer not null,
    primary key (type_id, from_type, to_type)
) without rowid;
"""
CATEGORIES = ("HUBSPOT_DEFINED", "USER_DEFINED", "INTEGRATOR_DEFINED")
DEFINED, OWN = 0, 1


@dataclass(frozen=True, slots=True)
class Type:
    """One type of association in one direction."""

    id: int
    label: str | None
    inverse: int
    name: str
    category: int = DEFINED


def _types() -> Iterator[tuple[str, str, Type]]:
    yield from _both("contacts", "companies", 279, 280)
    yield from _both("contacts", "companies", 1, 2, "Primary")
    yield from _both("deals", "companies", 341, 342)
    yield from _both("deals", "companies", 5, 6, "Primary")
    yield from _both("tickets", "companies", 339, 340)
    yield from _both("tickets", "companies", 26, 25, "Primary")
    yield from _both("deals", "contacts", 3, 4)
    yield from _both("tickets", "contacts", 16, 15)
    yield from _both("deals", "tickets", 27, 28)
    yield "companies", "companies", Type(450, None, 450, "company_to_company")
    yield "companies", "companies", Type(13, "Child Company", 14, "parent_to_child_company")
    yield "companies", "companies", Type(14, "Parent Company", 13, "child_to_parent_company")
    firsts = {"companies": 181, "contacts": 193, "deals": 205, "tickets": 219}
    steps = {"calls": 0, "emails": 4, "meetings": 6, "notes": 8, "tasks": 10}
    for about, first in firsts.items():
        for activity, step in steps.items():
            yield from _both(about, activity, first + step, first + step + 1)
    said = {"contacts": 81, "tickets": 83, "deals": 85, "companies": 87}
    for about, first in said.items():
        yield from _both("communications", about, first, first + 1)
    yield from _both("feedback_submissions", "contacts", 98, 97)
    yield from _both("feedback_submissions", "tickets", 100, 99)


def _both(
    one: str, other: str, there: int, back: int, label: str | None = None
) -> Iterator[tuple[str, str, Type]]:
    tail = "" if label or not _has_primary(one, other) else "_unlabeled"
    near, far = BY_NAME[one].single, BY_NAME[other].single
    yield one, other, Type(there, label, back, f"{near}_to_{far}{tail}")
    yield other, one, Type(back, label, there, f"{far}_to_{near}{tail}")


def _has_primary(one: str, other: str) -> bool:
    return other == "companies" and one in ("contacts", "deals", "tickets")


_FOUND: dict[tuple[int, int], dict[int, Type]] = {}
for _one, _other, _type in _types():
    _pair = BY_NAME[_one].code, BY_NAME[_other].code
    _FOUND.setdefault(_pair, {})[_type.id] = _type
#: The types that HubSpot defines, by the two sides and by their number.
STANDARD: Mapping[tuple[int, int], Mapping[int, Type]] = MappingProxyType(_FOUND)


def types(store: Store, near: Kind, far: Kind) -> dict[tuple[int, int], Type]:
    """Every type from one side to the other, by category and number."""
    found = {(DEFINED, each.id): each for each in STANDARD.get((near.code, far.code), {}).values()}
    rows = store.db.execute(
        "select type_id, label, inverse, name from hs_labels where from_type = ? and to_type = ?",
        (near.code, far.code),
    )
    own = (Type(id_, label, inverse, name, OWN) for id_, label, inverse, name in rows)
    return {**found, **{(OWN, each.id): each for each in own}}


def default(near: Kind, far: Kind) -> Type | None:
    """The type without a label, if the two sides can be associated at all."""
    every = STANDARD.get((near.code, far.code), {}).values()
    return next((each for each in every if each.label is None), None)


def primary(near: Kind, far: Kind) -> Type | None:
    """The type of the one company that counts."""
    every = STANDARD.get((near.code, far.code), {}).values()
    return next((each for each in every if each.label == "Primary"), None)


def add(store: Store, near: Kind, one: int, far: Kind, other: int, type_: Type) -> None:
    """Associates two records in both directions; a labelled one is there without label too."""
    plain = default(near, far)
    if type_.label == "Primary":
        _demote(store, near, one, far, other, type_)
    for each in {type_.id: type_, **({plain.id: plain} if plain else {})}.values():
        rows = (
            (near.code, one, far.code, other, each.category, each.id),
            (far.code, other, near.code, one, each.category, each.inverse),
        )
        sql = "insert or ignore into hs_associations values (?, ?, ?, ?, ?, ?)"
        store.db.executemany(sql, rows)
    _follow(store, (near, one), (far, other))


def _demote(store: Store, near: Kind, one: int, far: Kind, other: int, type_: Type) -> None:
    """A record has one primary company: the one before stays associated, without the label."""
    forward = far.name == "companies"
    child, id_ = (near, one) if forward else (far, other)
    up, down = (type_.id, type_.inverse) if forward else (type_.inverse, type_.id)
    companies = BY_NAME["companies"].code
    before = company_of(store, child, id_)
    for row in (
        (child.code, id_, companies, before, up),
        (companies, before, child.code, id_, down),
    ):
        store.db.execute(
            "delete from hs_associations where from_type = ? and from_id = ? and to_type = ?"
            " and to_id = ? and category = 0 and type_id = ?",
            row,
        )


def _follow(store: Store, *sides: tuple[Kind, int]) -> None:
    """A contact names its primary company; that this changes is no change of the contact."""
    for kind, id_ in sides:
        if kind.name == "contacts":
            company = company_of(store, kind, id_)
            store.db.execute(
                "update hs_records set properties ="
                " json_set(properties, '$.associatedcompanyid', ?) where type = ? and id = ?",
                ("" if company is None else str(company), kind.code, id_),
            )


def remove(
    store: Store, near: Kind, one: int, far: Kind, other: int, type_: Type | None = None
) -> None:
    """Takes an association of two records away: one type of it, or all."""
    sql = (
        "delete from hs_associations where from_type = ? and from_id = ? and to_type = ?"
        " and to_id = ? and (?5 is null or (category = ?6 and type_id = ?5))"
    )
    category = type_.category if type_ else None
    there, back = (type_.id, type_.inverse) if type_ else (None, None)
    store.db.execute(sql, (near.code, one, far.code, other, there, category))
    store.db.execute(sql, (far.code, other, near.code, one, back, category))
    _follow(store, (near, one), (far, other))


def between(
    store: Store, near: Kind, ids: Iterable[int], far: Kind
) -> dict[int, dict[int, list[tuple[int, int]]]]:
    """What some records are associated with: category and type for each record there."""
    wanted = tuple(dict.fromkeys(ids))
    rows = store.db.execute(
        "select from_id, to_id, category, type_id from hs_associations"
        f" where from_type = ? and to_type = ? and from_id in ({', '.join('?' * len(wanted))})",
        (near.code, far.code, *wanted),
    )
    found: dict[int, dict[int, list[tuple[int, int]]]] = {}
    for one, other, category, type_id in rows:
        found.setdefault(one, {}).setdefault(other, []).append((category, type_id))
    return found


def company_of(store: Store, near: Kind, one: int) -> int | None:
    """The primary company of a record."""
    companies = BY_NAME["companies"]
    main = primary(near, companies)
    if main is None:
        return None
    row = store.db.execute(
        "select to_id from hs_associations where from_type = ? and from_id = ? and to_type = ?"
        " and category = 0 and type_id = ?",
        (near.code, one, companies.code, main.id),
    ).fetchone()
    return int(row[0]) if row else None


def move(store: Store, kind: Kind, old: int, new: int) -> None:
    """Hands the associations of one record to another; its primary company only if it has none."""
    kept = company_of(store, kind, new)
    rows = store.db.execute(
        "select to_type, to_id, category, type_id from hs_associations"
        " where from_type = ? and from_id = ?",
        (kind.code, old),
    ).fetchall()
    forget(store, kind, old)
    main = {each.id for pair in STANDARD.values() for each in pair.values()
            if each.label == "Primary"}  # fmt: skip
    for to_type, to_id, category, type_id in rows:
        pair = STANDARD.get((kind.code, to_type), {})
        if (to_type, to_id) == (kind.code, new):
            continue
        if (
            kept is not None
            and category == DEFINED
            and type_id in main
            and kind.name != "companies"
        ):
            continue
        inverse = _inverse(store, kind.code, to_type, category, type_id, pair)
        store.db.executemany(
            "insert or ignore into hs_associations values (?, ?, ?, ?, ?, ?)",
            (
                (kind.code, new, to_type, to_id, category, type_id),
                (to_type, to_id, kind.code, new, category, inverse),
            ),
        )
        _follow(store, (kind, new), (BY_CODE[to_type], to_id))


def forget(store: Store, kind: Kind, id_: int) -> None:
    """Takes every association of a record away."""
    store.db.execute(
        "delete from hs_associations where (to_type, to_id, from_type, from_id) in (select"
        " from_type, from_id, to_type, to_id from hs_associations"
        " where from_type = ? and from_id = ?)",
        (kind.code, id_),
    )
    sql = "delete from hs_associations where from_type = ? and from_id = ?"
    store.db.execute(sql, (kind.code, id_))


def _inverse(
    store: Store, near: int, far: int, category: int, type_id: int, pair: Mapping[int, Type]
) -> int:
    if category == DEFINED:
        return pair[type_id].inverse
    sql = "select inverse from hs_labels where type_id = ? and from_type = ? and to_type = ?"
    row = store.db.execute(sql, (type_id, near, far)).fetchone()
    return int(row[0])
