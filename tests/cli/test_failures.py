"""Errors as a person and as a program read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector import errors
from connector.errors import ConfigError, ConnectorError, Problem

from .conftest import Command

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type)]
KINDS = [kind for kind in KINDS if issubclass(kind, ConnectorError)]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):
    """Let `check --offline` fail with an error."""

    def fail(error: BaseException) -> None:
        def load(_: Path) -> None:
            raise error

        monkeypatch.setattr("connector.config.load", load)

    return fail


@pytest.mark.parametrize("kind", KINDS)
def test_the_exit_code_is_that_of_the_error(connector: Command, failing, kind) -> None:
    """Each class of the tree ends with its own code."""
    failing(kind("It broke."))
    assert connector("check", "--offline").exit == kind.exit_code


def test_an_error_is_its_message_and_its_hint(connector: Command, failing) -> None:
    """What failed, what to do next, and nothing more."""
    failing(ConnectorError("The disk is full.", hint="Make room."))
    said = connector("check", "--offline")
    assert said.err == "Error: The disk is full.\n       Make room.\n"
    assert said.out == ""


def test_an_error_is_a_document_for_programs(connector: Command, failing) -> None:
    """--json gives message, hint and exit on stdout."""
    failing(errors.Locked("Somebody runs.", hint="Wait."))
    said = connector("check", "--offline", "--json")
    assert said.json == {"error": {"message": "Somebody runs.", "hint": "Wait.", "exit": 6}}


def test_mistakes_in_files_are_listed_for_programs(connector: Command, failing) -> None:
    """An editor can jump to each of them."""
    failing(ConfigError([Problem("a.toml", 3, "wrong", "right")]))
    problems = connector("check", "--offline", "--json").json["error"]["problems"]
    assert problems == [{"file": "a.toml", "line": 3, "what": "wrong", "fix": "right"}]


def test_an_unforeseen_error_is_one_line(connector: Command, failing) -> None:
    """Nobody meets a traceback unasked."""
    failing(ZeroDivisionError("division by zero"))
    said = connector("check", "--offline")
    assert said.exit == 1
    assert said.err == "unexpected error: ZeroDivisionError: division by zero; run with -v\n"


@pytest.mark.parametrize("error", [ZeroDivisionError("oh"), ConnectorError("oh")])
def test_verbose_adds_the_traceback(connector: Command, failing, error: Exception) -> None:
    """-v is for those who want to see where."""
    failing(error)
    assert "Traceback (most recent call last)" in connector("-v", "check", "--offline").err


def test_the_keyboard_stops_with_130(connector: Command, failing) -> None:
    """Ctrl-C is no failure of the product."""
    failing(KeyboardInterrupt())
    said = connector("check", "--offline", "--json")
    assert (said.exit, said.json["error"]["exit"]) == (130, 130)


def test_a_missing_configuration_says_how_to_make_one(connector: Command, tmp_path: Path) -> None:
    """The first error that anybody meets leads to the first command."""
    said = connector("-c", tmp_path / "config.toml", "sync")
    assert said.exit == 2
    assert "connector init" in said.err
