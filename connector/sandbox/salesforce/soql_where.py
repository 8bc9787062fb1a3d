"""The conditions of a SOQL statement → SQL that is true or false, never unknown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

from sqlglot import expressions as exp

from ..clock import stamp
from ..ids import is_id, long_id
from ..store import Field
from . import soql_dates
from .soql_names import NUMERIC, Column, Names
from .soql_parse import (
    Among,
    Compare,
    Condition,
    Joined,
    Literal,
    Negation,
    Operand,
    Query,
    unescaped,
)

#: Objects that cannot be the inner side of a semi-join.
NEVER_INNER = frozenset({"Task", "Event", "EmailMessage", "Attachment", "Note"})
_SIGNS: dict[str, type[exp.Binary]] = {
    "<": exp.LT,
    "<=": exp.LTE,
    ">": exp.GT,
    ">=": exp.GTE,
}
_DATES = frozenset({"date", "datetime"})
_WRITTEN = {"datetime": "dateTime", "currency": "double", "percent": "double"}

Inner = Callable[[Query], exp.Expr]


def condition(what: Condition, names: Names, inner: Inner) -> exp.Expr:
    """One condition; `inner` translates the query of a semi-join."""
    match what:
        case Joined(word, parts):
            each = [condition(part, names, inner) for part in parts]
            return exp.and_(*each) if word == "and" else exp.or_(*each)
        case Negation(part):
            return _opposite(condition(part, names, inner))
        case Among():
            return _among(what, names, inner)
        case Compare():
            return _compare(what, names)


def _opposite(what: exp.Expr) -> exp.Expr:
    """What SQL leaves unknown about an empty value is false in SOQL, so its opposite is true."""
    known = exp.Coalesce(this=exp.paren(what), expressions=[exp.Literal.number(0)])
    return exp.Not(this=known)


def _among(what: Among, names: Names, inner: Inner) -> exp.Expr:
    left = _filterable(names.column(what.left), what.left, names)
    if what.inner is not None:
        _check_inner(what.inner, what, names)
        found: exp.Expr = exp.In(this=left.sql, query=inner(what.inner))
    else:
        values = [_value(each, left, names) for each in what.values]
        empty = [each for each in values if isinstance(each, exp.Null)]
        full = [each for each in values if not isinstance(each, exp.Null)]
        found = exp.In(this=left.sql, expressions=full)
        if empty:
            found = exp.or_(found, exp.Is(this=left.sql.copy(), expression=exp.null()))
    return _opposite(found) if what.negated else found


def _check_inner(query: Query, what: Among, names: Names) -> None:
    known = names.access.names.get(query.object.lower(), query.object)
    if known in NEVER_INNER:
        said = f"Entity '{known}' is not supported for semi join inner selects"
        raise names.mistake("MALFORMED_QUERY", said, what.left)
    if known == names.object:
        said = "The inner and outer selects should not be on the same object type"
        raise names.mistake("MALFORMED_QUERY", said, what.left)


def _compare(what: Compare, names: Names) -> exp.Expr:
    left = _filterable(names.column(what.left), what.left, names)
    if what.right.kind == "relative":
        return _relative(what, left, names)
    if what.sign == "like":
        return _like(what, left, names)
    value = _value(what.right, left, names)
    if what.sign in ("=", "!="):
        same = exp.Is(this=left.sql, expression=value)
        return same if what.sign == "=" else exp.Not(this=same)
    return _SIGNS[what.sign](this=left.sql, expression=value)


def _filterable(column: Column, where: Operand, names: Names) -> Column:
    if not column.field.filterable:
        said = f"field '{column.names[-1]}' can not be filtered in a query call"
        raise names.mistake("INVALID_FIELD", said, where)
    return column


def _like(what: Compare, left: Column, names: Names) -> exp.Expr:
    if what.right.kind != "string":
        raise _wrong_type(left, what.right, names)
    # what LIKE itself escapes stays escaped, in SQLite's way
    pattern = unescaped(what.right.text, keep=r"\%_")
    like = exp.Like(this=left.sql, expression=exp.Literal.string(pattern))
    return exp.Escape(this=like, expression=exp.Literal.string("\\"))


def _relative(what: Compare, left: Column, names: Names) -> exp.Expr:
    today = names.store.clock.now().date()
    days = soql_dates.span(what.right.text, today)
    if days is None:
        said = f"unexpected token: '{what.right.text}'"
        raise names.mistake("MALFORMED_QUERY", said, what.right)
    if left.field.type not in _DATES:
        raise _wrong_type(left, what.right, names)
    start, end = (_day(each, left.field) for each in days)
    match what.sign:
        case "<" | ">=":
            return _SIGNS[what.sign](this=left.sql, expression=start)
        case ">" | "<=":
            sign = exp.GTE if what.sign == ">" else exp.LT
            return sign(this=left.sql, expression=end)
        case _:
            inside = exp.and_(
                exp.GTE(this=left.sql, expression=start),
                exp.LT(this=left.sql.copy(), expression=end),
            )
            return inside if what.sign == "=" else _opposite(inside)


def _day(day: date, field: Field) -> exp.Expr:
    whole = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return exp.Literal.string(stamp(whole) if field.type == "datetime" else day.isoformat())


def _value(literal: Literal, left: Column, names: Names) -> exp.Expr:
    """A literal as this column keeps its values."""
    kind = left.field.type
    match literal.kind:
        case "null":
            return exp.null()
        case "boolean" if kind == "boolean":
            return exp.Literal.number(int(literal.text.lower() == "true"))
        case "number" if kind in NUMERIC:
            return exp.Literal.number(literal.text)
        case "date" if kind == "date":
            return exp.Literal.string(literal.text)
        case "datetime" if kind == "datetime":
            return _moment(literal, names)
        case "string" if kind not in NUMERIC | _DATES | {"boolean"}:
            return _text(literal, left, names)
        case _:
            raise _wrong_type(left, literal, names)


def _moment(literal: Literal, names: Names) -> exp.Expr:
    try:
        moment = datetime.fromisoformat(literal.text).astimezone(UTC)
    except ValueError:
        said = f"Invalid datetime: {literal.text}"
        raise names.mistake("INVALID_QUERY_FILTER_OPERATOR", said, literal) from None
    thousandths = moment.microsecond // 1000
    return exp.Literal.string(stamp(moment).replace(".000+", f".{thousandths:03}+"))


def _text(literal: Literal, left: Column, names: Names) -> exp.Expr:
    text = unescaped(literal.text)
    if not text:
        return exp.null()
    if left.field.type not in ("id", "reference"):
        return exp.Literal.string(text)
    if not is_id(text):
        said = f"invalid ID field: {text}"
        raise names.mistake("INVALID_QUERY_FILTER_OPERATOR", said, literal)
    return exp.Literal.string(long_id(text))


def _wrong_type(left: Column, literal: Literal, names: Names) -> Exception:
    kind = left.field.type
    plain = kind in NUMERIC | _DATES | {"boolean"}
    quotes = "should not be enclosed in quotes" if plain else "should be enclosed in quotes"
    wanted = _WRITTEN.get(kind, kind if plain else "string")
    said = f"value of filter criterion for field '{left.names[-1]}' must be of type {wanted}"
    return names.mistake("INVALID_FIELD", f"{said} and {quotes}", literal)
