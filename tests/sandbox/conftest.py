"""A small org and clients that speak to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.sandbox.faults import Faults
from connector.sandbox.salesforce.setup import new_app, prepare
from connector.sandbox.server import FILE, create_app, running
from connector.sandbox.store import Field, Store
from tests.kept import copied

OWNER = Field(
    "OwnerId", "reference", refers=("User",), relationship="Owner", nillable=False, length=18
)
ACCOUNT = (
    Field("Name", "string", label="Account Name", nillable=False),
    Field("ParentId", "reference", refers=("Account",), relationship="Parent"),
    OWNER,
    Field("Industry", "picklist", length=40, choices=("Energy", "Retail")),
    Field("Description", "textarea", length=32_000, filterable=False),
    Field("AnnualRevenue", "currency", label="Annual Revenue", precision=18, scale=2),
    Field("NumberOfEmployees", "int"),
    Field("MasterRecordId", "reference", refers=("Account",), createable=False, updateable=False),
    Field("Active__c", "boolean", nillable=False, default=False),
    Field("Score__c", "double", label="Score", precision=4, scale=1),
    Field("Tier__c", "picklist", label="Tier", restricted=True, choices=("A", "B")),
    Field("Renewal__c", "date"),
    Field("Seen__c", "datetime"),
    Field("Key__c", "string", length=20, external_id=True, unique=True),
    Field("Twice__c", "double", formula="Score__c * 2", calculated=True),
)
CONTACT = (
    Field("LastName", "string", nillable=False, length=80),
    Field("Email", "email", length=80),
    Field("AccountId", "reference", refers=("Account",), relationship="Account"),
)
CASE = (
    Field("Subject", "string"),
    Field("AccountId", "reference", refers=("Account",), relationship="Account"),
)
TASK = (
    Field("Subject", "string"),
    Field("WhatId", "reference", refers=("Account", "Case"), relationship="What"),
    Field("IsArchived", "boolean", nillable=False, default=False),
)
MOMENT = "2026-03-04T05:06:07.000+0000"


@pytest.fixture(scope="session")
def app() -> dict[str, Any]:
    """One key for all orgs: making it takes longer than a test."""
    return new_app()


@pytest.fixture
def store(tmp_path: Path, app: dict[str, Any]) -> Iterator[Store]:
    """An org with five accounts, one of them deleted, and a little around them."""
    copied(tmp_path / "sandbox", "five", partial(_five, app))
    store = Store(tmp_path / "sandbox" / FILE)
    prepare(store)  # functions of SQL belong to the connection
    yield store
    store.close()


def _five(app: dict[str, Any], folder: Path) -> Path:
    folder.mkdir()
    store = Store(folder / FILE)
    store.put("salesforce_app", app)
    store.create("Account", ACCOUNT, prefix="001")
    store.create("Contact", CONTACT, prefix="003")
    store.create("Case", CASE, prefix="500")
    store.create("Task", TASK, prefix="00T")
    prepare(store)
    owner = store.db.execute("select Id from User order by Id").fetchone()[0]
    ids = store.new_ids("Account", 5)
    columns = [
        "Id",
        "Name",
        "ParentId",
        "OwnerId",
        "Industry",
        "AnnualRevenue",
        "IsDeleted",
        "Renewal__c",
        "SystemModstamp",
        "Active__c",
    ]
    store.insert(
        "Account",
        columns,
        [
            (ids[0], "Alpha", None, owner, "Energy", 100.5, 0, "2026-01-31", MOMENT, 1),
            (ids[1], "beta", ids[0], owner, "Retail", None, 0, "2026-02-28", MOMENT, 0),
            (ids[2], "Gamma 100%", ids[1], owner, None, 300.0, 0, None, MOMENT, 0),
            (ids[3], "O'Hara", None, owner, "Energy", 50.0, 0, None, MOMENT, 0),
            (ids[4], "Gone", None, owner, None, None, 1, None, MOMENT, 0),
        ],
    )
    store.insert("Contact", ["LastName", "AccountId"], [("Smith", ids[0]), ("Jones", None)])
    (case,) = store.new_ids("Case", 1)
    store.insert("Case", ["Id", "Subject", "AccountId"], [(case, "Broken", ids[1])])
    store.insert(
        "Task",
        ["Subject", "WhatId", "IsArchived"],
        [
            ("call", ids[0], 0),
            ("mail", case, 0),
            ("old", ids[0], 1),
            ("none", None, 0),
        ],
    )
    create_app(store, Faults())
    store.close()
    return folder


@pytest.fixture
def faults() -> Faults:
    """The faults of the running sandbox."""
    return Faults()


@pytest.fixture
def url(store: Store, faults: Faults) -> Iterator[str]:
    """The address of a running sandbox."""
    with running(store, faults) as url:
        yield url


@dataclass(frozen=True)
class Client:
    """Calls data addresses of version 66.0 with a session."""

    url: str
    token: str

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        """One call; the address starts behind the version."""
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        at = path if path.startswith("/services") else f"/services/data/v66.0{path}"
        return requests.request(method, self.url + at, headers=headers, timeout=10, **more)

    def query(self, soql: str, **more: Any) -> dict[str, Any]:
        """The answer to a statement."""
        return self.call("GET", "/query", params={"q": soql}, **more).json()

    def update(self, *records: dict[str, Any], all_or_none: bool = False) -> list[dict[str, Any]]:
        """Writes accounts in one call."""
        rows = [{"attributes": {"type": "Account"}, **each} for each in records]
        body = {"allOrNone": all_or_none, "records": rows}
        return self.call("PATCH", "/composite/sobjects", json=body).json()

    def control(self, method: str, name: str, **more: Any) -> Any:
        """One of the sandbox's own controls."""
        answer = requests.request(method, f"{self.url}/_sandbox/{name}", timeout=10, **more)
        return answer.json()


@pytest.fixture
def client(url: str, app: dict[str, Any]) -> Client:
    """Signed in as the integration user."""
    form = {
        "grant_type": "client_credentials",
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
    }
    answer = requests.post(f"{url}/services/oauth2/token", data=form, timeout=10)
    return Client(url, answer.json()["access_token"])


@pytest.fixture
def ids(store: Store) -> dict[str, str]:
    """The ids of the accounts by name."""
    return dict(store.db.execute("select Name, Id from Account").fetchall())
