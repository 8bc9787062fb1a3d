"""connector model"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import Options, group

if TYPE_CHECKING:
    from ..sync.app import App

MOST = 20


@group()
def model(options: Options) -> None:
    """Look at models and compare them."""


@model.part
@click.argument("a")
@click.argument("b")
@click.option(
    "-n",
    "--number",
    type=click.IntRange(min=0),
    default=MOST,
    show_default=True,
    help="How many accounts to list.",
)
def diff(options: Options, *, a: str, b: str, number: int) -> int:
    """Show who is in another tier under model B than under A, with how much revenue, and why.

    From the lake alone: nothing is pulled, kept or written. A and B are model files, or versions of
    models that have scored here.
    """
    from ..config import open_app

    return compared(options, open_app(options.config), a, b, number)


def compared(options: Options, app: App, a: str, b: str, most: int = MOST) -> int:
    """Compare two models by their names ("" is the one in use) and show the answer."""
    from ..report import history, terminal
    from ..sync import models
    from ..sync.compare import compare
    from .talk import answer

    pair = (models.named(app, a) if a else app.model, models.named(app, b))
    with terminal.progress(shown=options.bars) as notify:
        found = compare(app, *pair, most=most, notify=notify)
    answer(options, found.as_dict(), history.compared(found))
    return 0


@model.part
@click.option("--language", type=click.Choice(["en", "de"]), default="en", help="Of the card.")
def card(options: Options, *, language: str) -> None:
    """Say what the model means, weighs and needs, how much is known, and where its limits are.

    Markdown, from the model file and, where there is one, the lake. No network, no secrets.
    """
    import tempfile
    from contextlib import closing
    from pathlib import Path

    from ..config import load
    from ..engines.duckdb import DuckDB
    from ..model import card as cards
    from ..store.lake import Lake
    from ..sync.coverage import coverage
    from .talk import answer

    loaded = load(options.config)
    lake = Lake(loaded.settings.files.lake or loaded.data / "lake")
    with tempfile.TemporaryDirectory() as scratch, closing(DuckDB(scratch=Path(scratch))) as engine:
        found = coverage(lake, engine, loaded.model)
    text = cards.card(loaded.model, language, found)
    document = {"model": loaded.model.version, "language": language, "markdown": text}
    if options.json:
        answer(options, document)
    else:
        click.echo(text, nl=False)
