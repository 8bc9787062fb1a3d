"""Each command in the README works.

Commands of the connector run for real, against a sandbox; `make` is asked what it would do, for
these tests are part of what it does. Lines for cron and systemd are checked for their form only.
"""

from __future__ import annotations

import configparser
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.cli import run
from connector.sandbox.server import running
from tests.kept import filled

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
TWO, LOOK, REAL = ([line.removeprefix("$ ") for line in block.splitlines()] for block in CONSOLE)
#: What a person does by hand.
BY_HAND = ("$EDITOR", "keyring")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox in place of a real org."""
    store = filled(tmp_path_factory.mktemp("org") / "sandbox", accounts=20, seed=4)
    with running(store) as url:
        yield url
    store.close()


def arguments(line: str) -> list[str]:
    """What follows the name of the command."""
    name, *rest = shlex.split(line)
    assert Path(name).name == "connector", line
    return rest


@pytest.mark.parametrize("line", TWO)
def test_make_knows_what_to_do(line: str) -> None:
    """Each target is there, and its steps can be made out."""
    name, target = line.split()
    assert name == "make"
    done = subprocess.run(
        ["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {"demo": "connector demo", "test": "pytest"}[target] in done.stdout


def test_one_can_look_around_in_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line about the demo works on what the demo leaves."""
    monkeypatch.chdir(tmp_path)
    assert run(["demo", "-q", "--accounts", "20"]) == 0
    for line in LOOK:
        assert run(arguments(line)) == 0, line


def test_the_ten_lines_connect_an_org(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: str
) -> None:
    """With a sandbox for an org, the lines lead to a finished sync."""
    monkeypatch.chdir(tmp_path)
    install, *lines = REAL
    assert install == "pip install ."  # test_package.py builds and installs what this would
    for line in lines:
        if line.startswith("cd "):
            monkeypatch.chdir(line.removeprefix("cd "))
        elif not line.startswith(BY_HAND):
            more = {"init": ["--sandbox", sandbox], "fields": ["--yes"]}
            words = arguments(line)
            assert run([*words, *more.get(words[0], [])]) == 0, line
    assert (tmp_path / "acme/report.html").exists()


def test_the_ten_lines_are_ten() -> None:
    """The headline counts right."""
    assert len(REAL) == 10


def command_of(line: str) -> list[str]:
    """The words of the connector's command within a longer line."""
    return shlex.split(re.split(r">|&&|\|", line[line.index("connector") :])[0])


def test_the_cron_line_has_the_form_of_one() -> None:
    """Five times and a command that parses; cron itself is not asked."""
    (line,) = re.findall(r"```cron\n(.*?)\n```", README, re.DOTALL)
    *times, command = line.split(maxsplit=5)
    assert all(re.fullmatch(r"[\d*/,-]+", each) for each in times)
    parses(command_of(command))


def test_the_units_have_the_form_of_units() -> None:
    """The sections that systemd wants, and a command that parses; systemd itself is not asked."""
    service, timer = (
        unit(text) for text in re.findall(r"```ini\n(.*?)```", README, re.DOTALL)
    )  # fmt: skip
    parses(command_of(service["Service"]["ExecStart"]))
    assert service["Service"]["Type"] == "oneshot"
    assert timer["Timer"]["OnCalendar"]
    assert timer["Install"]["WantedBy"] == "timers.target"


def unit(text: str) -> configparser.ConfigParser:
    """A unit file read."""
    read = configparser.ConfigParser(interpolation=None, strict=True)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read_string(text)
    return read


def parses(words: list[str]) -> None:
    """The command line is one that the connector understands."""
    assert words[0] == "connector"
    assert run([*words[1:], "--help"]) == 0


def test_every_exit_code_is_explained() -> None:
    """The table has the codes that the product can give, and no other."""
    from connector import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    given = {kind.exit_code for kind in kinds if issubclass(kind, errors.ConnectorError)}
    listed = {int(code) for code in re.findall(r"^\| (\d) \|", README, re.MULTILINE)}
    assert listed == given | {errors.EXIT_DONE, errors.EXIT_PARTLY}


def test_python_is_the_one_that_is_promised() -> None:
    """The README asks for the version that the package asks for."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert f"Python {wanted.removeprefix('>=')} or later" in README
    assert sys.version_info >= tuple(map(int, wanted.removeprefix(">=").split(".")))
