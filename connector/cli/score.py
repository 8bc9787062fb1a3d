"""connector score"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import ConfigError
from .options import Options, command

if TYPE_CHECKING:
    from ..sync.past import Known

KNOWN = click.Choice(["then", "now"])


@command()
@click.option("--as-of", metavar="MOMENT", help="Score as of a day or moment in the past.")
@click.option(
    "--known",
    type=KNOWN,
    help="With --as-of: count what we had been told then (default), or all we know now.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --as-of: also write every account to this .csv or .parquet file.",
)
def score(options: Options, *, as_of: str | None, known: Known | None, output: Path | None) -> int:
    """Score what is in the lake. Writes nothing to the CRM.

    With --as-of it is scored as of a moment in the past, from the lake alone: no call is made, and
    neither history nor the CRM is written.
    """
    from ..config import open_app
    from ..report import terminal
    from ..sync import flow
    from .talk import answer

    if as_of is None and (known or output):
        raise ConfigError("--known and -o belong to --as-of.", hint="Name a moment with --as-of.")
    app = open_app(options.config)
    with terminal.progress(shown=options.bars) as notify:
        if as_of is None:
            done = flow.score_only(app, notify=notify).as_dict()
            shown = terminal.receipt(done)
        else:
            from ..report import history
            from ..sync import past

            looked = past.score_as_of(
                app, past.moment_of(as_of), known or "then", output=output, notify=notify
            )
            done, shown = {**looked.as_dict(), "exit": 0}, history.looked(looked)
    answer(options, done, shown)
    return int(done["exit"])
