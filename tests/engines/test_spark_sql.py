"""Every word of the model's SQL means on Spark what it means in DuckDB, or is refused by name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from connector.engines.duckdb import DuckDB
from connector.engines.spark import Spark
from connector.engines.spark_checks import mistakes
from connector.engines.spark_sql import refused, spark
from connector.errors import ConfigError
from connector.model.definition import Cap, HealthModel, Measure, Override
from tests.model.lake import shipped

COLUMNS = {
    "id": "BIGINT",
    "name": "VARCHAR",
    "kind": "VARCHAR",
    "revenue": "DOUBLE",
    "employees": "DOUBLE",
    "depth": "BIGINT",
    "escalated": "BOOLEAN",
    "at": "VARCHAR",
    "day": "VARCHAR",
}
#: Edges: nothing, nought, halves, negative ones, other scripts, spaces, the last and first moments.
ROWS: list[tuple[Any, ...]] = [
    (1, None, None, None, None, None, None, None, None),
    (2, "", "", 0.0, 0.0, 0, False, "1969-12-31 23:59:59+00", "1969-12-31"),
    (3, "Ab cd", "a+b@c+d@e", 2.5, 2.0, 7, True, "2026-01-31 23:59:59.999999+00", "2026-01-31"),
    (4, "İ ΟΔΟΣ ß", "x\ny; ", -2.5, 4.0, -7, None, "2026-02-01 00:00:00+00", "2026-02-01"),
    (
        5,
        "\u00a0\u3000 tab\t ",
        "a\\_b",
        3.5,
        -3.0,
        2,
        True,
        "2024-02-29 12:00:00.5+00",
        "2024-02-29",
    ),
    (6, "Zoë é", "50% off", 1.005, 0.1, 1, False, "2025-12-28 00:00:00+00", "2025-12-29"),
    (7, "ab", "GmbH & Co. KG\n", 1e15, 1e-9, 9, True, "1900-03-01 06:00:00+00", "1900-03-01"),
    (8, "B", "axb", 0.1, 0.3, 3, False, "2000-01-01 00:00:00+00", "2000-01-01"),
]
#: One value a row.
PLAIN = (
    "revenue / employees",
    "revenue / depth",
    "depth / 2",
    "1 / nullif(depth, 0)",
    "depth // 2",
    "(2 * depth + 1) // nullif(2 * depth, 0)",
    "depth % 3",
    "floor(revenue)",
    "ceil(revenue)",
    "floor(revenue / 3) / 2",
    "CAST(revenue AS BIGINT)",
    "CAST(revenue / 7 AS BIGINT)",
    "CAST(escalated AS INTEGER)",
    "CAST(depth AS VARCHAR) || name",
    "CAST(floor(employees * 10 + 0.5) AS BIGINT)",
    "round(revenue)",
    "round(revenue, 2)",
    "round(employees, 1)",
    "abs(revenue)",
    "sign(revenue)",
    "power(0.5e0, abs(depth) / 90)",
    "sqrt(revenue)",
    "string_split(kind, '+')[1]",
    "string_split(kind, '.')[1]",
    "string_split(kind, ' ')[2]",
    "list_contains(string_split(kind, '+'), 'b@c')",
    "least(revenue, employees)",
    "greatest(revenue, employees, depth)",
    "coalesce(revenue, employees, -1)",
    "revenue IS NOT DISTINCT FROM employees",
    "revenue IS DISTINCT FROM employees",
    "lower(name)",
    "lower(trim(name))",
    "upper(kind)",
    "trim(name)",
    "length(name)",
    "left(name, 3)",
    "right(name, 2)",
    "substr(name, strpos(name, ' ') + 1)",
    "concat(name, '|', kind)",
    "name || kind",
    "replace(name, 'b', '')",
    "md5(name)",
    "contains(name, 'b')",
    "starts_with(name, 'A')",
    "name < 'a'",
    "name < 'ß'",
    "kind LIKE 'a\\_b'",
    "kind LIKE 'a_b'",
    "kind LIKE '50\\%%'",
    "name ILIKE 'AB%'",
    "kind IN ('axb', NULL)",
    "kind NOT IN ('axb', 'b')",
    "regexp_replace(kind, '[+][^@]*@', '@')",
    "regexp_replace(kind, '[+][^@]*@', '@', 'g')",
    "regexp_replace(kind, '; $', '')",
    "regexp_replace(kind, '(KG)$', '')",
    "regexp_replace(lower(name), '[^\\p{L}\\p{N}]+', ' ', 'g')",
    "regexp_extract(kind, '@(.*)$', 1)",
    "regexp_extract(kind, '(q)?a', 1)",
    "regexp_matches(kind, 'y')",
    "['a', 'b', 'c'][depth]",
    "['a', 'b', 'c'][abs(depth) + 1]",
    "list_contains(['a', NULL], name)",
    "CASE WHEN escalated THEN 1 ELSE 0.5 END",
    "CASE name WHEN 'B' THEN 1 END",
    'epoch(CAST("at" AS TIMESTAMPTZ))',
    'epoch(CAST("day" AS DATE))',
    'epoch(CAST("at" AS TIMESTAMPTZ) - INTERVAL 3 DAY)',
)
#: Over `m`, a table whose columns are a moment and a day; days come as numbers since 1970.
TIMED = (
    "extract(year FROM moment)",
    "extract(dow FROM moment)",
    "extract(isodow FROM day)",
    "extract(week FROM moment)",
    "extract(doy FROM day)",
    "extract(hour FROM moment)",
    "year(moment) * 12 + month(day)",
    "quarter(day)",
    "date_diff('day', day, DATE '2026-01-31')",
    "date_diff('day', CAST(moment AS DATE), day)",
    "date_diff('week', day, DATE '2026-01-31')",
    "date_diff('month', day, DATE '2026-01-31')",
    "date_diff('quarter', day, DATE '2026-01-31')",
    "date_diff('year', day, DATE '2026-01-31')",
    "date_diff('hour', moment, TIMESTAMPTZ '2026-01-31 12:00:00+00')",
    "epoch(date_trunc('month', moment))",
    "epoch(date_trunc('week', moment))",
    "epoch(date_trunc('day', moment))",
    "moment > TIMESTAMPTZ '2026-01-31 23:59:59+00'",
    "CAST(moment AS DATE) = day",
    "day < CAST(moment AS DATE)",
)
#: One value of all rows.
SUMMED = (
    "count(*)",
    "count(name)",
    "count(DISTINCT escalated)",
    "sum(depth)",
    "sum(employees) FILTER (WHERE employees > 1)",
    "sum(depth) FILTER (WHERE revenue < 5)",
    "sum(CASE WHEN escalated THEN 0.5 ELSE 1 END)",
    "sum(CAST(escalated AS INTEGER))",
    "avg(depth)",
    "avg(employees) FILTER (WHERE employees > 1)",
    "min(name)",
    "max(name)",
    "bool_or(escalated)",
    "bool_and(escalated)",
    "count(*) FILTER (WHERE NOT escalated)",
    "arg_max(name, revenue)",
    "arg_max(escalated, id)",
    "arg_max(escalated, id) FILTER (WHERE id < 5)",
    "arg_min(revenue, id)",
    "arg_max(name, {'own': escalated IS TRUE, 'id': id})",
    "sum(depth) / nullif(count(*) FILTER (WHERE id > 99), 0)",
    "sum(depth) / count(*) FILTER (WHERE id > 99)",
)
#: Means something else there, or is not known to be the same.
REFUSED = (
    "string_split(kind, name)",
    "string_split(kind, '')",
    "median(revenue)",
    "stddev(revenue)",
    "any_value(name)",
    "ln(revenue)",
    "mode(name)",
    "CAST(name AS INTEGER)",
    "CAST(revenue AS VARCHAR)",
    "CAST(occurred_at AS VARCHAR)",
    "TRY_CAST(name AS DATE)",
    "'x' || revenue",
    "regexp_matches(name, '\\bx')",
    "regexp_matches(name, kind)",
    "regexp_replace(name, 'a', '\\1')",
    "extract(second FROM occurred_at)",
    "date_diff('minute', occurred_at, settled_at)",
    "ltrim(name)",
    "labels[1:2]",
    "strlen(name)",
)


pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDB]:
    made = DuckDB(scratch=tmp_path_factory.mktemp("d"))
    columns = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
    made.run(f"CREATE TABLE t ({columns})")
    made._db.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(COLUMNS))})", ROWS)
    made.stage("m", _MOMENTS)
    yield made
    made.close()


@pytest.fixture(scope="module")
def there(java: Any, here: DuckDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    made = Spark(master="local[2]", memory="2GB", scratch=tmp_path_factory.mktemp("s"), conf={})
    here.export("SELECT * FROM t", made.place("t"), 9)
    made.stage("t", made.select([made.place("t")], COLUMNS))
    made.stage("m", _MOMENTS)
    yield made
    made.close()


_MOMENTS = 'SELECT id, CAST("at" AS TIMESTAMPTZ) AS moment, CAST("day" AS DATE) AS day FROM t'


def _query(expressions: tuple[str, ...], source: str) -> str:
    return (
        f"SELECT {', '.join(f'{sql} AS c{n}' for n, sql in enumerate(expressions))} FROM {source}"
    )


def _plain(value: Any) -> Any:
    """A number as a double, as measures have them; NaN as a word, so that it equals itself."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    return "nan" if math.isnan(value) else float(value)


