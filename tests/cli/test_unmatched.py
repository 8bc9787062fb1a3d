"""connector sources unmatched: what found no account, and the way to settle it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .conftest import Command


@pytest.fixture(scope="module")
def installation(synced: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of an installation that has synced, so that others keep theirs."""
    folder = tmp_path_factory.mktemp("unmatched") / "it"
    shutil.copytree(synced.parent, folder)
    return folder / "config.toml"


def test_what_found_no_account_is_listed_and_settled(
    connector: Command, installation: Path, tmp_path: Path
) -> None:
    """Masked unless asked; the template filled in is the alias file that settles it."""
    before = connector("-c", installation, "sources", "unmatched", "--json", "-n", 1000).json
    lost = [each for each in before["records"] if "email" in each["keys"]]
    assert lost
    assert before["unmatched"] == sum(each["records"] for each in before["counts"])
    assert all("***@" in each["keys"]["email"] for each in lost)
    shown = connector("-c", installation, "sources", "unmatched", "--show", "--json", "-n", 1000)
    whole = next(each for each in shown.json["records"] if "email" in each["keys"])
    assert "***" not in shown.out
    masked = connector("-c", installation, "sources", "unmatched").out
    assert whole["keys"]["email"] not in masked
    assert "--show" in masked
    assert "--csv" in masked

    assert (installation.parent / "data" / "lake" / "placements").is_dir()
    template = tmp_path / "decide.csv"
    done = connector("-c", installation, "sources", "unmatched", "--csv", template)
    assert (done.exit, template.stat().st_mode & 0o777) == (0, 0o600)
    head, *keys = template.read_text(encoding="utf-8").splitlines()
    assert head == "key,account_id"
    assert keys
    assert all(key.endswith(",") for key in keys)
    refused = connector("-c", installation, "sources", "unmatched", "--csv", template)
    assert (refused.exit, "is there already" in refused.err) == (2, True)

    account = next(c["id"] for each in before["records"] for c in each["candidates"])
    for filled, left in (("", before["unmatched"]), (account, 0)):
        lines = [head, *(f"{key}{filled}" for key in keys)]
        (installation.parent / "aliases.csv").write_text("\n".join(lines), encoding="utf-8")
        after = connector("-c", installation, "sources", "unmatched", "--json").json
        counts = [each for each in after["counts"] if each["why"] != "anonymous"]
        assert sum(each["records"] for each in counts) == left
