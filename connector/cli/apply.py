"""connector apply"""

from __future__ import annotations

from pathlib import Path

import click

from .options import Options, command


@command()
@click.argument("plan", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def apply(options: Options, *, plan: Path) -> int:
    """Write exactly a saved PLAN. Refuses if a value has moved since it was made."""
    from ..config import open_app
    from ..report import terminal
    from ..sync import flow
    from ..sync.changes import load
    from .talk import answer

    made = load(plan)
    with terminal.progress(shown=options.bars) as notify:
        done = flow.apply_plan(open_app(options.config), made, notify=notify).as_dict()
    answer(options, done, terminal.receipt(done))
    return int(done["exit"])
