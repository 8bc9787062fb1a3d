"""A SOQL tree → SQLite: first the ids that match, then pages of values by id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import expressions as exp

from ..store import Store
from .errors import Refusal
from .security import Access
from .soql_names import Column, Names, Parent, column, table
from .soql_parse import Call, Item, Operand, Order, Path, Query, parse
from .soql_where import condition

MOST_OFFSET = 2_000
MOST_FIELDS_ROWS = 200
MOST_SEMI_JOINS = 2


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement ready to run.

    `ids` finds the ids that match, or for an aggregate the rows themselves; `values` takes a
    JSON list of ids and gives id, columns, then id and object of every parent.
    """

    object: str
    ids: str
    values: str = ""
    columns: tuple[Column, ...] = ()
    parents: tuple[Parent, ...] = ()
    aggregate: bool = False


def compile_soql(text: str, store: Store, access: Access, *, everything: bool = False) -> Compiled:
    """Translates a statement; `everything` shows deleted and archived rows too."""
    return _compiled(parse(text), store, access, everything=everything)


def compile_fields(names: Sequence[str], name: str, store: Store, access: Access) -> Compiled:
    """What gives these fields of an object by id."""
    items = tuple(Item(Path(each, 0)) for each in names)
    return _compiled(Query(", ".join(names), items, name, 0), store, access, everything=True)


