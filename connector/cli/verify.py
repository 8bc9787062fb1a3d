"""connector verify"""

from __future__ import annotations

import click

from .options import Options, command


@command()
@click.argument("account")
@click.option("--at", metavar="MOMENT", help="The score it had then; the latest without.")
@click.option("--series", metavar="NAME", help="The score in a series of `connector backfill`.")
def verify(options: Options, *, account: str, at: str | None, series: str | None) -> int:
    """Work out a past score of ACCOUNT again, and say if it is equal or what differs.

    From the lake as it was known then, with the model that scored it; no call is made. Leaves with
    1 when something differs. ACCOUNT is a record id, an external id or the exact name.
    """
    from ..config import open_app
    from ..report import history, terminal
    from ..sync import verify as verifying
    from ..sync.past import moment_of
    from .talk import answer

    moment = moment_of(at) if at else None
    app = open_app(options.config)
    with terminal.progress(shown=options.bars) as notify:
        found = verifying.verify(app, account, moment, series, notify=notify)
    answer(options, found.as_dict(), history.verified(found))
    return 0 if found.equal else 1
