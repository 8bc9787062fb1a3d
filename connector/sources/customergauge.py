"""CustomerGauge: answers and those who did not answer, by a cursor that is never given back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator

from ..mapping.expressions import literal
from ..protocols import Progress, Spool
from ..rest.columns import first_of, off_scale
from ..rest.feed import Feed, fetch
from ..rest.line import ClientCredentials, Line
from ..rest.paging import Ask, Cursor, Page, at
from ..rest.shaped import Shaped
from ..secrets import Secret

PER_PAGE = 1000
WITH = ("tags", "properties")


def _is_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is no time zone; write it as Europe/Berlin")
    return name


@dataclass(slots=True)
class Source:
    """Needs a connected app with client id and secret (Settings → Integrations).

    CustomerGauge writes moments without a zone: `zone` is the one of the account. A question that
    follows an event is told by a segment: `touchpoint_property` is its name, `transactional` those
    of its values. `account_property` is the segment with the CRM's id of the account; without
    it the customer number counts.
    """

    region: Literal["eu", "us", "au"]
    client_id: str
    client_secret: Secret
    zone: Annotated[str, AfterValidator(_is_zone)]
    account_property: str = "account_id"
    touchpoint_property: str = "touchpoint"
    transactional: tuple[str, ...] = ()
    url: str = ""
    login_url: str = ""
    overlap: timedelta = timedelta(days=35)
    name: str = field(default="customergauge", init=False)
    streams: tuple[str, ...] = field(default=("responses", "invitations"), init=False)
    sure: str = field(default="verified", init=False)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        host = f"{self.region}.customergauge.com"
        signer = ClientCredentials(
            "CustomerGauge", self.login_url or f"https://auth.{host}", "oauth2/token",
            self.client_id, self.client_secret,
        )  # fmt: skip
        base = self.url or f"https://api.{host}/v7/rest/sync"
        self._line = Line(base, signer, name="CustomerGauge")

    def check(self) -> None:
        self._line.json("responses", {"per_page": "1"})

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        kept = progress.recall() if progress else {}
        ways = {path: Remembering(kept.get(path, "")) for path in PATHS[stream]}
        feeds = self._feeds(stream, since, ways)
        spool = fetch(self._line, feeds, stream, into, progress)
        if progress:
            progress.remember({path: way.last for path, way in ways.items()})
        return spool

    def ids(
        self, stream: str, since: datetime, into: Path, progress: Progress | None = None
    ) -> Spool:
        feeds = self._listing(stream, since)
        return fetch(self._line, feeds, stream, into, progress)

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _feeds(
        self, stream: str, since: datetime | None, ways: Mapping[str, Remembering]
    ) -> Iterator[Feed]:
        """What is new by the cursor; and the last weeks again, as the cursor sees no edit."""
        for path, way in ways.items():
            # Without a cursor to go on from everything is read, and nothing needs to come again.
            seen = set[str]() if since and way.last else None
            yield self._feed(stream, path, {}, way, seen)
            if since and seen is not None:
                again = self._period(MOMENTS[path], since)
                yield self._feed(stream, path, again, Remembering(""), seen)

    def _listing(self, stream: str, since: datetime) -> Iterator[Feed]:
        """Everything since then, by the moment of the stream; an invitation is made before it is
        sent, and by less than the overlap."""
        asked = "date_survey_response" if stream == "responses" else "date_creation"
        first = since if stream == "responses" else since - self.overlap
        for path in PATHS[stream]:
            yield self._feed(stream, path, self._period(asked, first), Remembering(""), None)

    def _period(self, moment: str, since: datetime) -> dict[str, str]:
        zone = ZoneInfo(self.zone)
        return {
            "period[field]": moment,
            "period[start]": since.astimezone(zone).strftime("%Y-%m-%d"),
            "period[end]": "2999-12-31",
        }

    def _feed(
        self,
        stream: str,
        path: str,
        query: Mapping[str, str],
        way: Remembering,
        seen: set[str] | None,
    ) -> Feed:
        asked = "&".join(f"with[]={each}" for each in WITH)
        begin = {"cursor": way.last} if way.last else {}
        odd = off_scale("nps") if stream == "responses" else {}
        return Feed(
            columns=self._responses() if stream == "responses" else self._invitations(),
            path=f"{path}?{asked}",
            records="data",
            query={"per_page": str(PER_PAGE), **begin, **query},
            paging=Shaped(way, Once(seen)),
            odd=odd,
            given={"_path": path},
        )

    def _common(self) -> dict[str, str]:
        return {
            "id": "number_customergauge",
            "platform": "'customergauge'",
            "survey": "'customergauge'",
            "email": "nullif(email, '')",
            "company": "account.name",
            "account_key": f"coalesce({first_of('properties', self.account_property)}, "
            "nullif(number_customer, ''))",
            "asked_at": self._moment("coalesce(nullif(date_email_sent, ''), date_creation)"),
        }

    def _responses(self) -> dict[str, str]:
        touchpoint = first_of("properties", self.touchpoint_property)
        events = ", ".join(literal(each) for each in self.transactional) or "null"
        return {
            **self._common(),
            "kind": f"case when {touchpoint} in ({events}) then 'transactional' "
            "else 'relationship' end",
            "metric": "'nps'",
            "scale_min": "0",
            "scale_max": "10",
            "score": "nps",
            "comment": "nullif(comment, '')",
            "touchpoint": touchpoint,
            "labels": "from_json(labels, '[\"VARCHAR\"]')",
            "submitted_at": self._moment("date_survey_response"),
            "modified_at": self._moment("date_survey_response"),
        }

    def _invitations(self) -> dict[str, str]:
        """Who did not answer; who did is told as well, so that an invitation stops being open."""
        return {
            **self._common(),
            "status": "case _path when 'responses' then 'answered' else 'sent' end",
            "modified_at": self._moment(
                "case _path when 'responses' then date_survey_response else date_creation end"
            ),
        }

    def _moment(self, sql: str) -> str:
        """A moment without a zone in the account's zone; what is no moment stays a text."""
        read = f"timezone({literal(self.zone)}, try_strptime({sql}, {FORMATS}))"
        return f"coalesce(cast({read} as varchar), nullif({sql}, ''))"


