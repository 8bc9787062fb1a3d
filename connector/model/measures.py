"""From seen records to one raw value per measure and account: one aggregation per stream.

Each aggregate keeps its own rows by a FILTER, so a stream is read once however many measures
come from it. Only how many different things there are is counted apart: an engine that holds them
beside all other aggregates soon lacks memory, and to read a stream again costs less.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

from sqlglot import exp

from ..mapping.expressions import DIALECT, aggregates, identifier, parse, paths, replaced
from ..records import NUMBER
from . import few
from .columns import ACCOUNTS, kind_of, moment_of, of_rows
from .definition import HealthModel, Measure
from .seen import any_seen
from .stage import Stage, double, moment, spent

#: Decay is a multiple of this, so that sums of decayed whole numbers are exact in any order.
_GRAIN = 2**20
#: What a template has in the place of a name; a letter that no SQL has otherwise.
_HOLE = '"\ue000{}"'
_ROWS = "rows"
_FILLED = ("age_days", "decay", "as_of")


def stages(model: HealthModel, as_of: datetime) -> tuple[Stage, ...]:
    """`fed` says which streams hold anything at all, `raw` holds the values; before them what is
    counted apart."""
    counted = tuple(Stage(name, sql) for name, sql in apart(model, as_of))
    return (
        Stage("fed", _fed(model, as_of)),
        *counted,
        Stage("raw", raw(model, as_of)),
        *(spent(each.name) for each in counted),
    )


def streams(model: HealthModel) -> tuple[str, ...]:
    """The streams that are aggregated, in the order of the file."""
    return tuple(dict.fromkeys(m.stream for m in model.measures if m.stream != ACCOUNTS))


def apart(model: HealthModel, as_of: datetime) -> Iterator[tuple[str, str]]:
    """The names that `raw` asks for beside the streams, and what they are: of a measure how many
    different things each account has, `n`, if any of its rows count."""
    for each in filter(_is_apart, model.measures):
        rules = _rows(each, as_of)
        things = _filled(_counted(each.value), each, as_of)
        rows = f"SELECT DISTINCT key, {things} AS thing FROM v_{each.stream}"
        rows += f" WHERE {rules}" if rules else ""
        yield _apart(each), f"SELECT key, count(thing) AS n FROM ({rows}) AS d GROUP BY key"


def asked(model: HealthModel, stream: str) -> list[str]:
    """The columns of a stream that its measures look at; of accounts, what segments ask, too."""
    own = [each for each in model.measures if each.stream == stream]
    told = [sql for m in own for sql in (m.where, m.value, m.enough) if sql]
    told += [m.shrink.evidence for m in own if m.shrink]
    named = {moment_of(m) for m in own}
    if stream == ACCOUNTS:
        told += [each.when for each in model.segments]
        named.add("id")
    named |= {name for sql in told for name in paths(parse(sql))}
    return [name for name in of_rows(stream) if name in named]


def raw(model: HealthModel, as_of: datetime) -> str:
    """One row per account: `key`, `account_id`, every measure, and its newest moment if needed."""
    sources = [_aggregated(model, name, as_of) for name in streams(model)]
    joins = [f" LEFT JOIN m_{name} ON m_{name}.key = a.key" for name in streams(model)]
    for each in filter(_is_apart, model.measures):
        name = identifier(_apart(each))
        joins.append(f" LEFT JOIN {name} ON {name}.key = a.key")
    for name in dict.fromkeys(each.stream for each in model.measures if _looks_back(each)):
        sources += _carried(model, name, as_of)
        joins.append(f" LEFT JOIN c_{name} ON c_{name}.key = a.key")
    values = [column for each in model.measures for column in _columns(model, each, as_of)]
    head = f"WITH {', '.join(sources)} " if sources else ""
    return (
        f"{head}SELECT {', '.join(['a.key', 'a.id AS account_id', *values])}"
        f" FROM accounts AS a CROSS JOIN fed{''.join(joins)}"
    )


def newest(measure: Measure) -> str:
    """The column with the newest moment behind a value."""
    return identifier(f"{measure.name}__at")


def is_fresh(measure: Measure, as_of: datetime) -> str:
    """Whether a known value is young enough to be relied on."""
    if not measure.fresh_for:
        return "TRUE"
    return f"coalesce({newest(measure)} > {_ago(as_of, measure.fresh_for)}, FALSE)"


def _fed(model: HealthModel, as_of: datetime) -> str:
    names = streams(model)
    found = [f"EXISTS ({any_seen(name, as_of)}) AS {name}" for name in names]
    return f"SELECT {', '.join(found) or 'TRUE AS accounts'}"


def _aggregated(model: HealthModel, stream: str, as_of: datetime) -> str:
    own = [each for each in model.measures if each.stream == stream]
    rules = {each.name: _rows(each, as_of) for each in own}
    beside = [(each, other) for each in own for other in few.beside(each)]
    # Each condition is told once, and its rows are then kept by the column that it becomes.
    kept = {rule: f"kept{n}" for n, rule in enumerate(dict.fromkeys(rules.values())) if rule}
    columns = [
        f"{_value(each, as_of, kept.get(rules[each.name], ''))} AS {identifier(each.name)}"
        for each in own
        if not _is_apart(each)
    ]
    columns += [
        f"{_value(other, as_of, kept.get(rules[each.name], ''))} AS {identifier(other.name)}"
        for each, other in beside
    ]
    columns += [
        _proof(each, as_of, kept.get(rules[each.name], ""))
        for each in own
        if each.max_age or not _is_apart(each)
    ]
    marked = ", ".join(["*", *(f"{rule} AS {name}" for rule, name in kept.items())])
    rows = f"(SELECT {marked} FROM v_{stream}{_oldest(own, as_of)})"
    return f"m_{stream} AS (SELECT {', '.join(['key', *columns])} FROM {rows} GROUP BY key)"


def _oldest(own: Sequence[Measure], as_of: datetime) -> str:
    """What is older than every window of a stream's measures need not be read."""
    found = _within([each.window for each in own], own)
    return f" WHERE {found[0]} > {_ago(as_of, found[1])}" if found else ""


