"""A folder to start from."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import requests

from connector.cli.shipped import MAPPINGS

from .conftest import Command


def test_a_fresh_folder_passes_the_offline_check(
    connector: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What init writes without an org is complete but for what only its owner knows."""
    monkeypatch.setenv("ZENLOOP_TOKEN", "t")
    connector("init", tmp_path / "new")
    said = connector("-c", tmp_path / "new/config.toml", "check", "--offline", "--json")
    assert said.exit == 0
    assert said.json["examples"] > 0


def test_the_mappings_are_copies_of_the_shipped_ones(connector: Command, tmp_path: Path) -> None:
    """An owner may edit them; the product's own stay as they are."""
    connector("init", tmp_path)
    for name in ("salesforce.toml", "health.toml"):
        assert (tmp_path / "mappings" / name).read_bytes() == (MAPPINGS / name).read_bytes()


def test_files_that_are_there_are_not_overwritten(connector: Command, tmp_path: Path) -> None:
    """A second init refuses and names what it would have overwritten."""
    (tmp_path / "config.toml").write_text("mine")
    said = connector("init", tmp_path)
    assert said.exit == 2
    assert "config.toml" in said.err
    assert [each.name for each in tmp_path.iterdir()] == ["config.toml"]
    assert (tmp_path / "config.toml").read_text() == "mine"


def test_force_overwrites(connector: Command, tmp_path: Path) -> None:
    """--force is for those who mean it."""
    (tmp_path / "config.toml").write_text("mine")
    assert connector("init", tmp_path, "--force").exit == 0
    assert "[crm]" in (tmp_path / "config.toml").read_text()


def test_secrets_are_in_files_that_only_their_owner_reads(synced: Path) -> None:
    """Keys have mode 0600 from the start."""
    secrets = list((synced.parent / "secrets").iterdir())
    assert {stat.S_IMODE(each.stat().st_mode) for each in secrets} == {0o600}
    assert {each.name for each in secrets} == {"salesforce.key", "zenloop.token"}


def test_no_secret_is_in_the_configuration(synced: Path, sandbox: str) -> None:
    """config.toml refers to secrets and holds none."""
    keys = requests.get(f"{sandbox}/_sandbox/credentials", timeout=10).json()
    text = synced.read_text()
    for secret in (
        keys["zenloop"]["token"],
        keys["salesforce"]["client_secret"],
        keys["salesforce"]["private_key"].splitlines()[1],
    ):
        assert secret not in text


def test_secrets_and_data_stay_out_of_version_control(connector: Command, tmp_path: Path) -> None:
    """A folder can be committed as it is."""
    connector("init", tmp_path)
    assert (tmp_path / ".gitignore").read_text().split() == ["secrets/", "data/"]


def test_a_sandbox_that_is_not_there_is_an_error(connector: Command, tmp_path: Path) -> None:
    """Nothing is written when the sandbox does not answer."""
    said = connector("init", tmp_path / "new", "--sandbox", "http://127.0.0.1:9")
    assert said.exit == 1
    assert not (tmp_path / "new").exists()
