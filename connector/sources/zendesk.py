"""Zendesk: tickets by their last change, and what customers say of them, in both generations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ..errors import Denied
from ..protocols import Progress, Spool
from ..rest.feed import Feed, fetch, together
from ..rest.known import Known
from ..rest.line import Basic, Line, bearer
from ..rest.paging import Ask, Cursor, Page
from ..rest.since import clock
from ..secrets import Secret

PER_PAGE, PER_EXPORT = 100, 1000
#: Zendesk exports nothing younger than a minute.
MINUTE, DAY = timedelta(seconds=61), timedelta(days=1)
SURVEYED, RATINGS = "guide/survey_responses.json", "satisfaction_ratings.json"
#: Ten exports a minute are allowed.
AT_ONCE, REST = 9, 60.0
PAGES = Cursor("page[after]", "meta.after_cursor", more="meta.has_more")
#: What an API says that this account does not have.
WITHOUT = frozenset({403, 404, 422})

WHO: Mapping[str, str] = {
    "account_key": "who.account",
    "contact_key": "who.contact",
    "company": "who.company",
    "email": "who.email",
}
TICKETS: Mapping[str, str] = {
    **WHO,
    "id": "id",
    "kind": "lower(type)",
    "priority": "case lower(priority) when 'normal' then 'medium' else lower(priority) end",
    "status": "status",
    "is_closed": "status in ('solved', 'closed')",
    # Without metrics the last change is the earliest moment at which it surely was solved.
    "closed_at": "case when status in ('solved', 'closed') "
    "then coalesce(metric_set.solved_at, updated_at) end",
    "satisfaction": "case satisfaction_rating.score when 'good' then 5 when 'bad' then 1 end",
    "opened_at": "created_at",
    "modified_at": "updated_at",
    "deleted": "status = 'deleted'",
}
LEGACY: Mapping[str, str] = {
    **WHO,
    "id": "'rating-' || id",
    "platform": "'zendesk'",
    "survey": "'satisfaction_ratings'",
    "kind": "'transactional'",
    "metric": "'csat'",
    "touchpoint": "'support'",
    "scale_min": "0",
    "scale_max": "1",
    "score": "case score when 'good' then 1 when 'bad' then 0 end",
    "comment": "comment",
    # A menu below a bad rating; 0 and 100 stand for no reason and for some other.
    "labels": "case when reason_code not in ('0', '100') then [reason] end",
    "asked_at": "created_at",
    "submitted_at": "updated_at",
    "modified_at": "updated_at",
}
SURVEYS: Mapping[str, str] = {
    **LEGACY,
    "id": "'survey-' || id",
    "survey": "survey.id",
    "scale_min": "1",
    "scale_max": "rating_max",
    "score": "rating",
    "submitted_at": "answered_at",
    "partial": "rating is null",
}
ASKED = ("id", "platform", "survey", "asked_at", "modified_at", *WHO)


@dataclass(slots=True)
class Source:
    """An API token and the address of the admin who made it (Admin Center → APIs), or OAuth.

    `account_field` is the key of an organization's field that holds the CRM's id of the account,
    where that is not its external id. `user` is left out when the token is one of OAuth, and
    `feedback` is false where customers are not asked, or not by Zendesk.
    """

    url: str
    token: Secret
    user: str = ""
    account_field: str = ""
    feedback: bool = True
    overlap: timedelta = timedelta(days=35)
    name: str = field(default="zendesk", init=False)
    streams: tuple[str, ...] = field(default=("tickets", "responses", "invitations"), init=False)
    sure: str = field(default="partly", init=False)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.feedback:
            self.streams = ("tickets",)
        user = f"{self.user}/token"
        where = "Admin Center → Apps and integrations → APIs"
        oauth = bearer("Zendesk", self.token, where)
        basic = Basic("Zendesk", self.token, user, made_at=where)
        self._line = Line(self.url, basic if self.user else oauth, name="Zendesk")

    def check(self) -> None:
        self._line.json("users/me.json")

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        people = People(self._line, self.account_field)
        feeds = self._tickets(since, people, progress)
        if stream != "tickets":
            feeds = self._feedback(since, people, answered=stream == "responses")
        return self._together(feeds, stream, into, progress)

    def ids(
        self, stream: str, since: datetime, into: Path, progress: Progress | None = None
    ) -> Spool | None:
        if stream == "tickets":  # deleted ones are among those that changed
            return None
        # What was answered since then was asked for before, by no more than the overlap.
        nobody = Nobody(self._line, "")
        feeds = self._feedback(since - self.overlap, nobody, answered=stream == "responses")
        return self._together(feeds, stream, into, progress)

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _together(
        self, feeds: Iterator[Feed], stream: str, into: Path, progress: Progress | None
    ) -> Spool:
        begun = sum(self._line.calls.values())
        parts = [
            fetch(self._line, [feed], stream, into / str(place), progress)
            for place, feed in enumerate(feeds)
        ]
        return replace(together(parts), calls=sum(self._line.calls.values()) - begun)

    def _tickets(
        self, since: datetime | None, people: People, progress: Progress | None
    ) -> Iterator[Feed]:
        # Exported by their last change, they need no more than a day read again.
        latest = clock(self._line, self.check) - MINUTE
        start = min(since + self.overlap - DAY, latest).timestamp() if since else 1
        yield Feed(
            TICKETS,
            "incremental/tickets/cursor.json",
            "tickets",
            {"start_time": str(int(start)), "per_page": str(PER_EXPORT), "include": "metric_sets"},
            paging=Export("cursor", "after_cursor", progress=progress),
            dress=lambda found: people.named(found, "requester_id"),
        )

    def _feedback(
        self, since: datetime | None, people: People, *, answered: bool
    ) -> Iterator[Feed]:
        """Surveys; then the ratings before the oldest of them: later ones are their shadows."""
        surveys, ratings = Dressed(people, answered), Dressed(people, answered)
        refused = 0
        if self._may(SURVEYED):
            yield surveys.feed(SURVEYED, SURVEYS, _from("filter[created_at_start]", since))
        else:
            refused += 1
        if self._may(RATINGS):
            end = {"end_time": str(surveys.oldest - 1)} if surveys.oldest else {}
            if not since or not surveys.oldest or surveys.oldest > since.timestamp():
                yield ratings.feed(RATINGS, LEGACY, {**_from("start_time", since), **end})
        elif refused:
            raise Denied(
                "Zendesk lets us read neither satisfaction ratings nor survey responses.",
                hint="Either takes a plan that asks customers, and the token of an admin; "
                "without them set `feedback = false`.",
            )

    def _may(self, path: str) -> bool:
        """Whether this account has one of the two generations."""
        answer = self._line.raw(path, {"page[size]": "1"}, allowed=WITHOUT)
        return answer.status_code < 400


@dataclass(frozen=True, slots=True)
class Export(Cursor):
    """An export ends where it says so; its cursor never does. A long one rests now and then."""

    progress: Progress | None = None

    def pages(self, ask: Ask) -> Iterator[Page]:
        for number, page in enumerate(Cursor.pages(self, ask), 1):
            yield page
            if self.progress and number % AT_ONCE == 0 and self._next(page):
                self.progress.pause(REST)

    def _next(self, page: Page) -> str:
        return "" if page.body.get("end_of_stream") else Cursor._next(self, page)


@dataclass(slots=True)
class Dressed:
    """One generation of feedback: answers that were given, or everybody who was asked."""

    people: People
    answered: bool
    oldest: int = 0

    def feed(self, path: str, columns: Mapping[str, str], query: Mapping[str, str]) -> Feed:
        """What is asked, with the columns of answers or of invitations."""
        if not self.answered:
            said = "case when given = 'true' then 'answered' else 'sent' end"
            columns = {**{name: columns[name] for name in ASKED}, "status": said}
        records = path.rpartition("/")[2].partition(".")[0]
        query = {"page[size]": str(PER_PAGE), **query}
        return Feed(columns, path, records, query, paging=PAGES, dress=self._dress)

    def _dress(self, found: Sequence[Any]) -> Sequence[Any]:
        flat = [_flat(each) for each in found]
        asked = [
            int(datetime.fromisoformat(at).timestamp())
            for one in flat
            if (at := one.get("created_at"))
        ]
        self.oldest = min([*asked, *([self.oldest] if self.oldest else [])], default=0)
        kept = [each for each in flat if (each["given"] if self.answered else each["asked"])]
        return self.people.named(kept, "responder_id")


@dataclass(slots=True)
class People:
    """Users and organizations, and what they say of the account in the CRM."""

    line: Line
    account_field: str
    users: Known = field(init=False)
    organizations: Known = field(init=False)

    def __post_init__(self) -> None:
        self.users = Known(lambda ids: self._many("users", ids))
        self.organizations = Known(lambda ids: self._many("organizations", ids))

    def named(self, found: Sequence[Any], person: str) -> list[Any]:
        """The records, each with what is known of who it comes from."""
        self.users.learn(each.get(person) for each in found)
        homes = [
            each.get("organization_id") or self.users.of(each.get(person)).get("organization_id")
            for each in found
        ]
        self.organizations.learn(homes)
        return [
            {**each, "who": self._who(self.users.of(each.get(person)), self.organizations.of(home))}
            for each, home in zip(found, homes, strict=True)
        ]

    def _who(self, user: Mapping[str, Any], home: Mapping[str, Any]) -> dict[str, Any]:
        own = (home.get("organization_fields") or {}).get(self.account_field)
        domains = home.get("domain_names") or []
        return {
            "account": own or home.get("external_id"),
            "contact": user.get("external_id"),
            "company": home.get("name"),
            # Without an address the organization's domain leads to the account as well.
            "email": user.get("email") or (f"@{domains[0]}" if domains else None),
        }

    def _many(self, kind: str, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        told = self.line.json(f"{kind}/show_many.json", {"ids": ",".join(ids)})
        return {str(each["id"]): each for each in told[kind]}


class Nobody(People):
    """Records as they are, where it does not matter whose they are."""

    def named(self, found: Sequence[Any], person: str) -> list[Any]:  # noqa: ARG002
        return list(found)


def _from(param: str, since: datetime | None) -> dict[str, str]:
    return {param: str(int(since.timestamp()))} if since else {}


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """A rating or a survey response, with whether it was asked for and given."""
    if "answers" not in record:
        score = record.get("score")
        told = {"responder_id": record.get("requester_id"), "given": score in {"good", "bad"}}
        return {**record, **told, "asked": score != "unoffered"}
    answers = record["answers"]
    rated: dict[str, Any] = next((each for each in answers if each.get("rating") is not None), {})
    said: dict[str, Any] = next((each for each in answers if each.get("type") == "open_ended"), {})
    options = (rated.get("question") or {}).get("options") or []
    moments = [each.get("created_at") for each in answers if each.get("created_at")]
    changes = [each.get("updated_at") for each in answers if each.get("updated_at")]
    given = rated or said
    return {
        **record,
        "survey": record.get("survey") or {"id": record.get("survey_id")},
        "rating": rated.get("rating"),
        "rating_max": max([each.get("rating") or 0 for each in options], default=5),
        "comment": said.get("value"),
        "answered_at": given.get("updated_at"),
        "created_at": min(moments, default=None),
        "updated_at": max(changes, default=None),
        "given": bool(given),
        "asked": True,
    }
