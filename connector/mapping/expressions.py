"""SQL expressions as they stand in the files: parsed, checked, rewritten (DuckDB dialect)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError, TokenError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from ..records import COUNT, DAY, FLAG, MOMENT, NUMBER, TEXT, WORDS
from .document import Mistake, Path
from .shape import did_you_mean

DIALECT = "duckdb"
_TABLE = "this_row"

_CLOCKS = (exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentTime, exp.Rand, exp.Uuid)
_CLOCK_NAMES = {"now", "get_current_timestamp", "transaction_timestamp", "current_localtimestamp"}
_SUMS = (exp.Sum, exp.Avg, exp.Stddev, exp.Variance, exp.Median)
_SIDES = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Add, exp.Sub, exp.Mul, exp.Div)
_DIVISIONS = (exp.Div, exp.IntDiv, exp.Mod)
_PICKS = (exp.ArgMax, exp.ArgMin, exp.First, exp.Last, exp.AnyValue)
_FAMILIES: tuple[tuple[str, str, frozenset[str]], ...] = (
    (COUNT, "a number", frozenset({"TINYINT", "SMALLINT", "INT", "BIGINT", "INT128", "UBIGINT"})),
    (NUMBER, "a number", frozenset({"DOUBLE", "FLOAT", "DECIMAL"})),
    (TEXT, "text", frozenset({"VARCHAR", "TEXT", "CHAR"})),
    (FLAG, "true or false", frozenset({"BOOLEAN"})),
    (DAY, "a date", frozenset({"DATE"})),
    (MOMENT, "a moment", frozenset({"TIMESTAMPTZ", "TIMESTAMP"})),
    (WORDS, "a list", frozenset({"ARRAY", "LIST"})),
)


class BadSql(ValueError):
    """Text that is not one SQL expression."""


def parse(sql: str) -> exp.Expr:
    """One SQL expression, the caller's own; raises BadSql with the reason in words."""
    return _parsed(sql).copy()


# The same few expressions are asked for again and again, and parsing is slow.
@lru_cache(maxsize=2048)
def _parsed(sql: str) -> exp.Expr:
    try:
        found = sqlglot.parse_one(sql, read=DIALECT)
        if isinstance(found, exp.Command):  # `comment` alone is a column, and no statement
            found = sqlglot.parse_one(f"({sql})", read=DIALECT).unnest()
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        near = f" near {first['highlight']!r}" if first.get("highlight") else ""
        raise BadSql(f"{_said(str(first.get('description', error)))}{near}") from error
    except TokenError as error:
        raise BadSql("a quote or bracket is not closed") from error
    if not isinstance(found, exp.Condition | exp.Filter) or isinstance(found, exp.Query):
        raise BadSql("this is not a single expression")
    return found


def _said(description: str) -> str:
    """What the parser says, without its own names for things."""
    lacking = description.startswith("Required keyword")
    return "something is missing" if lacking else description.lower()


def literal(value: object) -> str:
    """A Python value as SQL."""
    if isinstance(value, bool) or value is None:
        return {True: "TRUE", False: "FALSE", None: "NULL"}[value]
    if isinstance(value, int | float):
        return repr(value)
    return _quoted(str(value))


@lru_cache(maxsize=2048)
def _quoted(text: str) -> str:
    return exp.Literal.string(text).sql(DIALECT)


@lru_cache(maxsize=2048)
def identifier(name: str) -> str:
    """A column name, quoted."""
    return exp.to_identifier(name, quoted=True).sql(DIALECT)


def paths(tree: exp.Expr) -> tuple[str, ...]:
    """The columns an expression reads, dotted paths as one name, in the order they stand."""
    return tuple(dict.fromkeys(_path(node) for node in _references(tree)))


@lru_cache(maxsize=2048)
def flattened(sql: str) -> str:
    """The expression with every dotted path turned into one quoted column name."""
    return replaced(sql, lambda name: exp.column(exp.to_identifier(name, quoted=True)))


def replaced(sql: str, column: Callable[[str], exp.Expr | None]) -> str:
    """The expression with its columns swapped for what `column` gives; None leaves one alone."""
    tree = exp.Paren(this=parse(sql))
    for node in list(_references(tree)):
        if (swap := column(_path(node))) is not None:
            node.replace(swap.copy())
    return str(tree.this.sql(DIALECT))


