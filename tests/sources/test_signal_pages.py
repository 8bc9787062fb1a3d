"""What the pages on support, usage and billing tell an admin to write is what is read."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from connector.config import _adapter
from connector.mapping.document import Lines

PAGES = Path(__file__).parents[2] / "docs" / "sources"
NAMES = ("zendesk", "intercom", "mixpanel", "stripe", "chargebee")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("all_of_it", [False, True])
def test_the_table_of_a_page_loads(name, all_of_it, tmp_path):
    """As it stands, and with everything that is commented out."""
    (block,) = re.findall(r"```toml\n(.*?)```", (PAGES / f"{name}.md").read_text(), re.DOTALL)
    table = tomllib.loads(block.replace("\n# ", "\n") if all_of_it else block)["sources"][name]
    made, problems = _adapter("sources", "Source", table, (), Lines({}), tmp_path / "c.toml")
    assert problems == []
    assert made.name == name