def reach(model: HealthModel, stream: str) -> tuple[str, int] | None:
    """The moment by which the measures of a stream look at its records, and how many days back at
    most, those that carry a value on included; None if nothing limits that."""
    own = [each for each in model.measures if each.stream == stream]
    days = [
        each.window and each.window + ((each.max_age or 0) if _looks_back(each) else 0)
        for each in own
    ]
    return _within(days, own)


def _within(days: Sequence[int | None], own: Sequence[Measure]) -> tuple[str, int] | None:
    """The moment that all of some measures look by, and the most of their days."""
    limits, moments = list(filter(None, days)), {moment_of(each) for each in own}
    (at, *others) = moments
    if at is None or others or len(limits) < len(own):
        return None
    return at, max(limits)


def _looks_back(measure: Measure) -> bool:
    return measure.carried and measure.stream != ACCOUNTS


def _carried(model: HealthModel, stream: str, as_of: datetime) -> tuple[str, str]:
    """What measures were when their newest record was made: their window, moved back to it."""
    own = [each for each in model.measures if each.stream == stream and _looks_back(each)]
    lasts, values = [], []
    for n, each in enumerate(own):
        older = _rows(replace(each, window=each.max_age), as_of)
        lasts.append(f"max({moment_of(each)}) FILTER (WHERE {older}) AS last{n}")
        values += [
            f"{_value_then(part, as_of, n)} AS {identifier(part.name)}"
            for part in (each, *few.beside(each))
        ]
        values.append(f"last{n} AS {newest(each)}")
    # Ages are told in whole seconds, as everywhere.
    seconds = [f"floor(epoch(last{n})) AS at{n}" for n in range(len(own))]
    groups = [f"{name}{n}" for n in range(len(own)) for name in ("last", "at")]
    ends = f"SELECT *, {', '.join(seconds)} FROM (SELECT key, {', '.join(lasts)}"
    return (
        f"l_{stream} AS ({ends} FROM v_{stream} GROUP BY key) AS e)",
        f"c_{stream} AS (SELECT v.key, {', '.join(values)} FROM v_{stream} AS v"
        f" JOIN l_{stream} AS l ON l.key = v.key GROUP BY {', '.join(['v.key', *groups])})",
    )


