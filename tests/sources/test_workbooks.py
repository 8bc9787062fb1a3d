"""Workbooks: cells are read as what they are; what is no workbook stays shut."""

from __future__ import annotations

import sys
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from connector.errors import ConfigError, ConnectorError
from tests.sources.desk import signals, staged

HEADER = ["nr", "amount", "day"]


def book(path: Path, *rows: list[Any], title: str = "Tabelle1", **other: list[list[Any]]) -> Path:
    """A workbook whose first sheet has these rows."""
    made = Workbook()
    made.active.title = title
    for row in rows:
        made.active.append(row)
    for name, cells in other.items():
        sheet = made.create_sheet(name)
        for row in cells:
            sheet.append(row)
    made.save(path)
    made.close()
    return path


def test_cells_are_read_as_what_they_are(tmp_path):
    """Numbers, dates, times, days as bare numbers, and texts as people type them."""
    path = book(
        tmp_path / "a.xlsx",
        [*HEADER, None],
        [4711, 2.5, date(2026, 1, 31)],
        ["R2", 1.234, datetime(2026, 1, 31, 14, 30)],
        ["R3", "1.234,50 €", 46053],
        ["R4", 3, "31.01.2026"],
    )
    found = staged(signals(path), "id", "value", "occurred_at")
    assert found.rows == [
        ("4711", 2.5, "2026-01-31 00:00:00+00"),
        ("R2", 1.234, "2026-01-31 14:30:00+00"),
        ("R3", 1234.5, "2026-01-31 00:00:00+00"),
        ("R4", 3, "2026-01-31 00:00:00+00"),
    ]


def test_days_are_counted_from_where_the_workbook_counts(tmp_path):
    """Old workbooks of Macs begin in 1904."""
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    made = Workbook()
    made.epoch = CALENDAR_MAC_1904
    for row in (HEADER, [1, 1, 44591], [2, 1, date(2026, 1, 31)]):
        made.active.append(row)
    made.save(tmp_path / "a.xlsx")
    found = staged(signals(tmp_path / "a.xlsx"), "occurred_at")
    assert found.rows == [("2026-01-31 00:00:00+00",)] * 2


def test_bad_rows_are_listed_by_their_number_in_the_sheet(tmp_path):
    """Empty rows count; a cell that failed to compute is no value."""
    path = book(
        tmp_path / "a.xlsx",
        ["Report"], [], HEADER, [1, 1, None], [], [2, "#N/A", None], [3, "viel", None],
        [4, "1.234", None], [None, 5, None],
    )  # fmt: skip
    found = staged(signals(path, header=3), "id", "value")
    assert found.rows == [("1", 1), ("3", None)]
    assert found.odd == {
        "error_in_a_cell": (1, ["a.xlsx:6"]),
        "unreadable_value": (1, ["a.xlsx:7"]),
        "ambiguous_value": (1, ["a.xlsx:8"]),
        "without_id": (1, ["a.xlsx:9"]),
    }


def test_a_sheet_is_chosen_by_its_name(tmp_path):
    """Without one it is the first; a wrong name says which there are."""
    path = book(tmp_path / "a.xlsx", HEADER, [1, 1, None], Rechnungen=[HEADER, [2, 2, None]])
    assert staged(signals(path), "id").rows == [("1",)]
    assert staged(signals(path, sheet="Rechnungen"), "id").rows == [("2",)]
    with pytest.raises(ConnectorError, match="has no sheet 'Umsatz'") as wrong:
        signals(path, sheet="Umsatz").check()
    assert wrong.value.hint == "It has Tabelle1, Rechnungen."


def test_a_sheet_without_what_is_needed_is_told_before_it_is_read(tmp_path):
    """An empty one, and one with other columns."""
    with pytest.raises(ConnectorError, match="the first row must name the columns"):
        signals(book(tmp_path / "a.xlsx")).check()
    with pytest.raises(ConnectorError, match="has no column 'amount', which `value` is made of"):
        signals(book(tmp_path / "b.xlsx", ["nr", "betrag", "day"])).check()


def test_a_workbook_that_would_burst_is_not_opened(tmp_path):
    """A sheet of zeros packs to nothing."""
    path = book(tmp_path / "a.xlsx", HEADER)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet9.xml", b"0" * 60_000_000)
    with pytest.raises(ConnectorError, match="would unpack to 57 MB"):
        signals(path).check()


def test_a_workbook_that_declares_entities_is_not_opened(tmp_path):
    """They are how a few bytes of XML become gigabytes."""
    path = book(tmp_path / "a.xlsx", HEADER)
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("xl/more.xml", '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "b">]><a/>')
    with pytest.raises(ConnectorError, match="declares entities"):
        signals(path).check()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old .xls file, or is protected by a password"),
        (b"nr;amount;day\n", "is no workbook that can be read"),
    ],
)
def test_what_is_no_workbook_says_what_it_is(tmp_path, content, said):
    """And what to do about it."""
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    with pytest.raises(ConnectorError, match=said) as wrong:
        signals(path).check()
    assert "save it as .xlsx" in wrong.value.hint


def test_a_zip_without_a_workbook_is_none(tmp_path):
    """Some other archive with the wrong name."""
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as packed:
        packed.writestr("readme.txt", "no")
    with pytest.raises(ConnectorError, match="is no workbook that can be read"):
        signals(tmp_path / "a.xlsx").check()


def test_without_its_reader_it_is_said_what_to_install(tmp_path, monkeypatch):
    """It is an extra: most installations read no workbook."""
    path = book(tmp_path / "a.xlsx", HEADER)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ConfigError) as missing:
        signals(path).check()
    assert "pip install 'crm-health-connector[xlsx]'" in missing.value.hint
