"""connector explain"""

from __future__ import annotations

import click

from .options import Options, command


@command()
@click.argument("account")
@click.option("--lang", type=click.Choice(["en", "de"]), default="en", help="Of the text.")
def explain(options: Options, *, account: str, lang: str) -> None:
    """Say why ACCOUNT has its score, what changed it, and what would lift it.

    ACCOUNT is a record id (15 or 18 characters), an external id or the exact name.
    """
    from ..config import open_app
    from ..model.telling import text
    from ..sync.explain import explained, names
    from .talk import answer

    app = open_app(options.config)
    found = explained(app, account)
    name = names(app, [found["account"]]).get(found["account"], "")
    answer(options, found, name, found["brief"][lang], "", *text(found, lang))
