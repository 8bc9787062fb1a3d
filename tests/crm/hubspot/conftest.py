"""A small HubSpot account in the sandbox, and our adapter connected to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from connector import http
from connector.crm.hubspot import Crm, browser
from connector.crm.hubspot.auth import Bearer, OAuth, Token
from connector.crm.hubspot.client import Client
from connector.crm.hubspot.tokens import TokenHost
from connector.login import kept
from connector.sandbox.server import running
from connector.secrets import Secret, Vault
from tests import ports
from tests.kept import filled


@dataclass
class Portal:
    """The sandbox's address and keys, its controls, and an adapter."""

    url: str
    keys: dict[str, Any]
    folder: Path
    crm: Crm

    def control(self, path: str, body: Any = None) -> Any:
        """Call one of the sandbox's own controls."""
        url = f"{self.url}/_sandbox/{path}"
        answer = requests.get(url, timeout=30) if body is None else requests.post(
            url, json=body, timeout=30
        )  # fmt: skip
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def set(self, **parts: Any) -> Any:
        """Change the account, its app, its limits or how it signs in."""
        return self.control("hubspot", parts)

    def scopes(self, *without: str, app: str = "service_key") -> None:
        """Take scopes from an app."""
        held = self.control("hubspot")["apps"][app]["scopes"]
        self.set(app={"app": app, "scopes": [each for each in held if each not in without]})

    def api(self, method: str, path: str, **more: Any) -> requests.Response:
        """A call of somebody else: the admin with a private app."""
        headers = {"Authorization": f"Bearer {self.keys['private_app_token']}"}
        return requests.request(
            method, f"{self.url}/{path}", headers=headers, timeout=30, **more
        )  # fmt: skip

    def asked(self, part: str) -> int:
        """How many requests there have been to addresses with this part."""
        rows = self.control("stats")["routes"]
        return sum(row["requests"] for row in rows if part in row["route"])

    def another(self, **settings: Any) -> Crm:
        """A second adapter, such as each run makes anew."""
        (self.folder / "token").write_text(self.keys["token"])
        token = Token(Secret(f"file:{self.folder / 'token'}"))
        return Crm(**{"auth": token, "url": self.url, **settings})


@dataclass
class Person:
    """Somebody at a browser, and the login they give."""

    portal: Portal
    auth: OAuth

    def log_in(self, **changes: Any) -> None:
        """Allow it, as the sandbox does when nobody is to be asked."""
        auth = replace(self.auth, **changes)
        browser.log_in(TokenHost(self.portal.url, "2026-09"), auth, visit, patience=20)

    def crm(self, **settings: Any) -> Crm:
        return Crm(**{"auth": self.auth, "url": self.portal.url, **settings})

    @property
    def kept(self) -> Any:
        """What is kept of the login now."""
        grantor = self.auth.login(self.portal.url, "2026-09").grantor
        return kept.open_kept(self.auth.refresh_token, grantor)

    def grants(self) -> list[dict[str, Any]]:
        """What HubSpot knows of the login."""
        return list(self.portal.control("hubspot")["oauth"]["grants"])


def visit(address: str, headers: dict[str, str] | None = None) -> None:
    """Open an address in a browser of our own, while the login waits."""
    threading.Thread(target=requests.get, args=(address,), kwargs={"headers": headers}).start()


@pytest.fixture
def portal(tmp_path, monkeypatch) -> Iterator[Portal]:
    """Twelve companies; nothing of ours in the account."""
    monkeypatch.setattr(http, "_backoff", lambda state: 0.01)
    store = filled(tmp_path / "sandbox", accounts=12, seed=3, portal=True)
    with running(store) as url:
        keys = requests.get(f"{url}/_sandbox/credentials", timeout=30).json()["hubspot"]
        made = Portal(url, keys, tmp_path, None)  # type: ignore[arg-type]
        made.crm = made.another()
        yield made
    store.close()


@pytest.fixture
def person(portal: Portal) -> Person:
    """Nobody has logged in yet; the sandbox allows it without asking, and rotates tokens."""
    callback = f"http://localhost:{ports.free()}/callback"
    portal.set(oauth={"consent": "auto", "rotation": True, "pkce": True, "callbacks": [callback]})
    (portal.folder / "client").write_text(portal.keys["client_secret"])
    auth = OAuth(
        client_id=portal.keys["client_id"],
        client_secret=Secret(f"file:{portal.folder / 'client'}"),
        refresh_token=Vault(f"file:{portal.folder / 'login'}"),
        callback=callback,
        authorize_url=portal.keys["authorize_url"],
    )
    return Person(portal, auth)


@pytest.fixture
def logged_in(person: Person) -> Person:
    """Somebody has logged in."""
    person.log_in()
    return person


@pytest.fixture
def client(monkeypatch) -> Callable[[str], Client]:
    """A client of any address."""
    monkeypatch.setattr(http, "_backoff", lambda state: 0.0)
    monkeypatch.setenv("HUBSPOT_KEY", "pat-na1-x")

    def made(url: str) -> Client:
        found = Client(url, Bearer(Secret("env:HUBSPOT_KEY")), "2026-09", 5)
        found.limiter.search.allow(500, 1.0)
        return found

    return made
