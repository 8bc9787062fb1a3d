"""connector auth"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .options import Options, group

if TYPE_CHECKING:
    from ..crm.salesforce.access import Access


@group()
def auth(options: Options) -> None:
    """Log in to the CRM by hand, see who is logged in, log out.

    Only flow = "browser" needs a login; the others log in by themselves. How to set up the app in
    Salesforce, and what each refusal means, is in docs/salesforce-login.md.
    """


@auth.part
@click.option("--no-browser", is_flag=True, help="Print the address to open, and open nothing.")
@click.option(
    "--wait", default=300, show_default=True, type=click.IntRange(1), help="Seconds to wait."
)
def login(options: Options, *, no_browser: bool, wait: int) -> None:
    """Have Salesforce ask you in the browser, and keep the login it gives."""
    from ..crm.salesforce import access

    def show(address: str) -> None:
        click.echo(f"Allow the connector here:\n  {address}", err=True)
        if not no_browser:
            _open(address)

    _tell(options, access.log_in(_crm(options), show, patience=wait))


@auth.part
def status(options: Options) -> None:
    """Say who is logged in, to which org, with which scopes, and until when."""
    from ..crm.salesforce import access

    _tell(options, access.status(_crm(options)))


@auth.part
def logout(options: Options) -> None:
    """Take the login back from Salesforce, and forget it here."""
    from ..crm.salesforce import access
    from .talk import answer

    crm = _crm(options)
    revoked = access.log_out(crm)
    place = crm.auth.refresh_token.reference
    said = "Logged out" if revoked else "Salesforce had ended the login before"
    answer(options, {"revoked": revoked, "forgotten": place}, f"{said}; {place} is empty.")


def _crm(options: Options) -> Any:
    """The CRM as the configuration has it; nothing but the login is opened."""
    from ..config import load
    from ..crm.salesforce import Crm
    from ..errors import ConfigError

    crm = load(options.config).crm
    if not isinstance(crm, Crm):
        raise ConfigError("`connector auth` is for Salesforce.", hint="This CRM takes a token.")
    return crm


def _open(address: str) -> None:
    import webbrowser

    if not webbrowser.open(address):
        click.echo("No browser could be opened: open the address yourself.", err=True)


def _tell(options: Options, found: Access) -> None:
    from dataclasses import asdict

    from ..report import terminal
    from .talk import answer

    kind = "sandbox" if found.sandbox else "production"
    until = (
        f"{found.expires_at:%Y-%m-%d %H:%M} UTC, later if the org counts from the last use"
        if found.expires_at
        else "not told: as long as the org's session policy lets it, then it is renewed"
    )
    rows = [
        ("user", f"{found.username} ({found.name}, {found.user})"),
        ("org", f"{found.org_name} ({found.org}), {kind}, {found.edition}"),
        ("instance", found.instance_url),
        ("flow", f"{found.flow}, by {found.login_url}"),
        ("scopes", " ".join(found.scopes) or "not told"),
        ("session until", until),
    ]
    answer(options, asdict(found), terminal.table("", ("", ""), rows))
