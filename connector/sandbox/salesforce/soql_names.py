"""The names of a SOQL statement → SQL expressions, joining parents on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from sqlglot import expressions as exp

from ..store import Field, Store
from . import currencies
from .errors import Refusal
from .security import Access
from .soql_parse import mistake
from .soql_tree import Call, Literal, Operand, Path, Query

MOST_PARENTS = 5
ADVICE = (
    " If you are attempting to use a custom {what}, be sure to append the '__c' after the {where}"
    " name. Please reference your WSDL or the describe call for the appropriate names."
)
AGGREGATES: Mapping[str, type[exp.AggFunc]] = {
    "COUNT": exp.Count,
    "COUNT_DISTINCT": exp.Count,
    "SUM": exp.Sum,
    "AVG": exp.Avg,
    "MIN": exp.Min,
    "MAX": exp.Max,
}
NUMERIC = frozenset({"double", "currency", "percent", "int"})
#: Where in the text of a moment a part of it stands.
PARTS: Mapping[str, tuple[int, int, str]] = {
    "CALENDAR_YEAR": (1, 4, "int"),
    "CALENDAR_MONTH": (6, 2, "int"),
    "DAY_IN_MONTH": (9, 2, "int"),
    "HOUR_IN_DAY": (12, 2, "int"),
    "DAY_ONLY": (1, 10, "date"),
}
#: Functions of one value, which leave a row a row.
CONVERTED, LABELLED = "CONVERTCURRENCY", "TOLABEL"
SCALARS = frozenset({CONVERTED, LABELLED})
#: What a parent has that may be one of several objects.
NAME_FIELDS = {
    "Id": Field("Id", "id"),
    "Name": Field("Name", "string"),
    "Type": Field("Type", "picklist"),
    "FirstName": Field("FirstName", "string"),
    "LastName": Field("LastName", "string"),
    "Email": Field("Email", "email"),
    "Title": Field("Title", "string"),
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Column:
    """One value of a row: the names that lead to it, its SQL and what kind of value it is."""

    names: tuple[str, ...]
    sql: exp.Expr
    field: Field


@dataclass(frozen=True, slots=True)
class Parent:
    """One parent that is shown: the names that lead to it, the SQL of its id and its object."""

    names: tuple[str, ...]
    id: exp.Expr
    type: exp.Expr


@dataclass(frozen=True, slots=True)
class Join:
    """One parent's table in the statement."""

    alias: str
    object: str
    on: exp.Expr