def _unlike(
    here: DuckDB, there: Spark, expressions: tuple[str, ...], source: str
) -> dict[str, Any]:
    query = _query(expressions, source)
    mine = [[_plain(v) for v in row] for row in here.rows(query)]
    theirs = [[_plain(v) for v in row] for row in there.rows(query)]
    return {
        sql: ([row[n] for row in mine], [row[n] for row in theirs])
        for n, sql in enumerate(expressions)
        if [row[n] for row in mine] != [row[n] for row in theirs]
    }


@pytest.mark.spark
@pytest.mark.parametrize(
    ("expressions", "source"),
    [(PLAIN, "t ORDER BY id"), (TIMED, "m ORDER BY id"), (SUMMED, "t")],
    ids=["plain", "moments and days", "of many rows"],
)
def test_an_expression_gives_the_same_value(
    here: DuckDB, there: Spark, expressions: tuple[str, ...], source: str
) -> None:
    """Nothing, halves, division by nought, other scripts, the edges of days."""
    assert _unlike(here, there, expressions, source) == {}


@pytest.mark.spark
def test_nulls_are_sorted_alike(here: DuckDB, there: Spark) -> None:
    """A key that numbers rows by their texts is the same key."""
    query = "SELECT id, row_number() OVER (ORDER BY kind, name) AS n FROM t ORDER BY id"
    assert here.rows(query) == there.rows(query)


@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_not_known_to_be_equal_is_refused(sql: str) -> None:
    """No score is better than another one."""
    assert refused(sql)
    with pytest.raises(ConfigError, match="On Spark"):
        spark(f"SELECT {sql} FROM t")


def test_the_shipped_model_can_be_scored_on_spark() -> None:
    """All of its expressions."""
    assert mistakes(shipped()) == []


def test_a_mistake_says_where_it_stands() -> None:
    """Measures, caps and the override alike."""
    model = HealthModel(
        "m",
        {"g": 1},
        measures=(Measure(name="it", stream="activities", value="median(minutes)"),),
        caps=(Cap(name="c", when="ln(revenue) > 3", tier="B"),),
        override=Override(tier="mode(name)", until="renewal_on"),
    )
    found = {each.path: each.what for each in mistakes(model)}
    assert list(found) == [("measures", 0, "value"), ("caps", 0, "when"), ("override", "tier")]
    assert "median() is not known to give the same value" in found["measures", 0, "value"]
