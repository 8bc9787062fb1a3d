"""The options of every command."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from .conftest import Command


@pytest.mark.parametrize("line", [("--json", "runs", "-c"), ("runs", "--json", "-c")])
def test_an_option_may_stand_before_or_behind_the_command(
    connector: Command, synced: Path, line: tuple[str, ...]
) -> None:
    """--json means the same on either side of the name."""
    assert connector(*line, synced).json.keys() == {"runs"}


def test_an_option_may_stand_between_the_words_of_a_command(
    connector: Command, synced: Path
) -> None:
    """A group takes the options, too."""
    assert "changes" in connector("runs", "-c", synced, "show", "--json").json


def test_quiet_prints_nothing(connector: Command, synced: Path) -> None:
    """-q leaves stdout and stderr empty when all is well."""
    said = connector("-q", "-c", synced, "runs")
    assert (said.exit, said.out, said.err) == (0, "", "")


def test_verbose_logs_to_stderr(connector: Command, synced: Path) -> None:
    """-v says what is being done, beside the answer and not in it."""
    said = connector("-v", "-c", synced, "score", "--json")
    assert "INFO connector: score" in said.err
    assert said.json["command"] == "score"


def test_the_version_is_that_of_the_package(connector: Command) -> None:
    """--version says what is installed."""
    assert connector("--version").out.strip().endswith(version("crm-health-connector"))


@pytest.mark.parametrize("line", [("nosuch",), ("sync", "--nosuch"), ("explain",), ()])
def test_a_line_that_cannot_be_understood_ends_with_2(
    connector: Command, line: tuple[str, ...]
) -> None:
    """A typing mistake is told apart from a failure."""
    said = connector(*line)
    assert said.exit == 2
    assert "Usage: connector" in said.err


def test_a_misused_line_is_json_when_json_was_asked_for(connector: Command) -> None:
    """Even a line that could not be parsed answers a program in its language."""
    said = connector("sync", "--nosuch", "--json")
    assert said.json["error"]["exit"] == said.exit == 2


@pytest.mark.parametrize("number", ["0", "-1"])
def test_only_a_positive_number_of_runs_can_be_listed(
    connector: Command, tmp_path: Path, number: str
) -> None:
    """-1 would have meant all of them to one database and an error to another."""
    said = connector("-c", tmp_path / "config.toml", "runs", "-n", number)
    assert said.exit == 2
    assert "x>=1" in said.err
