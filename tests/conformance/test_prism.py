"""What our connector sends to HubSpot, as Prism reads the description files of its API.

Prism (`prism proxy --errors`) stands between the connector and the sandbox. Whatever differs from
the files in address, method, parameters, body or authorization it refuses, and it refuses answers
of the sandbox as well. The files differ from HubSpot's own reference in a few things, see their
SOURCE.md; these matter here. Addresses of owners, lists and imports end in a slash in the older
version only, which `prism.index` levels. Of exports by view, of segments and of null as a label
the files know less than HubSpot does, which `prism.UNIONS` and `prism._mend` put right. No file has
the address that tells whose a service key is, and what an export wrote is fetched from no API.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
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

from .. import ports
from ..conftest import beside
from ..hubspot_world import show_feedback
from .conftest import Node
from .prism import Judge, index, judging

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
        show_feedback(self.folder)
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

    def ids(self, object: str = "companies", name: str = "name") -> list[str]:
        """The records there are."""
        query = f"crm=hubspot&object={object}&fields={name}"
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
    here.person("edit", here.ids("deals", "dealname")[0], "deals", values={"dealname": "Renewed"})
    here.run("changed")
    here.control("clock", {"advance": "45d"})
    here.run("later")


def in_bulk(here: Installation) -> None:
    """Another installation: read by export, written by import."""
    here.begin("bulk", export_from=1, import_from=1, bulk_from=1)
    here.run("exported", adopt=True)
    here.control("clock", {"advance": "60d"})
    here.run("imported", adopt=True)


def by_probing(here: Installation) -> None:
    """Nobody tells what the token may do, so it is tried."""
    here.control(
        "faults", [{"match": {"path_regex": "access-token-info"}, "do": {"status": 404}}]
    )  # fmt: skip
    here.run("probed")
    requests.delete(f"{here.url}/_sandbox/faults", timeout=30).raise_for_status()


def by_oauth(here: Installation) -> None:
    """A person logs in, the token is renewed, and taken back."""
    callback = f"http://localhost:{ports.free()}/callback"
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


#: What a story without gaps asks for, in the older spelling.
ASKED = {
    "GET /account-info/v3/details",
    "GET /crm/v3/exports/export/async/tasks/*/status",
    "GET /crm/v3/imports/*",
    "GET /crm/v3/imports/*/errors",
    "GET /crm/v3/limits/custom-properties",
    "GET /crm/v3/lists/object-type-id/0-2/name/*",
    "GET /crm/v3/objects/companies",
    "GET /crm/v3/objects/feedback_submissions",
    "GET /crm/v3/owners",
    "GET /crm/v3/pipelines/deals",
    "GET /crm/v3/properties/companies",
    "GET /crm/v3/properties/companies/groups",
    "GET /crm/v3/properties/companies/health_score",
    "GET /crm/v3/properties/feedback_submissions",
    "PATCH /crm/v3/properties/companies/health_score",
    "POST /crm/v3/exports/export/async",
    "POST /crm/v3/imports",
    "POST /crm/v3/lists",
    "POST /crm/v3/objects/companies/batch/read",
    "POST /crm/v3/objects/companies/batch/update",
    "POST /crm/v3/objects/companies/search",
    "POST /crm/v3/objects/feedback_submissions/search",
    "POST /crm/v3/properties/companies/batch/create",
    "POST /crm/v3/properties/companies/groups",
    "POST /crm/v4/associations/deals/companies/batch/read",
    "POST /oauth/v3/token",
    "POST /oauth/v3/token/introspect",
    "POST /oauth/v3/token/revoke",
}


def older(path: str) -> str:
    """An address in the older spelling, its numbers and names left out."""
    path = re.sub(r"^/(crm)/([\w-]+)/20\d\d-\d\d(?=/|$)", r"/\1/v3/\2", path)
    path = re.sub(r"/20\d\d-\d\d(?=/|$)", "/v3", path)
    path = path.replace("/v3/associations/", "/v4/associations/")
    return re.sub(r"(?<=tasks/)\d+|(?<=imports/)\d+|(?<=/name/).+", "*", path)


def test_nothing_that_we_send_or_are_told_violates_the_files(told):
    """Every request, and every answer of the sandbox to it."""
    found = [(each.method, each.path, each.violations) for each in told.judge.judged]
    assert [each for each in found if each[2]] == []


def test_prism_has_seen_all_that_we_do(told):
    """Every way of reading and writing; past it went nothing but the question whose a key is."""
    seen = {f"{each.method} {older(each.path)}" for each in told.judge.judged}
    assert ASKED - seen == set()
    assert set(told.judge.passed) == {f"POST {UNDESCRIBED}"}


def test_the_story_was_one_of_work(told):
    """Records were written one way and the other, a second time nothing, and nothing failed."""
    changes = {name: each.changes for name, each in told.receipts.items()}
    assert changes["apply"]["applied"] == changes["apply"]["planned"] > 0
    assert changes["again"]["planned"] == 0
    assert min(changes[name]["applied"] for name in ("later", "exported", "imported")) > 0
    assert {each.exit for each in told.receipts.values()} == {0}


WRONG = {
    "no inputs": ("POST", "companies/batch/update", {"rows": []}, "'inputs'"),
    "a number": (
        "POST",
        "companies/batch/update",
        {"inputs": [{"id": 5, "properties": {}}]},
        "inputs.0.id must be string",
    ),
    "too many": ("POST", "companies/search", {"limit": 201}, "limit must be <= 200"),
    "no method": ("PUT", "companies", None, "no method matched"),
    "no address": ("GET", "companies/1/2/3", None, "no path matched"),
    "no integer": ("GET", "companies?limit=many", None, "limit must be integer"),
}


@pytest.mark.parametrize("what", WRONG)
def test_prism_finds_what_is_wrong(told, what):
    """A judge that never objects would prove nothing."""
    method, rest, body, said = WRONG[what]
    base = "/crm/v3/objects/" if told.version == "v3" else f"/crm/objects/{told.version}/"
    kept = list(told.judge.judged)
    headers = {"Authorization": "Bearer pat-na1-00000000-0000-4000-8000-000000000000"}
    requests.request(
        method, f"{told.judge.url}{base}{rest}", json=body, headers=headers, timeout=30
    )
    found = told.judge.judged[-1].violations
    told.judge.judged[:] = kept
    assert said in " ".join(each.message for each in found)