FORMATS = "['%Y-%m-%d %H:%M:%S', '%Y-%m-%d']"
#: By which moment the last weeks are read again.
MOMENTS: Mapping[str, str] = {
    "responses": "date_survey_response",
    "non-responses": "date_creation",
}
PATHS: Mapping[str, tuple[str, ...]] = {
    "responses": ("responses",),
    "invitations": ("non-responses", "responses"),
}


@dataclass(slots=True)
class Remembering:
    """The cursor of CustomerGauge, which remembers how far it came."""

    last: str

    def pages(self, ask: Ask) -> Iterator[Page]:
        for page in Cursor("cursor", "cursor.next", until_empty=True).pages(ask):
            yield page
            if page.records and (word := at(page.body, "cursor.next")):
                self.last = str(word)


@dataclass(frozen=True, slots=True)
class Once:
    """Records with segments by name and the tags that were given; what was `seen` comes no more."""

    seen: set[str] | None

    def __call__(self, record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        number = str(record.get("number_customergauge"))
        if self.seen is None or number not in self.seen:
            if self.seen is not None:
                self.seen.add(number)
            properties = dict(map(_pair, record.get("properties") or ()))
            tags = map(_pair, record.get("tags") or ())
            labels = [name for name, value in tags if value not in ("0", "", "None")]
            yield {**record, "properties": properties, "labels": labels}


def _pair(each: Mapping[str, Any]) -> tuple[str, str]:
    """The two values of a segment or tag: its name and what it says."""
    first, *rest = [str(value) for value in each.values()] or [""]
    return first, rest[0] if rest else ""
