"""The command line: a thin skin. Read the options, make one call, show the answer.

A command is the function of the same name in its module. Those modules import what costs
time inside their functions, so that `--help` opens nothing.
"""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Sequence

import click

from ..errors import ConnectorError
from . import failures
from .options import Group, Options

__all__ = ["COMMANDS", "cli", "main", "run"]

#: In the order in which a person meets them.
COMMANDS = (
    "demo",
    "init",
    "auth",
    "check",
    "fields",
    "pull",
    "score",
    "plan",
    "apply",
    "sync",
    "explain",
    "verify",
    "backfill",
    "model",
    "runs",
    "sources",
    "themes",
    "webhooks",
    "sandbox",
)


class _Lazy(Group):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"{__name__}.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="crm-health-connector", prog_name="connector")
def cli() -> None:
    """Keep customer health in the CRM: pull, score, plan, apply.

    Begin with `connector demo`, or with `connector init DIR` for an org of your own.
    """


def main() -> None:
    """Run the command line and leave with its exit code."""
    signal.signal(signal.SIGTERM, _stopped)
    sys.exit(run(sys.argv[1:]))


def _stopped(number: int, frame: object) -> None:  # noqa: ARG001 (the signature of a handler)
    """A scheduler's stop ends a command as Ctrl-C does; a second one must not break off that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def run(arguments: Sequence[str]) -> int:
    """Run one command line; its exit code. Nothing but this decides how an error is shown."""
    options = Options()
    as_json = "--json" in arguments
    try:
        done = cli.main(list(arguments), "connector", standalone_mode=False, obj=options)
    except click.Abort:
        return failures.interrupted(as_json=as_json)
    except click.ClickException as error:
        return failures.misused(error, as_json=as_json)
    except ConnectorError as error:
        return failures.failed(error, options, as_json=as_json)
    except Exception as error:  # noqa: BLE001 (a person never sees a traceback unasked)
        return failures.unexpected(error, options, as_json=as_json)
    return done if isinstance(done, int) else 0
