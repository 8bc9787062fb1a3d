"""The options that every command has, before its name on the line or behind it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

CONFIG = Path("config.toml")


@dataclass(slots=True)
class Options:
    """What a person asked for on every command; one object for the whole line."""

    config: Path = CONFIG
    json: bool = False
    verbose: int = 0
    quiet: bool = False
    progress: bool = True
    yes: bool = False

    @property
    def bars(self) -> bool:
        """Whether to show bars."""
        return self.progress and not self.quiet


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    name = str(parameter.name)
    if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
        setattr(context.ensure_object(Options), name, value)


def _shared() -> list[click.Parameter]:
    """The options anew: a command owns its parameters."""

    def option(*names: str, **settings: Any) -> click.Option:
        return click.Option(names, expose_value=False, callback=_keep, **settings)

    path = click.Path(dir_okay=False, path_type=Path)
    no_bars = {"is_flag": True, "flag_value": False, "default": True}
    return [
        option("-c", "--config", type=path, default=CONFIG, show_default=True, help="The file."),
        option("--json", is_flag=True, help="Print one JSON document; all else goes to stderr."),
        option("-v", "--verbose", count=True, help="Log what is done; twice for every request."),
        option("-q", "--quiet", is_flag=True, help="Print nothing but errors."),
        option("--no-progress", "progress", **no_bars, help="Show no bars while working."),
        option("--yes", is_flag=True, help="Answer every question with yes."),
    ]


SHARED = frozenset(str(each.name) for each in _shared())


#: What a command does: takes the options first, returns the exit code (None is 0).
Body = Callable[..., int | None]


class Command(click.Command):
    """A command that takes the shared options."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.params += _shared()

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _sections(self, ctx, formatter)


class Group(click.Group):
    """A group of commands that takes the shared options."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.params += _shared()

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _sections(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def part(self, body: Body) -> click.Command:
        """Make a function a command of this group."""
        made = command()(body)
        self.add_command(made)
        return made


def _sections(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the command's own options first, and those that every command has below."""
    parameters = command.get_params(ctx)
    own = [each for each in parameters if each.name not in SHARED]
    shared = [each for each in parameters if each.name in SHARED]
    for title, some in (("Options", own), ("Options of every command", shared)):
        if records := [record for each in some if (record := each.get_help_record(ctx))]:
            with formatter.section(title):
                formatter.write_dl(records)


def command() -> Callable[[Body], click.Command]:
    """Make a function a command."""
    return lambda body: click.command(cls=Command)(_logged(body))


def group(**settings: Any) -> Callable[[Body], Group]:
    """Make a function a group of commands."""
    return lambda body: click.group(cls=Group, **settings)(_logged(body))


def _logged(body: Body) -> Body:
    """The body with its options, which are complete only now, and logging as they say."""

    @click.pass_obj
    @wraps(body)
    def run(options: Options, *args: Any, **settings: Any) -> int | None:
        log(options)
        return body(options, *args, **settings)

    return run


def log(options: Options) -> None:
    """Log to stderr: warnings, or as much as was asked for."""
    usual = logging.ERROR if options.quiet else logging.WARNING
    level = {0: usual, 1: logging.INFO}.get(options.verbose, logging.DEBUG)
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=level, format=form, datefmt="%H:%M:%S", stream=sys.stderr, force=True)
