"""InMoment (Wootric): answers and declines, window by window, with the people who gave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import orjson

from ..errors import Malformed
from ..mapping.expressions import literal
from ..protocols import Progress, Spool
from ..rest.columns import first_of, off_scale
from ..rest.feed import Feed, Got, lines, page, read
from ..rest.line import ClientCredentials, Line
from ..rest.paging import Numbered
from ..secrets import Secret

PER_PAGE, PAGES = 50, 30
WINDOW = timedelta(days=30)
SCALES: Mapping[str, tuple[str, str]] = {"nps": ("0", "10"), "csat": ("1", "5"), "ces": ("1", "7")}
PATHS: Mapping[str, str] = {"responses": "v1/responses", "invitations": "v1/declines"}
HOSTS: Mapping[str, str] = {"us": "com", "eu": "eu", "au": "au"}


@dataclass(slots=True)
class Source:
    """Needs an API client (Settings → API): its id and secret; the account's `region` is its host.

    An account asks one kind of question: `metric`. `transactional` lists the survey ids that
    follow an event. `account_property` and `customer_property` are properties of a person.
    """

    client_id: str
    client_secret: Secret
    region: Literal["us", "eu", "au"] = "us"
    account_token: str = ""
    metric: Literal["nps", "csat", "ces"] = "nps"
    transactional: tuple[str, ...] = ()
    account_property: str = "account_id"
    customer_property: str = "customer_number"
    url: str = ""
    overlap: timedelta = timedelta(days=35)
    name: str = field(default="inmoment", init=False)
    streams: tuple[str, ...] = field(default=("responses", "invitations"), init=False)
    sure: str = field(default="verified", init=False)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        base = self.url or f"https://api.wootric.{HOSTS[self.region]}"
        account = f"?account_token={self.account_token}" if self.account_token else ""
        signer = ClientCredentials(
            "InMoment", base, f"oauth/token{account}", self.client_id, self.client_secret
        )
        self._line = Line(base, signer, name="InMoment", lane=_lane)

    def check(self) -> None:
        self._line.json("v1/responses", {"per_page": "1"})

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        before = sum(self._line.calls.values())
        told = Feed(self._responses() if stream == "responses" else DECLINED, PATHS[stream],
                    odd=self._odd() if stream == "responses" else {})  # fmt: skip
        got, people = self._windows(told, since, into / "told.ndjson", progress)
        calls = sum(self._line.calls.values()) - before
        if not got.rows:
            return Spool("", 0, calls=calls)
        asked = Feed(self._person(), "v1/end_users")
        if since is None:
            them, _ = self._windows(asked, None, into / "people.ndjson", progress)
        else:
            them = self._each(people, into / "people.ndjson", progress)
        calls = sum(self._line.calls.values()) - before
        return Spool(_joined(stream, (told, got), (asked, them)), got.rows, calls=calls)

    def ids(
        self, stream: str, since: datetime, into: Path, progress: Progress | None = None
    ) -> Spool:
        told = Feed(self._responses() if stream == "responses" else DECLINED, PATHS[stream])
        before = sum(self._line.calls.values())
        got, _ = self._windows(told, since, into / "told.ndjson", progress)
        calls = sum(self._line.calls.values()) - before
        return Spool(read([got.file], stream, told) if got.rows else "", got.rows, calls=calls)

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _windows(
        self, feed: Feed, since: datetime | None, file: Path, progress: Progress | None
    ) -> tuple[Got, set[str]]:
        """Everything that was made since then; and whose it is. The last window has no end."""
        rows, people = 0, set[str]()
        first, now = since or self._oldest(feed.path), int(datetime.now(UTC).timestamp())
        with file.open("wb") as out:
            start: int | None = int(first.timestamp()) if first else now
            width = int(WINDOW.total_seconds())
            while start is not None:
                end = start + width if start + width < now else None
                found = self._window(feed, start, end, progress)
                if found is None:  # the wall: there is more than thirty pages hold
                    width = _half(end - start if end else max(now - start, 2), feed)
                    now = max(now, start + width + 1)
                    continue
                rows += len(found)
                people |= {str(each["end_user_id"]) for each in found if each.get("end_user_id")}
                out.writelines(lines(found, {}))
                start, width = end, min(width * 2, int(WINDOW.total_seconds()))
        return Got(file, rows), people

    def _window(
        self, feed: Feed, start: int, end: int | None, progress: Progress | None
    ) -> list[Any] | None:
        """What was made from `start` to before `end`; None if it does not fit into the pages."""
        # Both bounds of the platform are exclusive.
        query = {"per_page": str(PER_PAGE), "sort_order": "asc", "created[gt]": str(start - 1)}
        if end:
            query["created[lt]"] = str(end)
        asked = Feed({}, feed.path, query=query, paging=Numbered(short=PER_PAGE))
        found = list[Any]()
        for number, each in enumerate(
            asked.paging.pages(lambda step: page(self._line, asked, step)), start=1
        ):
            if progress:
                progress.pause(0)
            self._refuse_other_times(each.records, start, end)
            found += each.records
            if number == PAGES and len(each.records) == PER_PAGE:
                return None
        return found

    def _refuse_other_times(self, found: Sequence[Any], start: int, end: int | None) -> None:
        """A platform that does not heed the window would be read for ever, or in part."""
        for each in (*found[:1], *found[-1:]):
            made = _made(each)
            if made.timestamp() < start or (end and made.timestamp() >= end):
                raise Malformed(
                    f"InMoment sent what was made at {made:%Y-%m-%d}, which was not asked for.",
                    hint="Run again; the watermark has not moved.",
                )

    def _oldest(self, path: str) -> datetime | None:
        """When the first of them was made."""
        found = self._line.json(path, {"per_page": "1", "sort_order": "asc"})
        if not isinstance(found, list):
            raise Malformed(f"InMoment sent no list to {path}.", hint="Is `region` right?")
        return _made(found[0]) if found else None

    def _each(self, people: set[str], file: Path, progress: Progress | None) -> Got:
        """Some people, one by one; those whom the platform has forgotten stay unknown."""
        rows = 0
        with file.open("wb") as out:
            for id in sorted(people):
                if progress:
                    progress.pause(0)
                reply = self._line.raw(f"v1/end_users/{id}", allowed=frozenset({404}))
                if reply.status_code == 200:
                    out.writelines(lines([orjson.loads(reply.content)], {}))
                    rows += 1
        return Got(file, rows)

    def _responses(self) -> dict[str, str]:
        low, high = SCALES[self.metric]
        events = ", ".join(literal(each) for each in self.transactional) or "null"
        return {
            **COMMON,
            "kind": f"case when survey_id in ({events}) then 'transactional' "
            "else 'relationship' end",
            "metric": f"'{self.metric}'",
            "scale_min": low,
            "scale_max": high,
            "score": "score",
            "comment": "nullif(text, '')",
            "labels": "from_json(tags, '[\"VARCHAR\"]')",
            "submitted_at": _moment("created_at"),
            "partial": "completed = 'false'",
            "excluded": "excluded_from_calculations = 'true'",
        }

    def _odd(self) -> dict[str, str]:
        return off_scale("score", *SCALES[self.metric])

    def _person(self) -> dict[str, str]:
        return {
            "id": "id",
            "email": "nullif(email, '')",
            "contact_key": "nullif(external_id, '')",
            "account_key": first_of("properties", self.account_property, self.customer_property),
            "company": first_of("properties", "company", "company_name"),
        }


MOMENT = "%Y-%m-%d %H:%M:%S %z"


def _moment(sql: str) -> str:
    """`2026-10-04 13:57:26 -0700` as a moment; what is none stays a text, and is told as unread."""
    return f"coalesce(cast(try_strptime({sql}, '{MOMENT}') as varchar), nullif({sql}, ''))"


COMMON: Mapping[str, str] = {
    "id": "id",
    "platform": "'inmoment'",
    "survey": "survey_id",
    "contact_key": "end_user_id",
    "modified_at": _moment("updated_at"),
}
#: A decline is an invitation that was seen and not answered.
DECLINED: Mapping[str, str] = {**COMMON, "status": "'declined'", "asked_at": _moment("created_at")}


def _made(record: Any) -> datetime:
    try:
        return datetime.strptime(record["created_at"], MOMENT)
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("InMoment sent a record without its moment.", hint="Run again.") from error


def _half(width: int, feed: Feed) -> int:
    if width < 2:
        raise Malformed(
            f"InMoment has more of {feed.path} in one second than it hands out.",
            hint="They were imported together; ask InMoment for an export of them.",
        )
    return width // 2


def _joined(stream: str, told: tuple[Feed, Got], people: tuple[Feed, Got]) -> str:
    """Answers, each with what is known of the person; a person may have come in two windows."""
    feed, got = told
    answers = read([got.file], stream, feed)
    if not people[1].rows:
        return f"(SELECT * REPLACE (NULL AS contact_key) FROM {answers})"
    them = read([people[1].file], "responses", people[0])
    return (
        "(SELECT a.* REPLACE (p.contact_key AS contact_key), p.email, p.account_key, p.company "
        f"FROM {answers} AS a LEFT JOIN (SELECT DISTINCT ON (id) * FROM {them}) AS p "
        "ON a.contact_key = p.id)"
    )


def _lane(_: str, path: str) -> str:
    return "end_users" if "/end_users" in path else path.rpartition("/")[2]
