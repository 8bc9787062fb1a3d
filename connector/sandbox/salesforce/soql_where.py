"""The conditions of a SOQL statement → SQL that is true or false, never unknown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

from sqlglot import expressions as exp

from ..clock import stamp
from ..ids import is_id, long_id
from ..store import Field
from . import soql_dates
from .soql_names import CONVERTED, NUMERIC, Column, Names
from .soql_parse import unescaped
from .soql_tree import (
    Among,
    Call,
    Compare,
    Condition,
    Includes,
    Joined,
    Literal,
    Negation,
    Operand,
    Query,
)

#: Objects that cannot be the inner side of a semi-join.
NEVER_INNER = frozenset(
    {"Task", "Event", "ActivityHistory", "OpenActivity", "Attachment", "Note", "EventAttendee"}
)
_KEYS = frozenset({"id", "reference"})
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
            if word == "or":
                _check_alone(parts, names, "OR")
            each = [condition(part, names, inner) for part in parts]
            return exp.and_(*each) if word == "and" else exp.or_(*each)
        case Negation(part):
            _check_alone((part,), names, "NOT")
            return _opposite(condition(part, names, inner))
        case Among():
            return _among(what, names, inner)
        case Includes():
            return _includes(what, names)
        case Compare():
            return _compare(what, names)


def _opposite(what: exp.Expr) -> exp.Expr:
    """What SQL leaves unknown about an empty value is false in SOQL, so its opposite is true."""
    known = exp.Coalesce(this=exp.paren(what), expressions=[exp.Literal.number(0)])
    return exp.Not(this=known)


def _among(what: Among, names: Names, inner: Inner) -> exp.Expr:
    left = _filterable(names.column(what.left), what.left, names)
    if what.inner is not None:
        _check_inner(what.inner, what, left, names)
        found: exp.Expr = exp.In(this=left.sql, query=inner(what.inner))
    else:
        values = [_value(each, left, names) for each in what.values]
        empty = [each for each in values if isinstance(each, exp.Null)]
        full = [each for each in values if not isinstance(each, exp.Null)]
        found = exp.In(this=left.sql, expressions=full)
        if empty:
            found = exp.or_(found, exp.Is(this=left.sql.copy(), expression=exp.null()))
    return _opposite(found) if what.negated else found


def _check_alone(parts: Sequence[Condition], names: Names, word: str) -> None:
    """A semi-join stands beside AND only."""
    for part in parts:
        if isinstance(part, Among) and part.inner is not None:
            said = f"Semi join sub-selects are not allowed with the '{word}' operator"
            raise names.mistake("MALFORMED_QUERY", said, part.left)
        if isinstance(part, Joined):
            _check_alone(part.parts, names, word)


def _check_inner(query: Query, what: Among, left: Column, names: Names) -> None:
    if left.field.type not in _KEYS:
        said = f"The left operand of a semi join must be an id or reference, not {left.names[-1]}"
        raise names.mistake("INVALID_FIELD", said, what.left)
    if query.order or query.limit is not None or query.group or query.children:
        said = "A semi join sub-select has no ORDER BY, LIMIT, GROUP BY or sub-select of its own"
        raise names.mistake("MALFORMED_QUERY", said, what.left)
    if query.where is not None and _joins_again(query.where):
        said = "Nesting of semi join sub-selects is not supported"
        raise names.mistake("MALFORMED_QUERY", said, what.left)
    lowered = {each.lower(): each for each in NEVER_INNER}
    known = names.access.names.get(query.object.lower()) or lowered.get(query.object.lower())
    if known in NEVER_INNER:
        said = f"Entity '{known}' is not supported for semi join inner selects"
        raise names.mistake("MALFORMED_QUERY", said, what.left)
    if known == names.object:
        said = "The inner and outer selects should not be on the same object type"
        raise names.mistake("MALFORMED_QUERY", said, what.left)


def _joins_again(what: Condition) -> bool:
    match what:
        case Joined(_, parts):
            return any(map(_joins_again, parts))
        case Negation(part):
            return _joins_again(part)
        case Among():
            return what.inner is not None
        case _:
            return False


def _includes(what: Includes, names: Names) -> exp.Expr:
    """Each value is a set such as 'A;B', of which all must be there."""
    left = _filterable(names.column(what.left), what.left, names)
    if left.field.type != "multipicklist":
        said = "includes or excludes operator only valid on multipicklist field"
        raise names.mistake("INVALID_QUERY_FILTER_OPERATOR", said, what.left)
    sets = [_holding_all(unescaped(each.text).split(";"), left) for each in what.values]
    found = exp.or_(*sets)
    return _opposite(found) if what.negated else found


def _holding_all(wanted: Sequence[str], left: Column) -> exp.Expr:
    between = exp.Literal.string(";")
    held = exp.DPipe(this=exp.DPipe(this=between, expression=left.sql), expression=between.copy())
    return exp.and_(
        *(
            exp.Like(this=held.copy(), expression=exp.Literal.string(f"%;{each.strip()};%"))
            for each in wanted
        )
    )


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
    if isinstance(where, Call) and where.name == CONVERTED:
        said = "convertCurrency is not allowed in a filter"
        raise names.mistake("MALFORMED_QUERY", said, where)
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
    days = soql_dates.span(what.right.text, soql_dates.today(names.store))
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
    if field.type == "datetime":
        return exp.Literal.string(stamp(soql_dates.midnight(day)))
    return exp.Literal.string(day.isoformat())


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
