"""connector plan"""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError, ConnectorError
from .options import Options, command

if TYPE_CHECKING:
    from ..sync.app import App
    from ..sync.changes import Plan

#: How much of a plan is shown.
SAMPLE, COLUMNS = 20, 3


@command()
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the plan to this file, for `connector apply`.",
)
@click.option("--adopt", is_flag=True, help="Take over fields that are filled already.")
@click.option("--force", is_flag=True, help="Plan even if more tiers change than is allowed.")
@click.option(
    "--model",
    metavar="FILE",
    help="Show instead who would move with another model, from the lake alone.",
)
def plan(
    options: Options, *, output: Path | None, adopt: bool, force: bool, model: str | None
) -> int:
    """Pull, score and show what would change in the CRM. Writes nothing there.

    With --model nothing is pulled or kept: it shows whose tier would be another one, with how much
    revenue, and why, before the model is switched on.
    """
    from ..config import open_app
    from ..report import terminal
    from ..sync import flow
    from .model import compared
    from .talk import answer

    if model and (output or adopt or force):
        raise ConfigError("--model compares and plans no writes.", hint="Use it alone.")
    app = open_app(options.config)
    if model:
        return compared(options, app, "", model)
    with terminal.progress(shown=options.bars) as notify:
        receipt, made = flow.make_plan(app, notify=notify, adopt=adopt, force=force)
    if output:
        _copy(made.path, output)
    done = receipt.as_dict()
    answer(options, done, *(() if options.json else (terminal.found(done), shown(app, made))))
    return receipt.exit


def shown(app: App, made: Plan) -> Any:
    """The plan as tables: what it comes to, and its first changes."""
    from ..report import terminal
    from ..sync.explain import names

    sample = list(islice(made.read(), SAMPLE))
    reasons = [field.target for field in app.mapping.fields if not field.follows]
    return terminal.plan(made, reasons[:COLUMNS], sample, names(app, [c.id for c in sample]))


def _copy(plan: Path, output: Path) -> None:
    try:
        shutil.copyfile(plan, output)
    except OSError as error:
        raise ConnectorError(
            f"The plan cannot be written to {output}: {error.strerror}.",
            hint=f"It is kept as {plan}.",
        ) from error
