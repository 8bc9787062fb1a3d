"""One connection to one org: our session underneath, simple-salesforce for the cold calls."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

import requests
import tenacity
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from ...errors import BudgetSpent, ConfigError, Throttled
from ...http import Session, body_of
from . import answers
from .auth import Login

Answer = TypeVar("Answer")

#: Keeps our updates from assigning or bumping anything, and from being refused as duplicates. The
#: parts of a composite call inherit none of it.
QUIETLY = {
    "Sforce-Auto-Assign": "FALSE",
    "Sforce-Mru": "updateMru=false",
    "Sforce-Duplicate-Rule-Header": "allowSave=true; includeRecordDetails=false; "
    "runAsCurrentUser=true",
}
#: Tells event logs who we are.
HEADERS = {"Sforce-Call-Options": "client=crm-health-connector", **QUIETLY}
#: How often a call is sent that meets too many others.
BUSY_ATTEMPTS = 6
_USAGE = re.compile(r"(?<![-\w])api-usage=(\d+)/(\d+)")


class Client:
    """Sends calls to the org's instance. Connects when first used."""

    def __init__(self, login: Login, version: str) -> None:
        self._login = login
        self.version = version
        self.path = f"services/data/v{version}"
        #: Who we are, once that was asked, and the jobs that we were told the numbers of.
        self.user = ""
        self.jobs: set[str] = set()
        self.creating = threading.Lock()

    @cached_property
    def session(self) -> Session:
        """The pool to the instance, logged in; refuses an API version that the org lacks."""
        self._login.header()
        session = Session(
            self._login.instance_url, name="Salesforce", credentials=self._login, lane=lane
        )
        self._login.moved = session.move
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
        return self._patiently(lambda: self._called(method, path, doing, **options))

    def raw(self, method: str, path: str, doing: str, **options: Any) -> requests.Response:
        """A hot call: the answer as it is, or our error."""
        return self._patiently(lambda: self._sent(method, path, doing, **options))

    def _called(self, method: str, path: str, doing: str, **options: Any) -> Any:
        try:
            return self.library.restful(path, method=method, **options)
        except SalesforceError as error:
            code, message = answers.code_in(error.content)
            status = int(error.status) if str(error.status).isdigit() else 0
            raise answers.error_of(status, code, message, doing) from error

    def _sent(self, method: str, path: str, doing: str, **options: Any) -> requests.Response:
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

    def ration(self, left: Callable[[], int | None]) -> None:
        """Repeat no call once nothing is left."""
        self.allowance  # noqa: B018  (looked up now, so that no repetition has to ask for it)
        self.session.spent = lambda: (calls := left()) is not None and calls <= 0

    @property
    def allowance(self) -> tuple[int, int]:
        """API calls used and allowed within the last 24 hours, from the last answer."""
        found = _USAGE.search(self.session.seen.get("Sforce-Limit-Info", ""))
        return (int(found[1]), int(found[2])) if found else self._limits

    @cached_property
    def _limits(self) -> tuple[int, int]:
        """The same from the list of limits: not every answer carries the header."""
        daily = self.json("GET", "limits", "to look up the limits").get("DailyApiRequests") or {}
        most = int(daily.get("Max") or 0)
        return most - int(daily.get("Remaining") or 0), most

    @property
    def calls(self) -> Mapping[str, int]:
        return Counter(self.session.calls) + Counter(self._login.calls)

    def _patiently(self, send: Callable[[], Answer]) -> Answer:
        """Send again, later and later, while the org has too many long calls under way.

        Such a call was refused before it began, so that a write may be sent again as well.
        """
        retrying = tenacity.Retrying(
            stop=lambda state: state.attempt_number >= BUSY_ATTEMPTS or self.session.spent(),
            wait=_busy_wait,
            retry=tenacity.retry_if_exception(
                lambda error: isinstance(error, Throttled) and error.code == answers.BUSY
            ),
            reraise=True,
        )
        try:
            return retrying(send)
        except Throttled as error:
            if not self.session.spent():
                raise
            raise BudgetSpent(error.message, hint=error.hint) from error


_busy_wait = tenacity.wait_random_exponential(multiplier=1, max=30)


def lane(method: str, path: str) -> str:
    """Which lane a call belongs to, for predictions and receipts."""
    for part, name in (
        ("/composite/sobjects", "retrieve" if method == "GET" else "collections"),
        ("/composite", "query" if method == "GET" else "collections"),
        ("/jobs/query", "bulk_query"),
        ("/jobs/ingest", "bulk_ingest"),
        ("/query", "query"),
        ("/describe", "describe"),
        ("/ui-api/", "describe"),
        ("/tooling/", "tooling"),
        ("/limits", "limits"),
    ):
        if part in path:
            return name
    return "other"
