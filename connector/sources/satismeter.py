"""SatisMeter: the export of a project's answers since a moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..mapping.expressions import identifier
from ..protocols import Progress, Spool
from ..rest.columns import address, kind, off_scale
from ..rest.feed import Feed, fetch
from ..rest.line import Basic, Line
from ..rest.since import filled
from ..secrets import Secret

#: Without a start the platform gives the last thirty days only; nothing is older than this.
BEGINNING = datetime(2014, 1, 1, tzinfo=UTC)

COLUMNS: Mapping[str, str] = {
    "id": "id",
    "platform": "'satismeter'",
    "survey": "campaign",
    "metric": "'nps'",
    "scale_min": "0",
    "scale_max": "10",
    "score": "rating",
    "comment": "feedback",
    "contact_key": '"user".userId',
    "email": address('"user".email'),
    "submitted_at": "created",
    "modified_at": "created",
}


@dataclass(slots=True)
class Source:
    """One project (`project`, its id) and its key (Settings → Integrations → API).

    `account_trait` and `company_trait` are the traits of a user that hold the account's id or
    customer number, and the name of the company. SatisMeter makes answers anonymous when their
    user is deleted; what was read before that stays in the lake.
    """

    token: Secret
    project: str
    url: str = "https://app.satismeter.com/api"
    account_trait: str = "account_id"
    company_trait: str = "company"
    transactional: tuple[str, ...] = ()
    overlap: timedelta = timedelta(days=35)
    name: str = field(default="satismeter", init=False)
    streams: tuple[str, ...] = field(default=("responses",), init=False)
    sure: str = field(default="partly", init=False)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        signer = Basic("SatisMeter", self.token, secret_first=True,
                       made_at="Settings → Integrations → API")  # fmt: skip
        self._line = Line(self.url, signer, name="SatisMeter")

    def check(self) -> None:
        soon = datetime(2100, 1, 1, tzinfo=UTC)
        self._line.json("responses", self._asked(soon))

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        return fetch(self._line, self._feeds(since or BEGINNING), stream, into, progress)

    def ids(
        self, stream: str, since: datetime, into: Path, progress: Progress | None = None
    ) -> Spool:
        return self.pull(stream, since, into, progress)

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _asked(self, since: datetime) -> dict[str, str]:
        asked = {"format": "json", "project": self.project, "startDate": "{since:iso}"}
        return filled(asked, {"since": since})

    def _feeds(self, since: datetime) -> Iterator[Feed]:
        trait = identifier(self.account_trait)
        yield Feed(
            {
                **COLUMNS,
                "kind": kind(self.transactional, "campaign"),
                "account_key": f'"user".traits.{trait}',
                "company": f'"user".traits.{identifier(self.company_trait)}',
            },
            path="responses",
            records="responses",
            query=self._asked(since),
            odd=off_scale("rating"),
        )
