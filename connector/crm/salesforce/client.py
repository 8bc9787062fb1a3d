"""One connection to one org: our session underneath, simple-salesforce for the cold calls."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from ...errors import ConfigError
from ...http import Session, body_of
from . import answers
from .auth import Login

#: Tells event logs who we are, and keeps our updates from assigning or bumping anything.
HEADERS = {
    "Sforce-Call-Options": "client=crm-health-connector",
    "Sforce-Auto-Assign": "FALSE",
    "Sforce-Mru": "updateMru=false",
    "Sforce-Duplicate-Rule-Header": "allowSave=true; includeRecordDetails=false; "
    "runAsCurrentUser=true",
}
_USAGE = re.compile(r"(?<![-\w])api-usage=(\d+)/(\d+)")


class Client:
    """Sends calls to the org's instance. Connects when first used."""

    def __init__(self, login: Login, version: str) -> None:
        self._login = login
        self.version = version
        self.path = f"services/data/v{version}"

    @cached_property
    def session(self) -> Session:
        """The pool to the instance, logged in; refuses an API version that the org lacks."""
        self._login.header()
        session = Session(
            self._login.instance_url, name="Salesforce", credentials=self._login, lane=lane
        )
        session.headers.update(HEADERS)
        served = {row["version"] for row in session.json("GET", "services/data")}
        if self.version not in served:
            raise ConfigError(
                f"This org does not serve API version {self.version}.",
                hint=f"Set api_version to one of: {', '.join(sorted(served)[-5:])}.",
            )
        return session

    @cached_property
    def library(self) -> Salesforce:
        """simple-salesforce on our session.

        It writes https and its own token into every call and asks for pretty-printed answers;
        the base address is put right here, the token by the session, the header is dropped.
        """
        session = self.session
        library = Salesforce(
            session_id="set by the session",
            instance_url=session.base,
            version=self.version,
            session=session,
        )
        library.base_url = f"{session.base}/{self.path}/"
        library.tooling_url = f"{session.base}/{self.path}/tooling/"
        library.headers.pop("X-PrettyPrint", None)
        return library

    def call(self, method: str, path: str, doing: str, **options: Any) -> Any:
        """A cold call through simple-salesforce: its decoded body, or our error."""
        try:
            return self.library.restful(path, method=method, **options)
        except SalesforceError as error:
            code, message = answers.code_in(error.content)
            status = int(error.status) if str(error.status).isdigit() else 0
            raise answers.error_of(status, code, message, doing) from error

    def raw(self, method: str, path: str, doing: str, **options: Any) -> requests.Response:
        """A hot call: the answer as it is, or our error."""
        full = path if path.startswith("/services/") else f"{self.path}/{path}"
        answer = self.session.request(method, full, **options)
        if answer.status_code >= 400:
            raise answers.error_of(answer.status_code, *answers.code_of(answer), doing)
        return answer

    def json(self, method: str, path: str, doing: str, **options: Any) -> Any:
        """A hot call and its decoded body."""
        return body_of(self.raw(method, path, doing, **options), "Salesforce")

    @property
    def now(self) -> datetime:
        """The org's clock, as of its last answer."""
        return self.session.server_now or datetime.now(UTC)

    @property
    def allowance(self) -> tuple[int, int]:
        """API calls used and allowed within the last 24 hours, from the last answer."""
        found = _USAGE.search(self.session.seen.get("Sforce-Limit-Info", ""))
        return (int(found[1]), int(found[2])) if found else (0, 0)

    @property
    def calls(self) -> Mapping[str, int]:
        return Counter(self.session.calls) + Counter(self._login.calls)


def lane(method: str, path: str) -> str:
    """Which lane a call belongs to, for predictions and receipts."""
    for part, name in (
        ("/composite/sobjects", "collections" if method != "POST" else "retrieve"),
        ("/query", "query"),
        ("/jobs/", "bulk"),
        ("/describe", "describe"),
        ("/tooling/", "tooling"),
        ("/limits", "limits"),
    ):
        if part in path:
            return name
    return "other"
