"""The pages about platforms: what an admin copies is a configuration that loads."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import TypeAdapter

PAGES = Path(__file__).parents[2] / "docs" / "sources"
NAMES = ("qualtrics", "customergauge", "inmoment", "survicate", "surveymonkey", "attest")


@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_a_page_makes_a_source(name):
    """With the type of its page; and the page says how sure we are, as the source does."""
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert blocks
    for block in blocks:
        table = tomllib.loads(block)["sources"][name]
        kind = import_module(f"connector.sources.{table.pop('type')}").Source
        made = TypeAdapter(kind).validate_python(table)
        assert set(table) <= set(kind.__dataclass_fields__)
        assert made.name == name
        assert f"**How sure:** {made.sure}" in page
