"""The one SQL of the model, written for Spark so that it gives the same values.

sqlglot writes Spark's dialect. A word that does something else there is swapped for what gives
DuckDB's value. A function that is neither swapped nor known to be equal is refused by name: better
no score than another one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB

from ..errors import ConfigError
from ..mapping.expressions import BadSql, type_of
from ..records import DAY, FLAG, MOMENT, NUMBER, STREAMS, TEXT, WORDS
from .spark_equal import EQUAL


class _Counted(DuckDB):
    """DuckDB's dialect with the places of a list counted from 1, as they are written."""

    INDEX_OFFSET = 0


_WHOLE = frozenset({"TINYINT", "SMALLINT", "INT", "BIGINT"})
_TIMES = frozenset({"DATE", "TIMESTAMP", "TIMESTAMPTZ"})
_LOOKED_AT = _WHOLE | _TIMES | {"TEXT", "VARCHAR"}
_EXTRACTED = {
    "YEAR": "{}",
    "QUARTER": "{}",
    "MONTH": "{}",
    "WEEK": "{}",
    "DAY": "{}",
    "DOY": "{}",
    "HOUR": "{}",
    "MINUTE": "{}",
    "DOW": "({} - 1)",
    "ISODOW": "{}",
}
#: A number of a moment or day; its difference is how many times the unit has begun in between.
_BEGUN = {
    "YEAR": "YEAR({0})",
    "QUARTER": "(YEAR({0}) * 4 + QUARTER({0}))",
    "MONTH": "(YEAR({0}) * 12 + MONTH({0}))",
    "WEEK": "FLOOR((UNIX_DATE(CAST({0} AS DATE)) + 3) / 7)",
    "DAY": "UNIX_DATE(CAST({0} AS DATE))",
    "HOUR": "FLOOR(UNIX_SECONDS(CAST({0} AS TIMESTAMP)) / 3600)",
}
_TRUNCATED = frozenset({"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR"})
#: What DuckDB's trim takes away: every space that Unicode has, but no tab and no line break.
_SPACES = "".join(map(chr, (0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)))
#: Means something else in the regular expressions of Java, or in a set of letters there.
_FOREIGN = re.compile(r"\\[bBCQ]|\[:|&&|\\s")
_ENDLESS = exp.cast(exp.Literal.string("Infinity"), "DOUBLE")


class _Refused(ValueError):
    """What cannot be said in Spark's SQL with the same value."""


def spark(sql: str) -> str:
    """The statement for Spark. Raises ConfigError where its value would not be the same."""
    try:
        return _translated(sqlglot.parse_one(sql, read=_Counted)).sql("spark")
    except _Refused as error:
        raise ConfigError(f"On Spark {error}.", hint=f"{_HINT} Or set type = 'duckdb'.") from error


def refused(sql: str) -> str | None:
    """Why an expression of a model cannot be asked of Spark; None if it can."""
    try:
        _translated(sqlglot.parse_one(f"SELECT {sql}", read=_Counted))
    except _Refused as error:
        return f"on Spark {error}"
    return None


_HINT = "docs/scale.md lists what is equal."


def _translated(tree: exp.Expr) -> exp.Expr:
    """The tree with every word swapped that means something else; inner ones first."""
    for node in list(tree.walk(bfs=False))[::-1]:
        swap = _SWAPS.get(type(node))
        if swap:
            if (new := swap(node)) is not node:
                node.replace(new)
        elif isinstance(node, exp.Func) and not isinstance(node, EQUAL):
            raise _Refused(f"{_name(node)} is not known to give the same value")
    return tree


def _name(node: exp.Expr) -> str:
    return f"{node.name if isinstance(node, exp.Anonymous) else node.key}()".lower()