@dataclass(slots=True)
class Names:
    """Resolves names for one statement and remembers which parents that takes."""

    query: Query
    store: Store
    access: Access
    object: str = ""
    joins: dict[tuple[str, ...], Join] = field(default_factory=dict)
    parents: dict[tuple[str, ...], Parent] = field(default_factory=dict)
    #: The formulas in the statement: where each is named, and how long it is.
    formulas: dict[tuple[int, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.query.object.lower() not in self.access.names:
            said = f"sObject type '{self.query.object}' is not supported."
            said += ADVICE.format(what="object", where="entity")
            raise mistake("INVALID_TYPE", said, self.query.text, self.query.object_at)
        self.object = self.access.object(self.query.object).name

    def mistake(self, code: str, message: str, where: Operand | Literal) -> Refusal:
        """An error that points at this part of the statement."""
        return mistake(code, message, self.query.text, where.at)

    def column(self, what: Operand) -> Column:
        """The value that a field, or a function of one, stands for."""
        if isinstance(what, Path):
            return self.field(what)
        if what.path is None:
            raise self.mistake("MALFORMED_QUERY", f"{what.name}() needs a field here", what)
        of = self.field(what.path)
        if what.name in SCALARS:
            return of if what.name == LABELLED else self.converted(what, of)
        if what.name in PARTS:
            start, length, kind = PARTS[what.name]
            moment = exp.Anonymous(this="local", expressions=[of.sql]) if what.local else of.sql
            part: exp.Expr = _part(moment, start, length)
            part = exp.cast(part, "int") if kind == "int" else part
            return Column(of.names, part, Field(what.name, kind))
        return self.aggregate(what, of)

    def converted(self, what: Call, of: Column) -> Column:
        """An amount in the user's currency, in an org that has several."""
        fields = self.access.catalogue[self.object].fields
        if currencies.CODE not in fields or of.field.type != "currency" or len(of.names) > 1:
            said = f"convertCurrency is not for {'.'.join(of.names)} of {self.object} in this org"
            raise self.mistake("INVALID_FIELD", said, what)
        return Column(of.names, currencies.converted(self.store, fields, of.sql), of.field)

    def aggregate(self, what: Call, of: Column) -> Column:
        """A sum, a count, an extreme."""
        if what.name not in AGGREGATES:
            raise self.mistake("MALFORMED_QUERY", f"Invalid function: {what.name}", what)
        totals = what.name in ("SUM", "AVG")
        if totals and of.field.type not in NUMERIC:
            said = f"field {of.names[-1]} does not support aggregate operator {what.name}"
            raise self.mistake("MALFORMED_QUERY", said, what)
        distinct = what.name == "COUNT_DISTINCT"
        inside = exp.Distinct(expressions=[of.sql]) if distinct else of.sql
        kind = "int" if what.name.startswith("COUNT") else of.field.type
        kind = "double" if totals else kind
        return Column(of.names, AGGREGATES[what.name](this=inside), Field(what.name, kind))

    def field(self, path: Path) -> Column:
        """The field at the end of a path."""
        *steps, last = self.steps(path)
        if len(steps) > MOST_PARENTS:
            said = "SOQL relationship queries may go up at most 5 levels"
            raise self.mistake("MALFORMED_QUERY", said, path)
        name, alias = self.object, "t"
        names: tuple[str, ...] = ()
        for step in steps:
            link = self.link(name, step, path)
            names, key = (*names, link.relationship), column(alias, link.name)
            targets = [each for each in link.refers if each in self.access.catalogue]
            if not targets:
                said = f"Didn't understand relationship '{step}' in field path."
                raise self.mistake("INVALID_FIELD", said, path)
            if len(link.refers) != 1:
                return self.any_parent(key, targets, (*names, last), path)
            name, alias = targets[0], self.join(names, targets[0], key)
        found = ignoring_case(self.access.fields(name), last)
        if found is None:
            raise self.no_column(last, name, path)
        if found.formula:
            self.formulas[path.at, path.text] = len(found.formula)
        return Column((*names, found.name), column(alias, found.name), found)

    def steps(self, path: Path) -> list[str]:
        """The path without the object's own name or alias in front."""
        first, *rest = path.text.split(".")
        own = {self.object.lower(), self.query.alias.lower()} - {""}
        if rest and first.lower() in own and self.relation(self.object, first) is None:
            return rest
        return [first, *rest]

    def relation(self, name: str, step: str) -> Field | None:
        """The field that leads to a parent under this name."""
        links = {each.relationship: each for each in self.access.fields(name).values()}
        return ignoring_case(links, step)

    def link(self, name: str, step: str, path: Path) -> Field:
        """The field that leads to a parent; refuses a name that leads nowhere."""
        if (found := self.relation(name, step)) is None:
            said = f"Didn't understand relationship '{step}' in field path."
            said += ADVICE.format(what="relationship", where="custom relationship")
            raise self.mistake("INVALID_FIELD", said.replace("__c", "__r"), path)
        return found

    def no_column(self, last: str, name: str, path: Path) -> Refusal:
        """A field that is not there, or not for this user."""
        said = f"No such column '{last}' on entity '{name}'."
        return self.mistake(
            "INVALID_FIELD", said + ADVICE.format(what="field", where="custom field"), path
        )

    def join(self, names: tuple[str, ...], target: str, key: exp.Expr) -> str:
        """Joins a parent once, and tells its alias."""
        if names not in self.joins:
            alias = f"p{len(self.joins)}"
            on = exp.EQ(this=column(alias, "Id"), expression=key)
            self.joins[names] = Join(alias, target, on)
            object_name = exp.Literal.string(target)
            self.parents[names] = Parent(names, column(alias, "Id"), object_name)
        return self.joins[names].alias

    def any_parent(
        self, key: exp.Expr, targets: list[str], names: tuple[str, ...], path: Path
    ) -> Column:
        """A field of a parent that may be one of several objects: only what all of them have."""
        *above, last = names
        if (found := ignoring_case(NAME_FIELDS, last)) is None:
            raise self.no_column(last, "Name", path)
        kinds = exp.Case(ifs=[self.kind(key, each) for each in targets])
        self.parents[tuple(above)] = Parent(tuple(above), key, kinds)
        if found.name in ("Id", "Type"):
            sql = key if found.name == "Id" else kinds
            return Column((*above, found.name), sql.copy(), found)
        having = [each for each in targets if found.name in self.access.fields(each)]
        values = [self.value_of(key, each, found.name) for each in having] or [exp.null()]
        either = exp.Coalesce(this=exp.null(), expressions=values)
        return Column((*above, found.name), either, found)

    def kind(self, key: exp.Expr, target: str) -> exp.If:
        """The object's name, if the id has its prefix."""
        prefix = exp.Literal.string(self.access.catalogue[target].prefix)
        same = exp.EQ(this=_part(key, 1, 3), expression=prefix)
        return exp.If(this=same, true=exp.Literal.string(target))

    def value_of(self, key: exp.Expr, target: str, name: str) -> exp.Expr:
        """A field of the record with this id, if it is one of this object."""
        same = exp.EQ(this=column("n", "Id"), expression=key.copy())
        source = table(self.store, target, "n")
        return exp.select(column("n", name)).from_(source).where(same).subquery()


def _part(of: exp.Expr, start: int, length: int) -> exp.Expr:
    ends = [exp.Literal.number(start), exp.Literal.number(length)]
    return exp.Anonymous(this="substr", expressions=[of.copy(), *ends])


def column(alias: str, name: str) -> exp.Column:
    """A column, quoted, for names such as Case and Order are words of SQL."""
    return exp.column(exp.to_identifier(name, quoted=True), table=alias)


def table(store: Store, name: str, alias: str) -> exp.Table:
    """What an object is read from, under an alias."""
    source = exp.to_identifier(store.source(name).strip('"'), quoted=True)
    return exp.Table(this=source, alias=exp.TableAlias(this=exp.to_identifier(alias)))


def ignoring_case(named: Mapping[str, T], name: str) -> T | None:
    """The entry under a name, whatever its case."""
    if name in named:
        return named[name]
    wanted = name.lower()
    return next((each for key, each in named.items() if key.lower() == wanted), None)
