"""Files that come with the product."""

from __future__ import annotations

from pathlib import Path

import connector

#: In a built package the mappings lie inside it; in a checkout they are at the top.
_INSIDE = Path(connector.__file__).parent / "_mappings"
_CHECKOUT = Path(connector.__file__).parents[1] / "mappings"

MAPPINGS = _INSIDE if _INSIDE.is_dir() else _CHECKOUT
CONFIG = Path(__file__).with_name("config.toml.j2")
