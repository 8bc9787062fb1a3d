"""The pages about platforms: what an admin copies is a configuration that loads."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from connector.shipped import available

PAGES = Path(__file__).parents[2] / "docs" / "sources"
#: Pages with tests of their own: of files, of any API, of hooks; and those in test_signal_pages.py.
ELSEWHERE = {"file", "rest", "webhook", "zendesk", "intercom", "mixpanel", "stripe", "chargebee"}
NAMES = sorted(set(available("sources")) - ELSEWHERE)


@pytest.mark.parametrize("all_of_it", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_a_page_makes_a_source(name, all_of_it):
    """With the type of its page, as it stands and with everything that is commented out; and the
    page says how sure we are, as the source does."""
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert blocks
    for block in blocks:
        text = block.replace("\n# ", "\n") if all_of_it else block
        table = tomllib.loads(text)["sources"][name]
        kind = import_module(f"connector.sources.{table.pop('type')}").Source
        made = TypeAdapter(kind).validate_python(table)
        assert set(table) <= set(kind.__dataclass_fields__)
        assert made.name == name
        assert f"**How sure:** {made.sure}" in page
