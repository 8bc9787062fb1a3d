"""A small org in the sandbox, and our Salesforce adapter connected to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from connector import http
from connector.crm.salesforce import Crm
from connector.crm.salesforce.auth import ClientCredentials, Jwt
from connector.engines.duckdb import DuckDB
from connector.sandbox.server import running
from connector.sandbox.store import Store
from connector.secrets import Secret
from tests.kept import filled


@dataclass
class Org:
    """The sandbox's address and keys, its controls, and an adapter."""

    url: str
    credentials: dict[str, Any]
    folder: Path
    crm: Crm
    store: Store

    def control(self, path: str, body: Any = None) -> Any:
        """Call one of the sandbox's own controls."""
        url = f"{self.url}/_sandbox/{path}"
        answer = requests.get(url, timeout=30) if body is None else requests.post(
            url, json=body, timeout=30
        )  # fmt: skip
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def another(self, **settings: Any) -> Crm:
        """A second adapter, logged in by itself."""
        return Crm(auth=self.jwt(), **{"login_url": self.url, **settings})

    def jwt(self, **changes: Any) -> Jwt:
        keys = self.credentials
        key = Secret(f"file:{self.folder / 'key.pem'}")
        return Jwt(**{"client_id": keys["client_id"], "username": keys["username"],
                      "private_key": key, **changes})  # fmt: skip

    def client(self) -> ClientCredentials:
        (self.folder / "secret").write_text(self.credentials["client_secret"])
        secret = Secret(f"file:{self.folder / 'secret'}")
        return ClientCredentials(self.credentials["client_id"], secret)

    def ids(self, most: int = 10) -> list[str]:
        """Ids of accounts that are there."""
        held = self.control("values?crm=salesforce&object=Account&fields=Name")
        return sorted(held)[:most]


@pytest.fixture
def org(tmp_path, monkeypatch, request) -> Iterator[Org]:
    """Twenty accounts, or as many as the module says in ACCOUNTS; nothing of ours in them."""
    monkeypatch.setattr(http, "_backoff", lambda state: 0.01)
    store = filled(tmp_path / "sandbox", accounts=getattr(request.module, "ACCOUNTS", 20), seed=3)
    with running(store) as url:
        keys = requests.get(f"{url}/_sandbox/credentials", timeout=30).json()["salesforce"]
        (tmp_path / "key.pem").write_text(keys["private_key"])
        made = Org(url, keys, tmp_path, None, store)  # type: ignore[arg-type]
        made.crm = made.another()
        yield made
    store.close()


@pytest.fixture
def engine(tmp_path) -> Iterator[DuckDB]:
    """What reads the files that the adapter brings."""
    made = DuckDB(scratch=tmp_path / "spill", threads=1)
    yield made
    made.close()
