"""A whole small world with HubSpot in it: the twin of `world`, with the same words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from connector.cli.starting import begin
from connector.sandbox.server import FILE
from connector.sandbox.store import Store
from connector.sync.app import App
from tests.kept import copied, filled
from tests.world import World, serving

QUICK = 500


class Portal(World):
    """The sandbox from outside, and the folder of an installation for HubSpot."""

    crm = "hubspot"
    object = "companies"

    def app(self) -> App:
        """The installation, opened anew as each run does; its searches are as generous as the
        sandbox is."""
        app = super().app()
        app.crm._client.limiter.search.allow(QUICK, 1.0)
        return app

    def belongs(self, kind: str, to: str, ids: list[str]) -> dict[str, str]:
        """What each of these records belongs to, the first where it is more than one."""
        body = {"inputs": [{"id": id} for id in ids]}
        client = self.app().crm._client
        found = client.json("POST", client.paths.associations(kind, to), "to look", body=body)
        return {each["from"]["id"]: str(each["to"][0]["toObjectId"]) for each in found["results"]}

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
    store = _kept(folder / "sandbox", accounts, seed, ready=ready)
    with serving(Portal, install, folder, store, frozen) as made:
        if records:
            made.set(records=records)
        yield made


def _kept(folder: Path, accounts: int, seed: int, *, ready: bool) -> Store:
    """A sandbox that was filled once for all tests of this process, with our properties in it."""

    def make(folder: Path) -> Path:
        store = filled(folder / "sandbox", accounts=accounts, seed=seed, portal=True)
        with serving(Portal, install, folder, store) as made:
            made.set(records={"index_lag": 0})
            if ready:
                made.ready()
            made.control("reset-stats", {})
        return folder / "sandbox"

    copied(folder, f"{accounts}-{seed}-{'ready' if ready else 'bare'}-portal", make)
    return Store(folder / FILE)


def install(url: str, folder: Path, *, parallel: int = 1) -> None:
    """Write an installation as `init` does; small worlds need one thread."""
    small = {"parallel = 5": f"parallel = {parallel}", "[engine]": "[engine]\nthreads = 1"}
    begin(folder, "hubspot", url, force=True)
    path = folder / "config.toml"
    text = path.read_text(encoding="utf-8")
    for old, new in small.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def show_feedback(folder: Path) -> None:
    """Take the `# ` away from the block about feedback submissions, as who asks with them does."""
    path = folder / "mappings/hubspot.toml"
    text = path.read_text(encoding="utf-8")
    start = text.index('# [[pull]]\n# stream   = "responses"')
    end = text.index("# ── What is written")
    block = "\n".join(line.removeprefix("# ") for line in text[start:end].splitlines())
    path.write_text(f"{text[:start]}{block}\n{text[end:]}", encoding="utf-8")