@lru_cache(maxsize=2048)
def forgiving(sql: str) -> str:
    """The expression that is NULL for a row where a cast fails or something is divided by zero."""
    tree = exp.Paren(this=parse(sql))
    for node in list(tree.walk()):
        if type(node) is exp.Cast:
            node.replace(exp.TryCast(**node.args))
        elif isinstance(node, _DIVISIONS):
            divisor = exp.Nullif(this=node.expression.copy(), expression=exp.Literal.number(0))
            node.set("expression", divisor)
    return str(tree.this.sql(DIALECT))


@lru_cache(maxsize=2048)
def normal(sql: str) -> str:
    """The expression in one canonical spelling, without comments."""
    return parse(sql).sql(DIALECT, comments=False, normalize=True) if sql else ""


def aggregates(tree: exp.Expr) -> Iterator[exp.Expr]:
    """The aggregate functions of an expression."""
    return (node for node in tree.walk() if isinstance(node, exp.AggFunc))


def type_of(sql: str, columns: Mapping[str, str]) -> str | None:
    """The DuckDB type of an expression (one of those in `records`), None when it cannot be told."""
    return _type_of(sql, tuple(columns.items()))


@lru_cache(maxsize=2048)
def _type_of(sql: str, columns: tuple[tuple[str, str], ...]) -> str | None:
    return _family(_annotated(parse(sql), dict(columns)))


def mistakes(
    sql: str,
    path: Path,
    columns: Mapping[str, str],
    *,
    aggregate: bool = False,
    wanted: str | None = None,
) -> list[Mistake]:
    """All that is wrong with an expression over these columns, before anything runs."""
    try:
        tree = parse(sql)
    except BadSql as error:
        return [Mistake(path, f"SQL that does not parse: {error}", "correct the expression")]
    found = [Mistake(path, *each) for each in _wrong_names(tree, columns)]
    found += [Mistake(path, *each) for each in _wrong_use(tree, aggregate=aggregate)]
    if found:
        return found
    typed = _annotated(tree, columns)
    return [Mistake(path, *each) for each in _wrong_types(typed, wanted)]


def row_mistakes(sql: str, path: Path, *, wanted: str | None = None) -> list[Mistake]:
    """All that is wrong with an expression over fields of one record, which nobody knows by name
    beforehand; each of them is a text."""
    try:
        tree = parse(sql)
    except BadSql as error:
        return [Mistake(path, f"SQL that does not parse: {error}", "correct the expression")]
    if not tree.find(exp.Window) and (found := list(_wrong_use(tree, aggregate=False))):
        return [Mistake(path, *each) for each in found]
    typed = _annotated(tree, dict.fromkeys(paths(tree), TEXT)) if wanted else None
    kind = _family(typed)
    if wanted and kind and _words(kind) != _words(wanted):
        return [Mistake(path, f"gives {_words(kind)}", f"must give {_words(wanted)}")]
    return []


def query_mistakes(sql: str, path: Path, schema: Mapping[str, Mapping[str, str]]) -> list[Mistake]:
    """All that is wrong with a whole query over these tables."""
    try:
        tree = sqlglot.parse_one(sql, read=DIALECT)
        unknown = [t.name for t in tree.find_all(exp.Table) if t.name not in schema]
        if unknown:
            fix = did_you_mean(unknown[0], schema)
            return [Mistake(path, f"unknown stream {unknown[0]!r}", fix)]
        found = [*_wrong_functions(tree)]
        nested: dict[str, object] = {table: dict(columns) for table, columns in schema.items()}
        typed = annotate_types(qualify(tree, schema=nested, dialect=DIALECT), nested)
    except ParseError as error:
        return [Mistake(path, f"SQL that does not parse: {str(error).splitlines()[0].lower()}")]
    except (OptimizeError, TokenError) as error:
        return [Mistake(path, *_unresolved(str(error), schema))]
    return [Mistake(path, *each) for each in [*found, *_wrong_types(typed, None)]]


def _unresolved(message: str, schema: Mapping[str, Mapping[str, str]]) -> tuple[str, str]:
    """What the optimizer says, in our words when it is about a column."""
    hit = re.search(r"Unknown column: (\w+)|Column '?\"?([\w.]+)'?\"? could not", message)
    if not hit:
        return message.splitlines()[0], "check the names"
    name = (hit.group(1) or hit.group(2)).rpartition(".")[2]
    known = {column for columns in schema.values() for column in columns}
    return f"unknown column {name!r}", did_you_mean(name, sorted(known))


def _references(tree: exp.Expr) -> Iterator[exp.Expr]:
    for node in tree.dfs(prune=lambda n: isinstance(n, exp.Column) or _is_long_path(n)):
        if isinstance(node, exp.Column) or _is_long_path(node):
            yield node


