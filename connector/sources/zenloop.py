"""zenloop: NPS answers of every survey, oldest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..errors import Malformed
from ..protocols import Progress, Spool
from ..rest.columns import address, first_of, kind, off_scale, words
from ..rest.feed import Feed, fetch, records
from ..rest.line import Line, bearer
from ..rest.paging import Numbered
from ..rest.since import filled
from ..secrets import Secret

PER_PAGE = 100
#: zenloop's own beginning: nothing is older.
BEGINNING = datetime(2015, 1, 1, tzinfo=UTC)

NPS = "score_type is null or score_type in ('promoter', 'passive', 'detractor', 'nps')"
COLUMNS: Mapping[str, str] = {
    "id": "id",
    "platform": "'zenloop'",
    "survey": "survey",
    "metric": f"case when {NPS} then 'nps' when score_type in ('csat', 'ces') then score_type "
    "else 'other' end",
    "score": "score",
    "comment": "comment",
    "sentiment": "sentiment",
    "labels": words("labels"),
    "contact_key": "case when identity_type is distinct from 'email' then identity end",
    "company": "metatags.company",
    "email": f"coalesce({address('email')}, case when identity_type = 'email' then identity end)",
    "submitted_at": "inserted_at",
    "modified_at": "inserted_at",
}


@dataclass(slots=True)
class Source:
    """Needs an API token (Settings → API); it has the rights of the user who made it.

    zenloop filters by when an answer was given, not by when it changed; labels and late comments
    arrive afterwards, so the last `overlap` is always read again. `transactional` lists the
    surveys (by title or hash) that follow an event; all others are relationship surveys. What is
    asked besides NPS runs from the one end of `other_scale` to the other; zenloop does not tell,
    and without it such answers are listed and count nowhere.
    """

    token: Secret
    url: str = "https://api.zenloop.com/v1"
    account_property: str = "account_id"
    customer_property: str = "customer_number"
    transactional: tuple[str, ...] = ()
    other_scale: tuple[float, float] | None = None
    overlap: timedelta = timedelta(days=35)
    name: str = field(default="zenloop", init=False)
    streams: tuple[str, ...] = field(default=("responses",), init=False)
    sure: str = field(default="verified", init=False)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        signer = bearer("zenloop", self.token, "Settings → API")
        self._line = Line(self.url, signer, name="zenloop")

    def check(self) -> None:
        self._line.json("surveys", {"page": "1", "per_page": "1"})

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

    def _feeds(self, since: datetime) -> Iterator[Feed]:
        paging = Numbered(total="meta.total")
        size = {"per_page": str(PER_PAGE)}
        window = {"date_shortcut": "custom", "date_from": "{since:iso}",
                  "date_to": "2999-12-31T23:59:59Z", "order_by": "inserted_at",
                  "order_type": "asc"}  # fmt: skip
        named = (self.account_property, self.customer_property)
        least, most = self.other_scale or ("null", "null")
        columns = {
            **COLUMNS,
            "kind": kind(self.transactional, "survey", "survey_title"),
            "account_key": first_of("metatags", *named),
            "scale_min": f"case when {NPS} then 0 else {least} end",
            "scale_max": f"case when {NPS} then 10 else {most} end",
        }
        for survey in records(self._line, Feed({}, "surveys", "surveys", size, paging=paging)):
            key = survey.get("public_hash_id") if isinstance(survey, dict) else None
            if not key:
                raise Malformed(
                    "zenloop listed a survey without public_hash_id.", hint="Run again."
                )
            yield Feed(
                columns,
                path=f"surveys/{key}/answers",
                records="answers",
                query=filled({**size, **window}, {"since": since}),
                paging=paging,
                total="meta.total",
                odd=off_scale("score"),
                given={"survey": str(key), "survey_title": str(survey.get("title") or "")},
            )
