"""Trustmary: answers of every customer survey. Nothing tells what is new, so all are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from ..errors import Malformed
from ..mapping.expressions import identifier
from ..protocols import Progress, Spool
from ..rest.columns import kind, off_scale
from ..rest.feed import Feed, fetch, records
from ..rest.line import Line, Signed
from ..rest.paging import Offset
from ..secrets import Secret

PER_PAGE = 1000

COLUMNS: Mapping[str, str] = {
    "id": "answer_id",
    "platform": "'trustmary'",
    "survey": "survey_id",
    "metric": "'nps'",
    "scale_min": "0",
    "scale_max": "10",
    "score": "nps",
    "comment": "coalesce(feedback, comment)",
    "contact_key": "contact.eid",
    "company": "coalesce(contact.company, organization)",
    "email": "coalesce(email, contact.email)",
    "submitted_at": "created_at",
    "modified_at": "created_at",
}


@dataclass(slots=True)
class Source:
    """Needs an API key (Settings → Developer).

    `account_field` is the field of a contact that holds the account's id in the CRM or its customer
    number. `transactional` lists the surveys (by id or name) that follow an event.
    """

    token: Secret
    url: str = "https://api.trustmary.com"
    key_header: str = "X-API-Key"
    account_field: str = "field_ACCOUNT"
    transactional: tuple[str, ...] = ()
    overlap: timedelta = timedelta(days=35)
    name: str = field(default="trustmary", init=False)
    streams: tuple[str, ...] = field(default=("responses",), init=False)
    sure: str = field(default="partly", init=False)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        signer = Signed("Trustmary", self.token, "{}", self.key_header,
                        made_at="Settings → Developer")  # fmt: skip
        self._line = Line(self.url, signer, name="Trustmary")

    def check(self) -> None:
        self._line.json("surveys", {"type": "customer"})

    def pull(
        self,
        stream: str,
        since: datetime | None,  # noqa: ARG002 (there is no filter)
        into: Path,
        progress: Progress | None = None,
    ) -> Spool:
        return fetch(self._line, self._feeds(), stream, into, progress)

    def ids(
        self, stream: str, since: datetime, into: Path, progress: Progress | None = None
    ) -> Spool:
        return self.pull(stream, since, into, progress)

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _feeds(self) -> Iterator[Feed]:
        columns = {
            **COLUMNS,
            "kind": kind(self.transactional, "survey_id", "survey_name"),
            "account_key": f"contact.{identifier(self.account_field)}",
        }
        surveys = Feed({}, "surveys", "data", {"type": "customer"}, paging=Offset(PER_PAGE))
        for survey in records(self._line, surveys):
            if not isinstance(survey, dict) or not survey.get("id"):
                raise Malformed("Trustmary listed a survey without id.", hint="Run again.")
            yield Feed(
                columns,
                path=f"surveys/{survey['id']}/answers",
                records="data",
                query={"limit": str(PER_PAGE)},
                paging=Offset(PER_PAGE),
                odd=off_scale("nps"),
            )
