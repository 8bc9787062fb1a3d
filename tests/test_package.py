"""What is built carries all that it needs."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PARTS = (
    "connector",
    "mappings",
    "pyproject.toml",
    "setup.py",
    "MANIFEST.in",
    "README.md",
    "LICENSE",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built from a copy so that the checkout stays clean."""
    folder = tmp_path_factory.mktemp("build")
    source = folder / "source"
    source.mkdir()
    for name in PARTS:
        subprocess.run(["cp", "-r", str(ROOT / name), str(source / name)], check=True)
    subprocess.run(
        [
            sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index",
            "--no-build-isolation", "--disable-pip-version-check", "--wheel-dir", str(folder),
            str(source),
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


def test_every_file_that_is_no_program_is_in_the_wheel(wheel: Path) -> None:
    """Templates and marks are packed with the modules."""
    packed = set(zipfile.ZipFile(wheel).namelist())
    ours = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "connector").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert ours - packed == set()


def test_an_installed_wheel_finds_its_mappings(wheel: Path, tmp_path: Path) -> None:
    """Without the checkout, init copies the mappings that are inside the package."""
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from connector.cli import shipped, run; "
        "assert str(shipped.MAPPINGS).startswith(sys.argv[1]), shipped.MAPPINGS; "
        "sys.exit(run(['init', sys.argv[2], '-q']))"
    )
    subprocess.run(
        [sys.executable, "-P", "-c", code, str(site), str(tmp_path / "new")],
        check=True, cwd=tmp_path,
    )  # fmt: skip
    for name in ("salesforce.toml", "health.toml"):
        new = tmp_path / "new/mappings" / name
        assert new.read_bytes() == (ROOT / "mappings" / name).read_bytes()


def test_versions_are_pinned_without_addresses() -> None:
    """constraints.txt holds names and versions, and nothing else."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if line.count("==") != 1 or "/" in line or "@" in line] == []


def needed() -> dict[str, Requirement]:
    """What the package says that it needs, by name."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return {each.name: each for each in map(Requirement, told)}


def test_pins_fit_what_the_package_needs() -> None:
    """And each dependency has one."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0].lower(): line.partition("==")[2] for line in lines}
    unfit = [name for name, each in needed().items() if pinned[name] not in each.specifier]
    assert unfit == []


def test_the_urllib3_that_broke_hubspots_client_is_not_taken() -> None:
    """2.6.0 was without `getheader`; 2.6.1 has it again."""
    taken = needed()["urllib3"].specifier
    assert [each for each in ("1.26.20", "2.5.0", "2.6.0", "2.6.1") if each in taken] == [
        "2.5.0",
        "2.6.1",
    ]
