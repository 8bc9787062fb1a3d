"""Retently: feedback of every campaign, NPS, CSAT, CES and stars alike; what was sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from ..protocols import Progress, Spool
from ..rest.columns import both, each, entry, kind, off_scale, words
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
    # What Retently read in the comment, and what people put to it.
    "labels": both(words("feedbackTags"), each("feedbackTopics", "name")),
    "sentiment": "json_extract_string(feedbackTopics, '$[0].sentiment')",
    "channel": "channel",
    "company": "companyName",
    "email": "email",
    "submitted_at": "createdDate",
    "modified_at": "createdDate",
    "partial": "coalesce(isSubmitted = 'false', false)",
}
#: What became of a question that was sent. It has no id of its own.
INVITATIONS: Mapping[str, str] = {
    "id": "concat_ws('|', campaignId, coalesce(customerId, email), sentDate)",
    "platform": "'retently'",
    "survey": "campaignId",
    "company": "companyName",
    "email": "email",
    "status": "case when detailedStatus.isResponded = 'true' then 'answered' "
    "when detailedStatus.isBounced = 'true' then 'bounced' "
    "when detailedStatus.isOptedOut = 'true' then 'declined' "
    "when detailedStatus.isOpened = 'true' then 'opened' else 'sent' end",
    "asked_at": "sentDate",
    "modified_at": "coalesce(detailedStatus.respondedDate, detailedStatus.openedDate, sentDate)",
}
ODD: Mapping[str, str] = {
    "bogus": "isBogus = 'true'",
    **off_scale("score", _LEAST, _MOST),
}


@dataclass(slots=True)
class Source:
    """Needs an API key (Settings → API). `transactional` lists the campaigns (by id or name) that
    follow an event.

    `account_property` and `customer_property` are properties of a person that hold the CRM's id of
    the account, or its customer number. Where a person has neither, the company's id at Retently is
    the key, for a line in the alias file.
    """

    token: Secret
    url: str = "https://app.retently.com/api/v2"
    account_property: str = "account_id"
    customer_property: str = "customer_number"
    transactional: tuple[str, ...] = ()
    overlap: timedelta = timedelta(days=35)
    name: str = field(default="retently", init=False)
    streams: tuple[str, ...] = field(default=("responses", "invitations"), init=False)
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
        return fetch(self._line, self._feeds(stream, since), stream, into, progress)

    def ids(
        self, stream: str, since: datetime, into: Path, progress: Progress | None = None
    ) -> Spool:
        return self.pull(stream, since, into, progress)

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _feeds(self, stream: str, since: datetime | None) -> Iterator[Feed]:
        asked = {"limit": str(PER_PAGE), "startDate": "{since:iso}"}
        own = (self.account_property, self.customer_property)
        if stream == "invitations":
            key = f"coalesce({entry('attributes.customProps', *own)}, companyId)"
            columns = {**INVITATIONS, "account_key": key}
            yield self._feed(columns, "nps/outbox", "surveys", asked, since)
            return
        columns = {
            **COLUMNS,
            "kind": kind(self.transactional, "campaignId", "campaignName"),
            "account_key": f"coalesce({entry('customProps', *own)}, companyId)",
        }
        asked = {**asked, "sort": "createdDate"}
        yield replace(self._feed(columns, "feedback", "responses", asked, since), odd=ODD)

    def _feed(
        self,
        columns: Mapping[str, str],
        path: str,
        records: str,
        asked: Mapping[str, str],
        since: datetime | None,
    ) -> Feed:
        return Feed(
            columns,
            path,
            f"data.{records}",
            filled(asked, {"since": since}),
            paging=Numbered(total="data.total", last="data.pages"),
            total="data.total",
        )
