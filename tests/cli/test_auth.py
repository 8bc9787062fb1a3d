"""Logging in by hand: what a person sees, and what a program reads."""

from __future__ import annotations

import re
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from .. import ports
from .conftest import Command, Said


@pytest.fixture
def certified(connector: Command, sandbox: str, tmp_path: Path) -> Path:
    """An installation that logs in with a certificate."""
    assert connector("init", tmp_path, "--sandbox", sandbox, "-q").exit == 0
    return tmp_path / "config.toml"


@pytest.fixture
def config(certified: Path, sandbox: str) -> Path:
    """An installation that nobody has logged in to; the sandbox asks nobody."""
    callback = f"http://localhost:{ports.free()}/callback"
    _options(sandbox, consent="auto", client="public", callbacks=[callback])
    text = certified.read_text(encoding="utf-8")
    client = re.search(r"client_id = .*", text)
    assert client
    auth = (
        f'[crm.auth]\nflow = "browser"\n{client[0]}\ncallback = "{callback}"\n'
        'refresh_token = "file:secrets/login"\n'
    )
    text = re.sub(r"\[crm\.auth\]\n(\w+ = .*\n)+", auth, text)
    certified.write_text(text, encoding="utf-8")
    return certified


def _options(sandbox: str, **options: object) -> None:
    requests.post(f"{sandbox}/_sandbox/oauth", json=options, timeout=30).raise_for_status()


@pytest.fixture
def browse(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the browser be one that does as it is told; the addresses that it was given."""
    opened: list[str] = []

    def open_(address: str) -> bool:
        opened.append(address)
        threading.Thread(target=requests.get, args=(address,), kwargs={"timeout": 30}).start()
        return True

    monkeypatch.setattr(webbrowser, "open", open_)
    return opened


@pytest.fixture
def logged_in(connector: Command, config: Path, browse: list[str]) -> Callable[..., Said]:
    """Somebody has logged in; runs another part of `auth`."""
    assert connector("-c", config, "auth", "login").exit == 0
    return lambda *line: connector("-c", config, "auth", *line)


def test_login_opens_the_browser_and_says_who_it_is_now(
    connector: Command, config: Path, browse: list[str]
) -> None:
    """One command, one look at the browser, and the connector works."""
    said = connector("-c", config, "auth", "login")
    assert (said.exit, len(browse)) == (0, 1)
    assert "integration@sandbox.example" in said.out
    assert browse[0] in said.err
    assert connector("-c", config, "auth", "status").exit == 0


def test_no_browser_prints_the_address_and_opens_nothing(
    connector: Command, config: Path, browse: list[str]
) -> None:
    """For a machine that has none; the rest is the person's."""
    said = connector("-c", config, "auth", "login", "--no-browser", "--wait", "1")
    assert (said.exit, browse) == (7, [])
    assert "/services/oauth2/authorize?" in said.err
    assert "within 1 seconds" in said.err


def test_a_machine_without_a_browser_says_so(
    connector: Command, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is there to be copied."""
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    assert (
        "open the address yourself" in connector("-c", config, "auth", "login", "--wait", "1").err
    )


def test_login_answers_programs_with_one_document(
    connector: Command, config: Path, browse: list[str]
) -> None:
    """The address to open stands on stderr."""
    said = connector("-c", config, "auth", "login", "--json")
    assert said.json["flow"] == "browser"
    assert "authorize" in said.err


def test_status_says_who_which_org_which_scopes_and_until_when(logged_in) -> None:
    """All that somebody asks who inherits an installation."""
    said = logged_in("status").out
    assert "integration@sandbox.example (Integration User, 005" in said
    assert re.search(r"Sandbox GmbH \(00D\w+\), sandbox, Enterprise Edition", said)
    assert re.search(r"scopes\s+api id refresh_token", said)
    assert re.search(r"session until\s+2026-11-\d\d \d\d:\d\d UTC", said)


def test_status_of_a_flow_that_needs_no_login_logs_in(connector: Command, certified: Path) -> None:
    """With a certificate: the end of the session is not told, and the line says so."""
    said = connector("-c", certified, "auth", "status")
    assert said.exit == 0
    assert re.search(r"flow\s+jwt", said.out)
    assert re.search(r"session until\s+not told", said.out)


def test_status_is_a_document_for_programs(logged_in) -> None:
    """Without a token in it."""
    said = logged_in("status", "--json")
    keys = {"user", "username", "org", "org_name", "sandbox", "scopes", "expires_at"}
    assert keys <= said.json.keys()
    assert not any("token" in key for key in said.json)


def test_status_of_nobody_leads_to_the_login(connector: Command, config: Path) -> None:
    """Exit code 7, and the command to run."""
    said = connector("-c", config, "auth", "status")
    assert said.exit == 7
    assert "connector auth login" in said.err


def test_logout_ends_it_on_both_sides(logged_in) -> None:
    """Afterwards nobody is logged in."""
    assert logged_in("logout", "--json").json["revoked"] is True
    assert logged_in("status").exit == 7


def test_a_login_that_is_not_needed_is_refused_with_the_reason(
    connector: Command, certified: Path
) -> None:
    """JWT signs by itself; `status` tries it."""
    for part in ("login", "logout"):
        said = connector("-c", certified, "auth", part)
        assert said.exit == 2
        assert 'flow = "jwt"' in said.err


@pytest.mark.parametrize("flow", ["password", "soap", "device"])
def test_a_withdrawn_flow_is_refused_when_the_files_are_read(
    connector: Command, config: Path, flow: str
) -> None:
    """With the line, the reason and what to use instead; no network is touched."""
    text = config.read_text(encoding="utf-8").replace('flow = "browser"', f'flow = "{flow}"')
    config.write_text(text, encoding="utf-8")
    said = connector("-c", config, "check", "--offline")
    assert said.exit == 2
    assert 'use flow = "jwt"' in said.err
    assert re.search(r"config\.toml:\d+", said.err)


def test_a_password_in_the_configuration_is_refused_and_not_repeated(
    connector: Command, config: Path
) -> None:
    """It is a secret in a file, for a flow that is gone."""
    text = config.read_text(encoding="utf-8")
    text = text.replace('flow = "browser"\n', 'username = "u"\npassword = "geheim!"\n')
    config.write_text(text, encoding="utf-8")
    said = connector("-c", config, "check", "--offline")
    assert said.exit == 2
    assert "username-password" in said.err
    assert "geheim!" not in said.err + said.out


def test_no_token_is_ever_printed(logged_in, tmp_path: Path) -> None:
    """Not even with all there is to log."""
    kept = (tmp_path / "secrets" / "login").read_text(encoding="utf-8")
    tokens = re.findall(r'"(?:access|refresh)":"([^"]+)"', kept)
    assert len(tokens) == 2
    said = logged_in("status", "-vv")
    assert not any(token in said.out + said.err for token in tokens)
