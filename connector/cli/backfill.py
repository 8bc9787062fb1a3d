"""connector backfill"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import ConfigError
from .options import Options, command
from .score import KNOWN

if TYPE_CHECKING:
    from ..sync.backfill import Every
    from ..sync.past import Known

STEPS = click.Choice(["day", "week", "month", "quarter", "year"])


@command()
@click.option("--from", "begin", metavar="MOMENT", required=True, help="The first moment.")
@click.option("--to", "end", metavar="MOMENT", required=True, help="No moment is later.")
@click.option("--every", type=STEPS, default="month", show_default=True, help="How far apart.")
@click.option(
    "--known",
    type=KNOWN,
    default="now",
    show_default=True,
    help="Count all we know now, or what we had been told then.",
)
@click.option("--where", default="", metavar="SQL", help="Only accounts that meet a condition.")
@click.option("--dry-run", is_flag=True, help="Only say which moments there are to score.")
@click.option("--write-history", is_flag=True, help="Keep the scores in the lake's history.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="With --write-history: begin no moment after so long.",
)
def backfill(
    options: Options,
    *,
    begin: str,
    end: str,
    every: Every,
    known: Known,
    where: str,
    dry_run: bool,
    write_history: bool,
    minutes: float | None,
) -> int:
    """Score many moments of the past, from the lake alone: no call is made.

    With --write-history they are kept as a series of their own, marked with the version of the
    model. A run that was stopped goes on where it was when it is started again.
    """
    import time

    from ..config import open_app
    from ..report import history, terminal
    from ..sync import backfill as filling
    from ..sync.past import moment_of
    from .talk import answer

    if dry_run and write_history:
        raise ConfigError("--dry-run writes no history.", hint="Leave out one of the two.")
    if minutes and not write_history:
        raise ConfigError(
            "What is not kept cannot be gone on with.", hint="Use --minutes with --write-history."
        )
    end_of_time = time.monotonic() + minutes * 60 if minutes else float("inf")
    asked = filling.Asked(moment_of(begin), moment_of(end), every, known, where)
    app = open_app(options.config)
    with terminal.progress(shown=options.bars) as notify:
        if dry_run:
            done = filling.foreseen(app, asked)
        else:
            done = filling.backfill(
                app,
                asked,
                write=write_history,
                spent=lambda: time.monotonic() >= end_of_time,
                notify=notify,
            )
    shown = history.foreseen(done) if dry_run else history.filled(done)
    answer(options, done.as_dict(), shown)
    return done.exit
