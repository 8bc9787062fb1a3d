"""The page about files: what it shows can be copied, and does what it says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from textwrap import dedent

import pytest

from connector.mapping import columns
from connector.mapping.document import parse_data, scan
from connector.sources.file import Source
from tests.sources.desk import staged

PAGE = (Path(__file__).parents[2] / "docs/sources/file.md").read_text(encoding="utf-8")
TABLES = {
    name: table
    for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    for name, table in tomllib.loads(block)["sources"].items()
}


def made(name: str) -> Source:
    data = {key: value for key, value in TABLES[name].items() if key != "type"}
    source, problems = parse_data(data, scan(""), "file.md", Source)
    assert problems == []
    assert source is not None
    return source


@pytest.mark.parametrize("name", list(TABLES))
def test_every_table_is_a_source(name):
    """Its settings and its columns are right."""
    source = made(name)
    assert columns.check(source.stream, source.columns, source.required) == []


def test_the_german_spreadsheet_is_read_as_the_page_says(tmp_path):
    """As Excel writes it, in the encoding of Windows and with its line ends."""
    (text,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    source = made("invoices")
    source.path = tmp_path / "rechnungen.csv"
    source.path.write_bytes(dedent(text).strip().replace("\n", "\r\n").encode("cp1252"))
    source.check()
    found = staged(source, "id", "company", "value", "due_at", "settled_at")
    assert found.rows == [
        ("R-1001", "Müller & Söhne", 1234.5, "2026-04-16 22:00:00+00", None),
        ("R-1002", "Größe GmbH", 980, "2026-04-16 22:00:00+00", "2026-04-14 22:00:00+00"),
    ]
    assert found.odd == {}


def test_every_setting_is_on_the_page():
    """With its name."""
    from dataclasses import fields

    settings = {each.name for each in fields(Source) if each.init}
    assert {each for each in settings if f"| `{each}` |" not in PAGE} == set()
