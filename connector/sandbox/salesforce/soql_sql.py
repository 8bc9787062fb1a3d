"""A SOQL tree → SQLite: first the ids that match, then pages of values by id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import expressions as exp

from ..store import Store
from .errors import Refusal
from .relations import children
from .security import Access
from .soql_names import (
    ADVICE,
    CONVERTED,
    SCALARS,
    Column,
    Names,
    Parent,
    column,
    ignoring_case,
    table,
)
from .soql_parse import LONGEST_STATEMENT, mistake, parse
from .soql_tree import Call, Item, Operand, Order, Path, Query, TypeOf
from .soql_where import condition

MOST_OFFSET = 2_000
MOST_FIELDS_ROWS = 200
MOST_SEMI_JOINS = 2
MOST_PARENTS, MOST_CHILDREN, MOST_LEVELS = 55, 20, 5
#: The limit of 100,000 characters holds for a statement with its formulas written out, and fails
#: it as too complicated. How long a compiled formula is nobody tells: between a few hundred
#: characters and 15,000. Here each place that names one counts 2,000 and what it says itself.
FORMULA = 2_000


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
    children: tuple[Child, ...] = ()
    branchings: tuple[Branching, ...] = ()


@dataclass(frozen=True, slots=True)
class Child:
    """The children of each row under one name; `ids` takes a JSON list of parents."""

    name: str
    ids: str
    inner: Compiled
    soql: str
    everything: bool
    limit: int | None
    offset: int


@dataclass(frozen=True, slots=True)
class Branching:
    """What is shown of a parent by its kind, and whether other kinds show anything."""

    name: str
    kinds: Mapping[str, Compiled]
    otherwise: bool


def compile_soql(text: str, store: Store, access: Access, *, everything: bool = False) -> Compiled:
    """Translates a statement; `everything` shows deleted and archived rows too."""
    formulas: dict[tuple[int, str], int] = {}
    found = _compiled(parse(text), store, access, everything=everything, formulas=formulas)
    _check_size(text, formulas)
    return found


def _check_size(text: str, formulas: Mapping[tuple[int, str], int]) -> None:
    if len(text) + sum(FORMULA + length for length in formulas.values()) > LONGEST_STATEMENT:
        said = (
            "Query is either selecting too many fields or the filter conditions are too"
            " complicated."
        )
        raise Refusal("QUERY_TOO_COMPLICATED", said)


def compile_fields(names: Sequence[str], name: str, store: Store, access: Access) -> Compiled:
    """What gives these fields of an object by id."""
    items = tuple(Item(Path(each, 0)) for each in names)
    query = Query(", ".join(names), items, name, 0)
    return _compiled(query, store, access, everything=True, formulas={})


def compile_lines(
    text: str,
    store: Store,
    access: Access,
    *,
    everything: bool,
    line: Callable[[Sequence[Column]], str],
) -> Compiled:
    """A statement whose rows come at once, each as the one value that `line` makes of it."""
    query = parse(text)
    names = Names(query, store, access)
    items = [each for item in query.items for each in _expanded(item, names)]
    columns = _distinct([_shown(item, names) for item in items], items, names)
    rows = _narrowed(exp.select(exp.var(line(columns))), names, everything)
    _check_size(text, names.formulas)
    return Compiled(names.object, rows.sql("sqlite"), columns=columns)


def _compiled(
    query: Query,
    store: Store,
    access: Access,
    *,
    everything: bool,
    formulas: dict[tuple[int, str], int],
    level: int = 1,
) -> Compiled:
    if query.offset > MOST_OFFSET:
        raise Refusal("NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
    names = Names(query, store, access, formulas=formulas)
    items = [each for item in query.items for each in _expanded(item, names)]
    functions = [each.what for each in items if isinstance(each.what, Call)]
    if query.typeofs and (query.group or functions):
        said = "TYPEOF stands beside fields alone, not beside functions or groups"
        raise names.mistake("MALFORMED_QUERY", said, query.typeofs[0].link)
    if len(items) == 1 and functions == [Call("COUNT", None, items[0].what.at)]:
        return Compiled(names.object, _matching(names, everything))
    if query.group or any(each.name not in SCALARS for each in functions):
        return _aggregated(items, names, everything)
    shown = Names(query, store, access, formulas=formulas)
    columns = _distinct([_shown(item, shown) for item in items], items, names)
    branchings = [_branching(each, shown) for each in query.typeofs]
    columns = (*columns, *(each for _, found in branchings for each in found))
    below = _children(query, names, everything, level)
    ids = _matching(names, everything)
    _check_parents({*shown.parents, *names.joins}, [each for each, _ in branchings], names)
    return Compiled(
        names.object,
        ids,
        _values(columns, shown),
        columns,
        tuple(shown.parents.values()),
        children=below,
        branchings=tuple(each for each, _ in branchings),
    )


def _shown(item: Item, names: Names) -> Column:
    """One value of a row, under the name that was given to it."""
    found = names.column(item.what)
    return replace(found, names=(item.alias,)) if item.alias else found


def _check_parents(
    parents: set[tuple[str, ...]], branchings: Sequence[Branching], names: Names
) -> None:
    count = len(parents) + sum(len(each.kinds) for each in branchings)
    if count > MOST_PARENTS:
        said = f"A query may have at most {MOST_PARENTS} relationships, not {count}"
        raise mistake("MALFORMED_QUERY", said, names.query.text, names.query.object_at)


def _branching(what: TypeOf, names: Names) -> tuple[Branching, list[Column]]:
    """The statements that show a parent by kind, and the columns that tell its kind."""
    link = names.link(names.object, what.link.text, what.link)
    if len(link.refers) < 2:
        said = f"TYPEOF needs a relationship to several objects, not {what.link.text}"
        raise names.mistake("INVALID_FIELD", said, what.link)
    kinds = {}
    for kind, fields in what.branches:
        if kind.text.lower() not in names.access.names:
            said = f"sObject type '{kind.text}' is not supported."
            raise names.mistake("INVALID_TYPE", said, kind)
        target = names.access.object(kind.text).name
        asked = [each.text for each in fields]
        kinds[target] = compile_fields(asked, target, names.store, names.access)
    others = [each.text for each in what.otherwise] or ["Id"]
    columns = [names.column(Path(f"{link.relationship}.{each}", what.link.at)) for each in others]
    return Branching(link.relationship, kinds, bool(what.otherwise)), columns


def _children(query: Query, names: Names, everything: bool, level: int) -> tuple[Child, ...]:
    if len(query.children) > MOST_CHILDREN or (query.children and level >= MOST_LEVELS):
        said = f"A query has at most {MOST_CHILDREN} sub-selects, in {MOST_LEVELS} levels"
        raise mistake("MALFORMED_QUERY", said, query.text, query.children[0].start)
    return tuple(_child(each, names, everything, level + 1) for each in query.children)


def _child(query: Query, names: Names, everything: bool, level: int) -> Child:
    related = children(names.access.catalogue, names.object)
    called = {
        each: (each, child, link)
        for each, (child, link) in related.items()
        if link.name in names.access.fields(child)
    }
    if (found := ignoring_case(called, query.object)) is None:
        said = f"Didn't understand relationship '{query.object}' in FROM part of query call."
        said += ADVICE.format(what="relationship", where="custom relationship")
        said = said.replace("__c", "__r")
        raise mistake("INVALID_TYPE", said, query.text, query.object_at)
    name, child, link = found
    own = replace(query, object=child, limit=None, offset=0)
    inner = _compiled(
        own,
        names.store,
        names.access,
        everything=everything,
        formulas=names.formulas,
        level=level,
    )
    if inner.aggregate or not inner.values:
        said = "A sub-select in the list of fields cannot have aggregates"
        raise mistake("MALFORMED_QUERY", said, query.text, query.start)
    below = Names(own, names.store, names.access, formulas=names.formulas)
    rows = exp.select(column("t", link.name), column("t", "Id"))
    ids = _narrowed(rows, below, everything, below=link.name).sql("sqlite")
    after = query.text[query.object_at + len(query.object) : query.end]
    soql = f"{query.text[query.start : query.object_at]}{child}{after}"
    return Child(name, ids, inner, soql, everything, query.limit, query.offset)


def _listed(alias: str = "k") -> exp.Table:
    """A JSON list that is given when the statement runs, as a table."""
    rows = exp.Anonymous(this="json_each", expressions=[exp.Placeholder()])
    return exp.Table(this=rows, alias=exp.TableAlias(this=exp.to_identifier(alias)))


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


def _narrowed(select: exp.Select, names: Names, everything: bool, *, below: str = "") -> exp.Select:
    """Adds everything after SELECT; `below` is the field that leads to a list of parents."""
    query = names.query
    inner = _Inner(names, everything)
    conditions = [] if everything else _present(names)
    if below:
        listed = exp.select(column("k", "value")).from_(_listed()).subquery()
        conditions.append(exp.In(this=column("t", below), query=listed))
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
            code = "EXCEEDED_MAX_SEMIJOIN_SUBSELECTS"
            raise mistake(code, said, query.text, query.start)
        if len(query.items) != 1 or isinstance(query.items[0].what, Call):
            said = "a semi join sub-select must select exactly one field"
            raise mistake("MALFORMED_QUERY", said, query.text, query.start)
        outer = self.outer
        names = Names(query, outer.store, outer.access, formulas=outer.formulas)
        found = names.column(query.items[0].what)
        if found.field.type not in ("id", "reference"):
            said = f"The inner select field '{found.names[-1]}' must be an id or reference"
            raise names.mistake("INVALID_FIELD", said, query.items[0].what)
        return _narrowed(exp.select(found.sql), names, self.everything).subquery()


def _present(names: Names) -> list[exp.Expr]:
    """Not in the bin and, for activities, not in the archive."""
    own = names.access.catalogue[names.object].fields
    hides = [each for each in ("IsDeleted", "IsArchived") if each in own]
    return [exp.EQ(this=column("t", each), expression=exp.Literal.number(0)) for each in hides]


def _grouped(what: Operand, names: Names) -> exp.Expr:
    found = names.column(what)
    plain = found.field.filterable and found.field.type not in ("textarea", "multipicklist")
    if not plain or (isinstance(what, Call) and what.name == CONVERTED):
        said = f"field '{found.names[-1]}' can not be grouped in a query call"
        raise names.mistake("MALFORMED_QUERY", said, what)
    return found.sql


def _order(order: Order, names: Names) -> exp.Expr:
    found = names.column(order.what)
    if not found.field.filterable or found.field.type == "multipicklist":
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
    hidden = [each for parent in names.parents.values() for each in (parent.id, parent.type)]
    every = [column("t", "Id"), *(each.sql for each in columns), *hidden]
    select = exp.select(*(each.copy() for each in every)).from_(_listed())
    select = select.join(table(names.store, names.object, "t"), join_type="cross")
    same = exp.EQ(this=column("t", "Id"), expression=column("k", "value"))
    select = _joined(select, names).where(same).order_by(column("k", "key"))
    return select.sql("sqlite")
