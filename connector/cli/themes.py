"""connector themes"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import Options, command

if TYPE_CHECKING:
    from datetime import timedelta

    from ..report.texts import Language


def _window(_: click.Context, __: click.Parameter, text: str) -> timedelta:
    from ..spans import span

    try:
        return span(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@command()
@click.option(
    "--window", default="365d", show_default=True, callback=_window, help="How far back to look."
)
@click.option(
    "-n",
    "--number",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="How many answers to list.",
)
@click.option("--show", is_flag=True, help="Also show the comments of the answers listed.")
@click.option("--lang", type=click.Choice(["en", "de"]), default="en", help="Of the names.")
def themes(options: Options, *, window: timedelta, number: int, show: bool, lang: Language) -> None:
    """Show what answers are about, and those whose score and words disagree.

    From the lake alone, as of the last run. An answer has the labels of its survey platform, or
    else the themes whose words (mappings/themes.toml) are in its comment. An NPS answer disagrees
    when a 9 or 10 comes with bad words only, or a 0 to 6 with good ones only. No score is moved.
    """
    from ..config import open_app
    from ..report import themes as report
    from ..sync.themes import gather
    from .talk import answer

    found = gather(open_app(options.config), window=window, most=number, comments=show)
    answer(options, found.as_dict(), *report.shown(found, lang))
