"""Retently: feedback of every campaign, NPS, CSAT, CES and stars alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from ..protocols import Progress, Spool
from ..rest.columns import kind, off_scale, words
from ..rest.feed import Feed, fetch
from ..rest.line import Line, Signed
from ..rest.paging import Numbered
from ..rest.since import filled
from ..secrets import Secret

PER_PAGE = 100
_LEAST = "case metricsType when 'NPS' then 0 else 1 end"
_MOST = "case metricsType when 'NPS' then 10 when 'CES' then 7 else 5 end"

COLUMNS: Mapping[str, str] = {
    "id": "id",
    "platform": "'retently'",
    "survey": "campaignId",
    "metric": "case when metricsType in ('NPS', 'CSAT', 'CES') then lower(metricsType) "
    "else 'other' end",
    "scale_min": _LEAST,
    "scale_max": _MOST,
    "score": "score",
    "comment": "comment",
    "labels": words("feedbackTags"),
    "sentiment": "json_extract_string(feedbackTopics, '$[0].sentiment')",
    "channel": "channel",
    "company": "companyName",
    "email": "email",
    "submitted_at": "createdDate",
    "modified_at": "createdDate",
    "partial": "coalesce(isSubmitted = 'false', false)",
}
ODD: Mapping[str, str] = {
    "bogus": "isBogus = 'true'",
    **off_scale("score", _LEAST, _MOST),
}


@dataclass(slots=True)
class Source:
    """Needs an API key (Settings → API). `transactional` lists the campaigns (by id or name) that
    follow an event.

    Retently tells accounts by the name of the company and the address of the person.
    """

    token: Secret
    url: str = "https://app.retently.com/api/v2"
    transactional: tuple[str, ...] = ()
    overlap: timedelta = timedelta(days=35)
    name: str = field(default="retently", init=False)
    streams: tuple[str, ...] = field(default=("responses",), init=False)
    sure: str = field(default="verified", init=False)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        signer = Signed("Retently", self.token, "api_key={}", made_at="Settings → API")
        self._line = Line(self.url, signer, name="Retently")

    def check(self) -> None:
        self._line.json("feedback", {"page": "1", "limit": "1"})

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        return fetch(self._line, self._feeds(since), stream, into, progress)

    def ids(
        self, stream: str, since: datetime, into: Path, progress: Progress | None = None
    ) -> Spool:
        return self.pull(stream, since, into, progress)

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _feeds(self, since: datetime | None) -> Iterator[Feed]:
        asked = {"limit": str(PER_PAGE), "sort": "createdDate", "startDate": "{since:iso}"}
        yield Feed(
            {**COLUMNS, "kind": kind(self.transactional, "campaignId", "campaignName")},
            path="feedback",
            records="data.responses",
            query=filled(asked, {"since": since}),
            paging=Numbered(total="data.total", last="data.pages"),
            total="data.total",
            odd=ODD,
        )
