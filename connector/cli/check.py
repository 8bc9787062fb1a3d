"""connector check"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from ..errors import ConnectorError
from .options import Options, command

if TYPE_CHECKING:
    from ..sync.app import App


@dataclass(frozen=True, slots=True)
class Finding:
    """What one part of the check found; `exit` is 0 if all is well."""

    part: str
    said: str
    exit: int = 0


@command()
@click.option("--offline", is_flag=True, help="Look at the files only; no network, no secrets.")
def check(options: Options, *, offline: bool) -> int:
    """Read every file, run its examples, then try every connection. Changes nothing."""
    from ..config import load, open_app
    from ..report import terminal
    from .proofs import prove
    from .talk import answer

    held = prove(load(options.config))
    found = [Finding("files", f"{held} examples hold")]
    if not offline:
        found += _online(open_app(options.config))
    rows = [(each.part, "failed" if each.exit else "ok", each.said) for each in found]
    document = {"examples": held, "findings": [asdict(each) for each in found]}
    answer(options, document, terminal.table("", ("", "", ""), rows))
    return next((each.exit for each in found if each.exit), 0)


def _online(app: App) -> Iterator[Finding]:
    """Try every part, also when one before it failed."""
    login = _tried(app.crm.name, lambda: _login(app))
    yield login
    if not login.exit:
        yield _tried("fields", lambda: _fields(app))
        yield Finding("calls", _allowance(app))
        yield Finding("clock", f"{app.crm.skew():+.0f} s from this machine's")
    for name, source in app.sources.items():
        yield _tried(name, lambda source=source: source.check() or "answers")  # type: ignore[misc]


def _tried(part: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(part, look())
    except ConnectorError as error:
        return Finding(part, f"{error.message} {error.hint}".strip(), error.exit_code)


def _login(app: App) -> str:
    from ..sync.preflight import pin_org

    org = app.crm.check()
    if app.guards.org_id or app.state.setting("org"):
        pin_org(app, org)
    about = f", {org.about}" if org.about else ""
    return f"org {org.id}, user {org.user}, {org.url}{about}"


def _fields(app: App) -> str:
    from ..sync.preflight import preflight

    found = preflight(app)
    missing = [field.target for field in found.missing]
    said = f"all {len(app.mapping.fields)} that the mapping writes are there"
    if missing:
        said = f"to be created with `connector fields apply`: {', '.join(missing)}"
    return "; ".join([said, *found.told])


def _allowance(app: App) -> str:
    used, allowed = app.crm.allowance()
    return f"{used:,} of {allowed:,} used today; a run may use {app.budget.share:.0%}"
