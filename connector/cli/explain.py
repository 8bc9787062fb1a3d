"""connector explain"""

from __future__ import annotations

import click

from .options import Options, command


@command()
@click.argument("account")
@click.option("--lang", type=click.Choice(["en", "de"]), default="en", help="Of the text.")
@click.option("--history", is_flag=True, help="Show instead how the score went.")
@click.option("--series", metavar="NAME", help="With --history: in a series of a backfill.")
def explain(
    options: Options, *, account: str, lang: str, history: bool, series: str | None
) -> None:
    """Say why ACCOUNT has its score, what changed it, and what would lift it.

    ACCOUNT is a record id (15 or 18 characters), an external id or the exact name.
    """
    from ..config import open_app
    from ..model.telling import text
    from ..sync.explain import explained, names
    from .talk import answer

    app = open_app(options.config)
    if history or series:
        from ..report.history import gone
        from ..sync.line import line

        went = line(app, account, series)
        answer(options, went.as_dict(), gone(went))
        return
    found = explained(app, account)
    name = names(app, [found["account"]]).get(found["account"], "")
    answer(options, found, name, found["brief"][lang], "", *text(found, lang))
