"""connector runs"""

from __future__ import annotations

import click

from ..errors import ConfigError
from .options import Options, group


@group(invoke_without_command=True)
@click.option(
    "-n",
    "--number",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many.",
)
@click.pass_context
def runs(context: click.Context, options: Options, *, number: int) -> None:
    """List the latest runs."""
    if context.invoked_subcommand:
        return
    from ..config import open_app
    from ..report import terminal
    from .talk import answer

    latest = open_app(options.config).state.runs(number)
    answer(options, {"runs": latest}, terminal.runs(latest))


@runs.part
@click.argument("run", required=False)
def show(options: Options, *, run: str | None) -> None:
    """Show the receipt of RUN (or of the latest one), with everything odd it met."""
    from ..config import open_app
    from ..report import terminal
    from .talk import answer

    state = open_app(options.config).state
    latest = state.runs(1)
    run = run or (latest[0]["id"] if latest else "")
    receipt = state.receipt(run)
    if receipt is None:
        what = f"There is no run {run!r} that has ended." if run else "No run has ended yet."
        raise ConfigError(what, hint="List them with `connector runs`.")
    answer(options, receipt, terminal.receipt(receipt, odd_ids=20))
