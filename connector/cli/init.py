"""connector init"""

from __future__ import annotations

from pathlib import Path

import click

from .options import Options, command

CRMS = ("salesforce", "hubspot")


@command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--crm", type=click.Choice(CRMS), default=CRMS[0], show_default=True)
@click.option("--sandbox", metavar="URL", default="", help="Make it work against this sandbox.")
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
def init(options: Options, *, folder: Path, crm: str, sandbox: str, force: bool) -> None:
    """Write a commented configuration and the mapping files into DIR."""
    from .starting import begin
    from .talk import answer

    files = [str(path) for path in begin(folder, crm, sandbox, force=force)]
    here = f"connector -c {folder / 'config.toml'}"
    first = f"Read {folder / 'config.toml'}, fill in what is yours, then:"
    steps = ["Now:" if sandbox else first, f"  {here} check", f"  {here} fields apply"]
    answer(options, {"files": files}, *files, "", *steps, f"  {here} plan", f"  {here} sync")
