"""Mixpanel: events counted by day, person and event; people and when they were seen last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import orjson

from ..errors import Malformed
from ..mapping.casts import text
from ..mapping.expressions import identifier
from ..protocols import Progress, Spool
from ..rest.feed import Feed, Got, read, take
from ..rest.line import Basic, Line
from ..rest.paging import REPEATED, Ask, Page, Step
from ..rest.since import clock
from ..secrets import Secret

#: Days of one export, and profiles of one page.
DAYS, PER_PAGE = 30, 5000
#: How often an export that breaks off is begun again, and what it says then.
ATTEMPTS, CUT = 3, b"terminated early"
DAY = timedelta(days=1)

#: How often, and what the last event of the day says; what was sent twice has the same mark.
COUNTED = (
    "count(DISTINCT once) + count(*) FILTER (WHERE once IS NULL) AS times,"
    " max(epoch(moment)) AS latest, arg_max(mail, moment) AS mail,"
    " arg_max(account, moment) AS account"
)
EVENTS: Mapping[str, str] = {
    "id": "id",
    "kind": "'usage'",
    "name": "event",
    "account_key": "account",
    "contact_key": "person",
    "email": "mail",
    "value": "times",
    "unit": "'events'",
    "occurred_at": "to_timestamp(cast(latest as double))",
    "modified_at": "to_timestamp(cast(latest as double))",
}
PROFILES: Mapping[str, str] = {
    "id": "'profile-' || person",
    "kind": "'usage'",
    "name": "'seen'",
    "account_key": "account",
    "contact_key": "person",
    "email": "mail",
    "value": "1",
    "unit": "'people'",
}


@dataclass(slots=True)
class Source:
    """A service account of the project (Project settings → Service accounts), role Consumer.

    `url` is where events are exported, `profiles_url` where people are asked for; both have one of
    their own in the EU. `zone` is the project's. `account_property` of an event, or of a person,
    holds the CRM's id of the account. `events` names those that count as use; all, if it is empty.
    With `read = "profiles"` nothing is exported, and use is when a person was last seen: for plans
    without the export. `local_time` is for old projects, whose events tell local time.
    """

    project: str
    user: str
    token: Secret
    url: str = "https://data.mixpanel.com/api/2.0"
    profiles_url: str = "https://mixpanel.com/api/2.0"
    zone: str = "UTC"
    account_property: str = "account_id"
    events: tuple[str, ...] = ()
    read: Literal["events", "profiles"] = "events"
    first_days: int = 90
    local_time: bool = False
    #: Telephones send what they noted while they were offline.
    overlap: timedelta = timedelta(days=5)
    name: str = field(default="mixpanel", init=False)
    streams: tuple[str, ...] = field(default=("signals",), init=False)
    sure: str = field(default="partly", init=False)
    _line: Line = field(init=False, repr=False)
    _people: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        where = "Project settings → Service accounts"
        signer = Basic("Mixpanel", self.token, self.user, made_at=where)
        self._line = Line(self.url, signer, name="Mixpanel")
        self._people = Line(self.profiles_url, signer, name="Mixpanel")

    def check(self) -> None:
        query = {"project_id": self.project, "page_size": "1"}
        self._people.json("engage", query, method="POST")

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        begun, zone = sum(self.calls().values()), ZoneInfo(self.zone)
        into.mkdir(parents=True, exist_ok=True)
        now = clock(self._people, self.check).astimezone(zone)
        start = since.astimezone(zone) if since else now - self.first_days * DAY
        found = self._seen_since(start, into / "people.ndjson", progress)
        # A profile's time is that of the project, and has no zone.
        seen = f"timezone({text(self.zone)}, try_cast(seen as timestamp))"
        columns = {**PROFILES, "occurred_at": seen, "modified_at": seen}
        if self.read == "events":
            days = [self._exported(*span, into, progress) for span in spans(start, now)]
            found, columns = self._counted(days, found, into), dict(EVENTS)
        relation = read([found.file], stream, Feed(columns, "export")) if found.rows else ""
        return Spool(relation, found.rows, calls=sum(self.calls().values()) - begun)

    @property
    def ids(self) -> Callable[..., Spool] | None:
        """People are listed by when they were seen last; of events nothing but an export tells."""
        return self.pull if self.read == "profiles" else None

    def calls(self) -> Mapping[str, int]:
        return {**self._line.calls, **self._people.calls}

    def _seen_since(self, start: datetime, file: Path, progress: Progress | None) -> Got:
        """People who were there since a day: whoever made an event since then is among them."""
        where = f'properties["$last_seen"]>="{start:%Y-%m-%d}T00:00:00"'
        query = {"project_id": self.project, "where": where, "page_size": str(PER_PAGE)}
        feed = Feed({}, "engage", "results", query, "POST", paging=Sessions(PER_PAGE),
                    dress=lambda found: [self._person(each) for each in found])  # fmt: skip
        return take(self._people, feed, file, progress)

    def _person(self, profile: Mapping[str, Any]) -> dict[str, Any]:
        told = profile.get("$properties") or {}
        return {
            "person": profile.get("$distinct_id"),
            "account": told.get(self.account_property),
            "mail": told.get("$email"),
            "seen": told.get("$last_seen"),
        }

    def _exported(self, first: date, last: date, into: Path, progress: Progress | None) -> Path:
        """The events of some whole days; an export that breaks off is begun again."""
        query = {"project_id": self.project, "from_date": str(first), "to_date": str(last)}
        if self.events:
            query["event"] = orjson.dumps(list(self.events)).decode()
        raw, clean = into / f"{first}.raw", into / f"{first}.ndjson"
        for _ in range(ATTEMPTS):
            if progress:
                progress.pause(0)
            self._line.save("export", raw, query)
            if is_whole(raw, clean):
                return clean
        raise Malformed(
            f"Mixpanel broke off the export of {first} to {last} {ATTEMPTS} times.",
            hint="Run again; the watermark has not moved. Fewer `events` make a shorter export.",
        )

    def _counted(self, days: Sequence[Path], people: Got, into: Path) -> Got:
        """Events as one row for each day, person and event; one that was sent twice counts once."""
        from ..engines.duckdb import DuckDB

        file = into / "counted.ndjson"
        days = [each for each in days if each.stat().st_size]
        if not days:
            return Got(file, 0)
        with closing(DuckDB(scratch=into / "spill")) as engine:
            engine.stage("counted", self._count(days, people.file), "table")
            engine.run(f"COPY counted TO {text(str(file))} (FORMAT json)")
            return Got(file, int(engine.one("SELECT count(*) FROM counted")))

    def _count(self, days: Sequence[Path], people: Path) -> str:
        """Grouped by what never changes, so that a day that is read again replaces itself."""
        zone, moment = text(self.zone), "to_timestamp(try_cast(properties.time AS DOUBLE))"
        if self.local_time:
            moment = f"timezone({zone}, timezone('UTC', {moment}))"
        return (
            f"WITH told AS (SELECT event, {moment} AS moment, properties.distinct_id AS person,"
            ' properties."$insert_id" AS once, properties."$email" AS mail,'
            f" properties.{identifier(self.account_property)} AS account"
            f" FROM {_lines(days, self._shape())}),"
            f" days AS (SELECT strftime(timezone({zone}, moment), '%Y-%m-%d') AS day,"
            f" event, person, {COUNTED} FROM told GROUP BY ALL),"
            " people AS (SELECT person, any_value(mail) AS mail, any_value(account) AS account"
            f" FROM {_lines([people], dict.fromkeys(('person', 'mail', 'account'), 'VARCHAR'))}"
            " GROUP BY person)"
            " SELECT concat_ws('|', d.day, d.event, d.person) AS id, d.event, d.person, d.times,"
            " d.latest, coalesce(d.mail, p.mail) AS mail, coalesce(d.account, p.account) AS account"
            " FROM days AS d LEFT JOIN people AS p ON p.person = d.person"
        )

    def _shape(self) -> dict[str, str]:
        names = ("time", "distinct_id", "$insert_id", "$email", self.account_property)
        inside = ", ".join(f"{identifier(name)} VARCHAR" for name in dict.fromkeys(names))
        return {"event": "VARCHAR", "properties": f"STRUCT({inside})"}


def _lines(files: Sequence[Path], columns: Mapping[str, str]) -> str:
    """Lines of JSON as a table."""
    listed = ", ".join(text(str(file)) for file in files)
    typed = ", ".join(f"{name}: {text(kind)}" for name, kind in columns.items())
    return f"read_json([{listed}], format = 'newline_delimited', columns = {{{typed}}})"


@dataclass(frozen=True, slots=True)
class Sessions:
    """Pages of one question: they are numbered, and the first tells the session and the total."""

    size: int

    def pages(self, ask: Ask) -> Iterator[Page]:
        page, got, step = ask(Step()), 0, 0
        session, total = str(page.body.get("session_id")), page.body.get("total")
        while True:
            yield page
            got, step, before = got + len(page.records), step + 1, page.records
            if len(before) < self.size:
                break
            page = ask(Step(query={"session_id": session, "page": str(step)}))
            if page.records and list(page.records) == list(before):
                raise Malformed(REPEATED)
        if isinstance(total, int) and got < total:
            raise Malformed(
                f"Mixpanel promised {total} people and sent {got}.",
                hint="Run again; the watermark has not moved.",
            )


def spans(start: datetime, now: datetime) -> Iterator[tuple[date, date]]:
    """Whole days, thirty at most in one export; today is not over yet."""
    first, end = start.date(), now.date() - DAY
    while first <= end:
        last = min(first + (DAYS - 1) * DAY, end)
        yield first, last
        first = last + DAY


def is_whole(raw: Path, clean: Path) -> bool:
    """Whether an export came to its end; its records go to a file, those cut in two mended."""
    half = b""
    with raw.open("rb") as lines, clean.open("wb") as out:
        for line in lines:
            if line.strip() == CUT:
                return False
            half += line.rstrip(b"\r\n")
            try:
                orjson.loads(half)
            except orjson.JSONDecodeError:
                continue
            out.write(half + b"\n")
            half = b""
    return not half.strip()
