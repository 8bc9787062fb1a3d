"""Writes what is generated from the code: the reference of commands and the JSON Schemas.

    python docs/generate.py

A test fails when what lies here is not what this would write.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from connector.cli import cli
from connector.config import Settings
from connector.mapping.document import json_schema
from connector.mapping.objects import CrmMapping
from connector.model.definition import HealthModel
from connector.model.dictionary import Dictionary

DOCS = Path(__file__).parent
SCHEMAS = {
    "config": Settings,
    "mapping": CrmMapping,
    "model": HealthModel,
    "themes": Dictionary,
}
WIDTH = 88
HEAD = """\
# Commands

What `connector COMMAND --help` says. The options of every command may stand before its name or
behind it. [Exit codes and errors](errors.md) are on a page of their own.
"""


def generated() -> dict[Path, str]:
    """Every generated file and its content."""
    schemas = {
        DOCS / "schemas" / f"{name}.schema.json": json.dumps(
            json_schema(kind), indent=2, ensure_ascii=False
        )
        + "\n"
        for name, kind in SCHEMAS.items()
    }
    return {DOCS / "cli.md": reference(), **schemas}


def reference() -> str:
    """The help of every command, one after the other."""
    parts = [f"## {path}\n\n```text\n{text}\n```\n" for path, text in pages()]
    return "\n".join([HEAD, *parts])


def pages() -> Iterator[tuple[str, str]]:
    """Each command as one types it, and its help."""
    yield from _pages(
        cli, click.Context(cli, info_name="connector", terminal_width=WIDTH, **cli.context_settings)
    )


def _pages(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                within = click.Context(inner, parent=context, info_name=name, terminal_width=WIDTH)
                yield from _pages(inner, within)


def main() -> None:
    """Write them all."""
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
