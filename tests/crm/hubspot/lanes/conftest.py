"""An empty HubSpot account in the sandbox, and our adapter connected to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests

from connector import http
from connector.crm.hubspot import Crm, jobs
from connector.crm.hubspot.auth import Token
from connector.engines.duckdb import DuckDB
from connector.protocols import Progress, Read, Spool
from connector.sandbox.faults import Faults
from connector.sandbox.hubspot import auth, records, settings
from connector.sandbox.hubspot.kinds import kind_of
from connector.sandbox.hubspot.records import Author
from connector.sandbox.salesforce.setup import new_app
from connector.sandbox.server import FILE, running
from connector.sandbox.store import Store
from connector.secrets import Secret
from tests.kept import copied, empty

HEALTH = (
    {"name": "health_score", "type": "number", "fieldType": "number"},
    {"name": "health_tier", "type": "enumeration", "fieldType": "select", "options": "ABCD"},
    {"name": "health_tags", "type": "enumeration", "fieldType": "checkbox", "options": "XYZ"},
    {"name": "health_reasons", "type": "string", "fieldType": "textarea"},
    {"name": "health_day", "type": "date", "fieldType": "date"},
    {"name": "health_at", "type": "datetime", "fieldType": "date"},
    {"name": "health_flag", "type": "bool", "fieldType": "booleancheckbox",
     "options": ("true", "false")},
)  # fmt: skip
NAMED = {"contacts": "lastname", "deals": "dealname", "tickets": "subject"}


class Kept:
    """A progress that remembers, and stops the read at a pause of our choice."""

    def __init__(self, stop_at: int = 0) -> None:
        self.facts: dict[str, Any] = {}
        self.stop_at, self._pauses = stop_at, count(1)

    def recall(self) -> dict[str, Any]:
        return dict(self.facts)

    def remember(self, facts: Mapping[str, Any]) -> None:
        self.facts = orjson.loads(orjson.dumps(facts))

    def pause(self, seconds: float) -> None:
        if next(self._pauses) == self.stop_at:
            raise KeyboardInterrupt


@dataclass
class Portal:
    """The account's address and keys, what people and the sandbox do, and an adapter."""

    url: str
    token: str
    folder: Path
    store: Store
    engine: DuckDB
    crm: Crm

    def another(self, **given: Any) -> Crm:
        """An adapter as a fresh run has it."""
        (self.folder / "token").write_text(self.token)
        key = Token(Secret(f"file:{self.folder / 'token'}"))
        made = Crm(**{"auth": key, "url": self.url, **given})
        made._client.limiter.search.allow(500, 1.0)  # as generous as the sandbox is
        return made

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the API by somebody else."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = requests.request(method, self.url + path, json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def control(self, path: str, body: Any) -> Any:
        """One of the sandbox's controls."""
        answer = requests.post(f"{self.url}/_sandbox/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def fault(self, path_regex: str, *, times: int | None = 1, method: str = "", nth: int = 0,
              **do: Any) -> None:  # fmt: skip
        """Let something go wrong."""
        match = {"path_regex": path_regex, "method": method, "nth": nth}
        self.control("faults", {"match": match, "do": do, "times": times})

    @property
    def struck(self) -> list[int]:
        """How often each fault has struck, in the order in which they were set."""
        return [each["hit"] for each in self.told("faults")]

    def told(self, path: str) -> Any:
        """What one of the sandbox's controls tells."""
        answer = requests.get(f"{self.url}/_sandbox/{path}", timeout=30)
        answer.raise_for_status()
        return answer.json()

    def writes(self) -> list[dict[str, Any]]:
        """Every company whose score was written through the API."""
        every = self.told("writes?object=companies")
        return [write for write in every if "health_score" in write["fields"]]

    def settings(self, **wanted: Any) -> None:
        """How the account behaves from now on."""
        with self.store.lock:
            settings.change(self.store, wanted)

    def person(self, do: str, id: str, object: str = "companies", **more: Any) -> str:
        """What people do to a record."""
        body = {"crm": "hubspot", "object": object, "do": do, "id": id, **more}
        return str(self.control("people", body)["id"])

    def make(self, many: int, kind: str = "companies", **values: str) -> list[str]:
        """So many records, all made in one moment; their ids in order."""
        name = NAMED.get(kind, "name" if kind == "companies" else "")
        rows = [{name: f"{kind} {n}", **values} if name else values for n in range(many)]
        by = Author("INTEGRATION", "1")
        with self.store.lock:
            return [str(id) for id in records.create(self.store, kind_of(kind), rows, by)]

    def associate(self, kind: str, id: str, to: str, *others: str, primary: str = "") -> None:
        """Let a record belong to others."""
        for other in others:
            more = {"with": to, "other": other, "primary": other == primary}
            self.person("associate", id, kind, **more)

    def held(self, *names: str, object: str = "companies") -> dict[str, dict[str, Any]]:
        """What records hold now."""
        query = f"crm=hubspot&object={object}&fields={','.join(names)}"
        return dict(self.told(f"values?{query}"))

    def requests(self, word: str) -> int:
        """How many requests were made whose route has a word."""
        routes = self.told("stats")["routes"]
        return sum(each["requests"] for each in routes if word in each["route"])

    def spool(
        self, object: str, paths: Sequence[str], *, since: datetime | None = None,
        where: str = "", crm: Crm | None = None, progress: Progress | None = None,
        into: str = "read", modified: str = "hs_lastmodifieddate",
    ) -> Spool:  # fmt: skip
        """Read records as a pull does."""
        crm = crm or self.crm
        types = crm.path_types(object, paths)
        asked = Read(object, tuple(types), since, modified, where)
        return crm.read(asked, types, self.folder / into, progress)

    def read(self, object: str, *paths: str, **more: Any) -> list[tuple[Any, ...]]:
        """The rows of a read, in the order of their first column."""
        spool = self.spool(object, paths, **more)
        return self.rows(spool, *paths)

    def rows(self, spool: Spool, *paths: str) -> list[tuple[Any, ...]]:
        """The rows of what was read; moments and days as texts."""
        listed = ", ".join(f'"{path}"' for path in paths)
        table = f"SELECT {listed} FROM {spool.relation}"
        types = {row[0]: row[1] for row in self.engine.rows(f"DESCRIBE {table}")}
        columns = ", ".join(
            f'CAST("{path}" AS VARCHAR)' if types[path][:4] in {"DATE", "TIME"} else f'"{path}"'
            for path in paths
        )
        return self.engine.rows(f"SELECT {columns} FROM ({table}) ORDER BY ALL")


