"""connector sync"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import Options, command

if TYPE_CHECKING:
    from ..report.texts import Language


@command()
@click.option("--adopt", is_flag=True, help="Take over fields that are filled already.")
@click.option("--force", is_flag=True, help="Go on even if more tiers change than is allowed.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write an HTML page about it to this file.",
)
@click.option("--lang", type=click.Choice(["en", "de"]), default="en", help="Of the HTML page.")
def sync(options: Options, *, adopt: bool, force: bool, report: Path | None, lang: Language) -> int:
    """Pull, score, plan and apply: bring the CRM up to date."""
    from ..config import open_app
    from ..report import html, terminal
    from ..report.facts import gather
    from ..sync import flow
    from .talk import answer

    app = open_app(options.config)
    with terminal.progress(shown=options.bars) as notify:
        done = flow.sync(app, notify=notify, adopt=adopt, force=force).as_dict()
    if report:
        html.write(report, gather(app), done, lang)
    answer(options, done, terminal.receipt(done))
    return int(done["exit"])