def _is_long_path(node: exp.Expr) -> bool:
    # Five names and more parse as a chain of Dot around a Column.
    return isinstance(node, exp.Dot) and node.find(exp.Column) is not None


def _path(node: exp.Expr) -> str:
    if isinstance(node, exp.Dot):
        return f"{_path(node.this)}.{node.expression.name}"
    return ".".join(part.name for part in node.parts) if isinstance(node, exp.Column) else ""


def _wrong_names(tree: exp.Expr, columns: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    known = {name.casefold() for name in columns}
    for name in paths(tree):
        if name.casefold() not in known:
            yield f"unknown column {name!r}", did_you_mean(name, columns)
    yield from _wrong_functions(tree)


def _wrong_functions(tree: exp.Expr) -> Iterator[tuple[str, str]]:
    for node in tree.walk():
        if isinstance(node, _CLOCKS) or _is_clock(node):
            yield "reads the clock or chance", "use as_of or age_days: a run can then be repeated"
        elif isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
            yield f"unknown function {node.name.lower()!r}", "use a function that DuckDB knows"


def _is_clock(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() in _CLOCK_NAMES


def _wrong_use(tree: exp.Expr, *, aggregate: bool) -> Iterator[tuple[str, str]]:
    if tree.find(exp.Query, exp.Window):
        yield "a subquery or window function", "use columns and plain functions"
        return
    inside = list(aggregates(tree))
    if aggregate and not inside:
        yield "not an aggregate: many rows must become one value", "e.g. count(*) or max(…)"
    if not aggregate and inside:
        yield f"an aggregate ({inside[0].key}) where one row is looked at", "use columns"
    if aggregate and inside:
        bare = [n for n in _references(tree) if not n.find_ancestor(exp.AggFunc, exp.Filter)]
        for node in bare:
            yield f"column {_path(node)!r} outside the aggregate", "put it inside, e.g. max(…)"


def _annotated(tree: exp.Expr, columns: Mapping[str, str]) -> exp.Expr:
    used = {name.casefold() for name in paths(tree)}
    known = tuple((name, kind) for name, kind in columns.items() if name.casefold() in used)
    return _typed(tree.sql(DIALECT), known)


@lru_cache(maxsize=4096)
def _typed(sql: str, columns: tuple[tuple[str, str], ...]) -> exp.Expr:
    """The expression with its types; the tree is shared and only looked at."""
    real = {name.casefold(): name for name, _ in columns}
    flat = replaced(
        sql,
        lambda name: exp.column(
            exp.to_identifier(real.get(name.casefold(), name), quoted=True), _TABLE
        ),
    )
    schema: dict[str, object] = {_TABLE: {identifier(name): kind for name, kind in columns}}
    if not columns:
        schema[_TABLE] = {"nothing": TEXT}
    query = exp.select(exp.alias_(parse(flat), "v")).from_(_TABLE)
    value: exp.Expr = annotate_types(query, schema=schema, dialect=DIALECT).selects[0].this
    return value


def _family(node: exp.Expr | None) -> str | None:
    if isinstance(node, exp.Filter | exp.Paren):
        return _family(node.this)
    if isinstance(node, _PICKS):
        return _family(node.this)
    kind = node.type.this.value if node is not None and node.type else ""
    return next((name for name, _, kinds in _FAMILIES if kind in kinds), None)


def _words(kind: str) -> str:
    return next(words for name, words, _ in _FAMILIES if name == kind)


def _wrong_types(tree: exp.Expr, wanted: str | None) -> Iterator[tuple[str, str]]:
    for node in tree.walk():
        kind = _family(node.this) if isinstance(node, _SUMS) else None
        if kind and _words(kind) != "a number":
            yield f"{node.key} of {_words(kind)}", "use a number inside"
        if isinstance(node, _SIDES) and (pair := _unlike(node)):
            yield f"{pair[0]} and {pair[1]} do not go together in `{_shown(node)}`", ""
    kind = _family(tree)
    if wanted and kind and _words(kind) != _words(wanted):
        yield f"gives {_words(kind)}", f"must give {_words(wanted)}"


def _shown(node: exp.Expr) -> str:
    return re.sub(r'(?:\w+|"\w+")\."([^"]+)"', r"\1", node.sql(DIALECT))


def _unlike(node: exp.Expr) -> tuple[str, str] | None:
    left, right = _family(node.this), _family(node.expression)
    if left is None or right is None:
        return None
    pair = (_words(left), _words(right))
    # A date or moment may be compared with a text that spells one, and with one another.
    loose = {"a date", "a moment"}
    if pair[0] == pair[1] or set(pair) <= loose or (set(pair) & loose and "text" in pair):
        return None
    return pair
