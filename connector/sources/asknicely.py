"""AskNicely: answers, oldest first, and the questions that were sent; the address says it all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..mapping.expressions import identifier
from ..protocols import Progress, Spool
from ..rest.columns import off_scale
from ..rest.feed import Feed, fetch
from ..rest.line import Line, Signed
from ..rest.paging import Numbered
from ..secrets import Secret

#: Larger answers are put into a file on another host, to which our key does not belong.
PER_PAGE = 500
BEGINNING = datetime(2010, 1, 1, tzinfo=UTC)
_LEAST = "case question_type when 'nps' then 0 else 1 end"
_MOST = "case question_type when 'nps' then 10 else 5 end"


def _moment(name: str) -> str:
    return f"to_timestamp(nullif(try_cast({name} as double), 0))"


RESPONSES: Mapping[str, str] = {
    "id": "response_id",
    "platform": "'asknicely'",
    "survey": "coalesce(segment, question_type)",
    "metric": "case when question_type in ('nps', 'csat') then question_type else 'other' end",
    "scale_min": _LEAST,
    "scale_max": _MOST,
    "score": "answer",
    "comment": "comment",
    "channel": "deliverymethod",
    "contact_key": "sfcontactid",
    "email": "email",
    "asked_at": _moment("sent"),
    "submitted_at": _moment("responded"),
    "modified_at": _moment("responded"),
}
INVITATIONS: Mapping[str, str] = {
    "id": "response_id",
    "platform": "'asknicely'",
    "survey": "coalesce(segment, question_type)",
    "contact_key": "sfcontactid",
    "email": "email",
    "status": f"case when {_moment('responded')} is not null then 'answered' "
    f"when {_moment('opened')} is not null then 'opened' else 'sent' end",
    "asked_at": _moment("sent"),
    "modified_at": f"greatest({_moment('sent')}, {_moment('opened')}, {_moment('responded')})",
}
ODD = off_scale("answer", _LEAST, _MOST)


@dataclass(slots=True)
class Source:
    """Needs the API key of a tenant (Settings → API), and its address in `url`:
    `https://DOMAIN.asknice.ly/api/v1`.

    With the Salesforce integration an answer names account and contact; else `account_field` is
    the field of a person (`..._c`) that holds the account's id or customer number.
    """

    token: Secret
    url: str
    account_field: str = "account_c"
    transactional: bool = False
    overlap: timedelta = timedelta(days=35)
    name: str = field(default="asknicely", init=False)
    streams: tuple[str, ...] = field(default=("responses", "invitations"), init=False)
    sure: str = field(default="verified", init=False)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        signer = Signed("AskNicely", self.token, "{}", "X-apikey", made_at="Settings → API")
        self._line = Line(self.url, signer, name="AskNicely", lane=lambda *_: "responses")

    def check(self) -> None:
        self._line.json("responses/asc/1/1/0/json/answered/responded")

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        return fetch(self._line, self._feeds(stream, since or BEGINNING), stream, into, progress)

    def ids(
        self, stream: str, since: datetime, into: Path, progress: Progress | None = None
    ) -> Spool:
        return self.pull(stream, since, into, progress)

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _feeds(self, stream: str, since: datetime) -> Iterator[Feed]:
        which = "answered/responded" if stream == "responses" else "raw/sent"
        seconds = int(since.timestamp())
        path = f"responses/asc/{PER_PAGE}/{{page}}/{seconds}/json/{which}"
        account = f"coalesce(sfaccount, {identifier(self.account_field)})"
        columns = {**(RESPONSES if stream == "responses" else INVITATIONS), "account_key": account}
        if stream == "responses":
            columns["kind"] = "'transactional'" if self.transactional else "'relationship'"
        yield Feed(
            columns,
            path=path.replace("{page}", "1"),
            records="data",
            paging=Numbered(path=path, total="total", last="totalpages"),
            total="total",
            odd=ODD if stream == "responses" else {},
        )
