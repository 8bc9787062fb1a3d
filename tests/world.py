"""A whole small world: a sandbox that serves over HTTP, and an installation connected to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import requests

from connector.config import open_app
from connector.sandbox.faults import Faults
from connector.sandbox.load import load
from connector.sandbox.server import FILE, running
from connector.sandbox.store import Store
from connector.sync.app import App
from connector.sync.flow import Receipt, sync
from connector.sync.provision import provision
from tests.kept import copied, filled

ROOT = Path(__file__).parents[1]

CONFIG = """
[crm]
type = "salesforce"
login_url = "{url}"
[crm.auth]
flow = "jwt"
client_id = "{client_id}"
username = "{username}"
private_key = "file:key.pem"

[sources.zenloop]
type = "zenloop"
url = "{zenloop_url}"
token = "file:zenloop.token"
transactional = ["After-support transactional"]

[sources.invoices]
type = "file"
path = "invoices.csv"
stream = "signals"
delimiter = ";"
required = ["id", "account_key", "value", "occurred_at"]
[sources.invoices.columns]
id = '"Rechnungsnr"'
kind = "'invoice'"
account_key = '"Kundennr"'
value = '''replace(replace("Betrag", '.', ''), ',', '.')'''
occurred_at = '''try_strptime("Rechnungsdatum", '%d.%m.%Y')'''
due_at = '''try_strptime("Fällig am", '%d.%m.%Y')'''
settled_at = '''try_strptime("Bezahlt am", '%d.%m.%Y')'''

[sources.usage]
type = "file"
path = "usage.csv"
stream = "signals"
required = ["account_key", "value", "occurred_at"]
[sources.usage.columns]
id = "account_id || ' ' || date || ' ' || feature"
kind = "'usage'"
name = "feature"
account_key = "account_id"
value = "events"
occurred_at = "date"

[pull]
parallel = {parallel}

[engine]
threads = {threads}

[files]
mapping = "{mappings}/salesforce.toml"
model = "{mappings}/health.toml"
"""


@dataclass
class World:
    """The sandbox from outside, and the folder of the installation."""

    url: str
    folder: Path
    store: Store
    crm: ClassVar[str] = "salesforce"
    object: ClassVar[str] = "Account"

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def app(self) -> App:
        """The installation, opened anew as each run does."""
        return open_app(self.config)

    def ready(self) -> App:
        """The installation with its fields provisioned."""
        app = self.app()
        provision(app, app.crm.check())
        return app

    def sync(self, **options: Any) -> Receipt:
        """One sync by a fresh installation object."""
        return sync(self.app(), **options)

    def control(self, path: str, body: Any = None) -> Any:
        """Call one of the sandbox's own controls."""
        url = f"{self.url}/_sandbox/{path}"
        if body is None:
            answer = requests.get(url, timeout=60)
        else:
            answer = requests.post(url, json=body, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def held(self, *fields: str, object: str = "") -> dict[str, dict[str, Any]]:
        """What the CRM holds now: record → field → value."""
        listed = ",".join(fields or tuple(self.app().mapping.targets))
        query = f"crm={self.crm}&object={object or self.object}&fields={listed}"
        return dict(self.control(f"values?{query}"))

    def writes(self) -> list[dict[str, Any]]:
        """Every account that was written through the API, oldest first."""
        return list(self.control(f"writes?object={self.object}"))

    def does(self, id: str = "", do: str = "edit", object: str = "", **more: Any) -> str:
        """Do something as a person would, at this very moment; the id of the record."""
        asked = {"crm": self.crm, "object": object or self.object, "id": id, "do": do, **more}
        return str(self.control("people", asked)["id"])

    def person(self, id: str, do: str = "edit", **more: Any) -> str:
        """Do something as a person would, and let the second pass in which it was."""
        done = self.does(id, do, **more)
        self.advance("2s")
        return done

    def faults(self, *faults: dict[str, Any]) -> None:
        """Let things go wrong from now on; without arguments, let them go well again."""
        if not faults:
            requests.delete(f"{self.url}/_sandbox/faults", timeout=60).raise_for_status()
            return
        self.control("faults", list(faults))

    def advance(self, span: str) -> None:
        """Let time pass in the sandbox."""
        self.control("clock", {"advance": span})


def install(url: str, folder: Path, *, threads: int = 1, parallel: int = 1) -> None:
    """Write an installation that is connected to a sandbox; small worlds need one thread."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = requests.get(f"{url}/_sandbox/credentials", timeout=60).json()
    crm, zenloop = keys["salesforce"], keys["zenloop"]
    (folder / "key.pem").write_text(crm["private_key"])
    (folder / "zenloop.token").write_text(zenloop["token"])
    for name in ("invoices.csv", "usage.csv"):
        body = requests.get(f"{url}/_sandbox/files/{name}", timeout=60).content
        (folder / name).write_bytes(body)
    text = CONFIG.format(
        url=crm["login_url"],
        client_id=crm["client_id"],
        username=crm["username"],
        zenloop_url=zenloop["url"],
        mappings=ROOT / "mappings",
        threads=threads,
        parallel=parallel,
    )
    (folder / "config.toml").write_text(text)


@contextmanager
def loaded(folder: Path, data: Path, spec: Path, zenloop: Path | None = None) -> Iterator[World]:
    """A sandbox filled from foreign files, and an installation."""
    (folder / "sandbox").mkdir(parents=True)
    store = Store(folder / "sandbox" / FILE)
    load(store, data, spec, zenloop)
    with serving(World, install, folder, store) as made:
        yield made


@contextmanager
def world(
    folder: Path, *, accounts: int = 20, seed: int = 3, frozen: datetime | None = None
) -> Iterator[World]:
    """A sandbox of some accounts and an installation; `frozen` stops the sandbox's clock there."""
    store = filled(folder / "sandbox", accounts=accounts, seed=seed)
    with serving(World, install, folder, store, frozen) as made:
        yield made


@contextmanager
def ready_world(folder: Path, *, accounts: int = 20, seed: int = 3) -> Iterator[World]:
    """The same with our fields in the org."""

    def make(folder: Path) -> Path:
        with world(folder, accounts=accounts, seed=seed) as made:
            made.ready()
            made.control("reset-stats", {})
        return folder / "sandbox"

    copied(folder / "sandbox", f"{accounts}-{seed}-ready-org", make)
    store = Store(folder / "sandbox" / FILE)
    with serving(World, install, folder, store) as made:
        yield made


W = TypeVar("W", bound=World)


@contextmanager
def serving(
    kind: type[W],
    install: Callable[[str, Path], None],
    folder: Path,
    store: Store,
    frozen: datetime | None = None,
) -> Iterator[W]:
    """A sandbox over HTTP, and beside it an installation of this kind."""
    if frozen:
        store.clock.now = lambda: frozen  # type: ignore[method-assign]
    with running(store, Faults()) as url:
        install(url, folder / "here")
        yield kind(url, folder / "here", store)
    store.close()


def cells(receipt: Receipt) -> dict[str, int]:
    """A receipt's changes, for comparing."""
    return json.loads(json.dumps(receipt.changes))


#: How many of the twenty accounts of seed 3 are written; of the other two nothing is known.
KNOWN = 18
