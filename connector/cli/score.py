"""connector score"""

from __future__ import annotations

from .options import Options, command


@command()
def score(options: Options) -> int:
    """Score what is in the lake. Writes nothing to the CRM."""
    from ..config import open_app
    from ..report import terminal
    from ..sync import flow
    from .talk import answer

    with terminal.progress(shown=options.bars) as notify:
        done = flow.score_only(open_app(options.config), notify=notify).as_dict()
    answer(options, done, terminal.receipt(done))
    return int(done["exit"])
