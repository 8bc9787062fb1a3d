"""Delighted: answers of one project, oldest change first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from ..protocols import Hint, Progress, Singles, Spool
from ..rest.columns import first_of, off_scale, words
from ..rest.feed import Feed, fetch
from ..rest.line import Basic, Line
from ..rest.paging import Numbered
from ..rest.since import filled
from ..rest.singles import one_by_one
from ..secrets import Secret

PER_PAGE = 100
_MOST = "case survey_type when 'nps' then 10 when 'ces' then 7 else 5 end"
_LEAST = "case survey_type when 'nps' then 0 else 1 end"

COLUMNS: Mapping[str, str] = {
    "id": "id",
    "platform": "'delighted'",
    "survey": "survey_type",
    "metric": "case when survey_type in ('nps', 'csat', 'ces') then survey_type else 'other' end",
    "scale_min": _LEAST,
    "scale_max": _MOST,
    "score": "score",
    "comment": "comment",
    "labels": words("tags"),
    "contact_key": "person_properties.contact_id",
    "email": "person.email",
    "submitted_at": "to_timestamp(cast(created_at as double))",
    "modified_at": "to_timestamp(cast(updated_at as double))",
}
#: What a company asks its own people says nothing of a customer.
ODD = {"employees": "survey_type = 'enps'", **off_scale("score", _LEAST, _MOST)}


@dataclass(slots=True)
class Source:
    """One project and its key (Settings → API); a project asks one kind of question.

    `account_property` and `customer_property` are the properties of a person that hold the CRM's
    id of the account, or its customer number. With `transactional` the project follows an event.
    """

    token: Secret
    url: str = "https://api.delighted.com/v1"
    account_property: str = "account_id"
    customer_property: str = "customer_number"
    transactional: bool = False
    overlap: timedelta = timedelta(days=3)
    name: str = field(default="delighted", init=False)
    streams: tuple[str, ...] = field(default=("responses",), init=False)
    sure: str = field(default="verified", init=False)
    by_id: ClassVar[tuple[str, ...]] = ("responses",)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        signer = Basic("Delighted", self.token, secret_first=True, made_at="Settings → API")
        self._line = Line(self.url, signer, name="Delighted")

    def check(self) -> None:
        self._line.json("survey_responses.json", {"per_page": "1"})

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        window = filled({"updated_since": "{since:unix}"}, {"since": since})
        return fetch(self._line, self._feeds("updated_at", window), stream, into, progress)

    def ids(
        self, stream: str, since: datetime, into: Path, progress: Progress | None = None
    ) -> Spool:
        window = filled({"since": "{since:unix}"}, {"since": since})
        return fetch(self._line, self._feeds("created_at", window), stream, into, progress)

    def singles(
        self, stream: str, hints: Sequence[Hint], into: Path, progress: Progress | None = None
    ) -> Singles:
        """Some answers by their ids."""
        (feed,) = self._feeds("updated_at", {})
        asked = {each.record: f"survey_responses/{each.record}.json" for each in hints}
        query = {"expand[]": "person"}
        return one_by_one(self._line, feed, asked, query, stream, into, progress)

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _feeds(self, order: str, window: Mapping[str, str]) -> Iterator[Feed]:
        named = (self.account_property, self.customer_property)
        kind = "transactional" if self.transactional else "relationship"
        asked = {"per_page": str(PER_PAGE), "order": f"asc:{order}", "expand[]": "person"}
        yield Feed(
            {**COLUMNS, "kind": f"'{kind}'", "account_key": first_of("person_properties", *named)},
            path="survey_responses.json",
            query={**asked, **window},
            paging=Numbered(short=PER_PAGE),
            odd=ODD,
        )
