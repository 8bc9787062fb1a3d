"""connector model"""

from __future__ import annotations

import click

from .options import Options, group


@group()
def model(options: Options) -> None:
    """Look at models and compare them."""


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
