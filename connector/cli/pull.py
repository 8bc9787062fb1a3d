"""connector pull"""

from __future__ import annotations

from .options import Options, command


@command()
def pull(options: Options) -> int:
    """Bring the lake up to date. Writes nothing to the CRM."""
    from ..config import open_app
    from ..report import terminal
    from ..sync import flow
    from .talk import answer

    with terminal.progress(shown=options.bars) as notify:
        done = flow.pull_only(open_app(options.config), notify=notify).as_dict()
    answer(options, done, terminal.receipt(done))
    return int(done["exit"])