@pytest.fixture(scope="session")
def keys() -> dict[str, Any]:
    """One key for all accounts: making it takes longer than a test."""
    return new_app()


@pytest.fixture
def portal(tmp_path, monkeypatch, keys, engine) -> Iterator[Portal]:
    """An account without records, search without delay, our properties in it; waits are short."""
    monkeypatch.setattr(http, "_backoff", lambda state: 0.01)
    monkeypatch.setattr(jobs, "PAUSES", (0.02,))
    monkeypatch.setattr(jobs, "LONGEST_PAUSE", 0.02)
    copied(tmp_path / "sandbox", "bare", partial(_bare, keys, engine))
    with _served(tmp_path, Store(tmp_path / "sandbox" / FILE), engine) as made:
        made.crm = made.another()
        yield made


@contextmanager
def _served(folder: Path, store: Store, engine: DuckDB) -> Iterator[Portal]:
    with running(store, Faults()) as url:
        token = auth.credentials(store, url)["token"]
        yield Portal(url, token, folder, store, engine, None)  # type: ignore[arg-type]
    store.close()


def _bare(keys: dict[str, Any], engine: DuckDB, folder: Path) -> Path:
    with _served(folder, empty(folder / "sandbox", keys), engine) as made:
        made.settings(index_lag=0.0)
        made.call("GET", "/crm/v3/objects/companies")
        for each in HEALTH:
            options = [{"label": o, "value": o} for o in each.get("options", ())]
            body = {"label": each["name"], "groupName": "companyinformation", **each,
                    "options": options}  # fmt: skip
            made.call("POST", "/crm/v3/properties/companies", body)
        made.control("reset-stats", {})
    return folder / "sandbox"
