"""connector fields"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from .options import Options, group

if TYPE_CHECKING:
    from ..sync.provision import Provision


@group()
def fields(options: Options) -> None:
    """The CRM fields that the mapping writes: look at them, create them."""


@fields.part
def plan(options: Options) -> None:
    """Show which fields are there and which are missing. Changes nothing."""
    from ..config import open_app
    from ..sync.preflight import pin_org
    from ..sync.provision import look

    app = open_app(options.config)
    pin_org(app, app.crm.check())
    _tell(options, look(app))


@fields.part
def apply(options: Options) -> None:
    """Create missing fields and let the running user read and write them."""
    from ..config import open_app
    from ..sync.preflight import pin_org
    from ..sync.provision import look, provision
    from .talk import confirm

    app = open_app(options.config)
    org = app.crm.check()
    pin_org(app, org)
    found = look(app)
    if found.missing:
        names = ", ".join(found.missing)
        confirm(options, f"Create or grant on {found.object} in {org.url}: {names}?")
    _tell(options, provision(app, org) if found.missing else found)


def _tell(options: Options, found: Provision) -> None:
    from ..report.terminal import provision
    from .talk import answer

    answer(options, asdict(found), provision(found))
