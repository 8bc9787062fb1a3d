"""Numbers, dates and flags as people spell them: never a guess."""

from __future__ import annotations

from typing import Any

import pytest

from connector.engines.duckdb import DuckDB
from connector.mapping import spelled


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = DuckDB(threads=1, scratch=tmp_path_factory.mktemp("spill"))
    yield made
    made.close()


def read(engine: DuckDB, said: str, kind: str, **how: Any) -> Any:
    """What a text is read as; "vague" when it could be meant two ways."""
    quoted = said.replace("'", "''")
    vague = spelled.is_vague("t", kind, decimal=how.get("decimal"), dates=how.get("dates"))
    value = spelled.value("t", kind, **how)
    if kind in ("DATE", "TIMESTAMPTZ"):
        value = f"CAST({value} AS VARCHAR)"
    ((found, unsure),) = engine.rows(f"SELECT {value}, {vague} FROM (SELECT '{quoted}' AS t)")
    assert not (unsure and found is not None)
    return "vague" if unsure else found


@pytest.mark.parametrize(
    ("said", "sure", "comma", "point"),
    [
        ("12", 12, 12, 12),
        ("-1.234,50", -1234.5, -1234.5, None),
        ("1,234.50", 1234.5, None, 1234.5),
        ("12,5", 12.5, 12.5, None),
        ("12.5", 12.5, None, 12.5),
        ("1.234", "vague", 1234, 1.234),
        ("1,234", "vague", 1.234, 1234),
        ("0.123", 0.123, None, 0.123),
        ("0,123", 0.123, 0.123, None),
        ("1.234.567", 1234567, 1234567, None),
        ("1234.567", 1234.567, None, 1234.567),
        ("1.234,50 €", 1234.5, 1234.5, None),
        ("EUR 5,00", 5, 5, None),
        ("1'234.50", 1234.5, None, 1234.5),
        ("1\u00a0234,50", 1234.5, 1234.5, None),
        ("1e3", 1000, 1000, 1000),
        ("12,3.4", None, None, None),
        ("1,23,4", None, None, None),
        ("NaN", None, None, None),
        ("inf", None, None, None),
        ("viel", None, None, None),
    ],
)
def test_a_number_is_read_where_it_can_only_be_meant_one_way(engine, said, sure, comma, point):
    """Undecided, with a decimal comma, and with a decimal point."""
    for decimal, value in ((None, sure), (",", comma), (".", point)):
        assert read(engine, said, "DOUBLE", decimal=decimal) == value, decimal


def test_a_number_that_a_machine_wrote_has_a_point_whatever_people_write(engine):
    """A sheet holds numbers and texts that look like numbers side by side."""
    how = {"decimal": ",", "machine": True}
    said = ("12.5", "1.2340", "1.234", "1.234,5", "12")
    assert [read(engine, each, "DOUBLE", **how) for each in said] == [12.5, 1.234, 1234, 1234.5, 12]


@pytest.mark.parametrize(
    ("said", "sure", "day_first", "month_first"),
    [
        ("2026-04-03", "2026-04-03", "2026-04-03", "2026-04-03"),
        ("2026/04/03", "2026-04-03", "2026-04-03", "2026-04-03"),
        ("20260403", "2026-04-03", "2026-04-03", "2026-04-03"),
        ("03.04.2026", "2026-04-03", "2026-04-03", "2026-03-04"),
        ("3.4.26", "2026-04-03", "2026-04-03", "2026-03-04"),
        ("01.02.99", "1999-02-01", "1999-02-01", "1999-01-02"),
        ("03/04/2026", "vague", "2026-04-03", "2026-03-04"),
        ("03-04-2026", "vague", "2026-04-03", "2026-03-04"),
        ("03/03/2026", "2026-03-03", "2026-03-03", "2026-03-03"),
        ("31/01/2026", "2026-01-31", "2026-01-31", None),
        ("01/31/2026", "2026-01-31", None, "2026-01-31"),
        ("26-01-31", "vague", "2031-01-26", None),
        ("31.02.2026", None, None, None),
        ("2026", None, None, None),
        ("46053", None, None, None),
        ("12:30", None, None, None),
        ("offen", None, None, None),
    ],
)
def test_a_date_is_read_where_it_can_only_be_meant_one_way(
    engine, said, sure, day_first, month_first
):
    """Undecided, with the day first, and with the month first."""
    for dates, value in ((None, sure), ("day-first", day_first), ("month-first", month_first)):
        assert read(engine, said, "DATE", dates=dates) == value, dates


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("31.07.2026", "2026-07-30 22:00:00+00"),
        ("31.07.2026 14:30", "2026-07-31 12:30:00+00"),
        ("07/31/2026 2:30 PM", "2026-07-31 12:30:00+00"),
        ("2026-01-31 14:30:05", "2026-01-31 13:30:05+00"),
        ("2026-01-31T14:30:05Z", "2026-01-31 14:30:05+00"),
        ("2026-01-31T14:30:05.5+05:30", "2026-01-31 09:00:05.5+00"),
    ],
)
def test_a_time_without_a_zone_is_one_of_the_files(engine, said, moment):
    """In summer and in winter; one with a zone keeps it."""
    assert read(engine, said, "TIMESTAMPTZ", zone="Europe/Berlin") == moment


def test_a_spreadsheets_number_is_a_day_where_one_counts_them(engine):
    """And 2026 is a year, not a day in 1905."""
    how = {"serial": "1899-12-30"}
    said = ("46053", "46053.75", "2026")
    found = [read(engine, each, "TIMESTAMPTZ", **how) for each in said]
    assert found == ["2026-01-31 00:00:00+00", "2026-01-31 18:00:00+00", None]


def test_flags_are_read_in_both_languages(engine):
    """German spreadsheets write WAHR and FALSCH."""
    said = ("WAHR", "Falsch", "ja", "nein", "true", "No", "1", "vielleicht")
    found = [read(engine, each, "BOOLEAN") for each in said]
    assert found == [True, False, True, False, True, False, True, None]


def test_what_numbers_prove(engine):
    """One number decides for its column; one that could be either decides nothing."""
    said = {
        "1,5": (True, False),
        "1.5": (False, True),
        "1.234": (False, False),
        "7": (False, False),
    }
    comma, point = spelled.proof("t", ","), spelled.proof("t", ".")
    for each, proof in said.items():
        assert engine.rows(f"SELECT {comma}, {point} FROM (SELECT '{each}' AS t)") == [proof], each
