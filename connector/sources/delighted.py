"""Delighted: answers of one project, oldest change first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from ..mapping.expressions import identifier
from ..protocols import Progress, Spool
from ..rest.feed import Feed, fetch
from ..rest.line import Basic, Line
from ..rest.paging import Numbered
from ..rest.since import filled
from ..secrets import Secret

PER_PAGE = 100

COLUMNS: Mapping[str, str] = {
    "id": "id",
    "platform": "'delighted'",
    "survey": "survey_type",
    "kind": "'relationship'",
    "metric": "case survey_type when 'nps' then 'nps' when 'csat' then 'csat' "
    "when 'ces' then 'ces' else 'other' end",
    "scale_min": "case survey_type when 'nps' then 0 else 1 end",
    "scale_max": "case survey_type when 'nps' then 10 when 'ces' then 7 else 5 end",
    "score": "score",
    "comment": "comment",
    "labels": "from_json(tags, '[\"VARCHAR\"]')",
    "email": "person.email",
    "submitted_at": "to_timestamp(cast(created_at as double))",
    "modified_at": "to_timestamp(cast(updated_at as double))",
}


@dataclass(slots=True)
class Source:
    """One project and its key (Settings → API); a project asks one kind of question.

    `account_property` and `customer_property` are the properties of a person that hold the CRM's
    id of the account, or its customer number.
    """

    token: Secret
    url: str = "https://api.delighted.com/v1"
    account_property: str = "account_id"
    customer_property: str = "customer_number"
    overlap: timedelta = timedelta(days=3)
    name: str = field(default="delighted", init=False)
    streams: tuple[str, ...] = field(default=("responses",), init=False)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        signer = Basic("Delighted", self.token, secret_first=True)
        self._line = Line(self.url, signer, name="Delighted")

    def check(self) -> None:
        self._line.json("survey_responses.json", {"per_page": "1"})

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        return fetch(self._line, self._feeds(since), stream, into, progress)

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _feeds(self, since: datetime | None) -> Iterator[Feed]:
        query = {
            "per_page": str(PER_PAGE),
            "order": "asc:updated_at",
            "expand[]": "person",
            "updated_since": "{since:unix}",
        }
        properties = (self.account_property, self.customer_property)
        keys = ", ".join(f"person_properties.{identifier(name)}" for name in properties)
        yield Feed(
            columns={**COLUMNS, "account_key": f"coalesce({keys})"},
            path="survey_responses.json",
            query=filled(query, {"since": since}),
            paging=Numbered(short=PER_PAGE),
        )
