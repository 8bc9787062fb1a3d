"""What our connector sends to HubSpot, as Prism reads the description files of its API.

Prism (`prism proxy --errors`) stands between the connector and the sandbox. Whatever differs from
the files in address, method, parameters, body or authorization it refuses, and it refuses answers
of the sandbox as well. The files differ from HubSpot's own reference in a few things, see their
SOURCE.md; three of them matter here: addresses of owners, lists and imports end in a slash in the
older version only, which `prism.index` levels; the files have no address that tells whose a service
key is; and what an export wrote is fetched from no API at all.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.cli.starting import begin
from connector.config import open_app
from connector.crm.hubspot import jobs
from connector.sandbox.faults import Faults
from connector.sandbox.server import opened, running
from connector.sync.app import App
from connector.sync.flow import Receipt, apply_plan, make_plan, sync
from connector.sync.provision import carry_out, look

from ..conftest import beside
from .conftest import Node
from .prism import Judge, Violation, index, judging

pytestmark = beside
VERSIONS = ("v3", "2026-09")
#: In no file: whose a token is.
UNDESCRIBED = r"/oauth/v2/private-apps/get/access-token-info"


@dataclass
class Installation:
    """A connector whose HubSpot is behind Prism, and the sandbox itself."""

    folder: Path
    url: str
    version: str
    judge: Judge
    receipts: dict[str, Receipt] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def begin(self, name: str, **settings: Any) -> None:
        """A fresh folder, set to the judge's address and this version."""
        self.folder = self.folder.with_name(name)
        begin(self.folder, "hubspot", self.url, force=True)
        more = "".join(f"{name} = {value}\n" for name, value in settings.items())
        new = f'url = "{self.judge.url}"\napi_version = "{self.version}"\n{more}\n[crm.auth]'
        self.edit(r'url = "[^"]*"\n+\[crm\.auth\]', new)

    def edit(self, old: str, new: str) -> None:
        text = self.config.read_text(encoding="utf-8")
        text, many = re.subn(old, lambda _: new, text)
        assert many == 1, old
        self.config.write_text(text, encoding="utf-8")

    def app(self) -> App:
        """The connector as a fresh run has it."""
        app = open_app(self.config)
        # As generous as the sandbox is: how slowly we search is no matter here.
        app.crm._client.limiter.search.allow(500, 1.0)  # type: ignore[attr-defined]
        return app

    def run(self, name: str, **options: Any) -> None:
        """A sync, whose receipt is kept under a name."""
        self.receipts[name] = sync(self.app(), force=True, **options)

    def control(self, path: str, body: Any) -> Any:
        answer = requests.post(f"{self.url}/_sandbox/{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def person(self, do: str, id: str, object: str = "companies", **more: Any) -> None:
        """What people do to a record."""
        body = {"crm": "hubspot", "object": object, "do": do, "id": id, **more}
        self.control("people", body)

    def ids(self) -> list[str]:
        query = "crm=hubspot&object=companies&fields=name"
        return sorted(requests.get(f"{self.url}/_sandbox/values?{query}", timeout=30).json())

    def admin(self, method: str, path: str, body: Any) -> None:
        """A call of somebody else, past Prism."""
        keys = requests.get(f"{self.url}/_sandbox/credentials", timeout=30).json()["hubspot"]
        headers = {"Authorization": f"Bearer {keys['private_app_token']}"}
        answer = requests.request(method, self.url + path, json=body, headers=headers, timeout=30)
        answer.raise_for_status()


def provisioned(here: Installation) -> None:
    """Properties and segments made; then a label that somebody changed, set right."""
    app = here.app()
    org = app.crm.check()
    assert carry_out(app, look(app, org, segments=True)).failed == {}
    here.admin("PATCH", "/crm/v3/properties/companies/health_score", {"label": "Theirs"})
    app = here.app()
    assert carry_out(app, look(app, app.crm.check(), segments=True)).changed == ("health_score",)


def synced(here: Installation) -> None:
    """A plan, that plan applied, a sync with nothing to do, and one after people were at work."""
    _, plan = make_plan(here.app(), force=True)
    here.receipts["apply"] = apply_plan(here.app(), plan)
    here.run("again")
    first, second, third, fourth, *_ = here.ids()
    here.person("edit", first, values={"name": "Renamed", "health_tier": "A"})
    here.person("archive", second)
    here.person("merge", third, into=fourth)
    here.control("clock", {"advance": "45d"})
    here.run("later")


def in_bulk(here: Installation) -> None:
    """Another installation: read by export, written by import."""
    here.begin("bulk", export_from=1, import_from=1, bulk_from=1)
    here.run("exported", adopt=True)
    here.control("clock", {"advance": "60d"})
    here.run("imported")


def by_probing(here: Installation) -> None:
    """Nobody tells what the token may do, so it is tried."""
    here.control(
        "faults", [{"match": {"path_regex": "access-token-info"}, "do": {"status": 404}}]
    )  # fmt: skip
    here.run("probed")
    requests.delete(f"{here.url}/_sandbox/faults", timeout=30).raise_for_status()


def by_oauth(here: Installation) -> None:
    """A person logs in, the token is renewed, and taken back."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        callback = f"http://localhost:{free.getsockname()[1]}/callback"
    here.control(
        "hubspot", {"oauth": {"consent": "auto", "rotation": True, "callbacks": [callback]}}
    )  # fmt: skip
    keys = requests.get(f"{here.url}/_sandbox/credentials", timeout=30).json()["hubspot"]
    (here.folder / "secrets/client").write_text(keys["client_secret"], encoding="utf-8")
    here.edit(
        r'flow = "token"\ntoken = "file:secrets/hubspot.token"\n',
        f'flow = "oauth"\nclient_id = "{keys["client_id"]}"\n'
        'client_secret = "file:secrets/client"\nrefresh_token = "file:secrets/login"\n'
        f'callback = "{callback}"\nauthorize_url = "{keys["authorize_url"]}"\n',
    )
    here.app().crm.sign_in().log_in(browse, patience=20)
    here.control("clock", {"advance": "2h"})
    here.run("logged in")
    assert here.app().crm.sign_in().log_out()


def browse(address: str) -> None:
    threading.Thread(target=requests.get, args=(address,), kwargs={"timeout": 30}).start()


STORY: tuple[Callable[[Installation], None], ...] = (
    provisioned, synced, in_bulk, by_probing, by_oauth,
)  # fmt: skip


@pytest.fixture(scope="module", params=VERSIONS)
def told(
    request: pytest.FixtureRequest, node: Node, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Everything that the connector does with HubSpot, once, in one version of its API."""
    folder = tmp_path_factory.mktemp("prism")
    store = opened(folder / "sandbox", accounts=25, seed=3, start=None)
    spec = index(folder, request.param)
    with (
        pytest.MonkeyPatch.context() as patch,
        running(store, Faults()) as url,
        judging(node, spec, url, UNDESCRIBED) as judge,
    ):
        patch.setattr(jobs, "PAUSES", (0.05,))
        patch.setattr(jobs, "LONGEST_PAUSE", 0.05)
        here = Installation(folder / "here", url, request.param, judge)
        here.control("hubspot", {"records": {"index_lag": 0}, "fill": True})
        here.begin("here")
        for part in STORY:
            part(here)
        yield here
    store.close()
