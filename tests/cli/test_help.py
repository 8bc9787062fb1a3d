"""Help is quick and complete."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from connector.cli import COMMANDS, cli

HEAVY = ("duckdb", "sqlalchemy", "simple_salesforce", "pydantic", "rich", "sqlglot", "requests")
SECONDS = 0.15


def every(command: click.Command, name: str = "connector") -> Iterator[tuple[str, click.Command]]:
    """The command and all below it."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for each in command.list_commands(context):
            inner = command.get_command(context, each)
            assert inner is not None
            yield from every(inner, f"{name} {each}")


EVERY = pytest.mark.parametrize(("name", "command"), list(every(cli)), ids=str)
LINES = ("", *COMMANDS, "runs show", "sandbox serve", "fields apply")


@pytest.mark.parametrize("line", LINES)
def test_help_imports_nothing_that_costs(line: str) -> None:
    """--help opens neither a database nor a network nor a table."""
    code = (
        "import sys; from connector.cli import run; run(sys.argv[1:]); "
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *line.split(), "--help"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr.strip() == "[]"


def test_help_takes_less_than_150_milliseconds() -> None:
    """The CPU time of --help, the interpreter included, at its best of three."""

    def took() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        line = [sys.executable, "-m", "connector.cli", "sync", "--help"]
        subprocess.run(line, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(took() for _ in range(3)) < SECONDS


@EVERY
def test_every_command_has_help(name: str, command: click.Command) -> None:
    """A command says in a sentence what it does."""
    assert command.help, name
    assert command.help.strip()[0].isupper()


@EVERY
def test_every_option_says_what_it_does(name: str, command: click.Command) -> None:
    """An option has help, or choices that speak for themselves."""
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help or isinstance(option.type, click.Choice), f"{name} {option.name}"