def _value_then(measure: Measure, as_of: datetime, n: int) -> str:
    """The aggregate as it was at the moment of the newest record."""
    at, window = moment_of(measure), double(86400 * (measure.window or 0))
    rules = [f"({_template(measure.where)})"] if measure.where else []
    rules += [f"{at} <= last{n}", f"epoch({at}) > epoch(last{n}) - {window}"]
    value = _kept(_template(measure.value)).replace(_HOLE.format(_ROWS), " AND ".join(rules))
    return _with_ages(value, measure, as_of, then=(f"last{n}", f"at{n}"))


def _is_apart(measure: Measure) -> bool:
    is_plain = measure.stream != ACCOUNTS and not _looks_back(measure)
    return is_plain and bool(_counted(measure.value))


def _apart(measure: Measure) -> str:
    """No measure can be called like that."""
    return f"{measure.name}__apart"


@lru_cache(maxsize=1024)
def _counted(sql: str) -> str:
    """What an aggregate counts each of once, if it does nothing else."""
    tree = parse(sql)
    things = tree.this if isinstance(tree, exp.Count) else None
    if not isinstance(things, exp.Distinct) or len(things.expressions) != 1:
        return ""
    return str(things.expressions[0].sql(DIALECT))


def _columns(model: HealthModel, measure: Measure, as_of: datetime) -> Sequence[str]:
    name = identifier(measure.name)
    value = _of_account(measure, as_of) if measure.stream == ACCOUNTS else _of_stream(measure)
    if measure.shrink:
        value = few.drawn(model, measure, value, _beside(measure, few.evidence(measure)))
    columns = [f"{_checked(value, kind_of(measure))} AS {name}"]
    if measure.max_age:
        at = f"a.{measure.at}" if measure.stream == ACCOUNTS else _of(measure, newest(measure))
        if _looks_back(measure):
            at = f"coalesce({at}, c_{at.removeprefix('m_')})"
        columns.append(f"{at} AS {newest(measure)}")
    if measure.enough:
        is_enough = identifier(few.enough(measure))
        columns.append(f"{_beside(measure, few.enough(measure))} AS {is_enough}")
    return columns


def _of_stream(measure: Measure) -> str:
    value = _of(measure, identifier(measure.name))
    if _is_apart(measure):
        value = f"coalesce({identifier(_apart(measure))}.n, 0)"
    if measure.absent is None:
        known = f"CASE WHEN {_has_rows(measure)} THEN {value}"
        before = f" ELSE c_{value.removeprefix('m_')}" if _looks_back(measure) else ""
        return f"{known}{before} END"
    # A stream that holds nothing for anybody is not connected: that is not a fact about an account.
    instead = f"CASE WHEN fed.{measure.stream} THEN {double(measure.absent)} END"
    return f"CASE WHEN {_has_rows(measure)} THEN {value} ELSE {instead} END"


def _beside(measure: Measure, name: str) -> str:
    """What is aggregated beside a measure, over the same rows."""
    found = _of(measure, identifier(name))
    if not _looks_back(measure):
        return found
    return f"CASE WHEN {_has_rows(measure)} THEN {found} ELSE c_{found.removeprefix('m_')} END"


def _of(measure: Measure, column: str) -> str:
    return f"m_{measure.stream}.{column}"


def _of_account(measure: Measure, as_of: datetime) -> str:
    value = _filled(measure.value, measure, as_of, "a")
    rules = [_filled(measure.where, measure, as_of, "a")] if measure.where else []
    if measure.window:
        days = (measure.max_age or 0) if measure.carried else measure.window
        rules.append(f"(a.{measure.at} IS NULL OR a.{measure.at} > {_ago(as_of, days)})")
    if rules:
        value = f"CASE WHEN ({') AND ('.join(rules)}) THEN {value} END"
    return value if measure.absent is None else f"coalesce({value}, {double(measure.absent)})"


def _checked(value: str, kind: str) -> str:
    """The value in its type; what is not a finite number is unknown."""
    typed = f"CAST({value} AS {kind})"
    return f"CASE WHEN abs({typed}) < 1e300 THEN {typed} END" if kind == NUMBER else typed