def _compiled(query: Query, store: Store, access: Access, *, everything: bool) -> Compiled:
    if query.offset > MOST_OFFSET:
        raise Refusal("NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
    names = Names(query, store, access)
    items = [each for item in query.items for each in _expanded(item, names)]
    if items[0].what == Call("COUNT", None, items[0].what.at) and len(items) == 1:
        return Compiled(names.object, _matching(names, everything))
    if query.group or any(isinstance(item.what, Call) for item in items):
        return _aggregated(items, names, everything)
    shown = Names(query, store, access)
    columns = _distinct([shown.column(item.what) for item in items], items, names)
    ids = _matching(names, everything)
    parents = tuple(shown.parents.values())
    return Compiled(names.object, ids, _values(columns, shown), columns, parents)


def _expanded(item: Item, names: Names) -> list[Item]:
    """`FIELDS(ALL)` as the fields it stands for."""
    what = item.what
    if not isinstance(what, Call) or what.name != "FIELDS" or what.path is None:
        return [item]
    kind, most = what.path.text.upper(), names.query.limit
    if kind not in ("ALL", "STANDARD", "CUSTOM"):
        raise names.mistake("MALFORMED_QUERY", f"unexpected token: '{what.path.text}'", what)
    if kind != "STANDARD" and (most is None or most > MOST_FIELDS_ROWS):
        said = "The SOQL FIELDS function must have a LIMIT of at most 200"
        raise names.mistake("MALFORMED_QUERY", said, what)
    every = names.access.fields(names.object).values()
    wanted = [each for each in every if kind == "ALL" or each.custom == (kind == "CUSTOM")]
    return [Item(Path(each.name, what.at)) for each in wanted]


def _distinct(columns: list[Column], items: Sequence[Item], names: Names) -> tuple[Column, ...]:
    """The columns, none of which may be there twice."""
    seen: set[tuple[str, ...]] = set()
    for found, item in zip(columns, items, strict=True):
        if found.names in seen:
            said = f"duplicate field selected: {'.'.join(found.names)}"
            raise names.mistake("MALFORMED_QUERY", said, item.what)
        seen.add(found.names)
    return tuple(columns)


def _matching(names: Names, everything: bool) -> str:
    return _narrowed(exp.select(column("t", "Id")), names, everything).sql("sqlite")


def _aggregated(items: Sequence[Item], names: Names, everything: bool) -> Compiled:
    """Functions and groups; a function without a name of its own is `expr0`, `expr1` …"""
    groups = {_key(each, names) for each in names.query.group}
    columns: list[Column] = []
    unnamed = 0
    for item in items:
        if isinstance(item.what, Path) and _key(item.what, names) not in groups:
            said = f"Field must be grouped or aggregated: {item.what.text}"
            raise names.mistake("MALFORMED_QUERY", said, item.what)
        found = names.column(item.what)
        name = item.alias or found.names[-1]
        if isinstance(item.what, Call) and not item.alias:
            name, unnamed = f"expr{unnamed}", unnamed + 1
        columns.append(Column((name,), found.sql, found.field))
    rows = _narrowed(exp.select(*(each.sql.copy() for each in columns)), names, everything)
    return Compiled(names.object, rows.sql("sqlite"), columns=tuple(columns), aggregate=True)


def _key(what: Operand, names: Names) -> str:
    return names.column(what).sql.sql("sqlite")


def _narrowed(select: exp.Select, names: Names, everything: bool) -> exp.Select:
    """Adds everything after SELECT."""
    query = names.query
    inner = _Inner(names, everything)
    conditions = [] if everything else _present(names)
    if query.where is not None:
        conditions.append(condition(query.where, names, inner))
    groups = [_grouped(each, names) for each in query.group]
    orders = [_order(each, names) for each in query.order]
    having = [] if query.having is None else [condition(query.having, names, inner)]
    select = _joined(select.from_(table(names.store, names.object, "t")), names)
    select = select.where(*conditions) if conditions else select
    select = select.group_by(*groups) if groups else select
    select = select.having(*having) if having else select
    select = select.order_by(*orders) if orders else select
    if query.limit is not None or query.offset:
        select = select.limit(-1 if query.limit is None else query.limit)
    return select.offset(query.offset) if query.offset else select


@dataclass(slots=True)
class _Inner:
    """Translates the inner queries of semi-joins, of which a statement may have two."""

    outer: Names
    everything: bool
    count: int = 0

    def __call__(self, query: Query) -> exp.Expr:
        self.count += 1
        if self.count > MOST_SEMI_JOINS:
            said = "maximum 2 semi join sub-selects are allowed"
            raise self.outer.mistake("MALFORMED_QUERY", said, query.items[0].what)
        if len(query.items) != 1 or isinstance(query.items[0].what, Call):
            said = "a semi join sub-select must select exactly one field"
            raise self.outer.mistake("MALFORMED_QUERY", said, query.items[0].what)
        names = Names(query, self.outer.store, self.outer.access)
        found = names.column(query.items[0].what)
        return _narrowed(exp.select(found.sql), names, self.everything).subquery()


def _present(names: Names) -> list[exp.Expr]:
    """Not in the bin and, for activities, not in the archive."""
    own = names.access.catalogue[names.object].fields
    hides = [each for each in ("IsDeleted", "IsArchived") if each in own]
    return [exp.EQ(this=column("t", each), expression=exp.Literal.number(0)) for each in hides]


def _grouped(what: Operand, names: Names) -> exp.Expr:
    found = names.column(what)
    if not found.field.filterable or found.field.type == "textarea":
        said = f"field '{found.names[-1]}' can not be grouped in a query call"
        raise names.mistake("MALFORMED_QUERY", said, what)
    return found.sql


def _order(order: Order, names: Names) -> exp.Expr:
    found = names.column(order.what)
    if not found.field.filterable:
        said = f"field '{found.names[-1]}' can not be sorted in a query call"
        raise names.mistake("MALFORMED_QUERY", said, order.what)
    return exp.Ordered(this=found.sql, desc=order.descending, nulls_first=not order.nulls_last)


def _joined(select: exp.Select, names: Names) -> exp.Select:
    for join in names.joins.values():
        source = table(names.store, join.object, join.alias)
        select = select.join(source, on=join.on.copy(), join_type="left")
    return select


def _values(columns: Sequence[Column], names: Names) -> str:
    """Values in the order of a JSON list of ids, which comes first so that it leads."""
    listed = exp.Table(
        this=exp.Anonymous(this="json_each", expressions=[exp.Placeholder()]),
        alias=exp.TableAlias(this=exp.to_identifier("k")),
    )
    hidden = [each for parent in names.parents.values() for each in (parent.id, parent.type)]
    every = [column("t", "Id"), *(each.sql for each in columns), *hidden]
    select = exp.select(*(each.copy() for each in every)).from_(listed)
    select = select.join(table(names.store, names.object, "t"), join_type="cross")
    same = exp.EQ(this=column("t", "Id"), expression=column("k", "value"))
    select = _joined(select, names).where(same).order_by(column("k", "key"))
    return select.sql("sqlite")
