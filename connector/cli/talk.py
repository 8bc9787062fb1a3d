"""How a command answers, and how it asks."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from ..errors import ConfigError, ConnectorError
from .options import Options


def answer(options: Options, document: Mapping[str, Any], *shown: Any) -> None:
    """Print the document as JSON, or what there is to show for a person."""
    if options.json:
        import orjson

        pretty = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
        sys.stdout.write(orjson.dumps(document, option=pretty).decode() + "\n")
    elif not options.quiet:
        from ..report.terminal import show

        show(*shown)


def confirm(options: Options, question: str) -> None:
    """Go on only with a yes."""
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError(
            "There is a question and nobody to answer it.", hint="Repeat with --yes if you mean it."
        )
    if not click.confirm(question, err=True):
        raise ConnectorError("Nothing was changed: the answer was no.")
