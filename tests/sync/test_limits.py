"""What a field can hold, as the SQL that decides it before anything is sent."""

from __future__ import annotations

import pytest

from connector.engines.duckdb import DuckDB
from connector.mapping.objects import Field
from connector.records import CrmField
from connector.sync.limits import unfit


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = DuckDB(scratch=tmp_path_factory.mktemp("spill"), threads=1)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("type", "value", "fits"),
    [
        ("text", "repeat('x', 80)", True),
        ("text", "repeat('ß', 80)", True),
        ("text", "repeat('x', 81)", False),
        ("long_text", "repeat('x', 81)", False),
        ("text", "'#N/A'", False),
        ("text", "'#N/A yet'", True),
        ("date", "DATE '1699-12-31'", False),
        ("date", "DATE '1700-01-01'", True),
        ("date", "DATE '4000-12-31'", True),
        ("date", "DATE '4001-01-01'", False),
        ("datetime", "TIMESTAMPTZ '1699-12-31 23:59:59+00'", False),
        ("datetime", "TIMESTAMPTZ '4000-12-31 23:59:59+00'", True),
        ("datetime", "TIMESTAMPTZ '4001-01-01 00:30:00+02'", True),
        ("datetime", "TIMESTAMPTZ '4001-01-01 00:00:00+00'", False),
        ("number", "999.9", True),
        ("number", "-1000", False),
        ("text", "CAST(NULL AS VARCHAR)", True),
    ],
)
def test_a_value_fits_up_to_the_edge_of_its_field(engine, type, value, fits):
    """Eighty characters, four digits with one decimal, the days that Salesforce has."""
    field = Field(source="x", target="F", type=type)
    have = CrmField("F", type, "F", writable=True, length=80, precision=4, scale=1)
    found = engine.one(f'SELECT {unfit(field, have)} FROM (SELECT {value} AS "to:F")')
    assert found is not fits
