"""connector sources"""

from __future__ import annotations

from pathlib import Path

import click

from .options import Options, group


@group()
def sources(options: Options) -> None:
    """Show which systems can be read besides the CRM, and what found no account."""


@sources.part
def list(options: Options) -> None:
    """List the types of sources: what each brings, and how sure we are of it.

    verified: the platform's documentation or working code was read whole. partly: some of it.
    inferred: check it against your own account before you rely on it.
    """
    from ..report import terminal
    from ..shipped import supported
    from .talk import answer

    found = supported()
    answer(options, {"sources": found}, *terminal.sources(found))


@sources.part
@click.option(
    "-n", "--number", type=click.IntRange(min=1), default=50, show_default=True, help="How many."
)
@click.option("--show", is_flag=True, help="Show mail addresses whole.")
@click.option(
    "--csv",
    "template",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the keys that would settle all of them, to fill in for the alias file.",
)
def unmatched(options: Options, *, number: int, show: bool, template: Path | None) -> None:
    """List the answers, invitations, signals and tickets that found no account, or several.

    As of the last run, with the alias file as it is now. Of each: why, what it says of its sender,
    and the accounts it could belong to. A line `key,account_id` in the alias file settles it; a key
    is a customer number, an address, a mail domain or a company name.
    """
    from ..config import open_app
    from ..report import terminal
    from ..sync import unmatched as lost
    from .talk import answer

    found = lost.unmatched(open_app(options.config), most=number, masked=not show)
    if template:
        lost.write_template(found.words, template)
    answer(options, found.as_dict(), *terminal.unmatched(found, template))
