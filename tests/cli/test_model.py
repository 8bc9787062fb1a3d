"""connector model card: from the file alone, and with what the lake knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Command


@pytest.mark.parametrize(("language", "head"), [("en", "# Model card"), ("de", "# Modellkarte")])
def test_a_card_is_markdown_in_two_languages(
    connector: Command, synced: Path, language: str, head: str
) -> None:
    """With the share of accounts of which each measure is known."""
    said = connector("-c", synced, "model", "card", "--language", language)
    assert (said.exit, said.err) == (0, "")
    assert said.out.startswith(head)
    assert "30 accounts" in said.out or "30 Konten" in said.out


def test_a_card_needs_neither_lake_nor_secrets(connector: Command, tmp_path: Path) -> None:
    """What init wrote is enough; coverage says that there is none yet."""
    assert connector("init", tmp_path / "new", "--crm", "hubspot").exit == 0
    said = connector("-c", tmp_path / "new" / "config.toml", "model", "card", "--json")
    assert said.exit == 0
    assert said.json["language"] == "en"
    assert "Nothing has been scored with this version yet." in said.json["markdown"]
