"""A whole small world with HubSpot in it: the twin of `world`, with the same words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from connector.cli.starting import begin
from connector.sandbox.faults import Faults
from connector.sandbox.server import FILE, running
from connector.sandbox.store import Store
from connector.sync.app import App
from tests.kept import copied, filled
from tests.world import World

#: How many of the twenty companies of seed 3 are written.
KNOWN = 18
QUICK = 500
SMALL = {"parallel = 4": "parallel = 1", "[engine]": "[engine]\nthreads = 1"}


class Portal(World):
    """The sandbox from outside, and the folder of an installation for HubSpot."""

    def app(self) -> App:
        """The installation, opened anew as each run does; its searches are as generous as the
        sandbox is."""
        app = super().app()
        app.crm._client.limiter.search.allow(QUICK, 1.0)
        return app

    def held(self, *fields: str, object: str = "companies") -> dict[str, dict[str, Any]]:
        """What HubSpot holds now: company → property → text."""
        listed = ",".join(fields or tuple(self.app().mapping.targets))
        found: dict[str, dict[str, Any]] = self.control(
            f"values?crm=hubspot&object={object}&fields={listed}"
        )
        return found

    def writes(self) -> list[dict[str, Any]]:
        """Every company that was written through the API, oldest first."""
        return list(self.control("writes?object=companies"))

    def does(self, id: str = "", do: str = "edit", object: str = "companies", **more: Any) -> str:
        """Do something as a person would, at this very moment."""
        asked = {"crm": "hubspot", "object": object, "id": id, "do": do, **more}
        return str(self.control("people", asked)["id"])

    def person(self, id: str, do: str = "edit", **more: Any) -> str:  # type: ignore[override]
        """Do something as a person would, and let the second pass in which it was."""
        done = self.does(id, do, **more)
        self.advance("2s")
        return done

    def set(self, **parts: Any) -> Any:
        """Change the account: its plan, its limits, its rules, its app."""
        return self.control("hubspot", parts)

    def requests(self, part: str) -> int:
        """How many requests have been made whose route has a word."""
        rows = self.control("stats")["routes"]
        return sum(row["requests"] for row in rows if part in row["route"])

    def lane(self, *settings: str) -> None:
        """Settings of [crm] besides those that are there."""
        self.edit("config.toml", "[crm.auth]", "\n".join([*settings, "[crm.auth]"]))

    def mapping(self, old: str, new: str) -> None:
        """Change the mapping as a person would."""
        self.edit("mappings/hubspot.toml", old, new)

    def edit(self, file: str, old: str, new: str) -> None:
        """Change a file of the installation; it must say `old`."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")


@contextmanager
def portal(
    folder: Path,
    *,
    accounts: int = 20,
    seed: int = 3,
    frozen: datetime | None = None,
    ready: bool = True,
    records: Mapping[str, Any] | None = None,
) -> Iterator[Portal]:
    """A portal with some companies and an installation; `ready` with our properties in it.

    Search is up to date unless `records` says otherwise; `frozen` stops the sandbox's clock there.
    """
    with _served(folder, _kept(folder / "sandbox", accounts, seed, ready=ready), frozen) as made:
        if records:
            made.set(records=records)
        yield made


def _kept(folder: Path, accounts: int, seed: int, *, ready: bool) -> Store:
    """A sandbox that was filled once for all tests of this process, with our properties in it."""

    def make(folder: Path) -> Path:
        store = filled(folder / "sandbox", accounts=accounts, seed=seed, portal=True)
        with _served(folder, store) as made:
            made.set(records={"index_lag": 0})
            if ready:
                made.ready()
            made.control("reset-stats", {})
        return folder / "sandbox"

    copied(folder, f"{accounts}-{seed}-{'ready' if ready else 'bare'}-portal", make)
    return Store(folder / FILE)


@contextmanager
def _served(folder: Path, store: Store, frozen: datetime | None = None) -> Iterator[Portal]:
    if frozen:
        store.clock.now = lambda: frozen  # type: ignore[method-assign]
    with running(store, Faults()) as url:
        install(url, folder / "here")
        yield Portal(url, folder / "here", store)
    store.close()


def install(url: str, folder: Path) -> None:
    """Write an installation as `init` does; small worlds need one thread."""
    begin(folder, "hubspot", url, force=True)
    path = folder / "config.toml"
    text = path.read_text(encoding="utf-8")
    for old, new in SMALL.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