def _value(measure: Measure, as_of: datetime, kept: str) -> str:
    """The aggregate with every function kept to the measure's rows."""
    if not kept:
        return _filled(measure.value, measure, as_of)
    value = _kept(_template(measure.value)).replace(_HOLE.format(_ROWS), kept)
    return _with_ages(value, measure, as_of)


@lru_cache(maxsize=1024)
def _kept(sql: str) -> str:
    """An aggregate with a hole in every function, for the condition that its rows must meet."""
    tree = exp.Paren(this=parse(sql))
    for node in [n for n in aggregates(tree) if n.find_ancestor(exp.AggFunc) is None]:
        _keep(node, _hole(_ROWS))
    return str(tree.this.sql(DIALECT))


def _keep(node: exp.Expr, rows: exp.Expr) -> None:
    if isinstance(node.parent, exp.Filter):
        own = node.parent.expression.this
        node.parent.expression.set("this", exp.and_(rows, own))
    else:
        node.replace(exp.Filter(this=node.copy(), expression=exp.Where(this=rows)))


def _proof(measure: Measure, as_of: datetime, kept: str) -> str:
    """That there are rows: how many, which is cheaper, or the newest moment where that counts."""
    only = f" FILTER (WHERE {kept})" if kept else ""
    if not measure.max_age:
        return f"count(*){only} AS {_many(measure)}"
    return f"max({moment_of(measure) or moment(as_of)}){only} AS {newest(measure)}"


def _many(measure: Measure) -> str:
    return identifier(f"{measure.name}__rows")


def _has_rows(measure: Measure) -> str:
    if measure.max_age:
        return f"{_of(measure, newest(measure))} IS NOT NULL"
    if _is_apart(measure):
        return f"{identifier(_apart(measure))}.n IS NOT NULL"
    return f"{_of(measure, _many(measure))} > 0"


def _rows(measure: Measure, as_of: datetime) -> str:
    """The condition for the rows that a measure looks at."""
    rules = [f"({_filled(measure.where, measure, as_of)})"] if measure.where else []
    if measure.window:
        rules.append(f"{moment_of(measure)} > {_ago(as_of, measure.window)}")
    if measure.at:
        rules.append(f"{measure.at} <= {moment(as_of)}")
    return " AND ".join(rules)


def _filled(sql: str, measure: Measure, as_of: datetime, table: str = "") -> str:
    """The SQL with `age_days`, `decay` and `as_of` in place."""
    return _with_ages(_template(sql, table), measure, as_of, table)


def _with_ages(
    template: str,
    measure: Measure,
    as_of: datetime,
    table: str = "",
    then: tuple[str, str] | None = None,
) -> str:
    """The template as of a moment; or of `then`, a column that holds one, and its seconds."""
    now, seconds = then or (moment(as_of), double(math.floor(as_of.timestamp())))
    age = _age(measure, seconds, table)
    told = (age, _decay(measure, age), now)
    for name, sql in zip(_FILLED, told, strict=True):
        template = template.replace(_HOLE.format(name), f"({sql})")
    return template


# Parsing and writing SQL takes longer than filling holes, and a model is looked at many times.
@lru_cache(maxsize=1024)
def _template(sql: str, table: str = "") -> str:
    """The SQL with a hole for everything that a run fills in."""

    def column(name: str) -> exp.Expr | None:
        if name in _FILLED:
            return _hole(name)
        return exp.column(name, table) if table else None

    return replaced(sql, column)


def _hole(name: str) -> exp.Expr:
    return parse(_HOLE.format(name))


def _age(measure: Measure, seconds: str, table: str) -> str:
    at = moment_of(measure)
    if at is None:
        return double(0)
    at = f"{table}.{at}" if table else at
    # date_diff on moments with a zone costs thirty times as much.
    return f"({seconds} - floor(epoch({at}))) / 86400"


def _decay(measure: Measure, age: str) -> str:
    if not measure.half_life:
        return double(1)
    power = f"power({double(0.5)}, {age} / {measure.half_life})"
    return f"floor({power} * {_GRAIN} + {double(0.5)}) / {_GRAIN}"


def _ago(as_of: datetime, days: int) -> str:
    return moment(as_of - timedelta(days=days))
