"""An empty account, a client of it, and a few companies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.sandbox.hubspot import auth
from connector.sandbox.store import Store
from tests.kept import empty


@pytest.fixture
def store(tmp_path: Path, app: dict[str, Any]) -> Iterator[Store]:
    """An org beside it that nothing is known of."""
    store = empty(tmp_path / "sandbox", app)
    yield store
    store.close()


#: For whole modules: each test once with the addresses as they are written, once with their dates.
both_spellings = pytest.mark.parametrize(
    "account", ["", "2026-09"], indirect=True, ids=["v3", "dated"]
)


@dataclass(frozen=True)
class Account:
    """Calls of the account's API with a token, and the sandbox's controls of it.

    With a `release` the addresses of the CRM that are written as in v3 are sent as in that one.
    """

    url: str
    keys: dict[str, Any]
    release: str = ""

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        """One call with the service key, or with another `token`."""
        token = more.pop("token", self.keys["token"])
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        if self.release:
            path = re.sub(r"^/crm/v[34]/(\w+)", rf"/crm/\1/{self.release}", path)
        return requests.request(method, self.url + path, headers=headers, timeout=10, **more)

    def get(self, path: str, **more: Any) -> Any:
        """What a call answers that goes well."""
        return self._told("GET", path, **more)

    def post(self, path: str, body: Any, **more: Any) -> Any:
        """What a call answers that goes well."""
        return self._told("POST", path, json=body, **more)

    def _told(self, method: str, path: str, **more: Any) -> Any:
        answer = self.call(method, path, **more)
        answer.raise_for_status()
        return answer.json()

    def control(self, **wanted: Any) -> Any:
        """Sets parts of the account; all of it as it is then."""
        answer = requests.post(f"{self.url}/_sandbox/hubspot", json=wanted, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def advance(self, step: str) -> None:
        """Turns the clock of the sandbox forward."""
        answer = requests.post(f"{self.url}/_sandbox/clock", json={"advance": step}, timeout=10)
        answer.raise_for_status()


@pytest.fixture
def account(request: pytest.FixtureRequest, url: str, store: Store) -> Account:
    """The account as an app with every scope meets it."""
    return Account(url, auth.credentials(store, url), getattr(request, "param", ""))


@pytest.fixture(scope="session")
def account_at() -> Callable[[str, Store], Account]:
    """The account behind an address."""
    return lambda url, store: Account(url, auth.credentials(store, url))


@pytest.fixture
def companies(account: Account) -> dict[str, str]:
    """The ids of three companies by name."""
    given = [
        {"name": "Alpha", "domain": "alpha.example", "type": "PARTNER", "annualrevenue": "100"},
        {"name": "beta", "domain": "beta.example", "annualrevenue": "9"},
        {"name": "Gamma", "domain": "gamma.example", "type": "VENDOR"},
    ]
    made = account.post(
        "/crm/v3/objects/companies/batch/create", {"inputs": [{"properties": p} for p in given]}
    )
    return {each["properties"]["name"]: each["id"] for each in made["results"]}


_NAMED = {"contacts": "lastname", "deals": "dealname", "tickets": "subject"}


@pytest.fixture
def make() -> Any:
    """Makes so many records and tells their ids in order."""

    def made(account: Account, count: int, kind: str = "companies", **values: Any) -> list[str]:
        ids: list[str] = []
        for first in range(0, count, 100):
            inputs = [
                {"properties": {_NAMED.get(kind, "name"): f"Company {n}", **values}}
                for n in range(first, min(first + 100, count))
            ]
            told = account.post(f"/crm/v3/objects/{kind}/batch/create", {"inputs": inputs})
            ids += [each["id"] for each in told["results"]]
        return ids

    return made


@pytest.fixture
def activity() -> Any:
    """Makes an activity and tells its id."""

    def made(account: Account, kind: str = "calls", **values: Any) -> str:
        body = {"properties": {"hs_timestamp": "2026-10-01T10:00:00Z", **values}}
        return str(account.post(f"/crm/v3/objects/{kind}", body)["id"])

    return made