def _kinds() -> Mapping[str, str]:
    """Column → type, of the names that have the same type in every stream."""
    found: dict[str, set[str]] = {}
    for stream in STREAMS.values():
        for name, kind in stream.all_columns.items():
            found.setdefault(name, set()).add(kind)
    return {
        **{name: kinds.pop() for name, kinds in found.items() if len(kinds) == 1},
        "as_of": MOMENT,
        "age_days": NUMBER,
        "decay": NUMBER,
    }


_KINDS = _kinds()


def _kind(node: exp.Expr) -> str | None:
    """The type of an expression as far as the names in it tell."""
    if isinstance(node, exp.Column):
        return _KINDS.get(node.name)
    if not any(column.name in _KINDS for column in node.find_all(exp.Column)):
        return None
    copy = node.copy()
    for column in copy.find_all(exp.Column):
        column.set("table", None)
    try:
        return type_of(copy.sql("duckdb"), _KINDS)
    except BadSql:
        return None


def _double(node: exp.Expr) -> exp.Expr:
    return exp.cast(node.copy(), "DOUBLE")


def _is_zero_never(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and float(node.this) != 0


def _div(node: exp.Expr) -> exp.Expr:
    """Division of doubles always, and by zero as the standard of floating numbers has it."""
    above, below = _double(node.this), _double(node.expression)
    divided = exp.Div(this=above, expression=below)
    if _is_zero_never(node.expression.unnest()):
        return exp.paren(divided)
    endless = exp.Mul(this=above.copy(), expression=_ENDLESS.copy())
    by_zero = exp.EQ(this=below.copy(), expression=exp.Literal.number(0))
    return exp.case().when(by_zero, endless).else_(divided)


def _floor(node: exp.Expr) -> exp.Expr:
    return exp.cast(node.copy(), "DOUBLE")


def _cast(node: exp.Expr) -> exp.Expr:
    """What becomes whole is rounded, halves to the even neighbour, not cut off."""
    to = node.args["to"].this.value
    if to not in _LOOKED_AT:
        return node
    kind = _kind(node.this)
    if to in _WHOLE:
        if kind == TEXT:
            raise _Refused("a text is read as a whole number in another way; cast it to double")
        if kind == FLAG or isinstance(node.this, exp.Null | exp.Predicate):
            return node
        node.set("this", exp.Anonymous(this="BROUND", expressions=[node.this.copy()]))
    elif to in {"TEXT", "VARCHAR"} and kind in {NUMBER, MOMENT, WORDS}:
        raise _Refused(f"a cast of {kind.lower()} to text looks different")
    elif to in _TIMES and kind == TEXT and not isinstance(node.this, exp.Literal):
        raise _Refused("a text is read as a date in another way")
    return node


def _joined(node: exp.Expr) -> exp.Expr:
    """A number or a moment looks different as text."""
    for part in (node.this, node.expression):
        if isinstance(part, exp.Column) and _kind(part) in {NUMBER, MOMENT, WORDS}:
            raise _Refused(f"{part.name} looks different as text")
    return node


def _sub(node: exp.Expr) -> exp.Expr:
    """Days between two dates are a number."""
    if isinstance(node.expression, exp.Literal | exp.Interval):
        return node
    if _kind(node.this) == DAY and _kind(node.expression) == DAY:
        ends = [f"UNIX_DATE({each.sql('spark')})" for each in (node.this, node.expression)]
        return sqlglot.parse_one(f"({ends[0]} - {ends[1]})", read="spark")
    return node


def _round(node: exp.Expr) -> exp.Expr:
    """To places, the number is moved, rounded and moved back: its decimal spelling is nothing."""
    places = node.args.get("decimals")
    if places is None:
        return node
    if not isinstance(places, exp.Literal):
        raise _Refused("round() needs a plain number of places")
    factor = exp.Literal.number(f"1e{places.this}")
    moved = exp.Round(this=exp.Mul(this=_double(exp.paren(node.this)), expression=factor))
    return exp.paren(exp.Div(this=moved, expression=factor.copy()))


def _epoch(node: exp.Expr) -> exp.Expr:
    """Whole seconds and the rest, put together as DuckDB does it."""
    at = f"CAST({node.this.sql('spark')} AS TIMESTAMP)"
    rest = f"CAST(PMOD(UNIX_MICROS({at}), 1000000) AS DOUBLE) / 1e6"
    return sqlglot.parse_one(f"(CAST(UNIX_SECONDS({at}) AS DOUBLE) + {rest})", read="spark")


def _trim(node: exp.Expr) -> exp.Expr:
    if node.args.get("position"):
        raise _Refused("ltrim() and rtrim() are not known to give the same value")
    if node.expression is None:
        node.set("expression", exp.Literal.string(_SPACES))
        node.set("position", "BOTH")
    return node


def _lower(node: exp.Expr) -> exp.Expr:
    """Letter by letter, whatever stands beside it: a sigma at the end of a word is any other."""
    plain = [node.this.copy(), exp.Literal.string("Σİ"), exp.Literal.string("σi")]
    return exp.Lower(this=exp.Anonymous(this="TRANSLATE", expressions=plain))


def _upper(node: exp.Expr) -> exp.Expr:
    plain = [node.this.copy(), exp.Literal.string("ß"), exp.Literal.string("ẞ")]
    return exp.Upper(this=exp.Anonymous(this="TRANSLATE", expressions=plain))


def _best(node: exp.Expr) -> exp.Expr:
    """The row with the greatest or least key among those that have a value at all."""
    if node.args.get("count"):
        raise _Refused("arg_max() of several rows is not known to give the same value")
    known = exp.Not(this=exp.Is(this=node.this.copy(), expression=exp.Null()))
    if isinstance(node.parent, exp.Filter):
        own = node.parent.expression.this
        node.parent.expression.set("this", exp.and_(known, own))
        return node
    return exp.Filter(this=node.copy(), expression=exp.Where(this=known))


def _place(node: exp.Expr) -> exp.Expr:
    """An element of a list; NULL where there is none."""
    (place,) = node.expressions
    if isinstance(place, exp.Slice) or (isinstance(place, exp.Literal) and place.is_string):
        raise _Refused("parts of a list or structure are not known to be the same")
    asked = exp.Nullif(this=exp.cast(place.copy(), "INT"), expression=exp.Literal.number(0))
    return exp.Anonymous(this="TRY_ELEMENT_AT", expressions=[node.this.copy(), asked])


def _sides(node: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
    return node.this, node.expression


def _contained(node: exp.Expr) -> exp.Expr:
    """Whether a list holds a value, also where it holds unknown ones besides."""
    found = exp.Coalesce(this=node.copy(), expressions=[exp.false()])
    known = (exp.Is(this=each.copy(), expression=exp.Null()).not_() for each in _sides(node))
    return exp.case().when(exp.and_(*known), found)


def _pattern(node: exp.Expr | None) -> str:
    """A regular expression with the same meaning in Java; lines end with a line feed alone."""
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise _Refused("a pattern must be a plain text")
    text = str(node.this)
    if _FOREIGN.search(text):
        raise _Refused(f"the pattern {text!r} means something else")
    if text.endswith("$") and not text.endswith("\\$"):
        text = f"{text[:-1]}\\z"
    return f"(?d){text}"


def _like(node: exp.Expr) -> exp.Expr:
    """A backslash in a pattern is a backslash."""
    if isinstance(node.parent, exp.Escape):
        return node
    if not isinstance(node.expression, exp.Literal):
        raise _Refused("a pattern must be a plain text")
    text = str(node.expression.this).replace("\\", "\\\\")
    node.set("expression", exp.Literal.string(text))
    return node


def _split(node: exp.Expr) -> exp.Expr:
    """What parts a text stands for itself; nothing parts it into letters here alone."""
    by = node.expression
    if not isinstance(by, exp.Literal) or not by.this or "\\E" in str(by.this):
        raise _Refused("what parts a text must be a plain text")
    return node


def _matches(node: exp.Expr) -> exp.Expr:
    if node.args.get("flag"):
        raise _Refused("options of a pattern are not known to be the same")
    node.set("expression", exp.Literal.string(_pattern(node.expression)))
    return node


def _extracted(node: exp.Expr) -> exp.Expr:
    if node.args.get("parameters"):
        raise _Refused("options of a pattern are not known to be the same")
    group = node.args.get("group") or exp.Literal.number(0)
    told = [node.this.copy(), exp.Literal.string(_pattern(node.expression)), group.copy()]
    return exp.Anonymous(this="REGEXP_EXTRACT", expressions=told)


def _replaced(node: exp.Expr) -> exp.Expr:
    """Only the first match, unless all are asked for."""
    options, new = node.args.get("modifiers"), node.args.get("replacement")
    if options is not None and options.name != "g":
        raise _Refused("options of a pattern are not known to be the same")
    if not isinstance(new, exp.Literal) or re.search(r"[\\$]", str(new.this)):
        raise _Refused("what replaces a match must be a plain text")
    pattern, text = _pattern(node.expression), str(new.this)
    if options is None:
        pattern = f"^([\\s\\S]*?){pattern}" if "(?d)^" not in pattern else pattern
        text = f"$1{text}" if pattern.startswith("^(") else text
    told = [node.this.copy(), exp.Literal.string(pattern), exp.Literal.string(text)]
    return exp.Anonymous(this="REGEXP_REPLACE", expressions=told)


def _part(node: exp.Expr) -> exp.Expr:
    """A field of a moment; days of the week count from Sunday, 0."""
    unit = node.name.upper()
    if unit not in _EXTRACTED:
        raise _Refused(f"extract({unit.lower()}) is not known to give the same value")
    word = {"ISODOW": "DOW_ISO"}.get(unit, unit)
    told = f"EXTRACT({word} FROM {node.expression.sql('spark')})"
    return sqlglot.parse_one(_EXTRACTED[unit].format(told), read="spark")


def _difference(node: exp.Expr) -> exp.Expr:
    """How many times a unit has begun from one to the other."""
    unit = node.args["unit"].name.upper() if node.args.get("unit") else "DAY"
    if unit not in _BEGUN:
        raise _Refused(f"date_diff('{unit.lower()}') is not known to give the same value")
    late, early = (_BEGUN[unit].format(e.sql("spark")) for e in (node.this, node.expression))
    return sqlglot.parse_one(f"({late} - {early})", read="spark")


def _truncated(node: exp.Expr) -> exp.Expr:
    if (unit := node.args["unit"].name.upper()) not in _TRUNCATED:
        raise _Refused(f"date_trunc('{unit.lower()}') is not known to give the same value")
    return node


def _inlined(node: exp.Expr) -> exp.Expr:
    node.set("materialized", None)
    return node


_SWAPS: Mapping[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.ArgMax: _best,
    exp.ArgMin: _best,
    exp.ArrayContains: _contained,
    exp.Bracket: _place,
    exp.CTE: _inlined,
    exp.Cast: _cast,
    exp.Ceil: _floor,
    exp.DPipe: _joined,
    exp.DateDiff: _difference,
    exp.DateTrunc: _truncated,
    exp.Div: _div,
    exp.Extract: _part,
    exp.Floor: _floor,
    exp.ILike: _like,
    exp.Like: _like,
    exp.Lower: _lower,
    exp.RegexpExtract: _extracted,
    exp.RegexpLike: _matches,
    exp.RegexpReplace: _replaced,
    exp.Round: _round,
    exp.Split: _split,
    exp.Sub: _sub,
    exp.TimeToUnix: _epoch,
    exp.TimestampTrunc: _truncated,
    exp.Trim: _trim,
    exp.TryCast: _cast,
    exp.Upper: _upper,
}
