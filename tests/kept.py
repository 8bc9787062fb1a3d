"""Sandboxes that are made once in a process and copied for each test, which takes milliseconds."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from connector.sandbox.faults import Faults
from connector.sandbox.hubspot import seed as portal_seed
from connector.sandbox.server import FILE, create_app, opened
from connector.sandbox.store import Store

_KEPT = Path(tempfile.mkdtemp(prefix="kept-"))
atexit.register(shutil.rmtree, _KEPT, ignore_errors=True)
_MADE: dict[str, Path] = {}


def copied(to: Path, name: str, make: Callable[[Path], Path]) -> None:
    """Fill the folder `to`, unless a test has put something there, with a copy of what `make` makes
    somewhere in the folder that it is given."""
    if name not in _MADE:
        _MADE[name] = make(_KEPT / name)
    if not to.exists():
        shutil.copytree(_MADE[name], to)


def empty(folder: Path, app: dict[str, Any]) -> Store:
    """A sandbox without records, for whoever has the keys of `app`."""

    def make(folder: Path) -> Path:
        folder.mkdir()
        store = Store(folder / FILE)
        store.put("salesforce_app", app)
        create_app(store, Faults())
        store.close()
        return folder

    copied(folder, f"empty-{app['client_id']}", make)
    return Store(folder / FILE)


def filled(folder: Path, *, accounts: int, seed: int, portal: bool = False) -> Store:
    """A sandbox of so many accounts; `portal` with HubSpot's side filled as well."""

    def make(folder: Path) -> Path:
        store = opened(folder, accounts=accounts, seed=seed, start=None)
        create_app(store, Faults())
        if portal:
            portal_seed.ensure(store)
        store.close()
        return folder

    copied(folder, f"{accounts}-{seed}-{'portal' if portal else 'org'}", make)
    return Store(folder / FILE)
