"""Writes what is generated from the code: the reference of commands, that of model files, and the
JSON Schemas.

    python docs/generate.py

A test fails when what lies here is not what this would write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

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
MODEL_HEAD = """\
# Every key of a model file

What `mappings/health.toml`, or a file of your own, may hold, table by table.
[The health model](model.md) says what it is for; `connector check --offline` finds what does not
fit, with its line.
"""
#: Kinds of values of a JSON Schema, in words.
TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
}


def generated() -> dict[Path, str]:
    """Every generated file and its content."""
    schemas = {
        DOCS / "schemas" / f"{name}.schema.json": json.dumps(
            json_schema(kind), indent=2, ensure_ascii=False
        )
        + "\n"
        for name, kind in SCHEMAS.items()
    }
    return {DOCS / "cli.md": reference(), DOCS / "model-file.md": model_file(), **schemas}


def reference() -> str:
    """The help of every command, one after the other."""
    parts = [f"## {path}\n\n```text\n{text}\n```\n" for path, text in pages()]
    return "\n".join([HEAD, *parts])


def model_file() -> str:
    """Every table of a model file with its keys, in the order in which they lead to each other."""
    parts = json_schema(HealthModel)["$defs"]
    names = [HealthModel.__name__]
    for name in names:  # grows while it is gone through
        found = re.findall(r'"#/\$defs/(\w+)"', json.dumps(parts[name]))
        names += dict.fromkeys(each for each in found if each not in names)
    return "\n".join([MODEL_HEAD, *(_table(name, parts[name]) for name in names)])


def _table(name: str, part: Mapping[str, Any]) -> str:
    rows = [
        f"| `{key}` | {_kind(of)} | {_without(key, of, part)} |"
        for key, of in part["properties"].items()
    ]
    head = ["| key | holds | without it |", "|---|---|---|"]
    return "\n".join([f"## {name}", "", part["description"], "", *head, *rows, ""])


def _kind(of: Mapping[str, Any]) -> str:
    """What a key may hold, in words."""
    if "$ref" in of:
        name = of["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in of or "const" in of:
        return " or ".join(f"`{each}`" for each in of.get("enum", [of.get("const")]))
    if choices := of.get("anyOf") or of.get("oneOf"):
        return " or ".join(dict.fromkeys(filter(None, map(_kind, choices))))
    if of.get("type") == "array":
        inner = of.get("items") or {}
        if several := of.get("prefixItems"):
            return f"`[{', '.join(map(_kind, several))}]`"
        return f"a list of: {_kind(inner)}" if inner else "a list"
    if of.get("type") == "object":
        inner = of.get("additionalProperties")
        return f"names, each with: {_kind(inner)}" if isinstance(inner, dict) else "a table"
    return TYPES.get(of.get("type", ""), "")


def _without(key: str, of: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    if key in part.get("required", ()):
        return "is needed"
    default = of.get("default")
    return f"`{json.dumps(default)}`" if default not in (None, "", [], {}) else ""


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
