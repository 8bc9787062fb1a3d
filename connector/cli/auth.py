"""connector auth"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import Options, group

if TYPE_CHECKING:
    from ..signin import SignIn, Standing


@group()
def auth(options: Options) -> None:
    """Log in to the CRM by hand, see who is logged in, log out.

    Only flow = "browser" (Salesforce) and "oauth" (HubSpot) need a login; the others log in by
    themselves. How to set up the app, and what each refusal means, is in docs/salesforce-login.md
    and docs/hubspot-login.md.
    """


@auth.part
@click.option("--no-browser", is_flag=True, help="Print the address to open, and open nothing.")
@click.option(
    "--wait", default=300, show_default=True, type=click.IntRange(1), help="Seconds to wait."
)
def login(options: Options, *, no_browser: bool, wait: int) -> None:
    """Have the CRM ask you in the browser, and keep the login it gives."""

    def show(address: str) -> None:
        click.echo(f"Allow the connector here:\n  {address}", err=True)
        if not no_browser:
            _open(address)

    _tell(options, _way_in(options).log_in(show, patience=wait))


@auth.part
def status(options: Options) -> None:
    """Say who is logged in, to which org, with which scopes, and until when."""
    _tell(options, _way_in(options).status())


@auth.part
def logout(options: Options) -> None:
    """Take the login back from the CRM, and forget it here."""
    from .talk import answer

    way_in = _way_in(options)
    revoked = way_in.log_out()
    said = "Logged out" if revoked else "The CRM had ended the login before"
    facts = {"revoked": revoked, "forgotten": way_in.place}
    answer(options, facts, f"{said}; {way_in.place} is empty.")


def _way_in(options: Options) -> SignIn:
    """The way into the CRM of the configuration; nothing but the login is opened."""
    from ..config import load

    found: SignIn = load(options.config).crm.sign_in()
    return found


def _open(address: str) -> None:
    import webbrowser

    if not webbrowser.open(address):
        click.echo("No browser could be opened: open the address yourself.", err=True)


def _tell(options: Options, found: Standing) -> None:
    from ..report import terminal
    from .talk import answer

    answer(options, dict(found.facts), terminal.table("", ("", ""), list(found.lines)))
