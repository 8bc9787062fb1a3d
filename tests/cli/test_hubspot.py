"""The command line on HubSpot: begin, log in, check, make properties, sync."""

from __future__ import annotations

import re
import threading
import webbrowser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.cli.shipped import MAPPINGS
from connector.sandbox.server import running
from tests import ports
from tests.hubspot_world import show_feedback
from tests.kept import filled

from .conftest import Command, Said


@dataclass(frozen=True)
class Installation:
    """An installation for HubSpot, and the sandbox that it is connected to."""

    connector: Command
    folder: Path
    url: str

    def __call__(self, *arguments: object) -> Said:
        return self.connector("-c", self.folder / "config.toml", *arguments)

    def set(self, **parts: Any) -> Any:
        """Change the account."""
        answer = requests.post(f"{self.url}/_sandbox/hubspot", json=parts, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def without(self, *scopes: str) -> None:
        """Take scopes from the service key."""
        held = self.set()["apps"]["service_key"]["scopes"]
        left = [each for each in held if each not in scopes]
        self.set(app={"app": "service_key", "scopes": left})

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def here(tmp_path: Path, connector: Command) -> Iterator[Installation]:
    """An installation that has done nothing yet."""
    store = filled(tmp_path / "sandbox", accounts=10, seed=2, portal=True)
    with running(store) as url:
        made = Installation(connector, tmp_path / "here", url)
        assert connector("init", made.folder, "--crm", "hubspot", "--sandbox", url).exit == 0
        yield made
    store.close()


def plain(text: str) -> str:
    """What is shown, without the line breaks of a narrow screen."""
    return re.sub(r"\s+", " ", text)


def test_init_copies_the_mapping_for_hubspot(here) -> None:
    """And pins the account that it was made with."""
    made = (here.folder / "mappings/hubspot.toml").read_bytes()
    assert made == (MAPPINGS / "hubspot.toml").read_bytes()
    assert 'org_id = "44810221"' in (here.folder / "config.toml").read_text(encoding="utf-8")
    assert (here.folder / "secrets/hubspot.token").stat().st_mode & 0o777 == 0o600


def test_a_fresh_folder_passes_the_offline_check(connector, tmp_path) -> None:
    """Without an account: its examples hold, and nothing is asked."""
    connector("init", tmp_path, "--crm", "hubspot")
    said = connector("-c", tmp_path / "config.toml", "check", "--offline", "--json")
    assert said.exit == 0
    assert said.json["examples"] > 0


def test_what_init_writes_works_at_once(here) -> None:
    """Properties, a sync, and nothing left to do."""
    assert here("check").exit == 0
    assert here("fields", "apply", "--yes").exit == 0
    first = here("sync", "--json").json
    assert first["changes"]["applied"] > 0
    assert here("sync", "--json").json["changes"]["planned"] == 0


def test_check_says_which_kind_of_account_it_is(here) -> None:
    """Nobody takes a test account for the real one."""
    here.set(portal={"account_type": "DEVELOPER_TEST"})
    assert "developer test account, data in na1" in plain(here("check").out)


def test_another_account_is_refused(here) -> None:
    """The number in the configuration is the only one that is ever written to."""
    here.set(portal={"id": 123})
    said = here("sync")
    assert said.exit == 3
    assert "belongs to 44810221" in said.err


def test_a_missing_scope_stops_the_run_before_anything_is_read(here) -> None:
    """Each is named; not one record was fetched."""
    here("fields", "apply", "--yes")
    here.without("crm.objects.deals.read", "crm.objects.owners.read")
    for command in ("check", "sync"):
        said = here(command)
        assert said.exit == 3
        told = plain(said.out + said.err)
        assert "deals: the token lacks the scope crm.objects.deals.read" in told
        assert "owners: the token lacks the scope crm.objects.owners.read" in told
    routes = requests.get(f"{here.url}/_sandbox/stats", timeout=10).json()["routes"]
    lists = [row for row in routes if "objects" in row["route"] and row["method"] == "GET"]
    assert sum(row["requests"] for row in lists) == 2  # each run tried the deals


def test_an_optional_stream_is_left_out_and_said(here) -> None:
    """No Service Hub: the run goes on, in the receipt and on the screen it is told."""
    here("fields", "apply", "--yes")
    here.set(portal={"products": {"tickets": False}})
    assert "tickets is left out: the token lacks the scope tickets" in plain(here("check").out)
    receipt = here("sync", "--json")
    assert receipt.exit == 0
    said = "tickets is left out: the token lacks the scope tickets"
    assert said in receipt.json["notices"]
    assert "tickets" not in receipt.json["streams"]
    assert "tickets is left out" in plain(here("sync").out)


def test_answers_to_hubspots_own_surveys_are_read_once_switched_on(here) -> None:
    """The block in the mapping works when its `# ` is taken away."""
    show_feedback(here.folder)
    here("fields", "apply", "--yes")
    read = here("pull", "--json").json["streams"]["responses"]["objects"]["feedback_submissions"]
    assert read["lane"] == "list"
    assert here("score", "--json").exit == 0


def test_without_the_scope_apply_tells_what_an_admin_must_do(here) -> None:
    """Line by line, and nothing was tried."""
    here.without("crm.schemas.companies.write")
    said = here("fields", "apply", "--yes")
    assert said.exit == 1
    told = plain(said.err)
    assert "lacks the right to crm.schemas.companies.write" in told
    assert "internal name health_score" in told


def test_segments_are_planned_and_made_when_asked(here) -> None:
    """The plan names them; apply makes them, once."""
    assert "Customer health: tier D" in here("fields", "plan", "--segments").out
    made = here("fields", "apply", "--segments", "--yes", "--json").json
    assert len([name for name in made["extras"] if "tier" in name]) == 4
    assert here("fields", "apply", "--segments", "--yes", "--json").json["extras"] == []


def test_export_writes_files_and_says_how_to_go_on(here, tmp_path) -> None:
    """Offline as well: from the mapping alone."""
    for more in ((), ("--offline",)):
        said = here("fields", "export", tmp_path / "out", *more)
        assert said.exit == 0
        assert "README.md" in plain(said.out)
    assert (tmp_path / "out/properties/health_tier.json").exists()


def test_salesforce_has_no_segments(connector, sandbox, tmp_path) -> None:
    """Said with what to make instead."""
    connector("init", tmp_path, "--sandbox", sandbox)
    said = connector("-c", tmp_path / "config.toml", "fields", "plan", "--segments")
    assert said.exit == 2
    assert "list views" in said.err


# ── logging in ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def browse(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the browser be one that does as it is told; the addresses that it was given."""
    opened_: list[str] = []

    def open_(address: str) -> bool:
        opened_.append(address)
        threading.Thread(target=requests.get, args=(address,), kwargs={"timeout": 30}).start()
        return True

    monkeypatch.setattr(webbrowser, "open", open_)
    return opened_


@pytest.fixture
def by_oauth(here: Installation, browse: list[str]) -> Installation:
    """The same installation, for a person's login; nobody has logged in yet."""
    callback = f"http://localhost:{ports.free()}/callback"
    here.set(oauth={"consent": "auto", "rotation": True, "callbacks": [callback]})
    keys = requests.get(f"{here.url}/_sandbox/credentials", timeout=30).json()["hubspot"]
    (here.folder / "secrets/client").write_text(keys["client_secret"])
    auth = (
        f'flow = "oauth"\nclient_id = "{keys["client_id"]}"\n'
        'client_secret = "file:secrets/client"\nrefresh_token = "file:secrets/login"\n'
        f'callback = "{callback}"\nauthorize_url = "{keys["authorize_url"]}"\n'
    )
    here.edit("config.toml", 'flow = "token"\ntoken = "file:secrets/hubspot.token"\n', auth)
    return here


def test_login_opens_the_browser_and_status_says_who_it_is(by_oauth, browse) -> None:
    """Who, which account, which scopes, until when; no token among it."""
    said = by_oauth("auth", "login")
    assert (said.exit, len(browse)) == (0, 1)
    status = plain(by_oauth("auth", "status").out)
    assert "revops@sandbox.example (52001)" in status
    assert "sandbox.example (44810221), standard account, data in na1" in status
    assert "crm.objects.companies.write" in status
    assert re.search(r"good until 2026-\d\d-\d\d \d\d:\d\d UTC", status)
    facts = by_oauth("auth", "status", "--json").json
    assert {"hub", "user", "app", "scopes", "expires_at"} <= facts.keys()
    kept = (by_oauth.folder / "secrets/login").read_text(encoding="utf-8")
    tokens = re.findall(r'"(?:access|refresh)":"([^"]+)"', kept)
    assert len(tokens) == 2
    assert not any(token in str(facts) + status for token in tokens)


def test_a_run_goes_on_with_the_login(by_oauth) -> None:
    """Once allowed, nobody is asked again."""
    by_oauth("auth", "login")
    assert by_oauth("check").exit == 0


def test_logout_ends_it_on_both_sides(by_oauth) -> None:
    """Afterwards nobody is logged in."""
    by_oauth("auth", "login")
    assert by_oauth("auth", "logout", "--json").json["revoked"] is True
    said = by_oauth("auth", "status")
    assert said.exit == 7
    assert "connector auth login" in said.err


def test_a_service_key_has_nothing_to_log_in_to(here) -> None:
    """`status` tries it."""
    for part in ("login", "logout"):
        said = here("auth", part)
        assert said.exit == 2
        assert 'flow = "token"' in said.err
    assert "52001" in here("auth", "status").out


def test_an_api_key_is_refused_when_the_files_are_read(here) -> None:
    """They are gone; what to use instead is said."""
    here.edit("config.toml", 'flow = "token"\n', 'flow = "hapikey"\n')
    said = here("check", "--offline")
    assert said.exit == 2
    assert "service key" in said.err
